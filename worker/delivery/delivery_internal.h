/* What the engine's thread and the sessions share. Every member says who may touch it. */
#ifndef WORKER_DELIVERY_DELIVERY_INTERNAL_H
#define WORKER_DELIVERY_DELIVERY_INTERNAL_H

#include "worker/delivery/concurrency_limit.h"
#include "worker/delivery/delivery_engine.h"

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
    uint32_t num_held;                       /* engine lock: submitted and not yet back */
    struct tecton_delivery_session *waiters; /* engine lock: sessions to wake when there is room */
    tecton_concurrency_limit limit;          /* engine thread */
    tecton_request_list queue;               /* engine thread: QUEUED */
    uint32_t num_settled;                    /* engine thread: back since num_held was last lowered */
} tecton_lane;

struct tecton_destination {
    atomic_uint references;
    tecton_delivery_engine *engine;
    tecton_lane *lane;
    tecton_feature_store *store;
    tecton_http_target *target;
    tecton_retry_limits retry;
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

    tecton_request_list in_flight; /* engine thread: IN_FLIGHT */
    tecton_due_heap waiting;       /* engine thread: WAITING */
    uint64_t random;               /* engine thread */
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
