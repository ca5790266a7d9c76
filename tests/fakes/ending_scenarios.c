/* How streams and the worker end: in order, broken, at once, by signal; never in a hang, and never silently. */
#include "sdk_harness/base/alloc.h"
#include "tests/fakes/scenario.h"

#include <signal.h>
#include <stdlib.h>

enum { SOON_MS = 4000, DRAIN_MS = 12 * 1000 };

/* A bundle `b1` that runs and waits for more input. */
static void start_waiting_for_input(fake_runner *runner) {
    fake_offer_step(runner, "d1", "emit=output");
    fake_start_worker(runner);
    fake_process_bundle(runner, "b1", "d1");
    fake_send_rows(runner, "b1", 1, 3);
}

/* A bundle `b1` that has its input and whose step waits for the gate. */
static void start_waiting_for_the_gate(fake_runner *runner) {
    char *script = beamc_format("emit=output;gate=%s", fake_gate(runner));
    fake_offer_step(runner, "d1", script);
    free(script);
    fake_start_worker(runner);
    fake_run_bundle(runner, "b1", "d1", 1, 3);
    fake_await_streams(runner, FAKE_DATA, 1);
    fake_pause(50);
}

static void check_that_it_still_works(fake_runner *runner, const char *bundle_id) {
    fake_offer_step(runner, "works", "emit=output");
    fake_run_bundle(runner, bundle_id, "works", 1, 100);
    (void)fake_await_success(runner, bundle_id);
    fake_check_rows(runner, bundle_id, "sink", 1, 100, 1);
}

/* ---- the control stream ---- */

static void the_end_of_the_control_stream_ends_the_worker_and_all_streams_in_order(fake_runner *runner) {
    fake_listen(runner, FAKE_PORT_EACH);
    fake_offer_step(runner, "d1", "emit=output");
    fake_start_worker(runner);
    fake_run_bundle(runner, "b1", "d1", 1, 3);
    (void)fake_await_success(runner, "b1");
    fake_close_streams(runner, FAKE_CONTROL);
    fake_await_exit(runner, 0, SOON_MS);
    fake_check_ended_in_order(runner, FAKE_DATA);
    fake_check_ended_in_order(runner, FAKE_LOGGING);
}

static void the_end_of_the_control_stream_ends_a_bundle_that_waits_for_input(fake_runner *runner) {
    start_waiting_for_input(runner);
    fake_close_streams(runner, FAKE_CONTROL);
    fake_await_exit(runner, 0, SOON_MS);
    fake_check_ended_in_order(runner, FAKE_DATA);
}

static void the_end_of_the_control_stream_ends_a_bundle_whose_step_waits(fake_runner *runner) {
    start_waiting_for_the_gate(runner);
    fake_close_streams(runner, FAKE_CONTROL);
    fake_await_exit(runner, 0, SOON_MS);
    fake_check_ended_in_order(runner, FAKE_DATA);
}

static void the_end_of_the_control_stream_ends_a_bundle_that_waits_for_its_descriptor(fake_runner *runner) {
    fake_hold_descriptors(runner, true);
    fake_offer_step(runner, "d1", "emit=output");
    fake_start_worker(runner);
    fake_process_bundle(runner, "b1", "d1");
    fake_await_lookups(runner, 1);
    fake_close_streams(runner, FAKE_CONTROL);
    fake_await_exit(runner, 0, SOON_MS);
}

static void the_end_of_the_control_stream_waits_for_a_step_that_holds_its_thread(fake_runner *runner) {
    fake_offer_step(runner, "d1", "emit=output;sleep_ms=500");
    fake_start_worker(runner);
    fake_run_bundle(runner, "b1", "d1", 1, 20);
    fake_await_streams(runner, FAKE_DATA, 1);
    fake_pause(50);
    fake_close_streams(runner, FAKE_CONTROL);
    fake_await_exit(runner, 0, SOON_MS);
}

static void a_broken_control_stream_ends_the_worker_with_an_error(fake_runner *runner) {
    start_waiting_for_input(runner);
    fake_break_streams(runner, FAKE_CONTROL);
    fake_await_bad_exit(runner, SOON_MS);
}

static void a_broken_control_stream_ends_an_idle_worker_too(fake_runner *runner) {
    fake_start_worker(runner);
    fake_await_streams(runner, FAKE_CONTROL, 1);
    fake_break_streams(runner, FAKE_CONTROL);
    fake_await_bad_exit(runner, SOON_MS);
}

static void all_streams_broken_at_once_end_the_worker_with_an_error(fake_runner *runner) {
    start_waiting_for_the_gate(runner);
    fake_break_everything(runner);
    fake_await_bad_exit(runner, SOON_MS);
}

static void a_runner_that_dies_ends_the_worker_with_an_error(fake_runner *runner) {
    fake_listen(runner, FAKE_PORT_EACH);
    start_waiting_for_the_gate(runner);
    fake_vanish(runner);
    fake_await_bad_exit(runner, SOON_MS);
}

static void a_runner_that_dies_in_the_middle_of_a_flood_ends_the_worker(fake_runner *runner) {
    fake_offer_step(runner, "d1", "emit=output;copies=3");
    fake_start_worker(runner);
    fake_process_bundle(runner, "b1", "d1");
    for (int i = 0; i < 30; i++)
        fake_send_rows(runner, "b1", i, 30 * 1000);
    fake_vanish(runner);
    fake_await_bad_exit(runner, SOON_MS);
}

static void a_runner_that_leaves_its_side_of_the_streams_open_does_not_hold_the_worker(fake_runner *runner) {
    fake_leave_streams_open(runner);
    fake_offer_step(runner, "d1", "emit=output");
    fake_start_worker(runner);
    fake_run_bundle(runner, "b1", "d1", 1, 3);
    (void)fake_await_success(runner, "b1");
    fake_close_streams(runner, FAKE_CONTROL);
    fake_await_exit(runner, 0, SOON_MS);
}

/* ---- the data stream ---- */

static void a_data_stream_that_ends_in_mid_bundle_fails_the_bundle_and_is_opened_again(fake_runner *runner) {
    start_waiting_for_input(runner);
    fake_pause(50);
    fake_close_streams(runner, FAKE_DATA);
    fake_await_error(runner, "b1", "data stream");
    check_that_it_still_works(runner, "b2");
    fake_check(runner, fake_num_streams(runner, FAKE_DATA) == 2);
    fake_check(runner, fake_num_responses(runner, "b1") == 1);
}

static void a_data_stream_that_breaks_in_mid_bundle_fails_the_bundle_and_is_opened_again(fake_runner *runner) {
    start_waiting_for_input(runner);
    fake_pause(50);
    fake_break_streams(runner, FAKE_DATA);
    fake_await_error(runner, "b1", "broken by the scenario");
    check_that_it_still_works(runner, "b2");
    fake_check(runner, fake_num_streams(runner, FAKE_DATA) == 2);
}

static void a_data_stream_may_break_many_times(fake_runner *runner) {
    enum { TIMES = 70 }; /* more than a worker may have addresses */
    fake_offer_step(runner, "d1", "emit=output");
    fake_start_worker(runner);
    for (int i = 0; i < TIMES; i++) {
        char id[16];
        snprintf(id, sizeof id, "b%d", i);
        fake_process_bundle(runner, id, "d1");
        fake_send_rows(runner, id, 1, 1);
        fake_break_streams(runner, FAKE_DATA);
        fake_await_error(runner, id, "data stream");
    }
    check_that_it_still_works(runner, "last");
    fake_check(runner, fake_num_streams(runner, FAKE_DATA) == TIMES + 1);
}

static void a_data_stream_that_ends_between_bundles_is_opened_again(fake_runner *runner) {
    fake_offer_step(runner, "d1", "emit=output");
    fake_start_worker(runner);
    fake_run_bundle(runner, "b1", "d1", 1, 3);
    (void)fake_await_success(runner, "b1");
    fake_close_streams(runner, FAKE_DATA);
    fake_pause(50);
    check_that_it_still_works(runner, "b2");
    fake_check(runner, fake_num_streams(runner, FAKE_DATA) == 2);
}

static void a_bundle_that_has_its_whole_input_outlives_the_data_stream_if_it_has_no_output(fake_runner *runner) {
    char *script = beamc_format("gate=%s", fake_gate(runner));
    fake_offer_sink(runner, "d1", script);
    free(script);
    fake_start_worker(runner);
    fake_run_bundle(runner, "b1", "d1", 1, 3);
    fake_pause(100);
    fake_break_streams(runner, FAKE_DATA);
    fake_pause(50);
    fake_open_gate(runner);
    fake_check(runner, fake_counter(fake_await_success(runner, "b1"), "rows", NULL) == 3);
}

static void output_that_cannot_be_sent_any_more_fails_its_bundle(fake_runner *runner) {
    start_waiting_for_the_gate(runner);
    fake_break_streams(runner, FAKE_DATA);
    fake_pause(50);
    fake_open_gate(runner);
    fake_await_error(runner, "b1", "data stream");
    check_that_it_still_works(runner, "b2");
}

/* ---- the logging stream ---- */

static void lines_go_to_stderr_when_the_logging_stream_has_ended(fake_runner *runner) {
    fake_offer_step(runner, "d1", "error=the line to look for");
    fake_start_worker(runner);
    fake_await_streams(runner, FAKE_LOGGING, 1);
    fake_close_streams(runner, FAKE_LOGGING);
    fake_pause(50);
    fake_run_bundle(runner, "b1", "d1", 1, 1);
    fake_await_error(runner, "b1", "the line to look for");
    check_that_it_still_works(runner, "b2");
    for (int i = 0; i < 100 && !fake_worker_prints(runner, "the line to look for"); i++)
        fake_pause(10);
    fake_check(runner, fake_worker_prints(runner, "the line to look for"));
    fake_close_streams(runner, FAKE_CONTROL);
    fake_await_exit(runner, 0, SOON_MS);
}

static void a_logging_stream_that_breaks_does_not_touch_a_running_bundle(fake_runner *runner) {
    start_waiting_for_the_gate(runner);
    fake_break_streams(runner, FAKE_LOGGING);
    fake_pause(50);
    fake_open_gate(runner);
    (void)fake_await_success(runner, "b1");
    fake_check_rows(runner, "b1", "sink", 1, 3, 1);
}

/* ---- signals ---- */

static void sigterm_ends_an_idle_worker_in_order(fake_runner *runner) {
    fake_offer_step(runner, "d1", "emit=output");
    fake_start_worker(runner);
    fake_run_bundle(runner, "b1", "d1", 1, 3);
    (void)fake_await_success(runner, "b1");
    fake_signal_worker(runner, SIGTERM);
    fake_await_exit(runner, 0, SOON_MS);
    fake_check_ended_in_order(runner, FAKE_CONTROL);
    fake_check_ended_in_order(runner, FAKE_DATA);
    fake_check_ended_in_order(runner, FAKE_LOGGING);
}

static void sigint_does_the_same(fake_runner *runner) {
    fake_start_worker(runner);
    fake_await_streams(runner, FAKE_CONTROL, 1);
    fake_signal_worker(runner, SIGINT);
    fake_await_exit(runner, 0, SOON_MS);
}

static void sigterm_while_provision_is_slow_ends_the_worker(fake_runner *runner) {
    fake_hold_provision(runner, true);
    fake_start_worker(runner);
    fake_pause(200);
    fake_signal_worker(runner, SIGTERM);
    fake_await_exit(runner, 0, SOON_MS);
}

static void after_sigterm_a_bundle_that_can_finish_does(fake_runner *runner) {
    start_waiting_for_the_gate(runner);
    fake_signal_worker(runner, SIGTERM);
    fake_pause(200);
    fake_check(runner, !fake_has_response(runner, "b1"));
    fake_open_gate(runner);
    (void)fake_await_success(runner, "b1");
    fake_check_rows(runner, "b1", "sink", 1, 3, 1);
    fake_await_exit(runner, 0, SOON_MS);
    fake_check_ended_in_order(runner, FAKE_CONTROL);
    fake_check_ended_in_order(runner, FAKE_DATA);
}

static void after_sigterm_a_bundle_that_cannot_finish_is_answered_with_an_error(fake_runner *runner) {
    start_waiting_for_the_gate(runner);
    fake_signal_worker(runner, SIGTERM);
    fake_await_error(runner, "b1", "asked to end");
    fake_await_exit(runner, 0, DRAIN_MS);
    fake_check_ended_in_order(runner, FAKE_CONTROL);
}

int main(int argc, char **argv) {
    const struct CMUnitTest tests[] = {
        SCENARIO(the_end_of_the_control_stream_ends_the_worker_and_all_streams_in_order),
        SCENARIO(the_end_of_the_control_stream_ends_a_bundle_that_waits_for_input),
        SCENARIO(the_end_of_the_control_stream_ends_a_bundle_whose_step_waits),
        SCENARIO(the_end_of_the_control_stream_ends_a_bundle_that_waits_for_its_descriptor),
        SCENARIO(the_end_of_the_control_stream_waits_for_a_step_that_holds_its_thread),
        SCENARIO(a_broken_control_stream_ends_the_worker_with_an_error),
        SCENARIO(a_broken_control_stream_ends_an_idle_worker_too),
        SCENARIO(all_streams_broken_at_once_end_the_worker_with_an_error),
        SCENARIO(a_runner_that_dies_ends_the_worker_with_an_error),
        SCENARIO(a_runner_that_dies_in_the_middle_of_a_flood_ends_the_worker),
        SCENARIO(a_runner_that_leaves_its_side_of_the_streams_open_does_not_hold_the_worker),
        SCENARIO(a_data_stream_that_ends_in_mid_bundle_fails_the_bundle_and_is_opened_again),
        SCENARIO(a_data_stream_that_breaks_in_mid_bundle_fails_the_bundle_and_is_opened_again),
        SCENARIO(a_data_stream_may_break_many_times),
        SCENARIO(a_data_stream_that_ends_between_bundles_is_opened_again),
        SCENARIO(a_bundle_that_has_its_whole_input_outlives_the_data_stream_if_it_has_no_output),
        SCENARIO(output_that_cannot_be_sent_any_more_fails_its_bundle),
        SCENARIO(lines_go_to_stderr_when_the_logging_stream_has_ended),
        SCENARIO(a_logging_stream_that_breaks_does_not_touch_a_running_bundle),
        SCENARIO(sigterm_ends_an_idle_worker_in_order),
        SCENARIO(sigint_does_the_same),
        SCENARIO(sigterm_while_provision_is_slow_ends_the_worker),
        SCENARIO(after_sigterm_a_bundle_that_can_finish_does),
        SCENARIO(after_sigterm_a_bundle_that_cannot_finish_is_answered_with_an_error),
    };
    return SCENARIO_MAIN("endings", argc, argv, tests);
}
