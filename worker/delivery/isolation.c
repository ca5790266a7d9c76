#include "worker/delivery/isolation.h"

#include <assert.h>

/* At most, to find `num_bad` records among `num` by halving: two requests for each level of each one's path. */
static uint64_t num_requests_of_halving(uint32_t num, uint32_t num_bad) {
    uint32_t num_levels = 0;
    while ((UINT64_C(1) << num_levels) < num)
        num_levels++;
    return UINT64_C(2) * num_levels * num_bad;
}

tecton_isolation tecton_isolate(tecton_record_range range, tecton_rejection rejection, uint32_t num_bad,
                                bool source_accepted) {
    if (rejection == TECTON_REJECTED_REQUEST && !source_accepted)
        return (tecton_isolation){.action = TECTON_ISOLATE_STOP};
    if (range.num <= 1)
        return (tecton_isolation){.action = TECTON_ISOLATE_RECORD};
    bool each = num_bad > 1 && num_requests_of_halving(range.num, num_bad) >= range.num;
    return (tecton_isolation){.action = TECTON_ISOLATE_SPLIT, .num_parts = each ? range.num : 2};
}

tecton_record_range tecton_isolation_part(tecton_record_range range, uint32_t num_parts, uint32_t index) {
    assert(num_parts > 0 && index < num_parts);
    uint32_t first = (uint32_t)((uint64_t)range.num * index / num_parts);
    uint32_t end = (uint32_t)((uint64_t)range.num * (index + 1) / num_parts);
    return (tecton_record_range){.first = range.first + first, .num = end - first};
}

bool tecton_isolation_begin(tecton_isolation_turns *turns) {
    if (turns->num_active == TECTON_ISOLATION_MAX_ACTIVE)
        return false;
    turns->num_active++;
    return true;
}

void tecton_isolation_end(tecton_isolation_turns *turns) {
    assert(turns->num_active > 0);
    turns->num_active--;
}
