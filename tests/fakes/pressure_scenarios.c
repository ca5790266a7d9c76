/* More than the worker can take at once: memory stays bounded, questions are answered, nothing is lost. */
#include "sdk_harness/base/alloc.h"
#include "tests/fakes/scenario.h"
#include "tests/fakes/wire_message.h"

#include <stdlib.h>

enum {
    KIB = 1024,
    MIB = 1024 * 1024,
    INPUT_CAP_MIB = 64,
    SLACK_MIB = 24,            /* 14 for the process once it is connected, 10 for what is being read and decoded */
    ROW_BYTES = 1000,          /* of a padded row, about */
    ROWS_A_MESSAGE = 1000,     /* so 1 MB a message */
    OFFERED_MESSAGES = 2 * 64, /* twice the input cap */
};

static void send_padded_rows(fake_runner *runner, const char *bundle_id, int64_t first_id, size_t count) {
    beamc_byte_buffer message;
    wire_init(&message);
    fake_add_padded_rows(runner, &message, bundle_id, first_id, count, ROW_BYTES);
    fake_send(runner, &message);
}

/* Waits until the worker has stopped taking data, and returns how much it leaves with the runner. */
static size_t await_standstill(fake_runner *runner) {
    size_t unsent = fake_unsent_data_bytes(runner);
    for (int still = 0; still < 5;) {
        fake_pause(40);
        size_t now = fake_unsent_data_bytes(runner);
        still = now == unsent ? still + 1 : 0;
        unsent = now;
    }
    return unsent;
}

static void offer_gated(fake_runner *runner, const char *descriptor_id, const char *script) {
    char *all = beamc_format("gate=%s;%s", fake_gate(runner), script);
    fake_offer_sink(runner, descriptor_id, all);
    free(all);
}

/* The median time of an answer to a progress question. */
static void check_quick_answers(fake_runner *runner, const char *bundle_id, const char *prefix) {
    enum { QUESTIONS = 15 };
    unsigned num_slow = 0;
    for (int i = 0; i < QUESTIONS; i++) {
        char id[32];
        snprintf(id, sizeof id, "%s%d", prefix, i);
        fake_progress(runner, id, bundle_id);
        num_slow += fake_response_ms(runner, id) > 50 ? 1 : 0;
    }
    fake_check(runner, SCENARIO_SANITIZED || num_slow < QUESTIONS / 2);
}

static void check_peak(fake_runner *runner, size_t at_most_mib) {
    size_t peak_mib = fake_worker_status_kib(runner, "VmHWM") / KIB;
    if (!SCENARIO_SANITIZED && peak_mib > at_most_mib)
        fake_runner_fail(runner, "the worker took %zu MiB at its peak, more than %zu", peak_mib, at_most_mib);
    fake_check(runner, peak_mib > 0);
}

static void a_message_of_thirty_megabytes_costs_little_more_than_itself(fake_runner *runner) {
    enum { ROWS = 30 * 1000 };
    fake_offer_null_sink(runner, "d1");
    fake_start_null_sink(runner);
    fake_process_bundle(runner, "b1", "d1");
    send_padded_rows(runner, "b1", 1, ROWS);
    fake_send_end(runner, "b1");
    fake_check(runner, fake_counter(fake_await_success(runner, "b1"), "rows", NULL) == ROWS);
    check_peak(runner, 30 + SLACK_MIB);
}

static void a_message_larger_than_the_input_cap_is_taken_whole(fake_runner *runner) {
    enum { ROWS = 100 * 1000 };
    fake_offer_null_sink(runner, "d1");
    fake_start_null_sink(runner);
    fake_process_bundle(runner, "b1", "d1");
    send_padded_rows(runner, "b1", 1, ROWS);
    send_padded_rows(runner, "b1", ROWS, 10);
    fake_send_end(runner, "b1");
    fake_check(runner, fake_counter(fake_await_success(runner, "b1"), "rows", NULL) == ROWS + 10);
    check_peak(runner, 100 + SLACK_MIB);
}

static void a_step_that_stops_stops_the_runner_and_nothing_else(fake_runner *runner) {
    offer_gated(runner, "d1", "");
    fake_start_worker(runner);
    fake_process_bundle(runner, "b1", "d1");
    for (int i = 0; i < OFFERED_MESSAGES; i++)
        send_padded_rows(runner, "b1", i, ROWS_A_MESSAGE);
    fake_send_end(runner, "b1");
    size_t unsent = await_standstill(runner);
    fake_check(runner, unsent > 32 * MIB); /* more than the cap is not taken */
    check_quick_answers(runner, "b1", "p");
    fake_finalize(runner, "f1", "b1");
    (void)fake_await_response(runner, "f1");
    check_peak(runner, INPUT_CAP_MIB + 1 + SLACK_MIB);
    fake_open_gate(runner);
    fake_check(runner,
               fake_counter(fake_await_success(runner, "b1"), "rows", NULL) == OFFERED_MESSAGES * ROWS_A_MESSAGE);
    fake_check(runner, fake_unsent_data_bytes(runner) == 0);
    check_peak(runner, INPUT_CAP_MIB + 1 + SLACK_MIB);
}

static void below_the_cap_a_bundle_that_stops_does_not_hold_the_others(fake_runner *runner) {
    offer_gated(runner, "stopped", "");
    fake_offer_step(runner, "running", "emit=output");
    fake_start_worker(runner);
    fake_process_bundle(runner, "b1", "stopped");
    for (int i = 0; i < 40; i++)
        send_padded_rows(runner, "b1", i, ROWS_A_MESSAGE);
    for (int i = 0; i < 20; i++) {
        char id[16];
        snprintf(id, sizeof id, "r%d", i);
        fake_run_bundle(runner, id, "running", 1, 100);
        (void)fake_await_success(runner, id);
    }
    fake_check(runner, !fake_has_response(runner, "b1"));
    fake_open_gate(runner);
    fake_send_end(runner, "b1");
    fake_check(runner, fake_counter(fake_await_success(runner, "b1"), "rows", NULL) == 40 * ROWS_A_MESSAGE);
}

static void at_the_cap_the_others_wait_and_then_go_on(fake_runner *runner) {
    offer_gated(runner, "stopped", "");
    fake_offer_step(runner, "running", "emit=output");
    fake_start_worker(runner);
    fake_process_bundle(runner, "b1", "stopped");
    for (int i = 0; i < OFFERED_MESSAGES; i++)
        send_padded_rows(runner, "b1", i, ROWS_A_MESSAGE);
    fake_send_end(runner, "b1");
    fake_run_bundle(runner, "b2", "running", 1, 100); /* behind it on the one data stream */
    (void)await_standstill(runner);
    fake_check(runner, !fake_has_response(runner, "b2"));
    check_quick_answers(runner, "b2", "p");
    fake_open_gate(runner);
    (void)fake_await_success(runner, "b1");
    (void)fake_await_success(runner, "b2");
    fake_check_rows(runner, "b2", "sink", 1, 100, 1);
}

static void what_has_been_read_of_a_message_makes_room_before_its_end(fake_runner *runner) {
    enum { ROWS = 80 * 1000 }; /* 80 MB: more than the cap */
    char *script = beamc_format("gate=%s;at=%d", fake_gate(runner), ROWS * 9 / 10);
    fake_offer_sink(runner, "stopped", script);
    free(script);
    fake_offer_step(runner, "running", "emit=output");
    fake_start_worker(runner);
    fake_process_bundle(runner, "b1", "stopped");
    send_padded_rows(runner, "b1", 1, ROWS);
    fake_run_bundle(runner, "b2", "running", 1, 100);
    (void)fake_await_success(runner, "b2"); /* of b1 only 8 MB wait now */
    fake_check(runner, !fake_has_response(runner, "b1"));
    fake_open_gate(runner);
    fake_send_end(runner, "b1");
    (void)fake_await_success(runner, "b1");
}

static void a_step_that_stops_again_and_again_loses_nothing(fake_runner *runner) {
    enum { MESSAGES = 100 };
    fake_offer_step(runner, "d1", "again=1;again_ms=0");
    fake_start_worker(runner);
    fake_process_bundle(runner, "b1", "d1");
    for (int i = 0; i < MESSAGES; i++)
        send_padded_rows(runner, "b1", 10 * i, 10);
    fake_send_end(runner, "b1");
    fake_check(runner, fake_counter(fake_await_success(runner, "b1"), "rows", NULL) == 10 * MESSAGES);
}

static void a_runner_that_does_not_read_is_waited_for_with_bounded_memory(fake_runner *runner) {
    enum { MESSAGES = 100, ROWS = ROWS_A_MESSAGE };
    fake_offer_step(runner, "d1", "emit=output");
    fake_hold_output(runner, true);
    fake_start_worker(runner);
    fake_process_bundle(runner, "b1", "d1");
    for (int i = 0; i < MESSAGES; i++)
        send_padded_rows(runner, "b1", i * ROWS, ROWS);
    fake_send_end(runner, "b1");
    (void)await_standstill(runner);
    fake_check(runner, !fake_has_response(runner, "b1"));
    check_quick_answers(runner, "b1", "p");
    check_peak(runner, INPUT_CAP_MIB + 32 + 1 + SLACK_MIB); /* 32 MiB of output wait */
    fake_hold_output(runner, false);
    (void)fake_await_success(runner, "b1");
    fake_check(runner, fake_read_rows(runner, "b1", "sink", NULL, 0) == MESSAGES * ROWS);
}

static void a_stage_without_output_goes_on_while_the_runner_reads_none(fake_runner *runner) {
    enum { BUNDLES = 4, MESSAGES = 50 }; /* more bundles than threads, more output than may wait */
    char id[16];
    fake_offer_step(runner, "d1", "emit=output");
    fake_offer_sink(runner, "d2", "");
    fake_hold_output(runner, true);
    fake_start_worker(runner);
    for (int b = 0; b < BUNDLES; b++) {
        snprintf(id, sizeof id, "b%d", b);
        fake_process_bundle(runner, id, "d1");
    }
    for (int i = 0; i < MESSAGES; i++) {
        beamc_byte_buffer message;
        wire_init(&message);
        for (int b = 0; b < BUNDLES; b++) {
            snprintf(id, sizeof id, "b%d", b);
            fake_add_padded_rows(runner, &message, id, i * 250, 250, ROW_BYTES);
        }
        fake_send(runner, &message);
    }
    (void)await_standstill(runner);
    fake_run_bundle(runner, "sink-1", "d2", 1, 100);
    (void)fake_await_success(runner, "sink-1");
    fake_hold_output(runner, false);
    for (int b = 0; b < BUNDLES; b++) {
        snprintf(id, sizeof id, "b%d", b);
        fake_send_end(runner, id);
        (void)fake_await_success(runner, id);
        fake_check(runner, fake_read_rows(runner, id, "sink", NULL, 0) == MESSAGES * 250);
    }
}

static void a_runner_that_reads_no_log_lines_holds_nothing_up(fake_runner *runner) {
    enum { BUNDLES = 3000 };
    char id[16];
    fake_offer_step(runner, "d1", "error=a line of the log for each of these bundles, one of very many");
    fake_offer_step(runner, "works", "emit=output");
    fake_hold_logs(runner, true);
    fake_start_worker(runner);
    for (int i = 0; i < BUNDLES; i++) {
        snprintf(id, sizeof id, "b%d", i);
        fake_run_bundle(runner, id, "d1", 1, 1);
        if (i % 100 == 99)
            fake_await_error(runner, id, "a line");
    }
    fake_run_bundle(runner, "works-1", "works", 1, 3);
    (void)fake_await_success(runner, "works-1");
    fake_hold_logs(runner, false);
}

static void thousands_of_tiny_bundles_leave_nothing_behind(fake_runner *runner) {
    enum { ROUNDS = 30, AT_ONCE = 100 };
    size_t first_kib = 0;
    char id[16];
    fake_offer_null_sink(runner, "d1");
    fake_start_null_sink(runner);
    for (int round = 0; round < ROUNDS; round++) {
        for (int i = 0; i < AT_ONCE; i++) {
            snprintf(id, sizeof id, "b%d-%d", round, i);
            fake_run_bundle(runner, id, "d1", 1, 1);
        }
        for (int i = 0; i < AT_ONCE; i++) {
            snprintf(id, sizeof id, "b%d-%d", round, i);
            (void)fake_await_success(runner, id);
        }
        if (round == ROUNDS / 2)
            first_kib = fake_worker_status_kib(runner, "VmRSS");
    }
    size_t last_kib = fake_worker_status_kib(runner, "VmRSS");
    fake_check(runner, fake_num_lookups(runner) == 1);
    fake_check(runner, SCENARIO_SANITIZED || last_kib < first_kib + 2 * KIB);
}

static void data_of_bundles_that_never_come_does_not_hold_those_that_do(fake_runner *runner) {
    fake_offer_step(runner, "d1", "emit=output");
    fake_start_worker(runner);
    fake_run_bundle(runner, "b1", "d1", 1, 3);
    (void)fake_await_success(runner, "b1");
    for (int i = 0; i < 30; i++) {
        char id[16];
        snprintf(id, sizeof id, "lost%d", i);
        send_padded_rows(runner, id, i, ROWS_A_MESSAGE);
    }
    fake_run_bundle(runner, "b2", "d1", 1, 100);
    (void)fake_await_success(runner, "b2");
    fake_check_rows(runner, "b2", "sink", 1, 100, 1);
}

int main(int argc, char **argv) {
    const struct CMUnitTest tests[] = {
        SCENARIO(a_message_of_thirty_megabytes_costs_little_more_than_itself),
        SCENARIO(a_message_larger_than_the_input_cap_is_taken_whole),
        SCENARIO(a_step_that_stops_stops_the_runner_and_nothing_else),
        SCENARIO(below_the_cap_a_bundle_that_stops_does_not_hold_the_others),
        SCENARIO(at_the_cap_the_others_wait_and_then_go_on),
        SCENARIO(what_has_been_read_of_a_message_makes_room_before_its_end),
        SCENARIO(a_step_that_stops_again_and_again_loses_nothing),
        SCENARIO(a_runner_that_does_not_read_is_waited_for_with_bounded_memory),
        SCENARIO(a_stage_without_output_goes_on_while_the_runner_reads_none),
        SCENARIO(a_runner_that_reads_no_log_lines_holds_nothing_up),
        SCENARIO(thousands_of_tiny_bundles_leave_nothing_behind),
        SCENARIO(data_of_bundles_that_never_come_does_not_hold_those_that_do),
    };
    return SCENARIO_MAIN("pressure", argc, argv, tests);
}
