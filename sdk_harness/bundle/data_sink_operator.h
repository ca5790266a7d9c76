/* The node where elements leave a plan towards the runner: encodes them and sends chunks on the data stream. */
#ifndef SDK_HARNESS_BUNDLE_DATA_SINK_OPERATOR_H
#define SDK_HARNESS_BUNDLE_DATA_SINK_OPERATOR_H

#include "sdk_harness/bundle/operator.h"
#include "sdk_harness/coders/coder_registry.h"

/* beamc_data_sink_new: new; takes `coder`, whose schema must not be NULL. */
beamc_operator *beamc_data_sink_new(const char *transform_id, const char *url, beamc_edge_coder *coder,
                                    beamc_metric_registry *metrics);

#endif
