#include "worker/delivery/learned_rate.h"

#include "worker/delivery/retry_after.h"

static const double FIRST_STEP = 0.02;
static const double MAX_STEP = 0.25;
static const double USED_SHARE = 0.8;        /* of the rate was sent: else it is not what bounds, and need not grow */
static const double CUT_BEYOND_SHARE = 0.02; /* below what was accepted: to get below the rate, not just to it */
static const double LEAST_KEPT = 0.25;       /* by one cut: a group is a small sample */
static const double MOST_OF_SENT = 2;        /* a rate far above what is sent would take many cuts to be felt */
static const double MIN_PER_SECOND = 1;

enum {
    GROUP_ANSWERS = 100,
    GROUP_MS = 1000,
    GROWTH_ANSWERS = 20, /* at least: so few without a 429 say little */
    IGNORED_ONE_IN = 100,
    REFUSED_IN_A_ROW = 5, /* 429s: then Retry-After is obeyed for the whole endpoint */
    BURST_US = 10 * 1000  /* how much of what was not used may be caught up with */
};

uint64_t tecton_learned_rate_due_ms(const tecton_learned_rate *rate, uint64_t now_ms) {
    if (rate->paused_until_ms > now_ms)
        return rate->paused_until_ms;
    if (rate->per_second <= 0 || rate->next_us <= now_ms * 1000)
        return 0;
    return (rate->next_us + 999) / 1000;
}

void tecton_learned_rate_started(tecton_learned_rate *rate, uint64_t now_ms) {
    if (rate->per_second <= 0)
        return;
    uint64_t now_us = now_ms * 1000;
    if (rate->next_us + BURST_US < now_us)
        rate->next_us = now_us - BURST_US;
    rate->next_us += (uint64_t)(1e6 / rate->per_second);
    rate->num_sent++;
}

static void begin_group(tecton_learned_rate *rate, uint64_t now_ms) {
    rate->group_ms = now_ms;
    rate->num_sent = 0;
    rate->num_accepted = 0;
    rate->num_throttled = 0;
}

static void remember(tecton_learned_rate *rate) {
    if (rate->former <= 0)
        rate->former = rate->per_second;
}

static void change(tecton_learned_rate *rate, double per_second, uint64_t now_ms) {
    if (per_second < MIN_PER_SECOND)
        per_second = MIN_PER_SECOND;
    if (per_second > rate->per_second || rate->next_us < now_ms * 1000)
        rate->next_us = now_ms * 1000;
    rate->per_second = per_second;
    rate->step = FIRST_STEP;
    rate->refuses_all = false;
    rate->changed_ms = now_ms;
    begin_group(rate, now_ms);
}

static void cut(tecton_learned_rate *rate, uint32_t num, uint64_t elapsed_ms, uint64_t now_ms) {
    remember(rate);
    bool refuses_all = rate->num_accepted == 0;
    /* One 429 is where the rate was just passed, however few answers there are. */
    double kept = 1 - CUT_BEYOND_SHARE - (double)(rate->num_throttled - 1) / num;
    double most = MOST_OF_SENT * rate->num_sent * 1000.0 / (double)elapsed_ms;
    double from = rate->per_second < most ? rate->per_second : most;
    change(rate, from * (kept > LEAST_KEPT ? kept : LEAST_KEPT), now_ms);
    rate->refuses_all = refuses_all;
}

static void grow(tecton_learned_rate *rate, uint64_t elapsed_ms, uint64_t now_ms) {
    rate->former = 0;
    if (rate->num_throttled > 0)
        rate->step = FIRST_STEP;
    if (rate->num_sent >= USED_SHARE * rate->per_second * (double)elapsed_ms / 1000) {
        rate->per_second *= 1 + rate->step;
        rate->step = rate->step * 2 < MAX_STEP ? rate->step * 2 : MAX_STEP;
    }
    begin_group(rate, now_ms);
}

static void judge(tecton_learned_rate *rate, uint64_t now_ms) {
    uint32_t num = rate->num_accepted + rate->num_throttled;
    uint64_t elapsed_ms = now_ms - rate->group_ms;
    if (elapsed_ms == 0 || (double)elapsed_ms < 2 * rate->rtt_ms || (num < GROUP_ANSWERS && elapsed_ms < GROUP_MS))
        return;
    if (rate->num_throttled * IGNORED_ONE_IN > num)
        cut(rate, num, elapsed_ms, now_ms);
    else if (elapsed_ms >= GROUP_MS && num >= GROWTH_ANSWERS)
        grow(rate, elapsed_ms, now_ms);
}

/* Right after a change the fast answers come first, which are the 429s: nothing counts for a round trip. */
static bool counts(const tecton_learned_rate *rate, uint64_t started_ms, uint64_t now_ms) {
    return started_ms > rate->changed_ms && (double)(now_ms - rate->changed_ms) >= rate->rtt_ms;
}

void tecton_learned_rate_accepted(tecton_learned_rate *rate, uint64_t started_ms, uint64_t now_ms) {
    double rtt_ms = (double)(now_ms - started_ms);
    rate->rtt_ms = rate->rtt_ms > 0 ? rate->rtt_ms + (rtt_ms - rate->rtt_ms) / 8 : rtt_ms;
    rate->num_refused = 0;
    if (rate->per_second <= 0 || !counts(rate, started_ms, now_ms))
        return;
    if (rate->refuses_all && rate->former / 2 > rate->per_second) {
        rate->former /= 2; /* less the next time, if it was too much */
        change(rate, rate->former, now_ms);
        rate->step = MAX_STEP;
        return;
    }
    rate->num_accepted++;
    judge(rate, now_ms);
}

void tecton_learned_rate_throttled(tecton_learned_rate *rate, uint64_t started_ms, double sending_per_second,
                                   uint64_t retry_after_ms, uint64_t now_ms) {
    if (rate->per_second <= 0)
        change(rate, sending_per_second, now_ms);
    if (rate->num_refused < REFUSED_IN_A_ROW)
        rate->num_refused++;
    if (rate->num_refused == REFUSED_IN_A_ROW && retry_after_ms != TECTON_NO_RETRY_AFTER) {
        rate->paused_until_ms = now_ms + retry_after_ms;
        remember(rate);
        change(rate, MIN_PER_SECOND, now_ms);
        rate->refuses_all = true;
        return;
    }
    if (!counts(rate, started_ms, now_ms))
        return;
    rate->num_throttled++;
    judge(rate, now_ms);
}
