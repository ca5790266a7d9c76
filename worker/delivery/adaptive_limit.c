#include "worker/delivery/adaptive_limit.h"

#include <assert.h>

static const double ALPHA = 0.4;           /* weight of the newest window */
static const double DEVIATIONS = 2.5;      /* of the windows' means: beyond, clearly slower */
static const double LEAST_RISE = 0.25;     /* of the usual time: less is not clearly slower */
static const double SLOW_START_RISE = 0.5; /* of the least time: ends slow start */
static const double NOISE_US = 1000;       /* less is the machine's, not the endpoint's */
static const double QUEUING_FACTOR = 2;    /* of the least time: beyond, no growth ... */
static const double QUEUING_US = 5000;     /* ... and so much more: on loopback a queue of 5 ms costs nothing */

enum {
    MIN_ANSWERS = 8, /* of a window: the mean of fewer says little */
    THROTTLED_ONE_IN = 50,
    FAILED_ONE_IN = 10,
    FAILED_AT_LEAST = 3,
    HOLD_WINDOWS = 10,
    PERIOD_MS = 5 * 60 * 1000 /* a service that became slower for good is believed after one to two of these */
};

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

double tecton_adaptive_limit_per_second(const tecton_adaptive_limit *limit, uint64_t rtt_us) {
    double usual_us = limit->smoothed_us > 0 ? limit->smoothed_us : (double)rtt_us;
    return limit->num_in_flight * 1e6 / (usual_us > 1 ? usual_us : 1);
}

static bool in_slow_start(const tecton_adaptive_limit *limit) {
    return limit->limit < limit->slow_start_until;
}

static void grow(tecton_adaptive_limit *limit) {
    if (limit->limit < limit->ceiling)
        limit->limit++;
}

static void grow_after_window(tecton_adaptive_limit *limit) {
    if (limit->limit + 1 == limit->throttled_at && ++limit->num_held < HOLD_WINDOWS)
        return;
    limit->num_held = 0;
    if (limit->limit >= limit->throttled_at)
        limit->throttled_at = 0;
    grow(limit);
}

static void lower_to(tecton_adaptive_limit *limit, uint32_t lower, uint64_t now_ms) {
    limit->limit = lower > 1 ? lower : 1;
    limit->slow_start_until = 0;
    limit->lowered_ms = now_ms;
}

static void lower_by_a_tenth(tecton_adaptive_limit *limit, uint64_t now_ms) {
    uint32_t cut = limit->limit >= 20 ? limit->limit / 10 : 1;
    lower_to(limit, limit->limit - cut, now_ms);
}

static uint32_t num_answers(const tecton_adaptive_limit *limit) {
    return limit->num_ok + limit->num_failed + limit->num_throttled;
}

static void begin_window(tecton_adaptive_limit *limit, uint64_t now_ms) {
    limit->window_end_ms = now_ms + (uint64_t)(limit->smoothed_us / 1000);
    limit->reached = limit->num_in_flight >= limit->limit;
    limit->num_ok = 0;
    limit->num_failed = 0;
    limit->num_throttled = 0;
    limit->rtt_sum_us = 0;
}

static void smooth(tecton_adaptive_limit *limit, double mean_us, uint64_t now_ms) {
    if (limit->smoothed_us <= 0) {
        limit->smoothed_us = limit->least_us = limit->next_least_us = mean_us;
        limit->period_ms = now_ms;
        return;
    }
    double difference = mean_us - limit->smoothed_us;
    limit->smoothed_us += ALPHA * difference;
    limit->variance_us2 = (1 - ALPHA) * (limit->variance_us2 + ALPHA * difference * difference);
    if (limit->smoothed_us < limit->least_us)
        limit->least_us = limit->smoothed_us;
    if (limit->smoothed_us < limit->next_least_us)
        limit->next_least_us = limit->smoothed_us;
    if (now_ms - limit->period_ms >= PERIOD_MS) {
        limit->least_us = limit->next_least_us;
        limit->next_least_us = limit->smoothed_us;
        limit->period_ms = now_ms;
    }
}

static bool clearly_slower(const tecton_adaptive_limit *limit, double mean_us) {
    bool slow_start = in_slow_start(limit);
    double usual_us = slow_start ? limit->least_us : limit->smoothed_us;
    double rise_us = mean_us - usual_us;
    /* Single answers scatter by 0.4 of the mean or more; so the mean of n does by 0.4 / sqrt(n), and 2.5 times that
     * is 1 / sqrt(n). */
    if (rise_us < NOISE_US || rise_us * rise_us * limit->num_ok < usual_us * usual_us)
        return false;
    if (slow_start) /* there is no history yet to tell a deviation from */
        return rise_us >= SLOW_START_RISE * usual_us;
    return rise_us >= LEAST_RISE * usual_us && rise_us * rise_us >= DEVIATIONS * DEVIATIONS * limit->variance_us2;
}

static bool queuing(const tecton_adaptive_limit *limit) {
    return limit->smoothed_us > QUEUING_FACTOR * limit->least_us + QUEUING_US;
}

/* Where the limit was not reached it is not what decides, in either direction. */
static void end_window(tecton_adaptive_limit *limit, uint64_t now_ms) {
    if (limit->num_ok > 0) {
        double mean_us = (double)limit->rtt_sum_us / limit->num_ok;
        if (limit->reached && limit->smoothed_us > 0) {
            if (!clearly_slower(limit, mean_us)) {
                if (!in_slow_start(limit) && limit->num_throttled == 0 && mean_us <= limit->smoothed_us + NOISE_US &&
                    !queuing(limit))
                    grow_after_window(limit);
            } else if (in_slow_start(limit)) {
                lower_to(limit, limit->limit / 2, now_ms); /* its last doubling was too much */
            } else {
                lower_by_a_tenth(limit, now_ms);
            }
        }
        smooth(limit, mean_us, now_ms);
    }
    begin_window(limit, now_ms);
}

/* Acts at once, not at the window's end: a 429 may take a hundredth of a round trip, and the next one as little. Then
 * not again for a round trip. */
static void push_back(tecton_adaptive_limit *limit, tecton_limit_signal signal, uint64_t rtt_us, uint64_t now_ms) {
    if (limit->lowered_ms != 0 && (now_ms - rtt_us / 1000 <= limit->lowered_ms ||
                                   now_ms - limit->lowered_ms < (uint64_t)(limit->smoothed_us / 1000)))
        return;
    if (signal == TECTON_LIMIT_THROTTLED)
        limit->num_throttled++;
    else
        limit->num_failed++;
    /* Of a window's answers, as many as there will be. */
    uint32_t num = num_answers(limit) > limit->limit ? num_answers(limit) : limit->limit;
    bool throttled = limit->num_throttled * THROTTLED_ONE_IN >= num;
    bool failing = limit->num_failed >= FAILED_AT_LEAST && limit->num_failed * FAILED_ONE_IN >= num;
    if (!throttled && !failing)
        return;
    if (throttled) {
        limit->throttled_at = limit->limit;
        limit->num_held = 0;
    }
    lower_by_a_tenth(limit, now_ms);
    begin_window(limit, now_ms);
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
        if (limit->reached && in_slow_start(limit))
            grow(limit);
        break;
    case TECTON_LIMIT_THROTTLED:
    case TECTON_LIMIT_FAILED:
        push_back(limit, signal, rtt_us, now_ms);
        break;
    }
    if (now_ms >= limit->window_end_ms && num_answers(limit) >= MIN_ANSWERS)
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
