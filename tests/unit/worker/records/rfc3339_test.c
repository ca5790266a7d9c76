#include "worker/records/rfc3339.h"

#include "tests/support/check.h"

#include <stdlib.h>
#include <time.h>

static void check(const char *text, int64_t seconds, uint32_t nanos) {
    int64_t read_seconds = 0;
    uint32_t read_nanos = 0;
    if (!tecton_parse_rfc3339((const uint8_t *)text, strlen(text), &read_seconds, &read_nanos))
        fail_msg("%s is refused", text);
    assert_true(read_seconds == seconds);
    assert_int_equal(read_nanos, nanos);
}

static void times_are_read_in_utc(void **state) {
    (void)state;
    check("1970-01-01T00:00:00Z", 0, 0);
    check("1969-12-31T23:59:59.999999999Z", -1, 999999999);
    check("2024-02-29T09:15:00.5Z", 1709198100, 500000000);
    check("2024-02-29T09:15:00.000000001Z", 1709198100, 1);
    check("2024-02-29T14:45:00+05:30", 1709198100, 0);
    check("2024-02-29T01:15:00-08:00", 1709198100, 0);
    check("2024-02-29T01:15:00-00:00", 1709169300, 0);
    check("0001-01-01T00:00:00Z", INT64_C(-62135596800), 0); /* Go's zero time */
    check("0000-03-01T00:00:00Z", INT64_C(-62162035200), 0);
    check("0000-01-01T00:00:00Z", INT64_C(-62167219200), 0);
    check("9999-12-31T23:59:59Z", INT64_C(253402300799), 0);
    check("9999-12-31T23:59:59-23:59", INT64_C(253402300799) + 86340, 0);
}

static void every_day_agrees_with_the_c_library(void **state) {
    (void)state;
    for (int64_t day = -719162; day <= 2932896; day += 17) {
        time_t then = (time_t)(day * 86400 + 86399);
        struct tm fields;
        char text[64];
        assert_non_null(gmtime_r(&then, &fields));
        (void)snprintf(text, sizeof text, "%04d-%02d-%02dT23:59:59Z", fields.tm_year + 1900, fields.tm_mon + 1,
                       fields.tm_mday);
        check(text, then, 0);
    }
}

static void other_forms_and_times_that_never_were_are_refused(void **state) {
    (void)state;
    static const char *const bad[] = {
        "",
        "Z",
        "1970-01-01",
        "1970-01-01T00:00Z",
        "1970-01-01T00:00:00",
        "1970-01-01 00:00:00Z",
        "1970-01-01t00:00:00Z",
        "1970-01-01T00:00:00z",
        "1970-01-01T00:00:00Z ",
        " 1970-01-01T00:00:00Z",
        "1970-01-01T00:00:00.Z",
        "1970-01-01T00:00:00.0000000000Z",
        "1970-01-01T00:00:00,5Z",
        "1970-01-01T00:00:00+0530",
        "1970-01-01T00:00:00+05",
        "1970-01-01T00:00:00+24:00",
        "1970-01-01T00:00:00+05:60",
        "1970-00-01T00:00:00Z",
        "1970-13-01T00:00:00Z",
        "1970-01-00T00:00:00Z",
        "1970-01-32T00:00:00Z",
        "1970-04-31T00:00:00Z",
        "2023-02-29T00:00:00Z",
        "1900-02-29T00:00:00Z",
        "1970-01-01T24:00:00Z",
        "1970-01-01T00:60:00Z",
        "1970-01-01T00:00:60Z",
        "-970-01-01T00:00:00Z",
        "10000-01-01T00:00:00Z",
        "197\xc2\xb2-01-01T00:00:00Z",
    };
    int64_t seconds = 0;
    uint32_t nanos = 0;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        if (tecton_parse_rfc3339((const uint8_t *)bad[i], strlen(bad[i]), &seconds, &nanos))
            fail_msg("%s is taken", bad[i]);
}

static void a_text_cut_short_is_refused(void **state) {
    (void)state;
    static const char whole[] = "2024-02-29T14:45:00.123456789+05:30";
    for (size_t len = 0; len < sizeof whole - 1; len++) {
        char *copy = malloc(len == 0 ? 1 : len); /* of its own size, so that a sanitizer sees a read past it */
        memcpy(copy, whole, len);
        int64_t seconds = 0;
        uint32_t nanos = 0;
        assert_false(tecton_parse_rfc3339((const uint8_t *)copy, len, &seconds, &nanos));
        free(copy);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(times_are_read_in_utc),
        cmocka_unit_test(every_day_agrees_with_the_c_library),
        cmocka_unit_test(other_forms_and_times_that_never_were_are_refused),
        cmocka_unit_test(a_text_cut_short_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
