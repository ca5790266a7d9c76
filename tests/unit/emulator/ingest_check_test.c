#include "tests/emulator/ingest_check.h"

#include "sdk_harness/base/alloc.h"
#include "tests/unit/emulator/sample_config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define AT                     "\"2026-03-01T09:15:00Z\""
#define GOOD                   "{\"record\":{\"card\":\"c1\",\"n\":1,\"at\":" AT "}}"
#define BAD                    "{\"record\":{\"card\":\"c1\",\"n\":1.5,\"at\":" AT "}}"
#define SWIPES                 "{\"swipes\":[" GOOD "]}"
#define BODY(ws, dry, records) "{\"workspace_name\":\"" ws "\",\"dry_run\":" dry ",\"records\":" records "}"

static emu_config config;
static emu_ingest_plan plan;

static int open_config(void **state) {
    (void)state;
    sample_config_read(&config, NULL, NULL);
    return 0;
}

static int close_config(void **state) {
    (void)state;
    emu_ingest_plan_cleanup(&plan);
    emu_config_cleanup(&config);
    return 0;
}

static int check_request(emu_ingest_request request) {
    emu_ingest_plan_cleanup(&plan);
    emu_ingest_check(&config, &request, (emu_timestamp){.seconds = 1772356500}, &plan);
    return plan.status;
}

static int check_body(const char *body) {
    return check_request(
        (emu_ingest_request){.authorization = "Tecton-key ed", .body = body, .body_len = strlen(body)});
}

static int check_as(const char *authorization, const char *body) {
    return check_request((emu_ingest_request){.authorization = authorization, .body = body, .body_len = strlen(body)});
}

static void assert_request_error(int status, const char *body, const char *words) {
    int got = check_body(body);
    const char *answer = buffer_text(&plan.answer);
    static const char start[] = "{\"requestError\":{\"errorMessage\":\"";
    static const char end[] = "\",\"errorType\":\"RequestValidationError\"}}";
    if (got != status || strstr(answer, words) == NULL)
        fail_msg("%s: %d %s, wanted %d and \"%s\"", body, got, answer, status, words);
    assert_memory_equal(answer, start, sizeof start - 1);
    assert_string_equal(answer + strlen(answer) - (sizeof end - 1), end);
    assert_int_equal(plan.num_writes, 0);
}

static void a_good_request_is_planned(void **state) {
    (void)state;
    assert_int_equal(check_body(BODY("prod", "false", SWIPES)), 200);
    assert_true(plan.parsed);
    assert_false(plan.dry_run);
    assert_int_equal(plan.num_records, 1);
    assert_int_equal(plan.num_good, 1);
    assert_int_equal(plan.num_writes, 3);
    assert_int_equal(plan.num_sources, 1);
    assert_int_equal(plan.sources[0].num_records, 1);
    assert_string_equal(plan.workspace->name, "prod");
    assert_string_equal(plan.source_names, "swipes");
    assert_int_equal(plan.answer.len, 0);
}

static void the_key_is_checked_before_all_else(void **state) {
    (void)state;
    static const char *const headers[] = {NULL,
                                          "",
                                          "ed",
                                          "Bearer ed",
                                          "Tecton-key",
                                          "Tecton-key ",
                                          "Tecton-key  ed",
                                          "Tecton-key ed ",
                                          "tecton-key ed",
                                          "Tecton-key nobody"};
    for (size_t i = 0; i < sizeof headers / sizeof headers[0]; i++)
        assert_int_equal(check_request((emu_ingest_request){.authorization = headers[i],
                                                            .content_encoding = "gzip",
                                                            .body = "rubbish",
                                                            .body_len = 7,
                                                            .body_too_large = true}),
                         401);
}

static void size_comes_before_encoding_and_encoding_before_syntax(void **state) {
    (void)state;
    emu_ingest_request request = {.authorization = "Tecton-key ed",
                                  .content_encoding = "gzip",
                                  .body = "rubbish",
                                  .body_len = 7,
                                  .body_too_large = true};
    assert_int_equal(check_request(request), 413);
    request.body_too_large = false;
    assert_int_equal(check_request(request), 415);
    request.content_encoding = "identity";
    assert_int_equal(check_request(request), 400);
}

static void syntax_comes_before_fields(void **state) {
    (void)state;
    assert_request_error(400, "", "not valid JSON: byte 0");
    assert_request_error(400, "{\"records\":{}", "not valid JSON: byte 13");
    assert_request_error(400, "[]", "must be a JSON object");
    assert_request_error(400, "{\"dry_run\":true,\"dry_run\":true}", "twice");
    assert_request_error(400, "{\"secret\":1}", "unknown top-level field; known are `workspace_name`");
    assert_null(strstr((const char *)plan.answer.data, "secret"));
}

static void required_fields_come_before_the_workspace(void **state) {
    (void)state;
    assert_request_error(400, "{\"dry_run\":true,\"records\":" SWIPES "}", "workspace name is missing");
    assert_request_error(400, "{\"workspace_name\":5,\"dry_run\":true,\"records\":" SWIPES "}", "non-empty string");
    assert_request_error(400, BODY("", "true", SWIPES), "non-empty string");
    assert_request_error(400, "{\"workspace_name\":\"no\",\"records\":" SWIPES "}", "dry run flag is missing");
    assert_request_error(400, BODY("no", "\"true\"", SWIPES), "must be true or false");
    assert_request_error(400, BODY("no", "null", SWIPES), "must be true or false");
    assert_request_error(400, "{\"workspace_name\":\"no\",\"dry_run\":true}", "field `records` is missing");
    assert_request_error(400, BODY("no", "true", "[]"), "field `records` must be an object");
    assert_request_error(400, BODY("no", "true", "{}"), "field `records` is empty");
    assert_request_error(400, BODY("no", "true", "{\"swipes\":{}}"), "must hold an array");
    assert_request_error(400, BODY("no", "true", "{\"swipes\":[]}"), "holds no record");
    assert_request_error(400, BODY("no", "true", "{\"swipes\":[1]}"), "only key is `record`");
    assert_request_error(400, BODY("no", "true", "{\"swipes\":[{}]}"), "only key is `record`");
    assert_request_error(400, BODY("no", "true", "{\"swipes\":[{\"record\":1}]}"), "only key is `record`");
    assert_request_error(400, BODY("no", "true", "{\"swipes\":[{\"record\":{},\"x\":1}]}"), "only key is `record`");
    assert_false(plan.parsed);
}

static void the_workspace_comes_before_permission(void **state) {
    (void)state;
    assert_int_equal(check_as("Tecton-key none", BODY("nowhere", "false", "{\"x\":[" GOOD "]}")), 404);
    assert_true(plan.parsed);
    assert_int_equal(plan.num_records, 1);
}

static void permission_comes_before_the_source(void **state) {
    (void)state;
    assert_int_equal(check_as("Tecton-key none", BODY("prod", "true", "{\"x\":[" GOOD "]}")), 403);
    assert_int_equal(check_as("Tecton-key view", BODY("prod", "false", "{\"x\":[" GOOD "]}")), 403);
    assert_int_equal(check_as("Tecton-key view", BODY("dev", "false", "{\"x\":[" GOOD "]}")), 403);
    assert_int_equal(check_as("Tecton-key view", BODY("prod", "true", "{\"x\":[" GOOD "]}")), 404);
}

static void a_viewer_may_dry_run(void **state) {
    (void)state;
    assert_int_equal(check_as("Tecton-key view", BODY("prod", "true", SWIPES)), 200);
    assert_true(plan.dry_run);
}

static void the_source_comes_before_its_records(void **state) {
    (void)state;
    assert_request_error(404, BODY("prod", "false", "{\"nothing\":[" BAD "]}"), "stream source not found");
    assert_request_error(404, BODY("prod", "false", "{\"swipes\":[" BAD "],\"nothing\":[" BAD "]}"), "not found");
    assert_request_error(404, BODY("prod", "false", "{\"swipes_dev\":[" BAD "]}"), "stream source not found");
    assert_request_error(404, BODY("prod", "true", "{\"orphan\":[" BAD "]}"), "no feature view subscribes");
    assert_request_error(404, BODY("prod", "false", "{\"quiet\":[" BAD "]}"), "with online writes");
    assert_request_error(404, BODY("dev", "false", "{\"swipes_dev\":[" BAD "]}"), "not live");
}

static void a_dry_run_needs_neither_a_live_workspace_nor_online_writes(void **state) {
    (void)state;
    static const char record[] = "[{\"record\":{\"card\":\"c\",\"at\":" AT "}}]}";
    char *records = beamc_format("{\"swipes_dev\":%s", record);
    char *body = beamc_format("{\"workspace_name\":\"dev\",\"dry_run\":true,\"records\":%s}", records);
    assert_int_equal(check_body(body), 200);
    free(body);
    free(records);
    body = beamc_format("{\"workspace_name\":\"prod\",\"dry_run\":true,\"records\":{\"quiet\":%s}", record);
    assert_int_equal(check_body(body), 200);
    free(body);
}

static void all_record_errors_of_a_request_are_collected(void **state) {
    (void)state;
    assert_int_equal(check_body(BODY("prod", "false", "{\"swipes\":[" GOOD "," BAD "," GOOD "," BAD "]}")), 400);
    assert_int_equal(plan.num_records, 4);
    assert_int_equal(plan.num_good, 2);
    assert_int_equal(plan.num_writes, 6);
#define ENTRY                                                                                                          \
    "{\"pushSourceName\":\"swipes\",\"errorType\":\"TectonObjectValidationError\",\"errorMessage\":"                   \
    "\"column `n`: expected Int64: a number must be whole and within 2^53-1 either way\"}"
    assert_string_equal(buffer_text(&plan.answer),
                        "{\"workspaceName\":\"prod\",\"recordErrors\":[" ENTRY "," ENTRY "]}");
}

static void several_sources_are_planned_together(void **state) {
    (void)state;
    assert_int_equal(
        check_body(BODY("prod", "true",
                        "{\"swipes\":[" GOOD "," GOOD "],\"quiet\":[{\"record\":{\"card\":\"c\",\"at\":" AT "}}]}")),
        200);
    assert_string_equal(plan.source_names, "swipes,quiet");
    assert_int_equal(plan.num_records, 3);
    assert_int_equal(plan.sources[0].num_records, 2);
    assert_int_equal(plan.sources[1].num_records, 1);
}

static void each_path_takes_its_own_spelling(void **state) {
    (void)state;
    static const char camel[] = "{\"workspaceName\":\"prod\",\"dryRun\":false,\"records\":" SWIPES "}";
    static const char snake[] = BODY("prod", "false", SWIPES);
    emu_ingest_request v2 = {
        .path = EMU_INGEST_V2, .authorization = "Tecton-key ed", .body = camel, .body_len = sizeof camel - 1};
    assert_int_equal(check_request(v2), 200);
    assert_int_equal(check_body(camel), 400);
    v2.body = snake;
    v2.body_len = sizeof snake - 1;
    assert_int_equal(check_request(v2), 400);
    assert_non_null(strstr(buffer_text(&plan.answer), "`workspaceName`"));
}

static void lenient_keys_take_both_spellings_but_not_at_once(void **state) {
    (void)state;
    config.strictness.lenient_keys = true;
    assert_int_equal(check_body("{\"workspaceName\":\"prod\",\"dry_run\":false,\"records\":" SWIPES "}"), 200);
    assert_request_error(400, "{\"dryRun\":true,\"dry_run\":true}", "both spellings");
}

static void long_source_names_are_cut_between_characters(void **state) {
    (void)state;
    char name[400];
    for (int pad = 0; pad < 4; pad++) {
        size_t len = (size_t)pad;
        memset(name, 'x', len);
        while (len + 3 < 200) {
            memcpy(name + len, "\xE2\x82\xAC", 3);
            len += 3;
        }
        name[len] = '\0';
        char *body = beamc_format(BODY("prod", "true", "{\"%s\":[" GOOD "]}"), name);
        assert_int_equal(check_body(body), 404);
        size_t cut = strlen(plan.source_names);
        assert_in_range(cut, EMU_SOURCE_NAMES_MAX - 4, EMU_SOURCE_NAMES_MAX - 1);
        assert_int_equal((cut - (size_t)pad) % 3, 0);
        free(body);
    }
}

static void a_body_full_of_empty_records_stays_bounded(void **state) {
    (void)state;
    size_t count = 80000;
    static const char item[] = "{\"record\":{}},";
    static const char head[] = "{\"workspace_name\":\"prod\",\"dry_run\":true,\"records\":{\"swipes\":[";
    char *body = beamc_alloc(sizeof head + count * sizeof item + 8);
    size_t len = sizeof head - 1;
    memcpy(body, head, len);
    for (size_t i = 0; i < count; i++, len += sizeof item - 1)
        memcpy(body + len, item, sizeof item - 1);
    len--;
    memcpy(body + len, "]}}", 3);
    int status =
        check_request((emu_ingest_request){.authorization = "Tecton-key ed", .body = body, .body_len = len + 3});
    assert_int_equal(status, 400);
    assert_int_equal(plan.num_records, count);
    assert_int_equal(plan.num_good, 0);
    size_t entries = 0;
    for (const char *at = buffer_text(&plan.answer); (at = strstr(at, "errorType")) != NULL; at++)
        entries++;
    assert_int_equal(entries, EMU_MAX_RECORD_ERRORS);
    free(body);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_good_request_is_planned, open_config, close_config),
        cmocka_unit_test_setup_teardown(the_key_is_checked_before_all_else, open_config, close_config),
        cmocka_unit_test_setup_teardown(size_comes_before_encoding_and_encoding_before_syntax, open_config,
                                        close_config),
        cmocka_unit_test_setup_teardown(syntax_comes_before_fields, open_config, close_config),
        cmocka_unit_test_setup_teardown(required_fields_come_before_the_workspace, open_config, close_config),
        cmocka_unit_test_setup_teardown(the_workspace_comes_before_permission, open_config, close_config),
        cmocka_unit_test_setup_teardown(permission_comes_before_the_source, open_config, close_config),
        cmocka_unit_test_setup_teardown(a_viewer_may_dry_run, open_config, close_config),
        cmocka_unit_test_setup_teardown(the_source_comes_before_its_records, open_config, close_config),
        cmocka_unit_test_setup_teardown(a_dry_run_needs_neither_a_live_workspace_nor_online_writes, open_config,
                                        close_config),
        cmocka_unit_test_setup_teardown(all_record_errors_of_a_request_are_collected, open_config, close_config),
        cmocka_unit_test_setup_teardown(several_sources_are_planned_together, open_config, close_config),
        cmocka_unit_test_setup_teardown(each_path_takes_its_own_spelling, open_config, close_config),
        cmocka_unit_test_setup_teardown(lenient_keys_take_both_spellings_but_not_at_once, open_config, close_config),
        cmocka_unit_test_setup_teardown(long_source_names_are_cut_between_characters, open_config, close_config),
        cmocka_unit_test_setup_teardown(a_body_full_of_empty_records_stays_bounded, open_config, close_config),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
