/* What a harness may leave out and we do not. */
#include "sdk_harness/base/alloc.h"
#include "tests/fakes/scenario.h"
#include "tests/fakes/wire_message.h"

#include <stdlib.h>

/* ---- splits ---- */

static void start_gated(fake_runner *runner, const char *rest) {
    char *script = beamc_format("emit=output;gate=%s;%s", fake_gate(runner), rest);
    fake_offer_step(runner, "d1", script);
    free(script);
    fake_start_worker(runner);
}

static int64_t progress_counter(fake_runner *runner, const char *id, const char *bundle_id, const char *name,
                                const char *label) {
    fake_progress(runner, id, bundle_id);
    const Beam__ProcessBundleProgressResponse *progress =
        fake_await_response_of(runner, id, BEAM__INSTRUCTION_RESPONSE__RESPONSE_PROCESS_BUNDLE_PROGRESS)
            ->process_bundle_progress;
    const Beam__ProcessBundleResponse as_bundle = {.n_monitoring_infos = progress->n_monitoring_infos,
                                                   .monitoring_infos = progress->monitoring_infos};
    return fake_counter(&as_bundle, name, label);
}

/* Waits until the bundle has come to element `index`. */
static void await_read_index(fake_runner *runner, const char *bundle_id, int64_t index) {
    for (int i = 0; i < 3000; i++) {
        char id[32];
        snprintf(id, sizeof id, "p-%s-%lld-%d", bundle_id, (long long)index, i);
        if (progress_counter(runner, id, bundle_id, "beam:metric:data_channel:read_index:v1", "source") == index)
            return;
        fake_pause(2);
    }
    fake_runner_fail(runner, "bundle %s does not come to element %lld", bundle_id, (long long)index);
}

/* Waits until the step of the bundle has taken `count` rows. */
static void await_rows(fake_runner *runner, const char *bundle_id, int64_t count) {
    for (int i = 0; i < 3000; i++) {
        char id[32];
        snprintf(id, sizeof id, "r-%s-%d", bundle_id, i);
        if (progress_counter(runner, id, bundle_id, "rows", NULL) == count)
            return;
        fake_pause(2);
    }
    fake_runner_fail(runner, "bundle %s does not take %lld rows", bundle_id, (long long)count);
}

/* Half of the remainder of ten elements; first_residual -1: it must not split. */
static void check_split(fake_runner *runner, const char *id, const char *bundle_id, int64_t first_residual) {
    fake_split(runner, id, bundle_id);
    const Beam__ProcessBundleSplitResponse *split =
        fake_await_response_of(runner, id, BEAM__INSTRUCTION_RESPONSE__RESPONSE_PROCESS_BUNDLE_SPLIT)
            ->process_bundle_split;
    fake_check(runner, split->n_primary_roots == 0 && split->n_residual_roots == 0);
    fake_check(runner, split->n_channel_splits == (first_residual < 0 ? 0 : 1));
    if (first_residual < 0)
        return;
    fake_check(runner, strcmp(split->channel_splits[0]->transform_id, "source") == 0);
    fake_check(runner, split->channel_splits[0]->first_residual_element == first_residual);
    fake_check(runner, split->channel_splits[0]->last_primary_element == first_residual - 1);
}

static void a_split_while_a_dofn_waits_gives_the_end_of_the_input_back(fake_runner *runner) {
    start_gated(runner, "at=4");
    fake_run_bundle(runner, "b1", "d1", 1, 10);
    await_read_index(runner, "b1", 3);
    check_split(runner, "s1", "b1", 7);
    check_split(runner, "s2", "b1", 5); /* of what the first one left */
    check_split(runner, "s3", "b1", 4);
    check_split(runner, "s4", "b1", -1); /* nothing is left but the element that waits */
    fake_open_gate(runner);
    const Beam__ProcessBundleResponse *response = fake_await_success(runner, "b1");
    fake_check(runner, fake_counter(response, "rows", NULL) == 4);
    fake_check(runner, fake_counter(response, "beam:metric:data_channel:read_index:v1", "source") == 4);
    fake_check(runner, fake_counter(response, "beam:metric:element_count:v1", "in") == 4);
    fake_check_rows(runner, "b1", "sink", 1, 4, 1);
    check_split(runner, "s5", "b1", -1); /* it has ended */
}

static void input_past_a_split_is_dropped_also_when_it_comes_later(fake_runner *runner) {
    start_gated(runner, "at=4");
    fake_process_bundle(runner, "b1", "d1");
    fake_send_rows(runner, "b1", 1, 4);
    await_read_index(runner, "b1", 3);
    check_split(runner, "s1", "b1", 7);
    fake_open_gate(runner);
    fake_send_rows(runner, "b1", 5, 2);
    fake_send_rows(runner, "b1", 7, 3); /* row 7 is element 6, the last one that is ours */
    fake_pause(50);
    fake_check(runner, !fake_has_response(runner, "b1"));
    fake_send_rows(runner, "b1", 10, 100);
    fake_send_end(runner, "b1");
    fake_check(runner, fake_counter(fake_await_success(runner, "b1"), "rows", NULL) == 7);
    fake_check_rows(runner, "b1", "sink", 1, 7, 1);
}

static void the_next_bundle_of_a_plan_that_was_split_is_whole(fake_runner *runner) {
    start_gated(runner, "at=4");
    fake_run_bundle(runner, "b1", "d1", 1, 10);
    await_read_index(runner, "b1", 3);
    check_split(runner, "s1", "b1", 7);
    fake_open_gate(runner);
    (void)fake_await_success(runner, "b1");
    fake_run_bundle(runner, "b2", "d1", 1, 10);
    (void)fake_await_success(runner, "b2");
    fake_check_rows(runner, "b2", "sink", 1, 10, 1);
}

static void a_late_split_of_an_earlier_bundle_does_not_touch_the_one_that_runs(fake_runner *runner) {
    start_gated(runner, "at=4");
    fake_run_bundle(runner, "b1", "d1", 1, 3); /* does not come to the gate */
    (void)fake_await_success(runner, "b1");
    fake_run_bundle(runner, "b2", "d1", 1, 10);
    await_read_index(runner, "b2", 3);
    check_split(runner, "s1", "b1", -1);
    fake_open_gate(runner);
    (void)fake_await_success(runner, "b2");
    fake_check_rows(runner, "b2", "sink", 1, 10, 1);
}

static void a_split_while_a_dofn_holds_its_thread_works_too(fake_runner *runner) {
    fake_offer_step(runner, "d1", "emit=output;at=4;sleep_ms=1000");
    fake_start_worker(runner);
    fake_run_bundle(runner, "b1", "d1", 1, 10);
    await_read_index(runner, "b1", 3);
    check_split(runner, "s1", "b1", 7);
    fake_check(runner, SCENARIO_SANITIZED || fake_response_ms(runner, "s1") < 50);
    (void)fake_await_success(runner, "b1");
    fake_check_rows(runner, "b1", "sink", 1, 7, 1);
}

/* The estimate of ten is long past, so each split asks for the place right behind the reader. */
static void what_comes_out_of_a_bundle_that_is_split_while_it_runs_ends_at_the_split(fake_runner *runner) {
    enum { NUM_BUNDLES = 30, NUM_ROWS = 4000 };
    fake_offer_step(runner, "d1", "emit=output");
    fake_start_worker(runner);
    size_t num_split = 0;
    for (int i = 0; i < NUM_BUNDLES; i++) {
        char id[16];
        char split_id[16];
        snprintf(id, sizeof id, "b%d", i);
        snprintf(split_id, sizeof split_id, "s%d", i);
        fake_process_bundle(runner, id, "d1");
        fake_send_rows(runner, id, 1, NUM_ROWS / 2);
        fake_split(runner, split_id, id);
        fake_send_rows(runner, id, 1 + NUM_ROWS / 2, NUM_ROWS / 2);
        fake_send_end(runner, id);
        const Beam__ProcessBundleSplitResponse *split =
            fake_await_response_of(runner, split_id, BEAM__INSTRUCTION_RESPONSE__RESPONSE_PROCESS_BUNDLE_SPLIT)
                ->process_bundle_split;
        size_t count = NUM_ROWS;
        if (split->n_channel_splits == 1 && split->channel_splits[0]->first_residual_element < NUM_ROWS)
            count = (size_t)split->channel_splits[0]->first_residual_element;
        num_split += split->n_channel_splits;
        (void)fake_await_success(runner, id);
        fake_check_rows(runner, id, "sink", 1, count, 1);
    }
    fake_check(runner, num_split > 0);
}

static void before_its_first_element_the_read_index_is_minus_one(fake_runner *runner) {
    fake_offer_step(runner, "d1", "emit=output");
    fake_start_worker(runner);
    fake_process_bundle(runner, "b1", "d1");
    await_read_index(runner, "b1", -1);
    check_split(runner, "s1", "b1", 5);
    fake_send_rows(runner, "b1", 1, 10);
    fake_send_end(runner, "b1");
    (void)fake_await_success(runner, "b1");
    fake_check_rows(runner, "b1", "sink", 1, 5, 1);
}

/* ---- several addresses for data ---- */

/* `source` and `source2`, each with an address of its own, flow into one step. */
static void offer_two_addresses(fake_runner *runner, const char *script) {
    fake_pipeline pipeline;
    fake_pipeline_init(&pipeline, "d1");
    fake_pipeline_pcollection(&pipeline, "in", "row_lp");
    fake_pipeline_pcollection(&pipeline, "in2", "row_lp");
    fake_pipeline_pcollection(&pipeline, "all", "row_lp");
    fake_pipeline_pcollection(&pipeline, "out", "row_lp");
    fake_pipeline_source(&pipeline, "source", fake_data_url(runner), "row_lp/global", "in");
    fake_pipeline_source(&pipeline, "source2", fake_second_data_url(runner), "row_lp/global", "in2");
    fake_pipeline_transform(&pipeline, "flatten", "beam:transform:flatten:v1", "", 0, "a=in,b=in2", "all=all");
    fake_pipeline_pardo(&pipeline, "step", FAKE_SCRIPTED_DOFN, script, "in=all", "output=out");
    fake_pipeline_sink(&pipeline, "sink", fake_data_url(runner), "row_lp/global", "out");
    fake_offer(runner, &pipeline);
}

static void send_to(fake_runner *runner, const char *url, const char *node, int64_t first_id, size_t count, bool last) {
    beamc_byte_buffer message;
    wire_init(&message);
    if (count > 0)
        fake_add_rows(runner, &message, "b1", node, first_id, count);
    if (last)
        fake_add_data(&message, "b1", node, NULL, 0, true);
    fake_send_to(runner, url, &message);
}

static void each_source_may_read_an_address_of_its_own(fake_runner *runner) {
    offer_two_addresses(runner, "emit=output");
    fake_start_worker(runner);
    fake_process_bundle(runner, "b1", "d1");
    fake_await_streams(runner, FAKE_DATA, 2);
    send_to(runner, fake_second_data_url(runner), "source2", 100, 5, true);
    send_to(runner, fake_data_url(runner), "source", 1, 5, false);
    check_split(runner, "s1", "b1", -1); /* not with two sources */
    send_to(runner, fake_data_url(runner), "source", 6, 5, true);
    fake_check(runner, fake_counter(fake_await_success(runner, "b1"), "rows", NULL) == 15);
}

static void a_stream_that_ends_fails_only_bundles_that_expect_input_from_it(fake_runner *runner) {
    char *script = beamc_format("emit=output;finish_gate=%s", fake_gate(runner));
    offer_two_addresses(runner, script);
    fake_offer_step(runner, "other", "emit=output");
    fake_start_worker(runner);
    fake_process_bundle(runner, "b1", "d1");
    fake_await_streams(runner, FAKE_DATA, 2);
    fake_process_bundle(runner, "b2", "other");
    send_to(runner, fake_second_data_url(runner), "source2", 100, 5, true);
    send_to(runner, fake_data_url(runner), "source", 1, 5, false);
    await_rows(runner, "b1", 10);
    fake_break_data_at(runner, fake_second_data_url(runner));
    fake_pause(100);
    fake_check(runner, !fake_has_response(runner, "b1") && !fake_has_response(runner, "b2"));
    send_to(runner, fake_data_url(runner), "source", 6, 5, true);
    fake_open_gate(runner);
    fake_check(runner, fake_counter(fake_await_success(runner, "b1"), "rows", NULL) == 15);
    free(script);
    beamc_byte_buffer message;
    wire_init(&message);
    fake_add_rows(runner, &message, "b2", "source", 1, 3);
    fake_add_data(&message, "b2", "source", NULL, 0, true);
    fake_send_to(runner, fake_data_url(runner), &message);
    (void)fake_await_success(runner, "b2");
}

static void a_stream_that_ends_too_early_fails_the_bundle_with_its_address(fake_runner *runner) {
    offer_two_addresses(runner, "emit=output");
    fake_start_worker(runner);
    fake_process_bundle(runner, "b1", "d1");
    fake_await_streams(runner, FAKE_DATA, 2);
    send_to(runner, fake_data_url(runner), "source", 1, 5, true);
    send_to(runner, fake_second_data_url(runner), "source2", 100, 5, false);
    await_rows(runner, "b1", 10);
    fake_break_data_at(runner, fake_second_data_url(runner));
    fake_await_error(runner, "b1", fake_second_data_url(runner));
}

/* ---- elements in requests and responses ---- */

#define EMBEDS_OUTPUT "beam:protocol:control_response_elements_embedding:v1"

static void input_may_stand_in_the_request(fake_runner *runner) {
    fake_offer_step(runner, "d1", "emit=output");
    fake_start_worker(runner);
    for (int i = 0; i < 3; i++) {
        char id[16];
        snprintf(id, sizeof id, "b%d", i);
        beamc_byte_buffer elements;
        wire_init(&elements);
        fake_add_rows(runner, &elements, i == 1 ? "" : id, "source", 1, 5); /* which bundle is clear without a name */
        fake_add_rows(runner, &elements, i == 1 ? "" : id, "source", 6, 5);
        fake_add_data(&elements, i == 1 ? "" : id, "source", NULL, 0, true);
        fake_process_bundle_with(runner, id, "d1", &elements);
        (void)fake_await_success(runner, id);
        fake_check_rows(runner, id, "sink", 1, 10, 1);
    }
}

static void input_in_the_request_without_an_end_mark_fails_the_bundle(fake_runner *runner) {
    fake_offer_step(runner, "d1", "emit=output");
    fake_start_worker(runner);
    beamc_byte_buffer elements;
    wire_init(&elements);
    fake_add_rows(runner, &elements, "b1", "source", 1, 5);
    fake_process_bundle_with(runner, "b1", "d1", &elements);
    fake_await_error(runner, "b1", "embedded in the request");
}

/* All parts of the response, as bytes for one node; checks that each output has one end mark that stands alone. */
static void check_embedded(fake_runner *runner, const Beam__ProcessBundleResponse *response, const char *node,
                           size_t count) {
    size_t num_last = 0;
    size_t num_rows = 0;
    fake_check(runner, response->elements != NULL);
    for (size_t i = 0; i < response->elements->n_data; i++) {
        const Beam__Elements__Data *data = response->elements->data[i];
        if (strcmp(data->transform_id, node) != 0)
            continue;
        fake_check(runner, num_last == 0 && (!data->is_last || data->data.len == 0));
        num_last += data->is_last ? 1 : 0;
        const uint8_t *at = data->data.data;
        const uint8_t *end = at + data->data.len;
        element_row row;
        while (data->data.len > 0 && at < end) {
            fake_check(runner, element_bytes_read(&at, end, fake_shape(runner), &row));
            fake_check(runner, row.id == (int64_t)++num_rows);
        }
    }
    fake_check(runner, num_last == 1 && num_rows == count);
}

static void small_output_stands_in_the_response_if_the_runner_can_read_it(fake_runner *runner) {
    fake_provision_capability(runner, EMBEDS_OUTPUT);
    fake_offer_step(runner, "d1", "emit=output");
    fake_start_worker(runner);
    fake_run_bundle(runner, "b1", "d1", 1, 10);
    check_embedded(runner, fake_await_success(runner, "b1"), "sink", 10);
    fake_run_bundle(runner, "b2", "d1", 1, 0);
    check_embedded(runner, fake_await_success(runner, "b2"), "sink", 0);
    fake_pause(50);
    fake_check(runner, !fake_has_output(runner, "b1", "sink") && !fake_has_output(runner, "b2", "sink"));
}

static void all_outputs_stand_in_the_response_or_none(fake_runner *runner) {
    fake_provision_capability(runner, EMBEDS_OUTPUT);
    fake_offer_step(runner, "big", "emit=output");
    fake_offer_step(runner, "bigger", "emit=output;copies=20");
    fake_pipeline pipeline;
    fake_pipeline_init(&pipeline, "two");
    fake_pipeline_pcollection(&pipeline, "in", "row_lp");
    fake_pipeline_source(&pipeline, "source", fake_data_url(runner), "row_lp/global", "in");
    fake_pipeline_pardo(&pipeline, "all", FAKE_SCRIPTED_DOFN, "emit=output", "in=in", "output=many");
    fake_pipeline_pcollection(&pipeline, "many", "row_lp");
    fake_pipeline_sink(&pipeline, "sink", fake_data_url(runner), "row_lp/global", "many");
    fake_pipeline_pardo(&pipeline, "none", FAKE_SCRIPTED_DOFN, "", "in=in", "output=few");
    fake_pipeline_pcollection(&pipeline, "few", "row_lp");
    fake_pipeline_sink(&pipeline, "sink2", fake_data_url(runner), "row_lp/global", "few");
    fake_offer(runner, &pipeline);
    fake_start_worker(runner);
    fake_run_bundle(runner, "b1", "two", 1, 10);
    const Beam__ProcessBundleResponse *response = fake_await_success(runner, "b1");
    check_embedded(runner, response, "sink", 10);
    check_embedded(runner, response, "sink2", 0);
    fake_run_bundle(runner, "b2", "two", 1, 5000); /* one output has more than 64 KiB, the other nothing */
    fake_check(runner, fake_await_success(runner, "b2")->elements == NULL);
    fake_check_rows(runner, "b2", "sink", 1, 5000, 1);
    fake_check_rows(runner, "b2", "sink2", 1, 0, 1);
    fake_run_bundle(runner, "b3", "bigger", 1, 5000); /* leaves in several messages */
    fake_check(runner, fake_await_success(runner, "b3")->elements == NULL);
    fake_check_rows(runner, "b3", "sink", 1, 5000, 20);
}

/* ---- finalization ---- */

static void await_printed(fake_runner *runner, const char *text) {
    for (int i = 0; i < 500 && !fake_worker_prints(runner, text); i++)
        fake_pause(10);
    fake_check(runner, fake_worker_prints(runner, text));
}

static void finalize(fake_runner *runner, const char *id, const char *bundle_id) {
    fake_finalize(runner, id, bundle_id);
    (void)fake_await_response_of(runner, id, BEAM__INSTRUCTION_RESPONSE__RESPONSE_FINALIZE_BUNDLE);
}

static void a_finalized_bundle_calls_its_dofn_back_once(fake_runner *runner) {
    fake_offer_step(runner, "d1", "finalize=first");
    fake_offer_step(runner, "d2", "finalize=second");
    fake_offer_step(runner, "d3", "emit=output");
    fake_start_worker(runner);
    fake_run_bundle(runner, "b1", "d1", 1, 3);
    fake_check(runner, fake_await_success(runner, "b1")->requires_finalization);
    fake_run_bundle(runner, "b2", "d2", 1, 3);
    fake_check(runner, fake_await_success(runner, "b2")->requires_finalization);
    fake_run_bundle(runner, "b3", "d3", 1, 3);
    fake_check(runner, !fake_await_success(runner, "b3")->requires_finalization);
    finalize(runner, "f1", "b1");
    fake_check(runner, fake_worker_prints(runner, "first finalized"));
    fake_check(runner, !fake_worker_prints(runner, "second"));
    finalize(runner, "f2", "b1"); /* again: nothing is left to do */
    finalize(runner, "f3", "b3");
    finalize(runner, "f4", "no such bundle");
    fake_check(runner, !fake_worker_prints(runner, "dropped"));
}

static void what_is_never_finalized_is_told_so(fake_runner *runner) {
    fake_offer_step(runner, "d1", "finalize=one");
    fake_offer_step(runner, "d2", "finalize=two;finish_error=no");
    fake_start_worker(runner);
    fake_run_bundle(runner, "b1", "d1", 1, 3);
    (void)fake_await_success(runner, "b1");
    fake_run_bundle(runner, "b2", "d2", 1, 3);
    fake_await_error(runner, "b2", "no");
    await_printed(runner, "two dropped"); /* the bundle failed */
    fake_check(runner, !fake_worker_prints(runner, "one dropped"));
    fake_close_streams(runner, FAKE_CONTROL);
    fake_await_exit(runner, 0, FAKE_WAIT_MS);
    fake_check(runner, fake_worker_prints(runner, "one dropped")); /* the worker ended */
}

/* ---- status ---- */

static void a_runner_that_asks_gets_a_page_of_what_the_worker_does(fake_runner *runner) {
    fake_provision_with_status(runner);
    start_gated(runner, "at=4");
    char *idle = fake_ask_status(runner, "q1");
    fake_check(runner, strstr(idle, "Worker " FAKE_WORKER_ID ", version 1, ") != NULL);
    fake_check(runner, strstr(idle, "Active bundles: 0") != NULL);
    free(idle);
    fake_run_bundle(runner, "b1", "d1", 1, 10);
    await_read_index(runner, "b1", 3);
    char *busy = fake_ask_status(runner, "q2");
    fake_check(runner, strstr(busy, "Active bundles: 1\n  b1 of stage d1: PROCESSING, ") != NULL);
    fake_check(runner, strstr(busy, "of 64.0 MiB") != NULL && strstr(busy, "MiB resident") != NULL);
    free(busy);
    fake_open_gate(runner);
    (void)fake_await_success(runner, "b1");
}

/* ---- logging ---- */

static void fail_a_bundle(fake_runner *runner, const char *id) {
    fake_run_bundle(runner, id, "fails", 1, 1); /* which is logged */
    fake_await_error(runner, id, "on purpose");
}

static void a_log_stream_that_broke_is_opened_again_and_lines_go_to_stderr_meanwhile(fake_runner *runner) {
    fake_offer_step(runner, "fails", "error=on purpose");
    fake_start_worker(runner);
    fail_a_bundle(runner, "b1");
    fake_await_streams(runner, FAKE_LOGGING, 1);
    fake_break_streams(runner, FAKE_LOGGING);
    await_printed(runner, "the log stream broke"); /* b1's line may be there too: its sending may be unconfirmed */
    fail_a_bundle(runner, "b2");
    await_printed(runner, "bundle b2 failed");
    fake_check(runner, fake_num_streams(runner, FAKE_LOGGING) == 1);
    fake_pause(5100);
    fail_a_bundle(runner, "b3");
    fake_await_streams(runner, FAKE_LOGGING, 2);
    fail_a_bundle(runner, "b4");
    (void)fake_await_log(runner, 6, "bundle b3 failed");
    (void)fake_await_log(runner, 6, "bundle b4 failed");
    fake_check(runner, !fake_worker_prints(runner, "bundle b3 failed") && !fake_worker_prints(runner, "bundle b4"));
    fake_check(runner, fake_num_streams(runner, FAKE_LOGGING) == 2);
}

static void a_log_stream_that_the_runner_ended_stays_ended(fake_runner *runner) {
    fake_offer_step(runner, "fails", "error=on purpose");
    fake_start_worker(runner);
    fake_await_streams(runner, FAKE_LOGGING, 1);
    fake_close_streams(runner, FAKE_LOGGING);
    fake_pause(5200);
    fail_a_bundle(runner, "b1");
    await_printed(runner, "bundle b1 failed");
    fake_check(runner, fake_num_streams(runner, FAKE_LOGGING) == 1);
    fake_check(runner, !fake_worker_prints(runner, "the log stream broke"));
}

/* ---- where the time goes ---- */

#define PROCESS_MSECS "beam:metric:pardo_execution_time:process_bundle_msecs:v1"
#define FINISH_MSECS  "beam:metric:pardo_execution_time:finish_bundle_msecs:v1"
#define TOTAL_MSECS   "beam:metric:ptransform_execution_time:total_msecs:v1"

static void check_about(fake_runner *runner, int64_t got_ms, int64_t is_ms) {
    if (got_ms < is_ms - 250 || (got_ms > is_ms + 250 && !SCENARIO_SANITIZED))
        fake_runner_fail(runner, "%lld ms of about %lld", (long long)got_ms, (long long)is_ms);
}

static void the_time_that_a_dofn_holds_its_thread_is_its_own(fake_runner *runner) {
    fake_offer_step(runner, "d1", "emit=output;at=1;sleep_ms=1000");
    fake_start_worker(runner);
    fake_run_bundle(runner, "b1", "d1", 1, 3);
    const Beam__ProcessBundleResponse *response = fake_await_success(runner, "b1");
    check_about(runner, fake_counter(response, PROCESS_MSECS, "step"), 1000);
    check_about(runner, fake_counter(response, TOTAL_MSECS, "step"), 1000);
    fake_check(runner, fake_counter(response, FINISH_MSECS, "step") == INT64_MIN);
    fake_run_bundle(runner, "b2", "d1", 1, 0); /* the next one starts from nothing */
    fake_check(runner, fake_counter(fake_await_success(runner, "b2"), PROCESS_MSECS, "step") == INT64_MIN);
}

static void the_time_that_a_dofn_waits_without_a_thread_is_its_own_too(fake_runner *runner) {
    fake_offer_step(runner, "d1", "emit=output;finish_again=1;again_ms=1000");
    fake_start_worker(runner);
    fake_process_bundle(runner, "b1", "d1");
    await_read_index(runner, "b1", -1);
    fake_pause(500); /* waiting for input is nobody's time */
    fake_send_rows(runner, "b1", 1, 3);
    fake_send_end(runner, "b1");
    const Beam__ProcessBundleResponse *response = fake_await_success(runner, "b1");
    check_about(runner, fake_counter(response, FINISH_MSECS, "step"), 1000);
    check_about(runner, fake_counter(response, TOTAL_MSECS, "step"), 1000);
    fake_check(runner, fake_counter(response, TOTAL_MSECS, "source") < 100);
}

int main(int argc, char **argv) {
    const struct CMUnitTest tests[] = {
        SCENARIO(a_split_while_a_dofn_waits_gives_the_end_of_the_input_back),
        SCENARIO(input_past_a_split_is_dropped_also_when_it_comes_later),
        SCENARIO(the_next_bundle_of_a_plan_that_was_split_is_whole),
        SCENARIO(a_late_split_of_an_earlier_bundle_does_not_touch_the_one_that_runs),
        SCENARIO(a_split_while_a_dofn_holds_its_thread_works_too),
        SCENARIO(what_comes_out_of_a_bundle_that_is_split_while_it_runs_ends_at_the_split),
        SCENARIO(before_its_first_element_the_read_index_is_minus_one),
        SCENARIO(input_may_stand_in_the_request),
        SCENARIO(input_in_the_request_without_an_end_mark_fails_the_bundle),
        SCENARIO(small_output_stands_in_the_response_if_the_runner_can_read_it),
        SCENARIO(all_outputs_stand_in_the_response_or_none),
        SCENARIO(a_finalized_bundle_calls_its_dofn_back_once),
        SCENARIO(what_is_never_finalized_is_told_so),
        SCENARIO(a_runner_that_asks_gets_a_page_of_what_the_worker_does),
        SCENARIO(a_log_stream_that_broke_is_opened_again_and_lines_go_to_stderr_meanwhile),
        SCENARIO(a_log_stream_that_the_runner_ended_stays_ended),
        SCENARIO(the_time_that_a_dofn_holds_its_thread_is_its_own),
        SCENARIO(the_time_that_a_dofn_waits_without_a_thread_is_its_own_too),
        SCENARIO(each_source_may_read_an_address_of_its_own),
        SCENARIO(a_stream_that_ends_fails_only_bundles_that_expect_input_from_it),
        SCENARIO(a_stream_that_ends_too_early_fails_the_bundle_with_its_address),
    };
    return SCENARIO_MAIN("protocol", argc, argv, tests);
}
