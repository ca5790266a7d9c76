#include "worker/delivery/fatal_verdicts.h"

#include "tests/support/check.h"

static tecton_fatal_verdicts fresh(uint64_t grace_ms) {
    tecton_fatal_verdicts verdicts;
    tecton_fatal_verdicts_init(&verdicts, grace_ms);
    return verdicts;
}

static void end(tecton_fatal_verdicts *verdicts, tecton_fatal_sign sign, bool was_probe, uint64_t now_ms) {
    tecton_fatal_verdicts_finished(verdicts, sign, was_probe, "403: key is not an Editor", now_ms);
}

static tecton_fatal_verdicts failed_at(uint64_t now_ms) {
    tecton_fatal_verdicts verdicts = fresh(0);
    assert_null(tecton_fatal_verdicts_text(&verdicts, now_ms));
    assert_false(tecton_fatal_verdicts_started(&verdicts, now_ms));
    end(&verdicts, TECTON_FATAL_AGAIN, false, now_ms);
    return verdicts;
}

static void after_a_fatal_answer_all_fail_with_its_words_for_five_seconds(void **state) {
    (void)state;
    tecton_fatal_verdicts verdicts = failed_at(1000);
    assert_string_equal(tecton_fatal_verdicts_text(&verdicts, 1000), "403: key is not an Editor");
    assert_string_equal(tecton_fatal_verdicts_text(&verdicts, 5999), "403: key is not an Editor");
    assert_null(tecton_fatal_verdicts_text(&verdicts, 6000));
}

static void then_one_goes_out_to_see_while_the_others_go_on_failing(void **state) {
    (void)state;
    tecton_fatal_verdicts verdicts = failed_at(1000);
    assert_true(tecton_fatal_verdicts_started(&verdicts, 6000));
    assert_non_null(tecton_fatal_verdicts_text(&verdicts, 6000));
    assert_non_null(tecton_fatal_verdicts_text(&verdicts, 60000));
    end(&verdicts, TECTON_FATAL_CLEARED, true, 60000);
    assert_null(tecton_fatal_verdicts_text(&verdicts, 60000));
    assert_false(tecton_fatal_verdicts_started(&verdicts, 60000));
}

static void each_probe_that_ends_so_doubles_the_hold_up_to_a_minute(void **state) {
    (void)state;
    tecton_fatal_verdicts verdicts = failed_at(0);
    static const uint64_t holds_ms[] = {5000, 10000, 20000, 40000, 60000, 60000};
    uint64_t now_ms = 0;
    for (size_t i = 0; i < sizeof holds_ms / sizeof holds_ms[0]; i++) {
        assert_non_null(tecton_fatal_verdicts_text(&verdicts, now_ms + holds_ms[i] - 1));
        now_ms += holds_ms[i];
        assert_null(tecton_fatal_verdicts_text(&verdicts, now_ms));
        assert_true(tecton_fatal_verdicts_started(&verdicts, now_ms));
        end(&verdicts, TECTON_FATAL_AGAIN, true, now_ms);
    }
}

static void those_that_were_under_way_together_are_one_verdict(void **state) {
    (void)state;
    tecton_fatal_verdicts verdicts = failed_at(1000);
    for (int i = 0; i < 200; i++)
        end(&verdicts, TECTON_FATAL_AGAIN, false, 1010);
    assert_null(tecton_fatal_verdicts_text(&verdicts, 6000));
    end(&verdicts, TECTON_FATAL_AGAIN, false, 7000); /* one that took long */
    assert_null(tecton_fatal_verdicts_text(&verdicts, 7000));
}

static void a_probe_that_says_nothing_lets_the_next_one_go(void **state) {
    (void)state;
    tecton_fatal_verdicts verdicts = failed_at(1000);
    for (int i = 0; i < 3; i++) { /* cancelled, throttled, timed out */
        assert_true(tecton_fatal_verdicts_started(&verdicts, 6000));
        end(&verdicts, TECTON_FATAL_NOTHING, true, 6500);
        assert_null(tecton_fatal_verdicts_text(&verdicts, 6500));
    }
}

static void after_it_was_cleared_the_hold_begins_small_again(void **state) {
    (void)state;
    tecton_fatal_verdicts verdicts = failed_at(0);
    assert_true(tecton_fatal_verdicts_started(&verdicts, 5000));
    end(&verdicts, TECTON_FATAL_AGAIN, true, 5000);
    end(&verdicts, TECTON_FATAL_CLEARED, false, 5100); /* an older one was stored after all */
    assert_null(tecton_fatal_verdicts_text(&verdicts, 5100));
    end(&verdicts, TECTON_FATAL_AGAIN, false, 5200);
    assert_null(tecton_fatal_verdicts_text(&verdicts, 10200));
}

static void a_long_text_is_cut(void **state) {
    (void)state;
    tecton_fatal_verdicts verdicts = fresh(0);
    char text[2 * TECTON_VERDICT_TEXT_BYTES];
    memset(text, 'x', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    tecton_fatal_verdicts_finished(&verdicts, TECTON_FATAL_AGAIN, false, text, 0);
    assert_int_equal(strlen(tecton_fatal_verdicts_text(&verdicts, 0)), TECTON_VERDICT_TEXT_BYTES - 1);
}

static void a_404_within_the_grace_is_tried_again(void **state) {
    (void)state;
    tecton_fatal_verdicts verdicts = fresh(30000);
    assert_false(tecton_fatal_verdicts_in_grace(&verdicts, 404, 1000)); /* it begins with the first request */
    (void)tecton_fatal_verdicts_started(&verdicts, 1000);
    assert_true(tecton_fatal_verdicts_in_grace(&verdicts, 404, 1000));
    (void)tecton_fatal_verdicts_started(&verdicts, 20000); /* not with each */
    assert_true(tecton_fatal_verdicts_in_grace(&verdicts, 404, 30999));
    assert_false(tecton_fatal_verdicts_in_grace(&verdicts, 404, 31000));
    assert_false(tecton_fatal_verdicts_in_grace(&verdicts, 403, 1000));
    assert_false(tecton_fatal_verdicts_in_grace(&verdicts, 401, 1000));
}

static void without_a_grace_a_404_is_fatal_at_once(void **state) {
    (void)state;
    tecton_fatal_verdicts verdicts = fresh(0);
    (void)tecton_fatal_verdicts_started(&verdicts, 1000);
    assert_false(tecton_fatal_verdicts_in_grace(&verdicts, 404, 1000));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(after_a_fatal_answer_all_fail_with_its_words_for_five_seconds),
        cmocka_unit_test(then_one_goes_out_to_see_while_the_others_go_on_failing),
        cmocka_unit_test(each_probe_that_ends_so_doubles_the_hold_up_to_a_minute),
        cmocka_unit_test(those_that_were_under_way_together_are_one_verdict),
        cmocka_unit_test(a_probe_that_says_nothing_lets_the_next_one_go),
        cmocka_unit_test(after_it_was_cleared_the_hold_begins_small_again),
        cmocka_unit_test(a_long_text_is_cut),
        cmocka_unit_test(a_404_within_the_grace_is_tried_again),
        cmocka_unit_test(without_a_grace_a_404_is_fatal_at_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
