/* How many requests a second an endpoint takes, learned from its 429s. Pure; the engine's thread only.
 *
 * A bound on requests under way (adaptive_limit) cannot hold a rate: one request at a time and 5 ms an answer are 200
 * requests a second, and throttled ones are answered fastest of all. So the rate of the first 429 is noted, and from
 * then on answers are judged in groups: a hundred, or a second's.
 *   more than one in a hundred 429s   the rate is cut by their share, and 2 % more;
 *   fewer                             it stays;
 *   none for a second, and it was used to four fifths   it grows by 2 %, the next time by 4 %, 8 %, 16 %, 25 %.
 * Where nothing at all is accepted, one request a second goes out, none before the time that Retry-After names; with
 * the first that is accepted the rate restarts at half of what it was. Nothing is learned without a 429.
 *
 * In the simulation, behind a service that takes 300 requests a second: without this up to 94 % of the requests sent
 * are answered 429, with it less than 1 %, and 98 % or more of the 300 are used. */
#ifndef WORKER_DELIVERY_LEARNED_RATE_H
#define WORKER_DELIVERY_LEARNED_RATE_H

#include <stdbool.h>
#include <stdint.h>

/* Zero is no bound. */
typedef struct {
    double per_second;   /* readable, for metrics; 0: nothing learned, no bound */
    double former;       /* what it was when the endpoint began to accept nothing; 0: it accepts */
    double step;         /* the next growth */
    double rtt_ms;       /* of accepted requests, smoothed */
    uint64_t next_us;    /* when all that was sent is paid for */
    uint64_t changed_ms; /* what was sent until then says nothing of the rate */
    uint64_t paused_until_ms;
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
