#include "tests/emulator/ingest.h"

#include "tests/unit/emulator/sample_config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define RECORD(n)          "{\"record\":{\"card\":\"c1\",\"n\":" n ",\"at\":\"2999-01-01T00:00:00Z\"}}"
#define BODY(dry, records) "{\"workspace_name\":\"prod\",\"dry_run\":" dry ",\"records\":{\"swipes\":[" records "]}}"

static emu_config config;
static emu_state shared;
static emu_answer answer;
static emu_request_log entry;

static int open_state(void **state) {
    (void)state;
    sample_config_read(&config, NULL, NULL);
    emu_state_init(&shared, &config);
    return 0;
}

static int close_state(void **state) {
    (void)state;
    emu_answer_cleanup(&answer);
    emu_state_cleanup(&shared);
    emu_config_cleanup(&config);
    return 0;
}

static int run_under(const emu_fault *fault, const char *body) {
    emu_ingest_request request = {.authorization = "Tecton-key ed", .body = body, .body_len = strlen(body)};
    emu_answer_cleanup(&answer);
    emu_answer_init(&answer);
    entry = (emu_request_log){.at_ms = 1, .body_bytes = request.body_len};
    emu_ingest_run(&shared, &request, fault, &answer, &entry);
    assert_int_equal(entry.status, answer.status);
    return answer.status;
}

static uint64_t num_stored(void) {
    uint64_t sum = 0;
    for (uint32_t i = 0; i < config.num_views; i++)
        sum += emu_store_num_events(shared.store, i);
    return sum;
}

static void a_good_request_is_written_and_counted(void **state) {
    (void)state;
    assert_int_equal(run_under(NULL, BODY("false", RECORD("1") "," RECORD("2"))), 200);
    assert_non_null(strstr(buffer_text(&answer.body), "\"onlineRecordIngestCount\":\"2\""));
    assert_true(entry.processed && entry.parsed);
    assert_int_equal(entry.num_records, 2);
    assert_int_equal(entry.num_written, 2);
    assert_int_equal(entry.num_rejected, 0);
    assert_string_equal(entry.source_names, "swipes");
    assert_string_equal(entry.body_sha256, "");
    assert_int_equal(emu_store_num_keys(shared.store, 0), 1);
    assert_int_equal(emu_store_num_keys(shared.store, 1), 2);
}

static void a_dry_run_writes_nothing(void **state) {
    (void)state;
    assert_int_equal(run_under(NULL, BODY("true", RECORD("1"))), 200);
    assert_null(strstr(buffer_text(&answer.body), "IngestCount"));
    assert_int_equal(num_stored(), 0);
    assert_int_equal(entry.num_written + entry.num_rejected, 0);
}

static void one_bad_record_keeps_all_from_being_written(void **state) {
    (void)state;
    assert_int_equal(run_under(NULL, BODY("false", RECORD("1") "," RECORD("1.5") "," RECORD("2"))), 400);
    assert_int_equal(num_stored(), 0);
    assert_int_equal(entry.num_written, 0);
    assert_int_equal(entry.num_rejected, 3);
}

static void partial_write_takes_the_good_ones_and_still_answers_400(void **state) {
    (void)state;
    config.strictness.partial_write = true;
    assert_int_equal(run_under(NULL, BODY("false", RECORD("1") "," RECORD("1.5") "," RECORD("2"))), 400);
    assert_non_null(strstr(buffer_text(&answer.body), "recordErrors"));
    assert_int_equal(emu_store_num_keys(shared.store, 1), 2);
    assert_int_equal(entry.num_written, 2);
    assert_int_equal(entry.num_rejected, 1);
    assert_int_equal(run_under(NULL, BODY("true", RECORD("7") "," RECORD("1.5"))), 400);
    assert_int_equal(emu_store_num_keys(shared.store, 1), 2);
}

static void a_full_store_answers_507(void **state) {
    (void)state;
    emu_store_free(shared.store);
    static const bool aggregate[5] = {false, true, false, false, false};
    shared.store = emu_store_new(5, aggregate, 4);
    assert_int_equal(run_under(NULL, BODY("false", RECORD("1"))), 200);
    assert_int_equal(run_under(NULL, BODY("false", RECORD("2"))), 200); /* new in the aggregate view alone */
    assert_int_equal(run_under(NULL, BODY("false", RECORD("3"))), 507);
    assert_non_null(strstr(buffer_text(&answer.body), "{\"requestError\":{\"errorMessage\":\"the emulator's store"));
    assert_int_equal(entry.num_written, 0);
    assert_int_equal(entry.num_rejected, 1);
}

static void a_fault_with_a_status_writes_only_if_told(void **state) {
    (void)state;
    emu_fault fault = {.status = 503};
    assert_int_equal(run_under(&fault, BODY("false", RECORD("1"))), 503);
    assert_string_equal(
        buffer_text(&answer.body),
        "{\"requestError\":{\"errorMessage\":\"scripted fault\",\"errorType\":\"RequestValidationError\"}}");
    assert_int_equal(num_stored(), 0);
    assert_false(entry.processed);
    assert_int_equal(entry.num_records, 1);
    assert_int_equal(entry.num_written, 0);
    fault.write = true;
    assert_int_equal(run_under(&fault, BODY("false", RECORD("1"))), 503);
    assert_int_equal(num_stored(), 3);
    assert_true(entry.processed);
    assert_int_equal(entry.num_written, 1);
}

static void cutting_before_writes_nothing_and_after_writes(void **state) {
    (void)state;
    emu_fault fault = {.cut = EMU_CUT_BEFORE};
    assert_int_equal(run_under(&fault, BODY("false", RECORD("1"))), EMU_STATUS_CUT);
    assert_int_equal(num_stored(), 0);
    assert_false(entry.processed);
    fault.cut = EMU_CUT_AFTER;
    assert_int_equal(run_under(&fault, BODY("false", RECORD("1"))), EMU_STATUS_CUT);
    assert_int_equal(num_stored(), 3);
    assert_true(entry.processed);
}

static void a_fault_with_only_a_delay_behaves_normally(void **state) {
    (void)state;
    emu_fault fault = {.delay_ms = 1};
    assert_int_equal(run_under(&fault, BODY("false", RECORD("1"))), 200);
    assert_non_null(strstr(buffer_text(&answer.body), "\"onlineRecordIngestCount\":\"1\""));
    assert_int_equal(num_stored(), 3);
    assert_int_equal(run_under(&fault, BODY("false", RECORD("1.5"))), 400);
}

static void bodies_of_faults_take_the_place_of_the_normal_one(void **state) {
    (void)state;
    static const struct {
        emu_fault_body body;
        const char *expected;
        const char *content_type;
    } cases[] = {
        {EMU_FAULT_BODY_REQUEST_ERROR,
         "{\"requestError\":{\"errorMessage\":\"scripted fault\",\"errorType\":\"RequestValidationError\"}}", NULL},
        {EMU_FAULT_BODY_RECORD_ERROR,
         "{\"workspaceName\":\"prod\",\"recordErrors\":[{\"pushSourceName\":\"swipes\",\"errorType\":"
         "\"TectonObjectValidationError\",\"errorMessage\":\"scripted fault\"}]}",
         NULL},
        {EMU_FAULT_BODY_HTML, "<html>", "text/html; charset=utf-8"},
        {EMU_FAULT_BODY_EMPTY, "", NULL},
        {EMU_FAULT_BODY_GARBAGE, "not json", NULL},
        {EMU_FAULT_BODY_TEXT, "words", "text/plain; charset=utf-8"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char words[] = "words";
        emu_fault fault = {.status = i % 2 == 0 ? 200 : 502, .body = cases[i].body, .text = words};
        assert_int_equal(run_under(&fault, BODY("false", RECORD("1"))), fault.status);
        const char *text = buffer_text(&answer.body);
        if (strstr(text, cases[i].expected) == NULL || (*cases[i].expected == '\0' && *text != '\0'))
            fail_msg("got %s, wanted %s", text, cases[i].expected);
        if (cases[i].content_type == NULL)
            assert_null(answer.content_type);
        else
            assert_string_equal(answer.content_type, cases[i].content_type);
        assert_false(answer.truncated);
    }
    assert_int_equal(num_stored(), 0);
}

static void a_truncated_answer_holds_the_normal_body(void **state) {
    (void)state;
    emu_fault fault = {.body = EMU_FAULT_BODY_TRUNCATED};
    assert_int_equal(run_under(&fault, BODY("false", RECORD("1"))), 200);
    assert_true(answer.truncated);
    assert_non_null(strstr(buffer_text(&answer.body), "\"onlineRecordIngestCount\":\"1\""));
    assert_int_equal(num_stored(), 3);
}

static void retry_after_is_passed_on(void **state) {
    (void)state;
    emu_fault fault = {.status = 429, .retry_after = {.text = "7"}};
    run_under(&fault, BODY("false", RECORD("1")));
    assert_string_equal(answer.retry_after, "7");
    fault.retry_after.text[0] = '\0';
    run_under(&fault, BODY("false", RECORD("1")));
    assert_string_equal(answer.retry_after, "");
}

static void a_digest_of_the_body_is_logged_when_asked_for(void **state) {
    (void)state;
    config.body_sha256 = true;
    run_under(NULL, "");
    assert_string_equal(entry.body_sha256, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
}

static void reset_empties_everything(void **state) {
    (void)state;
    static const char script[] = "{\"faults\":[{\"status\":503}]}";
    assert_int_equal(emu_fault_script_read(script, sizeof script - 1, &shared.faults, NULL), BEAMC_OK);
    run_under(NULL, BODY("false", RECORD("1")));
    emu_counters_add(shared.counters, &entry);
    unsigned epoch = atomic_load(&shared.epoch);
    emu_state_reset(&shared);
    emu_fault fault;
    assert_false(emu_fault_script_take(&shared.faults, 0, &fault));
    assert_int_equal(num_stored(), 0);
    assert_int_not_equal(atomic_load(&shared.epoch), epoch);
    beamc_byte_buffer out;
    beamc_byte_buffer_init(&out, 4096);
    emu_counters_write(shared.counters, &out);
    assert_non_null(strstr(buffer_text(&out), "\"requests\":0,"));
    beamc_byte_buffer_cleanup(&out);
}

static void records_are_counted_without_reading(void **state) {
    (void)state;
    static const struct {
        const char *body;
        uint32_t count;
    } cases[] = {
        {"", 0},
        {"{\"records\":{}}", 0},
        {"\"record\":\"record\" : \"record\"\n:\"record\"", 3},
        {"{\"a\":\"\\\"record\\\":1\"}", 0},
        {BODY("false", RECORD("1") "," RECORD("2")), 2},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        assert_int_equal(emu_ingest_count_records(cases[i].body, strlen(cases[i].body)), cases[i].count);
    assert_int_equal(emu_ingest_count_records(NULL, 0), 0);
}

static void a_refusal_says_so_in_its_own_words(void **state) {
    (void)state;
    emu_fault fault = {.status = 429, .message = "too many"};
    assert_int_equal(run_under(&fault, BODY("false", RECORD("1"))), 429);
    assert_non_null(strstr(buffer_text(&answer.body), "\"errorMessage\":\"too many\""));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_good_request_is_written_and_counted, open_state, close_state),
        cmocka_unit_test_setup_teardown(a_dry_run_writes_nothing, open_state, close_state),
        cmocka_unit_test_setup_teardown(one_bad_record_keeps_all_from_being_written, open_state, close_state),
        cmocka_unit_test_setup_teardown(partial_write_takes_the_good_ones_and_still_answers_400, open_state,
                                        close_state),
        cmocka_unit_test_setup_teardown(a_full_store_answers_507, open_state, close_state),
        cmocka_unit_test_setup_teardown(a_fault_with_a_status_writes_only_if_told, open_state, close_state),
        cmocka_unit_test_setup_teardown(cutting_before_writes_nothing_and_after_writes, open_state, close_state),
        cmocka_unit_test_setup_teardown(a_fault_with_only_a_delay_behaves_normally, open_state, close_state),
        cmocka_unit_test_setup_teardown(bodies_of_faults_take_the_place_of_the_normal_one, open_state, close_state),
        cmocka_unit_test_setup_teardown(a_truncated_answer_holds_the_normal_body, open_state, close_state),
        cmocka_unit_test_setup_teardown(retry_after_is_passed_on, open_state, close_state),
        cmocka_unit_test(records_are_counted_without_reading),
        cmocka_unit_test_setup_teardown(a_refusal_says_so_in_its_own_words, open_state, close_state),
        cmocka_unit_test_setup_teardown(a_digest_of_the_body_is_logged_when_asked_for, open_state, close_state),
        cmocka_unit_test_setup_teardown(reset_empties_everything, open_state, close_state),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
