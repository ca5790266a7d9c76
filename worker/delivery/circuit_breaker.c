#include "worker/delivery/circuit_breaker.h"

/* The next wait, with its jitter. */
static uint64_t wait_ms(const tecton_circuit_breaker *breaker, uint32_t random) {
    uint64_t wait = (uint64_t)TECTON_BREAKER_WAIT_STEP_MS * (breaker->num_trials + 1);
    if (wait > TECTON_BREAKER_MAX_WAIT_MS)
        wait = TECTON_BREAKER_MAX_WAIT_MS;
    return wait - wait / 10 + (wait / 5 * random >> 32);
}

uint64_t tecton_circuit_breaker_due_ms(const tecton_circuit_breaker *breaker, uint64_t now_ms) {
    return !breaker->open || breaker->next_trial_ms <= now_ms ? 0 : breaker->next_trial_ms;
}

bool tecton_circuit_breaker_started(tecton_circuit_breaker *breaker, uint64_t now_ms, uint32_t random) {
    if (!breaker->open)
        return false;
    if (breaker->num_trials < TECTON_BREAKER_MAX_WAIT_MS / TECTON_BREAKER_WAIT_STEP_MS) /* more change nothing */
        breaker->num_trials++;
    breaker->next_trial_ms = now_ms + wait_ms(breaker, random);
    return true;
}

tecton_breaker_change tecton_circuit_breaker_finished(tecton_circuit_breaker *breaker, tecton_breaker_sign sign,
                                                      bool was_trial, uint64_t now_ms, uint32_t random) {
    switch (sign) {
    case TECTON_BREAKER_NOTHING:
        if (was_trial && breaker->open)
            breaker->next_trial_ms = now_ms;
        return TECTON_BREAKER_UNCHANGED;
    case TECTON_BREAKER_ALIVE: {
        bool was_open = breaker->open;
        *breaker = (tecton_circuit_breaker){0};
        if (!was_open)
            return TECTON_BREAKER_UNCHANGED;
        return was_trial ? TECTON_BREAKER_CLOSED_BY_TRIAL : TECTON_BREAKER_CLOSED;
    }
    case TECTON_BREAKER_HARD_FAILURE:
        break;
    }
    if (breaker->open || ++breaker->num_failures < TECTON_BREAKER_FAILURES)
        return TECTON_BREAKER_UNCHANGED;
    breaker->open = true;
    breaker->num_trials = 0;
    breaker->next_trial_ms = now_ms + wait_ms(breaker, random);
    return TECTON_BREAKER_OPENED;
}
