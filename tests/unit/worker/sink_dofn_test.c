#include "worker/sink_dofn.h"

#include "sdk_harness/base/alloc.h"
#include "sdk_harness/base/clock.h"
#include "tests/support/check.h"
#include "tests/support/fake_bundle.h"
#include "tests/support/http_server.h"
#include "tests/support/test_rows.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { ERRORS, WRITTEN }; /* the outputs */

enum { NUM_EMITTED_FIELDS = 6 /* of either output */ };

static const beamc_field row_fields[] = {FIELD("user_id", TYPE(STRING)), FIELD("amount", NULLABLE(DOUBLE))};
static const beamc_schema row_schema = SCHEMA(row_fields);
static const beamc_field written_fields[] = {FIELD("records", TYPE(INT64)),
                                             FIELD("attempts", TYPE(INT64)),
                                             FIELD("status", TYPE(INT64)),
                                             FIELD("latency_ms", TYPE(INT64)),
                                             FIELD("first_event_time", LOGICAL(ROW, MICROS_INSTANT, "")),
                                             FIELD("last_event_time", LOGICAL(ROW, MICROS_INSTANT, ""))};
static const beamc_schema written_schema = SCHEMA(written_fields);
static const beamc_field failed_fields[] = {FIELD("failed_row", ROW_OF(&row_schema)),
                                            FIELD("error_message", TYPE(STRING)),
                                            FIELD("status", TYPE(INT64)),
                                            FIELD("error_class", TYPE(STRING)),
                                            FIELD("attempts", TYPE(INT64)),
                                            FIELD("possibly_stored", TYPE(BOOLEAN))};
static const beamc_schema failed_schema = SCHEMA(failed_fields);

/* One instance with one bundle, an engine and a server. */
typedef struct {
    test_server *server;
    tecton_delivery_engine *engine;
    beamc_dofn dofn;
    void *instance;
    beamc_metrics *metrics;
    beamc_bundle *bundle;
} fixture;

static char *payload_for(const char *url, const char *more) {
    return beamc_format("{\"api_key\":\"key-123\",\"workspace_name\":\"prod\",\"stream_source_name\":\"payments\","
                        "\"endpoint_url\":\"%s\",\"max_retry_seconds\":1%s}",
                        url, more);
}

static beamc_status make_instance(fixture *f, const char *payload, beamc_error *err) {
    static const char *const tags[] = {"errors", "written"};
    static const beamc_schema *const schemas[] = {&failed_schema, &written_schema};
    beamc_dofn_setup setup = {.transform_id = "t",
                              .unique_name = "t",
                              .payload = (const uint8_t *)payload,
                              .payload_len = strlen(payload),
                              .input_schema = &row_schema,
                              .num_outputs = 2,
                              .output_tags = tags,
                              .output_schemas = schemas,
                              .metrics = f->metrics};
    return f->dofn.setup(f->dofn.context, &setup, &f->instance, err);
}

static void open_fixture(fixture *f, const char *more_options) {
    *f = (fixture){.server = test_server_start()};
    assert_int_equal(tecton_delivery_engine_new(&f->engine, NULL), BEAMC_OK);
    f->dofn = tecton_sink_dofn(f->engine);
    f->metrics = fake_metrics_new();
    char *payload = payload_for(test_server_url(f->server), more_options);
    beamc_error err = {{0}};
    beamc_status status = make_instance(f, payload, &err);
    free(payload);
    if (status != BEAMC_OK)
        fail_msg("%s", err.text);
    f->bundle = fake_bundle_new(NUM_EMITTED_FIELDS);
    f->bundle->input_waiting = true;
    assert_int_equal(f->dofn.start_bundle(f->instance, f->bundle, NULL), BEAMC_OK);
}

static void close_fixture(fixture *f) {
    f->dofn.end_bundle(f->instance);
    f->dofn.teardown(f->instance);
    tecton_delivery_engine_free(f->engine);
    fake_bundle_free(f->bundle);
    fake_metrics_free(f->metrics);
    test_server_stop(f->server);
}

static beamc_status write_row(fixture *f, const char *user_id, beamc_value amount, unsigned *num_agains,
                              beamc_error *err) {
    static const uint8_t pane = 0x0f;
    beamc_value values[2] = {text_value(user_id), amount};
    beamc_element element = {.fields = values,
                             .timestamp_ms = 1000,
                             .windows = &pane,
                             .windows_len = 1,
                             .num_windows = 1,
                             .pane = pane,
                             .encoded_len = 10};
    return fake_run_process(&f->dofn, f->instance, f->bundle, &element, num_agains, err);
}

static void write_rows(fixture *f, int num_rows) {
    for (int i = 0; i < num_rows; i++) {
        beamc_error err = {{0}};
        char user_id[16];
        (void)snprintf(user_id, sizeof user_id, "u%d", i);
        beamc_status status = write_row(f, user_id, double_value(i + 0.5), NULL, &err);
        if (status != BEAMC_OK)
            fail_msg("row %d: %s", i, err.text);
    }
}

static void finish(fixture *f) {
    beamc_error err = {{0}};
    beamc_status status = fake_run_finish(&f->dofn, f->instance, f->bundle, NULL, &err);
    if (status != BEAMC_OK)
        fail_msg("%s", err.text);
}

static void a_bundle_of_25_rows_is_three_requests(void **state) {
    (void)state;
    fixture f;
    open_fixture(&f, "");
    write_rows(&f, 25);
    finish(&f);
    assert_int_equal(test_server_num_requests(f.server), 3);
    assert_int_equal(fake_counter(f.metrics, "tecton_stream_ingest:records_written"), 25);
    assert_int_equal(fake_counter(f.metrics, "tecton_stream_ingest:write_requests"), 3);
    assert_int_equal(fake_counter(f.metrics, "tecton_stream_ingest:write_errors"), 0);
    const beamc_distribution *records = fake_distribution(f.metrics, "tecton_stream_ingest:records_per_request");
    assert_int_equal(records->count, 3);
    assert_int_equal(records->sum, 25);
    assert_int_equal(records->max, 10);
    assert_int_equal(f.bundle->num_emitted, 3);
    int64_t emitted_records = 0;
    for (size_t i = 0; i < 3; i++) {
        emitted_records += f.bundle->emitted[i].fields[0];
        assert_int_equal(f.bundle->emitted[i].fields[1], 1);
        assert_int_equal(f.bundle->emitted[i].fields[2], 200);
        assert_int_equal(f.bundle->emitted[i].timestamp_ms, 1000);
        assert_int_equal(f.bundle->emitted[i].num_windows, 1);
        assert_int_equal(f.bundle->emitted[i].windows[0], 0x0f);
    }
    assert_int_equal(emitted_records, 25);
    close_fixture(&f);
}

static void the_request_is_what_tecton_documents(void **state) {
    (void)state;
    fixture f;
    open_fixture(&f, "");
    assert_int_equal(write_row(&f, "u-1", null_value(), NULL, NULL), BEAMC_OK);
    assert_int_equal(write_row(&f, "u-2", double_value(12.75), NULL, NULL), BEAMC_OK);
    finish(&f);
    const test_request *request = test_server_request(f.server, 0);
    assert_string_equal(request->body, "{\"workspace_name\":\"prod\",\"dry_run\":false,\"records\":{\"payments\":["
                                       "{\"record\":{\"user_id\":\"u-1\",\"amount\":null}},"
                                       "{\"record\":{\"user_id\":\"u-2\",\"amount\":12.75}}]}}");
    assert_contains(request->head, "POST /ingest HTTP/1.1\r\n");
    assert_contains(request->head, "\r\nAuthorization: Tecton-key key-123\r\n");
    assert_contains(request->head, "\r\nContent-Type: application/json\r\n");
    close_fixture(&f);
}

static void a_503_is_sent_again_with_the_same_bytes(void **state) {
    (void)state;
    fixture f;
    open_fixture(&f, "");
    test_step steps[] = {{.status = 503, .body = "<html>busy</html>"}};
    test_server_script(f.server, steps, 1);
    write_rows(&f, 3);
    finish(&f);
    assert_int_equal(test_server_num_requests(f.server), 2);
    assert_string_equal(test_server_request(f.server, 0)->body, test_server_request(f.server, 1)->body);
    assert_int_equal(fake_counter(f.metrics, "tecton_stream_ingest:records_written"), 3);
    assert_int_equal(fake_counter(f.metrics, "tecton_stream_ingest:write_requests"), 2);
    assert_int_equal(fake_counter(f.metrics, "tecton_stream_ingest:write_errors"), 1);
    assert_int_equal(f.bundle->emitted[0].fields[1], 2);
    close_fixture(&f);
}

static void a_400_fails_the_bundle_with_the_servers_words(void **state) {
    (void)state;
    fixture f;
    open_fixture(&f, "");
    test_step steps[] = {{.status = 400,
                          .body = "{\"requestError\":{\"errorMessage\":\"column amount is not a Float64\","
                                  "\"errorType\":\"RequestValidationError\"}}"}};
    test_server_script(f.server, steps, 1);
    write_rows(&f, 3);
    beamc_error err = {{0}};
    assert_int_equal(fake_run_finish(&f.dofn, f.instance, f.bundle, NULL, &err), BEAMC_INVALID);
    assert_contains(err.text, "HTTP 400");
    assert_contains(err.text, "column amount is not a Float64");
    assert_contains(err.text, "\"payments\"");
    assert_contains(err.text, test_server_url(f.server));
    assert_int_equal(test_server_num_requests(f.server), 1);
    close_fixture(&f);
}

static void a_refused_row_fails_with_its_fields_path(void **state) {
    (void)state;
    fixture f;
    open_fixture(&f, "");
    beamc_error err = {{0}};
    assert_int_equal(write_row(&f, "u", double_value(__builtin_nan("")), NULL, &err), BEAMC_INVALID);
    assert_contains(err.text, "field amount");
    assert_contains(err.text, "NaN");
    assert_contains(err.text, "pandas");
    close_fixture(&f);
}

static void a_batch_leaves_after_linger_while_no_input_waits(void **state) {
    (void)state;
    fixture f;
    open_fixture(&f, ",\"linger_ms\":5");
    f.bundle->input_waiting = false;
    write_rows(&f, 1);
    assert_true(test_server_await(f.server, 1)); /* nobody calls finish */
    finish(&f);
    assert_int_equal(test_server_num_requests(f.server), 1);
    assert_int_equal(fake_counter(f.metrics, "tecton_stream_ingest:records_written"), 1);
    close_fixture(&f);
}

static void rows_that_come_before_linger_join_the_parked_batch(void **state) {
    (void)state;
    fixture f;
    open_fixture(&f, ",\"linger_ms\":60000");
    f.bundle->input_waiting = false;
    write_rows(&f, 7);
    finish(&f);
    assert_int_equal(test_server_num_requests(f.server), 1);
    assert_contains(test_server_request(f.server, 0)->body, "\"u6\",\"amount\":6.5}}]}}");
    close_fixture(&f);
}

/* The numbers of a trace's next line, which starts with `kind`. */
static int read_line(FILE *trace, const char *kind, unsigned long long numbers[3]) {
    char line[128];
    assert_non_null(fgets(line, sizeof line, trace));
    size_t len = strlen(kind);
    if (strncmp(line, kind, len) != 0)
        fail_msg("a line of %s: %s", kind, line);
    return sscanf(line + len, ",%llu,%llu,%llu", &numbers[0], &numbers[1], &numbers[2]);
}

static void a_row_trace_tells_when_rows_came_and_were_acknowledged(void **state) {
    (void)state;
    char path[] = "/tmp/row_trace_test_XXXXXX";
    int made = mkstemp(path);
    assert_true(made >= 0);
    (void)close(made);
    (void)setenv("BEAM_TECTON_ROW_TRACE", path, 1);
    fixture f;
    open_fixture(&f, "");
    (void)unsetenv("BEAM_TECTON_ROW_TRACE");
    test_step steps[] = {{.status = 200, .delay_ms = 30}};
    test_server_script(f.server, steps, 1);
    f.bundle->received_us = 1000;
    write_rows(&f, 2);
    f.bundle->received_us = 2000;
    write_rows(&f, 1);
    uint64_t sent_us = beamc_clock_us();
    f.bundle->received_us = 3000;
    finish(&f);
    close_fixture(&f);
    FILE *trace = fopen(path, "r");
    assert_non_null(trace);
    for (int i = 0; i < 3; i++) {
        unsigned long long row[3];
        assert_int_equal(read_line(trace, "row", row), 3);
        assert_int_equal(row[0], i < 2 ? 1000 : 2000);
        assert_true(row[1] >= sent_us + 30 * 1000 && row[1] <= beamc_clock_us());
        assert_true(row[2] >= 30 && row[2] <= (beamc_clock_us() - sent_us) / 1000);
    }
    unsigned long long bundle[3];
    assert_int_equal(read_line(trace, "bundle", bundle), 2);
    assert_int_equal(bundle[0], 3000);
    assert_true(bundle[1] >= sent_us + 30 * 1000 && bundle[1] <= beamc_clock_us());
    assert_int_equal(fgetc(trace), EOF);
    (void)fclose(trace);
    (void)unlink(path);
}

static void process_waits_when_the_engine_is_full_and_is_woken(void **state) {
    (void)state;
    fixture f;
    open_fixture(&f, ",\"batch_size\":1,\"max_in_flight\":2");
    write_rows(&f, 8); /* so that the limit grows to two */
    finish(&f);
    size_t num_before = test_server_num_requests(f.server);
    test_server_hold(f.server);
    write_rows(&f, 4);
    beamc_value values[2] = {text_value("late"), null_value()};
    beamc_element element = {.fields = values, .num_windows = 1};
    assert_int_equal(f.dofn.process(f.instance, &element, NULL), BEAMC_AGAIN);
    assert_true(test_server_await(f.server, num_before + 2));
    assert_int_equal(test_server_num_requests(f.server), num_before + 2); /* no more than max_in_flight */
    test_server_release(f.server);
    assert_true(fake_bundle_await_wake(f.bundle, FAKE_WAKE_TIMEOUT_MS));
    assert_int_equal(fake_run_process(&f.dofn, f.instance, f.bundle, &element, NULL, NULL), BEAMC_OK);
    finish(&f);
    assert_int_equal(fake_counter(f.metrics, "tecton_stream_ingest:records_written"), 13);
    assert_int_equal(test_server_max_at_once(f.server), 2);
    close_fixture(&f);
}

static void a_bundle_that_ends_early_cancels_and_does_not_wait(void **state) {
    (void)state;
    fixture f;
    open_fixture(&f, ",\"batch_size\":1");
    test_server_hold(f.server);
    write_rows(&f, 20);
    assert_true(test_server_await(f.server, 1));
    close_fixture(&f); /* end_bundle comes while nothing is answered */
}

static void a_second_bundle_uses_the_same_connections(void **state) {
    (void)state;
    fixture f;
    open_fixture(&f, "");
    write_rows(&f, 1);
    finish(&f);
    f.dofn.end_bundle(f.instance);
    fake_bundle_free(f.bundle);
    f.bundle = fake_bundle_new(NUM_EMITTED_FIELDS);
    assert_int_equal(f.dofn.start_bundle(f.instance, f.bundle, NULL), BEAMC_OK);
    write_rows(&f, 1);
    finish(&f);
    assert_int_equal(f.bundle->num_emitted, 1);
    assert_int_equal(test_server_num_connections(f.server), 1);
    close_fixture(&f);
}

/* The script's first answer fails the bundle; the message has all of `words`, up to a NULL, and never the key. */
static void check_failure(const char *more_options, const test_step *step, const char *const *words) {
    fixture f;
    open_fixture(&f, more_options);
    test_server_script(f.server, step, 1);
    write_rows(&f, 3);
    beamc_error err = {{0}};
    beamc_status status = fake_run_finish(&f.dofn, f.instance, f.bundle, NULL, &err);
    assert_true(status == BEAMC_INVALID || status == BEAMC_UNAVAILABLE);
    for (; *words != NULL; words++)
        assert_contains(err.text, *words);
    assert_contains(err.text, "prod/payments");
    assert_lacks(err.text, "key-123");
    assert_int_equal(f.bundle->num_emitted, 0);
    close_fixture(&f);
}

#define WORDS(...) ((const char *const[]){__VA_ARGS__, NULL})

static void each_failure_names_the_setting_at_fault(void **state) {
    (void)state;
    check_failure("", &(test_step){.status = 401, .body = "{\"message\":\"key key-123 is unknown\"}"},
                  WORDS("HTTP 401", "key *** is unknown", "api_key"));
    check_failure("", &(test_step){.status = 403}, WORDS("HTTP 403", "Editor", "\"prod\""));
    check_failure("", &(test_step){.status = 404, .body = "{\"requestError\":{\"errorMessage\":\"no such source\"}}"},
                  WORDS("HTTP 404", "no such source", "stream_source_name \"payments\""));
    check_failure(",\"max_retries\":1", &(test_step){.status = 500, .body = "oops", .times = 9},
                  WORDS("gave up", "HTTP 500", "oops", "tried 2 times", "max_retries=1"));
    check_failure(",\"max_retries\":0,\"timeout\":0.1", &(test_step){.status = 200, .delay_ms = 3000, .times = 9},
                  WORDS("gave up", "within the timeout", "tried 1 time"));
    check_failure("", &(test_step){.status = 429, .headers = "Retry-After: 60\r\n"},
                  WORDS("gave up", "HTTP 429", "max_in_flight", "max_retry_seconds=1"));
    check_failure(",\"max_retries\":0", &(test_step){.status = 200, .body = "<html>"},
                  WORDS("gave up", "HTTP 200", "not an answer of Tecton"));
}

static void a_failure_ends_the_bundle_at_the_next_row(void **state) {
    (void)state;
    fixture f;
    open_fixture(&f, ",\"batch_size\":1");
    test_step steps[] = {{.status = 403, .times = 9999}};
    test_server_script(f.server, steps, 1);
    beamc_error err = {{0}};
    beamc_status status = BEAMC_OK;
    unsigned num_rows = 0;
    for (; num_rows < 100000 && status == BEAMC_OK; num_rows++)
        status = write_row(&f, "u", null_value(), NULL, &err);
    assert_int_equal(status, BEAMC_INVALID);
    assert_contains(err.text, "HTTP 403");
    close_fixture(&f);
}

static void a_row_past_the_byte_limit_is_refused(void **state) {
    (void)state;
    fixture f;
    open_fixture(&f, "");
    char *text = beamc_alloc(300 * 1024);
    memset(text, 'x', 300 * 1024);
    text[300 * 1024 - 1] = '\0';
    beamc_error err = {{0}};
    assert_int_equal(write_row(&f, text, null_value(), NULL, &err), BEAMC_LIMIT);
    assert_contains(err.text, "262144");
    text[256 * 1024 - 60] = '\0'; /* the record fits, the request around it does not */
    assert_int_equal(write_row(&f, text, null_value(), NULL, &err), BEAMC_LIMIT);
    assert_contains(err.text, "at most 262144");
    free(text);
    close_fixture(&f);
}

static void long_rows_close_a_batch_by_bytes(void **state) {
    (void)state;
    fixture f;
    open_fixture(&f, "");
    char *text = beamc_alloc(100 * 1024);
    memset(text, 'x', 100 * 1024);
    text[100 * 1024 - 1] = '\0';
    for (int i = 0; i < 5; i++)
        assert_int_equal(write_row(&f, text, null_value(), NULL, NULL), BEAMC_OK);
    finish(&f);
    assert_int_equal(test_server_num_requests(f.server), 3); /* two, two, one */
    assert_int_equal(fake_counter(f.metrics, "tecton_stream_ingest:records_written"), 5);
    const beamc_distribution *bytes = fake_distribution(f.metrics, "tecton_stream_ingest:request_bytes");
    assert_true(bytes->max <= 256 * 1024);
    free(text);
    close_fixture(&f);
}

static void each_window_of_a_request_has_its_row_at_its_latest_time(void **state) {
    (void)state;
    fixture f;
    open_fixture(&f, "");
    static const int64_t times_ms[] = {5000, 9000, -1500, 7000};
    static const uint8_t second_byte[] = {1, 2, 2, 1};
    for (size_t i = 0; i < 4; i++) {
        uint8_t windows[2] = {7, second_byte[i]};
        beamc_value values[2] = {text_value("u"), null_value()};
        beamc_element element = {
            .fields = values, .timestamp_ms = times_ms[i], .windows = windows, .windows_len = 2, .num_windows = 1};
        assert_int_equal(fake_run_process(&f.dofn, f.instance, f.bundle, &element, NULL, NULL), BEAMC_OK);
        memset(windows, 0xff, sizeof windows); /* borrowed for the call only */
    }
    finish(&f);
    assert_int_equal(test_server_num_requests(f.server), 1);
    assert_int_equal(f.bundle->num_emitted, 2);
    static const struct { int64_t timestamp_ms, first_second, last_second; } wanted[] = {{7000, 5, 7}, {9000, -2, 9}};
    for (size_t i = 0; i < 2; i++) {
        const fake_emitted *row = &f.bundle->emitted[i];
        assert_int_equal(row->output, WRITTEN);
        assert_int_equal(row->fields[0], 2);
        assert_int_equal(row->timestamp_ms, wanted[i].timestamp_ms);
        assert_int_equal(row->fields[4], wanted[i].first_second);
        assert_int_equal(row->fields[5], wanted[i].last_second);
        assert_int_equal(row->windows_len, 2);
        assert_int_equal(row->windows[1], i + 1);
    }
    close_fixture(&f);
}

static void an_empty_bundle_sends_nothing(void **state) {
    (void)state;
    fixture f;
    open_fixture(&f, "");
    finish(&f);
    assert_int_equal(test_server_num_requests(f.server), 0);
    assert_int_equal(f.bundle->num_emitted, 0);
    close_fixture(&f);
}

static void a_dry_run_asks_for_one_and_counts_no_records(void **state) {
    (void)state;
    fixture f;
    open_fixture(&f, ",\"dry_run\":true");
    write_rows(&f, 2);
    finish(&f);
    assert_contains(test_server_request(f.server, 0)->body, "\"dry_run\":true");
    assert_int_equal(fake_counter(f.metrics, "tecton_stream_ingest:records_written"), 0);
    assert_int_equal(fake_counter(f.metrics, "tecton_stream_ingest:records_validated"), 2);
    assert_int_equal(fake_counter(f.metrics, "tecton_stream_ingest:write_requests"), 1);
    close_fixture(&f);
}

static void linger_zero_waits_for_the_bundles_end(void **state) {
    (void)state;
    fixture f;
    open_fixture(&f, ",\"linger_ms\":0");
    f.bundle->input_waiting = false;
    write_rows(&f, 3);
    assert_int_equal(test_server_num_requests(f.server), 0);
    finish(&f);
    assert_int_equal(test_server_num_requests(f.server), 1);
    close_fixture(&f);
}

static void rows_that_come_while_the_engine_takes_the_batch_are_all_sent_once(void **state) {
    (void)state;
    fixture f;
    open_fixture(&f, ",\"linger_ms\":1");
    f.bundle->input_waiting = false; /* each row parks the batch, which leaves a millisecond after its first record */
    write_rows(&f, 2000);
    finish(&f);
    assert_int_equal(fake_counter(f.metrics, "tecton_stream_ingest:records_written"), 2000);
    const beamc_distribution *records = fake_distribution(f.metrics, "tecton_stream_ingest:records_per_request");
    assert_int_equal(records->sum, 2000);
    assert_int_equal(records->count, test_server_num_requests(f.server));
    close_fixture(&f);
}

static void a_failed_bundle_leaves_nothing_for_the_next(void **state) {
    (void)state;
    fixture f;
    open_fixture(&f, ",\"batch_size\":2");
    test_step steps[] = {{.status = 400}};
    test_server_script(f.server, steps, 1);
    f.bundle->input_waiting = false; /* the last row is parked when the bundle ends */
    for (int i = 0; i < 3; i++)
        (void)write_row(&f, "old", null_value(), NULL, NULL);
    f.dofn.end_bundle(f.instance);
    fake_bundle_free(f.bundle);
    size_t num_before = test_server_num_requests(f.server);
    f.bundle = fake_bundle_new(NUM_EMITTED_FIELDS);
    assert_int_equal(f.dofn.start_bundle(f.instance, f.bundle, NULL), BEAMC_OK);
    beamc_error err = {{0}};
    assert_int_equal(write_row(&f, "new", null_value(), NULL, &err), BEAMC_OK);
    beamc_status status = fake_run_finish(&f.dofn, f.instance, f.bundle, NULL, &err);
    if (status ==
        BEAMC_OK) { /* else the old request had not been read when it was cancelled, and this one got the 400 */
        const test_request *last = test_server_request(f.server, test_server_num_requests(f.server) - 1);
        assert_contains(last->body, "new");
        assert_lacks(last->body, "old");
        assert_int_equal(f.bundle->num_emitted, 1);
    }
    assert_true(test_server_num_requests(f.server) <= num_before + 2);
    close_fixture(&f);
}

static void a_payload_from_another_version_is_refused(void **state) {
    (void)state;
    fixture f = {.metrics = fake_metrics_new()};
    assert_int_equal(tecton_delivery_engine_new(&f.engine, NULL), BEAMC_OK);
    f.dofn = tecton_sink_dofn(f.engine);
    beamc_error err = {{0}};
    assert_int_equal(make_instance(&f, "not json", &err), BEAMC_INVALID);
    assert_contains(err.text, "payload");
    assert_int_equal(make_instance(&f, "{\"no_such_option\":1}", &err), BEAMC_INVALID);
    assert_contains(err.text, "no_such_option");
    tecton_delivery_engine_free(f.engine);
    fake_metrics_free(f.metrics);
}

static void an_unset_key_variable_fails_setup_with_its_name(void **state) {
    (void)state;
    fixture f = {.metrics = fake_metrics_new()};
    assert_int_equal(tecton_delivery_engine_new(&f.engine, NULL), BEAMC_OK);
    f.dofn = tecton_sink_dofn(f.engine);
    beamc_error err = {{0}};
    assert_int_equal(make_instance(&f,
                                   "{\"api_key\":\"env:NO_SUCH_KEY\",\"workspace_name\":\"w\",\"stream_source_name\":"
                                   "\"s\",\"tecton_instance\":\"acme.tecton.ai\"}",
                                   &err),
                     BEAMC_UNAVAILABLE);
    assert_contains(err.text, "env:NO_SUCH_KEY");
    tecton_delivery_engine_free(f.engine);
    fake_metrics_free(f.metrics);
}

/* ---- refused rows ---- */

#define NAMED(name)   "tecton_stream_ingest:" name
#define WITH_ERRORS   ",\"error_handling.output\":\"errors\""
#define RECORD_ERROR  "{\"recordErrors\":[{\"errorType\":\"T\",\"errorMessage\":\"amount is too odd\"}]}"
#define REQUEST_ERROR "{\"requestError\":{\"errorMessage\":\"no such column\"}}"

/* Checks the four ends and that they add up to what the counters say went wrong. */
static void check_ends(const fixture *f, int64_t stored, int64_t rejected, int64_t not_sent, int64_t possibly) {
    assert_int_equal(fake_counter(f->metrics, NAMED("records_written")), stored);
    assert_int_equal(fake_counter(f->metrics, NAMED("records_rejected")), rejected);
    assert_int_equal(fake_counter(f->metrics, NAMED("records_not_sent")), not_sent);
    assert_int_equal(fake_counter(f->metrics, NAMED("records_possibly_stored")), possibly);
    assert_int_equal(fake_counter(f->metrics, NAMED("records_failed")), rejected + not_sent + possibly);
}

/* The emitted row of the errors output that is the only one, or the i-th. */
static const fake_emitted *failed_row(const fixture *f, size_t i) {
    for (size_t at = 0; at < f->bundle->num_emitted; at++) {
        if (f->bundle->emitted[at].output == ERRORS && i-- == 0)
            return &f->bundle->emitted[at];
    }
    fail_msg("there is no such failed row");
    return NULL;
}

static size_t num_failed_rows(const fixture *f) {
    size_t num = 0;
    for (size_t at = 0; at < f->bundle->num_emitted; at++)
        num += f->bundle->emitted[at].output == ERRORS;
    return num;
}

static void one_bad_row_in_ten_is_found_and_the_others_are_stored(void **state) {
    (void)state;
    for (int bad = 0; bad < 10; bad++) {
        fixture f;
        open_fixture(&f, WITH_ERRORS);
        test_server_refuse(f.server, "poison", 400, RECORD_ERROR);
        for (int i = 0; i < 10; i++)
            assert_int_equal(write_row(&f, i == bad ? "poison" : "good", double_value(i), NULL, NULL), BEAMC_OK);
        finish(&f);
        check_ends(&f, 9, 1, 0, 0);
        assert_true(test_server_num_requests(f.server) <= 9); /* the first, and at most 8 more */
        assert_int_equal(fake_counter(f.metrics, NAMED("write_requests")), test_server_num_requests(f.server));
        assert_int_equal(num_failed_rows(&f), 1);
        const fake_emitted *row = failed_row(&f, 0);
        assert_string_equal(row->texts[0], "poison");
        assert_contains(row->texts[1], "amount is too odd");
        assert_int_equal(row->fields[2], 400);
        assert_string_equal(row->texts[3], "record_rejected");
        assert_true(row->fields[4] >= 4); /* it was part of as many tries */
        assert_int_equal(row->fields[5], 0);
        assert_int_equal(row->timestamp_ms, 1000);
        assert_int_equal(row->windows[0], 0x0f);
        close_fixture(&f);
    }
}

static void rows_that_cannot_be_sent_are_failed_rows_too(void **state) {
    (void)state;
    fixture f;
    open_fixture(&f, WITH_ERRORS);
    beamc_error err = {{0}};
    assert_int_equal(write_row(&f, "nan", double_value(__builtin_nan("")), NULL, &err), BEAMC_OK);
    assert_int_equal(write_row(&f, "\xff\xfe", null_value(), NULL, &err), BEAMC_OK);
    char *text = beamc_alloc_zero(1, 300 * 1024);
    memset(text, 'x', 300 * 1024 - 1);
    assert_int_equal(write_row(&f, text, null_value(), NULL, &err), BEAMC_OK);
    free(text);
    write_rows(&f, 3);
    finish(&f);
    check_ends(&f, 3, 3, 0, 0);
    assert_int_equal(test_server_num_requests(f.server), 1);
    assert_string_equal(failed_row(&f, 0)->texts[0], "nan");
    assert_contains(failed_row(&f, 0)->texts[1], "field amount");
    assert_string_equal(failed_row(&f, 0)->texts[3], "not_sendable");
    assert_int_equal(failed_row(&f, 0)->fields[4], 0);
    assert_contains(failed_row(&f, 1)->texts[1], "UTF-8");
    assert_contains(failed_row(&f, 2)->texts[1], "262144");
    close_fixture(&f);
}

static void a_body_that_is_too_large_is_halved(void **state) {
    (void)state;
    fixture f;
    open_fixture(&f, WITH_ERRORS);
    test_server_refuse_longer_than(f.server, 400, 413);
    write_rows(&f, 10);
    finish(&f);
    check_ends(&f, 10, 0, 0, 0);
    assert_true(test_server_num_requests(f.server) > 2);
    close_fixture(&f);
}

static void a_request_error_before_anything_was_accepted_stops_the_bundle(void **state) {
    (void)state;
    fixture f;
    open_fixture(&f, WITH_ERRORS);
    test_step steps[] = {{.status = 400, .body = REQUEST_ERROR, .times = 99}};
    test_server_script(f.server, steps, 1);
    write_rows(&f, 10);
    beamc_error err = {{0}};
    assert_int_equal(fake_run_finish(&f.dofn, f.instance, f.bundle, NULL, &err), BEAMC_INVALID);
    assert_contains(err.text, "no such column");
    assert_int_equal(test_server_num_requests(f.server), 1);
    assert_int_equal(num_failed_rows(&f), 0);
    close_fixture(&f);
}

static void a_request_error_later_ends_at_the_record(void **state) {
    (void)state;
    fixture f;
    open_fixture(&f, WITH_ERRORS);
    write_rows(&f, 10);
    finish(&f);
    test_server_refuse(f.server, "poison", 400, REQUEST_ERROR);
    assert_int_equal(write_row(&f, "poison", null_value(), NULL, NULL), BEAMC_OK);
    write_rows(&f, 4);
    finish(&f);
    check_ends(&f, 14, 1, 0, 0);
    assert_string_equal(failed_row(&f, 0)->texts[3], "request_rejected");
    close_fixture(&f);
}

static void rows_whose_retries_ran_out_are_failed_rows_when_asked_for(void **state) {
    (void)state;
    fixture f;
    open_fixture(&f, WITH_ERRORS ",\"on_exhausted\":\"dead_letter\",\"max_retries\":1");
    test_step steps[] = {{.status = 503, .times = 2}};
    test_server_script(f.server, steps, 1);
    write_rows(&f, 3);
    finish(&f);
    check_ends(&f, 0, 0, 0, 3);
    assert_string_equal(failed_row(&f, 2)->texts[3], "retries_exhausted");
    assert_int_equal(failed_row(&f, 2)->fields[2], 503);
    assert_int_equal(failed_row(&f, 2)->fields[4], 2);
    assert_int_equal(failed_row(&f, 2)->fields[5], 1); /* possibly stored */
    close_fixture(&f);
    open_fixture(&f, WITH_ERRORS ",\"max_retries\":0");
    test_server_script(f.server, steps, 1);
    write_rows(&f, 3);
    assert_int_equal(fake_run_finish(&f.dofn, f.instance, f.bundle, NULL, NULL), BEAMC_UNAVAILABLE);
    close_fixture(&f);
}

static void settings_at_fault_are_never_failed_rows(void **state) {
    (void)state;
    static const int statuses[] = {401, 403, 404};
    for (size_t i = 0; i < 3; i++) {
        fixture f;
        open_fixture(&f, WITH_ERRORS ",\"on_exhausted\":\"dead_letter\"");
        test_step steps[] = {{.status = statuses[i]}};
        test_server_script(f.server, steps, 1);
        write_rows(&f, 3);
        assert_int_equal(fake_run_finish(&f.dofn, f.instance, f.bundle, NULL, NULL), BEAMC_INVALID);
        assert_int_equal(num_failed_rows(&f), 0);
        close_fixture(&f);
    }
}

static void too_large_a_share_of_refused_rows_fails_the_bundle(void **state) {
    (void)state;
    fixture f;
    open_fixture(&f, WITH_ERRORS ",\"error_handling.threshold\":0.1");
    for (int i = 0; i < 99; i++) /* not yet a hundred: nothing to go by */
        assert_int_equal(write_row(&f, "u", i < 20 ? double_value(__builtin_nan("")) : null_value(), NULL, NULL),
                         BEAMC_OK);
    finish(&f);
    write_rows(&f, 1);
    beamc_error err = {{0}};
    assert_int_equal(fake_run_finish(&f.dofn, f.instance, f.bundle, NULL, &err), BEAMC_INVALID);
    assert_contains(err.text, "error_handling.threshold");
    assert_contains(err.text, "0.1");
    close_fixture(&f);
}

/* ---- the key, the preflight, equal keys ---- */

static char *write_file(const char *text) {
    char *path = beamc_strdup("/tmp/sink-dofn-test-XXXXXX");
    int file = mkstemp(path);
    assert_true(file >= 0);
    assert_int_equal(write(file, text, strlen(text)), strlen(text));
    close(file);
    return path;
}

static void replace_file(const char *path, const char *text) {
    char *other = write_file(text);
    assert_int_equal(rename(other, path), 0);
    free(other);
}

static void open_with_key_file(fixture *f, const char *path) {
    *f = (fixture){.server = test_server_start()};
    assert_int_equal(tecton_delivery_engine_new(&f->engine, NULL), BEAMC_OK);
    f->dofn = tecton_sink_dofn(f->engine);
    f->metrics = fake_metrics_new();
    char *payload = beamc_format("{\"api_key\":\"file:%s\",\"workspace_name\":\"prod\",\"stream_source_name\":\"s\","
                                 "\"endpoint_url\":\"%s\"}",
                                 path, test_server_url(f->server));
    assert_int_equal(make_instance(f, payload, NULL), BEAMC_OK);
    free(payload);
    f->bundle = fake_bundle_new(NUM_EMITTED_FIELDS);
    f->bundle->input_waiting = true;
    assert_int_equal(f->dofn.start_bundle(f->instance, f->bundle, NULL), BEAMC_OK);
}

static void a_key_that_was_replaced_is_read_again_on_401_and_nothing_fails(void **state) {
    (void)state;
    char *path = write_file("old-key");
    fixture f;
    open_with_key_file(&f, path);
    write_rows(&f, 10);
    finish(&f);
    replace_file(path, "new-key");
    test_server_refuse(f.server, "old-key", 401, "{\"message\":\"revoked\"}");
    write_rows(&f, 35);
    finish(&f);
    assert_int_equal(fake_counter(f.metrics, NAMED("records_written")), 45);
    assert_true(fake_counter(f.metrics, NAMED("write_errors")) >= 1);
    const test_request *last = test_server_request(f.server, test_server_num_requests(f.server) - 1);
    assert_contains(last->head, "Tecton-key new-key");
    close_fixture(&f);
    (void)unlink(path);
    free(path);
}

static void a_key_that_is_still_refused_after_it_was_read_again_fails(void **state) {
    (void)state;
    char *path = write_file("old-key");
    fixture f;
    open_with_key_file(&f, path);
    test_server_refuse(f.server, "-key", 401, "{\"message\":\"revoked\"}");
    write_rows(&f, 1);
    beamc_error err = {{0}};
    assert_int_equal(fake_run_finish(&f.dofn, f.instance, f.bundle, NULL, &err), BEAMC_INVALID);
    assert_contains(err.text, "HTTP 401");
    assert_int_equal(test_server_num_requests(f.server), 1); /* the same key is not tried again */
    f.dofn.end_bundle(f.instance);
    replace_file(path, "other-key");
    assert_int_equal(f.dofn.start_bundle(f.instance, f.bundle, NULL), BEAMC_OK);
    write_rows(&f, 1);
    assert_int_equal(fake_run_finish(&f.dofn, f.instance, f.bundle, NULL, &err), BEAMC_INVALID);
    assert_int_equal(test_server_num_requests(f.server), 2); /* another key is, once */
    close_fixture(&f);
    (void)unlink(path);
    free(path);
}

static void a_fatal_answer_is_remembered_for_later_bundles(void **state) {
    (void)state;
    fixture f;
    open_fixture(&f, "");
    test_step steps[] = {{.status = 403}};
    test_server_script(f.server, steps, 1);
    for (int i = 0; i < 3; i++) {
        write_rows(&f, 1);
        beamc_error err = {{0}};
        assert_int_equal(fake_run_finish(&f.dofn, f.instance, f.bundle, NULL, &err), BEAMC_INVALID);
        assert_contains(err.text, "HTTP 403");
        f.dofn.end_bundle(f.instance);
        assert_int_equal(f.dofn.start_bundle(f.instance, f.bundle, NULL), BEAMC_OK);
    }
    assert_int_equal(test_server_num_requests(f.server), 1);
    close_fixture(&f);
}

static void a_source_that_is_not_found_yet_is_waited_for(void **state) {
    (void)state;
    fixture f;
    open_fixture(&f, ",\"startup_grace_seconds\":60");
    test_step steps[] = {{.status = 404, .times = 2}};
    test_server_script(f.server, steps, 1);
    write_rows(&f, 3);
    finish(&f);
    assert_int_equal(fake_counter(f.metrics, NAMED("records_written")), 3);
    assert_int_equal(test_server_num_requests(f.server), 3);
    close_fixture(&f);
}

static void the_preflight_is_a_dry_run_of_the_first_row_once(void **state) {
    (void)state;
    fixture f;
    open_fixture(&f, ",\"preflight\":\"full\"");
    write_rows(&f, 12);
    finish(&f);
    assert_int_equal(test_server_num_requests(f.server), 3);
    assert_contains(test_server_request(f.server, 0)->body, "\"dry_run\":true");
    assert_contains(test_server_request(f.server, 0)->body, "\"u0\"");
    assert_lacks(test_server_request(f.server, 0)->body, "\"u1\"");
    assert_contains(test_server_request(f.server, 1)->body, "\"dry_run\":false");
    assert_int_equal(fake_counter(f.metrics, NAMED("records_written")), 12);
    f.dofn.end_bundle(f.instance);
    assert_int_equal(f.dofn.start_bundle(f.instance, f.bundle, NULL), BEAMC_OK);
    write_rows(&f, 1);
    finish(&f);
    assert_int_equal(test_server_num_requests(f.server), 4);
    close_fixture(&f);
}

static void a_preflight_passes_with_a_bad_record_and_fails_with_a_wrong_setting(void **state) {
    (void)state;
    fixture f;
    open_fixture(&f, ",\"preflight\":\"full\"");
    test_step bad_record[] = {{.status = 400, .body = RECORD_ERROR}};
    test_server_script(f.server, bad_record, 1);
    write_rows(&f, 2);
    finish(&f);
    assert_int_equal(fake_counter(f.metrics, NAMED("records_written")), 2);
    close_fixture(&f);
    open_fixture(&f, ",\"preflight\":\"full\"");
    test_step wrong[] = {{.status = 400, .body = REQUEST_ERROR, .times = 9}};
    test_server_script(f.server, wrong, 1);
    beamc_error err = {{0}};
    assert_int_equal(write_row(&f, "u", null_value(), NULL, &err), BEAMC_INVALID);
    assert_contains(err.text, "preflight");
    assert_contains(err.text, "no such column");
    assert_contains(err.text, "real write");
    close_fixture(&f);
}

static void rows_with_equal_keys_and_time_are_counted(void **state) {
    (void)state;
    fixture f;
    open_fixture(&f, ",\"key_fields\":\"user_id\",\"timestamp_from_element\":\"at\"");
    write_rows(&f, 3);
    write_rows(&f, 2); /* the same users at the same time */
    finish(&f);
    assert_int_equal(fake_counter(f.metrics, NAMED("records_overwritten")), 2);
    assert_int_equal(fake_counter(f.metrics, NAMED("records_written")), 5);
    assert_contains(test_server_request(f.server, 0)->body, "\"amount\":0.5,\"at\":\"1970-01-01T00:00:01.000Z\"}");
    close_fixture(&f);
}

static void a_count_of_the_services_that_is_not_ours_is_counted(void **state) {
    (void)state;
    fixture f;
    open_fixture(&f, "");
    static const char counts[] = "{\"ingestMetrics\":{\"featureViewIngestMetrics\":[{\"featureViewName\":\"v\","
                                 "\"onlineRecordIngestCount\":\"9\"}]}}";
    test_step steps[] = {{.status = 200, .body = counts, .times = 2}};
    test_server_script(f.server, steps, 1);
    write_rows(&f, 19); /* ten, where the service says nine, and nine */
    finish(&f);
    assert_int_equal(fake_counter(f.metrics, NAMED("count_differences")), 1);
    assert_int_equal(fake_counter(f.metrics, NAMED("records_written")), 19);
    close_fixture(&f);
}

static void throttling_is_told_to_the_runner(void **state) {
    (void)state;
    fixture f;
    open_fixture(&f, ",\"max_retry_seconds\":60");
    test_step steps[] = {{.status = 429, .headers = "Retry-After: 1\r\n"}};
    test_server_script(f.server, steps, 1);
    write_rows(&f, 3);
    finish(&f);
    int64_t throttled_ms = fake_counter(f.metrics, "beam-throttling-metrics:throttling-msecs");
    assert_true(throttled_ms >= 1000 && throttled_ms < 5000);
    assert_int_equal(fake_counter(f.metrics, NAMED("requests_throttled")), 1);
    assert_int_equal(fake_counter(f.metrics, NAMED("request_retries")), 1);
    close_fixture(&f);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_bundle_of_25_rows_is_three_requests),
        cmocka_unit_test(the_request_is_what_tecton_documents),
        cmocka_unit_test(a_503_is_sent_again_with_the_same_bytes),
        cmocka_unit_test(a_400_fails_the_bundle_with_the_servers_words),
        cmocka_unit_test(a_refused_row_fails_with_its_fields_path),
        cmocka_unit_test(a_batch_leaves_after_linger_while_no_input_waits),
        cmocka_unit_test(rows_that_come_before_linger_join_the_parked_batch),
        cmocka_unit_test(a_row_trace_tells_when_rows_came_and_were_acknowledged),
        cmocka_unit_test(process_waits_when_the_engine_is_full_and_is_woken),
        cmocka_unit_test(a_bundle_that_ends_early_cancels_and_does_not_wait),
        cmocka_unit_test(a_second_bundle_uses_the_same_connections),
        cmocka_unit_test(each_failure_names_the_setting_at_fault),
        cmocka_unit_test(a_failure_ends_the_bundle_at_the_next_row),
        cmocka_unit_test(a_row_past_the_byte_limit_is_refused),
        cmocka_unit_test(long_rows_close_a_batch_by_bytes),
        cmocka_unit_test(each_window_of_a_request_has_its_row_at_its_latest_time),
        cmocka_unit_test(an_empty_bundle_sends_nothing),
        cmocka_unit_test(a_dry_run_asks_for_one_and_counts_no_records),
        cmocka_unit_test(linger_zero_waits_for_the_bundles_end),
        cmocka_unit_test(rows_that_come_while_the_engine_takes_the_batch_are_all_sent_once),
        cmocka_unit_test(a_failed_bundle_leaves_nothing_for_the_next),
        cmocka_unit_test(a_payload_from_another_version_is_refused),
        cmocka_unit_test(an_unset_key_variable_fails_setup_with_its_name),
        cmocka_unit_test(one_bad_row_in_ten_is_found_and_the_others_are_stored),
        cmocka_unit_test(rows_that_cannot_be_sent_are_failed_rows_too),
        cmocka_unit_test(a_body_that_is_too_large_is_halved),
        cmocka_unit_test(a_request_error_before_anything_was_accepted_stops_the_bundle),
        cmocka_unit_test(a_request_error_later_ends_at_the_record),
        cmocka_unit_test(rows_whose_retries_ran_out_are_failed_rows_when_asked_for),
        cmocka_unit_test(settings_at_fault_are_never_failed_rows),
        cmocka_unit_test(too_large_a_share_of_refused_rows_fails_the_bundle),
        cmocka_unit_test(a_key_that_was_replaced_is_read_again_on_401_and_nothing_fails),
        cmocka_unit_test(a_key_that_is_still_refused_after_it_was_read_again_fails),
        cmocka_unit_test(a_fatal_answer_is_remembered_for_later_bundles),
        cmocka_unit_test(a_source_that_is_not_found_yet_is_waited_for),
        cmocka_unit_test(the_preflight_is_a_dry_run_of_the_first_row_once),
        cmocka_unit_test(a_preflight_passes_with_a_bad_record_and_fails_with_a_wrong_setting),
        cmocka_unit_test(rows_with_equal_keys_and_time_are_counted),
        cmocka_unit_test(a_count_of_the_services_that_is_not_ours_is_counted),
        cmocka_unit_test(throttling_is_told_to_the_runner),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
