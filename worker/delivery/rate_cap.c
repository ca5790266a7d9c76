#include "worker/delivery/rate_cap.h"

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
    if (cap->records_per_second == 0 || cap->next_us <= now_ms * 1000)
        return 0;
    return (cap->next_us + 999) / 1000;
}

void tecton_rate_cap_take(tecton_rate_cap *cap, uint32_t num_records, uint64_t now_ms) {
    if (cap->records_per_second == 0)
        return;
    if (!cap->ramping) {
        cap->ramping = true;
        cap->ramp_start_ms = now_ms;
        cap->next_us = now_ms * 1000;
    }
    uint64_t burst_ms = now_ms - cap->ramp_start_ms;
    if (burst_ms > TECTON_RATE_CAP_BURST_MS)
        burst_ms = TECTON_RATE_CAP_BURST_MS;
    uint64_t earliest_us = (now_ms - burst_ms) * 1000;
    if (cap->next_us < earliest_us)
        cap->next_us = earliest_us;
    cap->next_us += num_records * UINT64_C(1000000000) / millirecords_per_second(cap, now_ms);
}
