#include "tests/emulator/stored_log.h"

#include "tests/unit/emulator/sample_config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static emu_config config;

static int open_config(void **state) {
    sample_config_read(&config, "\"max_rows\":1000}", "\"max_rows\":1000},\"observe\":{\"stored_at\":\"n\"}");
    *state = emu_stored_log_new();
    return 0;
}

static int close_config(void **state) {
    emu_stored_log_free(*state);
    emu_config_cleanup(&config);
    return 0;
}

static emu_store_write write_of(uint32_t view, const char *row) {
    return (emu_store_write){.view = view, .row = row, .row_len = (uint32_t)strlen(row)};
}

static void check_log(const emu_stored_log *log, uint32_t last, const char *wanted) {
    beamc_byte_buffer out;
    beamc_byte_buffer_init(&out, 1024);
    emu_stored_log_write(log, last, &out);
    assert_string_equal(buffer_text(&out), wanted);
    beamc_byte_buffer_cleanup(&out);
}

static void the_column_s_value_and_the_time_are_kept_of_each_row(void **state) {
    emu_store_write writes[] = {write_of(0, "[\"a,\\\"]\",\"-12\",\"t\"]"), write_of(0, "[\"b\",null,\"t\"]"),
                                write_of(0, "[\"c\",\"9007199254740993\",\"t\"]")};
    check_log(*state, 5, "[]");
    emu_stored_log_add(*state, &config, writes, 3, 7);
    check_log(*state, 5, "[[-12,7],[9007199254740993,7]]");
    check_log(*state, 1, "[[9007199254740993,7]]");
    emu_stored_log_reset(*state);
    check_log(*state, 5, "[]");
}

static void rows_of_sources_without_the_column_are_left_out(void **state) {
    emu_store_write write = write_of(3, "[\"a\",\"t\"]");
    emu_stored_log_add(*state, &config, &write, 1, 7);
    check_log(*state, 5, "[]");
}

static void the_oldest_are_forgotten(void **state) {
    for (int i = 0; i <= EMU_STORED_RING; i++) {
        char row[64];
        snprintf(row, sizeof row, "[\"a\",\"%d\",\"t\"]", i);
        emu_store_write write = write_of(0, row);
        emu_stored_log_add(*state, &config, &write, 1, 1);
    }
    check_log(*state, 2, "[[199999,1],[200000,1]]");
    beamc_byte_buffer out;
    beamc_byte_buffer_init(&out, 16 * 1024 * 1024);
    emu_stored_log_write(*state, EMU_STORED_RING, &out);
    assert_memory_equal(buffer_text(&out), "[[1,1],", 7);
    beamc_byte_buffer_cleanup(&out);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(the_column_s_value_and_the_time_are_kept_of_each_row, open_config,
                                        close_config),
        cmocka_unit_test_setup_teardown(rows_of_sources_without_the_column_are_left_out, open_config, close_config),
        cmocka_unit_test_setup_teardown(the_oldest_are_forgotten, open_config, close_config),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
