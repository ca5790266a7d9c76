#include "worker/delivery/delivery_engine.h"

#include "sdk_harness/base/alloc.h"
#include "sdk_harness/base/clock.h"
#include "sdk_harness/base/log.h"
#include "worker/delivery/delivery_internal.h"
#include "worker/delivery/retry_after.h"

#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

enum { SHORT_OF_MEMORY_WAIT_MS = 50 /* before a request that libcurl would not start is tried again */ };

#define REQUEST_OF(pointer, member)                                                                                    \
    ((tecton_delivery_request *)(void *)((char *)(pointer)-offsetof(tecton_delivery_request, member)))

void tecton_delivery_request_reset(tecton_delivery_request *request) {
    free(request->outcome.text);
    request->outcome = (tecton_delivery_outcome){0};
    request->retry = (tecton_retry_state){0};
    request->state = TECTON_REQUEST_SENDER;
    request->next = NULL;
}

void tecton_engine_retain(tecton_delivery_engine *engine) {
    atomic_fetch_add_explicit(&engine->references, 1, memory_order_relaxed);
}

void tecton_engine_release(tecton_delivery_engine *engine) {
    if (atomic_fetch_sub_explicit(&engine->references, 1, memory_order_acq_rel) != 1)
        return;
    while (engine->lanes != NULL) {
        tecton_lane *lane = engine->lanes;
        engine->lanes = lane->next;
        free(lane->url);
        free(lane);
    }
    tecton_due_heap_cleanup(&engine->parked);
    pthread_mutex_destroy(&engine->lock);
    free(engine);
}

void tecton_engine_nudge(tecton_delivery_engine *engine) {
    if (engine->sleeping) {
        engine->sleeping = false;
        tecton_http_client_wake(engine->http);
    }
}

/* xorshift64*: good enough to spread retries. */
static uint32_t next_random(tecton_delivery_engine *engine) {
    uint64_t x = engine->random;
    x ^= x >> 12;
    x ^= x << 25;
    x ^= x >> 27;
    engine->random = x;
    return (uint32_t)((x * UINT64_C(0x2545F4914F6CDD1D)) >> 32);
}

/* The engine's thread learns of a request. */
static void enter(tecton_delivery_request *request) {
    tecton_delivery_session *session = request->session;
    request->state = TECTON_REQUEST_QUEUED;
    request->session_previous = NULL;
    request->session_next = session->requests;
    if (session->requests != NULL)
        session->requests->session_previous = request;
    session->requests = request;
    request_list_append(&session->destination->lane->queue, request);
}

/* The engine's thread lets go of a request, which is in none of its queues any more. */
static void leave(tecton_delivery_request *request) {
    tecton_delivery_session *session = request->session;
    if (request->session_previous == NULL)
        session->requests = request->session_next;
    else
        request->session_previous->session_next = request->session_next;
    if (request->session_next != NULL)
        request->session_next->session_previous = request->session_previous;
    request->session_next = request->session_previous = NULL;
    session->destination->lane->num_settled++;
    tecton_session_deliver(session, request);
}

static void say_network_failure(const tecton_delivery_request *request, char *text, size_t text_size) {
    const tecton_http_exchange *exchange = &request->exchange;
    const char *url = request->session->destination->lane->url;
    switch (exchange->result) {
    case TECTON_HTTP_NOT_SENT:
        (void)snprintf(
            text, text_size,
            "no connection to %.200s: %s. Check tecton_instance or endpoint_url, proxy, and that the worker may "
            "reach that host",
            url, exchange->problem);
        return;
    case TECTON_HTTP_MISCONFIGURED:
        (void)snprintf(
            text, text_size,
            "no trusted connection to %.200s: %s. Setting at fault: tecton_instance or endpoint_url, or ca_file "
            "where the server's certificate is signed by an authority of your own",
            url, exchange->problem);
        return;
    case TECTON_HTTP_LOST:
    case TECTON_HTTP_ANSWERED:
        break;
    }
    if (exchange->timed_out)
        (void)snprintf(
            text, text_size,
            "no answer from %.200s within the timeout (%u ms); the records may or may not be written. Raise timeout "
            "if the service is slow",
            url, exchange->latency_ms);
    else
        (void)snprintf(text, text_size, "no answer from %.200s: %s; the records may or may not be written", url,
                       exchange->problem);
}

/* Judges one try; `text` says what is wrong when it did not succeed. */
static tecton_verdict judge(tecton_delivery_request *request, char *text, size_t text_size) {
    const tecton_http_exchange *exchange = &request->exchange;
    const tecton_feature_store *store = request->session->destination->store;
    if (exchange->result == TECTON_HTTP_ANSWERED) {
        tecton_store_answer answer = {.status = exchange->status,
                                      .body = exchange->answer,
                                      .body_len = exchange->answer_len,
                                      .body_cut = exchange->answer_cut};
        return store->classify(store, &answer, text, text_size);
    }
    say_network_failure(request, text, text_size);
    return exchange->result == TECTON_HTTP_MISCONFIGURED ? TECTON_VERDICT_FATAL : TECTON_VERDICT_RETRYABLE;
}

static void record_try(tecton_delivery_request *request, tecton_verdict verdict) {
    const tecton_http_exchange *exchange = &request->exchange;
    tecton_delivery_outcome *outcome = &request->outcome;
    bool sent = exchange->result == TECTON_HTTP_ANSWERED || exchange->result == TECTON_HTTP_LOST;
    bool stored = verdict == TECTON_VERDICT_STORED;
    /* The client sends again at once when a kept connection turns out to be closed: a try without an answer each. */
    uint32_t num_resent = exchange->num_sends > 1 ? exchange->num_sends - 1 : 0;
    outcome->verdict = verdict;
    outcome->status = exchange->status;
    outcome->num_attempts += 1 + num_resent;
    outcome->num_sent += (sent ? 1 : 0) + num_resent;
    outcome->num_errors += (stored ? 0 : 1) + num_resent;
    outcome->latency_ms = exchange->latency_ms;
    outcome->elapsed_ms = beamc_clock_ms() - request->retry.first_ms;
    if (stored)
        outcome->possibly_stored = false;
    else if (num_resent > 0 || (sent && verdict == TECTON_VERDICT_RETRYABLE))
        outcome->possibly_stored = true;
}

static bool may_try_again(tecton_verdict verdict) {
    return verdict == TECTON_VERDICT_RETRYABLE || verdict == TECTON_VERDICT_THROTTLED;
}

/* Puts the request among the waiting and returns true, or returns false when it is given up. */
static bool schedule_retry(tecton_delivery_engine *engine, tecton_delivery_request *request, tecton_verdict verdict) {
    const tecton_http_exchange *exchange = &request->exchange;
    uint64_t retry_after_ms = exchange->result == TECTON_HTTP_ANSWERED
                                  ? tecton_retry_after_ms(exchange->retry_after, beamc_wall_ms())
                                  : TECTON_NO_RETRY_AFTER;
    tecton_attempt attempt = TECTON_ATTEMPT_SENT;
    if (exchange->result == TECTON_HTTP_NOT_SENT)
        attempt = TECTON_ATTEMPT_NOT_SENT;
    else if (verdict == TECTON_VERDICT_THROTTLED || retry_after_ms != TECTON_NO_RETRY_AFTER)
        attempt = TECTON_ATTEMPT_THROTTLED;
    uint64_t now_ms = beamc_clock_ms();
    tecton_retry_decision decision = tecton_retry_next(&request->session->destination->retry, &request->retry, attempt,
                                                       retry_after_ms, now_ms, next_random(engine));
    if (decision.give_up)
        return false;
    request->state = TECTON_REQUEST_WAITING;
    tecton_due_heap_add(&engine->waiting, &request->due, now_ms + decision.delay_ms);
    return true;
}

/* Adds how long it was tried to what the last try said. */
static char *say_outcome(const tecton_delivery_request *request, const char *text, bool gave_up) {
    const tecton_delivery_outcome *outcome = &request->outcome;
    const tecton_retry_limits *limits = &request->session->destination->retry;
    if (!gave_up && outcome->num_attempts == 1)
        return beamc_strdup(text);
    return beamc_format("%s%s (tried %u %s in %.1f s; max_retries=%u, max_retry_seconds=%llu)",
                        gave_up ? "gave up: " : "", text, outcome->num_attempts,
                        outcome->num_attempts == 1 ? "time" : "times", (double)outcome->elapsed_ms / 1000.0,
                        limits->max_retries, (unsigned long long)(limits->max_retry_ms / 1000));
}

static void settle(tecton_http_exchange *exchange) {
    tecton_delivery_request *request = REQUEST_OF(exchange, exchange);
    tecton_destination *destination = request->session->destination;
    tecton_delivery_engine *engine = destination->engine;
    tecton_concurrency_finished(&destination->lane->limit);
    request_list_remove(&engine->in_flight, request);
    char text[TECTON_VERDICT_TEXT_BYTES] = "";
    tecton_verdict verdict = judge(request, text, sizeof text);
    record_try(request, verdict);
    if (verdict != TECTON_VERDICT_STORED) {
        bool retryable = may_try_again(verdict);
        if (retryable && schedule_retry(engine, request, verdict)) {
            log_debug("a request of %u records will be sent again: %s", request->num_records, text);
            return;
        }
        request->outcome.text = say_outcome(request, text, retryable);
    }
    leave(request);
}

static void start_queued(tecton_delivery_engine *engine, tecton_lane *lane, uint64_t *wait_ms) {
    while (lane->queue.first != NULL && tecton_concurrency_may_start(&lane->limit)) {
        tecton_delivery_request *request = lane->queue.first;
        request->exchange.target = request->session->destination->target;
        request->exchange.body = request->body;
        request->exchange.body_len = request->body_len;
        request->exchange.done = settle;
        beamc_error err;
        if (tecton_http_client_submit(engine->http, &request->exchange, &err) != BEAMC_OK) {
            log_warn("requests wait: %s", err.text);
            if (*wait_ms > SHORT_OF_MEMORY_WAIT_MS)
                *wait_ms = SHORT_OF_MEMORY_WAIT_MS;
            return;
        }
        request_list_remove(&lane->queue, request);
        request_list_append(&engine->in_flight, request);
        request->state = TECTON_REQUEST_IN_FLIGHT;
        if (request->outcome.num_attempts == 0)
            request->retry.first_ms = beamc_clock_ms();
        tecton_concurrency_started(&lane->limit);
    }
}

/* Drops all that the session still has with the engine's thread. */
static void cancel(tecton_delivery_engine *engine, tecton_delivery_session *session) {
    while (session->requests != NULL) {
        tecton_delivery_request *request = session->requests;
        tecton_lane *lane = session->destination->lane;
        switch (request->state) {
        case TECTON_REQUEST_QUEUED:
            request_list_remove(&lane->queue, request);
            break;
        case TECTON_REQUEST_IN_FLIGHT:
            tecton_http_client_cancel(engine->http, &request->exchange);
            request_list_remove(&engine->in_flight, request);
            tecton_concurrency_finished(&lane->limit);
            break;
        case TECTON_REQUEST_WAITING:
            tecton_due_heap_remove(&engine->waiting, &request->due);
            break;
        case TECTON_REQUEST_SENDER:
        case TECTON_REQUEST_PARKED:
        case TECTON_REQUEST_SUBMITTED:
            break; /* not among a session's requests */
        }
        leave(request); /* the session is closed: this drops it */
    }
}

/* Everything that other threads left for this one. */
typedef struct {
    tecton_request_list inbox;
    tecton_delivery_session *cancelled;
    tecton_destination *dead;
    tecton_lane *lanes;
    uint64_t parked_due_ms;
    bool stopping;
} engine_mail;

static engine_mail take_mail(tecton_delivery_engine *engine, uint64_t now_ms) {
    pthread_mutex_lock(&engine->lock);
    while (tecton_due_heap_next_ms(&engine->parked) <= now_ms || (engine->stopping && engine->parked.num_entries > 0)) {
        tecton_delivery_request *request = REQUEST_OF(tecton_due_heap_first(&engine->parked), due);
        tecton_due_heap_remove(&engine->parked, &request->due);
        request->state = TECTON_REQUEST_SUBMITTED;
        request->session->parked = NULL;
        request->session->destination->lane->num_held++;
        request_list_append(&engine->inbox, request);
    }
    engine_mail mail = {.inbox = engine->inbox,
                        .cancelled = engine->cancelled,
                        .dead = engine->dead,
                        .lanes = engine->lanes, /* lanes are only ever put in front, and stay */
                        .parked_due_ms = tecton_due_heap_next_ms(&engine->parked),
                        .stopping = engine->stopping};
    engine->inbox = (tecton_request_list){0};
    engine->cancelled = NULL;
    engine->dead = NULL;
    engine->sleeping = true; /* from here on a nudge is needed */
    for (tecton_lane *lane = engine->lanes; lane != NULL; lane = lane->next)
        lane->limit.ceiling = lane->max_in_flight;
    pthread_mutex_unlock(&engine->lock);
    return mail;
}

static void read_mail(tecton_delivery_engine *engine, engine_mail *mail) {
    while (mail->inbox.first != NULL) {
        tecton_delivery_request *request = mail->inbox.first;
        request_list_remove(&mail->inbox, request);
        enter(request);
    }
    while (mail->cancelled != NULL) {
        tecton_delivery_session *session = mail->cancelled;
        mail->cancelled = session->next_cancelled;
        cancel(engine, session);
        tecton_session_release(session);
    }
    while (mail->dead != NULL) {
        tecton_destination *destination = mail->dead;
        mail->dead = destination->next;
        tecton_http_client_forget(engine->http, destination->target);
        tecton_destination_free(destination);
    }
}

/* Retries that are due go to the front: they have waited longest. */
static void queue_due_retries(tecton_delivery_engine *engine, uint64_t now_ms) {
    while (tecton_due_heap_next_ms(&engine->waiting) <= now_ms) {
        tecton_delivery_request *request = REQUEST_OF(tecton_due_heap_first(&engine->waiting), due);
        tecton_due_heap_remove(&engine->waiting, &request->due);
        tecton_request_list *queue = &request->session->destination->lane->queue;
        request->state = TECTON_REQUEST_QUEUED;
        request->previous = NULL;
        request->next = queue->first;
        if (queue->first == NULL)
            queue->last = request;
        else
            queue->first->previous = request;
        queue->first = request;
    }
}

/* Gives places back to the lanes and wakes who waits for one. */
static void give_back_places(tecton_delivery_engine *engine) {
    tecton_delivery_session *to_wake = NULL;
    pthread_mutex_lock(&engine->lock);
    for (tecton_lane *lane = engine->lanes; lane != NULL; lane = lane->next) {
        lane->num_held -= lane->num_settled;
        lane->num_settled = 0;
        /* Not at the first free place: each wake should let a bundle do a piece of work. */
        while (lane->waiters != NULL && lane->num_held * 3 <= lane->max_in_flight * 5) {
            tecton_delivery_session *session = lane->waiters;
            lane->waiters = session->next_waiter;
            session->admit_waiting = false;
            session->next_to_wake = to_wake;
            to_wake = session;
        }
    }
    pthread_mutex_unlock(&engine->lock);
    while (to_wake != NULL) {
        tecton_delivery_session *session = to_wake;
        to_wake = session->next_to_wake;
        session->owner.wake(session->owner.context);
        tecton_session_release(session);
    }
}

static void fail(tecton_delivery_request *request, const char *text) {
    request->outcome.verdict = TECTON_VERDICT_OTHER;
    request->outcome.text = beamc_strdup(text);
    leave(request);
}

/* Ends what is under way and gives everything back to its session as failed. */
static void shut_down(tecton_delivery_engine *engine, tecton_lane *lanes) {
    queue_due_retries(engine, UINT64_MAX - 1);
    for (tecton_lane *lane = lanes; lane != NULL; lane = lane->next) {
        while (lane->queue.first != NULL) {
            tecton_delivery_request *request = lane->queue.first;
            request_list_remove(&lane->queue, request);
            fail(request, "the worker shuts down before the request was sent, or sent again");
        }
    }
    while (engine->in_flight.first != NULL) {
        tecton_delivery_request *request = engine->in_flight.first;
        request_list_remove(&engine->in_flight, request);
        tecton_http_client_cancel(engine->http, &request->exchange);
        request->outcome.possibly_stored = true;
        fail(request, "the worker shuts down while the request is under way; the records may or may not be written");
    }
}

static void *run(void *context) {
    tecton_delivery_engine *engine = context;
    for (;;) {
        uint64_t now_ms = beamc_clock_ms();
        engine_mail mail = take_mail(engine, now_ms);
        read_mail(engine, &mail);
        if (mail.stopping) {
            shut_down(engine, mail.lanes);
            return NULL;
        }
        give_back_places(engine); /* of what the last poll and the cancellations ended; before any wait */
        queue_due_retries(engine, now_ms);
        uint64_t due_ms = tecton_due_heap_next_ms(&engine->waiting);
        due_ms = mail.parked_due_ms < due_ms ? mail.parked_due_ms : due_ms;
        uint64_t wait_ms = due_ms == UINT64_MAX ? UINT64_MAX : due_ms - now_ms;
        for (tecton_lane *lane = mail.lanes; lane != NULL; lane = lane->next)
            start_queued(engine, lane, &wait_ms);
        tecton_http_client_poll(engine->http, wait_ms);
    }
}

beamc_status tecton_delivery_engine_new(tecton_delivery_engine **engine, beamc_error *err) {
    tecton_delivery_engine *made = beamc_alloc_zero(1, sizeof *made);
    atomic_init(&made->references, 1);
    pthread_mutex_init(&made->lock, NULL);
    if (getrandom(&made->random, sizeof made->random, GRND_NONBLOCK) != (ssize_t)sizeof made->random)
        made->random = beamc_clock_us();
    made->random |= 1; /* xorshift never leaves zero */
    beamc_status status = tecton_http_client_new(&made->http, err);
    if (status != BEAMC_OK) {
        tecton_engine_release(made);
        return status;
    }
    /* The thread takes no signals: they belong to the main thread, and a connection that breaks must not raise SIGPIPE.
     */
    sigset_t all;
    sigset_t before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int why = pthread_create(&made->thread, NULL, run, made);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (why != 0) {
        tecton_http_client_free(made->http);
        tecton_engine_release(made);
        return beamc_fail(err, BEAMC_UNAVAILABLE, "cannot start the delivery thread: %s", strerror(why));
    }
    (void)pthread_setname_np(made->thread, "tecton-delivery");
    *engine = made;
    return BEAMC_OK;
}

void tecton_delivery_engine_free(tecton_delivery_engine *engine) {
    if (engine == NULL)
        return;
    pthread_mutex_lock(&engine->lock);
    engine->stopping = true;
    tecton_engine_nudge(engine);
    pthread_mutex_unlock(&engine->lock);
    pthread_join(engine->thread, NULL);
    tecton_http_client_free(engine->http);
    engine->http = NULL;
    tecton_due_heap_cleanup(&engine->waiting);
    tecton_engine_release(engine);
}
