/* What goes wrong with a bundle or an instruction: one answer, in words, and the worker goes on. */
#include "sdk_harness/base/alloc.h"
#include "tests/fakes/scenario.h"
#include "tests/fakes/wire_message.h"

#include <stdlib.h>

/* After whatever happened, an ordinary bundle works. */
static void check_that_it_still_works(fake_runner *runner) {
    fake_offer_step(runner, "works", "emit=output");
    fake_run_bundle(runner, "works-1", "works", 1, 100);
    (void)fake_await_success(runner, "works-1");
    fake_check_rows(runner, "works-1", "sink", 1, 100, 1);
}

/* Sends `len` bytes for node source of a bundle, and the end mark. */
static void send_bytes(fake_runner *runner, const char *bundle_id, const uint8_t *bytes, size_t len) {
    beamc_byte_buffer message;
    wire_init(&message);
    fake_add_data(&message, bundle_id, "source", bytes, len, true);
    fake_send(runner, &message);
}

static void an_element_cut_short_fails_the_bundle_and_names_the_element(fake_runner *runner) {
    beamc_byte_buffer rows;
    fake_offer_step(runner, "d1", "emit=output");
    fake_start_worker(runner);
    fake_process_bundle(runner, "b1", "d1");
    wire_init(&rows);
    element_bytes_append_rows(&rows, fake_shape(runner), 1, 3);
    send_bytes(runner, "b1", rows.data, rows.len - 2);
    beamc_byte_buffer_cleanup(&rows);
    fake_await_error(runner, "b1", "element 3");
    fake_await_error(runner, "b1", "source");
    check_that_it_still_works(runner);
}

static void a_row_of_garbage_fails_the_bundle(fake_runner *runner) {
    uint8_t garbage[400];
    fake_offer_step(runner, "d1", "emit=output");
    fake_start_worker(runner);
    memset(garbage, 0xEE, sizeof garbage);
    fake_process_bundle(runner, "b1", "d1");
    send_bytes(runner, "b1", garbage, sizeof garbage);
    fake_await_error(runner, "b1", "element 1");
    check_that_it_still_works(runner);
}

static void a_row_with_a_length_past_its_end_fails_the_bundle(fake_runner *runner) {
    static const uint8_t row[] = {0x7f, 0xdf, 0x3b, 0x64, 0x5a, 0x1c, 0xac, 0x09, 0,    0,    0,
                                  1,    0x0f, 0xff, 0xff, 0xff, 0xff, 0x07, 0x02, 0x00, 0x01, 0x00};
    fake_offer_step(runner, "d1", "emit=output");
    fake_start_worker(runner);
    fake_process_bundle(runner, "b1", "d1");
    send_bytes(runner, "b1", row, sizeof row);
    fake_await_error(runner, "b1", "element 1");
    check_that_it_still_works(runner);
}

static void a_message_that_is_no_elements_fails_the_running_bundles_and_only_those(fake_runner *runner) {
    beamc_byte_buffer message;
    fake_offer_step(runner, "d1", "emit=output");
    fake_start_worker(runner);
    fake_process_bundle(runner, "b1", "d1");
    fake_await_streams(runner, FAKE_DATA, 1);
    wire_init(&message);
    for (int i = 0; i < 100; i++)
        (void)beamc_byte_buffer_append_byte(&message, 0xFF);
    fake_send(runner, &message);
    fake_await_error(runner, "b1", "cannot be parsed");
    check_that_it_still_works(runner);
    fake_check(runner, fake_num_streams(runner, FAKE_DATA) == 1);
}

static void a_step_that_fails_has_its_words_in_the_one_response(fake_runner *runner) {
    fake_offer_step(runner, "d1", "emit=output;at=2;error=the store says no");
    fake_start_worker(runner);
    fake_run_bundle(runner, "b1", "d1", 1, 10);
    fake_await_error(runner, "b1", "the store says no");
    check_that_it_still_works(runner);
    fake_check(runner, fake_num_responses(runner, "b1") == 1);
}

static void data_that_comes_after_a_failure_is_dropped(fake_runner *runner) {
    enum { MESSAGES = 100, ROWS = 30 * 1000 }; /* 90 MB: more than the input cap */
    fake_offer_step(runner, "d1", "emit=output;error=no");
    fake_start_worker(runner);
    fake_process_bundle(runner, "b1", "d1");
    fake_send_rows(runner, "b1", 1, 1);
    fake_await_error(runner, "b1", "no");
    for (int i = 0; i < MESSAGES; i++)
        fake_send_rows(runner, "b1", i, ROWS);
    fake_send_end(runner, "b1");
    check_that_it_still_works(runner); /* behind it on the same stream */
    fake_check(runner, fake_num_responses(runner, "b1") == 1);
}

static void data_that_waits_when_a_bundle_fails_makes_room_again(fake_runner *runner) {
    enum { MESSAGES = 100, ROWS = 30 * 1000 };
    char *script = beamc_format("gate=%s;error=no", fake_gate(runner));
    fake_offer_step(runner, "d1", script);
    free(script);
    fake_start_worker(runner);
    fake_process_bundle(runner, "b1", "d1");
    for (int i = 0; i < MESSAGES; i++)
        fake_send_rows(runner, "b1", i, ROWS);
    fake_pause(100);
    fake_open_gate(runner);
    fake_await_error(runner, "b1", "no");
    check_that_it_still_works(runner);
}

static void a_failed_bundle_does_not_touch_the_others(fake_runner *runner) {
    fake_offer_step(runner, "bad", "emit=output;at=5;error=no");
    fake_offer_step(runner, "good", "emit=output;again=1");
    fake_start_worker(runner);
    fake_process_bundle(runner, "g1", "good");
    fake_process_bundle(runner, "x1", "bad");
    fake_process_bundle(runner, "g2", "good");
    fake_send_rows(runner, "g1", 1, 50);
    fake_send_rows(runner, "x1", 1, 50);
    fake_send_rows(runner, "g2", 1, 50);
    fake_await_error(runner, "x1", "no");
    fake_send_end(runner, "g1");
    fake_send_end(runner, "x1");
    fake_send_end(runner, "g2");
    (void)fake_await_success(runner, "g1");
    (void)fake_await_success(runner, "g2");
    fake_check_rows(runner, "g1", "sink", 1, 50, 1);
    fake_check_rows(runner, "g2", "sink", 1, 50, 1);
}

static void a_plan_that_failed_does_not_spoil_the_next_bundle_of_its_stage(fake_runner *runner) {
    fake_offer_step(runner, "d1", "emit=output;at=3;error=no");
    fake_start_worker(runner);
    for (int i = 0; i < 4; i++) {
        char id[16];
        snprintf(id, sizeof id, "b%d", i);
        fake_run_bundle(runner, id, "d1", 1, i % 2 == 0 ? 5 : 2);
        if (i % 2 == 0) {
            fake_await_error(runner, id, "no");
        } else {
            fake_check(runner, fake_counter(fake_await_success(runner, id), "rows", NULL) == 2);
            fake_check_rows(runner, id, "sink", 1, 2, 1);
        }
    }
}

static void a_setup_that_fails_is_answered_and_tried_again(fake_runner *runner) {
    fake_offer_step(runner, "d1", "setup_error=the key cannot be read");
    fake_start_worker(runner);
    for (int i = 0; i < 2; i++) {
        char id[16];
        snprintf(id, sizeof id, "b%d", i);
        fake_run_bundle(runner, id, "d1", 1, 3);
        fake_await_error(runner, id, "the key cannot be read");
        fake_await_error(runner, id, "step");
    }
    fake_check(runner, fake_num_lookups(runner) == 1);
    check_that_it_still_works(runner);
}

static void a_start_that_fails_is_answered(fake_runner *runner) {
    fake_offer_step(runner, "d1", "emit=output;start_error=not today");
    fake_start_worker(runner);
    fake_run_bundle(runner, "b1", "d1", 1, 3);
    fake_await_error(runner, "b1", "not today");
    check_that_it_still_works(runner);
}

static void a_finish_that_fails_is_answered_after_all_rows(fake_runner *runner) {
    fake_offer_step(runner, "d1", "emit=output;finish_again=2;finish_error=three rows were refused");
    fake_start_worker(runner);
    fake_run_bundle(runner, "b1", "d1", 1, 3);
    fake_await_error(runner, "b1", "three rows were refused");
    check_that_it_still_works(runner);
}

static void a_look_up_that_fails_fails_its_bundle_and_the_next_one_asks_again(fake_runner *runner) {
    fake_fail_descriptors(runner, 1, "the descriptor is being moved");
    fake_offer_step(runner, "d1", "emit=output");
    fake_start_worker(runner);
    fake_process_bundle(runner, "b1", "d1");
    fake_await_error(runner, "b1", "the descriptor is being moved");
    fake_await_error(runner, "b1", "d1");
    fake_run_bundle(runner, "b2", "d1", 1, 3);
    (void)fake_await_success(runner, "b2");
    fake_check_rows(runner, "b2", "sink", 1, 3, 1);
    fake_check(runner, fake_num_lookups(runner) == 2);
}

static void a_look_up_that_fails_fails_every_bundle_that_waits_for_it(fake_runner *runner) {
    fake_hold_descriptors(runner, true);
    fake_fail_descriptors(runner, 1, "no");
    fake_offer_step(runner, "d1", "emit=output");
    fake_start_worker(runner);
    fake_process_bundle(runner, "b1", "d1");
    fake_process_bundle(runner, "b2", "d1");
    fake_process_bundle(runner, "b3", "d1");
    fake_await_lookups(runner, 1);
    fake_pause(50);
    fake_hold_descriptors(runner, false);
    fake_await_error(runner, "b1", "d1");
    fake_await_error(runner, "b2", "d1");
    fake_await_error(runner, "b3", "d1");
    check_that_it_still_works(runner);
}

static void a_descriptor_that_the_runner_does_not_have_is_an_error(fake_runner *runner) {
    fake_start_worker(runner);
    fake_process_bundle(runner, "b1", "nobody offered this");
    fake_await_error(runner, "b1", "nobody offered this");
    fake_await_error(runner, "b1", "no such descriptor");
    check_that_it_still_works(runner);
}

static void a_data_address_where_nobody_listens_fails_the_bundle_and_is_named(fake_runner *runner) {
    fake_pipeline pipeline;
    fake_pipeline_init(&pipeline, "d1");
    fake_pipeline_pcollection(&pipeline, "in", "row");
    fake_pipeline_source(&pipeline, "source", "127.0.0.1:1", "row_lp/global", "in");
    fake_pipeline_pardo(&pipeline, "step", FAKE_SCRIPTED_DOFN, "", "in=in", "");
    fake_offer(runner, &pipeline);
    fake_start_worker(runner);
    fake_process_bundle(runner, "b1", "d1");
    fake_await_error(runner, "b1", "127.0.0.1:1");
    check_that_it_still_works(runner);
}

static void an_instruction_of_an_unknown_kind_is_an_error(fake_runner *runner) {
    fake_start_worker(runner);
    fake_instruct_kind(runner, "i1", 1099);
    fake_await_error(runner, "i1", "kind");
    check_that_it_still_works(runner);
}

static void an_instruction_without_a_kind_is_an_error(fake_runner *runner) {
    fake_start_worker(runner);
    fake_instruct_kind(runner, "i1", 15); /* a field that InstructionRequest does not have */
    fake_await_error(runner, "i1", "kind");
    check_that_it_still_works(runner);
}

static void an_instruction_id_that_is_in_use_is_refused_and_its_bundle_goes_on(fake_runner *runner) {
    fake_offer_step(runner, "d1", "emit=output");
    fake_start_worker(runner);
    fake_process_bundle(runner, "b1", "d1");
    fake_send_rows(runner, "b1", 1, 3);
    fake_process_bundle(runner, "b1", "d1");
    fake_await_error(runner, "b1", "b1");
    fake_send_end(runner, "b1");
    fake_check_rows(runner, "b1", "sink", 1, 3, 1);
    fake_await_num_responses(runner, "b1", 2); /* to two requests */
    check_that_it_still_works(runner);
    fake_check(runner, fake_num_responses(runner, "b1") == 2);
}

static void an_instruction_id_that_has_ended_is_refused(fake_runner *runner) {
    fake_offer_step(runner, "d1", "emit=output");
    fake_start_worker(runner);
    fake_run_bundle(runner, "b1", "d1", 1, 3);
    (void)fake_await_success(runner, "b1");
    fake_process_bundle(runner, "b1", "d1");
    check_that_it_still_works(runner);
    fake_check(runner, fake_num_responses(runner, "b1") == 2);
}

static void descriptors_may_be_registered_beforehand_as_old_runners_do(fake_runner *runner) {
    fake_pipeline pipeline;
    fake_start_worker(runner);
    fake_pipeline_init(&pipeline, "d1");
    fake_pipeline_pcollection(&pipeline, "in", "row");
    fake_pipeline_pcollection(&pipeline, "out", "row");
    fake_pipeline_source(&pipeline, "source", fake_data_url(runner), "row_lp/global", "in");
    fake_pipeline_pardo(&pipeline, "step", FAKE_SCRIPTED_DOFN, "emit=output", "in=in", "output=out");
    fake_pipeline_sink(&pipeline, "sink", fake_data_url(runner), "row_lp/global", "out");
    fake_register(runner, "i1", &pipeline);
    (void)fake_await_response_of(runner, "i1", BEAM__INSTRUCTION_RESPONSE__RESPONSE_REGISTER);
    fake_run_bundle(runner, "b1", "d1", 1, 3);
    (void)fake_await_success(runner, "b1");
    fake_check_rows(runner, "b1", "sink", 1, 3, 1);
    fake_check(runner, fake_num_lookups(runner) == 0);
}

static void what_is_no_instruction_ends_the_worker(fake_runner *runner) {
    fake_start_worker(runner);
    fake_await_streams(runner, FAKE_CONTROL, 1);
    fake_send_control_bytes(runner, "\xff\xff\xff\xff", 4);
    fake_await_bad_exit(runner, 5000);
}

static void an_empty_instruction_is_answered(fake_runner *runner) {
    fake_start_worker(runner);
    fake_instruct_kind(runner, "", 15);
    fake_await_error(runner, "", "kind");
    check_that_it_still_works(runner);
}

static void a_bundle_without_rows_may_fail_too(fake_runner *runner) {
    fake_offer_step(runner, "d1", "emit=output;finish_error=nothing came");
    fake_start_worker(runner);
    fake_process_bundle(runner, "b1", "d1");
    fake_send_end(runner, "b1");
    fake_await_error(runner, "b1", "nothing came");
    check_that_it_still_works(runner);
}

int main(int argc, char **argv) {
    const struct CMUnitTest tests[] = {
        SCENARIO(an_element_cut_short_fails_the_bundle_and_names_the_element),
        SCENARIO(a_row_of_garbage_fails_the_bundle),
        SCENARIO(a_row_with_a_length_past_its_end_fails_the_bundle),
        SCENARIO(a_message_that_is_no_elements_fails_the_running_bundles_and_only_those),
        SCENARIO(a_step_that_fails_has_its_words_in_the_one_response),
        SCENARIO(data_that_comes_after_a_failure_is_dropped),
        SCENARIO(data_that_waits_when_a_bundle_fails_makes_room_again),
        SCENARIO(a_failed_bundle_does_not_touch_the_others),
        SCENARIO(a_plan_that_failed_does_not_spoil_the_next_bundle_of_its_stage),
        SCENARIO(a_setup_that_fails_is_answered_and_tried_again),
        SCENARIO(a_start_that_fails_is_answered),
        SCENARIO(a_finish_that_fails_is_answered_after_all_rows),
        SCENARIO(a_look_up_that_fails_fails_its_bundle_and_the_next_one_asks_again),
        SCENARIO(a_look_up_that_fails_fails_every_bundle_that_waits_for_it),
        SCENARIO(a_descriptor_that_the_runner_does_not_have_is_an_error),
        SCENARIO(a_data_address_where_nobody_listens_fails_the_bundle_and_is_named),
        SCENARIO(an_instruction_of_an_unknown_kind_is_an_error),
        SCENARIO(an_instruction_without_a_kind_is_an_error),
        SCENARIO(an_instruction_id_that_is_in_use_is_refused_and_its_bundle_goes_on),
        SCENARIO(an_instruction_id_that_has_ended_is_refused),
        SCENARIO(descriptors_may_be_registered_beforehand_as_old_runners_do),
        SCENARIO(what_is_no_instruction_ends_the_worker),
        SCENARIO(an_empty_instruction_is_answered),
        SCENARIO(a_bundle_without_rows_may_fail_too),
    };
    return SCENARIO_MAIN("failures", argc, argv, tests);
}
