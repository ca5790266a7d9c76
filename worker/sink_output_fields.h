/* The columns of the sink's outputs, for expansion and for the worker. They are part of the product: pipelines read
 * them.
 */
#ifndef WORKER_SINK_OUTPUT_FIELDS_H
#define WORKER_SINK_OUTPUT_FIELDS_H

#include "sdk_harness/expansion/external_transform.h"

enum { TECTON_NUM_WRITTEN_FIELDS = 6, TECTON_NUM_FAILED_FIELDS = 6 };

extern const beamc_output_field tecton_written_fields[TECTON_NUM_WRITTEN_FIELDS];
extern const beamc_output_field tecton_failed_fields[TECTON_NUM_FAILED_FIELDS];

#endif
