#include "tests/emulator/value_check.h"

#include "tests/unit/emulator/sample_config.h"

#include <cjson/cJSON.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static emu_value_check_state state_of_check;
static beamc_byte_buffer stored;

/* Checks one value, given as JSON, against a type, given as in the config. */
static bool check_as(emu_int64_form form, const char *type_json, const char *value_json) {
    beamc_error err;
    beamc_arena arena;
    emu_json *wrapped;
    emu_type type;
    cJSON *json = cJSON_Parse(type_json);
    assert_int_equal(emu_type_read(json, &type, &err), BEAMC_OK);
    beamc_arena_init(&arena, 1 << 20);
    char text[1024];
    size_t len = (size_t)snprintf(text, sizeof text, "[%s]", value_json);
    if (emu_json_read(text, len, &arena, &wrapped, &err) != BEAMC_OK)
        fail_msg("%s: %s", value_json, err.text);
    beamc_byte_buffer_clear(&stored);
    state_of_check = (emu_value_check_state){.int64 = form};
    const emu_value_path path = {.name = "c"};
    bool good = emu_value_check(&state_of_check, &type, wrapped->first, &path, &stored);
    beamc_arena_cleanup(&arena);
    emu_type_cleanup(&type);
    cJSON_Delete(json);
    return good;
}

static void assert_stored(const char *type, const char *value, const char *expected) {
    if (!check_as(EMU_INT64_NUMBER_OR_STRING, type, value))
        fail_msg("%s refused as %s: %s", value, type, state_of_check.why);
    assert_string_equal(buffer_text(&stored), expected);
}

static void assert_refused(const char *type, const char *value, const char *words) {
    if (check_as(EMU_INT64_NUMBER_OR_STRING, type, value))
        fail_msg("%s accepted as %s", value, type);
    if (strstr(state_of_check.why, words) == NULL)
        fail_msg("%s as %s: got \"%s\", wanted \"%s\"", value, type, state_of_check.why, words);
}

static int open_stored(void **state) {
    (void)state;
    beamc_byte_buffer_init(&stored, 1 << 20);
    return 0;
}

static int close_stored(void **state) {
    (void)state;
    beamc_byte_buffer_cleanup(&stored);
    return 0;
}

static void null_is_good_for_every_type(void **state) {
    (void)state;
    static const char *const types[] = {"\"Int32\"",
                                        "\"Int64\"",
                                        "\"Float32\"",
                                        "\"Float64\"",
                                        "\"String\"",
                                        "\"Bool\"",
                                        "\"Timestamp\"",
                                        "{\"array\":\"String\"}",
                                        "{\"map\":\"String\"}",
                                        "{\"struct\":{\"a\":\"String\"}}"};
    for (size_t i = 0; i < sizeof types / sizeof types[0]; i++)
        assert_stored(types[i], "null", "null");
}

static void whole_numbers_are_int64_however_spelled(void **state) {
    (void)state;
    assert_stored("\"Int64\"", "0", "\"0\"");
    assert_stored("\"Int64\"", "-0", "\"0\"");
    assert_stored("\"Int64\"", "0.000", "\"0\"");
    assert_stored("\"Int64\"", "0e99999999999", "\"0\"");
    assert_stored("\"Int64\"", "42", "\"42\"");
    assert_stored("\"Int64\"", "-42.0", "\"-42\"");
    assert_stored("\"Int64\"", "1e3", "\"1000\"");
    assert_stored("\"Int64\"", "1.25E+2", "\"125\"");
    assert_stored("\"Int64\"", "12500e-2", "\"125\"");
    assert_stored("\"Int64\"", "9007199254740991", "\"9007199254740991\"");
    assert_stored("\"Int64\"", "-9007199254740991", "\"-9007199254740991\"");
    assert_stored("\"Int64\"", "90071992547409910e-1", "\"9007199254740991\"");
}

static void numbers_that_are_not_exactly_int64_are_refused(void **state) {
    (void)state;
    static const char *const values[] = {"0.5",
                                         "-1.0000000000000000000000001",
                                         "1e-1",
                                         "9007199254740992",
                                         "9007199254740993",
                                         "-9007199254740992",
                                         "9007199254740991.4",
                                         "1e16",
                                         "1e19",
                                         "1e400",
                                         "1e99999999999999999999",
                                         "1e-99999999999999999999",
                                         "18446744073709551616",
                                         "18446744073709551617",
                                         "99999999999999999999999999"};
    for (size_t i = 0; i < sizeof values / sizeof values[0]; i++)
        assert_refused("\"Int64\"", values[i], "column `c`: expected Int64: a number must be whole");
}

static void decimal_strings_are_int64(void **state) {
    (void)state;
    assert_stored("\"Int64\"", "\"0\"", "\"0\"");
    assert_stored("\"Int64\"", "\"9007199254740993\"", "\"9007199254740993\"");
    assert_stored("\"Int64\"", "\"9223372036854775807\"", "\"9223372036854775807\"");
    assert_stored("\"Int64\"", "\"-9223372036854775808\"", "\"-9223372036854775808\"");
    static const char *const bad[] = {"\"\"",
                                      "\"-\"",
                                      "\"+1\"",
                                      "\"01\"",
                                      "\" 1\"",
                                      "\"1 \"",
                                      "\"1.0\"",
                                      "\"1e3\"",
                                      "\"0x1\"",
                                      "\"1\\u0000\"",
                                      "\"9223372036854775808\"",
                                      "\"-9223372036854775809\"",
                                      "\"99999999999999999999\""};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_refused("\"Int64\"", bad[i], "a string must be decimal");
    assert_refused("\"Int64\"", "true", "expected Int64, got a boolean");
}

static void the_int64_form_can_be_narrowed(void **state) {
    (void)state;
    assert_true(check_as(EMU_INT64_NUMBER, "\"Int64\"", "1"));
    assert_false(check_as(EMU_INT64_NUMBER, "\"Int64\"", "\"1\""));
    assert_true(check_as(EMU_INT64_STRING, "\"Int64\"", "\"1\""));
    assert_false(check_as(EMU_INT64_STRING, "\"Int64\"", "1"));
}

static void int32_is_a_number_of_32_bits(void **state) {
    (void)state;
    assert_stored("\"Int32\"", "2147483647", "\"2147483647\"");
    assert_stored("\"Int32\"", "-2147483648", "\"-2147483648\"");
    assert_refused("\"Int32\"", "2147483648", "expected Int32");
    assert_refused("\"Int32\"", "-2147483649", "expected Int32");
    assert_refused("\"Int32\"", "1.5", "expected Int32");
    assert_refused("\"Int32\"", "\"1\"", "got a string");
}

static void floats_keep_their_text_and_range(void **state) {
    (void)state;
    assert_stored("\"Float64\"", "-0.0", "-0.0");
    assert_stored("\"Float64\"", "5e-324", "5e-324");
    assert_stored("\"Float64\"", "1.7976931348623157e308", "1.7976931348623157e308");
    assert_stored("\"Float64\"", "3", "3");
    assert_stored("\"Float32\"", "1e-45", "1e-45");
    assert_stored("\"Float32\"", "3.4028235e38", "3.4028235e38");
    assert_refused("\"Float32\"", "3.5e38", "out of the range of Float32");
    assert_refused("\"Float64\"", "1e309", "out of the range of Float64");
    assert_refused("\"Float64\"", "-1e309", "out of the range of Float64");
    assert_refused("\"Float64\"", "\"NaN\"", "expected Float64, got a string");
    assert_refused("\"Float32\"", "\"1.5\"", "expected Float32, got a string");
    assert_refused("\"Float64\"", "true", "got a boolean");
}

static void booleans_and_strings_are_not_mixed_up(void **state) {
    (void)state;
    assert_stored("\"Bool\"", "true", "true");
    assert_stored("\"Bool\"", "false", "false");
    assert_refused("\"Bool\"", "\"true\"", "expected Bool, got a string");
    assert_refused("\"Bool\"", "1", "got a number");
    assert_stored("\"String\"", "\"\"", "\"\"");
    assert_refused("\"String\"", "1", "expected String, got a number");
    assert_refused("\"String\"", "[\"a\"]", "got an array");
    assert_refused("\"String\"", "{}", "got an object");
}

static void equal_strings_have_one_stored_form(void **state) {
    (void)state;
    assert_stored("\"String\"", "\"A/\xC3\xA9\"", "\"A/\xC3\xA9\"");
    assert_stored("\"String\"", "\"\\u0041\\/\\u00e9\"", "\"A/\xC3\xA9\"");
    assert_stored("\"String\"", "\"\\n\\u000A\\\"\\\\\\u0000\"", "\"\\u000a\\u000a\\\"\\\\\\u0000\"");
}

static void timestamps_are_stored_in_utc(void **state) {
    (void)state;
    assert_stored("\"Timestamp\"", "\"2026-03-01T14:45:00.5+05:30\"", "\"2026-03-01T09:15:00.500Z\"");
    assert_int_equal(state_of_check.at.seconds, 1772356500);
    assert_int_equal(state_of_check.at.nanos, 500000000);
    assert_refused("\"Timestamp\"", "1772356500", "expected a timestamp in ISO 8601, got a number");
    assert_refused("\"Timestamp\"", "\"2026-03-01 14:45:00\"", "expected T between");
}

static void arrays_maps_and_structs_are_checked_inside(void **state) {
    (void)state;
    assert_stored("{\"array\":\"Int64\"}", "[]", "[]");
    assert_stored("{\"array\":\"Int64\"}", "[1,null,\"3\"]", "[\"1\",null,\"3\"]");
    assert_stored("{\"map\":{\"array\":\"Bool\"}}", "{\"a\":[true],\"\":null}", "{\"a\":[true],\"\":null}");
    assert_stored("{\"struct\":{\"x\":\"Float64\",\"y\":{\"struct\":{\"z\":\"String\"}}}}",
                  "{\"y\":{\"z\":\"q\"},\"x\":1}", "{\"x\":1,\"y\":{\"z\":\"q\"}}");
    assert_refused("{\"array\":\"Int64\"}", "{}", "expected array, got an object");
    assert_refused("{\"map\":\"Int64\"}", "[]", "expected map, got an array");
    assert_refused("{\"struct\":{\"x\":\"Int64\"}}", "1", "expected struct, got a number");
    assert_refused("{\"array\":{\"array\":\"Int64\"}}", "[[1],[2.5]]", "column `c[][]`: expected Int64");
    assert_refused("{\"struct\":{\"x\":{\"map\":\"Bool\"}}}", "{\"x\":{\"secret\":3}}",
                   "column `c.x[]`: expected Bool, got a number");
    assert_refused("{\"struct\":{\"x\":\"Int64\",\"y\":\"Int64\"}}", "{\"x\":1}", "column `c.y`: missing");
    assert_refused("{\"struct\":{\"x\":\"Int64\"}}", "{\"x\":1,\"secret\":2}", "not in the schema");
}

static void messages_hold_no_contents(void **state) {
    (void)state;
    assert_false(check_as(EMU_INT64_NUMBER_OR_STRING, "\"Int64\"", "\"secret\""));
    assert_null(strstr(state_of_check.why, "secret"));
    assert_false(check_as(EMU_INT64_NUMBER_OR_STRING, "\"Timestamp\"", "\"secret\""));
    assert_null(strstr(state_of_check.why, "secret"));
    assert_false(check_as(EMU_INT64_NUMBER_OR_STRING, "{\"map\":\"Bool\"}", "{\"secret\":1}"));
    assert_null(strstr(state_of_check.why, "secret"));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(null_is_good_for_every_type),
        cmocka_unit_test(whole_numbers_are_int64_however_spelled),
        cmocka_unit_test(numbers_that_are_not_exactly_int64_are_refused),
        cmocka_unit_test(decimal_strings_are_int64),
        cmocka_unit_test(the_int64_form_can_be_narrowed),
        cmocka_unit_test(int32_is_a_number_of_32_bits),
        cmocka_unit_test(floats_keep_their_text_and_range),
        cmocka_unit_test(booleans_and_strings_are_not_mixed_up),
        cmocka_unit_test(equal_strings_have_one_stored_form),
        cmocka_unit_test(timestamps_are_stored_in_utc),
        cmocka_unit_test(arrays_maps_and_structs_are_checked_inside),
        cmocka_unit_test(messages_hold_no_contents),
    };
    return cmocka_run_group_tests(tests, open_stored, close_stored);
}
