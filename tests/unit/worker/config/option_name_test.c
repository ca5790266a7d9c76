#include "worker/config/option_name.h"

#include "tests/support/check.h"

static void names_are_equal_without_case_and_separators(void **state) {
    (void)state;
    assert_true(tecton_option_name_equal("batch_size", "BatchSize"));
    assert_true(tecton_option_name_equal("batch_size", "batch-size"));
    assert_true(tecton_option_name_equal("_batch__size_", "BATCHSIZE"));
    assert_false(tecton_option_name_equal("batch_size", "batch_sizes"));
    assert_false(tecton_option_name_equal("batch_size", "batch_siz"));
    assert_false(tecton_option_name_equal("", "a"));
    assert_true(tecton_option_name_equal("", "_"));
}

static void distance_counts_single_letter_edits(void **state) {
    (void)state;
    assert_int_equal(tecton_option_name_distance("timeout", "Time_Out"), 0);
    assert_int_equal(tecton_option_name_distance("timeout", "timout"), 1);   /* one missing */
    assert_int_equal(tecton_option_name_distance("timeout", "timeoout"), 1); /* one too many */
    assert_int_equal(tecton_option_name_distance("timeout", "tomeout"), 1);  /* one wrong */
    assert_int_equal(tecton_option_name_distance("timeout", "itmeout"), 1);  /* two swapped */
    assert_int_equal(tecton_option_name_distance("kitten", "sitting"), 3);
    assert_int_equal(tecton_option_name_distance("", "abc"), 3);
    assert_int_equal(tecton_option_name_distance("abc", ""), 3);
}

static void very_long_names_are_compared_up_to_a_bound(void **state) {
    (void)state;
    char a[500];
    memset(a, 'a', sizeof a - 1);
    a[sizeof a - 1] = '\0';
    assert_int_equal(tecton_option_name_distance(a, ""), 64);
    assert_int_equal(tecton_option_name_distance(a, a), 0);
}

static void nearest_is_found_only_when_something_is_near(void **state) {
    (void)state;
    const char *const names[] = {"api_key", "batch_size", "timeout"};
    assert_int_equal(tecton_option_name_nearest("batchsice", names, 3), 1);
    assert_int_equal(tecton_option_name_nearest("timeouts", names, 3), 2);
    assert_int_equal(tecton_option_name_nearest("apikey", names, 3), 0);
    assert_int_equal(tecton_option_name_nearest("colour", names, 3), -1);
    assert_int_equal(tecton_option_name_nearest("", names, 3), -1);
    assert_int_equal(tecton_option_name_nearest("x", names, 0), -1);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_are_equal_without_case_and_separators),
        cmocka_unit_test(distance_counts_single_letter_edits),
        cmocka_unit_test(very_long_names_are_compared_up_to_a_bound),
        cmocka_unit_test(nearest_is_found_only_when_something_is_near),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
