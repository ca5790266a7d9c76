#include "worker/delivery/retry_policy.h"

#include "worker/delivery/retry_after.h"

/* 0 .. bound, each as likely. */
static uint64_t pick(uint64_t bound, uint32_t random) {
    return (bound + 1) * random >> 32;
}

static uint64_t bound_of(uint64_t base_ms, uint32_t num_waits) {
    uint64_t bound = base_ms;
    for (uint32_t i = 0; i < num_waits && bound < TECTON_RETRY_CAP_MS; i++)
        bound *= 2;
    return bound < TECTON_RETRY_CAP_MS ? bound : TECTON_RETRY_CAP_MS;
}

void tecton_retry_began(tecton_retry_state *state, uint64_t now_ms) {
    if (state->began)
        return;
    state->began = true;
    state->first_ms = now_ms;
}

bool tecton_retry_expired(const tecton_retry_limits *limits, const tecton_retry_state *state, uint64_t now_ms) {
    return state->began && now_ms - state->first_ms >= limits->max_retry_ms;
}

tecton_retry_decision tecton_retry_next(const tecton_retry_limits *limits, tecton_retry_state *state,
                                        tecton_attempt attempt, uint64_t retry_after_ms, uint64_t now_ms,
                                        uint32_t random) {
    if (attempt == TECTON_ATTEMPT_SENT) {
        if (state->num_retries_used >= limits->max_retries)
            return (tecton_retry_decision){.give_up = true};
        state->num_retries_used++;
    }
    bool throttled = attempt == TECTON_ATTEMPT_THROTTLED;
    uint64_t bound_ms = throttled ? bound_of(TECTON_THROTTLED_BASE_MS, state->num_throttled++)
                                  : bound_of(TECTON_RETRY_BASE_MS, state->num_waits++);
    uint64_t delay_ms = pick(bound_ms, random);
    if (retry_after_ms != TECTON_NO_RETRY_AFTER && delay_ms < retry_after_ms)
        delay_ms = retry_after_ms + pick(retry_after_ms / 10, random);
    uint64_t elapsed_ms = now_ms - state->first_ms;
    if (elapsed_ms >= limits->max_retry_ms || delay_ms > limits->max_retry_ms - elapsed_ms)
        return (tecton_retry_decision){.give_up = true};
    return (tecton_retry_decision){.delay_ms = delay_ms};
}
