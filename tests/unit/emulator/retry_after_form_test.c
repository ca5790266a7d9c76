#include "tests/emulator/retry_after_form.h"

#include <cjson/cJSON.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static beamc_error err;

static beamc_status read_form(const char *json, emu_retry_after *out) {
    cJSON *value = cJSON_Parse(json);
    assert_non_null(value);
    *out = (emu_retry_after){0};
    beamc_status status = emu_retry_after_read(value, out, &err);
    cJSON_Delete(value);
    return status;
}

static void it_is_absent_a_text_or_a_date(void **state) {
    (void)state;
    char text[EMU_RETRY_AFTER_MAX];
    emu_retry_after form = {0};
    assert_false(emu_retry_after_write(&form, 0, text));
    assert_int_equal(read_form("\"Wed, 21 Oct 2026 07:28:00 GMT\"", &form), BEAMC_OK);
    assert_true(emu_retry_after_write(&form, 0, text));
    assert_string_equal(text, "Wed, 21 Oct 2026 07:28:00 GMT");
    assert_int_equal(read_form("{\"date_in_seconds\":2}", &form), BEAMC_OK);
    assert_true(emu_retry_after_write(&form, 1772356500, text));
    assert_string_equal(text, "Sun, 01 Mar 2026 09:15:02 GMT");
}

static void other_forms_are_refused(void **state) {
    (void)state;
    static const char *const wrong[] = {"1", "{}", "null", "{\"date_in_seconds\":\"2\"}",
                                        "{\"date_in_seconds\":2,\"x\":1}"};
    emu_retry_after form;
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        if (read_form(wrong[i], &form) != BEAMC_INVALID)
            fail_msg("accepted %s", wrong[i]);
    }
    assert_int_equal(read_form("\"a\\r\\nb\"", &form), BEAMC_INVALID);
    assert_string_equal(err.text, "retry_after: expected printable ASCII");
    char overlong[EMU_RETRY_AFTER_MAX + 3];
    memset(overlong, '1', sizeof overlong - 1);
    overlong[0] = overlong[sizeof overlong - 2] = '"';
    overlong[sizeof overlong - 1] = '\0';
    assert_int_equal(read_form(overlong, &form), BEAMC_INVALID);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_is_absent_a_text_or_a_date),
        cmocka_unit_test(other_forms_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
