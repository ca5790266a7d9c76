#include "tests/emulator/write_journal.h"

#include "sdk_harness/base/alloc.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static const emu_feature_view views[] = {{.name = (char *)"latest"}, {.name = (char *)"totals"}};

/* The whole file, terminated; free it. */
static char *content(const char *path) {
    FILE *file = fopen(path, "rb");
    assert_non_null(file);
    char *text = beamc_alloc_zero(1, 4096);
    assert_true(fread(text, 1, 4095, file) > 0);
    fclose(file);
    return text;
}

static void each_write_has_a_line_and_an_existing_file_goes_on(void **state) {
    (void)state;
    char path[] = "/tmp/write_journal_test.XXXXXX";
    close(mkstemp(path));
    const emu_store_write writes[] = {
        {.view = 0, .at = {.seconds = -1, .nanos = 5}, .key = "\"u1\"", .key_len = 4},
        {.view = 1, .at = {.seconds = 1700000000, .nanos = 250000000}, .key = "\"u2\",7", .key_len = 6},
    };
    for (uint64_t life = 1; life <= 2; life++) {
        emu_journal *journal;
        beamc_error err;
        assert_int_equal(emu_journal_open(path, &journal, &err), BEAMC_OK);
        assert_true(emu_journal_add(journal, views, writes, 2, life * 1000));
        emu_journal_close(journal);
    }
    char *text = content(path);
    assert_string_equal(text, "1000\tlatest\t-1.000000005\t\"u1\"\n1000\ttotals\t1700000000.250000000\t\"u2\",7\n"
                              "2000\tlatest\t-1.000000005\t\"u1\"\n2000\ttotals\t1700000000.250000000\t\"u2\",7\n");
    free(text);
    unlink(path);
}

static void a_path_that_cannot_be_opened_is_named(void **state) {
    (void)state;
    emu_journal *journal;
    beamc_error err;
    assert_int_equal(emu_journal_open("/no/such/folder/journal", &journal, &err), BEAMC_UNAVAILABLE);
    assert_non_null(strstr(err.text, "/no/such/folder/journal"));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_write_has_a_line_and_an_existing_file_goes_on),
        cmocka_unit_test(a_path_that_cannot_be_opened_is_named),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
