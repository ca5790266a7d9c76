#include "worker/delivery/retry_policy.h"

#include "tests/support/check.h"
#include "worker/delivery/retry_after.h"

static const tecton_retry_limits usual = {.max_retries = 3, .max_retry_ms = 300000};

static tecton_retry_decision next(const tecton_retry_limits *limits, tecton_retry_state *state, tecton_attempt attempt,
                                  uint64_t now_ms, uint32_t random) {
    return tecton_retry_next(limits, state, attempt, TECTON_NO_RETRY_AFTER, now_ms, random);
}

static void sent_requests_use_up_max_retries(void **state) {
    (void)state;
    tecton_retry_state history = {.first_ms = 1000};
    for (int i = 0; i < 3; i++)
        assert_false(next(&usual, &history, TECTON_ATTEMPT_SENT, 1000, 0).give_up);
    assert_true(next(&usual, &history, TECTON_ATTEMPT_SENT, 1000, 0).give_up);
    tecton_retry_limits none = {.max_retries = 0, .max_retry_ms = 300000};
    tecton_retry_state fresh = {.first_ms = 1000};
    assert_true(next(&none, &fresh, TECTON_ATTEMPT_SENT, 1000, 0).give_up);
}

static void what_was_not_sent_or_throttled_does_not(void **state) {
    (void)state;
    tecton_retry_limits none = {.max_retries = 0, .max_retry_ms = 300000};
    tecton_retry_state history = {.first_ms = 0};
    for (int i = 0; i < 1000; i++) {
        assert_false(next(&none, &history, TECTON_ATTEMPT_NOT_SENT, 0, 0).give_up);
        assert_false(next(&none, &history, TECTON_ATTEMPT_THROTTLED, 0, 0).give_up);
    }
    assert_int_equal(history.num_retries_used, 0);
}

static void the_bound_doubles_up_to_its_cap(void **state) {
    (void)state;
    tecton_retry_limits many = {.max_retries = 100, .max_retry_ms = 3600000};
    static const uint64_t bounds[] = {50, 100, 200, 400, 800, 1600, 3200, 6400, 12800, 20000, 20000};
    tecton_retry_state history = {.first_ms = 0};
    for (size_t i = 0; i < sizeof bounds / sizeof bounds[0]; i++)
        assert_int_equal(next(&many, &history, TECTON_ATTEMPT_SENT, 0, UINT32_MAX).delay_ms, bounds[i]);
    static const uint64_t throttled[] = {1000, 2000, 4000, 8000, 16000, 20000, 20000};
    history = (tecton_retry_state){.first_ms = 0};
    for (size_t i = 0; i < sizeof throttled / sizeof throttled[0]; i++)
        assert_int_equal(next(&many, &history, TECTON_ATTEMPT_THROTTLED, 0, UINT32_MAX).delay_ms, throttled[i]);
}

static void delays_lie_anywhere_below_the_bound(void **state) {
    (void)state;
    uint64_t sum = 0;
    bool low = false;
    bool high = false;
    for (uint32_t i = 0; i < 1000; i++) {
        tecton_retry_state history = {.first_ms = 0};
        uint64_t delay_ms = next(&usual, &history, TECTON_ATTEMPT_THROTTLED, 0, i * 4294967U).delay_ms;
        assert_in_range(delay_ms, 0, 1000);
        low = low || delay_ms < 20;
        high = high || delay_ms > 980;
        sum += delay_ms;
    }
    assert_true(low && high);
    assert_in_range(sum / 1000, 480, 520);
}

static void retry_after_is_a_least_delay_with_a_tenth_on_top(void **state) {
    (void)state;
    tecton_retry_state history = {.first_ms = 0};
    assert_int_equal(tecton_retry_next(&usual, &history, TECTON_ATTEMPT_THROTTLED, 5000, 0, 0).delay_ms, 5000);
    history = (tecton_retry_state){.first_ms = 0};
    assert_int_equal(tecton_retry_next(&usual, &history, TECTON_ATTEMPT_THROTTLED, 5000, 0, UINT32_MAX).delay_ms, 5500);
    history = (tecton_retry_state){.first_ms = 0};
    assert_int_equal(tecton_retry_next(&usual, &history, TECTON_ATTEMPT_THROTTLED, 10, 0, UINT32_MAX).delay_ms, 1000);
    history = (tecton_retry_state){.first_ms = 0};
    assert_int_equal(tecton_retry_next(&usual, &history, TECTON_ATTEMPT_THROTTLED, 0, 0, 0).delay_ms, 0);
}

static void nothing_starts_after_max_retry_seconds(void **state) {
    (void)state;
    tecton_retry_limits one_second = {.max_retries = 100, .max_retry_ms = 1000};
    tecton_retry_state history = {.first_ms = 7000};
    assert_false(next(&one_second, &history, TECTON_ATTEMPT_SENT, 7950, UINT32_MAX).give_up); /* 50 ms: just in time */
    history = (tecton_retry_state){.first_ms = 7000};
    assert_true(next(&one_second, &history, TECTON_ATTEMPT_SENT, 7951, UINT32_MAX).give_up);
    history = (tecton_retry_state){.first_ms = 7000};
    assert_true(next(&one_second, &history, TECTON_ATTEMPT_NOT_SENT, 8000, 0).give_up);
    history = (tecton_retry_state){.first_ms = 7000};
    assert_true(tecton_retry_next(&one_second, &history, TECTON_ATTEMPT_THROTTLED, 60000, 7000, 0).give_up);
}

static void throttling_and_failures_double_apart(void **state) {
    (void)state;
    tecton_retry_limits many = {.max_retries = 100, .max_retry_ms = 3600000};
    tecton_retry_state history = {.first_ms = 0};
    for (int i = 0; i < 5; i++)
        (void)next(&many, &history, TECTON_ATTEMPT_SENT, 0, 0);
    assert_int_equal(next(&many, &history, TECTON_ATTEMPT_THROTTLED, 0, UINT32_MAX).delay_ms, 1000);
    assert_int_equal(next(&many, &history, TECTON_ATTEMPT_NOT_SENT, 0, UINT32_MAX).delay_ms, 1600);
    assert_int_equal(next(&many, &history, TECTON_ATTEMPT_THROTTLED, 0, UINT32_MAX).delay_ms, 2000);
}

static void any_number_of_waits_stays_within_the_cap(void **state) {
    (void)state;
    tecton_retry_limits many = {.max_retries = UINT32_MAX, .max_retry_ms = UINT64_MAX};
    tecton_retry_state history = {.num_waits = UINT32_MAX - 1, .num_throttled = UINT32_MAX - 1};
    assert_int_equal(next(&many, &history, TECTON_ATTEMPT_SENT, 0, UINT32_MAX).delay_ms, TECTON_RETRY_CAP_MS);
    assert_int_equal(next(&many, &history, TECTON_ATTEMPT_THROTTLED, 0, UINT32_MAX).delay_ms, TECTON_RETRY_CAP_MS);
}

static void the_longest_retry_after_waits_sixty_six_seconds(void **state) {
    (void)state;
    tecton_retry_state history = {.first_ms = 0};
    assert_int_equal(
        tecton_retry_next(&usual, &history, TECTON_ATTEMPT_THROTTLED, TECTON_RETRY_AFTER_CAP_MS, 0, UINT32_MAX)
            .delay_ms,
        66000);
}

static void the_time_begins_once(void **state) {
    (void)state;
    tecton_retry_state history = {0};
    assert_false(tecton_retry_expired(&usual, &history, UINT64_MAX)); /* not begun */
    tecton_retry_began(&history, 0);
    tecton_retry_began(&history, 5000);
    assert_int_equal(history.first_ms, 0);
    assert_false(tecton_retry_expired(&usual, &history, 299999));
    assert_true(tecton_retry_expired(&usual, &history, 300000));
}

static void what_is_held_back_is_given_up_after_the_same_time(void **state) {
    (void)state;
    tecton_retry_state history = {0};
    tecton_retry_began(&history, 10000);
    assert_false(next(&usual, &history, TECTON_ATTEMPT_NOT_SENT, 309000, 0).give_up);
    assert_true(next(&usual, &history, TECTON_ATTEMPT_NOT_SENT, 310000, 0).give_up);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sent_requests_use_up_max_retries),
        cmocka_unit_test(what_was_not_sent_or_throttled_does_not),
        cmocka_unit_test(the_bound_doubles_up_to_its_cap),
        cmocka_unit_test(delays_lie_anywhere_below_the_bound),
        cmocka_unit_test(retry_after_is_a_least_delay_with_a_tenth_on_top),
        cmocka_unit_test(nothing_starts_after_max_retry_seconds),
        cmocka_unit_test(throttling_and_failures_double_apart),
        cmocka_unit_test(any_number_of_waits_stays_within_the_cap),
        cmocka_unit_test(the_longest_retry_after_waits_sixty_six_seconds),
        cmocka_unit_test(the_time_begins_once),
        cmocka_unit_test(what_is_held_back_is_given_up_after_the_same_time),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
