/* One request on its way: what its sender gives, and how it ended. */
#ifndef WORKER_DELIVERY_DELIVERY_REQUEST_H
#define WORKER_DELIVERY_DELIVERY_REQUEST_H

#include "worker/delivery/due_heap.h"
#include "worker/delivery/retry_policy.h"
#include "worker/http/http_client.h"
#include "worker/stores/feature_store.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct {
    tecton_verdict verdict; /* RETRYABLE and THROTTLED mean: given up */
    bool possibly_stored;   /* not STORED, yet an attempt was sent whose end is unknown */
    int status;             /* of the last answer; 0 when there was none */
    uint32_t num_attempts;  /* tries, with those that found no connection */
    uint32_t num_sent;      /* tries of which at least a part reached the wire */
    uint32_t num_errors;    /* tries that were not answered with 2xx and a proper body */
    uint32_t latency_ms;    /* of the last try */
    uint64_t elapsed_ms;    /* from the first try's start to the end */
    char *text;             /* what a user should read; NULL when STORED. Freed with tecton_delivery_request_reset */
} tecton_delivery_outcome;

/* SENDER: with whoever made it. All other states belong to the engine. */
typedef enum {
    TECTON_REQUEST_SENDER,
    TECTON_REQUEST_PARKED,    /* may still be taken back, until it is due */
    TECTON_REQUEST_SUBMITTED, /* on its way to the engine's thread */
    TECTON_REQUEST_QUEUED,    /* waits for its endpoint */
    TECTON_REQUEST_IN_FLIGHT,
    TECTON_REQUEST_WAITING /* for its next try */
} tecton_request_state;

typedef struct tecton_delivery_request tecton_delivery_request;
struct tecton_delivery_request {
    /* The sender's to fill. The body must not change until the request is back: every try sends the same bytes. */
    const uint8_t *body;
    size_t body_len;
    uint32_t num_records;

    tecton_delivery_outcome outcome; /* valid when the request is back */
    tecton_delivery_request *next;   /* in the list that tecton_delivery_take_done returns */

    /* The engine's. */
    tecton_request_state state;
    tecton_delivery_request *previous;
    tecton_delivery_request *session_next; /* all of one session that the engine's thread knows */
    tecton_delivery_request *session_previous;
    struct tecton_delivery_session *session;
    tecton_due_entry due; /* PARKED or WAITING */
    tecton_retry_state retry;
    tecton_http_exchange exchange;
};

/* tecton_delivery_request_reset frees the outcome and makes the request ready to be filled again. For the sender; the
 * zero state is ready too. */
void tecton_delivery_request_reset(tecton_delivery_request *request);

#endif
