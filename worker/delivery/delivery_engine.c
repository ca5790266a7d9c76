#include "worker/delivery/delivery_engine.h"

#include "sdk_harness/base/alloc.h"
#include "sdk_harness/base/clock.h"
#include "sdk_harness/base/fnv1a.h"
#include "sdk_harness/base/log.h"
#include "worker/delivery/attempt.h"
#include "worker/delivery/delivery_internal.h"
#include "worker/delivery/delivery_trace.h"
#include "worker/delivery/isolation.h"
#include "worker/delivery/retry_after.h"

#include <signal.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

enum {
    SHORT_OF_MEMORY_WAIT_MS = 50, /* before a request that libcurl would not start is tried again */
    KEPT_SPARE_TRANSFERS = 256    /* about 800 bytes each */
};

#define CONTAINER_OF(pointer, type, member) ((type *)(void *)((char *)(pointer)-offsetof(type, member)))

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
    while (engine->routes != NULL) {
        tecton_route *route = engine->routes;
        engine->routes = route->next;
        free(route);
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

/* ---- transfers: made, ended ---- */

static tecton_transfer *new_transfer(tecton_delivery_engine *engine, tecton_destination *destination) {
    tecton_transfer *transfer = engine->spares;
    if (transfer != NULL) {
        engine->spares = transfer->next;
        engine->num_spares--;
        transfer->next = NULL;
    } else {
        transfer = beamc_alloc_zero(1, sizeof *transfer);
    }
    transfer->destination = destination;
    atomic_fetch_add_explicit(&destination->references, 1, memory_order_relaxed);
    tecton_route *route = destination->route;
    transfer->all_next = route->transfers;
    if (route->transfers != NULL)
        route->transfers->all_previous = transfer;
    route->transfers = transfer;
    return transfer;
}

static void release_group(tecton_delivery_engine *engine, tecton_route *route, tecton_isolation_group *group);

/* `transfer` is in no queue any more. */
static void free_transfer(tecton_delivery_engine *engine, tecton_transfer *transfer) {
    tecton_destination *destination = transfer->destination;
    tecton_route *route = destination->route;
    if (transfer->all_previous == NULL)
        route->transfers = transfer->all_next;
    else
        transfer->all_previous->all_next = transfer->all_next;
    if (transfer->all_next != NULL)
        transfer->all_next->all_previous = transfer->all_previous;
    tecton_isolation_group *group = transfer->group;
    tecton_transfer_clear(transfer);
    if (engine->num_spares < KEPT_SPARE_TRANSFERS) {
        transfer->next = engine->spares;
        engine->spares = transfer;
        engine->num_spares++;
    } else {
        free(transfer);
    }
    if (group != NULL)
        release_group(engine, route, group);
    tecton_destination_release(destination);
}

static void queue_transfer(tecton_transfer *transfer) {
    transfer->state = TECTON_TRANSFER_QUEUED;
    tecton_transfer_append(&transfer->destination->lane->queue, transfer);
}

/* What has waited goes before what is new. */
static void queue_transfer_first(tecton_transfer *transfer) {
    transfer->state = TECTON_TRANSFER_QUEUED;
    tecton_transfer_prepend(&transfer->destination->lane->queue, transfer);
}

/* ---- requests: learned of, gathered, let go ---- */

static void note_throttled(tecton_delivery_session *session, bool begins, uint64_t now_ms) {
    if (begins && session->num_throttled++ == 0)
        session->throttled_since_ms = now_ms;
    if (!begins && --session->num_throttled == 0)
        atomic_fetch_add_explicit(&session->throttled_ms, now_ms - session->throttled_since_ms, memory_order_relaxed);
}

/* The engine's thread lets go of a request, all of whose records have ended. */
static void leave(tecton_delivery_engine *engine, tecton_delivery_request *request) {
    tecton_delivery_session *session = request->session;
    if (request->session_previous == NULL)
        session->requests = request->session_next;
    else
        request->session_previous->session_next = request->session_next;
    if (request->session_next != NULL)
        request->session_next->session_previous = request->session_previous;
    request->session_next = request->session_previous = NULL;
    request_list_append(&engine->finished, request);
}

/* Tells the sessions of a transfer that it begins or ends to wait because the service said so. */
static void set_throttled(tecton_transfer *transfer, bool throttled, uint64_t now_ms) {
    if (transfer->is_throttled == throttled)
        return;
    transfer->is_throttled = throttled;
    for (uint32_t i = 0; i < transfer->num_slices; i++) {
        if (transfer->slices[i].request != NULL)
            note_throttled(transfer->slices[i].request->session, throttled, now_ms);
    }
}

/* Ends all records of a transfer in the same way, and the transfer. Takes `text`. */
static void end_transfer(tecton_delivery_engine *engine, tecton_transfer *transfer, tecton_verdict verdict,
                         bool stops_bundle, char *text) {
    const tecton_lane *lane = transfer->destination->lane;
    uint64_t now_us = beamc_clock_us();
    set_throttled(transfer, false, now_us / 1000);
    tecton_delivery_result result = {.verdict = verdict,
                                     .possibly_stored = verdict != TECTON_VERDICT_STORED && transfer->possibly_stored,
                                     .stops_bundle = stops_bundle,
                                     .status = transfer->exchange.status,
                                     .num_attempts = transfer->num_attempts,
                                     .latency_ms = transfer->exchange.latency_ms,
                                     .ended_us = now_us,
                                     .request_records = transfer->num_records,
                                     .request_bytes = (uint32_t)transfer->body_len,
                                     .in_flight_requests = lane->gate.limit.num_in_flight + 1,
                                     .in_flight_limit = lane->gate.limit.limit};
    for (uint32_t i = 0; i < transfer->num_slices; i++) {
        const tecton_slice *slice = &transfer->slices[i];
        tecton_delivery_request *request = slice->request;
        if (request == NULL)
            continue;
        result.owns_request = i == 0;
        result.first_record = slice->first_record;
        result.num_records = slice->num_records;
        result.text = text == NULL ? NULL : beamc_strdup(text);
        tecton_delivery_request_add_result(request, &result);
        if (verdict == TECTON_VERDICT_STORED && transfer->possibly_stored)
            request->outcome.num_possibly_duplicated += slice->num_records;
        request->num_open_records -= slice->num_records;
        if (request->num_open_records == 0)
            leave(engine, request);
    }
    free(text);
    free_transfer(engine, transfer);
}

static void transfer_alone(tecton_delivery_engine *engine, tecton_delivery_request *request) {
    tecton_transfer *transfer = new_transfer(engine, request->session->destination);
    request->state = TECTON_REQUEST_TRANSFERRED;
    request->num_open_records = request->num_records;
    tecton_transfer_of_request(transfer, request);
    queue_transfer(transfer);
}

/* Sends what has gathered, as one HTTP request: it was gathered so that it fits. */
static void flush_gathered(tecton_delivery_engine *engine, tecton_route *route) {
    tecton_slice slices[TECTON_MAX_BATCH_RECORDS];
    uint32_t num_slices = 0;
    tecton_delivery_request *only = route->gathering.first;
    if (only == NULL)
        return;
    tecton_due_heap_remove(&engine->lingering, &route->gathering_due);
    while (route->gathering.first != NULL) {
        tecton_delivery_request *request = route->gathering.first;
        request_list_remove(&route->gathering, request);
        request->state = TECTON_REQUEST_TRANSFERRED;
        request->num_open_records = request->num_records;
        slices[num_slices++] = (tecton_slice){.request = request, .num_records = request->num_records};
    }
    route->num_gathering_records = 0;
    route->gathering_bytes = 0;
    if (num_slices == 1) {
        transfer_alone(engine, only);
        return;
    }
    tecton_destination *destination = only->session->destination;
    tecton_transfer *transfer = new_transfer(engine, destination);
    tecton_transfer_of_slices(transfer, slices, num_slices, destination->store->encode(destination->store, false));
    queue_transfer(transfer);
}

/* Puts a request that is not full beside others of its route, which leave together: when they are full, or the first of
 * them has waited long enough. */
static void gather(tecton_delivery_engine *engine, tecton_delivery_request *request, uint64_t now_ms) {
    const tecton_destination *destination = request->session->destination;
    tecton_route *route = destination->route;
    if (route->num_gathering_records + request->num_records > destination->max_batch_records ||
        route->gathering_bytes + request->body_len > destination->max_body_bytes)
        flush_gathered(engine, route);
    bool is_first = route->gathering.first == NULL;
    bool is_due = request->gather_until_ms <= now_ms;
    if (is_first && is_due) {
        transfer_alone(engine, request);
        return;
    }
    request->state = TECTON_REQUEST_GATHERING;
    request_list_append(&route->gathering, request);
    route->num_gathering_records += request->num_records;
    route->gathering_bytes += request->body_len;
    if (is_first) {
        tecton_due_heap_add(&engine->lingering, &route->gathering_due, request->gather_until_ms);
    } else if (request->gather_until_ms < route->gathering_due.due_ms) {
        tecton_due_heap_remove(&engine->lingering, &route->gathering_due);
        tecton_due_heap_add(&engine->lingering, &route->gathering_due, request->gather_until_ms);
    }
    if (is_due || route->num_gathering_records == destination->max_batch_records)
        flush_gathered(engine, route);
}

/* The engine's thread learns of a request. */
static void enter(tecton_delivery_engine *engine, tecton_delivery_request *request, uint64_t now_ms) {
    tecton_delivery_session *session = request->session;
    request->session_previous = NULL;
    request->session_next = session->requests;
    if (session->requests != NULL)
        session->requests->session_previous = request;
    session->requests = request;
    if (request->is_partial)
        gather(engine, request, now_ms);
    else
        transfer_alone(engine, request);
}

/* ---- one try's end ---- */

static tecton_delivery_outcome *owner_of(tecton_transfer *transfer) {
    tecton_delivery_request *request = transfer->slices[0].request;
    return request == NULL ? NULL : &request->outcome;
}

static bool is_throttled(const tecton_transfer *transfer, tecton_verdict verdict, uint64_t retry_after_ms) {
    return verdict == TECTON_VERDICT_THROTTLED ||
           (verdict == TECTON_VERDICT_RETRYABLE && retry_after_ms != TECTON_NO_RETRY_AFTER &&
            transfer->exchange.result == TECTON_HTTP_ANSWERED);
}

static void note_try(tecton_transfer *transfer, const tecton_store_judgement *judgement, bool throttled) {
    const tecton_http_exchange *exchange = &transfer->exchange;
    bool sent = exchange->result == TECTON_HTTP_ANSWERED || exchange->result == TECTON_HTTP_LOST;
    bool stored = judgement->verdict == TECTON_VERDICT_STORED;
    /* The client sends again at once when a kept connection turns out to be closed: a try without an answer each. */
    uint32_t num_resent = exchange->num_sends > 1 ? exchange->num_sends - 1 : 0;
    tecton_delivery_outcome *outcome = owner_of(transfer);
    if (outcome != NULL) {
        outcome->num_tries += 1 + num_resent;
        outcome->num_errors += (stored ? 0 : 1) + num_resent;
        outcome->num_retries += (transfer->num_tries > 0 ? 1 : 0) + num_resent;
        outcome->num_throttled += throttled ? 1 : 0;
        outcome->num_count_differences += stored && judgement->has_count && judgement->count != transfer->num_records;
    }
    transfer->num_tries += 1 + num_resent;
    transfer->num_attempts += 1 + num_resent;
    if (num_resent > 0 || (sent && judgement->verdict == TECTON_VERDICT_RETRYABLE))
        transfer->possibly_stored = true;
}

static void wait_until(tecton_delivery_engine *engine, tecton_transfer *transfer, uint64_t due_ms) {
    transfer->state = TECTON_TRANSFER_WAITING;
    tecton_due_heap_add(&engine->waiting, &transfer->due, due_ms);
}

/* Puts the transfer among the waiting and returns true, or returns false when it is given up. */
static bool schedule_retry(tecton_delivery_engine *engine, tecton_transfer *transfer, bool throttled, bool waits,
                           uint64_t retry_after_ms, uint64_t now_ms) {
    tecton_attempt attempt = TECTON_ATTEMPT_SENT;
    transfer->next_try = transfer->exchange.timed_out ? TECTON_TRY_AFTER_TIMEOUT : TECTON_TRY_AFTER_FAILURE;
    if (transfer->exchange.result == TECTON_HTTP_NOT_SENT || throttled || waits) {
        attempt = throttled ? TECTON_ATTEMPT_THROTTLED : TECTON_ATTEMPT_NOT_SENT;
        transfer->next_try = TECTON_TRY_AFTER_WAIT;
    }
    tecton_retry_decision decision = tecton_retry_next(&transfer->destination->retry, &transfer->retry, attempt,
                                                       retry_after_ms, now_ms, next_random(engine));
    if (decision.give_up)
        return false;
    wait_until(engine, transfer, now_ms + decision.delay_ms);
    set_throttled(transfer, throttled, now_ms);
    return true;
}

/* ---- isolation ---- */

static void send_parts(tecton_delivery_engine *engine, tecton_transfer *transfer, uint32_t num_parts) {
    tecton_destination *destination = transfer->destination;
    tecton_record_range range = {.num = transfer->num_records};
    tecton_slice *slices = beamc_alloc(transfer->num_slices * sizeof *slices);
    for (uint32_t i = num_parts; i > 0; i--) { /* the last first: each goes to the front of the queue */
        tecton_record_range part_range = tecton_isolation_part(range, num_parts, i - 1);
        uint32_t num_slices = tecton_transfer_cut(transfer, part_range.first, part_range.num, slices);
        if (num_slices == 0)
            continue; /* of bundles that are gone */
        tecton_transfer *part = new_transfer(engine, destination);
        tecton_transfer_of_slices(part, slices, num_slices, destination->store->encode(destination->store, false));
        part->num_attempts = transfer->num_attempts;
        part->possibly_stored = transfer->possibly_stored;
        part->group = transfer->group;
        part->group->num_transfers++;
        queue_transfer_first(part);
    }
    free(slices);
    free_transfer(engine, transfer);
}

/* Sends a rejected transfer again in parts, or lets it wait until fewer others are taken apart. */
static void take_apart(tecton_delivery_engine *engine, tecton_transfer *transfer, uint32_t num_parts) {
    tecton_route *route = transfer->destination->route;
    if (transfer->group == NULL) {
        if (!tecton_isolation_begin(&route->isolations)) {
            transfer->state = TECTON_TRANSFER_REJECTED;
            transfer->num_parts = num_parts;
            tecton_transfer_append(&route->to_isolate, transfer);
            return;
        }
        transfer->group = beamc_alloc_zero(1, sizeof *transfer->group);
        transfer->group->num_transfers = 1;
    }
    send_parts(engine, transfer, num_parts);
}

static void release_group(tecton_delivery_engine *engine, tecton_route *route, tecton_isolation_group *group) {
    if (--group->num_transfers > 0)
        return;
    free(group);
    tecton_isolation_end(&route->isolations);
    tecton_transfer *next = route->to_isolate.first;
    if (next != NULL) {
        tecton_transfer_remove(&route->to_isolate, next);
        take_apart(engine, next, next->num_parts);
    }
}

static tecton_isolation isolation_of(const tecton_transfer *transfer, const tecton_store_judgement *judgement) {
    const tecton_destination *destination = transfer->destination;
    tecton_rejection rejection = judgement->verdict == TECTON_VERDICT_RECORD_ERROR    ? TECTON_REJECTED_RECORDS
                                 : judgement->verdict == TECTON_VERDICT_REQUEST_ERROR ? TECTON_REJECTED_REQUEST
                                                                                      : TECTON_REJECTED_TOO_LARGE;
    tecton_record_range range = {.num = transfer->num_records};
    bool has_accepted = atomic_load_explicit(&destination->route->has_accepted, memory_order_relaxed);
    tecton_isolation isolation = tecton_isolate(range, rejection, judgement->num_bad, has_accepted);
    bool is_shared = transfer->num_slices > 1;
    if (transfer->is_preflight || (isolation.action == TECTON_ISOLATE_SPLIT && !destination->isolates && !is_shared))
        isolation.action = TECTON_ISOLATE_RECORD; /* as far as it is asked for */
    if (isolation.action == TECTON_ISOLATE_STOP && is_shared)
        isolation = (tecton_isolation){.action = TECTON_ISOLATE_SPLIT, .num_parts = 2}; /* first whose it is */
    return isolation;
}

/* Tells the gate how a try ended. */
static void report_end(tecton_delivery_engine *engine, tecton_transfer *transfer,
                       const tecton_store_judgement *judgement, bool throttled, uint64_t retry_after_ms,
                       uint64_t now_ms) {
    tecton_route *route = transfer->destination->route;
    const tecton_http_exchange *exchange = &transfer->exchange;
    tecton_attempt_report report = {
        .end = TECTON_END_REJECTED, .rtt_us = exchange->latency_us, .retry_after_ms = retry_after_ms};
    if (judgement->verdict == TECTON_VERDICT_STORED)
        report.end = TECTON_END_STORED;
    else if (throttled)
        report.end = TECTON_END_THROTTLED;
    else if (exchange->result == TECTON_HTTP_NOT_SENT)
        report.end = TECTON_END_NOT_SENT;
    else if (exchange->result == TECTON_HTTP_LOST)
        report.end = exchange->timed_out ? TECTON_END_TIMED_OUT : TECTON_END_FAILED;
    else if (judgement->verdict == TECTON_VERDICT_NOT_YET || exchange->status == 408 || exchange->status == 425)
        report.end = TECTON_END_NOT_NOW;
    else if (judgement->verdict == TECTON_VERDICT_RETRYABLE)
        report.end = TECTON_END_FAILED;
    else if (tecton_verdict_is_fatal(judgement->verdict)) {
        report.end = TECTON_END_FATAL;
        report.text = judgement->text;
        if (!route->verdicts.held)
            route->fatal_verdict = judgement->verdict;
    }
    tecton_lane *lane = transfer->destination->lane;
    tecton_delivery_gate_finished(&lane->gate, &route->verdicts, &transfer->ticket, &report, now_ms,
                                  next_random(engine));
    lane->ask_again_ms = 0; /* what the gate has learned may open it */
}

static void settle(tecton_http_exchange *exchange) {
    tecton_transfer *transfer = CONTAINER_OF(exchange, tecton_transfer, exchange);
    tecton_destination *destination = transfer->destination;
    tecton_delivery_engine *engine = destination->engine;
    uint64_t now_ms = beamc_clock_ms();
    tecton_transfer_remove(&engine->in_flight, transfer);
    tecton_store_judgement judgement;
    tecton_attempt_judge(transfer, &judgement);
    uint64_t retry_after_ms = exchange->result == TECTON_HTTP_ANSWERED
                                  ? tecton_retry_after_ms(exchange->retry_after, beamc_wall_ms())
                                  : TECTON_NO_RETRY_AFTER;
    if (judgement.verdict == TECTON_VERDICT_NOT_FOUND &&
        tecton_fatal_verdicts_in_grace(&destination->route->verdicts, exchange->status, now_ms))
        judgement.verdict = TECTON_VERDICT_NOT_YET;
    bool throttled = is_throttled(transfer, judgement.verdict, retry_after_ms);
    report_end(engine, transfer, &judgement, throttled, retry_after_ms, now_ms);
    note_try(transfer, &judgement, throttled);
    tecton_verdict verdict = judgement.verdict;
    if (verdict == TECTON_VERDICT_STORED) {
        if (!transfer->is_preflight)
            atomic_store_explicit(&destination->route->has_accepted, true, memory_order_relaxed);
        end_transfer(engine, transfer, verdict, false, NULL);
        return;
    }
    bool may_pass = tecton_verdict_may_pass(verdict);
    if (may_pass &&
        schedule_retry(engine, transfer, throttled, verdict == TECTON_VERDICT_NOT_YET, retry_after_ms, now_ms)) {
        log_debug("a request of %u records will be sent again: %s", transfer->num_records, judgement.text);
        return;
    }
    bool stops_bundle = false;
    if (tecton_verdict_is_rejection(verdict)) {
        tecton_isolation isolation = isolation_of(transfer, &judgement);
        if (isolation.action == TECTON_ISOLATE_SPLIT) {
            take_apart(engine, transfer, isolation.num_parts);
            return;
        }
        stops_bundle = isolation.action == TECTON_ISOLATE_STOP;
    }
    end_transfer(engine, transfer, verdict, stops_bundle,
                 tecton_attempt_say(transfer, &destination->retry, judgement.text, may_pass, now_ms));
}

/* ---- the queue of a lane ---- */
/* Gives up a transfer that was held back for too long. It is in no queue. */
static void expire(tecton_delivery_engine *engine, tecton_transfer *transfer, tecton_gate_hold hold, uint64_t now_ms) {
    const char *url = transfer->destination->lane->url;
    static const char *const why[] = {
        [TECTON_HELD_BY_BREAKER] = "does not work: its last requests all failed, and one is tried every few seconds",
        [TECTON_HELD_BY_BUDGET] = "fails so often that retries are rationed",
        [TECTON_HELD_BY_THROTTLING] = "throttles"};
    char *text = beamc_format("%.200s %s; these records were not sent%s. Raise max_retry_seconds to outlast it", url,
                              why[hold], transfer->num_tries == 0 ? "" : " again");
    char *said = tecton_attempt_say(transfer, &transfer->destination->retry, text, true, now_ms);
    free(text);
    end_transfer(engine, transfer, TECTON_VERDICT_RETRYABLE, false, said);
}

static bool counts_as_trying(tecton_gate_hold hold) {
    return hold == TECTON_HELD_BY_BREAKER || hold == TECTON_HELD_BY_BUDGET || hold == TECTON_HELD_BY_THROTTLING;
}

/* While nothing may be sent because the service fails or throttles, what waits grows old, sent before or not. */
static void age_queue(tecton_delivery_engine *engine, tecton_lane *lane, tecton_gate_hold hold, uint64_t now_ms) {
    tecton_transfer *next = NULL;
    for (tecton_transfer *transfer = lane->queue.first; transfer != NULL; transfer = next) {
        next = transfer->next;
        tecton_retry_began(&transfer->retry, now_ms);
        if (!tecton_retry_expired(&transfer->destination->retry, &transfer->retry, now_ms)) {
            set_throttled(transfer, hold == TECTON_HELD_BY_THROTTLING, now_ms);
            continue;
        }
        tecton_transfer_remove(&lane->queue, transfer);
        expire(engine, transfer, hold, now_ms);
    }
}

/* Gives back what the gate reserved for a request that is cancelled or was not started after all. */
static void tell_not_sent(tecton_delivery_engine *engine, tecton_transfer *transfer, uint64_t now_ms) {
    tecton_attempt_report report = {.end = TECTON_END_CANCELLED, .retry_after_ms = TECTON_NO_RETRY_AFTER};
    tecton_lane *lane = transfer->destination->lane;
    tecton_delivery_gate_finished(&lane->gate, &transfer->destination->route->verdicts, &transfer->ticket, &report,
                                  now_ms, next_random(engine));
    lane->ask_again_ms = 0;
}

static bool send_now(tecton_delivery_engine *engine, tecton_transfer *transfer) {
    transfer->exchange.target = transfer->destination->target;
    transfer->exchange.body = transfer->body;
    transfer->exchange.body_len = transfer->body_len;
    transfer->exchange.done = settle;
    beamc_error err;
    if (tecton_http_client_submit(engine->http, &transfer->exchange, &err) == BEAMC_OK)
        return true;
    log_warn("requests wait: %s", err.text);
    return false;
}

/* Starts what the gate lets through. `wait_ms` is lowered to when it is to be asked again. */
static void start_queued(tecton_delivery_engine *engine, tecton_lane *lane, uint64_t now_ms, uint64_t *wait_ms) {
    if (lane->ask_again_ms > now_ms) {
        *wait_ms = *wait_ms < lane->ask_again_ms - now_ms ? *wait_ms : lane->ask_again_ms - now_ms;
        return;
    }
    lane->ask_again_ms = 0;
    tecton_transfer *transfer = NULL;
    while ((transfer = lane->queue.first) != NULL) {
        tecton_route *route = transfer->destination->route;
        tecton_gate_answer answer = tecton_delivery_gate_ask(&lane->gate, &route->verdicts, transfer->next_try,
                                                             transfer->num_records, now_ms, next_random(engine));
        switch (answer.action) {
        case TECTON_GATE_SEND:
            transfer->ticket = answer.ticket;
            if (!send_now(engine, transfer)) {
                tell_not_sent(engine, transfer, now_ms);
                lane->ask_again_ms = now_ms + SHORT_OF_MEMORY_WAIT_MS;
                break;
            }
            tecton_transfer_remove(&lane->queue, transfer);
            set_throttled(transfer, false, now_ms);
            tecton_retry_began(&transfer->retry, now_ms);
            transfer->state = TECTON_TRANSFER_IN_FLIGHT;
            tecton_transfer_append(&engine->in_flight, transfer);
            continue;
        case TECTON_GATE_FAIL:
            tecton_transfer_remove(&lane->queue, transfer);
            transfer->exchange.status = 0;
            end_transfer(engine, transfer, route->fatal_verdict, false,
                         beamc_format("not sent, because the last request failed for good: %s", answer.text));
            continue;
        case TECTON_GATE_LATER:
            tecton_transfer_remove(&lane->queue, transfer);
            if (tecton_retry_expired(&transfer->destination->retry, &transfer->retry, now_ms))
                expire(engine, transfer, answer.hold, now_ms);
            else
                wait_until(engine, transfer, answer.until_ms);
            continue;
        case TECTON_GATE_ALL_LATER:
            lane->ask_again_ms = answer.until_ms;
            if (counts_as_trying(answer.hold))
                age_queue(engine, lane, answer.hold, now_ms);
            break;
        case TECTON_GATE_WAIT_FOR_SLOT:
            return;
        }
        break;
    }
    if (lane->queue.first != NULL && lane->ask_again_ms > now_ms && lane->ask_again_ms - now_ms < *wait_ms)
        *wait_ms = lane->ask_again_ms - now_ms;
}

/* Takes a transfer out of whatever queue it is in, and stops it. */
static void abandon(tecton_delivery_engine *engine, tecton_transfer *transfer, uint64_t now_ms) {
    tecton_destination *destination = transfer->destination;
    switch (transfer->state) {
    case TECTON_TRANSFER_QUEUED:
        tecton_transfer_remove(&destination->lane->queue, transfer);
        break;
    case TECTON_TRANSFER_IN_FLIGHT:
        tecton_http_client_cancel(engine->http, &transfer->exchange);
        tecton_transfer_remove(&engine->in_flight, transfer);
        tell_not_sent(engine, transfer, now_ms);
        break;
    case TECTON_TRANSFER_WAITING:
        tecton_due_heap_remove(&engine->waiting, &transfer->due);
        break;
    case TECTON_TRANSFER_REJECTED:
        tecton_transfer_remove(&destination->route->to_isolate, transfer);
        break;
    }
    free_transfer(engine, transfer);
}

static void ungather(tecton_delivery_engine *engine, tecton_delivery_request *request) {
    tecton_route *route = request->session->destination->route;
    request_list_remove(&route->gathering, request);
    route->num_gathering_records -= request->num_records;
    route->gathering_bytes -= request->body_len;
    if (route->gathering.first == NULL)
        tecton_due_heap_remove(&engine->lingering, &route->gathering_due);
}

/* Makes the records of a session unowned, in whatever transfer they are. */
static void disown(tecton_delivery_session *session, uint64_t now_ms) {
    tecton_route *route = session->destination->route;
    for (tecton_transfer *transfer = route->transfers; transfer != NULL; transfer = transfer->all_next) {
        for (uint32_t i = 0; i < transfer->num_slices; i++) {
            tecton_slice *slice = &transfer->slices[i];
            if (slice->request == NULL || slice->request->session != session)
                continue;
            if (transfer->is_throttled)
                note_throttled(session, false, now_ms);
            slice->request = NULL;
            transfer->num_live_slices--;
        }
    }
}

/* Drops all that the session still has with the engine's thread. */
static void cancel(tecton_delivery_engine *engine, tecton_delivery_session *session) {
    tecton_route *route = session->destination->route;
    uint64_t now_ms = beamc_clock_ms();
    disown(session, now_ms);
    for (tecton_transfer *transfer = route->transfers; transfer != NULL;) {
        tecton_transfer *next = transfer->all_next;
        if (transfer->num_live_slices > 0) {
            transfer = next;
            continue;
        }
        bool may_begin_others = transfer->group != NULL; /* an isolation that ends lets the next one begin */
        abandon(engine, transfer, now_ms);
        transfer = may_begin_others ? route->transfers : next;
    }
    while (session->requests != NULL) {
        tecton_delivery_request *request = session->requests;
        if (request->state == TECTON_REQUEST_GATHERING)
            ungather(engine, request);
        leave(engine, request); /* the session is closed: this drops it */
    }
}

/* Everything that other threads left for this one. */
typedef struct {
    tecton_request_list inbox;
    tecton_delivery_session *cancelled;
    tecton_destination *dead;
    tecton_lane *lanes;
    tecton_route *routes;
    uint64_t parked_due_ms;
    bool stopping;
} engine_mail;

static engine_mail take_mail(tecton_delivery_engine *engine, uint64_t now_ms) {
    pthread_mutex_lock(&engine->lock);
    while (tecton_due_heap_next_ms(&engine->parked) <= now_ms || (engine->stopping && engine->parked.num_entries > 0)) {
        tecton_delivery_request *request =
            CONTAINER_OF(tecton_due_heap_first(&engine->parked), tecton_delivery_request, due);
        tecton_due_heap_remove(&engine->parked, &request->due);
        request->state = TECTON_REQUEST_SUBMITTED;
        request->session->parked = NULL;
        request->session->destination->lane->num_held++;
        request->session->num_held++;
        request_list_append(&engine->inbox, request);
    }
    engine_mail mail = {.inbox = engine->inbox,
                        .cancelled = engine->cancelled,
                        .dead = engine->dead,
                        .lanes = engine->lanes,   /* lanes are only ever put in front, and stay */
                        .routes = engine->routes, /* for when it stops: nothing is made then */
                        .parked_due_ms = tecton_due_heap_next_ms(&engine->parked),
                        .stopping = engine->stopping};
    engine->inbox = (tecton_request_list){0};
    engine->cancelled = NULL;
    engine->dead = NULL;
    engine->sleeping = true; /* from here on a nudge is needed */
    for (tecton_lane *lane = engine->lanes; lane != NULL; lane = lane->next) {
        if (lane->gate.limit.ceiling != lane->max_in_flight)
            tecton_adaptive_limit_set_ceiling(&lane->gate.limit, lane->max_in_flight);
        lane->gate.rate_cap.records_per_second = lane->max_records_per_second;
    }
    pthread_mutex_unlock(&engine->lock);
    return mail;
}

static void read_mail(tecton_delivery_engine *engine, engine_mail *mail, uint64_t now_ms) {
    while (mail->inbox.first != NULL) {
        tecton_delivery_request *request = mail->inbox.first;
        request_list_remove(&mail->inbox, request);
        enter(engine, request, now_ms);
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

static void queue_due_retries(tecton_delivery_engine *engine, uint64_t now_ms) {
    while (tecton_due_heap_next_ms(&engine->waiting) <= now_ms) {
        tecton_transfer *transfer = CONTAINER_OF(tecton_due_heap_first(&engine->waiting), tecton_transfer, due);
        tecton_due_heap_remove(&engine->waiting, &transfer->due);
        queue_transfer_first(transfer);
    }
}

static void flush_due(tecton_delivery_engine *engine, uint64_t now_ms) {
    while (tecton_due_heap_next_ms(&engine->lingering) <= now_ms)
        flush_gathered(engine, CONTAINER_OF(tecton_due_heap_first(&engine->lingering), tecton_route, gathering_due));
}

/* Gives the places of finished requests back, then the requests to their sessions, and wakes who waits for a place. */
static void give_back(tecton_delivery_engine *engine, tecton_lane *lanes) {
    tecton_delivery_session *to_wake = NULL;
    pthread_mutex_lock(&engine->lock);
    for (tecton_delivery_request *request = engine->finished.first; request != NULL; request = request->next) {
        request->session->num_held--;
        request->session->destination->lane->num_held--;
    }
    for (tecton_lane *lane = lanes; lane != NULL; lane = lane->next) {
        /* Not at the first free place: each wake should let a bundle do a piece of work. */
        while (lane->waiters != NULL && lane->num_held * 4 < lane->max_in_flight * 6) {
            tecton_delivery_session *session = lane->waiters;
            lane->waiters = session->next_waiter;
            session->admit_waiting = false;
            session->next_to_wake = to_wake;
            to_wake = session;
        }
    }
    pthread_mutex_unlock(&engine->lock);
    while (engine->finished.first != NULL) {
        tecton_delivery_request *request = engine->finished.first;
        request_list_remove(&engine->finished, request);
        tecton_session_deliver(request->session, request);
    }
    while (to_wake != NULL) {
        tecton_delivery_session *session = to_wake;
        to_wake = session->next_to_wake;
        session->owner.wake(session->owner.context);
        tecton_session_release(session);
    }
}

static void fail_transfer(tecton_delivery_engine *engine, tecton_transfer *transfer, const char *text) {
    end_transfer(engine, transfer, TECTON_VERDICT_OTHER, false, beamc_strdup(text));
}

/* Ends what is under way and gives everything back to its session as failed. */
static void shut_down(tecton_delivery_engine *engine, tecton_lane *lanes, tecton_route *routes) {
    static const char before[] = "the worker shuts down before the request was sent, or sent again";
    flush_due(engine, UINT64_MAX - 1);
    queue_due_retries(engine, UINT64_MAX - 1);
    for (tecton_lane *lane = lanes; lane != NULL; lane = lane->next) {
        while (lane->queue.first != NULL) {
            tecton_transfer *transfer = lane->queue.first;
            tecton_transfer_remove(&lane->queue, transfer);
            fail_transfer(engine, transfer, before);
        }
    }
    while (engine->in_flight.first != NULL) {
        tecton_transfer *transfer = engine->in_flight.first;
        tecton_transfer_remove(&engine->in_flight, transfer);
        tecton_http_client_cancel(engine->http, &transfer->exchange);
        transfer->possibly_stored = true;
        fail_transfer(engine, transfer,
                      "the worker shuts down while the request is under way; the records may or may not be written");
    }
    /* What waits to be taken apart comes into the queue when an isolation before it ends, as some just did. */
    for (tecton_route *route = routes; route != NULL; route = route->next) {
        while (route->to_isolate.first != NULL) {
            tecton_transfer *transfer = route->to_isolate.first;
            tecton_transfer_remove(&route->to_isolate, transfer);
            fail_transfer(engine, transfer, before);
        }
    }
    for (tecton_lane *lane = lanes; lane != NULL; lane = lane->next) {
        while (lane->queue.first != NULL) {
            tecton_transfer *transfer = lane->queue.first;
            tecton_transfer_remove(&lane->queue, transfer);
            fail_transfer(engine, transfer, before);
        }
    }
    while (engine->spares != NULL) {
        tecton_transfer *transfer = engine->spares;
        engine->spares = transfer->next;
        free(transfer);
    }
    engine->num_spares = KEPT_SPARE_TRANSFERS; /* none is kept from here on */
}

static void write_trace(tecton_delivery_trace *trace, const tecton_lane *lanes, uint64_t now_ms, uint64_t *wait_ms) {
    if (trace == NULL)
        return;
    if (*wait_ms > TECTON_TRACE_EVERY_MS)
        *wait_ms = TECTON_TRACE_EVERY_MS;
    if (!tecton_delivery_trace_due(trace, now_ms))
        return;
    for (const tecton_lane *lane = lanes; lane != NULL; lane = lane->next) {
        size_t num_queued = 0;
        for (const tecton_transfer *transfer = lane->queue.first; transfer != NULL; transfer = transfer->next)
            num_queued++;
        tecton_delivery_trace_note(trace, lane->url, &lane->gate, num_queued, beamc_wall_ms());
    }
}

static void *run(void *context) {
    tecton_delivery_engine *engine = context;
    tecton_delivery_trace *trace = tecton_delivery_trace_open();
    for (;;) {
        uint64_t now_ms = beamc_clock_ms();
        engine_mail mail = take_mail(engine, now_ms);
        read_mail(engine, &mail, now_ms);
        if (mail.stopping) {
            shut_down(engine, mail.lanes, mail.routes);
            give_back(engine, mail.lanes);
            tecton_delivery_trace_close(trace);
            return NULL;
        }
        flush_due(engine, now_ms);
        queue_due_retries(engine, now_ms);
        uint64_t wait_ms = UINT64_MAX;
        for (tecton_lane *lane = mail.lanes; lane != NULL; lane = lane->next)
            start_queued(engine, lane, now_ms, &wait_ms);
        give_back(engine, mail.lanes); /* what the last poll, the cancellations or the gate ended; before any wait */
        const uint64_t due_ms[] = {mail.parked_due_ms, tecton_due_heap_next_ms(&engine->waiting),
                                   tecton_due_heap_next_ms(&engine->lingering)};
        for (size_t i = 0; i < sizeof due_ms / sizeof due_ms[0]; i++) {
            uint64_t until_ms = due_ms[i] == UINT64_MAX ? UINT64_MAX : due_ms[i] > now_ms ? due_ms[i] - now_ms : 0;
            wait_ms = until_ms < wait_ms ? until_ms : wait_ms;
        }
        write_trace(trace, mail.lanes, now_ms, &wait_ms);
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
    made->identity_seed = BEAMC_FNV1A_START ^ made->random;
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
    tecton_due_heap_cleanup(&engine->lingering);
    tecton_engine_release(engine);
}
