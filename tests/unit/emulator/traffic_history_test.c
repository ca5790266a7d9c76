#include "tests/emulator/traffic_history.h"

#include "tests/emulator/answer.h"
#include "tests/unit/emulator/sample_config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static emu_history *history;
static beamc_byte_buffer out;

static int open_history(void **state) {
    (void)state;
    history = emu_history_new();
    beamc_byte_buffer_init(&out, 16 << 20);
    return 0;
}

static int close_history(void **state) {
    (void)state;
    emu_history_free(history);
    beamc_byte_buffer_cleanup(&out);
    return 0;
}

static const char *written(uint64_t now_ms, uint32_t last) {
    beamc_byte_buffer_clear(&out);
    emu_history_write(history, now_ms, last, &out);
    return buffer_text(&out);
}

static const char *totals(void) {
    beamc_byte_buffer_clear(&out);
    emu_history_write_totals(history, &out);
    return buffer_text(&out);
}

static size_t num_steps(uint64_t now_ms, uint32_t last) {
    size_t count = 0;
    for (const char *at = written(now_ms, last); (at = strstr(at, "at_ms")) != NULL; at++)
        count++;
    return count;
}

static void nothing_seen_is_an_empty_list(void **state) {
    (void)state;
    assert_string_equal(written(123456, 10), "[]");
    assert_string_equal(totals(), ",\"in_flight\":0,\"max_in_flight\":0,\"mean_latency_ms\":0.000");
}

static void each_step_has_its_arrivals_answers_and_most_in_flight(void **state) {
    (void)state;
    emu_history_arrive(history, 1000);
    emu_history_arrive(history, 1050);
    emu_history_answer(history, 1099, 200, 10, 50000);
    emu_history_arrive(history, 1300);
    emu_history_answer(history, 1310, 429, 0, 0);
    emu_history_answer(history, 1320, EMU_STATUS_CUT, 3, 150000);
    assert_string_equal(
        written(1399, 10),
        "[{\"at_ms\":1000,\"arrivals\":2,\"records_written\":10,\"max_in_flight\":2,\"answers\":{\"200\":1}},"
        "{\"at_ms\":1100,\"arrivals\":0,\"records_written\":0,\"max_in_flight\":1,\"answers\":{}},"
        "{\"at_ms\":1200,\"arrivals\":0,\"records_written\":0,\"max_in_flight\":1,\"answers\":{}},"
        "{\"at_ms\":1300,\"arrivals\":1,\"records_written\":3,\"max_in_flight\":2,\"answers\":{\"429\":1,\"cut\":1}}]");
    assert_string_equal(totals(), ",\"in_flight\":0,\"max_in_flight\":2,\"mean_latency_ms\":100.000");
}

static void the_steps_reach_to_now(void **state) {
    (void)state;
    emu_history_arrive(history, 1000);
    assert_int_equal(num_steps(1099, 10), 1);
    assert_int_equal(num_steps(1500, 10), 6);
    assert_int_equal(num_steps(1500, 2), 2);
    assert_non_null(strstr(written(1500, 1), "{\"at_ms\":1500,"));
}

static void who_left_without_an_answer_is_in_flight_no_more(void **state) {
    (void)state;
    emu_history_arrive(history, 1000);
    emu_history_arrive(history, 1001);
    emu_history_abandon(history, 1002);
    assert_non_null(strstr(totals(), "\"in_flight\":1,\"max_in_flight\":2,"));
}

static void a_clock_read_before_the_lock_does_no_harm(void **state) {
    (void)state;
    emu_history_arrive(history, 1000);
    emu_history_arrive(history, 999);
    emu_history_arrive(history, 1100);
    emu_history_arrive(history, 1099);
    assert_non_null(strstr(written(1199, 10), "[{\"at_ms\":1000,\"arrivals\":2,"));
    assert_non_null(strstr(written(1199, 10), "{\"at_ms\":1100,\"arrivals\":2,"));
}

static void only_the_latest_half_hour_is_kept(void **state) {
    (void)state;
    emu_history_arrive(history, 0);
    emu_history_arrive(history, 1000);
    emu_history_arrive(history, (uint64_t)(EMU_HISTORY_STEPS + 5) * EMU_HISTORY_STEP_MS);
    assert_int_equal(num_steps((uint64_t)(EMU_HISTORY_STEPS + 5) * EMU_HISTORY_STEP_MS, EMU_HISTORY_STEPS),
                     EMU_HISTORY_STEPS);
    assert_non_null(strstr(written((uint64_t)(EMU_HISTORY_STEPS + 5) * EMU_HISTORY_STEP_MS, EMU_HISTORY_STEPS),
                           "[{\"at_ms\":600,\"arrivals\":0,\"records_written\":0,\"max_in_flight\":1,"));
    uint64_t much_later = (uint64_t)EMU_HISTORY_STEPS * 10 * EMU_HISTORY_STEP_MS;
    emu_history_arrive(history, much_later);
    assert_int_equal(num_steps(much_later, EMU_HISTORY_STEPS), 1);
    assert_non_null(strstr(written(much_later, 1), "\"arrivals\":1,\"records_written\":0,\"max_in_flight\":4,"));
}

static void more_statuses_than_a_step_holds_are_left_out(void **state) {
    (void)state;
    for (int i = 0; i <= EMU_HISTORY_MAX_STATUSES; i++) {
        emu_history_arrive(history, 1000);
        emu_history_answer(history, 1000, 500 + i, 0, 0);
    }
    assert_non_null(strstr(written(1000, 1), "\"506\":1}"));
    assert_null(strstr(written(1000, 1), "\"507\""));
}

static void reset_forgets_all_but_what_is_in_flight(void **state) {
    (void)state;
    emu_history_arrive(history, 1000);
    emu_history_arrive(history, 1000);
    emu_history_answer(history, 1000, 200, 1, 1000);
    emu_history_reset(history);
    assert_string_equal(written(2000, 10), "[]");
    assert_string_equal(totals(), ",\"in_flight\":1,\"max_in_flight\":1,\"mean_latency_ms\":0.000");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(nothing_seen_is_an_empty_list, open_history, close_history),
        cmocka_unit_test_setup_teardown(each_step_has_its_arrivals_answers_and_most_in_flight, open_history,
                                        close_history),
        cmocka_unit_test_setup_teardown(the_steps_reach_to_now, open_history, close_history),
        cmocka_unit_test_setup_teardown(who_left_without_an_answer_is_in_flight_no_more, open_history, close_history),
        cmocka_unit_test_setup_teardown(a_clock_read_before_the_lock_does_no_harm, open_history, close_history),
        cmocka_unit_test_setup_teardown(only_the_latest_half_hour_is_kept, open_history, close_history),
        cmocka_unit_test_setup_teardown(more_statuses_than_a_step_holds_are_left_out, open_history, close_history),
        cmocka_unit_test_setup_teardown(reset_forgets_all_but_what_is_in_flight, open_history, close_history),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
