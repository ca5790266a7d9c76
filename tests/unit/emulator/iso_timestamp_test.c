#include "tests/emulator/iso_timestamp.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void documented_forms_are_read(void **state) {
    (void)state;
    static const struct {
        const char *text;
        int64_t seconds;
        int32_t nanos;
        const char *written;
    } cases[] = {
        {"1970-01-01T00:00:00Z", 0, 0, "1970-01-01T00:00:00Z"},
        {"1970-01-01T00:00", 0, 0, "1970-01-01T00:00:00Z"},
        {"1970-01-01T00:00:01", 1, 0, "1970-01-01T00:00:01Z"},
        {"2024-02-29T00:00Z", 1709164800, 0, "2024-02-29T00:00:00Z"},
        {"2000-02-29T12:34:56.5Z", 951827696, 500000000, "2000-02-29T12:34:56.500Z"},
        {"1969-12-31T23:59:59.999999999Z", -1, 999999999, "1969-12-31T23:59:59.999999999Z"},
        {"2026-03-01T09:15:00.000000250Z", 1772356500, 250, "2026-03-01T09:15:00.000000250Z"},
        {"2026-03-01T09:15:00.00025Z", 1772356500, 250000, "2026-03-01T09:15:00.000250Z"},
        {"2026-03-01T14:45:00+05:30", 1772356500, 0, "2026-03-01T09:15:00Z"},
        {"2026-03-01T01:15-08:00", 1772356500, 0, "2026-03-01T09:15:00Z"},
        {"2026-03-01T09:15:00.1-00:00", 1772356500, 100000000, "2026-03-01T09:15:00.100Z"},
        {"0001-01-01T00:00:00Z", -62135596800, 0, "0001-01-01T00:00:00Z"},
        {"9999-12-31T23:59:59.999999999Z", 253402300799, 999999999, "9999-12-31T23:59:59.999999999Z"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        emu_timestamp at;
        const char *wrong = emu_timestamp_read(cases[i].text, strlen(cases[i].text), &at);
        if (wrong != NULL)
            fail_msg("%s: %s", cases[i].text, wrong);
        assert_int_equal(at.seconds, cases[i].seconds);
        assert_int_equal(at.nanos, cases[i].nanos);
        char written[EMU_TIMESTAMP_TEXT_MAX + 1] = "";
        written[emu_timestamp_write(at, written)] = '\0';
        assert_string_equal(written, cases[i].written);
    }
}

static void other_forms_are_refused(void **state) {
    (void)state;
    static const char *const cases[] = {
        "",
        "2024-01-01",
        "2024-01-01T",
        "2024-01-01T10",
        "2024-01-01T10Z",
        "2024-01-01 10:00:00Z",
        "2024-01-01t10:00:00Z",
        "2024-01-01T10:00:00z",
        "2024-01-01T10:00:00 Z",
        "2024-01-01T10:00:00UTC",
        "2024-01-01T10:00:00+0530",
        "2024-01-01T10:00:00+05",
        "2024-01-01T10:00:00+5:30",
        "2024-01-01T10:00:00+24:00",
        "2024-01-01T10:00:00+05:60",
        "2024-01-01T10:00:00Z+05:30",
        "2024-01-01T10:00:00ZZ",
        "2024-01-01T10:00:00.Z",
        "2024-01-01T10:00:00.1234567890Z",
        "2024-01-01T10:00:00,5Z",
        "2024-01-01T10:00.5Z",
        "2024-01-01T10:00:60Z",
        "2024-12-31T23:59:60Z",
        "2024-01-01T24:00:00Z",
        "2024-01-01T10:60:00Z",
        "2024-01-01T1:00:00Z",
        "2024-1-01T10:00:00Z",
        "24-01-01T10:00:00Z",
        "12024-01-01T10:00:00Z",
        "+2024-01-01T10:00:00Z",
        "-0001-01-01T10:00:00Z",
        "0000-01-01T00:00:00Z",
        "0001-01-01T00:00:00+00:01",
        "9999-12-31T23:59:59-00:01",
        "2023-02-29T00:00:00Z",
        "1900-02-29T00:00:00Z",
        "2024-04-31T00:00:00Z",
        "2024-13-01T00:00:00Z",
        "2024-00-01T00:00:00Z",
        "2024-01-00T00:00:00Z",
        "20240101T100000Z",
        "1704103200",
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        emu_timestamp at;
        if (emu_timestamp_read(cases[i], strlen(cases[i]), &at) == NULL)
            fail_msg("accepted %s", cases[i]);
    }
}

static void every_cut_is_refused_or_a_shorter_form(void **state) {
    (void)state;
    static const char text[] = "2024-05-06T07:08:09.123456789+01:30";
    for (size_t len = 0; len < sizeof text - 1; len++) {
        char *exact = malloc(len == 0 ? 1 : len);
        memcpy(exact, text, len);
        emu_timestamp at;
        const char *wrong = emu_timestamp_read(exact, len, &at);
        bool complete = len == 16 || len == 19 || (len > 20 && len <= 29);
        if ((wrong == NULL) != complete)
            fail_msg("%.*s: %s", (int)len, text, wrong == NULL ? "accepted" : wrong);
        free(exact);
    }
}

static void every_day_is_written_as_it_was_read(void **state) {
    (void)state;
    char expected[EMU_TIMESTAMP_TEXT_MAX + 1];
    char before[EMU_TIMESTAMP_TEXT_MAX + 1] = "";
    for (int64_t day = -719162; day <= 2932896; day++) { /* 0001-01-01 to 9999-12-31 */
        emu_timestamp at = {.seconds = day * 86400 + 86399, .nanos = 0};
        emu_timestamp again;
        expected[emu_timestamp_write(at, expected)] = '\0';
        if (emu_timestamp_read(expected, strlen(expected), &again) != NULL || again.seconds != at.seconds)
            fail_msg("day %lld is written as %s", (long long)day, expected);
        if (strcmp(expected, before) <= 0)
            fail_msg("%s does not follow %s", expected, before);
        strcpy(before, expected);
    }
    assert_string_equal(before, "9999-12-31T23:59:59Z");
}

static void instants_are_ordered(void **state) {
    (void)state;
    emu_timestamp early = {.seconds = -5, .nanos = 999};
    emu_timestamp later = {.seconds = -5, .nanos = 1000};
    emu_timestamp latest = {.seconds = 0, .nanos = 0};
    assert_true(emu_timestamp_compare(early, later) < 0);
    assert_true(emu_timestamp_compare(latest, later) > 0);
    assert_int_equal(emu_timestamp_compare(later, later), 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(documented_forms_are_read),
        cmocka_unit_test(other_forms_are_refused),
        cmocka_unit_test(every_cut_is_refused_or_a_shorter_form),
        cmocka_unit_test(every_day_is_written_as_it_was_read),
        cmocka_unit_test(instants_are_ordered),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
