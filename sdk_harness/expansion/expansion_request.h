/* What an SDK asks for: which transform, with which configuration, on which input.
 *
 * Accepts the SchemaTransform payload (Python, YAML) and the ExternalConfigurationPayload under a transform's
 * own URN (Go, Java). */
#ifndef SDK_HARNESS_EXPANSION_EXPANSION_REQUEST_H
#define SDK_HARNESS_EXPANSION_EXPANSION_REQUEST_H

#include "protos/expansion_api.pb-c.h"
#include "sdk_harness/base/arena.h"
#include "sdk_harness/expansion/external_transform.h"

typedef struct {
    const beamc_external_transform *transform; /* borrowed from the service's table */
    beamc_schema *config_schema;
    beamc_value *config; /* in arena */
    beamc_arena arena;
    void *payload; /* the unpacked payload that config borrows from */
    bool payload_is_schema_transform;
    const char *input_tag;          /* borrowed from the message */
    const char *input_id;           /* borrowed */
    const Beam__PCollection *input; /* borrowed */
    beamc_schema *input_schema;     /* of the input's rows */
    Beam__Schema *input_schema_message;
    bool dataflow;
} beamc_parsed_request;

/* beamc_expansion_request_parse: `message` is borrowed until cleanup. The error's first line is for the user. */
beamc_status beamc_expansion_request_parse(const Beam__ExpansionRequest *message,
                                           const beamc_external_transform *transforms, size_t num_transforms,
                                           beamc_parsed_request *out, beamc_error *err);
void beamc_parsed_request_cleanup(beamc_parsed_request *request);

#endif
