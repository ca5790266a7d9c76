/* The bundle's side of the engine. */
#include "sdk_harness/base/alloc.h"
#include "sdk_harness/base/clock.h"
#include "worker/delivery/delivery_internal.h"

#include <stdlib.h>

enum { SIDE_BY_SIDE_MS = 1000 /* how long it is remembered that two bundles of a route ran at once */ };

tecton_delivery_session *tecton_delivery_open(tecton_destination *destination, const tecton_delivery_owner *owner) {
    tecton_delivery_session *session = beamc_alloc_zero(1, sizeof *session);
    atomic_init(&session->references, 1);
    atomic_fetch_add_explicit(&destination->references, 1, memory_order_relaxed);
    session->destination = destination;
    session->owner = *owner;
    pthread_mutex_init(&session->lock, NULL);
    tecton_delivery_engine *engine = destination->engine;
    pthread_mutex_lock(&engine->lock);
    destination->lane->num_sessions++;
    if (++destination->route->num_sessions > 1)
        destination->route->shared_until_ms = beamc_clock_ms() + SIDE_BY_SIDE_MS;
    pthread_mutex_unlock(&engine->lock);
    return session;
}

void tecton_session_retain(tecton_delivery_session *session) {
    atomic_fetch_add_explicit(&session->references, 1, memory_order_relaxed);
}

void tecton_session_release(tecton_delivery_session *session) {
    if (atomic_fetch_sub_explicit(&session->references, 1, memory_order_acq_rel) != 1)
        return;
    session->owner.release(session->owner.context);
    tecton_destination_release(session->destination);
    pthread_mutex_destroy(&session->lock);
    free(session);
}

/* Twice the limit: as many wait as are under way, so that a freed place is filled at once. The last quarter is kept for
 * bundles that hold less than their share. */
static bool has_room(const tecton_lane *lane, const tecton_delivery_session *session) {
    uint32_t most = 2 * lane->max_in_flight;
    if (lane->num_held * 4 < most * 3)
        return true;
    return lane->num_held < most && session->num_held < (most + lane->num_sessions - 1) / lane->num_sessions;
}

beamc_status tecton_delivery_admit(tecton_delivery_session *session) {
    tecton_delivery_engine *engine = session->destination->engine;
    tecton_lane *lane = session->destination->lane;
    pthread_mutex_lock(&engine->lock);
    bool room = has_room(lane, session) || engine->stopping;
    if (!room && !session->admit_waiting) {
        session->admit_waiting = true;
        session->next_waiter = lane->waiters;
        lane->waiters = session;
        tecton_session_retain(session);
    }
    pthread_mutex_unlock(&engine->lock);
    return room ? BEAMC_OK : BEAMC_AGAIN;
}

static void set_up(tecton_delivery_session *session, tecton_delivery_request *request) {
    request->session = session;
    tecton_session_retain(session); /* until it is delivered */
    session->num_out++;
}

static void fail_stopped(tecton_delivery_session *session, tecton_delivery_request *request) {
    tecton_delivery_result result = {.num_records = request->num_records,
                                     .verdict = TECTON_VERDICT_OTHER,
                                     .text = beamc_strdup("the worker shuts down; the request was not sent")};
    tecton_delivery_request_add_result(request, &result);
    tecton_session_deliver(session, request);
}

/* Until when a request that is not full waits for company: not at all where nobody else is about. With the engine's
 * lock held. */
static uint64_t gather_until(const tecton_destination *destination) {
    const tecton_route *route = destination->route;
    if (destination->linger_ms == 0)
        return 0;
    uint64_t now_ms = beamc_clock_ms();
    return route->num_sessions > 1 || now_ms < route->shared_until_ms ? now_ms + destination->linger_ms : 0;
}

void tecton_delivery_submit(tecton_delivery_session *session, tecton_delivery_request *request, bool is_partial) {
    tecton_delivery_engine *engine = session->destination->engine;
    set_up(session, request);
    pthread_mutex_lock(&engine->lock);
    bool stopping = engine->stopping;
    if (!stopping) {
        request->state = TECTON_REQUEST_SUBMITTED;
        request->is_partial = is_partial && session->destination->linger_ms > 0;
        request->gather_until_ms = request->is_partial ? gather_until(session->destination) : 0;
        session->destination->lane->num_held++;
        session->num_held++;
        request_list_append(&engine->inbox, request);
        tecton_engine_nudge(engine);
    }
    pthread_mutex_unlock(&engine->lock);
    if (stopping)
        fail_stopped(session, request);
}

void tecton_delivery_park(tecton_delivery_session *session, tecton_delivery_request *request, uint64_t due_ms) {
    tecton_delivery_engine *engine = session->destination->engine;
    set_up(session, request);
    pthread_mutex_lock(&engine->lock);
    bool stopping = engine->stopping;
    if (!stopping) {
        request->state = TECTON_REQUEST_PARKED;
        request->is_partial = true;
        request->gather_until_ms = due_ms;
        session->parked = request;
        tecton_due_heap_add(&engine->parked, &request->due, due_ms);
        if (tecton_due_heap_first(&engine->parked) == &request->due) /* sooner than what the thread sleeps for */
            tecton_engine_nudge(engine);
    }
    pthread_mutex_unlock(&engine->lock);
    if (stopping)
        fail_stopped(session, request);
}

bool tecton_delivery_unpark(tecton_delivery_session *session, tecton_delivery_request *request) {
    tecton_delivery_engine *engine = session->destination->engine;
    pthread_mutex_lock(&engine->lock);
    bool parked = session->parked == request;
    if (parked) {
        session->parked = NULL;
        tecton_due_heap_remove(&engine->parked, &request->due);
        request->state = TECTON_REQUEST_SENDER;
    }
    pthread_mutex_unlock(&engine->lock);
    if (parked) {
        session->num_out--;
        tecton_session_release(session);
    }
    return parked;
}

void tecton_session_deliver(tecton_delivery_session *session, tecton_delivery_request *request) {
    bool failed = request->outcome.num_stored < request->num_records;
    pthread_mutex_lock(&session->lock);
    bool closed = session->closed;
    bool wake = false;
    if (!closed) {
        request->state = TECTON_REQUEST_SENDER;
        request_list_append(&session->done, request);
        session->num_done++;
        atomic_store_explicit(&session->has_done, true, memory_order_release);
        wake = session->wake_when_done > 0 && (failed || session->num_done >= session->wake_when_done);
        if (wake)
            session->wake_when_done = 0;
    }
    pthread_mutex_unlock(&session->lock);
    if (closed)
        session->owner.drop(request);
    else if (wake)
        session->owner.wake(session->owner.context);
    tecton_session_release(session);
}

tecton_delivery_request *tecton_delivery_take_done(tecton_delivery_session *session) {
    if (!atomic_load_explicit(&session->has_done, memory_order_acquire))
        return NULL;
    pthread_mutex_lock(&session->lock);
    tecton_delivery_request *first = session->done.first;
    session->done = (tecton_request_list){0};
    session->num_out -= session->num_done;
    session->num_done = 0;
    atomic_store_explicit(&session->has_done, false, memory_order_relaxed);
    pthread_mutex_unlock(&session->lock);
    return first;
}

beamc_status tecton_delivery_wait(tecton_delivery_session *session) {
    pthread_mutex_lock(&session->lock);
    bool ready = session->num_done > 0 || session->num_out == 0;
    session->wake_when_done = ready ? 0 : session->num_out;
    pthread_mutex_unlock(&session->lock);
    return ready ? BEAMC_OK : BEAMC_AGAIN;
}

uint64_t tecton_delivery_throttled_ms(const tecton_delivery_session *session) {
    return atomic_load_explicit(&session->throttled_ms, memory_order_relaxed);
}

uint64_t tecton_delivery_num_out(const tecton_delivery_session *session) {
    return session->num_out;
}

/* Takes the session out of its lane's waiters; true when it was there. With the engine's lock held. */
static bool stop_waiting(tecton_delivery_session *session) {
    if (!session->admit_waiting)
        return false;
    tecton_delivery_session **at = &session->destination->lane->waiters;
    while (*at != session)
        at = &(*at)->next_waiter;
    *at = session->next_waiter;
    session->admit_waiting = false;
    return true;
}

void tecton_delivery_close(tecton_delivery_session *session) {
    if (session == NULL)
        return;
    pthread_mutex_lock(&session->lock);
    session->closed = true;
    tecton_delivery_request *done = session->done.first;
    session->num_out -= session->num_done;
    session->done = (tecton_request_list){0};
    session->num_done = 0;
    session->wake_when_done = 0;
    bool any_out = session->num_out > 0;
    pthread_mutex_unlock(&session->lock);
    while (done != NULL) {
        tecton_delivery_request *next = done->next;
        session->owner.drop(done);
        done = next;
    }
    tecton_delivery_engine *engine = session->destination->engine;
    pthread_mutex_lock(&engine->lock);
    session->destination->lane->num_sessions--;
    if (session->destination->route->num_sessions-- > 1)
        session->destination->route->shared_until_ms = beamc_clock_ms() + SIDE_BY_SIDE_MS;
    bool waited = stop_waiting(session);
    tecton_delivery_request *parked = session->parked;
    if (parked != NULL) {
        session->parked = NULL;
        tecton_due_heap_remove(&engine->parked, &parked->due);
    }
    if (any_out && !engine->stopping) {
        tecton_session_retain(session);
        session->next_cancelled = engine->cancelled;
        engine->cancelled = session;
        tecton_engine_nudge(engine);
    }
    pthread_mutex_unlock(&engine->lock);
    if (parked != NULL) {
        session->owner.drop(parked);
        tecton_session_release(session);
    }
    if (waited)
        tecton_session_release(session);
    tecton_session_release(session);
}
