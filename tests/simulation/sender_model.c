#include "tests/simulation/sender_model.h"

#include "sdk_harness/base/alloc.h"
#include "tests/simulation/sim_random.h"
#include "worker/delivery/retry_after.h"

#include <assert.h>
#include <stdlib.h>

static void pump(sim_sender *sender, uint64_t now_us);
static void pump_soon(sim_sender *sender, uint64_t now_us);

static uint32_t random32(sim_sender *sender) {
    return (uint32_t)(sim_random_bits(&sender->random) >> 32);
}

static sim_slot *slot_at(sim_sender *sender, uint64_t now_us) {
    uint64_t index = now_us / (SIM_SLOT_MS * 1000);
    assert(index < SIM_MAX_SLOTS);
    sim_slot *slot = &sender->slots[index];
    slot->limit = sender->gate.limit.limit;
    if (sender->gate.limit.num_in_flight > slot->most_in_flight)
        slot->most_in_flight = sender->gate.limit.num_in_flight;
    return slot;
}

static void queue_last(sim_sender *sender, sim_request *request) {
    request->next = NULL;
    if (sender->queue_first == NULL)
        sender->queue_first = request;
    else
        sender->queue_last->next = request;
    sender->queue_last = request;
}

static void queue_first(sim_sender *sender, sim_request *request) {
    request->next = sender->queue_first;
    if (sender->queue_first == NULL)
        sender->queue_last = request;
    sender->queue_first = request;
}

static void take_first(sim_sender *sender) {
    sender->queue_first = sender->queue_first->next;
}

static void offer(sim_sender *sender, uint64_t now_us) {
    sim_request *request = sender->unused;
    if (request == NULL) {
        request = beamc_alloc_zero(1, sizeof *request);
        request->next_of_all = sender->all;
        sender->all = request;
    } else {
        sender->unused = request->next;
    }
    *request = (sim_request){.sender = sender, .kind = TECTON_TRY_FIRST, .next_of_all = request->next_of_all};
    sender->num_held++;
    slot_at(sender, now_us)->num_offered++;
    queue_last(sender, request);
}

static void settle(sim_request *request) {
    sim_sender *sender = request->sender;
    sender->num_held--;
    request->next = sender->unused;
    sender->unused = request;
}

static void give_up(sim_request *request, uint64_t now_us) {
    slot_at(request->sender, now_us)->num_given_up++;
    settle(request);
}

static void retry_or_give_up(sim_request *request, tecton_attempt_end end, uint64_t now_us) {
    sim_sender *sender = request->sender;
    tecton_attempt attempt = TECTON_ATTEMPT_SENT;
    request->kind = end == TECTON_END_TIMED_OUT ? TECTON_TRY_AFTER_TIMEOUT : TECTON_TRY_AFTER_FAILURE;
    if (end == TECTON_END_NOT_SENT || end == TECTON_END_THROTTLED) {
        request->kind = TECTON_TRY_AFTER_WAIT;
        attempt = end == TECTON_END_NOT_SENT ? TECTON_ATTEMPT_NOT_SENT : TECTON_ATTEMPT_THROTTLED;
    }
    uint64_t retry_after_ms = end == TECTON_END_THROTTLED ? request->answer.retry_after_ms : TECTON_NO_RETRY_AFTER;
    tecton_retry_decision decision = tecton_retry_next(&sender->retry_limits, &request->retry, attempt, retry_after_ms,
                                                       now_us / 1000, random32(sender));
    if (decision.give_up)
        give_up(request, now_us);
    else
        tecton_due_heap_add(&sender->waiting, &request->due, now_us / 1000 + decision.delay_ms);
}

static void answered(void *context, uint64_t now_us) {
    sim_request *request = context;
    sim_sender *sender = request->sender;
    sim_slot *slot = slot_at(sender, now_us);
    bool in_time = request->answer.answer_us == now_us;
    tecton_attempt_report report = {.end = in_time ? request->answer.end : TECTON_END_TIMED_OUT,
                                    .rtt_us = now_us - request->started_us,
                                    .retry_after_ms = request->answer.retry_after_ms};
    sender->connections[request->connection] = false;
    tecton_delivery_gate_finished(&sender->gate, &sender->verdicts, &request->ticket, &report, now_us / 1000,
                                  random32(sender));
    if (report.end == TECTON_END_STORED) {
        slot->num_stored++;
        settle(request);
    } else {
        if (report.end == TECTON_END_THROTTLED)
            slot->num_throttled++;
        else
            slot->num_failed++;
        retry_or_give_up(request, report.end, now_us);
    }
    pump_soon(sender, now_us);
}

static void send(sim_request *request, uint64_t now_us) {
    sim_sender *sender = request->sender;
    uint32_t connection = 1; /* the one with the lowest number that is free, as a pool does */
    while (sender->connections[connection])
        connection++;
    assert(connection < SIM_MAX_CONNECTIONS - 1);
    sender->connections[connection] = true;
    request->connection = connection;
    request->started_us = now_us;
    request->num_attempts++;
    sim_slot *slot = slot_at(sender, now_us);
    slot->num_attempts++;
    if (request->num_attempts > 1)
        slot->num_retries++;
    request->answer = sim_server_receive(sender->server, connection, now_us);
    uint64_t timeout_us = now_us + sender->timeout_ms * 1000;
    sim_post(sender->events, request->answer.answer_us <= timeout_us ? request->answer.answer_us : timeout_us, answered,
             request);
}

static void wake(void *context, uint64_t now_us) {
    sim_sender *sender = context;
    if (sender->wake_us != now_us)
        return; /* an earlier wake took over */
    sender->wake_us = UINT64_MAX;
    pump(sender, now_us);
}

static void wake_at(sim_sender *sender, uint64_t at_us) {
    if (at_us >= sender->wake_us)
        return;
    sender->wake_us = at_us;
    sim_post(sender->events, at_us, wake, sender);
}

/* A backlog: as many as the engine lets in, at once or when the last bundle is done. */
static void refill(sim_sender *sender, uint64_t now_us) {
    if (sender->offered_per_second > 0 || (sender->in_bundles && sender->num_held > 0))
        return;
    while (sender->num_held < 2 * sender->max_in_flight)
        offer(sender, now_us);
}

/* One turn of the engine's loop. */
static void pump(sim_sender *sender, uint64_t now_us) {
    uint64_t now_ms = now_us / 1000;
    refill(sender, now_us);
    while (tecton_due_heap_next_ms(&sender->waiting) <= now_ms) {
        tecton_due_entry *entry = tecton_due_heap_first(&sender->waiting);
        tecton_due_heap_remove(&sender->waiting, entry);
        queue_first(sender, (sim_request *)(void *)entry);
    }
    while (sender->queue_first != NULL) {
        sim_request *request = sender->queue_first;
        tecton_gate_answer answer = tecton_delivery_gate_ask(&sender->gate, &sender->verdicts, request->kind,
                                                             SIM_RECORDS, now_ms, random32(sender));
        if (answer.action == TECTON_GATE_SEND) {
            take_first(sender);
            tecton_retry_began(&request->retry, now_ms);
            request->ticket = answer.ticket;
            send(request, now_us);
            continue;
        }
        bool counts = answer.hold == TECTON_HELD_BY_BREAKER || answer.hold == TECTON_HELD_BY_BUDGET ||
                      answer.hold == TECTON_HELD_BY_THROTTLING;
        if (counts)
            tecton_retry_began(&request->retry, now_ms);
        if (answer.action == TECTON_GATE_FAIL ||
            (counts && tecton_retry_expired(&sender->retry_limits, &request->retry, now_ms))) {
            take_first(sender);
            give_up(request, now_us);
            continue;
        }
        if (answer.action == TECTON_GATE_LATER) {
            take_first(sender);
            tecton_due_heap_add(&sender->waiting, &request->due, answer.until_ms);
            continue;
        }
        if (answer.action == TECTON_GATE_ALL_LATER)
            wake_at(sender, answer.until_ms * 1000);
        break;
    }
    if (sender->waiting.num_entries > 0)
        wake_at(sender, tecton_due_heap_next_ms(&sender->waiting) * 1000);
}

static void pump_now(void *context, uint64_t now_us) {
    sim_sender *sender = context;
    sender->pump_posted = false;
    pump(sender, now_us);
}

/* The engine looks after it has read all answers that are there. */
static void pump_soon(sim_sender *sender, uint64_t now_us) {
    if (sender->pump_posted)
        return;
    sender->pump_posted = true;
    sim_post(sender->events, now_us + SIM_LOOP_US, pump_now, sender);
}

static void arrive(void *context, uint64_t now_us) {
    sim_sender *sender = context;
    offer(sender, now_us);
    sim_post(sender->events, now_us + (uint64_t)(1e6 / sender->offered_per_second), arrive, sender);
    pump_soon(sender, now_us);
}

static void begin(void *context, uint64_t now_us) {
    pump(context, now_us);
}

void sim_sender_start(sim_sender *sender, sim_event_queue *events, uint64_t now_us) {
    sender->events = events;
    sender->wake_us = UINT64_MAX;
    tecton_delivery_gate_init(&sender->gate, sender->max_in_flight);
    tecton_fatal_verdicts_init(&sender->verdicts, 0);
    sim_post(events, now_us, sender->offered_per_second > 0 ? arrive : begin, sender);
}

void sim_sender_cleanup(sim_sender *sender) {
    tecton_due_heap_cleanup(&sender->waiting);
    while (sender->all != NULL) {
        sim_request *request = sender->all;
        sender->all = request->next_of_all;
        free(request);
    }
}
