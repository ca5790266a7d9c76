/* One body of records on its way: what its sender gives, and how each record ended. */
#ifndef WORKER_DELIVERY_DELIVERY_REQUEST_H
#define WORKER_DELIVERY_DELIVERY_REQUEST_H

#include "worker/delivery/due_heap.h"
#include "worker/stores/feature_store.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* How neighbouring records ended together: those of one HTTP request. */
typedef struct {
    uint32_t first_record;
    uint32_t num_records;
    tecton_verdict verdict; /* RETRYABLE and THROTTLED mean: given up */
    bool possibly_stored;   /* not STORED, yet a try was sent whose end is unknown */
    bool stops_bundle;      /* REQUEST_ERROR of a source that never took a record: the fault is not one record's */
    int status;             /* of the last answer; 0 when there was none */
    uint32_t num_attempts;  /* tries that these records were part of, with those that found no connection */
    uint32_t latency_ms;    /* of the last try */
    uint64_t ended_us;      /* when these records' end was known; monotonic */
    char *text;             /* what a user should read; NULL when STORED. Freed with tecton_delivery_request_reset */
    bool owns_request;      /* the HTTP request's first record is among these; else the rest tells nothing new */
    uint32_t request_records;
    uint32_t request_bytes;
    uint32_t in_flight_requests; /* to the endpoint when the answer came, this one included */
    uint32_t in_flight_limit;
} tecton_delivery_result;

/* The counts are of HTTP requests whose first record is one of this request's: a request that several bundles share is
 * counted once. */
typedef struct {
    tecton_delivery_result *results; /* in order of ending; every record is in exactly one */
    uint32_t num_results;
    uint32_t num_stored;              /* records */
    uint32_t num_possibly_duplicated; /* records that were sent again although an earlier try may have stored them */
    uint32_t num_tries;
    uint32_t num_errors;               /* tries that were not answered with 2xx and a proper body */
    uint32_t num_retries;              /* tries after the first, halves not included */
    uint32_t num_throttled;            /* tries answered with 429, or with Retry-After */
    uint32_t num_count_differences;    /* answers whose own count of records is not ours */
    tecton_delivery_result own_result; /* where the usual, single result lies */
} tecton_delivery_outcome;

/* SENDER: with whoever made it. All other states belong to the engine. */
typedef enum {
    TECTON_REQUEST_SENDER,
    TECTON_REQUEST_PARKED,     /* may still be taken back, until it is due */
    TECTON_REQUEST_SUBMITTED,  /* on its way to the engine's thread */
    TECTON_REQUEST_GATHERING,  /* waits for records of other bundles to go with */
    TECTON_REQUEST_TRANSFERRED /* its records are in transfers */
} tecton_request_state;

typedef struct tecton_delivery_request tecton_delivery_request;
struct tecton_delivery_request {
    /* The sender's to fill. The body must not change until the request is back: every try sends the same bytes. */
    const uint8_t *body;
    size_t body_len;
    uint32_t num_records;
    const uint32_t *record_starts; /* num_records offsets into `body`; may be NULL for one record */
    bool is_preflight;             /* a dry run of one record: goes alone, and tells nothing about the source */

    tecton_delivery_outcome outcome; /* valid when the request is back */
    tecton_delivery_request *next;   /* in the list that tecton_delivery_take_done returns */

    /* The engine's. */
    tecton_request_state state;
    uint32_t num_open_records; /* TRANSFERRED: without a result yet */
    bool is_partial;           /* more records would fit */
    uint64_t gather_until_ms;
    tecton_delivery_request *previous;
    tecton_delivery_request *session_next; /* all of one session that the engine's thread knows */
    tecton_delivery_request *session_previous;
    struct tecton_delivery_session *session;
    tecton_due_entry due; /* PARKED */
};

/* tecton_delivery_request_reset frees the outcome and makes the request ready to be filled again. For the sender; the
 * zero state is ready too. */
void tecton_delivery_request_reset(tecton_delivery_request *request);

/* tecton_delivery_request_failure returns the first result that is not STORED; NULL when all records are stored. */
const tecton_delivery_result *tecton_delivery_request_failure(const tecton_delivery_request *request);

/* tecton_delivery_request_add_result is the engine's: takes `result->text`. */
void tecton_delivery_request_add_result(tecton_delivery_request *request, const tecton_delivery_result *result);

#endif
