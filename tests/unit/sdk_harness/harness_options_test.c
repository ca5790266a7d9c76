#include "sdk_harness/harness.h"
#include "tests/support/check.h"

static void quotes_around_a_value_are_taken_off(void **state) {
    (void)state;
    char id[] = "--id='job-001[job]_external_1'";
    char provision[] = "--provision_endpoint=localhost:18073";
    char *argv[] = {id, provision};
    beamc_harness_options options = {0};
    assert_int_equal(beamc_harness_options_parse(2, argv, &options, NULL), BEAMC_OK);
    assert_string_equal(options.worker_id, "job-001[job]_external_1");
    assert_string_equal(options.provision_endpoint, "localhost:18073");
}

static void values_may_stand_alone_and_unknown_arguments_are_passed_over(void **state) {
    (void)state;
    char a[] = "--id", b[] = "1-2", c[] = "--semi_persist_dir=/tmp", d[] = "--control_endpoint=h:1",
         e[] = "--logging_endpoint", f[] = "h:2", g[] = "--new_thing";
    char *argv[] = {a, b, c, d, e, f, g};
    beamc_harness_options options = {0};
    assert_int_equal(beamc_harness_options_parse(7, argv, &options, NULL), BEAMC_OK);
    assert_string_equal(options.worker_id, "1-2");
    assert_string_equal(options.control_endpoint, "h:1");
    assert_string_equal(options.logging_endpoint, "h:2");
}

static void what_is_missing_is_named(void **state) {
    (void)state;
    char provision[] = "--provision_endpoint=h:1";
    char id[] = "--id=1";
    char *without_id[] = {provision};
    char *without_endpoint[] = {id};
    beamc_error err;
    beamc_harness_options options = {0};
    assert_int_equal(beamc_harness_options_parse(1, without_id, &options, &err), BEAMC_INVALID);
    assert_contains(err.text, "--id is missing");
    options = (beamc_harness_options){0};
    assert_int_equal(beamc_harness_options_parse(1, without_endpoint, &options, &err), BEAMC_INVALID);
    assert_contains(err.text, "--provision_endpoint is missing");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(quotes_around_a_value_are_taken_off),
        cmocka_unit_test(values_may_stand_alone_and_unknown_arguments_are_passed_over),
        cmocka_unit_test(what_is_missing_is_named),
    };
    return cmocka_run_group_tests_name("harness_options", tests, NULL, NULL);
}
