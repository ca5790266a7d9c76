/* The node that runs an author's DoFn. */
#ifndef SDK_HARNESS_BUNDLE_PARDO_OPERATOR_H
#define SDK_HARNESS_BUNDLE_PARDO_OPERATOR_H

#include "sdk_harness/bundle/operator.h"

/* What a plan knows of the transform. Strings and payload are borrowed for the plan's life. */
typedef struct {
    const char *transform_id;
    const char *unique_name;
    const beamc_dofn *dofn;
    const uint8_t *payload;
    size_t payload_len;
    const beamc_schema *input_schema;
    size_t num_outputs;
    const char *const *output_tags; /* sorted */
    beamc_edge *const *outputs;     /* NULL where nobody reads */
} beamc_pardo_spec;

/* beamc_pardo_new makes the node and calls the DoFn's setup. */
beamc_status beamc_pardo_new(const beamc_pardo_spec *spec, beamc_metric_registry *metrics, beamc_operator **out,
                             beamc_error *err);

#endif
