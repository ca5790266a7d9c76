#include "worker/delivery/learned_rate.h"

#include "tests/support/check.h"
#include "worker/delivery/retry_after.h"

#include <stdbool.h>

enum { RTT_MS = 50, REFUSAL_MS = 5 };

/* A rate, its clock, and a service that takes so many a second. */
typedef struct {
    tecton_learned_rate rate;
    uint64_t now_ms;
    double service_per_second;
    double tokens;
    double offered_per_second; /* what would be sent if nothing held it back */
    double owed;
    uint32_t num_sent;
    uint32_t num_throttled;
    uint64_t retry_after_ms;
    uint64_t ends_ms[4096]; /* of what is under way: a ring */
    uint64_t starts_ms[4096];
    bool accepted[4096];
    uint32_t first;
    uint32_t end;
} setup;

static setup *new_setup(double service_per_second, double offered_per_second) {
    static setup s;
    memset(&s, 0, sizeof s);
    s.now_ms = 1000000;
    s.service_per_second = service_per_second;
    s.offered_per_second = offered_per_second;
    s.retry_after_ms = TECTON_NO_RETRY_AFTER;
    return &s;
}

static void end_one(setup *s, uint32_t index) {
    if (s->accepted[index]) {
        tecton_learned_rate_accepted(&s->rate, s->starts_ms[index], s->now_ms);
    } else {
        s->num_throttled++;
        tecton_learned_rate_throttled(&s->rate, s->starts_ms[index], s->offered_per_second, s->retry_after_ms,
                                      s->now_ms);
    }
    s->ends_ms[index] = UINT64_MAX;
}

static void run(setup *s, uint64_t ms) {
    s->num_sent = s->num_throttled = 0;
    for (uint64_t until_ms = s->now_ms + ms; s->now_ms < until_ms; s->now_ms++) {
        for (uint32_t i = s->first; i != s->end; i++)
            if (s->ends_ms[i % 4096] <= s->now_ms)
                end_one(s, i % 4096);
        while (s->first != s->end && s->ends_ms[s->first % 4096] == UINT64_MAX)
            s->first++;
        s->tokens += s->service_per_second / 1000;
        s->tokens = s->tokens < 10 ? s->tokens : 10;
        s->owed += s->offered_per_second / 1000;
        s->owed = s->owed < 20 ? s->owed : 20;
        while (s->owed >= 1 && tecton_learned_rate_due_ms(&s->rate, s->now_ms) == 0) {
            tecton_learned_rate_started(&s->rate, s->now_ms);
            s->owed--;
            s->num_sent++;
            uint32_t index = s->end++ % 4096;
            s->accepted[index] = s->tokens >= 1;
            s->tokens -= s->accepted[index] ? 1 : 0;
            s->starts_ms[index] = s->now_ms;
            s->ends_ms[index] = s->now_ms + (s->accepted[index] ? RTT_MS : REFUSAL_MS);
        }
    }
}

static void without_a_429_nothing_is_learned(void **state) {
    (void)state;
    setup *s = new_setup(1e9, 2000);
    run(s, 5000);
    assert_in_range(s->num_sent, 9900, 10100);
    assert_true(s->rate.per_second <= 0);
}

static void the_rate_of_a_service_is_found(void **state) {
    (void)state;
    static const double rates[] = {20, 300, 1500};
    for (size_t i = 0; i < 3; i++) {
        setup *s = new_setup(rates[i], 2000);
        run(s, 10000);
        run(s, 20000);
        double accepted_per_second = (s->num_sent - s->num_throttled) / 20.0;
        assert_true(accepted_per_second > 0.95 * rates[i]);
        assert_true(s->num_throttled < 0.05 * s->num_sent);
    }
}

static void the_first_429_bounds_what_goes_out_to_what_went_out(void **state) {
    (void)state;
    tecton_learned_rate rate = {0};
    tecton_learned_rate_throttled(&rate, 1000, 500, TECTON_NO_RETRY_AFTER, 1010);
    assert_int_equal((int)rate.per_second, 500);
    tecton_learned_rate_started(&rate, 1010);
    assert_int_equal(tecton_learned_rate_due_ms(&rate, 1010), 1012);
    assert_int_equal(tecton_learned_rate_due_ms(&rate, 1012), 0);
}

static void what_was_not_used_is_caught_up_with_for_ten_milliseconds(void **state) {
    (void)state;
    tecton_learned_rate rate = {.per_second = 500};
    uint32_t burst = 0;
    while (tecton_learned_rate_due_ms(&rate, 3600000) == 0) {
        tecton_learned_rate_started(&rate, 3600000);
        burst++;
    }
    assert_in_range(burst, 5, 7);
}

static void it_follows_a_service_that_takes_more(void **state) {
    (void)state;
    setup *s = new_setup(100, 2000);
    run(s, 10000);
    s->service_per_second = 400;
    run(s, 10000);
    run(s, 5000);
    assert_true(s->num_sent - s->num_throttled > 0.9 * 5 * 400);
}

static void it_follows_a_service_that_takes_less(void **state) {
    (void)state;
    setup *s = new_setup(800, 2000);
    run(s, 10000);
    s->service_per_second = 100;
    run(s, 5000);
    run(s, 10000);
    assert_true(s->num_sent - s->num_throttled > 0.9 * 10 * 100);
    assert_true(s->num_throttled < 0.06 * s->num_sent);
}

static void it_does_not_grow_while_it_is_not_used(void **state) {
    (void)state;
    setup *s = new_setup(100, 2000);
    run(s, 10000);
    s->offered_per_second = 50;
    run(s, 2000);
    double before = s->rate.per_second;
    run(s, 60000);
    assert_int_equal(s->num_throttled, 0);
    assert_true(s->rate.per_second < 1.1 * before);
}

static void one_429_in_two_hundred_does_not_lower_it(void **state) {
    (void)state;
    tecton_learned_rate rate = {.per_second = 1000, .step = 0.02, .rtt_ms = 10};
    for (uint64_t i = 1; i <= 5000; i++) {
        uint64_t now_ms = 1000000 + i;
        tecton_learned_rate_started(&rate, now_ms);
        if (i % 200 == 0)
            tecton_learned_rate_throttled(&rate, now_ms - 10, 1000, TECTON_NO_RETRY_AFTER, now_ms);
        else
            tecton_learned_rate_accepted(&rate, now_ms - 10, now_ms);
    }
    assert_in_range((int)rate.per_second, 1000, 1120);
}

static void where_nothing_is_accepted_one_a_second_goes_out(void **state) {
    (void)state;
    setup *s = new_setup(300, 2000);
    run(s, 10000);
    s->service_per_second = 0;
    run(s, 10000);
    run(s, 60000);
    assert_in_range(s->num_sent, 59, 61);
}

static void with_the_first_that_is_accepted_it_restarts_at_half(void **state) {
    (void)state;
    setup *s = new_setup(300, 2000);
    run(s, 20000);
    s->service_per_second = 0;
    run(s, 30000);
    assert_in_range((int)s->rate.per_second, 1, 2);
    s->service_per_second = 300;
    run(s, 1200);
    assert_true(s->rate.per_second > 100);
    run(s, 4000);
    run(s, 2000);
    assert_true(s->num_sent - s->num_throttled > 0.9 * 2 * 300);
}

static void five_429s_in_a_row_make_their_retry_after_hold_for_all(void **state) {
    (void)state;
    tecton_learned_rate rate = {0};
    for (uint64_t i = 0; i < 4; i++) {
        tecton_learned_rate_throttled(&rate, 1000, 100, 30000, 1000);
        assert_true(tecton_learned_rate_due_ms(&rate, 1000) < 2000);
    }
    tecton_learned_rate_throttled(&rate, 1000, 100, 30000, 1000);
    assert_int_equal(tecton_learned_rate_due_ms(&rate, 1000), 31000);
    assert_int_equal(tecton_learned_rate_due_ms(&rate, 30999), 31000);
    assert_int_equal(tecton_learned_rate_due_ms(&rate, 31000), 0);
    /* One goes out, is accepted, and the rate restarts. */
    tecton_learned_rate_started(&rate, 31000);
    tecton_learned_rate_accepted(&rate, 31000, 31050);
    assert_int_equal((int)rate.per_second, 50);
}

static void an_accepted_request_in_between_makes_it_hold_for_none(void **state) {
    (void)state;
    tecton_learned_rate rate = {0};
    for (uint64_t i = 0; i < 100; i++) {
        tecton_learned_rate_throttled(&rate, 1000, 100, 30000, 1000);
        if (i % 4 == 3)
            tecton_learned_rate_accepted(&rate, 900, 1000);
    }
    assert_true(tecton_learned_rate_due_ms(&rate, 1000) < 2000);
}

static void answers_within_one_tick_are_no_rate(void **state) {
    (void)state;
    tecton_learned_rate rate = {0};
    for (int i = 0; i < 10000; i++) {
        tecton_learned_rate_started(&rate, 1000);
        tecton_learned_rate_throttled(&rate, 1000, 1e6, TECTON_NO_RETRY_AFTER, 1000);
        tecton_learned_rate_accepted(&rate, 1000, 1000);
    }
    assert_true(rate.per_second >= 1 && rate.per_second <= 1e6);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(without_a_429_nothing_is_learned),
        cmocka_unit_test(the_rate_of_a_service_is_found),
        cmocka_unit_test(the_first_429_bounds_what_goes_out_to_what_went_out),
        cmocka_unit_test(what_was_not_used_is_caught_up_with_for_ten_milliseconds),
        cmocka_unit_test(it_follows_a_service_that_takes_more),
        cmocka_unit_test(it_follows_a_service_that_takes_less),
        cmocka_unit_test(it_does_not_grow_while_it_is_not_used),
        cmocka_unit_test(one_429_in_two_hundred_does_not_lower_it),
        cmocka_unit_test(where_nothing_is_accepted_one_a_second_goes_out),
        cmocka_unit_test(with_the_first_that_is_accepted_it_restarts_at_half),
        cmocka_unit_test(five_429s_in_a_row_make_their_retry_after_hold_for_all),
        cmocka_unit_test(an_accepted_request_in_between_makes_it_hold_for_none),
        cmocka_unit_test(answers_within_one_tick_are_no_rate),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
