#include "worker/delivery/adaptive_limit.h"

#include <assert.h>

static const double ALPHA = 0.4;          /* weight of the newest window */
static const double DEVIATIONS = 2.5;     /* beyond the mean: clearly slower */
static const double LEAST_SHARE = 0.125;  /* of the mean, and ... */
static const double LEAST_US = 1000;      /* ... so much: less is the machine's noise, not the endpoint's */
static const uint32_t FAILED_ONE_IN = 20; /* answers: fewer failures are chance, not load */

void tecton_adaptive_limit_init(tecton_adaptive_limit *limit, uint32_t ceiling) {
    *limit = (tecton_adaptive_limit){.limit = 1, .ceiling = ceiling, .slow_start_until = UINT32_MAX};
}

bool tecton_adaptive_limit_may_start(const tecton_adaptive_limit *limit) {
    return limit->num_in_flight < limit->limit;
}

void tecton_adaptive_limit_started(tecton_adaptive_limit *limit) {
    limit->num_in_flight++;
    if (limit->num_in_flight >= limit->limit)
        limit->reached = true;
}

static void grow(tecton_adaptive_limit *limit) {
    if (limit->limit < limit->ceiling)
        limit->limit++;
}

static void lower_to(tecton_adaptive_limit *limit, uint32_t lower, uint64_t now_ms) {
    limit->limit = lower > 1 ? lower : 1;
    limit->lowered_ms = now_ms;
    limit->slow_start_until = 0;
}

static void lower(tecton_adaptive_limit *limit, uint64_t now_ms) {
    bool slow_start = limit->limit < limit->slow_start_until;
    uint32_t cut = limit->limit / 10 > 1 ? limit->limit / 10 : 1;
    /* Slow start overshoots by up to a factor of two. */
    lower_to(limit, slow_start ? limit->limit / 2 : limit->limit - cut, now_ms);
}

static void begin_window(tecton_adaptive_limit *limit, uint64_t now_ms) {
    uint64_t length_ms = (uint64_t)(limit->smoothed_us / 1000);
    limit->window_end_ms = now_ms + (length_ms > 1 ? length_ms : 1);
    limit->reached = limit->num_in_flight >= limit->limit;
    limit->num_ok = 0;
    limit->rtt_sum_us = 0;
    limit->num_failed = 0;
}

static void smooth(tecton_adaptive_limit *limit, double mean_us) {
    if (limit->smoothed_us <= 0) {
        limit->smoothed_us = mean_us;
        return;
    }
    double difference = mean_us - limit->smoothed_us;
    double step = ALPHA * difference;
    limit->smoothed_us += step;
    limit->variance_us2 = (1 - ALPHA) * (limit->variance_us2 + difference * step);
}

static bool clearly_slower(const tecton_adaptive_limit *limit, double mean_us) {
    double rise = mean_us - limit->smoothed_us;
    double least = limit->smoothed_us * LEAST_SHARE > LEAST_US ? limit->smoothed_us * LEAST_SHARE : LEAST_US;
    return rise >= least && rise * rise >= DEVIATIONS * DEVIATIONS * limit->variance_us2;
}

static void end_window(tecton_adaptive_limit *limit, uint64_t now_ms) {
    if (limit->num_ok > 0) {
        double mean_us = (double)limit->rtt_sum_us / limit->num_ok;
        bool known = limit->smoothed_us > 0;
        if (known && clearly_slower(limit, mean_us))
            lower(limit, now_ms);
        else if (limit->reached && limit->num_failed == 0 && limit->limit >= limit->slow_start_until &&
                 mean_us <= limit->smoothed_us + LEAST_US)
            grow(limit);
        smooth(limit, mean_us);
    }
    begin_window(limit, now_ms);
}

static void push_back(tecton_adaptive_limit *limit, tecton_limit_signal signal, uint64_t rtt_us, uint64_t now_ms) {
    limit->num_failed++;
    if (now_ms - rtt_us / 1000 <= limit->lowered_ms)
        return;
    if (signal == TECTON_LIMIT_FAILED &&
        (limit->num_failed < 2 || limit->num_failed * FAILED_ONE_IN < limit->num_failed + limit->num_ok))
        return;
    lower(limit, now_ms);
}

void tecton_adaptive_limit_finished(tecton_adaptive_limit *limit, tecton_limit_signal signal, uint64_t rtt_us,
                                    uint64_t now_ms) {
    assert(limit->num_in_flight > 0);
    limit->num_in_flight--;
    switch (signal) {
    case TECTON_LIMIT_NEUTRAL:
        return;
    case TECTON_LIMIT_OK:
        limit->num_ok++;
        limit->rtt_sum_us += rtt_us;
        if (limit->reached && limit->limit < limit->slow_start_until)
            grow(limit);
        break;
    case TECTON_LIMIT_THROTTLED:
    case TECTON_LIMIT_FAILED:
        push_back(limit, signal, rtt_us, now_ms);
        break;
    }
    if (now_ms >= limit->window_end_ms)
        end_window(limit, now_ms);
}

void tecton_adaptive_limit_set_ceiling(tecton_adaptive_limit *limit, uint32_t ceiling) {
    limit->ceiling = ceiling;
    if (limit->limit > ceiling)
        limit->limit = ceiling;
}

void tecton_adaptive_limit_restart_at_half(tecton_adaptive_limit *limit) {
    limit->slow_start_until = limit->limit;
    limit->limit = limit->limit > 1 ? limit->limit / 2 : 1;
}
