#include "worker/delivery/circuit_breaker.h"

#include "tests/support/check.h"

enum { MIDDLE = 0x7fffffff }; /* no jitter */

static tecton_breaker_change fail_once(tecton_circuit_breaker *breaker, uint64_t now_ms) {
    return tecton_circuit_breaker_finished(breaker, TECTON_BREAKER_HARD_FAILURE, false, now_ms, MIDDLE);
}

static tecton_circuit_breaker open_at(uint64_t now_ms) {
    tecton_circuit_breaker breaker = {0};
    for (int i = 0; i < 4; i++)
        assert_int_equal(fail_once(&breaker, now_ms), TECTON_BREAKER_UNCHANGED);
    assert_int_equal(fail_once(&breaker, now_ms), TECTON_BREAKER_OPENED);
    return breaker;
}

static void five_failures_in_a_row_open_it(void **state) {
    (void)state;
    tecton_circuit_breaker breaker = {0};
    for (int i = 0; i < 100; i++) {
        fail_once(&breaker, 0);
        if (i % 4 == 3) /* a refusal, or 429, is a sign of life */
            tecton_circuit_breaker_finished(&breaker, TECTON_BREAKER_ALIVE, false, 0, MIDDLE);
        assert_false(breaker.open);
        assert_int_equal(tecton_circuit_breaker_due_ms(&breaker, 0), 0);
        assert_false(tecton_circuit_breaker_started(&breaker, 0, MIDDLE));
    }
    breaker = open_at(1000);
    assert_true(tecton_circuit_breaker_due_ms(&breaker, 1000) > 1000);
}

static void cancelled_requests_neither_break_nor_make_a_row(void **state) {
    (void)state;
    tecton_circuit_breaker breaker = {0};
    for (int i = 0; i < 4; i++) {
        fail_once(&breaker, 0);
        tecton_circuit_breaker_finished(&breaker, TECTON_BREAKER_NOTHING, false, 0, MIDDLE);
    }
    assert_false(breaker.open);
    assert_int_equal(fail_once(&breaker, 0), TECTON_BREAKER_OPENED);
}

static void trials_go_after_one_two_and_then_every_three_seconds(void **state) {
    (void)state;
    tecton_circuit_breaker breaker = open_at(0);
    static const uint64_t waits_ms[] = {1000, 2000, 3000, 3000, 3000};
    uint64_t now_ms = 0;
    for (size_t i = 0; i < sizeof waits_ms / sizeof waits_ms[0]; i++) {
        uint64_t due_ms = tecton_circuit_breaker_due_ms(&breaker, now_ms);
        assert_in_range(due_ms, now_ms + waits_ms[i] - 1, now_ms + waits_ms[i]);
        assert_int_equal(tecton_circuit_breaker_due_ms(&breaker, due_ms), 0);
        assert_true(tecton_circuit_breaker_started(&breaker, due_ms, MIDDLE));
        assert_true(tecton_circuit_breaker_due_ms(&breaker, due_ms) > due_ms); /* one only */
        tecton_circuit_breaker_finished(&breaker, TECTON_BREAKER_HARD_FAILURE, true, due_ms + 1, MIDDLE);
        assert_true(breaker.open);
        now_ms = due_ms;
    }
}

static void waits_differ_by_a_tenth(void **state) {
    (void)state;
    tecton_circuit_breaker least = {.num_failures = 4};
    tecton_circuit_breaker most = {.num_failures = 4};
    tecton_circuit_breaker_finished(&least, TECTON_BREAKER_HARD_FAILURE, false, 0, 0);
    tecton_circuit_breaker_finished(&most, TECTON_BREAKER_HARD_FAILURE, false, 0, UINT32_MAX);
    assert_int_equal(least.next_trial_ms, 900);
    assert_int_equal(most.next_trial_ms, 1099);
}

static void a_trial_that_succeeds_closes_it(void **state) {
    (void)state;
    tecton_circuit_breaker breaker = open_at(0);
    assert_true(tecton_circuit_breaker_started(&breaker, 1000, MIDDLE));
    assert_int_equal(tecton_circuit_breaker_finished(&breaker, TECTON_BREAKER_ALIVE, true, 1050, MIDDLE),
                     TECTON_BREAKER_CLOSED_BY_TRIAL);
    assert_false(breaker.open);
    assert_int_equal(tecton_circuit_breaker_due_ms(&breaker, 1050), 0);
    for (int i = 0; i < 4; i++) /* and counts from the beginning */
        assert_int_equal(fail_once(&breaker, 1050), TECTON_BREAKER_UNCHANGED);
}

static void an_answer_to_an_older_request_closes_it_too(void **state) {
    (void)state;
    tecton_circuit_breaker breaker = open_at(0);
    assert_int_equal(tecton_circuit_breaker_finished(&breaker, TECTON_BREAKER_ALIVE, false, 10, MIDDLE),
                     TECTON_BREAKER_CLOSED);
    assert_false(breaker.open);
}

static void a_cancelled_trial_lets_the_next_one_go_at_once(void **state) {
    (void)state;
    tecton_circuit_breaker breaker = open_at(0);
    assert_true(tecton_circuit_breaker_started(&breaker, 1000, MIDDLE));
    assert_int_equal(tecton_circuit_breaker_finished(&breaker, TECTON_BREAKER_NOTHING, true, 1200, MIDDLE),
                     TECTON_BREAKER_UNCHANGED);
    assert_true(breaker.open);
    assert_int_equal(tecton_circuit_breaker_due_ms(&breaker, 1200), 0);
    assert_true(tecton_circuit_breaker_started(&breaker, 1200, MIDDLE));
}

static void a_trial_that_hangs_does_not_hold_the_next_one(void **state) {
    (void)state;
    tecton_circuit_breaker breaker = open_at(0);
    assert_true(tecton_circuit_breaker_started(&breaker, 1000, MIDDLE)); /* never ends */
    assert_int_equal(tecton_circuit_breaker_due_ms(&breaker, 3000), 0);
    assert_true(tecton_circuit_breaker_started(&breaker, 3000, MIDDLE));
    assert_int_equal(tecton_circuit_breaker_finished(&breaker, TECTON_BREAKER_ALIVE, true, 3050, MIDDLE),
                     TECTON_BREAKER_CLOSED_BY_TRIAL);
    /* The first one's end is one failure of five. */
    assert_int_equal(tecton_circuit_breaker_finished(&breaker, TECTON_BREAKER_HARD_FAILURE, true, 31000, MIDDLE),
                     TECTON_BREAKER_UNCHANGED);
    assert_false(breaker.open);
}

static void further_failures_while_it_is_open_change_nothing(void **state) {
    (void)state;
    tecton_circuit_breaker breaker = open_at(0);
    uint64_t due_ms = breaker.next_trial_ms;
    for (int i = 0; i < 100; i++)
        assert_int_equal(fail_once(&breaker, 500), TECTON_BREAKER_UNCHANGED);
    assert_int_equal(breaker.next_trial_ms, due_ms);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(five_failures_in_a_row_open_it),
        cmocka_unit_test(cancelled_requests_neither_break_nor_make_a_row),
        cmocka_unit_test(trials_go_after_one_two_and_then_every_three_seconds),
        cmocka_unit_test(waits_differ_by_a_tenth),
        cmocka_unit_test(a_trial_that_succeeds_closes_it),
        cmocka_unit_test(an_answer_to_an_older_request_closes_it_too),
        cmocka_unit_test(a_cancelled_trial_lets_the_next_one_go_at_once),
        cmocka_unit_test(a_trial_that_hangs_does_not_hold_the_next_one),
        cmocka_unit_test(further_failures_while_it_is_open_change_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
