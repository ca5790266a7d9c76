#include "tests/emulator/answer_body.h"

#include "tests/unit/emulator/sample_config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static emu_config config;
static beamc_byte_buffer out;

static int open_config(void **state) {
    (void)state;
    sample_config_read(&config, NULL, NULL);
    beamc_byte_buffer_init(&out, 1 << 20);
    return 0;
}

static int close_config(void **state) {
    (void)state;
    emu_config_cleanup(&config);
    beamc_byte_buffer_cleanup(&out);
    return 0;
}

static void a_request_error_has_the_documented_shape(void **state) {
    (void)state;
    emu_answer_request_error(&out, "a \"quoted\" word\n");
    assert_string_equal(buffer_text(&out), "{\"requestError\":{\"errorMessage\":\"a \\\"quoted\\\" word\\u000a\","
                                           "\"errorType\":\"RequestValidationError\"}}");
}

static void record_errors_have_the_documented_shape(void **state) {
    (void)state;
    emu_record_errors errors;
    emu_record_errors_open(&errors, &out, "prod");
    emu_record_errors_add(&errors, "v", "s", "m");
    emu_record_errors_add(&errors, NULL, "s", "m2");
    emu_record_errors_close(&errors);
    assert_int_equal(errors.num_errors, 2);
    assert_string_equal(buffer_text(&out), "{\"workspaceName\":\"prod\",\"recordErrors\":["
                                           "{\"featureViewName\":\"v\",\"pushSourceName\":\"s\","
                                           "\"errorType\":\"TectonObjectValidationError\",\"errorMessage\":\"m\"},"
                                           "{\"pushSourceName\":\"s\",\"errorType\":\"TectonObjectValidationError\","
                                           "\"errorMessage\":\"m2\"}]}");
}

static void every_subscribed_view_reports_its_own_count(void **state) {
    (void)state;
    for (uint32_t i = 0; i < config.num_views; i++)
        memcpy(config.views[i].id, "0123456789abcdef0123456789abcdef", 33);
#define ID "\"featureViewId\":\"0123456789abcdef0123456789abcdef\"}"
    emu_source_count sources[] = {{.source = &config.sources[0], .num_records = 12},
                                  {.source = &config.sources[1], .num_records = 3}};
    emu_answer_success(&out, &config, &config.workspaces[0], sources, 2, false);
    assert_string_equal(
        buffer_text(&out),
        "{\"workspaceName\":\"prod\",\"ingestMetrics\":{\"featureViewIngestMetrics\":["
        "{\"featureViewName\":\"last_swipe\",\"onlineRecordIngestCount\":\"12\",\"offlineRecordIngestCount\":\"12\"," ID
        ",{\"featureViewName\":\"swipes_per_card\",\"onlineRecordIngestCount\":\"12\","
        "\"offlineRecordIngestCount\":\"12\"," ID
        ",{\"featureViewName\":\"fresh_swipe\",\"onlineRecordIngestCount\":\"12\","
        "\"offlineRecordIngestCount\":\"12\"," ID
        ",{\"featureViewName\":\"quiet_view\",\"offlineRecordIngestCount\":\"3\"," ID "]}}");
}

static void counts_of_zero_appear_only_when_asked_for(void **state) {
    (void)state;
    emu_source_count source = {.source = &config.sources[1], .num_records = 3};
    emu_answer_success(&out, &config, &config.workspaces[0], &source, 1, true);
    assert_null(strstr(buffer_text(&out), "IngestCount"));
    beamc_byte_buffer_clear(&out);
    config.strictness.emit_zeros = true;
    emu_answer_success(&out, &config, &config.workspaces[0], &source, 1, true);
    assert_non_null(strstr(buffer_text(&out), "\"onlineRecordIngestCount\":\"0\",\"offlineRecordIngestCount\":\"0\""));
}

static void view_ids_are_32_hexadecimal_digits_and_differ(void **state) {
    (void)state;
    for (uint32_t i = 0; i < config.num_views; i++) {
        assert_int_equal(strspn(config.views[i].id, "0123456789abcdef"), 32);
        assert_int_equal(strlen(config.views[i].id), 32);
        for (uint32_t j = 0; j < i; j++)
            assert_string_not_equal(config.views[i].id, config.views[j].id);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_request_error_has_the_documented_shape, open_config, close_config),
        cmocka_unit_test_setup_teardown(record_errors_have_the_documented_shape, open_config, close_config),
        cmocka_unit_test_setup_teardown(every_subscribed_view_reports_its_own_count, open_config, close_config),
        cmocka_unit_test_setup_teardown(counts_of_zero_appear_only_when_asked_for, open_config, close_config),
        cmocka_unit_test_setup_teardown(view_ids_are_32_hexadecimal_digits_and_differ, open_config, close_config),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
