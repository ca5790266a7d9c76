/* Stops sending to an endpoint that does not work, and tries it with one request now and then. Pure; the engine's
 * thread only.
 *
 * It opens after 5 hard failures in a row. Then one request is let through as a trial after 1 s, 2 s more, and every
 * 3 s from then on, each wait a tenth shorter to a tenth longer, so that workers do not try in step. Trials go by the
 * clock and do not wait for each other: one that hangs until its timeout delays nothing. Any sign of life closes it. */
#ifndef WORKER_DELIVERY_CIRCUIT_BREAKER_H
#define WORKER_DELIVERY_CIRCUIT_BREAKER_H

#include <stdbool.h>
#include <stdint.h>

enum {
    TECTON_BREAKER_FAILURES = 5,          /* in a row, then it opens */
    TECTON_BREAKER_WAIT_STEP_MS = 1000,   /* the n-th wait is n steps ... */
    TECTON_BREAKER_MAX_WAIT_MS = 3 * 1000 /* ... up to this */
};

/* What a request's end says about the endpoint. */
typedef enum {
    TECTON_BREAKER_ALIVE,        /* any answer but 5xx, also a refusal or 429 */
    TECTON_BREAKER_HARD_FAILURE, /* 5xx, timeout, no or a broken connection */
    TECTON_BREAKER_NOTHING       /* cancelled */
} tecton_breaker_sign;

typedef enum {
    TECTON_BREAKER_UNCHANGED,
    TECTON_BREAKER_OPENED,
    TECTON_BREAKER_CLOSED,         /* by a request from before it opened: there was no outage */
    TECTON_BREAKER_CLOSED_BY_TRIAL /* an outage is over */
} tecton_breaker_change;

/* Zero is closed. */
typedef struct {
    bool open;             /* readable, for metrics */
    uint32_t num_failures; /* in a row, while closed */
    uint32_t num_trials;   /* since it opened */
    uint64_t next_trial_ms;
} tecton_circuit_breaker;

/* tecton_circuit_breaker_due_ms: 0 when a request may be sent now, else when to ask again. While it is open, a request
 * that is sent is a trial: tell with tecton_circuit_breaker_started. */
uint64_t tecton_circuit_breaker_due_ms(const tecton_circuit_breaker *breaker, uint64_t now_ms);

/* tecton_circuit_breaker_started: a request is sent now. True when it is a trial.
 *   random   32 random bits */
bool tecton_circuit_breaker_started(tecton_circuit_breaker *breaker, uint64_t now_ms, uint32_t random);

/* tecton_circuit_breaker_finished: one for every request started. A cancelled trial lets the next one go at once. */
tecton_breaker_change tecton_circuit_breaker_finished(tecton_circuit_breaker *breaker, tecton_breaker_sign sign,
                                                      bool was_trial, uint64_t now_ms, uint32_t random);

#endif
