#include "tests/emulator/traffic_model.h"

#include <cjson/cJSON.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static emu_traffic_options options;
static beamc_error err;

static beamc_status parse(const char *json) {
    return emu_traffic_parse(json, strlen(json), &options, &err);
}

static void both_parts_are_read_and_either_may_be_absent(void **state) {
    (void)state;
    assert_int_equal(parse("{\"latency\":{\"fixed_ms\":5},\"capacity\":{\"max_in_progress\":3,\"retry_after\":\"2\"}}"),
                     BEAMC_OK);
    assert_int_equal(options.latency.kind, EMU_LATENCY_FIXED);
    assert_int_equal(options.capacity.max_in_progress, 3);
    assert_string_equal(options.capacity.retry_after.text, "2");
    assert_int_equal(parse("{}"), BEAMC_OK);
    assert_int_equal(options.latency.kind, EMU_LATENCY_NONE);
    assert_int_equal(options.capacity.max_in_progress, 0);
}

static void the_same_options_draw_the_same_latencies(void **state) {
    (void)state;
    assert_int_equal(parse("{\"latency\":\"tecton\"}"), BEAMC_OK);
    uint64_t first[10];
    emu_traffic traffic = {0};
    for (int round = 0; round < 2; round++) {
        emu_traffic_set(&traffic, &options, 0);
        for (size_t i = 0; i < 10; i++) {
            uint64_t drawn = emu_latency_draw_us(&traffic.latency, 10, &traffic.random);
            if (round == 0)
                first[i] = drawn;
            else
                assert_int_equal(drawn, first[i]);
        }
    }
    assert_int_not_equal(first[0], first[1]);
}

static void an_error_names_the_part(void **state) {
    (void)state;
    assert_int_equal(parse("{"), BEAMC_INVALID);
    assert_string_equal(err.text, "the traffic model is not JSON");
    assert_int_equal(parse("{\"latency\":1}"), BEAMC_INVALID);
    assert_non_null(strstr(err.text, "latency: expected null"));
    assert_int_equal(parse("{\"capacity\":1}"), BEAMC_INVALID);
    assert_non_null(strstr(err.text, "capacity: expected an object"));
    assert_int_equal(parse("{\"speed\":1}"), BEAMC_INVALID);
    assert_non_null(strstr(err.text, "unknown name \"speed\""));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(both_parts_are_read_and_either_may_be_absent),
        cmocka_unit_test(the_same_options_draw_the_same_latencies),
        cmocka_unit_test(an_error_names_the_part),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
