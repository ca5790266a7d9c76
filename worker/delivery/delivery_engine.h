/* Delivers requests for all bundles of the process: one thread, one connection pool, one gate for each endpoint.
 *
 * Bundles talk to it through a session. Requests come back through the session too, each exactly once, with how each
 * record ended; unless the session is closed first, which cancels them. Requests that are not full may share an HTTP
 * request with those of other bundles; rejected ones are halved down to the record at fault. Bounded: for each endpoint
 * the engine holds at most twice its limit of requests, one more for each bundle that was let in by the same look, and
 * one parked request a bundle. */
#ifndef WORKER_DELIVERY_DELIVERY_ENGINE_H
#define WORKER_DELIVERY_DELIVERY_ENGINE_H

#include "sdk_harness/base/status.h"
#include "worker/delivery/delivery_request.h"
#include "worker/delivery/retry_policy.h"
#include "worker/stores/feature_store.h"

#include <stdbool.h>
#include <stdint.h>

enum {
    TECTON_DELIVERY_MAX_LANES = 256,  /* different endpoints of one process */
    TECTON_DELIVERY_MAX_ROUTES = 1024 /* different stream sources and credentials in use at one time */
};

typedef struct tecton_delivery_engine tecton_delivery_engine;
typedef struct tecton_destination tecton_destination;
typedef struct tecton_delivery_session tecton_delivery_session;

/* tecton_delivery_engine_new starts the thread. */
beamc_status tecton_delivery_engine_new(tecton_delivery_engine **engine, beamc_error *err);

/* tecton_delivery_engine_free ends the thread: requests that are still with it go back to their sessions as failed,
 * saying that the worker shuts down. All destinations must be released and all sessions closed by then, or be closed
 * and released before anything else is done with them; the engine's memory goes with the last of them. NULL is fine. */
void tecton_delivery_engine_free(tecton_delivery_engine *engine);

/* What requests of one sink instance have in common. */
typedef struct {
    tecton_feature_store *store; /* taken on success */
    uint32_t timeout_ms;
    const char *ca_file; /* NULL: the system's */
    const char *proxy;   /* "env", "none" or a URL */
    uint32_t max_in_flight;
    uint64_t max_records_per_second; /* 0: no cap */
    tecton_retry_limits retry;
    uint32_t max_batch_records; /* of one HTTP request */
    size_t max_body_bytes;      /* likewise */
    uint64_t linger_ms;         /* longest wait for company; 0: requests never share */
    uint64_t startup_grace_ms;  /* a source that is not found is asked for again for this long after its first use */
    bool isolates;              /* rejected requests are halved down to the record; else only to the bundle */
} tecton_destination_options;

/* tecton_destination_new: destinations with the same URL share one gate, with the smallest max_in_flight and
 * max_records_per_second that any of them gives. Counted; release it when no further session will be opened.
 * BEAMC_INVALID: the URL; BEAMC_LIMIT: TECTON_DELIVERY_MAX_LANES or _ROUTES. */
beamc_status tecton_destination_new(tecton_delivery_engine *engine, const tecton_destination_options *options,
                                    tecton_destination **destination, beamc_error *err);
void tecton_destination_release(tecton_destination *destination); /* NULL is fine */
const tecton_feature_store *tecton_destination_store(const tecton_destination *destination);

/* Whether a preflight of this source and credential has passed in this process. Any thread. */
bool tecton_destination_passed_preflight(const tecton_destination *destination);
void tecton_destination_pass_preflight(tecton_destination *destination);

/* tecton_destination_count_rows adds a bundle's rows, and how many of them are dead letters, and returns the sums over
 * this process and source. Any thread. */
void tecton_destination_count_rows(tecton_destination *destination, uint64_t num_rows, uint64_t num_dead,
                                   uint64_t *all_rows, uint64_t *all_dead);

/* How a session's owner is told things. All but `context` required. */
typedef struct {
    void *context;
    void (*wake)(void *context);                    /* call the session again; any thread, holding no lock */
    void (*release)(void *context);                 /* once, when nothing will wake any more; any thread */
    void (*drop)(tecton_delivery_request *request); /* a cancelled request's end; any thread */
} tecton_delivery_owner;

/* A session's functions are for one thread at a time: the bundle's. */

/* tecton_delivery_open: close it with tecton_delivery_close. */
tecton_delivery_session *tecton_delivery_open(tecton_destination *destination, const tecton_delivery_owner *owner);

/* tecton_delivery_admit: whether the endpoint has room for one more request. BEAMC_AGAIN: it has not; wake is called
 * when it may have. */
beamc_status tecton_delivery_admit(tecton_delivery_session *session);

/* tecton_delivery_submit takes `request`, which was admitted.
 *   is_partial   more records would fit: while other bundles of the same source are active, it waits for company for at
 *                most linger_ms, and shares their HTTP request */
void tecton_delivery_submit(tecton_delivery_session *session, tecton_delivery_request *request, bool is_partial);

/* tecton_delivery_park gives `request` away as submit does, from `due_ms` on; until then unpark may get it back. One at
 * a time. Needs no admission. */
void tecton_delivery_park(tecton_delivery_session *session, tecton_delivery_request *request, uint64_t due_ms);

/* tecton_delivery_unpark: true when `request` is the caller's again; false when it has left. */
bool tecton_delivery_unpark(tecton_delivery_session *session, tecton_delivery_request *request);

/* tecton_delivery_take_done returns the requests that came back since the last call, oldest first, linked by `next`;
 * NULL when there are none. Cheap when there are none. */
tecton_delivery_request *tecton_delivery_take_done(tecton_delivery_session *session);

/* tecton_delivery_wait: BEAMC_OK when there is something to take or nothing is out; BEAMC_AGAIN otherwise: wake is
 * called once all are back or one has failed. */
beamc_status tecton_delivery_wait(tecton_delivery_session *session);

/* tecton_delivery_throttled_ms returns for how long at least one of the session's requests waited because the service
 * asked for it. Complete when nothing is out. */
uint64_t tecton_delivery_throttled_ms(const tecton_delivery_session *session);

/* tecton_delivery_num_out returns how many requests were given away and not taken back. */
uint64_t tecton_delivery_num_out(const tecton_delivery_session *session);

/* tecton_delivery_close cancels what is out and does not wait: `drop` may be called after it has returned. NULL is
 * fine. */
void tecton_delivery_close(tecton_delivery_session *session);

#endif
