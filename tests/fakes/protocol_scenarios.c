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
        SCENARIO(before_its_first_element_the_read_index_is_minus_one),
        SCENARIO(the_time_that_a_dofn_holds_its_thread_is_its_own),
        SCENARIO(the_time_that_a_dofn_waits_without_a_thread_is_its_own_too),
        SCENARIO(each_source_may_read_an_address_of_its_own),
        SCENARIO(a_stream_that_ends_fails_only_bundles_that_expect_input_from_it),
        SCENARIO(a_stream_that_ends_too_early_fails_the_bundle_with_its_address),
    };
    return SCENARIO_MAIN("protocol", argc, argv, tests);
}
