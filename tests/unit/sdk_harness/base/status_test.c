#include "sdk_harness/base/status.h"
#include "tests/support/check.h"

static void a_message_names_the_path_from_the_outside_in(void **state) {
    (void)state;
    beamc_error err;
    beamc_status status = beamc_fail(&err, BEAMC_INVALID, "a length of %d", 7);
    status = beamc_fail_within(&err, status, "[2]");
    status = beamc_fail_within(&err, status, "items");
    assert_int_equal(status, BEAMC_INVALID);
    assert_string_equal(err.text, "items: [2]: a length of 7");
}

static void a_message_longer_than_its_room_is_cut_and_terminated(void **state) {
    (void)state;
    beamc_error err;
    char text[4096];
    memset(text, 'x', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    (void)beamc_fail(&err, BEAMC_INVALID, "%s", text);
    assert_int_equal(strlen(err.text), sizeof err.text - 1);
    (void)beamc_fail_within(&err, BEAMC_INVALID, text);
    assert_true(strlen(err.text) < sizeof err.text);
    (void)beamc_fail_within(&err, BEAMC_INVALID, "field");
    assert_contains(err.text, "field: xxx");
}

static void a_caller_that_wants_no_text_gets_none(void **state) {
    (void)state;
    assert_int_equal(beamc_fail(NULL, BEAMC_LIMIT, "%s", "x"), BEAMC_LIMIT);
    assert_int_equal(beamc_fail_within(NULL, BEAMC_LIMIT, "x"), BEAMC_LIMIT);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_message_names_the_path_from_the_outside_in),
        cmocka_unit_test(a_message_longer_than_its_room_is_cut_and_terminated),
        cmocka_unit_test(a_caller_that_wants_no_text_gets_none),
    };
    return cmocka_run_group_tests_name("status", tests, NULL, NULL);
}
