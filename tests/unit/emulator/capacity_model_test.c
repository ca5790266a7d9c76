#include "tests/emulator/capacity_model.h"

#include <cjson/cJSON.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static emu_capacity capacity;
static beamc_error err;
static uint64_t now_us;

static beamc_status read_limits(const char *json, emu_capacity_limits *out) {
    cJSON *value = cJSON_Parse(json);
    assert_non_null(value);
    beamc_status status = emu_capacity_read(value, out, &err);
    cJSON_Delete(value);
    return status;
}

static void limit(const char *json) {
    emu_capacity_limits limits;
    if (read_limits(json, &limits) != BEAMC_OK)
        fail_msg("%s: %s", json, err.text);
    capacity = (emu_capacity){0};
    now_us = 5000000;
    emu_capacity_set(&capacity, &limits, now_us);
}

/* How many of `num_asked` requests are admitted; none of them ends. */
static int admitted(int num_asked) {
    int count = 0;
    for (int i = 0; i < num_asked; i++)
        count += emu_capacity_admit(&capacity, now_us);
    return count;
}

static void finish(int count) {
    for (int i = 0; i < count; i++)
        emu_capacity_finish(&capacity);
}

static void without_limits_all_are_admitted(void **state) {
    (void)state;
    limit("null");
    assert_int_equal(admitted(100000), 100000);
}

static void only_so_many_are_in_progress(void **state) {
    (void)state;
    limit("{\"max_in_progress\":40}");
    assert_int_equal(admitted(50), 40);
    finish(3);
    assert_int_equal(admitted(50), 3);
}

static void new_limits_count_what_is_in_progress(void **state) {
    (void)state;
    limit("{\"max_in_progress\":40}");
    admitted(40);
    emu_capacity_limits fewer = {.max_in_progress = 10};
    emu_capacity_set(&capacity, &fewer, now_us);
    finish(30);
    assert_int_equal(admitted(1), 0);
    finish(1);
    assert_int_equal(admitted(2), 1);
}

static void a_rate_is_held_after_its_burst(void **state) {
    (void)state;
    limit("{\"requests_per_second\":300,\"burst\":30}");
    assert_int_equal(admitted(100), 30);
    int count = 0;
    for (int i = 0; i < 1000; i++) {
        now_us += 1000;
        count += admitted(5);
    }
    assert_in_range(count, 299, 300);
    now_us += 3600000000U;
    assert_int_equal(admitted(100), 30);
}

static void a_slow_rate_has_a_burst_of_one(void **state) {
    (void)state;
    limit("{\"requests_per_second\":0.5}");
    assert_int_equal(admitted(10), 1);
    now_us += 1999999;
    assert_int_equal(admitted(10), 0);
    now_us += 1;
    assert_int_equal(admitted(10), 1);
}

static void it_doubles_after_each_period_with_a_refusal(void **state) {
    (void)state;
    limit("{\"max_in_progress\":5,\"growth\":{\"every_ms\":30000,\"up_to\":6}}");
    static const int expected[] = {5, 10, 20, 30, 30};
    for (size_t i = 0; i < sizeof expected / sizeof expected[0]; i++) {
        assert_int_equal(admitted(100), expected[i]);
        now_us += 29999999;
        assert_int_equal(admitted(100), 0);
        finish(expected[i]);
        now_us += 1;
    }
}

static void without_pressure_it_stays(void **state) {
    (void)state;
    limit("{\"max_in_progress\":5,\"growth\":{\"every_ms\":30000,\"up_to\":8}}");
    assert_int_equal(admitted(5), 5);
    now_us += 300000000;
    assert_int_equal(admitted(1), 0); /* the first refusal, in the last of many quiet periods */
    now_us += 30000000;
    assert_int_equal(admitted(100), 5);
}

static void rate_and_burst_grow_too(void **state) {
    (void)state;
    limit("{\"requests_per_second\":100,\"burst\":10,\"growth\":{\"every_ms\":1000,\"up_to\":2}}");
    assert_int_equal(admitted(100), 10);
    now_us += 1000000;
    assert_int_equal(admitted(100), 20);
    now_us += 50000;
    assert_int_equal(admitted(100), 10);
}

static void wrong_limits_are_refused(void **state) {
    (void)state;
    static const struct {
        const char *json;
        const char *words;
    } cases[] = {
        {"{}", "expected max_in_progress"},
        {"7", "expected an object"},
        {"{\"max_in_progress\":0}", "max_in_progress"},
        {"{\"requests_per_second\":0}", "requests_per_second"},
        {"{\"max_in_progress\":1,\"burst\":5}", "burst: goes with"},
        {"{\"requests_per_second\":1,\"burst\":0.5}", "burst"},
        {"{\"max_in_progress\":1,\"growth\":{\"every_ms\":0,\"up_to\":2}}", "growth: every_ms"},
        {"{\"max_in_progress\":1,\"growth\":{\"every_ms\":1}}", "growth: up_to"},
        {"{\"max_in_progress\":1,\"growth\":{\"every_ms\":1,\"up_to\":1}}", "growth: up_to"},
        {"{\"max_in_progress\":1,\"retry_after\":3}", "retry_after"},
        {"{\"max_in_progress\":1,\"max\":3}", "unknown name \"max\""},
    };
    emu_capacity_limits limits;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        if (read_limits(cases[i].json, &limits) != BEAMC_INVALID)
            fail_msg("accepted %s", cases[i].json);
        if (strstr(err.text, cases[i].words) == NULL)
            fail_msg("%s: got \"%s\", wanted \"%s\"", cases[i].json, err.text, cases[i].words);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(without_limits_all_are_admitted),
        cmocka_unit_test(only_so_many_are_in_progress),
        cmocka_unit_test(new_limits_count_what_is_in_progress),
        cmocka_unit_test(a_rate_is_held_after_its_burst),
        cmocka_unit_test(a_slow_rate_has_a_burst_of_one),
        cmocka_unit_test(it_doubles_after_each_period_with_a_refusal),
        cmocka_unit_test(without_pressure_it_stays),
        cmocka_unit_test(rate_and_burst_grow_too),
        cmocka_unit_test(wrong_limits_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
