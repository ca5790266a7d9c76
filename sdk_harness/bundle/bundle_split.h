/* Where to cut a bundle's input when the runner asks for its rest back. Pure; any thread.
 *
 * The rule of the Go and Python harnesses for elements that cannot be split themselves (datasource.go,
 * bundle_processor.py of Beam 2.77). Source of the request: ProcessBundleSplitRequest.DesiredSplit. */
#ifndef SDK_HARNESS_BUNDLE_BUNDLE_SPLIT_H
#define SDK_HARNESS_BUNDLE_BUNDLE_SPLIT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What the runner wants. */
typedef struct {
    double fraction;            /* of the remainder that is kept; below 0 counts as 0, above 1 as 1 */
    int64_t estimated_elements; /* of the whole input; 0 or less: not known */
    const int64_t *allowed;     /* elements that may be the first residual, in any order; borrowed */
    size_t num_allowed;         /* 0: all are allowed */
} beamc_split_wish;

/* What the bundle keeps and gives back: elements are counted from 0. */
typedef struct {
    int64_t last_primary;
    int64_t first_residual;
} beamc_split_result;

/* beamc_split_decide: false when there is no cut after the current element and before the end.
 *   index   the element that is processed, or was last; -1 before the first one
 *   stop    the first element that is not the bundle's any more; INT64_MAX before any split */
bool beamc_split_decide(int64_t index, int64_t stop, const beamc_split_wish *wish, beamc_split_result *out);

#endif
