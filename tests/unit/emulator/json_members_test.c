#include "tests/emulator/json_members.h"

#include <cjson/cJSON.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static beamc_error err;

static beamc_status only(const char *json) {
    static const char *const names[] = {"a", "b", NULL};
    cJSON *object = cJSON_Parse(json);
    beamc_status status = emu_json_only_members(object, names, &err);
    cJSON_Delete(object);
    return status;
}

static void unknown_and_repeated_members_are_named(void **state) {
    (void)state;
    assert_int_equal(only("{}"), BEAMC_OK);
    assert_int_equal(only("{\"b\":1,\"a\":null}"), BEAMC_OK);
    assert_int_equal(only("{\"a\":1,\"c\":1}"), BEAMC_INVALID);
    assert_string_equal(err.text, "unknown name \"c\"");
    assert_int_equal(only("{\"a\":1,\"a\":1}"), BEAMC_INVALID);
    assert_string_equal(err.text, "\"a\" occurs twice");
    assert_int_equal(only("[]"), BEAMC_INVALID);
    assert_string_equal(err.text, "expected an object");
    assert_int_equal(only("nothing"), BEAMC_INVALID);
}

static void numbers_are_taken_within_their_range(void **state) {
    (void)state;
    static const struct {
        const char *json;
        bool whole;
        bool real;
    } cases[] = {{"1", true, true},      {"10", true, true},      {"0", false, false},
                 {"11", false, false},   {"1.5", false, true},    {"\"1\"", false, false},
                 {"null", false, false}, {"1e999", false, false}, {"true", false, false}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        cJSON *value = cJSON_Parse(cases[i].json);
        int64_t whole;
        double real;
        if ((emu_json_whole(value, "n", 1, 10, &whole, &err) == BEAMC_OK) != cases[i].whole)
            fail_msg("as a whole number: %s", cases[i].json);
        if ((emu_json_real(value, "n", 1, 10, &real, &err) == BEAMC_OK) != cases[i].real)
            fail_msg("as a number: %s", cases[i].json);
        if (cases[i].real)
            assert_true(real == value->valuedouble);
        else
            assert_string_equal(err.text, "n: expected a number from 1 to 10");
        cJSON_Delete(value);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(unknown_and_repeated_members_are_named),
        cmocka_unit_test(numbers_are_taken_within_their_range),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
