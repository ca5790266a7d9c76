#include "worker/delivery/retry_budget.h"

#include "tests/support/check.h"

static tecton_retry_budget full(void) {
    tecton_retry_budget budget;
    tecton_retry_budget_init(&budget);
    return budget;
}

static tecton_retry_budget empty(void) {
    tecton_retry_budget budget = full();
    for (int i = 0; i < 100; i++)
        (void)tecton_retry_budget_take(&budget, false, 1000);
    assert_int_equal(budget.num_tokens, 0);
    return budget;
}

static void a_full_bucket_pays_for_a_hundred_retries_at_once(void **state) {
    (void)state;
    tecton_retry_budget budget = full();
    for (int i = 0; i < 100; i++) {
        assert_int_equal(tecton_retry_budget_due_ms(&budget, false, 1000), 0);
        assert_int_equal(tecton_retry_budget_take(&budget, false, 1000), 5);
    }
    assert_true(tecton_retry_budget_due_ms(&budget, false, 1000) > 1000);
}

static void a_retry_after_a_timeout_costs_twice_as_much(void **state) {
    (void)state;
    tecton_retry_budget budget = full();
    for (int i = 0; i < 50; i++) {
        assert_int_equal(tecton_retry_budget_due_ms(&budget, true, 1000), 0);
        assert_int_equal(tecton_retry_budget_take(&budget, true, 1000), 10);
    }
    assert_int_equal(budget.num_tokens, 0);
    tecton_retry_budget_succeeded(&budget, 0);
    for (int i = 0; i < 4; i++)
        tecton_retry_budget_succeeded(&budget, 0);
    assert_int_equal(tecton_retry_budget_due_ms(&budget, false, 1000), 0);
    assert_true(tecton_retry_budget_due_ms(&budget, true, 1000) > 1000);
}

static void a_success_brings_one_and_a_retrys_its_cost_too(void **state) {
    (void)state;
    tecton_retry_budget budget = empty();
    tecton_retry_budget_succeeded(&budget, 0);
    assert_int_equal(budget.num_tokens, 1);
    tecton_retry_budget_succeeded(&budget, 5);
    assert_int_equal(budget.num_tokens, 7);
    tecton_retry_budget_cancelled(&budget, 10);
    assert_int_equal(budget.num_tokens, 17);
}

static void it_never_holds_more_than_it_began_with(void **state) {
    (void)state;
    tecton_retry_budget budget = full();
    tecton_retry_budget_succeeded(&budget, 10);
    tecton_retry_budget_cancelled(&budget, 10);
    assert_int_equal(budget.num_tokens, TECTON_BUDGET_TOKENS);
}

static void an_empty_bucket_lets_one_retry_a_second_through(void **state) {
    (void)state;
    tecton_retry_budget budget = empty();
    int num_sent = 0;
    for (uint64_t now_ms = 1000; now_ms < 61000; now_ms += 10) {
        if (tecton_retry_budget_due_ms(&budget, true, now_ms) != 0)
            continue;
        (void)tecton_retry_budget_take(&budget, true, now_ms);
        num_sent++;
    }
    assert_int_equal(num_sent, 59);
    assert_int_equal(budget.num_tokens, 0);
}

static void while_it_waits_it_is_asked_again_soon(void **state) {
    (void)state;
    tecton_retry_budget budget = empty();
    assert_int_equal(tecton_retry_budget_due_ms(&budget, false, 1000), 1000 + TECTON_BUDGET_LOOK_MS);
    assert_int_equal(tecton_retry_budget_due_ms(&budget, false, 1990), 2000);
    assert_int_equal(tecton_retry_budget_due_ms(&budget, false, 2000), 0);
}

/* Without a success, however long. */
static void an_outage_costs_a_hundred_retries_and_one_a_second(void **state) {
    (void)state;
    tecton_retry_budget budget = full();
    int num_sent = 0;
    for (uint64_t now_ms = 0; now_ms < 3600000; now_ms++) {
        if (tecton_retry_budget_due_ms(&budget, false, now_ms) == 0) {
            (void)tecton_retry_budget_take(&budget, false, now_ms);
            num_sent++;
        }
    }
    assert_in_range(num_sent, 3600, 3700);
}

static void after_an_outage_it_is_at_least_half_full(void **state) {
    (void)state;
    tecton_retry_budget budget = empty();
    tecton_retry_budget_restart(&budget);
    assert_int_equal(budget.num_tokens, TECTON_BUDGET_TOKENS / 2);
    budget = full();
    tecton_retry_budget_restart(&budget);
    assert_int_equal(budget.num_tokens, TECTON_BUDGET_TOKENS);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_full_bucket_pays_for_a_hundred_retries_at_once),
        cmocka_unit_test(a_retry_after_a_timeout_costs_twice_as_much),
        cmocka_unit_test(a_success_brings_one_and_a_retrys_its_cost_too),
        cmocka_unit_test(it_never_holds_more_than_it_began_with),
        cmocka_unit_test(an_empty_bucket_lets_one_retry_a_second_through),
        cmocka_unit_test(while_it_waits_it_is_asked_again_soon),
        cmocka_unit_test(an_outage_costs_a_hundred_retries_and_one_a_second),
        cmocka_unit_test(after_an_outage_it_is_at_least_half_full),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
