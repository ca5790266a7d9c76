#include "worker/delivery/rate_cap.h"

#include "tests/support/check.h"

/* Records that are let through from `from_ms` until `until_ms`, asked as often as it says. */
static uint64_t send(tecton_rate_cap *cap, uint32_t num_records, uint64_t from_ms, uint64_t until_ms) {
    uint64_t sum = 0;
    for (uint64_t now_ms = from_ms; now_ms < until_ms;) {
        uint64_t due_ms = tecton_rate_cap_due_ms(cap, now_ms);
        if (due_ms != 0) {
            assert_true(due_ms > now_ms);
            now_ms = due_ms;
            continue;
        }
        tecton_rate_cap_take(cap, num_records, now_ms);
        sum += num_records;
    }
    return sum;
}

static tecton_rate_cap of(uint64_t records_per_second) {
    tecton_rate_cap cap = {0};
    tecton_rate_cap_join(&cap, records_per_second);
    return cap;
}

static void without_a_cap_everything_goes(void **state) {
    (void)state;
    tecton_rate_cap cap = of(0);
    for (int i = 0; i < 100000; i++) {
        assert_int_equal(tecton_rate_cap_due_ms(&cap, 5), 0);
        tecton_rate_cap_take(&cap, UINT32_MAX, 5);
    }
    assert_int_equal(tecton_rate_cap_now(&cap, 5), 0);
}

static void the_smallest_cap_wins_and_none_is_no_cap(void **state) {
    (void)state;
    tecton_rate_cap cap = of(0);
    tecton_rate_cap_join(&cap, 500);
    tecton_rate_cap_join(&cap, 0);
    tecton_rate_cap_join(&cap, 300);
    tecton_rate_cap_join(&cap, 400);
    assert_int_equal(cap.records_per_second, 300);
}

static void it_grows_evenly_from_a_quarter_to_the_cap_within_a_minute(void **state) {
    (void)state;
    tecton_rate_cap cap = of(1000);
    assert_in_range(send(&cap, 10, 100000, 101000), 240, 270);
    (void)send(&cap, 10, 101000, 130000);
    assert_in_range(send(&cap, 10, 130000, 131000), 620, 640);
    (void)send(&cap, 10, 131000, 160000);
    for (uint64_t now_ms = 160000; now_ms < 170000; now_ms += 1000)
        assert_in_range(send(&cap, 10, now_ms, now_ms + 1000), 990, 1010);
    assert_int_equal(tecton_rate_cap_now(&cap, 100000), 250);
    assert_int_equal(tecton_rate_cap_now(&cap, 130000), 625);
    assert_int_equal(tecton_rate_cap_now(&cap, 900000), 1000);
}

static void a_request_larger_than_a_seconds_worth_goes_and_is_paid_for_afterwards(void **state) {
    (void)state;
    tecton_rate_cap cap = of(1);
    (void)send(&cap, 1, 0, 60000);
    uint64_t sent = send(&cap, 10, 60000, 160000);
    assert_in_range(sent, 90, 110);
}

static void what_was_not_used_is_caught_up_with_for_a_tenth_of_a_second(void **state) {
    (void)state;
    tecton_rate_cap cap = of(1000);
    (void)send(&cap, 10, 0, 60000);
    uint64_t burst = 0;
    while (tecton_rate_cap_due_ms(&cap, 3600000) == 0) { /* after an hour of nothing */
        tecton_rate_cap_take(&cap, 10, 3600000);
        burst += 10;
    }
    assert_in_range(burst, 100, 110);
}

static void the_ramp_begins_with_the_first_request(void **state) {
    (void)state;
    tecton_rate_cap cap = of(1000);
    assert_int_equal(tecton_rate_cap_now(&cap, 86400000), 250);
    uint64_t burst = 0;
    while (tecton_rate_cap_due_ms(&cap, 86400000) == 0) {
        tecton_rate_cap_take(&cap, 10, 86400000);
        burst += 10;
    }
    assert_int_equal(burst, 10);
}

static void the_largest_numbers_do_not_overflow(void **state) {
    (void)state;
    tecton_rate_cap cap = of(UINT64_C(1000000000));
    assert_true(send(&cap, 10, 1000, 1003) > 1000);
    cap = of(1);
    tecton_rate_cap_take(&cap, 100000, 1000);
    assert_in_range(tecton_rate_cap_due_ms(&cap, 1000), 400000000, 400002000);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(without_a_cap_everything_goes),
        cmocka_unit_test(the_smallest_cap_wins_and_none_is_no_cap),
        cmocka_unit_test(it_grows_evenly_from_a_quarter_to_the_cap_within_a_minute),
        cmocka_unit_test(a_request_larger_than_a_seconds_worth_goes_and_is_paid_for_afterwards),
        cmocka_unit_test(what_was_not_used_is_caught_up_with_for_a_tenth_of_a_second),
        cmocka_unit_test(the_ramp_begins_with_the_first_request),
        cmocka_unit_test(the_largest_numbers_do_not_overflow),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
