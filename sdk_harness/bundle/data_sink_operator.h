/* The node where elements leave a plan towards the runner: encodes them and sends chunks on the data stream. */
#ifndef SDK_HARNESS_BUNDLE_DATA_SINK_OPERATOR_H
#define SDK_HARNESS_BUNDLE_DATA_SINK_OPERATOR_H

#include "sdk_harness/bundle/operator.h"
#include "sdk_harness/coders/coder_registry.h"
#include "sdk_harness/data_plane/embedded_elements.h"

/* beamc_data_sink_new: new; takes `coder`, whose schema must not be NULL. */
beamc_operator *beamc_data_sink_new(const char *transform_id, const char *url, beamc_edge_coder *coder,
                                    beamc_metric_registry *metrics);

/* With run->holds_output a sink's finish sends nothing; then one of these does what is left, for all sinks the same. */

/* beamc_data_sink_held: bytes not sent yet. `*has_sent`: true when something of the bundle was; else not written. */
size_t beamc_data_sink_held(const beamc_operator *op, bool *has_sent);
beamc_status beamc_data_sink_send(beamc_operator *op, beamc_run *run, beamc_error *err);
void beamc_data_sink_embed(beamc_operator *op, const beamc_run *run, Beam__Elements *elements);

#endif
