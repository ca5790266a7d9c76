#include "tests/emulator/record_check.h"

#include "tests/unit/emulator/sample_config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* 2026-03-01T09:15:00Z */
#define NOW_S 1772356500

typedef struct {
    emu_config config;
    beamc_arena arena;
    beamc_byte_buffer scratch;
    beamc_byte_buffer answer;
    emu_record_errors errors;
    emu_record_checker checker;
    emu_store_write writes[8];
    uint32_t num_writes;
} fixture;

static int open_fixture(void **state) {
    fixture *f = calloc(1, sizeof *f);
    sample_config_read(&f->config, NULL, NULL);
    beamc_arena_init(&f->arena, 1 << 20);
    beamc_byte_buffer_init(&f->scratch, 1 << 16);
    beamc_byte_buffer_init(&f->answer, 1 << 16);
    f->checker = (emu_record_checker){.config = &f->config,
                                      .source = &f->config.sources[0],
                                      .now = {.seconds = NOW_S},
                                      .arena = &f->arena,
                                      .scratch = &f->scratch,
                                      .errors = &f->errors};
    *state = f;
    return 0;
}

static int close_fixture(void **state) {
    fixture *f = *state;
    emu_config_cleanup(&f->config);
    beamc_arena_cleanup(&f->arena);
    beamc_byte_buffer_cleanup(&f->scratch);
    beamc_byte_buffer_cleanup(&f->answer);
    free(f);
    return 0;
}

static bool check(fixture *f, const char *record) {
    emu_json *json;
    beamc_error err;
    if (emu_json_read(record, strlen(record), &f->arena, &json, &err) != BEAMC_OK)
        fail_msg("%s: %s", record, err.text);
    beamc_byte_buffer_clear(&f->answer);
    emu_record_errors_open(&f->errors, &f->answer, "prod");
    bool good = emu_record_check(&f->checker, json, f->writes, &f->num_writes);
    emu_record_errors_close(&f->errors);
    assert_int_equal(good, f->errors.num_errors == 0);
    return good;
}

static void assert_errors(fixture *f, const char *record, uint32_t num_errors, const char *words) {
    assert_false(check(f, record));
    const char *answer = buffer_text(&f->answer);
    if (f->errors.num_errors != num_errors || strstr(answer, words) == NULL)
        fail_msg("%s: %u errors, wanted %u and \"%s\": %s", record, f->errors.num_errors, num_errors, words, answer);
}

static void a_good_record_becomes_one_write_a_view(void **state) {
    fixture *f = *state;
    assert_true(check(f, "{\"card\":\"c1\",\"n\":7,\"at\":\"2026-03-01T09:15:00.000000001Z\"}"));
    assert_int_equal(f->num_writes, 3);
    static const char row[] = "[\"c1\",\"7\",\"2026-03-01T09:15:00.000000001Z\"]";
    static const char *const keys[] = {"\"c1\",", "\"c1\",\"7\",", "\"c1\","};
    for (uint32_t i = 0; i < 3; i++) {
        assert_int_equal(f->writes[i].view, i);
        assert_int_equal(f->writes[i].at.seconds, NOW_S);
        assert_int_equal(f->writes[i].at.nanos, 1);
        assert_int_equal(f->writes[i].row_len, sizeof row - 1);
        assert_memory_equal(f->writes[i].row, row, sizeof row - 1);
        assert_int_equal(f->writes[i].key_len, strlen(keys[i]));
        assert_memory_equal(f->writes[i].key, keys[i], strlen(keys[i]));
    }
}

static void the_order_of_columns_does_not_matter(void **state) {
    fixture *f = *state;
    assert_true(check(f, "{\"at\":\"2026-03-01T09:15Z\",\"n\":\"7\",\"card\":\"c1\"}"));
    assert_memory_equal(f->writes[0].row, "[\"c1\",\"7\",", 10);
}

static void a_view_without_online_writes_is_checked_but_not_written(void **state) {
    fixture *f = *state;
    f->checker.source = &f->config.sources[1];
    assert_true(check(f, "{\"card\":\"c1\",\"at\":\"2026-03-01T09:15Z\"}"));
    assert_int_equal(f->num_writes, 0);
    assert_errors(f, "{\"card\":null,\"at\":\"2026-03-01T09:15Z\"}", 1, "\"featureViewName\":\"quiet_view\"");
}

static void missing_and_extra_columns_are_errors_of_the_source(void **state) {
    fixture *f = *state;
    assert_errors(f, "{\"card\":\"c1\",\"at\":\"2026-03-01T09:15Z\"}", 1,
                  "[{\"pushSourceName\":\"swipes\",\"errorType\":\"TectonObjectValidationError\",\"errorMessage\":"
                  "\"column `n`: missing; send null for no value\"}]");
    assert_errors(f, "{\"card\":\"c1\",\"n\":1,\"at\":\"2026-03-01T09:15Z\",\"secret\":1}", 1,
                  "a column that is not in the schema");
    assert_null(strstr(buffer_text(&f->answer), "secret"));
    assert_errors(f, "{}", 3, "column `card`: missing");
}

static void every_bad_column_is_reported(void **state) {
    fixture *f = *state;
    assert_errors(f, "{\"card\":5,\"n\":\"x\",\"at\":\"yesterday\",\"more\":1}", 4, "column `card`: expected String");
    assert_errors(f, "{\"card\":5,\"n\":\"x\",\"at\":\"yesterday\"}", 3, "column `at`: not an ISO 8601 timestamp");
}

static void a_null_event_timestamp_is_an_error(void **state) {
    fixture *f = *state;
    assert_errors(f, "{\"card\":\"c\",\"n\":1,\"at\":null}", 1, "column `at`: the event timestamp is null");
}

static void a_null_join_key_is_an_error_of_each_view_that_joins_by_it(void **state) {
    fixture *f = *state;
    assert_errors(f, "{\"card\":\"c\",\"n\":null,\"at\":\"2026-03-01T09:15Z\"}", 1,
                  "{\"featureViewName\":\"swipes_per_card\",\"pushSourceName\":\"swipes\",");
    assert_errors(f, "{\"card\":null,\"n\":1,\"at\":\"2026-03-01T09:15Z\"}", 3, "join key `card` is null");
}

static void the_serving_ttl_is_exact_to_the_nanosecond(void **state) {
    fixture *f = *state;
    assert_true(check(f, "{\"card\":\"c\",\"n\":1,\"at\":\"2026-03-01T09:14:00Z\"}"));
    assert_errors(f, "{\"card\":\"c\",\"n\":1,\"at\":\"2026-03-01T09:13:59.999999999Z\"}", 1,
                  "{\"featureViewName\":\"fresh_swipe\",\"pushSourceName\":\"swipes\",\"errorType\":"
                  "\"TectonObjectValidationError\",\"errorMessage\":\"column `at`: older than the serving TTL of 60");
    assert_true(check(f, "{\"card\":\"c\",\"n\":1,\"at\":\"9999-03-01T09:14:00Z\"}"));
}

static void keys_of_the_read_api_equal_those_of_writes(void **state) {
    fixture *f = *state;
    assert_true(check(f, "{\"card\":\"a\\u0042\",\"n\":\"70\",\"at\":\"2026-03-01T09:15Z\"}"));
    beamc_byte_buffer key;
    beamc_byte_buffer_init(&key, 1024);
    emu_json *card;
    emu_json *n;
    assert_int_equal(emu_json_read("\"aB\"", 4, &f->arena, &card, NULL), BEAMC_OK);
    assert_int_equal(emu_json_read("7e1 ", 4, &f->arena, &n, NULL), BEAMC_OK);
    assert_true(emu_record_key_append(&f->checker.source->columns[0], card, &key));
    assert_true(emu_record_key_append(&f->checker.source->columns[1], n, &key));
    assert_int_equal(key.len, f->writes[1].key_len);
    assert_memory_equal(key.data, f->writes[1].key, key.len);
    emu_json *null;
    assert_int_equal(emu_json_read("null", 4, &f->arena, &null, NULL), BEAMC_OK);
    assert_false(emu_record_key_append(&f->checker.source->columns[0], null, &key));
    assert_false(emu_record_key_append(&f->checker.source->columns[0], n, &key));
    beamc_byte_buffer_cleanup(&key);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_good_record_becomes_one_write_a_view, open_fixture, close_fixture),
        cmocka_unit_test_setup_teardown(the_order_of_columns_does_not_matter, open_fixture, close_fixture),
        cmocka_unit_test_setup_teardown(a_view_without_online_writes_is_checked_but_not_written, open_fixture,
                                        close_fixture),
        cmocka_unit_test_setup_teardown(missing_and_extra_columns_are_errors_of_the_source, open_fixture,
                                        close_fixture),
        cmocka_unit_test_setup_teardown(every_bad_column_is_reported, open_fixture, close_fixture),
        cmocka_unit_test_setup_teardown(a_null_event_timestamp_is_an_error, open_fixture, close_fixture),
        cmocka_unit_test_setup_teardown(a_null_join_key_is_an_error_of_each_view_that_joins_by_it, open_fixture,
                                        close_fixture),
        cmocka_unit_test_setup_teardown(the_serving_ttl_is_exact_to_the_nanosecond, open_fixture, close_fixture),
        cmocka_unit_test_setup_teardown(keys_of_the_read_api_equal_those_of_writes, open_fixture, close_fixture),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
