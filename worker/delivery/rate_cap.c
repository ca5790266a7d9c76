#include "worker/delivery/rate_cap.h"

#define NS_A_MS UINT64_C(1000000)

void tecton_rate_cap_join(tecton_rate_cap *cap, uint64_t records_per_second) {
    if (records_per_second != 0 && (cap->records_per_second == 0 || records_per_second < cap->records_per_second))
        cap->records_per_second = records_per_second;
}

/* 1 .. 4 quarters of the cap, in thousandths of a record a second. */
static uint64_t millirecords_per_second(const tecton_rate_cap *cap, uint64_t now_ms) {
    uint64_t elapsed_ms = cap->ramping ? now_ms - cap->ramp_start_ms : 0;
    if (elapsed_ms > TECTON_RATE_CAP_RAMP_MS)
        elapsed_ms = TECTON_RATE_CAP_RAMP_MS;
    uint64_t share = 250 + 750 * elapsed_ms / TECTON_RATE_CAP_RAMP_MS;
    return cap->records_per_second * share;
}

uint64_t tecton_rate_cap_now(const tecton_rate_cap *cap, uint64_t now_ms) {
    return (millirecords_per_second(cap, now_ms) + 999) / 1000;
}

uint64_t tecton_rate_cap_due_ms(const tecton_rate_cap *cap, uint64_t now_ms) {
    if (cap->records_per_second == 0 || cap->next_ns <= now_ms * NS_A_MS)
        return 0;
    return (cap->next_ns + NS_A_MS - 1) / NS_A_MS;
}

void tecton_rate_cap_take(tecton_rate_cap *cap, uint32_t num_records, uint64_t now_ms) {
    if (cap->records_per_second == 0)
        return;
    if (!cap->ramping) {
        cap->ramping = true;
        cap->ramp_start_ms = now_ms;
    }
    uint64_t unused_ms = now_ms - cap->ramp_start_ms;
    if (unused_ms > TECTON_RATE_CAP_BURST_MS)
        unused_ms = TECTON_RATE_CAP_BURST_MS;
    uint64_t earliest_ns = (now_ms - unused_ms) * NS_A_MS;
    if (cap->next_ns < earliest_ns)
        cap->next_ns = earliest_ns;
    cap->next_ns += (uint64_t)(num_records * 1e12 / (double)millirecords_per_second(cap, now_ms));
}
