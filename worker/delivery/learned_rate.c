#include "worker/delivery/learned_rate.h"

#include "worker/delivery/retry_after.h"

#include <string.h>

static const double SENT_OF_MEASURED = 0.97; /* of what was accepted: room for what a measurement of 1 s misses */
static const double FIRST_STEP = 0.02;
static const double MAX_STEP = 0.5;
static const double MIN_PER_SECOND = 1.0;

enum { STEP_MS = 1000, BURST_US = 10 * 1000 /* of what was not used, may be caught up with */ };

/* Forgets the slots that are older than a second. */
static void move_to(tecton_learned_rate *rate, uint64_t now_ms) {
    uint64_t slot = now_ms / TECTON_RATE_SLOT_MS;
    if (slot >= rate->slot + TECTON_RATE_SLOTS) {
        memset(rate->num_accepted, 0, sizeof rate->num_accepted);
        rate->slot = slot;
    }
    while (rate->slot < slot)
        rate->num_accepted[++rate->slot % TECTON_RATE_SLOTS] = 0;
}

/* Requests a second that were accepted lately. */
static double measured(tecton_learned_rate *rate, uint64_t now_ms) {
    move_to(rate, now_ms);
    uint32_t num_accepted = 0;
    for (uint32_t i = 0; i < TECTON_RATE_SLOTS; i++)
        num_accepted += rate->num_accepted[i];
    uint64_t oldest_ms = (rate->slot + 1) * TECTON_RATE_SLOT_MS - TECTON_RATE_SLOTS * TECTON_RATE_SLOT_MS;
    if (rate->counting && rate->first_ms > oldest_ms)
        oldest_ms = rate->first_ms;
    uint64_t span_ms = now_ms - oldest_ms;
    if (span_ms < TECTON_RATE_SLOT_MS)
        span_ms = TECTON_RATE_SLOT_MS;
    return num_accepted * 1000.0 / (double)span_ms;
}

uint64_t tecton_learned_rate_due_ms(tecton_learned_rate *rate, uint64_t now_ms) {
    if (rate->paused_until_ms > now_ms)
        return rate->paused_until_ms;
    if (rate->per_second <= 0 || rate->next_us <= now_ms * 1000)
        return 0;
    rate->held_back = true;
    return (rate->next_us + 999) / 1000;
}

static void grow(tecton_learned_rate *rate, uint64_t now_ms) {
    if (now_ms - rate->step_ms < STEP_MS)
        return;
    if (rate->held_back) {
        rate->per_second *= 1 + rate->step;
        rate->step = rate->step * 2 < MAX_STEP ? rate->step * 2 : MAX_STEP;
    }
    rate->held_back = false;
    rate->step_ms = now_ms;
}

void tecton_learned_rate_started(tecton_learned_rate *rate, uint64_t now_ms) {
    if (rate->per_second <= 0)
        return;
    grow(rate, now_ms);
    uint64_t now_us = now_ms * 1000;
    if (rate->next_us + BURST_US < now_us)
        rate->next_us = now_us - BURST_US;
    rate->next_us += (uint64_t)(1e6 / rate->per_second);
}

void tecton_learned_rate_accepted(tecton_learned_rate *rate, uint64_t now_ms) {
    if (!rate->counting) {
        rate->counting = true;
        rate->first_ms = now_ms;
    }
    move_to(rate, now_ms);
    rate->num_accepted[rate->slot % TECTON_RATE_SLOTS]++;
}

void tecton_learned_rate_throttled(tecton_learned_rate *rate, uint64_t started_ms, uint64_t retry_after_ms,
                                   uint64_t now_ms) {
    double accepted = measured(rate, now_ms);
    if (accepted <= 0 && retry_after_ms != TECTON_NO_RETRY_AFTER && now_ms + retry_after_ms > rate->paused_until_ms)
        rate->paused_until_ms = now_ms + retry_after_ms;
    /* What was sent before the rate was lowered says nothing of the lower one. */
    if (rate->per_second > 0 && started_ms <= rate->lowered_ms)
        return;
    if (rate->per_second > 0 && rate->per_second < accepted)
        accepted = rate->per_second;
    double lower = accepted * SENT_OF_MEASURED;
    rate->per_second = lower > MIN_PER_SECOND ? lower : MIN_PER_SECOND;
    rate->step = FIRST_STEP;
    rate->step_ms = now_ms;
    rate->held_back = false;
    rate->lowered_ms = now_ms;
    if (rate->next_us < now_ms * 1000)
        rate->next_us = now_ms * 1000;
}
