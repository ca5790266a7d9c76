#include "sdk_harness/control/instruction_table.h"

#include "sdk_harness/base/clock.h"
#include "sdk_harness/data_plane/finished_instructions.h"
#include "tests/support/check.h"

#include <pthread.h>

static int make_table(void **state) {
    *state = beamc_instruction_table_new();
    return 0;
}

static int free_table(void **state) {
    beamc_instruction_table_free(*state);
    return 0;
}

static void an_id_is_unknown_then_active_then_ended(void **state) {
    beamc_instruction_table *table = *state;
    assert_int_equal(beamc_instruction_table_state(table, "b1"), BEAMC_INSTRUCTION_UNKNOWN);
    assert_true(beamc_instruction_table_claim(table, "b1"));
    assert_int_equal(beamc_instruction_table_state(table, "b1"), BEAMC_INSTRUCTION_ACTIVE);
    beamc_instruction_table_end(table, "b1");
    assert_int_equal(beamc_instruction_table_state(table, "b1"), BEAMC_INSTRUCTION_ENDED);
    assert_int_equal(beamc_instruction_table_state(table, "b2"), BEAMC_INSTRUCTION_UNKNOWN);
}

static void an_id_can_be_claimed_once_ever(void **state) {
    beamc_instruction_table *table = *state;
    assert_true(beamc_instruction_table_claim(table, "b1"));
    assert_false(beamc_instruction_table_claim(table, "b1"));
    assert_true(beamc_instruction_table_claim(table, "b2"));
    beamc_instruction_table_end(table, "b1");
    assert_false(beamc_instruction_table_claim(table, "b1"));
    beamc_instruction_table_end(table, "b2");
}

static void progress_and_splits_of_a_claimed_id_without_a_bundle_yet_are_empty(void **state) {
    beamc_instruction_table *table = *state;
    beamc_metric_report report;
    beamc_split_result result;
    char *transform_id = NULL;
    bool split = true;
    assert_true(beamc_instruction_table_claim(table, "b1"));
    assert_int_equal(beamc_instruction_table_progress(table, "b1", &report), BEAMC_INSTRUCTION_ACTIVE);
    assert_int_equal(report.num_fields, 0);
    assert_int_equal(beamc_instruction_table_split(table, "b1", NULL, NULL, &split, &transform_id, &result),
                     BEAMC_INSTRUCTION_ACTIVE);
    assert_false(split);
    beamc_instruction_table_end(table, "b1");
    assert_int_equal(beamc_instruction_table_progress(table, "b1", &report), BEAMC_INSTRUCTION_ENDED);
    assert_int_equal(report.num_fields, 0);
    assert_int_equal(beamc_instruction_table_progress(table, "b2", &report), BEAMC_INSTRUCTION_UNKNOWN);
}

static void as_many_ended_ids_are_known_as_the_limit_says(void **state) {
    beamc_instruction_table *table = *state;
    char id[32];
    for (int i = 0; i <= BEAMC_FINISHED_KEPT; i++) {
        snprintf(id, sizeof id, "b%d", i);
        assert_true(beamc_instruction_table_claim(table, id));
        beamc_instruction_table_end(table, id);
    }
    assert_int_equal(beamc_instruction_table_state(table, "b0"), BEAMC_INSTRUCTION_UNKNOWN);
    assert_int_equal(beamc_instruction_table_state(table, "b1"), BEAMC_INSTRUCTION_ENDED);
    assert_int_equal(beamc_instruction_table_state(table, id), BEAMC_INSTRUCTION_ENDED);
}

static void an_empty_table_is_idle_at_once_and_a_busy_one_is_waited_for(void **state) {
    beamc_instruction_table *table = *state;
    assert_true(beamc_instruction_table_wait_idle(table, 0));
    assert_true(beamc_instruction_table_claim(table, "b1"));
    uint64_t before_ms = beamc_clock_ms();
    assert_false(beamc_instruction_table_wait_idle(table, 30));
    assert_in_range(beamc_clock_ms() - before_ms, 29, 5000);
    beamc_instruction_table_end(table, "b1");
    assert_true(beamc_instruction_table_wait_idle(table, 0));
}

static void *end_b1(void *table) {
    beamc_instruction_table_end(table, "b1");
    return NULL;
}

static void the_end_of_the_last_bundle_wakes_who_waits(void **state) {
    beamc_instruction_table *table = *state;
    pthread_t thread;
    assert_true(beamc_instruction_table_claim(table, "b1"));
    assert_int_equal(pthread_create(&thread, NULL, end_b1, table), 0);
    assert_true(beamc_instruction_table_wait_idle(table, 10 * 1000));
    pthread_join(thread, NULL);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, make_table, free_table)

int main(void) {
    const struct CMUnitTest tests[] = {
        CASE(an_id_is_unknown_then_active_then_ended),
        CASE(an_id_can_be_claimed_once_ever),
        CASE(progress_and_splits_of_a_claimed_id_without_a_bundle_yet_are_empty),
        CASE(as_many_ended_ids_are_known_as_the_limit_says),
        CASE(an_empty_table_is_idle_at_once_and_a_busy_one_is_waited_for),
        CASE(the_end_of_the_last_bundle_wakes_who_waits),
    };
    return cmocka_run_group_tests_name("instruction_table", tests, NULL, NULL);
}
