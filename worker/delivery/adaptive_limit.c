#include "worker/delivery/adaptive_limit.h"

#include <assert.h>
#include <math.h>

static const double ALPHA = 0.4;           /* weight of the newest window */
static const double DEVIATIONS = 2.5;      /* of the windows' means: beyond, clearly slower */
static const double LEAST_RISE = 0.25;     /* of the usual time: less is not clearly slower */
static const double SLOW_START_RISE = 1.5; /* of the least time: ends slow start */
static const double NOISE_US = 1000;       /* less is the machine's, not the endpoint's */
static const double QUEUING_FACTOR = 1.75; /* of the least time: beyond, no growth ... */
static const double QUEUING_US = 5000;     /* ... and so much more: on loopback a queue of 5 ms costs nothing */

enum {
    MIN_ANSWERS = 8,       /* of a window: the mean of fewer says little */
    WINDOWS_A_STEP = 8,    /* of growth: then it grows by one more at a time */
    THROTTLED_ONE_IN = 20, /* answers, and at least two: the endpoint pushes back, whatever was under way */
    FAILED_ONE_IN = 10,    /* answers, and at least three: likewise */
    HOLD_WINDOWS = 10,
    ACCEPTED_WINDOWS = 10,
    CEILING_WINDOWS = 3,      /* at the ceiling end slow start: the answers to its last doubling are in by then */
    PERIOD_MS = 5 * 60 * 1000 /* a service that became slower for good is believed after one to two of these */
};

void tecton_adaptive_limit_init(tecton_adaptive_limit *limit, uint32_t ceiling) {
    *limit = (tecton_adaptive_limit){.limit = 1, .ceiling = ceiling, .slow_start_until = UINT32_MAX};
}

bool tecton_adaptive_limit_may_start(const tecton_adaptive_limit *limit) {
    return limit->num_in_flight < limit->limit;
}

uint32_t tecton_adaptive_limit_started(tecton_adaptive_limit *limit, uint64_t now_ms) {
    limit->num_in_flight++;
    if (limit->num_in_flight >= limit->limit)
        limit->reached_ms = now_ms;
    return limit->num_in_flight;
}

double tecton_adaptive_limit_per_second(const tecton_adaptive_limit *limit, uint64_t rtt_us) {
    double usual_us = limit->smoothed_us > 0 ? limit->smoothed_us : (double)rtt_us;
    return limit->num_in_flight * 1e6 / (usual_us > 1 ? usual_us : 1);
}

static bool in_slow_start(const tecton_adaptive_limit *limit) {
    return limit->limit < limit->slow_start_until;
}

static void grow_by(tecton_adaptive_limit *limit, uint32_t step) {
    limit->limit = step < limit->ceiling - limit->limit ? limit->limit + step : limit->ceiling;
}

/* Just below what was too many for the last 429 it waits, then goes on step by step. */
static void grow_after_window(tecton_adaptive_limit *limit) {
    uint32_t step = 1 + limit->num_grown / WINDOWS_A_STEP;
    if (limit->throttled_at > limit->limit) {
        uint32_t room = limit->throttled_at - 1 - limit->limit;
        if (room == 0 && ++limit->num_held < HOLD_WINDOWS)
            return;
        if (room == 0) {
            limit->throttled_at = 0;
            limit->num_grown = 0;
            step = 1;
        } else if (step > room) {
            step = room;
        }
    }
    limit->num_grown++;
    grow_by(limit, step);
}

static void lower_to(tecton_adaptive_limit *limit, uint32_t lower, uint64_t now_ms) {
    limit->limit = lower > 1 ? lower : 1;
    limit->slow_start_until = 0;
    limit->num_grown = 0;
    limit->lowered_ms = now_ms;
}

static uint32_t a_tenth_less(uint32_t limit) {
    return limit - (limit >= 20 ? limit / 10 : 1);
}

static uint32_t num_answers(const tecton_adaptive_limit *limit) {
    return limit->num_ok + limit->num_failed + limit->num_throttled;
}

/* Of the window, when it ends. */
static uint32_t expected_answers(const tecton_adaptive_limit *limit) {
    uint32_t num = num_answers(limit) > limit->limit ? num_answers(limit) : limit->limit;
    return num > MIN_ANSWERS ? num : MIN_ANSWERS;
}

static void begin_window(tecton_adaptive_limit *limit, uint64_t now_ms) {
    limit->window_end_ms = now_ms + (uint64_t)(limit->smoothed_us / 1000);
    limit->reached = false;
    limit->num_ok = 0;
    limit->num_failed = 0;
    limit->num_throttled = 0;
    limit->rtt_sum_us = 0;
    if (++limit->num_windows < ACCEPTED_WINDOWS)
        return;
    limit->num_windows = 0;
    limit->most_accepted_before = limit->most_accepted;
    limit->most_accepted = 0;
}

/* The least mean of late: of this period and the one before. Single answers scatter by 0.4 of the mean or more, so the
 * mean of n by 0.4 / sqrt(n); 2.5 times that is added, or chance would decide. */
static void note_least(tecton_adaptive_limit *limit, double mean_us, uint64_t now_ms) {
    double surely_us = mean_us * (1 + 1 / sqrt(limit->num_ok));
    if (limit->least_us <= 0 || surely_us < limit->least_us)
        limit->least_us = surely_us;
    if (limit->next_least_us <= 0 || surely_us < limit->next_least_us)
        limit->next_least_us = surely_us;
    if (limit->period_ms == 0)
        limit->period_ms = now_ms;
    if (now_ms - limit->period_ms < PERIOD_MS)
        return;
    limit->least_us = limit->next_least_us;
    limit->next_least_us = 0;
    limit->period_ms = now_ms;
}

static void smooth(tecton_adaptive_limit *limit, double mean_us) {
    if (limit->smoothed_us <= 0) {
        limit->smoothed_us = mean_us;
        return;
    }
    double difference = mean_us - limit->smoothed_us;
    limit->smoothed_us += ALPHA * difference;
    limit->variance_us2 = (1 - ALPHA) * (limit->variance_us2 + ALPHA * difference * difference);
}

static bool clearly_slower(const tecton_adaptive_limit *limit, double mean_us) {
    if (in_slow_start(limit)) /* there is no history yet to tell a deviation from */
        return mean_us >= SLOW_START_RISE * limit->least_us + NOISE_US;
    double rise_us = mean_us - limit->smoothed_us;
    return rise_us >= NOISE_US && rise_us >= LEAST_RISE * limit->smoothed_us &&
           rise_us * sqrt(limit->num_ok) >= limit->smoothed_us &&
           rise_us * rise_us >= DEVIATIONS * DEVIATIONS * limit->variance_us2;
}

static bool queuing(const tecton_adaptive_limit *limit) {
    return limit->smoothed_us > QUEUING_FACTOR * limit->least_us + QUEUING_US;
}

static void end_slow_start_at_ceiling(tecton_adaptive_limit *limit) {
    if (limit->limit < limit->ceiling || ++limit->num_held < CEILING_WINDOWS)
        return;
    limit->num_held = 0;
    limit->slow_start_until = 0;
}

/* Where the limit was not reached it is not what decides, in either direction. */
static void judge_window(tecton_adaptive_limit *limit, double mean_us, uint64_t now_ms) {
    if (!limit->reached || limit->smoothed_us <= 0)
        return;
    bool slower = clearly_slower(limit, mean_us);
    if (in_slow_start(limit) && slower)
        lower_to(limit, limit->limit / 2, now_ms); /* its last doubling was too much */
    else if (in_slow_start(limit))
        end_slow_start_at_ceiling(limit);
    else if (slower)
        lower_to(limit, a_tenth_less(limit->limit), now_ms);
    else if (limit->num_throttled == 0 && mean_us <= limit->smoothed_us + NOISE_US && !queuing(limit))
        grow_after_window(limit);
}

static void end_window(tecton_adaptive_limit *limit, uint64_t now_ms) {
    if (limit->num_ok > 0) {
        double mean_us = (double)limit->rtt_sum_us / limit->num_ok;
        judge_window(limit, mean_us, now_ms);
        smooth(limit, mean_us);
        note_least(limit, mean_us, now_ms);
    }
    begin_window(limit, now_ms);
}

/* Whether what this request knows is new: it started after the limit was lowered, and a round trip has passed since. */
static bool is_news(const tecton_adaptive_limit *limit, uint64_t rtt_us, uint64_t now_ms) {
    return limit->lowered_ms == 0 || (now_ms - rtt_us / 1000 > limit->lowered_ms &&
                                      now_ms - limit->lowered_ms >= (uint64_t)(limit->smoothed_us / 1000));
}

/* Acts at once, not at the window's end: a 429 may take a hundredth of a round trip, and the next one as little. */
static void throttled(tecton_adaptive_limit *limit, uint32_t num_in_flight, uint64_t now_ms) {
    limit->num_throttled++;
    bool many = limit->num_throttled >= 2 && limit->num_throttled * THROTTLED_ONE_IN > expected_answers(limit);
    bool concurrent = num_in_flight > limit->most_accepted && num_in_flight > limit->most_accepted_before;
    if (!many && !concurrent)
        return;
    limit->throttled_at = num_in_flight < limit->limit ? num_in_flight : limit->limit;
    limit->num_held = 0;
    lower_to(limit, a_tenth_less(limit->throttled_at), now_ms);
    begin_window(limit, now_ms);
}

static void failed(tecton_adaptive_limit *limit, uint64_t now_ms) {
    limit->num_failed++;
    if (limit->num_failed < 3 || limit->num_failed * FAILED_ONE_IN < expected_answers(limit))
        return;
    lower_to(limit, a_tenth_less(limit->limit), now_ms);
    begin_window(limit, now_ms);
}

void tecton_adaptive_limit_finished(tecton_adaptive_limit *limit, tecton_limit_signal signal, uint32_t num_in_flight,
                                    uint64_t rtt_us, uint64_t now_ms) {
    bool reached;
    assert(limit->num_in_flight > 0);
    if (limit->num_in_flight >= limit->limit)
        limit->reached_ms = now_ms;
    limit->num_in_flight--;
    switch (signal) {
    case TECTON_LIMIT_NEUTRAL:
        return;
    case TECTON_LIMIT_OK:
        limit->num_ok++;
        limit->rtt_sum_us += rtt_us;
        if (num_in_flight > limit->most_accepted)
            limit->most_accepted = num_in_flight;
        /* While this one was under way. Many may end before others start. */
        reached = limit->reached_ms + (rtt_us + 999) / 1000 >= now_ms;
        limit->reached = limit->reached || reached;
        if (reached && in_slow_start(limit))
            grow_by(limit, 1);
        break;
    case TECTON_LIMIT_THROTTLED:
        if (is_news(limit, rtt_us, now_ms))
            throttled(limit, num_in_flight, now_ms);
        break;
    case TECTON_LIMIT_FAILED:
        if (is_news(limit, rtt_us, now_ms))
            failed(limit, now_ms);
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
