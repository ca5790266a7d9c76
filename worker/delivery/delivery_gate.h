/* Whether a request may be sent now, and what its end teaches: the one place that asks and tells all other decisions.
 * Pure; the engine's thread only.
 *
 * Asked in this order: fatal verdict, circuit breaker, retry budget, rate cap, learned rate, limit. */
#ifndef WORKER_DELIVERY_DELIVERY_GATE_H
#define WORKER_DELIVERY_DELIVERY_GATE_H

#include "worker/delivery/adaptive_limit.h"
#include "worker/delivery/circuit_breaker.h"
#include "worker/delivery/fatal_verdicts.h"
#include "worker/delivery/learned_rate.h"
#include "worker/delivery/rate_cap.h"
#include "worker/delivery/retry_budget.h"

#include <stdbool.h>
#include <stdint.h>

/* One endpoint. */
typedef struct {
    tecton_circuit_breaker breaker;
    tecton_retry_budget budget;
    tecton_rate_cap rate_cap; /* tecton_rate_cap_join for each transform */
    tecton_learned_rate learned_rate;
    tecton_adaptive_limit limit; /* tecton_adaptive_limit_set_ceiling for each transform */
} tecton_delivery_gate;

/* tecton_delivery_gate_init: `max_in_flight` at least 1; no rate cap. */
void tecton_delivery_gate_init(tecton_delivery_gate *gate, uint32_t max_in_flight);

typedef enum {
    TECTON_TRY_FIRST,
    TECTON_TRY_AFTER_FAILURE, /* was sent, and failed */
    TECTON_TRY_AFTER_TIMEOUT, /* was sent, and not answered in time */
    TECTON_TRY_AFTER_WAIT     /* was throttled, or not sent: needs no budget */
} tecton_try;

typedef enum {
    TECTON_GATE_SEND,          /* send it, and tell its end with `ticket` */
    TECTON_GATE_LATER,         /* this request must wait until `until_ms`; others may be asked for */
    TECTON_GATE_ALL_LATER,     /* no request to this endpoint may start before `until_ms` */
    TECTON_GATE_WAIT_FOR_SLOT, /* no request to this endpoint may start before one has finished */
    TECTON_GATE_FAIL           /* it fails with `text`, unsent, and so do others of the same verdicts */
} tecton_gate_action;

/* What holds it back. Waiting for the first three counts for max_retry_seconds, for the others not: those are how a
 * working endpoint is used. */
typedef enum {
    TECTON_HELD_BY_NOTHING,
    TECTON_HELD_BY_BREAKER,
    TECTON_HELD_BY_BUDGET,
    TECTON_HELD_BY_THROTTLING, /* the learned rate */
    TECTON_HELD_BY_RATE_CAP,
    TECTON_HELD_BY_LIMIT
} tecton_gate_hold;

/* What one sent request has reserved. The request keeps it until its end. */
typedef struct {
    uint64_t started_ms;
    uint32_t num_in_flight; /* when it started, itself included */
    uint32_t retry_cost;
    bool is_trial; /* of the breaker */
    bool is_probe; /* of the fatal verdicts */
} tecton_gate_ticket;

typedef struct {
    tecton_gate_action action;
    tecton_gate_hold hold;
    uint64_t until_ms;         /* LATER and ALL_LATER: ask again then */
    const char *text;          /* FAIL: borrowed from the verdicts, until they are told of another end */
    tecton_gate_ticket ticket; /* SEND */
} tecton_gate_answer;

/* tecton_delivery_gate_ask: SEND reserves everything: end it with tecton_delivery_gate_finished. A time to wait until
 * holds only until the next end is told: a trial's success opens the gate at once, so ask again after each.
 *   verdicts      of the request's destination
 *   num_records   in the request
 *   random        32 random bits */
tecton_gate_answer tecton_delivery_gate_ask(tecton_delivery_gate *gate, tecton_fatal_verdicts *verdicts,
                                            tecton_try kind, uint32_t num_records, uint64_t now_ms, uint32_t random);

/* How one sent request ended. */
typedef enum {
    TECTON_END_STORED,
    TECTON_END_REJECTED,  /* the records are refused (400, 413, 422), or an answer that is no use to repeat */
    TECTON_END_FATAL,     /* 401, 403, 404: a setting is wrong */
    TECTON_END_THROTTLED, /* 429, or another answer with Retry-After */
    TECTON_END_NOT_NOW,   /* 408, 425, a 404 in its grace: to be tried again, yet the endpoint is alive */
    TECTON_END_FAILED,    /* 5xx, a broken connection, a 2xx without a proper body */
    TECTON_END_TIMED_OUT,
    TECTON_END_NOT_SENT, /* no connection */
    TECTON_END_CANCELLED /* by us, or never started after all */
} tecton_attempt_end;

typedef struct {
    tecton_attempt_end end;
    uint64_t rtt_us;         /* from start to end; of CANCELLED not read */
    uint64_t retry_after_ms; /* THROTTLED: or TECTON_NO_RETRY_AFTER; of others not read */
    const char *text;        /* FATAL: what later requests fail with; copied; of others not read */
} tecton_attempt_report;

/* tecton_delivery_gate_finished: once for every SEND. */
void tecton_delivery_gate_finished(tecton_delivery_gate *gate, tecton_fatal_verdicts *verdicts,
                                   const tecton_gate_ticket *ticket, const tecton_attempt_report *report,
                                   uint64_t now_ms, uint32_t random);

#endif
