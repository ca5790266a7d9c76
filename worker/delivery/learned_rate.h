/* How many requests a second an endpoint takes, learned from its 429s. Pure; the engine's thread only.
 *
 * A bound on requests under way (adaptive_limit) cannot hold a rate: one at a time and 5 ms an answer are 200 requests
 * a second, and throttled ones are answered fastest of all. So the rate of the first 429 is noted, and from then on
 * answers are judged in groups: a second's, or the first hundred of it.
 *   more than one in a hundred 429s   the rate is cut by their share, and by 2 % more;
 *   fewer, and the rate was used      it grows by 2 %; where there were none at all, the next time by 4 %, 8 %, 16 %,
 *                                     25 %.
 * Where nothing is accepted the rate falls to one request a second, and after five 429s in a row none goes out before
 * the time that their Retry-After names; with the first that is accepted it restarts at half of what it was. Nothing is
 * learned without a 429.
 *
 * What it is worth in tests/simulation, as the share of requests that are answered 429: behind a service that takes 300
 * a second, 5 ms away, 29 % without and under 2 % with it; behind one that takes 5 a second, 93 % and 4 %. A quota that
 * is used up is asked 53 times a second without and once with it. */
#ifndef WORKER_DELIVERY_LEARNED_RATE_H
#define WORKER_DELIVERY_LEARNED_RATE_H

#include <stdbool.h>
#include <stdint.h>

/* Zero is no bound. */
typedef struct {
    double per_second;   /* readable, for metrics; 0: nothing learned, no bound */
    double former;       /* what it was before the last cuts; 0: none since it grew */
    double step;         /* the next growth */
    double rtt_ms;       /* of accepted requests, smoothed */
    uint64_t next_us;    /* when all that was sent is paid for */
    uint64_t changed_ms; /* what was sent until then says nothing of the rate */
    uint64_t paused_until_ms;
    bool refuses_all;     /* nothing was accepted of the group before */
    uint32_t num_refused; /* 429s in a row */

    /* The group. */
    uint64_t group_ms; /* when it began */
    uint32_t num_sent;
    uint32_t num_accepted; /* answers */
    uint32_t num_throttled;
} tecton_learned_rate;

/* tecton_learned_rate_due_ms: 0 when a request may be sent now, else when to ask again. */
uint64_t tecton_learned_rate_due_ms(const tecton_learned_rate *rate, uint64_t now_ms);

/* tecton_learned_rate_started: a request is sent now. */
void tecton_learned_rate_started(tecton_learned_rate *rate, uint64_t now_ms);

/* tecton_learned_rate_accepted: a request that was sent at `started_ms` was answered, and not with 429. */
void tecton_learned_rate_accepted(tecton_learned_rate *rate, uint64_t started_ms, uint64_t now_ms);

/* tecton_learned_rate_throttled: 429.
 *   sending_per_second   requests that go out now, see tecton_adaptive_limit_per_second
 *   retry_after_ms       TECTON_NO_RETRY_AFTER when the answer had none */
void tecton_learned_rate_throttled(tecton_learned_rate *rate, uint64_t started_ms, double sending_per_second,
                                   uint64_t retry_after_ms, uint64_t now_ms);

#endif
