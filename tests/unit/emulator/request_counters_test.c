#include "tests/emulator/request_counters.h"

#include "tests/unit/emulator/sample_config.h"

#include <cjson/cJSON.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static emu_counters *counters;
static beamc_byte_buffer out;

static int open_counters(void **state) {
    (void)state;
    counters = emu_counters_new();
    beamc_byte_buffer_init(&out, 16 << 20);
    return 0;
}

static int close_counters(void **state) {
    (void)state;
    emu_counters_free(counters);
    beamc_byte_buffer_cleanup(&out);
    return 0;
}

static const char *written(void) {
    beamc_byte_buffer_clear(&out);
    emu_counters_write(counters, &out);
    return buffer_text(&out);
}

static void requests_are_counted_by_status_and_size(void **state) {
    (void)state;
    emu_request_log good = {
        .status = 200, .processed = true, .parsed = true, .num_records = 10, .num_written = 10, .body_bytes = 400};
    emu_request_log bad = {
        .status = 400, .processed = true, .parsed = true, .num_records = 3, .num_rejected = 3, .body_bytes = 500};
    emu_request_log unreadable = {.status = 400, .processed = true, .body_bytes = 7};
    emu_counters_add(counters, &good);
    emu_counters_add(counters, &good);
    emu_counters_add(counters, &bad);
    emu_counters_add(counters, &unreadable);
    emu_counters_add_connection(counters);
    assert_string_equal(written(), "\"requests\":4,\"records_received\":23,\"records_written\":20,"
                                   "\"records_rejected\":3,\"connections\":1,\"max_body_bytes_seen\":500,"
                                   "\"responses\":{\"200\":2,\"400\":2},\"batch_sizes\":{\"3\":1,\"10\":2}");
}

static void a_fault_that_wrote_nothing_counts_no_records(void **state) {
    (void)state;
    emu_request_log faulted = {.status = 503, .processed = false, .parsed = true, .num_records = 10};
    emu_request_log cut_after_write = {
        .status = EMU_STATUS_CUT, .processed = true, .parsed = true, .num_records = 2, .num_written = 2};
    emu_counters_add(counters, &faulted);
    emu_counters_add(counters, &cut_after_write);
    assert_string_equal(written(), "\"requests\":2,\"records_received\":2,\"records_written\":2,\"records_rejected\":0,"
                                   "\"connections\":0,\"max_body_bytes_seen\":0,"
                                   "\"responses\":{\"cut\":1,\"503\":1},\"batch_sizes\":{\"2\":1}");
}

static void reset_forgets_all(void **state) {
    (void)state;
    emu_request_log request = {.status = 200, .processed = true, .parsed = true, .num_records = 1};
    emu_counters_add(counters, &request);
    emu_counters_reset(counters);
    assert_non_null(strstr(written(), "\"requests\":0,"));
    assert_non_null(strstr(written(), "\"responses\":{},\"batch_sizes\":{}"));
    beamc_byte_buffer_clear(&out);
    emu_counters_write_requests(counters, 10, &out);
    assert_string_equal(buffer_text(&out), "[]");
}

static void the_newest_request_is_last(void **state) {
    (void)state;
    emu_request_log first = {.at_ms = 5, .status = 200, .num_records = 2, .body_bytes = 9, .source_names = "a\"b"};
    emu_request_log second = {.at_ms = 6, .status = EMU_STATUS_CUT, .source_names = "", .body_sha256 = "00ff"};
    emu_counters_add(counters, &first);
    emu_counters_add(counters, &second);
    emu_counters_write_requests(counters, 10, &out);
    assert_string_equal(
        buffer_text(&out),
        "[{\"at_ms\":5,\"records\":2,\"bytes\":9,\"status\":200,\"source\":\"a\\\"b\"},"
        "{\"at_ms\":6,\"records\":0,\"bytes\":0,\"status\":0,\"source\":\"\",\"body_sha256\":\"00ff\"}]");
    beamc_byte_buffer_clear(&out);
    emu_counters_write_requests(counters, 1, &out);
    assert_memory_equal(buffer_text(&out), "[{\"at_ms\":6,", 12);
}

static void the_ring_keeps_the_latest(void **state) {
    (void)state;
    emu_request_log request = {.status = 200};
    for (request.at_ms = 0; request.at_ms < EMU_REQUEST_RING + 5; request.at_ms++)
        emu_counters_add(counters, &request);
    emu_counters_write_requests(counters, EMU_REQUEST_RING, &out);
    cJSON *all = cJSON_Parse(buffer_text(&out));
    assert_int_equal(cJSON_GetArraySize(all), EMU_REQUEST_RING);
    uint64_t expected = 5;
    const cJSON *item;
    cJSON_ArrayForEach(item, all) assert_int_equal(cJSON_GetObjectItem(item, "at_ms")->valueint, expected++);
    cJSON_Delete(all);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(requests_are_counted_by_status_and_size, open_counters, close_counters),
        cmocka_unit_test_setup_teardown(a_fault_that_wrote_nothing_counts_no_records, open_counters, close_counters),
        cmocka_unit_test_setup_teardown(reset_forgets_all, open_counters, close_counters),
        cmocka_unit_test_setup_teardown(the_newest_request_is_last, open_counters, close_counters),
        cmocka_unit_test_setup_teardown(the_ring_keeps_the_latest, open_counters, close_counters),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
