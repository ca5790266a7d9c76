/* How many requests a second an endpoint takes, learned from its 429s. Pure; the engine's thread only.
 *
 * A bound on requests under way (adaptive_limit) cannot hold a rate where answers are fast: one request at a time and
 * 5 ms an answer are 200 requests a second. When a service throttles, what it still accepts is its rate: that is
 * measured, and from then on slightly less is sent. While the rate is what holds requests back and nobody throttles,
 * it grows again, each second by twice the step of the second before. Nothing is learned without a 429. */
#ifndef WORKER_DELIVERY_LEARNED_RATE_H
#define WORKER_DELIVERY_LEARNED_RATE_H

#include <stdbool.h>
#include <stdint.h>

enum {
    TECTON_RATE_SLOT_MS = 100, /* accepted requests are counted in slots ... */
    TECTON_RATE_SLOTS = 10     /* ... of the last second */
};

/* Zero is no bound. */
typedef struct {
    double per_second; /* readable, for metrics; 0: nothing learned, no bound */
    double step;       /* growth of the current second */
    uint64_t step_ms;  /* when that second began */
    bool held_back;    /* in that second, a request waited for the rate */
    uint64_t next_us;  /* when all that was sent is paid for */
    uint64_t lowered_ms;
    uint64_t paused_until_ms; /* the service accepted nothing, and said for how long */

    bool counting; /* something was accepted */
    uint64_t first_ms;
    uint64_t slot; /* the newest: time in slots */
    uint32_t num_accepted[TECTON_RATE_SLOTS];
} tecton_learned_rate;

/* tecton_learned_rate_due_ms: 0 when a request may be sent now, else when to ask again. */
uint64_t tecton_learned_rate_due_ms(tecton_learned_rate *rate, uint64_t now_ms);

/* tecton_learned_rate_started: a request is sent now. */
void tecton_learned_rate_started(tecton_learned_rate *rate, uint64_t now_ms);

/* tecton_learned_rate_accepted: a request was answered, and not with 429. */
void tecton_learned_rate_accepted(tecton_learned_rate *rate, uint64_t now_ms);

/* tecton_learned_rate_throttled: 429.
 *   started_ms       when that request was sent
 *   retry_after_ms   TECTON_NO_RETRY_AFTER when the answer had none */
void tecton_learned_rate_throttled(tecton_learned_rate *rate, uint64_t started_ms, uint64_t retry_after_ms,
                                   uint64_t now_ms);

#endif
