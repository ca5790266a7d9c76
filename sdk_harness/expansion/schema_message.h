/* Schema messages that we make ourselves: of a transform's options and of its outputs.
 *
 * Each gets an id derived from its content, unless its author names one, because SDKs keep process-wide registries of
 * types by id: the same fields must always have the same id, and different fields never. Messages are owned by the
 * caller; free with beam__schema__free_unpacked(schema, NULL). */
#ifndef SDK_HARNESS_EXPANSION_SCHEMA_MESSAGE_H
#define SDK_HARNESS_EXPANSION_SCHEMA_MESSAGE_H

#include "protos/schema.pb-c.h"
#include "sdk_harness/expansion/external_transform.h"

/* beamc_schema_of_options: optional fields are nullable; nested options become nested rows. */
Beam__Schema *beamc_schema_of_options(const beamc_option_field *options, size_t num_options);

/* beamc_schema_of_output: a field of kind ROW without a schema of its own holds `input_schema`, copied as it
 * is, with its id and encoding positions. */
Beam__Schema *beamc_schema_of_output(const beamc_expand_output *output, const Beam__Schema *input_schema);

#endif
