/* What the engine's thread and the sessions share. Every member says who may touch it. */
#ifndef WORKER_DELIVERY_DELIVERY_INTERNAL_H
#define WORKER_DELIVERY_DELIVERY_INTERNAL_H

#include "worker/delivery/delivery_engine.h"
#include "worker/delivery/delivery_gate.h"
#include "worker/delivery/isolation.h"
#include "worker/delivery/transfer.h"

#include <pthread.h>
#include <stdatomic.h>

typedef struct {
    tecton_delivery_request *first;
    tecton_delivery_request *last;
} tecton_request_list;

static inline void request_list_append(tecton_request_list *list, tecton_delivery_request *request) {
    request->next = NULL;
    request->previous = list->last;
    if (list->last == NULL)
        list->first = request;
    else
        list->last->next = request;
    list->last = request;
}

static inline void request_list_remove(tecton_request_list *list, tecton_delivery_request *request) {
    if (request->previous == NULL)
        list->first = request->next;
    else
        request->previous->next = request->next;
    if (request->next == NULL)
        list->last = request->previous;
    else
        request->next->previous = request->previous;
    request->next = request->previous = NULL;
}

/* One endpoint. Lives as long as the engine. */
typedef struct tecton_lane {
    struct tecton_lane *next;
    char *url;
    uint32_t max_in_flight;                  /* engine lock: the smallest that was asked for */
    uint64_t max_records_per_second;         /* engine lock: likewise; 0: no cap */
    uint32_t num_held;                       /* engine lock: submitted and not yet back */
    uint32_t num_sessions;                   /* engine lock: open */
    struct tecton_delivery_session *waiters; /* engine lock: sessions to wake when there is room */
    tecton_delivery_gate gate;               /* engine thread */
    tecton_transfer_list queue;              /* engine thread: QUEUED */
    uint64_t ask_again_ms;                   /* engine thread: the gate is closed until then; 0: open */
} tecton_lane;

/* One stream source of one workspace with one credential: what requests that could share a body have in common. Lives
 * while a destination uses it, and as long after as there is room. */
typedef struct tecton_route {
    struct tecton_route *next;    /* engine lock */
    uint64_t identity;            /* of URL, header lines, frames and settings */
    uint32_t num_destinations;    /* engine lock */
    uint64_t last_used;           /* engine lock: the engine's count of uses, for eviction */
    uint32_t num_sessions;        /* engine lock: open */
    uint64_t shared_until_ms;     /* engine lock: bundles ran side by side not long ago */
    atomic_bool has_accepted;     /* a record, ever */
    atomic_bool passed_preflight; /* in this process */
    atomic_ullong num_rows;       /* of finished bundles, and how many of them are dead letters */
    atomic_ullong num_dead;
    tecton_fatal_verdicts verdicts;    /* engine thread */
    tecton_verdict fatal_verdict;      /* engine thread: that `verdicts` holds */
    tecton_transfer *transfers;        /* engine thread: all of them, by their all_next */
    tecton_request_list gathering;     /* engine thread: partial requests that wait for company */
    uint32_t num_gathering_records;    /* engine thread */
    size_t gathering_bytes;            /* engine thread */
    tecton_due_entry gathering_due;    /* engine thread: in the engine's `lingering` while any gather */
    tecton_isolation_turns isolations; /* engine thread */
    tecton_transfer_list to_isolate;   /* engine thread: REJECTED, until fewer isolations run */
} tecton_route;

struct tecton_destination {
    atomic_uint references;
    tecton_delivery_engine *engine;
    tecton_lane *lane;
    tecton_route *route;
    tecton_feature_store *store;
    tecton_http_target *target;
    tecton_retry_limits retry;
    uint32_t max_batch_records;
    size_t max_body_bytes;
    uint64_t linger_ms;
    bool isolates;                   /* rejected requests are halved down to the record */
    struct tecton_destination *next; /* engine lock: in the list of the dead */
};

struct tecton_delivery_session {
    atomic_uint references;
    tecton_destination *destination;
    tecton_delivery_owner owner;
    uint64_t num_out; /* the bundle's thread */

    pthread_mutex_t lock;
    atomic_bool has_done;     /* written under lock; read without it, to look cheaply */
    tecton_request_list done; /* lock */
    uint64_t num_done;        /* lock: length of `done` */
    uint64_t wake_when_done;  /* lock: wake at this many, or at a failure; 0: nobody waits */
    bool closed;              /* lock */

    atomic_ullong throttled_ms;  /* how long at least one request waited because the service said so */
    uint32_t num_throttled;      /* engine thread: requests of this session that wait so */
    uint64_t throttled_since_ms; /* engine thread */

    uint32_t num_held;                              /* engine lock: of the lane's num_held */
    tecton_delivery_request *parked;                /* engine lock: in the engine's heap, for this session */
    bool admit_waiting;                             /* engine lock: is among its lane's waiters */
    struct tecton_delivery_session *next_waiter;    /* engine lock */
    struct tecton_delivery_session *next_to_wake;   /* engine thread */
    struct tecton_delivery_session *next_cancelled; /* engine lock, or the engine thread that took the list */
    tecton_delivery_request *requests;              /* engine thread: all it knows of this session */
};

struct tecton_delivery_engine {
    atomic_uint references; /* one for its maker, one for each destination */
    pthread_t thread;
    tecton_http_client *http; /* engine thread, but for wake */

    pthread_mutex_t lock;
    bool sleeping;                      /* lock: a wake is needed for the thread to look */
    bool stopping;                      /* lock */
    tecton_request_list inbox;          /* lock: SUBMITTED */
    tecton_due_heap parked;             /* lock: PARKED */
    tecton_delivery_session *cancelled; /* lock; each holds a reference */
    tecton_destination *dead;           /* lock */
    tecton_lane *lanes;                 /* lock to add; lanes stay */
    uint32_t num_lanes;                 /* lock */
    tecton_route *routes;               /* lock */
    uint32_t num_routes;                /* lock */
    uint64_t num_route_uses;            /* lock */
    uint64_t identity_seed;             /* constant */

    tecton_transfer_list in_flight; /* engine thread: IN_FLIGHT */
    tecton_due_heap waiting;        /* engine thread: WAITING */
    tecton_due_heap lingering;      /* engine thread: routes where requests gather */
    tecton_transfer *spares;        /* engine thread */
    uint32_t num_spares;            /* engine thread */
    tecton_request_list finished;   /* engine thread: to be given back to their sessions */
    uint64_t random;                /* engine thread */
};

void tecton_engine_retain(tecton_delivery_engine *engine);
void tecton_engine_release(tecton_delivery_engine *engine);

/* tecton_engine_nudge makes the thread look soon. With the engine's lock held. */
void tecton_engine_nudge(tecton_delivery_engine *engine);

void tecton_session_retain(tecton_delivery_session *session);
void tecton_session_release(tecton_delivery_session *session);

/* tecton_session_deliver gives a request back, or drops it when the session is closed. No lock held. Any thread. */
void tecton_session_deliver(tecton_delivery_session *session, tecton_delivery_request *request);

/* tecton_destination_free frees what a destination holds. Engine thread, or when that has ended. */
void tecton_destination_free(tecton_destination *destination);

#endif
