#include "sdk_harness/bundle/bundle_split.h"

/* A single element tells nothing of how far it is: half is as good a guess as any. */
#define STARTED_PROGRESS 0.5

static double limited_fraction(double fraction) {
    if (!(fraction > 0)) /* NaN too */
        return 0;
    return fraction < 1 ? fraction : 1;
}

/* The allowed point nearest to `wanted`; of two that are equally near the later one, as Python takes it. A point that
 * lies behind `index` already counts only when there is no other. */
static int64_t nearest_allowed(const beamc_split_wish *wish, int64_t index, int64_t wanted) {
    int64_t before = INT64_MIN;
    int64_t after = INT64_MAX;
    bool has_before = false;
    bool has_after = false;
    for (size_t i = 0; i < wish->num_allowed; i++) {
        int64_t point = wish->allowed[i];
        if (point <= wanted && point > index && (!has_before || point > before)) {
            before = point;
            has_before = true;
        }
        if (point >= wanted && (!has_after || point < after)) {
            after = point;
            has_after = true;
        }
    }
    if (!has_before)
        return after; /* INT64_MAX, past every end, when no point is left */
    return has_after && after - wanted <= wanted - before ? after : before;
}

bool beamc_split_decide(int64_t index, int64_t stop, const beamc_split_wish *wish, beamc_split_result *out) {
    double progress = index < 0 ? 0 : STARTED_PROGRESS;
    if (index < 0)
        index = 0; /* the first element is always kept: a bundle of nothing is no use to anybody */
    if (index >= stop)
        return false;
    int64_t total = wish->estimated_elements > index + 1 ? wish->estimated_elements : index + 1;
    if (total > stop)
        total = stop;
    double keep = ((double)(total - index) - progress) * limited_fraction(wish->fraction);
    /* Past 2^53 doubles are no longer whole elements, and no bundle is so long. */
    double kept = progress + keep + 0.5;
    int64_t after_index = kept < 9007199254740992.0 ? (int64_t)kept : INT64_C(9007199254740992);
    if (after_index < 1)
        after_index = 1;
    int64_t new_stop = after_index < stop - index ? index + after_index : stop;
    if (wish->num_allowed > 0)
        new_stop = nearest_allowed(wish, index, new_stop);
    if (new_stop <= index || new_stop >= stop)
        return false;
    *out = (beamc_split_result){.last_primary = new_stop - 1, .first_residual = new_stop};
    return true;
}
