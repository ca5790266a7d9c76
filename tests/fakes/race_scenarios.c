/* Instructions about bundles, at every moment of a bundle's life: streams race, so all of these moments happen. */
#include "sdk_harness/base/alloc.h"
#include "tests/fakes/scenario.h"

#include <stdlib.h>

#define PROGRESS BEAM__INSTRUCTION_RESPONSE__RESPONSE_PROCESS_BUNDLE_PROGRESS
#define SPLIT    BEAM__INSTRUCTION_RESPONSE__RESPONSE_PROCESS_BUNDLE_SPLIT

/* Asks for progress and returns the answer, which must be no error. */
static const Beam__ProcessBundleProgressResponse *progress(fake_runner *runner, const char *id, const char *bundle_id) {
    fake_progress(runner, id, bundle_id);
    return fake_await_response_of(runner, id, PROGRESS)->process_bundle_progress;
}

/* Asks for a split, which must be refused without an error. */
static void check_not_split(fake_runner *runner, const char *id, const char *bundle_id) {
    fake_split(runner, id, bundle_id);
    const Beam__ProcessBundleSplitResponse *split = fake_await_response_of(runner, id, SPLIT)->process_bundle_split;
    fake_check(runner, split->n_channel_splits == 0 && split->n_primary_roots == 0 && split->n_residual_roots == 0);
}

static void offer_gated(fake_runner *runner, const char *script) {
    char *all = beamc_format("gate=%s;%s", fake_gate(runner), script);
    fake_offer_step(runner, "d1", all);
    free(all);
}

/* The value of a user counter in a progress answer; -1 when it is not there. */
static int64_t counter_in(const Beam__ProcessBundleProgressResponse *response, const char *name) {
    Beam__ProcessBundleResponse same = BEAM__PROCESS_BUNDLE_RESPONSE__INIT;
    same.n_monitoring_infos = response->n_monitoring_infos;
    same.monitoring_infos = response->monitoring_infos;
    return fake_counter(&same, name, NULL);
}

static void progress_before_a_bundle_has_its_descriptor_is_empty(fake_runner *runner) {
    fake_hold_descriptors(runner, true);
    fake_offer_step(runner, "d1", "emit=output");
    fake_start_worker(runner);
    fake_process_bundle(runner, "b1", "d1");
    const Beam__ProcessBundleProgressResponse *answer = progress(runner, "p1", "b1");
    fake_check(runner, answer->n_monitoring_infos == 0 && answer->n_monitoring_data == 0);
    check_not_split(runner, "s1", "b1");
    fake_hold_descriptors(runner, false);
    fake_send_rows(runner, "b1", 1, 3);
    fake_send_end(runner, "b1");
    (void)fake_await_success(runner, "b1");
    fake_check_rows(runner, "b1", "sink", 1, 3, 1);
}

static void progress_right_behind_its_bundle_is_no_error(fake_runner *runner) {
    fake_offer_step(runner, "d1", "emit=output");
    fake_start_worker(runner);
    fake_process_bundle(runner, "b1", "d1");
    fake_progress(runner, "p1", "b1");
    fake_split(runner, "s1", "b1");
    fake_progress(runner, "p2", "b1");
    (void)fake_await_response_of(runner, "p1", PROGRESS);
    (void)fake_await_response_of(runner, "s1", SPLIT);
    (void)fake_await_response_of(runner, "p2", PROGRESS);
    fake_send_end(runner, "b1");
    (void)fake_await_success(runner, "b1");
}

static void progress_while_a_bundle_waits_has_its_counters(fake_runner *runner) {
    offer_gated(runner, "emit=output;at=4");
    fake_start_worker(runner);
    fake_run_bundle(runner, "b1", "d1", 1, 10);
    const Beam__ProcessBundleProgressResponse *answer = NULL;
    char id[16];
    for (int i = 0; i < 500; i++) { /* until the bundle has come to its fourth row */
        snprintf(id, sizeof id, "p%d", i);
        answer = progress(runner, id, "b1");
        if (counter_in(answer, "rows") == 3)
            break;
        fake_pause(2);
    }
    fake_check(runner, counter_in(answer, "rows") == 3);
    /* Python's and Java's reading of the index: that of the element being processed. */
    fake_check(runner, counter_in(answer, "beam:metric:data_channel:read_index:v1") == 3);
    fake_check(runner, answer->n_monitoring_data == answer->n_monitoring_infos);
    fake_open_gate(runner);
    fake_check(runner, fake_counter(fake_await_success(runner, "b1"), "rows", NULL) == 10);
}

static void progress_is_answered_while_a_step_holds_its_thread(fake_runner *runner) {
    double fastest = 1000;
    fake_offer_step(runner, "d1", "emit=output;sleep_ms=100");
    fake_start_worker(runner);
    fake_run_bundle(runner, "b1", "d1", 1, 10);
    for (int i = 0; i < 5; i++) {
        char id[16];
        snprintf(id, sizeof id, "p%d", i);
        (void)progress(runner, id, "b1");
        fastest = fake_response_ms(runner, id) < fastest ? fake_response_ms(runner, id) : fastest;
        fake_check(runner, !fake_has_response(runner, "b1"));
    }
    fake_check(runner, SCENARIO_SANITIZED || fastest < 50);
    (void)fake_await_success(runner, "b1");
}

static void progress_after_the_end_is_empty_and_no_error(fake_runner *runner) {
    fake_offer_step(runner, "d1", "emit=output");
    fake_start_worker(runner);
    fake_run_bundle(runner, "b1", "d1", 1, 3);
    (void)fake_await_success(runner, "b1");
    const Beam__ProcessBundleProgressResponse *answer = progress(runner, "p1", "b1");
    fake_check(runner, answer->n_monitoring_infos == 0 && answer->n_monitoring_data == 0);
    check_not_split(runner, "s1", "b1");
}

static void progress_after_a_failure_is_answered(fake_runner *runner) {
    fake_offer_step(runner, "d1", "error=no");
    fake_start_worker(runner);
    fake_run_bundle(runner, "b1", "d1", 1, 3);
    fake_await_error(runner, "b1", "no");
    fake_progress(runner, "p1", "b1");
    (void)fake_await_response(runner, "p1"); /* an error and an empty answer are both right */
    fake_split(runner, "s1", "b1");
    (void)fake_await_response(runner, "s1");
}

static void progress_of_a_bundle_that_never_was_is_an_error(fake_runner *runner) {
    fake_start_worker(runner);
    fake_progress(runner, "p1", "no such bundle");
    fake_await_error(runner, "p1", "no such bundle");
}

static void a_split_of_a_bundle_that_never_was_is_an_error(fake_runner *runner) {
    fake_start_worker(runner);
    fake_split(runner, "s1", "no such bundle");
    fake_await_error(runner, "s1", "no such bundle");
}

static void bundles_that_ended_long_ago_are_still_known(fake_runner *runner) {
    char id[16];
    fake_offer_step(runner, "d1", "emit=output");
    fake_start_worker(runner);
    for (int i = 0; i < 200; i++) {
        snprintf(id, sizeof id, "b%d", i);
        fake_run_bundle(runner, id, "d1", i, 1);
    }
    for (int i = 0; i < 200; i++) {
        snprintf(id, sizeof id, "b%d", i);
        (void)fake_await_success(runner, id);
    }
    (void)progress(runner, "p1", "b0");
    check_not_split(runner, "s1", "b1");
}

static void hundreds_of_questions_each_have_one_answer(fake_runner *runner) {
    enum { QUESTIONS = 300 };
    int64_t kept = 100;
    char id[16];
    fake_offer_step(runner, "d1", "emit=output;again=1");
    fake_start_worker(runner);
    fake_run_bundle(runner, "b1", "d1", 1, 100);
    for (int i = 0; i < QUESTIONS; i++) {
        snprintf(id, sizeof id, "q%d", i);
        if (i % 2 == 0)
            fake_progress(runner, id, "b1");
        else
            fake_split(runner, id, "b1");
    }
    for (int i = 0; i < QUESTIONS; i++) {
        snprintf(id, sizeof id, "q%d", i);
        const Beam__InstructionResponse *answer = fake_await_response_of(runner, id, i % 2 == 0 ? PROGRESS : SPLIT);
        if (i % 2 != 0 && answer->process_bundle_split->n_channel_splits == 1)
            kept = answer->process_bundle_split->channel_splits[0]->first_residual_element;
    }
    (void)fake_await_success(runner, "b1");
    fake_check_rows(runner, "b1", "sink", 1, (size_t)kept, 1); /* what was given back last is where it ended */
    for (int i = 0; i < QUESTIONS; i++) {
        snprintf(id, sizeof id, "q%d", i);
        fake_check(runner, fake_num_responses(runner, id) == 1);
    }
}

static void finalizing_a_bundle_is_answered_with_nothing(fake_runner *runner) {
    fake_offer_step(runner, "d1", "emit=output");
    fake_start_worker(runner);
    fake_run_bundle(runner, "b1", "d1", 1, 3);
    fake_check(runner, !fake_await_success(runner, "b1")->requires_finalization); /* Flink's batch throws on it */
    fake_finalize(runner, "f1", "b1");
    (void)fake_await_response_of(runner, "f1", BEAM__INSTRUCTION_RESPONSE__RESPONSE_FINALIZE_BUNDLE);
}

static void every_short_id_of_a_bundle_can_be_looked_up(fake_runner *runner) {
    const char *ids[64] = {NULL};
    size_t num_ids = 0;
    fake_offer_step(runner, "d1", "emit=output");
    fake_start_worker(runner);
    fake_run_bundle(runner, "b1", "d1", 1, 3);
    const Beam__ProcessBundleResponse *response = fake_await_success(runner, "b1");
    fake_check(runner, response->n_monitoring_data == response->n_monitoring_infos);
    for (size_t i = 0; i < response->n_monitoring_data && num_ids < 63; i++)
        ids[num_ids++] = response->monitoring_data[i]->key;
    fake_monitoring_infos(runner, "m1", ids);
    const Beam__MonitoringInfosMetadataResponse *answer =
        fake_await_response_of(runner, "m1", BEAM__INSTRUCTION_RESPONSE__RESPONSE_MONITORING_INFOS)->monitoring_infos;
    fake_check(runner, answer->n_monitoring_info == num_ids);
    bool has_rows = false;
    for (size_t i = 0; i < num_ids; i++) {
        const Beam__MonitoringInfo *info = answer->monitoring_info[i]->value;
        fake_check(runner, info->urn[0] != '\0' && info->type[0] != '\0' && info->payload.len == 0);
        for (size_t l = 0; l < info->n_labels; l++)
            has_rows = has_rows || strcmp(info->labels[l]->value, "rows") == 0;
    }
    fake_check(runner, has_rows);
}

static void short_ids_that_nobody_gave_out_are_left_out(fake_runner *runner) {
    fake_offer_step(runner, "d1", "emit=output");
    fake_start_worker(runner);
    fake_run_bundle(runner, "b1", "d1", 1, 3);
    const Beam__ProcessBundleResponse *response = fake_await_success(runner, "b1");
    fake_monitoring_infos(
        runner, "m1",
        (const char *[]){"c0123456789abcdef", "", "c", "x", response->monitoring_data[0]->key, "czz", NULL});
    const Beam__MonitoringInfosMetadataResponse *answer =
        fake_await_response_of(runner, "m1", BEAM__INSTRUCTION_RESPONSE__RESPONSE_MONITORING_INFOS)->monitoring_infos;
    fake_check(runner, answer->n_monitoring_info == 1);
    fake_check(runner, strcmp(answer->monitoring_info[0]->key, response->monitoring_data[0]->key) == 0);
}

static void short_ids_may_be_asked_for_before_any_bundle(fake_runner *runner) {
    fake_start_worker(runner);
    fake_monitoring_infos(runner, "m1", (const char *[]){"c0123456789abcdef", NULL});
    fake_monitoring_infos(runner, "m2", (const char *[]){NULL});
    for (int i = 1; i <= 2; i++) {
        const Beam__InstructionResponse *response =
            fake_await_response_of(runner, i == 1 ? "m1" : "m2", BEAM__INSTRUCTION_RESPONSE__RESPONSE_MONITORING_INFOS);
        fake_check(runner, response->monitoring_infos->n_monitoring_info == 0);
    }
}

static void metrics_of_the_process_are_answered(fake_runner *runner) {
    fake_start_worker(runner);
    fake_harness_monitoring_infos(runner, "h1");
    (void)fake_await_response_of(runner, "h1", BEAM__INSTRUCTION_RESPONSE__RESPONSE_HARNESS_MONITORING_INFOS);
}

static void samples_are_answered_with_none(fake_runner *runner) {
    fake_start_worker(runner);
    fake_sample_data(runner, "i1");
    (void)fake_await_response_of(runner, "i1", BEAM__INSTRUCTION_RESPONSE__RESPONSE_SAMPLE_DATA);
}

static void bundles_of_one_stage_that_start_together_share_one_look_up(fake_runner *runner) {
    char id[16];
    fake_hold_descriptors(runner, true);
    fake_offer_step(runner, "d1", "emit=output");
    fake_start_worker(runner);
    for (int i = 0; i < 8; i++) {
        snprintf(id, sizeof id, "b%d", i);
        fake_process_bundle(runner, id, "d1");
    }
    fake_await_lookups(runner, 1);
    fake_pause(50);
    fake_hold_descriptors(runner, false);
    for (int i = 0; i < 8; i++) {
        snprintf(id, sizeof id, "b%d", i);
        fake_send_rows(runner, id, i, 4);
        fake_send_end(runner, id);
        (void)fake_await_success(runner, id);
        fake_check_rows(runner, id, "sink", i, 4, 1);
    }
    fake_check(runner, fake_num_lookups(runner) == 1);
}

static void bundles_may_get_their_data_in_the_reverse_order(fake_runner *runner) {
    enum { BUNDLES = 50 };
    char id[16];
    fake_offer_step(runner, "d1", "emit=output");
    fake_start_worker(runner);
    for (int i = 0; i < BUNDLES; i++) {
        snprintf(id, sizeof id, "b%d", i);
        fake_process_bundle(runner, id, "d1");
    }
    for (int i = BUNDLES; i-- > 0;) {
        snprintf(id, sizeof id, "b%d", i);
        fake_send_rows(runner, id, i, 10);
        fake_send_end(runner, id);
    }
    for (int i = 0; i < BUNDLES; i++) {
        snprintf(id, sizeof id, "b%d", i);
        (void)fake_await_success(runner, id);
        fake_check_rows(runner, id, "sink", i, 10, 1);
    }
}

static void a_wake_that_comes_at_once_is_not_lost(fake_runner *runner) {
    fake_offer_step(runner, "d1", "emit=output;again=3;again_ms=0;finish_again=3");
    fake_start_worker(runner);
    for (int i = 0; i < 10; i++) {
        char id[16];
        snprintf(id, sizeof id, "b%d", i);
        fake_run_bundle(runner, id, "d1", 1, 30);
    }
    for (int i = 0; i < 10; i++) {
        char id[16];
        snprintf(id, sizeof id, "b%d", i);
        (void)fake_await_success(runner, id);
        fake_check_rows(runner, id, "sink", 1, 30, 1);
    }
}

static void more_bundles_than_threads_may_wait(fake_runner *runner) {
    enum { BUNDLES = 40 };
    char id[16];
    offer_gated(runner, "emit=output");
    fake_offer_step(runner, "free", "emit=output");
    fake_start_worker(runner);
    for (int i = 0; i < BUNDLES; i++) {
        snprintf(id, sizeof id, "b%d", i);
        fake_run_bundle(runner, id, "d1", 1, 3);
    }
    fake_run_bundle(runner, "free-1", "free", 1, 3); /* those that wait hold no thread */
    (void)fake_await_success(runner, "free-1");
    fake_open_gate(runner);
    for (int i = 0; i < BUNDLES; i++) {
        snprintf(id, sizeof id, "b%d", i);
        (void)fake_await_success(runner, id);
        fake_check_rows(runner, id, "sink", 1, 3, 1);
    }
}

int main(int argc, char **argv) {
    const struct CMUnitTest tests[] = {
        SCENARIO(progress_before_a_bundle_has_its_descriptor_is_empty),
        SCENARIO(progress_right_behind_its_bundle_is_no_error),
        SCENARIO(progress_while_a_bundle_waits_has_its_counters),
        SCENARIO(progress_is_answered_while_a_step_holds_its_thread),
        SCENARIO(progress_after_the_end_is_empty_and_no_error),
        SCENARIO(progress_after_a_failure_is_answered),
        SCENARIO(progress_of_a_bundle_that_never_was_is_an_error),
        SCENARIO(a_split_of_a_bundle_that_never_was_is_an_error),
        SCENARIO(bundles_that_ended_long_ago_are_still_known),
        SCENARIO(hundreds_of_questions_each_have_one_answer),
        SCENARIO(finalizing_a_bundle_is_answered_with_nothing),
        SCENARIO(every_short_id_of_a_bundle_can_be_looked_up),
        SCENARIO(short_ids_that_nobody_gave_out_are_left_out),
        SCENARIO(short_ids_may_be_asked_for_before_any_bundle),
        SCENARIO(metrics_of_the_process_are_answered),
        SCENARIO(samples_are_answered_with_none),
        SCENARIO(bundles_of_one_stage_that_start_together_share_one_look_up),
        SCENARIO(bundles_may_get_their_data_in_the_reverse_order),
        SCENARIO(a_wake_that_comes_at_once_is_not_lost),
        SCENARIO(more_bundles_than_threads_may_wait),
    };
    return SCENARIO_MAIN("races", argc, argv, tests);
}
