#include "worker/delivery/delivery_gate.h"

void tecton_delivery_gate_init(tecton_delivery_gate *gate, uint32_t max_in_flight) {
    *gate = (tecton_delivery_gate){0};
    tecton_retry_budget_init(&gate->budget);
    tecton_adaptive_limit_init(&gate->limit, max_in_flight);
}

static tecton_gate_answer wait_until(tecton_gate_action action, tecton_gate_hold hold, uint64_t until_ms) {
    return (tecton_gate_answer){.action = action, .hold = hold, .until_ms = until_ms};
}

tecton_gate_answer tecton_delivery_gate_ask(tecton_delivery_gate *gate, tecton_fatal_verdicts *verdicts,
                                            tecton_try kind, uint32_t num_records, uint64_t now_ms, uint32_t random) {
    const char *text = tecton_fatal_verdicts_text(verdicts, now_ms);
    if (text != NULL)
        return (tecton_gate_answer){.action = TECTON_GATE_FAIL, .text = text};

    uint64_t due_ms = tecton_circuit_breaker_due_ms(&gate->breaker, now_ms);
    if (due_ms != 0)
        return wait_until(TECTON_GATE_ALL_LATER, TECTON_HELD_BY_BREAKER, due_ms);

    bool after_timeout = kind == TECTON_TRY_AFTER_TIMEOUT;
    /* A trial costs nothing: it must not fail for want of tokens that only a trial's success can bring. */
    bool costs = (kind == TECTON_TRY_AFTER_FAILURE || after_timeout) && !gate->breaker.open;
    if (costs)
        due_ms = tecton_retry_budget_due_ms(&gate->budget, after_timeout, now_ms);
    if (due_ms != 0)
        return wait_until(TECTON_GATE_LATER, TECTON_HELD_BY_BUDGET, due_ms);

    due_ms = tecton_rate_cap_due_ms(&gate->rate_cap, now_ms);
    if (due_ms != 0)
        return wait_until(TECTON_GATE_ALL_LATER, TECTON_HELD_BY_RATE_CAP, due_ms);
    due_ms = tecton_learned_rate_due_ms(&gate->learned_rate, now_ms);
    if (due_ms != 0)
        return wait_until(TECTON_GATE_ALL_LATER, TECTON_HELD_BY_THROTTLING, due_ms);

    /* Nor must a trial wait for requests that hang since before the outage. */
    if (!gate->breaker.open && !tecton_adaptive_limit_may_start(&gate->limit))
        return (tecton_gate_answer){.action = TECTON_GATE_WAIT_FOR_SLOT, .hold = TECTON_HELD_BY_LIMIT};

    tecton_gate_ticket ticket = {.started_ms = now_ms};
    ticket.is_probe = tecton_fatal_verdicts_started(verdicts, now_ms);
    ticket.is_trial = tecton_circuit_breaker_started(&gate->breaker, now_ms, random);
    if (costs)
        ticket.retry_cost = tecton_retry_budget_take(&gate->budget, after_timeout, now_ms);
    tecton_rate_cap_take(&gate->rate_cap, num_records, now_ms);
    tecton_learned_rate_started(&gate->learned_rate, now_ms);
    ticket.num_in_flight = tecton_adaptive_limit_started(&gate->limit, now_ms);
    return (tecton_gate_answer){.action = TECTON_GATE_SEND, .ticket = ticket};
}

/* What each decision learns from an end. */
typedef struct {
    tecton_limit_signal limit;
    tecton_breaker_sign breaker;
    tecton_fatal_sign verdicts;
    bool accepted;
} lesson;

static const lesson lessons[] = {
    [TECTON_END_STORED] = {TECTON_LIMIT_OK, TECTON_BREAKER_ALIVE, TECTON_FATAL_CLEARED, true},
    [TECTON_END_REJECTED] = {TECTON_LIMIT_NEUTRAL, TECTON_BREAKER_ALIVE, TECTON_FATAL_CLEARED, true},
    [TECTON_END_FATAL] = {TECTON_LIMIT_NEUTRAL, TECTON_BREAKER_ALIVE, TECTON_FATAL_AGAIN, false},
    [TECTON_END_THROTTLED] = {TECTON_LIMIT_THROTTLED, TECTON_BREAKER_ALIVE, TECTON_FATAL_NOTHING, false},
    [TECTON_END_NOT_NOW] = {TECTON_LIMIT_FAILED, TECTON_BREAKER_ALIVE, TECTON_FATAL_NOTHING, false},
    [TECTON_END_FAILED] = {TECTON_LIMIT_FAILED, TECTON_BREAKER_HARD_FAILURE, TECTON_FATAL_NOTHING, false},
    [TECTON_END_TIMED_OUT] = {TECTON_LIMIT_FAILED, TECTON_BREAKER_HARD_FAILURE, TECTON_FATAL_NOTHING, false},
    [TECTON_END_NOT_SENT] = {TECTON_LIMIT_NEUTRAL, TECTON_BREAKER_HARD_FAILURE, TECTON_FATAL_NOTHING, false},
    [TECTON_END_CANCELLED] = {TECTON_LIMIT_NEUTRAL, TECTON_BREAKER_NOTHING, TECTON_FATAL_NOTHING, false},
};

void tecton_delivery_gate_finished(tecton_delivery_gate *gate, tecton_fatal_verdicts *verdicts,
                                   const tecton_gate_ticket *ticket, const tecton_attempt_report *report,
                                   uint64_t now_ms, uint32_t random) {
    const lesson *learned = &lessons[report->end];
    tecton_fatal_verdicts_finished(verdicts, learned->verdicts, ticket->is_probe, report->text, now_ms);

    if (report->end == TECTON_END_STORED)
        tecton_retry_budget_succeeded(&gate->budget, ticket->retry_cost);
    else if (report->end == TECTON_END_CANCELLED)
        tecton_retry_budget_cancelled(&gate->budget, ticket->retry_cost);

    if (report->end == TECTON_END_THROTTLED)
        tecton_learned_rate_throttled(&gate->learned_rate, ticket->started_ms,
                                      tecton_adaptive_limit_per_second(&gate->limit, report->rtt_us),
                                      report->retry_after_ms, now_ms);
    else if (learned->accepted)
        tecton_learned_rate_accepted(&gate->learned_rate, ticket->started_ms, now_ms);

    tecton_adaptive_limit_finished(&gate->limit, learned->limit, ticket->num_in_flight, report->rtt_us, now_ms);
    tecton_breaker_change change =
        tecton_circuit_breaker_finished(&gate->breaker, learned->breaker, ticket->is_trial, now_ms, random);
    if (change == TECTON_BREAKER_CLOSED_BY_TRIAL) {
        tecton_adaptive_limit_restart_at_half(&gate->limit);
        tecton_retry_budget_restart(&gate->budget);
    }
}
