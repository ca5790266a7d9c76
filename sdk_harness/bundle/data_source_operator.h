/* The node where elements enter a plan: takes runs of bytes from the data stream and decodes them one by one. */
#ifndef SDK_HARNESS_BUNDLE_DATA_SOURCE_OPERATOR_H
#define SDK_HARNESS_BUNDLE_DATA_SOURCE_OPERATOR_H

#include "sdk_harness/bundle/bundle_split.h"
#include "sdk_harness/bundle/operator.h"
#include "sdk_harness/coders/coder_registry.h"

/* beamc_data_source_new: new; takes `coder` (its schema must not be NULL), borrows `output`.
 *   url   address of the data stream */
beamc_operator *beamc_data_source_new(const char *transform_id, const char *url, beamc_edge_coder *coder,
                                      beamc_edge *output, beamc_metric_registry *metrics);

typedef enum {
    BEAMC_SOURCE_MORE,  /* the budget is used up, there may be more */
    BEAMC_SOURCE_EMPTY, /* nothing here now; the bundle is woken when something comes */
    BEAMC_SOURCE_AGAIN, /* a consumer cannot take the element now */
    BEAMC_SOURCE_ENDED,
    BEAMC_SOURCE_FAILED
} beamc_source_result;

/* beamc_data_source_pump decodes and delivers at most `max_elements`. */
beamc_source_result beamc_data_source_pump(beamc_operator *op, beamc_run *run, unsigned max_elements, beamc_error *err);

const char *beamc_data_source_url(const beamc_operator *op);

/* beamc_data_source_split gives the end of the running bundle's input back, as far as it has not been begun. False:
 * nothing was changed, or no bundle runs. Any thread, while the plan is held. */
bool beamc_data_source_split(beamc_operator *op, const beamc_split_wish *wish, beamc_split_result *out);

#endif
