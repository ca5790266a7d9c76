/* beam:transform:flatten:v1 (and other nodes that hand elements on as they are) inside a plan. Runners fuse a
 * Flatten that consumes our output into our stage, with the inputs from outside left away. */
#ifndef SDK_HARNESS_BUNDLE_FLATTEN_OPERATOR_H
#define SDK_HARNESS_BUNDLE_FLATTEN_OPERATOR_H

#include "sdk_harness/bundle/operator.h"

/* beamc_flatten_new: new; borrows `output`, which is NULL when nobody reads it. */
beamc_operator *beamc_flatten_new(const char *transform_id, beamc_edge *output);

#endif
