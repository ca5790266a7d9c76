#include "tests/emulator/latency_model.h"

#include "tests/emulator/random_fraction.h"

#include <cjson/cJSON.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { NUM_DRAWS = 20000 };

static emu_latency_model model;
static beamc_error err;

static beamc_status read_model(const char *json) {
    cJSON *value = cJSON_Parse(json);
    assert_non_null(value);
    beamc_status status = emu_latency_read(value, &model, &err);
    cJSON_Delete(value);
    return status;
}

static int compare(const void *a, const void *b) {
    uint64_t x = *(const uint64_t *)a;
    uint64_t y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

static uint64_t draws[NUM_DRAWS];

static void draw(uint32_t num_records) {
    uint64_t random = EMU_RANDOM_SEED;
    for (size_t i = 0; i < NUM_DRAWS; i++)
        draws[i] = emu_latency_draw_us(&model, num_records, &random);
    qsort(draws, NUM_DRAWS, sizeof draws[0], compare);
}

static void no_model_takes_no_time(void **state) {
    (void)state;
    uint64_t random = EMU_RANDOM_SEED;
    assert_int_equal(read_model("null"), BEAMC_OK);
    assert_int_equal(emu_latency_draw_us(&model, 10, &random), 0);
}

static void a_fixed_time_is_the_same_for_all_sizes(void **state) {
    (void)state;
    uint64_t random = EMU_RANDOM_SEED;
    assert_int_equal(read_model("{\"fixed_ms\":90.5}"), BEAMC_OK);
    assert_int_equal(emu_latency_draw_us(&model, 1, &random), 90500);
    assert_int_equal(emu_latency_draw_us(&model, 1000, &random), 90500);
}

static void draws_have_the_published_median_and_99th_percentile(void **state) {
    (void)state;
    assert_int_equal(read_model("\"tecton\""), BEAMC_OK);
    draw(1);
    assert_in_range(draws[NUM_DRAWS / 2], 54000, 56000);
    assert_in_range(draws[NUM_DRAWS * 99 / 100], 124000, 136000);
    draw(10);
    assert_in_range(draws[NUM_DRAWS / 2], 98000, 102000);
    assert_in_range(draws[NUM_DRAWS * 99 / 100], 182000, 198000);
}

static void sizes_between_lie_between_and_none_counts_as_one(void **state) {
    (void)state;
    assert_int_equal(read_model("{\"lognormal\":{\"1\":{\"median_ms\":10,\"p99_ms\":10},"
                                "\"10\":{\"median_ms\":40,\"p99_ms\":40}}}"),
                     BEAMC_OK);
    static const struct {
        uint32_t num_records;
        uint64_t from_us;
        uint64_t to_us;
    } cases[] = {{0, 9999, 10001}, {1, 9999, 10001}, {3, 19000, 20000}, {10, 39999, 40001}, {100, 159000, 161000}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        uint64_t random = EMU_RANDOM_SEED;
        assert_in_range(emu_latency_draw_us(&model, cases[i].num_records, &random), cases[i].from_us, cases[i].to_us);
    }
}

static void no_draw_passes_the_bound(void **state) {
    (void)state;
    assert_int_equal(read_model("{\"lognormal\":{\"1\":{\"median_ms\":1,\"p99_ms\":600000},"
                                "\"10\":{\"median_ms\":600000,\"p99_ms\":600000}}}"),
                     BEAMC_OK);
    draw(4000000000U);
    assert_int_equal(draws[NUM_DRAWS - 1], (uint64_t)EMU_MAX_LATENCY_MS * 1000);
}

static void wrong_models_are_refused(void **state) {
    (void)state;
    static const char *const wrong[] = {
        "\"fast\"",
        "{}",
        "7",
        "{\"fixed_ms\":-1}",
        "{\"fixed_ms\":600001}",
        "{\"fixed_ms\":1,\"lognormal\":{}}",
        "{\"lognormal\":{}}",
        "{\"lognormal\":{\"1\":{\"median_ms\":1,\"p99_ms\":2}}}",
        "{\"lognormal\":{\"1\":{\"median_ms\":2,\"p99_ms\":1},\"10\":{\"median_ms\":1,\"p99_ms\":2}}}",
        "{\"lognormal\":{\"1\":{\"median_ms\":1,\"p99_ms\":2,\"x\":1},\"10\":{\"median_ms\":1,\"p99_ms\":2}}}",
        "{\"lognormal\":{\"1\":{\"median_ms\":1,\"p99_ms\":2},\"10\":{\"median_ms\":1,\"p99_ms\":2},\"5\":{}}}",
    };
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        if (read_model(wrong[i]) != BEAMC_INVALID)
            fail_msg("accepted %s", wrong[i]);
    }
    assert_non_null(strstr(err.text, "unknown name \"5\""));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(no_model_takes_no_time),
        cmocka_unit_test(a_fixed_time_is_the_same_for_all_sizes),
        cmocka_unit_test(draws_have_the_published_median_and_99th_percentile),
        cmocka_unit_test(sizes_between_lie_between_and_none_counts_as_one),
        cmocka_unit_test(no_draw_passes_the_bound),
        cmocka_unit_test(wrong_models_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
