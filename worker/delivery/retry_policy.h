/* Whether and when a request that did not succeed is sent again. Pure.
 *
 * Full jitter (a random wait up to a bound that doubles) spreads callers best; source: "Exponential Backoff And
 * Jitter", AWS Architecture Blog, and the AWS SDKs' retry behaviour for the bounds. */
#ifndef WORKER_DELIVERY_RETRY_POLICY_H
#define WORKER_DELIVERY_RETRY_POLICY_H

#include <stdbool.h>
#include <stdint.h>

enum { TECTON_RETRY_BASE_MS = 50, TECTON_THROTTLED_BASE_MS = 1000, TECTON_RETRY_CAP_MS = 20 * 1000 };

typedef enum {
    TECTON_ATTEMPT_SENT,     /* sent, and it failed or its end is unknown: uses up max_retries */
    TECTON_ATTEMPT_NOT_SENT, /* no connection: waits without using it up */
    TECTON_ATTEMPT_THROTTLED /* the service asks to wait: likewise */
} tecton_attempt;

typedef struct {
    uint32_t max_retries;
    uint64_t max_retry_ms; /* from the first attempt; no attempt starts later */
} tecton_retry_limits;

/* One request's history; zero before its first attempt. */
typedef struct {
    bool began;        /* tecton_retry_began was called */
    uint64_t first_ms; /* then */
    uint32_t num_retries_used;
    uint32_t num_waits;     /* after attempts that failed or were not sent: the exponent of the bound */
    uint32_t num_throttled; /* likewise, after attempts that were throttled */
} tecton_retry_state;

/* tecton_retry_began starts the time that max_retry_ms bounds, once: when the first attempt starts, or when the gate
 * holds the first attempt back because the endpoint does not work or throttles. */
void tecton_retry_began(tecton_retry_state *state, uint64_t now_ms);

/* tecton_retry_expired: no further attempt may start. For a request that is held back. */
bool tecton_retry_expired(const tecton_retry_limits *limits, const tecton_retry_state *state, uint64_t now_ms);

typedef struct {
    bool give_up;
    uint64_t delay_ms;
} tecton_retry_decision;

/* tecton_retry_next decides after a failed attempt and updates `state`.
 *   retry_after_ms   what the service asked for, or TECTON_NO_RETRY_AFTER; it is a least delay, and adds up to a tenth
 *   random           32 random bits */
tecton_retry_decision tecton_retry_next(const tecton_retry_limits *limits, tecton_retry_state *state,
                                        tecton_attempt attempt, uint64_t retry_after_ms, uint64_t now_ms,
                                        uint32_t random);

#endif
