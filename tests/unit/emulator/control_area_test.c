#include "tests/emulator/control_area.h"

#include "sdk_harness/base/clock.h"
#include "tests/unit/emulator/sample_config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static emu_config config;
static emu_state shared;
static emu_answer answer;

static int open_state(void **state) {
    (void)state;
    sample_config_read(&config, NULL, NULL);
    emu_state_init(&shared, &config);
    return 0;
}

static int close_state(void **state) {
    (void)state;
    emu_answer_cleanup(&answer);
    emu_state_cleanup(&shared);
    emu_config_cleanup(&config);
    return 0;
}

static const char *ask(int status, emu_control_request request) {
    emu_answer_cleanup(&answer);
    emu_answer_init(&answer);
    emu_control_answer(&shared, &request, &answer);
    const char *text = buffer_text(&answer.body);
    if (answer.status != status)
        fail_msg("%s %s: %d %s", request.method, request.path, answer.status, text);
    return text;
}

static void put(uint32_t view, const char *key, int64_t seconds, const char *row) {
    emu_store_write write = {.view = view,
                             .at = {.seconds = seconds},
                             .key = key,
                             .key_len = (uint32_t)strlen(key),
                             .row = row,
                             .row_len = (uint32_t)strlen(row)};
    assert_true(emu_store_write_all(shared.store, &write, 1));
}

static void counters_hold_requests_and_what_is_stored(void **state) {
    (void)state;
    put(0, "a", 1, "[1]");
    put(0, "a", 2, "[1]");
    put(1, "b", 1, "[1]");
    assert_string_equal(ask(200, (emu_control_request){.method = "GET", .path = "counters"}),
                        "{\"requests\":0,\"records_received\":0,\"records_written\":0,\"records_rejected\":0,"
                        "\"connections\":0,\"max_body_bytes_seen\":0,\"responses\":{},\"batch_sizes\":{},"
                        "\"in_flight\":0,\"max_in_flight\":0,\"mean_latency_ms\":0.000,"
                        "\"distinct_keys_by_view\":{\"last_swipe\":1,\"swipes_per_card\":1,\"fresh_swipe\":0,"
                        "\"quiet_view\":0,\"last_dev\":0},\"distinct_keys\":2,"
                        "\"distinct_events_by_view\":{\"last_swipe\":2,\"swipes_per_card\":1,\"fresh_swipe\":0,"
                        "\"quiet_view\":0,\"last_dev\":0},\"distinct_events\":3}");
}

static void rows_are_dumped_with_their_column_names(void **state) {
    (void)state;
    put(0, "a", 1, "[\"a,]\\\"\",{\"x\":[1,2],\"y\":\"}\"},null]");
    put(0, "b", 1, "[\"b\\\\\",[[],[\"]\"]],\"t\"]");
    emu_control_request request = {.method = "GET", .path = "rows", .view = "last_swipe"};
    assert_string_equal(ask(200, request), "[{\"card\":\"a,]\\\"\",\"n\":{\"x\":[1,2],\"y\":\"}\"},\"at\":null},"
                                           "{\"card\":\"b\\\\\",\"n\":[[],[\"]\"]],\"at\":\"t\"}]");
    request.limit = "1";
    assert_non_null(strstr(ask(200, request), "null}]"));
    request.view = "fresh_swipe";
    assert_string_equal(ask(200, request), "[]");
}

static void wrong_arguments_are_refused(void **state) {
    (void)state;
    ask(400, (emu_control_request){.method = "GET", .path = "rows"});
    ask(404, (emu_control_request){.method = "GET", .path = "rows", .view = "none"});
    static const char *const counts[] = {"0", "-1", "", " 1", "1x", "10001", "99999999999999999999"};
    for (size_t i = 0; i < sizeof counts / sizeof counts[0]; i++) {
        ask(400, (emu_control_request){.method = "GET", .path = "rows", .view = "last_swipe", .limit = counts[i]});
        ask(400, (emu_control_request){.method = "GET", .path = "requests", .last = counts[i]});
    }
    assert_string_equal(ask(200, (emu_control_request){.method = "GET", .path = "requests"}), "[]");
}

static void a_fault_script_is_replaced_only_by_a_good_one(void **state) {
    (void)state;
    static const char good[] = "{\"faults\":[{\"status\":503,\"body\":\"text:x\",\"times\":-1}]}";
    emu_control_request request = {.method = "POST", .path = "faults", .body = good, .body_len = sizeof good - 1};
    ask(200, request);
    request.body_len--;
    assert_string_equal(ask(400, request), "{\"error\":\"the fault script is not JSON\"}");
    emu_fault fault;
    assert_true(emu_fault_script_take(&shared.faults, beamc_clock_ms(), &fault));
    emu_fault_cleanup(&fault);
    static const char none[] = "{\"faults\":[]}";
    request.body = none;
    request.body_len = sizeof none - 1;
    ask(200, request);
    assert_false(emu_fault_script_take(&shared.faults, beamc_clock_ms(), &fault));
}

static void a_traffic_model_is_replaced_only_by_a_good_one(void **state) {
    (void)state;
    static const char good[] = "{\"latency\":{\"fixed_ms\":7}}";
    emu_control_request request = {.method = "POST", .path = "traffic", .body = good, .body_len = sizeof good - 1};
    ask(200, request);
    request.body_len--;
    assert_string_equal(ask(400, request), "{\"error\":\"the traffic model is not JSON\"}");
    assert_int_equal(emu_latency_draw_us(&shared.traffic.latency, 1, &shared.traffic.random), 7000);
}

static void history_is_told(void **state) {
    (void)state;
    emu_history_arrive(shared.history, beamc_clock_ms());
    assert_non_null(strstr(ask(200, (emu_control_request){.method = "GET", .path = "history"}), "\"max_in_flight\":1"));
    ask(400, (emu_control_request){.method = "GET", .path = "history", .last = "18001"});
}

static void reset_clears(void **state) {
    (void)state;
    put(0, "a", 1, "[1]");
    emu_history_arrive(shared.history, beamc_clock_ms());
    emu_traffic_options slow = {.latency = {.kind = EMU_LATENCY_FIXED, .fixed_ms = 7}};
    emu_traffic_set(&shared.traffic, &slow, 0);
    ask(200, (emu_control_request){.method = "POST", .path = "reset"});
    assert_int_equal(emu_store_num_keys(shared.store, 0), 0);
    assert_int_equal(shared.traffic.latency.kind, EMU_LATENCY_NONE);
    assert_string_equal(ask(200, (emu_control_request){.method = "GET", .path = "history"}), "[]");
}

static void other_paths_and_methods_are_refused(void **state) {
    (void)state;
    ask(404, (emu_control_request){.method = "POST", .path = "shutdown"});
    ask(404, (emu_control_request){.method = "GET", .path = ""});
    ask(405, (emu_control_request){.method = "GET", .path = "reset"});
    assert_string_equal(answer.allow, "POST");
    ask(405, (emu_control_request){.method = "POST", .path = "counters"});
    assert_string_equal(answer.allow, "GET");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(counters_hold_requests_and_what_is_stored, open_state, close_state),
        cmocka_unit_test_setup_teardown(rows_are_dumped_with_their_column_names, open_state, close_state),
        cmocka_unit_test_setup_teardown(wrong_arguments_are_refused, open_state, close_state),
        cmocka_unit_test_setup_teardown(a_fault_script_is_replaced_only_by_a_good_one, open_state, close_state),
        cmocka_unit_test_setup_teardown(a_traffic_model_is_replaced_only_by_a_good_one, open_state, close_state),
        cmocka_unit_test_setup_teardown(history_is_told, open_state, close_state),
        cmocka_unit_test_setup_teardown(reset_clears, open_state, close_state),
        cmocka_unit_test_setup_teardown(other_paths_and_methods_are_refused, open_state, close_state),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
