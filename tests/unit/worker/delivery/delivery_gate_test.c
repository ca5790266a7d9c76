#include "worker/delivery/delivery_gate.h"

#include "tests/support/check.h"
#include "worker/delivery/retry_after.h"

typedef struct {
    tecton_delivery_gate gate;
    tecton_fatal_verdicts verdicts;
    uint64_t now_ms;
} setup;

static setup *new_setup(uint32_t max_in_flight) {
    static setup s;
    memset(&s, 0, sizeof s);
    s.now_ms = 1000000;
    tecton_delivery_gate_init(&s.gate, max_in_flight);
    tecton_fatal_verdicts_init(&s.verdicts, 0);
    return &s;
}

static tecton_gate_answer ask(setup *s, tecton_try kind) {
    return tecton_delivery_gate_ask(&s->gate, &s->verdicts, kind, 10, s->now_ms, 0);
}

static void end(setup *s, const tecton_gate_ticket *ticket, tecton_attempt_end how) {
    tecton_attempt_report report = {
        .end = how, .rtt_us = 10000, .retry_after_ms = TECTON_NO_RETRY_AFTER, .text = "404: no such source"};
    tecton_delivery_gate_finished(&s->gate, &s->verdicts, ticket, &report, s->now_ms, 0);
}

static tecton_gate_ticket must_send(setup *s, tecton_try kind) {
    tecton_gate_answer answer = ask(s, kind);
    assert_int_equal(answer.action, TECTON_GATE_SEND);
    assert_int_equal(answer.hold, TECTON_HELD_BY_NOTHING);
    return answer.ticket;
}

/* One request after the other, each ending so. */
static void send_and_end(setup *s, uint32_t num, tecton_try kind, tecton_attempt_end how) {
    for (uint32_t i = 0; i < num; i++) {
        tecton_gate_ticket ticket = must_send(s, kind);
        s->now_ms += 10;
        end(s, &ticket, how);
    }
}

static void must_hold(setup *s, tecton_try kind, tecton_gate_action action, tecton_gate_hold hold) {
    tecton_gate_answer answer = ask(s, kind);
    assert_int_equal(answer.action, action);
    assert_int_equal(answer.hold, hold);
    if (action == TECTON_GATE_LATER || action == TECTON_GATE_ALL_LATER)
        assert_true(answer.until_ms > s->now_ms);
}

static void a_sent_request_takes_a_place_until_it_ends(void **state) {
    (void)state;
    setup *s = new_setup(200);
    tecton_gate_ticket ticket = must_send(s, TECTON_TRY_FIRST);
    assert_int_equal(s->gate.limit.num_in_flight, 1);
    must_hold(s, TECTON_TRY_FIRST, TECTON_GATE_WAIT_FOR_SLOT, TECTON_HELD_BY_LIMIT);
    end(s, &ticket, TECTON_END_STORED);
    assert_int_equal(s->gate.limit.num_in_flight, 0);
    assert_int_equal(s->gate.limit.limit, 2);
}

static void every_end_gives_the_place_back(void **state) {
    (void)state;
    for (int how = TECTON_END_STORED; how <= TECTON_END_CANCELLED; how++) {
        setup *s = new_setup(200);
        tecton_gate_ticket ticket = must_send(s, TECTON_TRY_FIRST);
        end(s, &ticket, (tecton_attempt_end)how);
        assert_int_equal(s->gate.limit.num_in_flight, 0);
    }
}

static void a_fatal_answer_fails_all_that_follows(void **state) {
    (void)state;
    setup *s = new_setup(200);
    send_and_end(s, 1, TECTON_TRY_FIRST, TECTON_END_FATAL);
    tecton_gate_answer answer = ask(s, TECTON_TRY_AFTER_FAILURE);
    assert_int_equal(answer.action, TECTON_GATE_FAIL);
    assert_string_equal(answer.text, "404: no such source");
    s->now_ms += TECTON_FATAL_HOLD_MS;
    tecton_gate_ticket probe = must_send(s, TECTON_TRY_FIRST);
    assert_true(probe.is_probe);
    assert_int_equal(ask(s, TECTON_TRY_FIRST).action, TECTON_GATE_FAIL);
    end(s, &probe, TECTON_END_STORED);
    (void)must_send(s, TECTON_TRY_FIRST);
}

static void other_destinations_of_the_endpoint_are_not_failed(void **state) {
    (void)state;
    setup *s = new_setup(200);
    send_and_end(s, 1, TECTON_TRY_FIRST, TECTON_END_FATAL);
    tecton_fatal_verdicts others;
    tecton_fatal_verdicts_init(&others, 0);
    tecton_gate_answer answer = tecton_delivery_gate_ask(&s->gate, &others, TECTON_TRY_FIRST, 10, s->now_ms, 0);
    assert_int_equal(answer.action, TECTON_GATE_SEND);
}

static void five_hard_failures_open_the_breaker(void **state) {
    (void)state;
    static const tecton_attempt_end hard[] = {TECTON_END_FAILED, TECTON_END_TIMED_OUT, TECTON_END_NOT_SENT};
    for (size_t i = 0; i < sizeof hard / sizeof hard[0]; i++) {
        setup *s = new_setup(200);
        send_and_end(s, 5, TECTON_TRY_FIRST, hard[i]);
        must_hold(s, TECTON_TRY_FIRST, TECTON_GATE_ALL_LATER, TECTON_HELD_BY_BREAKER);
    }
    static const tecton_attempt_end soft[] = {TECTON_END_STORED, TECTON_END_REJECTED, TECTON_END_NOT_NOW,
                                              TECTON_END_CANCELLED};
    for (size_t i = 0; i < sizeof soft / sizeof soft[0]; i++) {
        setup *s = new_setup(200);
        send_and_end(s, 20, TECTON_TRY_FIRST, soft[i]);
        (void)must_send(s, TECTON_TRY_FIRST);
    }
}

static void a_trial_needs_neither_tokens_nor_a_place(void **state) {
    (void)state;
    setup *s = new_setup(1);
    send_and_end(s, 4, TECTON_TRY_FIRST, TECTON_END_TIMED_OUT);
    (void)must_send(s, TECTON_TRY_FIRST); /* hangs, in the only place */
    tecton_circuit_breaker_finished(&s->gate.breaker, TECTON_BREAKER_HARD_FAILURE, false, s->now_ms, 0);
    s->gate.budget.num_tokens = 0;
    s->gate.budget.next_free_ms = UINT64_MAX;
    s->now_ms += 2000;
    tecton_gate_ticket trial = must_send(s, TECTON_TRY_AFTER_TIMEOUT);
    assert_true(trial.is_trial);
    assert_int_equal(trial.retry_cost, 0);
    must_hold(s, TECTON_TRY_AFTER_TIMEOUT, TECTON_GATE_ALL_LATER, TECTON_HELD_BY_BREAKER);
    end(s, &trial, TECTON_END_STORED);
    assert_true(s->gate.budget.num_tokens >= TECTON_BUDGET_TOKENS / 2);
}

static void after_a_trials_success_the_limit_restarts_at_half(void **state) {
    (void)state;
    setup *s = new_setup(200);
    s->gate.limit.limit = 100;
    s->gate.limit.slow_start_until = 0;
    send_and_end(s, 5, TECTON_TRY_FIRST, TECTON_END_NOT_SENT);
    s->now_ms += 2000;
    tecton_gate_ticket trial = must_send(s, TECTON_TRY_FIRST);
    end(s, &trial, TECTON_END_REJECTED); /* an answer at all is enough */
    assert_int_equal(s->gate.limit.limit, 50);
    assert_int_equal(s->gate.limit.slow_start_until, 100);
}

static void a_cancelled_trial_and_probe_are_given_back(void **state) {
    (void)state;
    setup *s = new_setup(200);
    send_and_end(s, 1, TECTON_TRY_FIRST, TECTON_END_FATAL);
    s->now_ms += TECTON_FATAL_HOLD_MS;
    for (int i = 0; i < 5; i++)
        tecton_circuit_breaker_finished(&s->gate.breaker, TECTON_BREAKER_HARD_FAILURE, false, s->now_ms, 0);
    s->now_ms += 2000;
    for (int i = 0; i < 3; i++) {
        tecton_gate_ticket ticket = must_send(s, TECTON_TRY_FIRST);
        assert_true(ticket.is_trial && ticket.is_probe);
        end(s, &ticket, TECTON_END_CANCELLED);
    }
}

static void only_what_was_sent_and_failed_needs_the_budget(void **state) {
    (void)state;
    setup *s = new_setup(200);
    send_and_end(s, 10, TECTON_TRY_AFTER_WAIT, TECTON_END_REJECTED);
    assert_int_equal(s->gate.budget.num_tokens, 500);
    send_and_end(s, 1, TECTON_TRY_AFTER_FAILURE, TECTON_END_REJECTED);
    assert_int_equal(s->gate.budget.num_tokens, 495);
    send_and_end(s, 1, TECTON_TRY_AFTER_TIMEOUT, TECTON_END_REJECTED);
    assert_int_equal(s->gate.budget.num_tokens, 485);
    send_and_end(s, 1, TECTON_TRY_AFTER_TIMEOUT, TECTON_END_CANCELLED);
    assert_int_equal(s->gate.budget.num_tokens, 485);
    send_and_end(s, 1, TECTON_TRY_AFTER_FAILURE, TECTON_END_STORED);
    assert_int_equal(s->gate.budget.num_tokens, 486);
    s->gate.budget.num_tokens = 0;
    must_hold(s, TECTON_TRY_AFTER_FAILURE, TECTON_GATE_LATER, TECTON_HELD_BY_BUDGET);
    tecton_gate_ticket ticket = must_send(s, TECTON_TRY_FIRST); /* others may go */
    end(s, &ticket, TECTON_END_STORED);
}

static void the_users_cap_holds_all(void **state) {
    (void)state;
    setup *s = new_setup(200);
    tecton_rate_cap_join(&s->gate.rate_cap, 100);
    send_and_end(s, 1, TECTON_TRY_FIRST, TECTON_END_STORED);
    must_hold(s, TECTON_TRY_FIRST, TECTON_GATE_ALL_LATER, TECTON_HELD_BY_RATE_CAP);
    s->now_ms = ask(s, TECTON_TRY_FIRST).until_ms;
    (void)must_send(s, TECTON_TRY_FIRST);
}

static void a_429_bounds_the_rate(void **state) {
    (void)state;
    setup *s = new_setup(200);
    send_and_end(s, 1, TECTON_TRY_FIRST, TECTON_END_THROTTLED);
    assert_int_equal((int)s->gate.learned_rate.per_second, 100); /* one in 10 ms */
    tecton_gate_ticket ticket = must_send(s, TECTON_TRY_FIRST);
    end(s, &ticket, TECTON_END_STORED);
    must_hold(s, TECTON_TRY_FIRST, TECTON_GATE_ALL_LATER, TECTON_HELD_BY_THROTTLING);
}

static void what_is_held_takes_nothing(void **state) {
    (void)state;
    setup *s = new_setup(200);
    tecton_rate_cap_join(&s->gate.rate_cap, 1000);
    tecton_gate_ticket ticket = must_send(s, TECTON_TRY_FIRST);
    s->now_ms += 1000;
    tecton_delivery_gate before = s->gate;
    for (int i = 0; i < 100; i++)
        must_hold(s, TECTON_TRY_AFTER_FAILURE, TECTON_GATE_WAIT_FOR_SLOT, TECTON_HELD_BY_LIMIT);
    assert_memory_equal(&before, &s->gate, sizeof before);
    end(s, &ticket, TECTON_END_STORED);
}

/* All at once: the order in which they are asked. */
static void fatal_verdict_breaker_budget_cap_rate_and_limit_are_asked_in_this_order(void **state) {
    (void)state;
    setup *s = new_setup(200);
    tecton_gate_ticket ticket = must_send(s, TECTON_TRY_FIRST); /* the limit: one is out */
    s->gate.learned_rate.per_second = 1;
    s->gate.learned_rate.next_us = UINT64_MAX / 2;
    tecton_rate_cap_join(&s->gate.rate_cap, 1);
    tecton_rate_cap_take(&s->gate.rate_cap, 10, s->now_ms);
    s->gate.budget.num_tokens = 0;
    s->gate.budget.next_free_ms = UINT64_MAX;
    for (int i = 0; i < 5; i++)
        tecton_circuit_breaker_finished(&s->gate.breaker, TECTON_BREAKER_HARD_FAILURE, false, s->now_ms, 0);
    tecton_fatal_verdicts_finished(&s->verdicts, TECTON_FATAL_AGAIN, false, "401", s->now_ms);

    assert_int_equal(ask(s, TECTON_TRY_AFTER_FAILURE).action, TECTON_GATE_FAIL);
    tecton_fatal_verdicts_finished(&s->verdicts, TECTON_FATAL_CLEARED, false, NULL, s->now_ms);
    must_hold(s, TECTON_TRY_AFTER_FAILURE, TECTON_GATE_ALL_LATER, TECTON_HELD_BY_BREAKER);
    s->gate.breaker = (tecton_circuit_breaker){0};
    must_hold(s, TECTON_TRY_AFTER_FAILURE, TECTON_GATE_LATER, TECTON_HELD_BY_BUDGET);
    tecton_retry_budget_init(&s->gate.budget);
    must_hold(s, TECTON_TRY_AFTER_FAILURE, TECTON_GATE_ALL_LATER, TECTON_HELD_BY_RATE_CAP);
    s->gate.rate_cap = (tecton_rate_cap){0};
    must_hold(s, TECTON_TRY_AFTER_FAILURE, TECTON_GATE_ALL_LATER, TECTON_HELD_BY_THROTTLING);
    s->gate.learned_rate = (tecton_learned_rate){0};
    must_hold(s, TECTON_TRY_AFTER_FAILURE, TECTON_GATE_WAIT_FOR_SLOT, TECTON_HELD_BY_LIMIT);
    end(s, &ticket, TECTON_END_STORED);
    (void)must_send(s, TECTON_TRY_AFTER_FAILURE);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_sent_request_takes_a_place_until_it_ends),
        cmocka_unit_test(every_end_gives_the_place_back),
        cmocka_unit_test(a_fatal_answer_fails_all_that_follows),
        cmocka_unit_test(other_destinations_of_the_endpoint_are_not_failed),
        cmocka_unit_test(five_hard_failures_open_the_breaker),
        cmocka_unit_test(a_trial_needs_neither_tokens_nor_a_place),
        cmocka_unit_test(after_a_trials_success_the_limit_restarts_at_half),
        cmocka_unit_test(a_cancelled_trial_and_probe_are_given_back),
        cmocka_unit_test(only_what_was_sent_and_failed_needs_the_budget),
        cmocka_unit_test(the_users_cap_holds_all),
        cmocka_unit_test(a_429_bounds_the_rate),
        cmocka_unit_test(what_is_held_takes_nothing),
        cmocka_unit_test(fatal_verdict_breaker_budget_cap_rate_and_limit_are_asked_in_this_order),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
