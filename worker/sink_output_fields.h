/* The columns of the sink's outputs, for expansion and for the worker. They are part of the product: pipelines read
 * them.
 */
#ifndef WORKER_SINK_OUTPUT_FIELDS_H
#define WORKER_SINK_OUTPUT_FIELDS_H

#include "sdk_harness/expansion/external_transform.h"

enum { TECTON_NUM_WRITTEN_FIELDS = 6, TECTON_NUM_FAILED_FIELDS = 6 };

/* The id that Go's SDK gives the type tectonio.Written (callers/go), so that Go steps which take that type find it:
 * FNV-1a, 128 bits, of "tectonio.Written" with the version and variant bits of a UUID v4. Source: getUUID in
 * sdks/go/pkg/beam/core/runtime/graphx/schema/schema.go. When the fields change, the type and so the id must too. */
#define TECTON_WRITTEN_SCHEMA_ID "3e4db4b0-d6cd-4e07-a72e-789c5692f855"

extern const beamc_output_field tecton_written_fields[TECTON_NUM_WRITTEN_FIELDS];
extern const beamc_output_field tecton_failed_fields[TECTON_NUM_FAILED_FIELDS];

#endif
