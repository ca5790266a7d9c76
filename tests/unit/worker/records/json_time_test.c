#include "worker/records/json_time.h"

#include "tests/support/check.h"

#include <time.h>

enum { CEILING = 1 << 16 };
#define SECOND UINT64_C(1000000000)

static beamc_byte_buffer out;

static int open_buffer(void **state) {
    (void)state;
    beamc_byte_buffer_init(&out, CEILING);
    return 0;
}

static int close_buffer(void **state) {
    (void)state;
    beamc_byte_buffer_cleanup(&out);
    return 0;
}

/* What was written since the last call, terminated. */
static const char *written(void) {
    beamc_byte_buffer_append_byte(&out, '\0');
    assert_false(out.failed);
    out.len = 0;
    return (const char *)out.data;
}

static uint64_t random_state = UINT64_C(88172645463325252);

static uint64_t next_random(void) {
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    random_state ^= random_state << 17;
    return random_state;
}

static const char *time_of(int64_t seconds, uint32_t nanos, unsigned digits) {
    assert_true(tecton_json_timestamp(&out, seconds, nanos, digits));
    return written();
}

static void timestamps_are_iso_8601_in_utc(void **state) {
    (void)state;
    assert_string_equal(time_of(0, 0, 3), "\"1970-01-01T00:00:00.000Z\"");
    assert_string_equal(time_of(-1, 999999999, 9), "\"1969-12-31T23:59:59.999999999Z\"");
    assert_string_equal(time_of(1709164800, 0, 6), "\"2024-02-29T00:00:00.000000Z\"");
    assert_string_equal(time_of(1772356500, 250, 9), "\"2026-03-01T09:15:00.000000250Z\"");
    assert_string_equal(time_of(1772356500, 123456789, 3), "\"2026-03-01T09:15:00.123Z\"");
    assert_string_equal(time_of(1772356500, 123456789, 6), "\"2026-03-01T09:15:00.123456Z\"");
    assert_string_equal(time_of(INT64_C(-62135596800), 0, 3), "\"0001-01-01T00:00:00.000Z\"");
    assert_string_equal(time_of(INT64_C(253402300799), 999999999, 9), "\"9999-12-31T23:59:59.999999999Z\"");
}

static void timestamps_outside_four_digit_years_are_refused(void **state) {
    (void)state;
    assert_false(tecton_json_timestamp(&out, INT64_C(-62135596801), 999999999, 3));
    assert_false(tecton_json_timestamp(&out, INT64_C(253402300800), 0, 3));
    assert_false(tecton_json_timestamp(&out, INT64_MIN, 0, 3));
    assert_false(tecton_json_timestamp(&out, INT64_MAX, 0, 3));
    assert_int_equal(out.len, 0);
}

static void every_day_agrees_with_the_c_library(void **state) {
    (void)state;
    for (int64_t day = -719162; day <= 2932896; day += 13) {
        int64_t seconds = day * 86400 + (int64_t)(next_random() % 86400);
        time_t then = (time_t)seconds;
        struct tm fields;
        char expected[64];
        assert_non_null(gmtime_r(&then, &fields));
        (void)snprintf(expected, sizeof expected, "\"%04d-%02d-%02dT%02d:%02d:%02d.000Z\"", fields.tm_year + 1900,
                       fields.tm_mon + 1, fields.tm_mday, fields.tm_hour, fields.tm_min, fields.tm_sec);
        assert_string_equal(time_of(seconds, 0, 3), expected);
    }
}

static void timestamps_have_as_many_digits_as_asked(void **state) {
    (void)state;
    assert_string_equal(time_of(0, 987654321, 0), "\"1970-01-01T00:00:00Z\"");
    assert_string_equal(time_of(0, 987654321, 1), "\"1970-01-01T00:00:00.9Z\"");
    assert_string_equal(time_of(0, 987654321, 8), "\"1970-01-01T00:00:00.98765432Z\"");
}

static const char *date_of(int64_t days) {
    assert_true(tecton_json_date(&out, days));
    return written();
}

static void dates_are_counted_from_1970(void **state) {
    (void)state;
    assert_string_equal(date_of(0), "\"1970-01-01\"");
    assert_string_equal(date_of(-1), "\"1969-12-31\"");
    assert_string_equal(date_of(19782), "\"2024-02-29\"");
    assert_string_equal(date_of(-719162), "\"0001-01-01\"");
    assert_string_equal(date_of(2932896), "\"9999-12-31\"");
    static const int64_t outside[] = {-719163, 2932897, INT64_MIN, INT64_MAX};
    for (size_t i = 0; i < 4; i++)
        assert_false(tecton_json_date(&out, outside[i]));
    assert_int_equal(out.len, 0);
}

static const char *clock_of(uint64_t nanos_of_day) {
    assert_true(tecton_json_time(&out, (int64_t)nanos_of_day));
    return written();
}

static void times_have_the_digits_they_need_in_steps_of_three(void **state) {
    (void)state;
    assert_string_equal(clock_of(0), "\"00:00:00\"");
    assert_string_equal(clock_of(33300 * SECOND), "\"09:15:00\"");
    assert_string_equal(clock_of(500000000), "\"00:00:00.500\"");
    assert_string_equal(clock_of(1000), "\"00:00:00.000001\"");
    assert_string_equal(clock_of(86400 * SECOND - 1), "\"23:59:59.999999999\"");
    assert_false(tecton_json_time(&out, -1));
    assert_false(tecton_json_time(&out, (int64_t)(86400 * SECOND)));
    assert_false(tecton_json_time(&out, INT64_MIN));
    assert_int_equal(out.len, 0);
}

static void a_date_with_a_time_says_nothing_of_a_zone(void **state) {
    (void)state;
    assert_true(tecton_json_datetime(&out, 19782, (int64_t)(33300 * SECOND + 250000000)));
    assert_string_equal(written(), "\"2024-02-29T09:15:00.250\"");
    assert_true(tecton_json_datetime(&out, -719162, 0));
    assert_string_equal(written(), "\"0001-01-01T00:00:00\"");
    assert_false(tecton_json_datetime(&out, -719163, 0));
    assert_false(tecton_json_datetime(&out, 0, -1));
    assert_false(tecton_json_datetime(&out, 0, (int64_t)(86400 * SECOND)));
    assert_int_equal(out.len, 0);
}

static void the_ceiling_is_never_passed(void **state) {
    (void)state;
    for (size_t ceiling = 1; ceiling < 40; ceiling++) {
        beamc_byte_buffer small;
        beamc_byte_buffer_init(&small, ceiling);
        assert_true(tecton_json_timestamp(&small, 0, 1, 9));
        assert_true(tecton_json_date(&small, 0));
        assert_true(tecton_json_time(&small, 1));
        assert_true(tecton_json_datetime(&small, 0, 1));
        assert_true(small.len <= ceiling);
        assert_true(small.failed);
        beamc_byte_buffer_cleanup(&small);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(timestamps_are_iso_8601_in_utc),
        cmocka_unit_test(timestamps_outside_four_digit_years_are_refused),
        cmocka_unit_test(timestamps_have_as_many_digits_as_asked),
        cmocka_unit_test(every_day_agrees_with_the_c_library),
        cmocka_unit_test(dates_are_counted_from_1970),
        cmocka_unit_test(times_have_the_digits_they_need_in_steps_of_three),
        cmocka_unit_test(a_date_with_a_time_says_nothing_of_a_zone),
        cmocka_unit_test(the_ceiling_is_never_passed),
    };
    return cmocka_run_group_tests(tests, open_buffer, close_buffer);
}
