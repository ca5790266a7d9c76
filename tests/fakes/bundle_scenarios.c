/* Bundles as runners send them: in every order, size and encoding that is allowed. */
#include "sdk_harness/base/alloc.h"
#include "tests/fakes/scenario.h"
#include "tests/fakes/wire_message.h"

#include <stdlib.h>

static void rows_go_in_and_come_out(fake_runner *runner) {
    fake_offer_step(runner, "d1", "emit=output");
    fake_start_worker(runner);
    fake_run_bundle(runner, "b1", "d1", 1, 3);
    const Beam__ProcessBundleResponse *response = fake_await_success(runner, "b1");
    fake_check_rows(runner, "b1", "sink", 1, 3, 1);
    fake_check(runner, fake_counter(response, "rows", "step") == 3);
    fake_check(runner, fake_counter(response, "beam:metric:element_count:v1", "in") == 3);
    fake_check(runner, fake_counter(response, "beam:metric:element_count:v1", "out") == 3);
    fake_check(runner, fake_counter(response, "beam:metric:data_channel:read_index:v1", "source") == 3);
    fake_check(runner, !response->requires_finalization && response->n_residual_roots == 0);
}

/* The data stream is there only once a bundle has run. */
static void start_with_a_bundle(fake_runner *runner, const char *script) {
    fake_offer_step(runner, "d1", script);
    fake_start_worker(runner);
    fake_run_bundle(runner, "first", "d1", 1, 1);
    (void)fake_await_success(runner, "first");
}

static void data_may_come_before_its_bundle(fake_runner *runner) {
    start_with_a_bundle(runner, "emit=output");
    fake_send_rows(runner, "b1", 1, 500);
    fake_send_end(runner, "b1");
    fake_pause(50);
    fake_process_bundle(runner, "b1", "d1");
    (void)fake_await_success(runner, "b1");
    fake_check_rows(runner, "b1", "sink", 1, 500, 1);
}

static void part_of_the_data_may_come_before_its_bundle(fake_runner *runner) {
    start_with_a_bundle(runner, "emit=output");
    fake_send_rows(runner, "b1", 1, 100);
    fake_pause(20);
    fake_process_bundle(runner, "b1", "d1");
    fake_send_rows(runner, "b1", 101, 100);
    fake_pause(20);
    fake_send_rows(runner, "b1", 201, 100);
    fake_send_end(runner, "b1");
    (void)fake_await_success(runner, "b1");
    fake_check_rows(runner, "b1", "sink", 1, 300, 1);
}

static void a_bundle_waits_for_data_that_comes_late(fake_runner *runner) {
    fake_offer_step(runner, "d1", "emit=output");
    fake_start_worker(runner);
    fake_process_bundle(runner, "b1", "d1");
    fake_await_streams(runner, FAKE_DATA, 1);
    fake_pause(150);
    fake_check(runner, !fake_has_response(runner, "b1"));
    fake_send_rows(runner, "b1", 1, 3);
    fake_send_end(runner, "b1");
    (void)fake_await_success(runner, "b1");
    fake_check_rows(runner, "b1", "sink", 1, 3, 1);
}

static void a_bundle_is_answered_only_when_its_input_has_ended(fake_runner *runner) {
    fake_offer_step(runner, "d1", "emit=output");
    fake_start_worker(runner);
    fake_process_bundle(runner, "b1", "d1");
    fake_send_rows(runner, "b1", 1, 3);
    fake_pause(150);
    fake_check(runner, !fake_has_response(runner, "b1"));
    fake_send_end(runner, "b1");
    (void)fake_await_success(runner, "b1");
}

static void one_bundle_may_come_in_many_messages(fake_runner *runner) {
    fake_offer_step(runner, "d1", "emit=output");
    fake_start_worker(runner);
    fake_process_bundle(runner, "b1", "d1");
    for (int i = 0; i < 1000; i++)
        fake_send_rows(runner, "b1", 3 * i, 3);
    fake_send_end(runner, "b1");
    (void)fake_await_success(runner, "b1");
    fake_check_rows(runner, "b1", "sink", 0, 3000, 1);
}

static void data_and_its_end_may_stand_in_one_part(fake_runner *runner) {
    beamc_byte_buffer rows;
    beamc_byte_buffer message;
    fake_offer_step(runner, "d1", "emit=output");
    fake_start_worker(runner);
    fake_process_bundle(runner, "b1", "d1");
    wire_init(&rows);
    wire_init(&message);
    element_bytes_append_rows(&rows, fake_shape(runner), 1, 7);
    fake_add_data(&message, "b1", "source", rows.data, rows.len, true);
    beamc_byte_buffer_cleanup(&rows);
    fake_send(runner, &message);
    (void)fake_await_success(runner, "b1");
    fake_check_rows(runner, "b1", "sink", 1, 7, 1);
}

static void data_and_its_end_may_stand_in_one_message(fake_runner *runner) {
    beamc_byte_buffer message;
    fake_offer_step(runner, "d1", "emit=output");
    fake_start_worker(runner);
    fake_process_bundle(runner, "b1", "d1");
    wire_init(&message);
    fake_add_rows(runner, &message, "b1", "source", 1, 4);
    fake_add_rows(runner, &message, "b1", "source", 5, 3);
    fake_add_data(&message, "b1", "source", NULL, 0, true);
    fake_send(runner, &message);
    (void)fake_await_success(runner, "b1");
    fake_check_rows(runner, "b1", "sink", 1, 7, 1);
}

static void an_empty_part_is_not_the_end(fake_runner *runner) {
    beamc_byte_buffer message;
    fake_offer_step(runner, "d1", "emit=output");
    fake_start_worker(runner);
    fake_process_bundle(runner, "b1", "d1");
    wire_init(&message);
    fake_add_data(&message, "b1", "source", NULL, 0, false);
    fake_send(runner, &message);
    wire_init(&message); /* a message of no bytes at all */
    fake_send(runner, &message);
    fake_pause(50);
    fake_check(runner, !fake_has_response(runner, "b1"));
    fake_send_rows(runner, "b1", 1, 2);
    fake_send_end(runner, "b1");
    (void)fake_await_success(runner, "b1");
    fake_check_rows(runner, "b1", "sink", 1, 2, 1);
}

static void an_empty_bundle_has_an_end_mark_and_no_data(fake_runner *runner) {
    fake_offer_step(runner, "d1", "emit=output");
    fake_start_worker(runner);
    fake_process_bundle(runner, "b1", "d1");
    fake_send_end(runner, "b1");
    const Beam__ProcessBundleResponse *response = fake_await_success(runner, "b1");
    const fake_output *output = fake_await_output(runner, "b1", "sink");
    fake_check(runner, output->bytes.len == 0 && output->num_parts == 0 && output->num_last == 1);
    fake_check(runner, fake_counter(response, "rows", NULL) == 0);
    for (size_t i = 0; i < response->n_monitoring_infos; i++) /* Flink stops reading at an empty payload */
        fake_check(runner, response->monitoring_infos[i]->payload.len > 0);
}

static void hundreds_of_bundles_of_one_row_use_one_descriptor_and_count_from_zero(fake_runner *runner) {
    enum { BUNDLES = 300 };
    char id[16];
    fake_offer_step(runner, "d1", "emit=output");
    fake_start_worker(runner);
    for (int i = 0; i < BUNDLES; i++) {
        snprintf(id, sizeof id, "b%d", i);
        fake_run_bundle(runner, id, "d1", i, 1);
        if (i % 3 == 0)
            (void)fake_await_success(runner, id);
    }
    for (int i = 0; i < BUNDLES; i++) {
        snprintf(id, sizeof id, "b%d", i);
        fake_check(runner, fake_counter(fake_await_success(runner, id), "rows", NULL) == 1);
        fake_check_rows(runner, id, "sink", i, 1, 1);
    }
    fake_check(runner, fake_num_lookups(runner) == 1);
}

static void eight_bundles_run_at_once_and_their_data_may_be_mixed(fake_runner *runner) {
    enum { BUNDLES = 8, ROUNDS = 50 };
    char ids[BUNDLES][16];
    fake_offer_step(runner, "d1", "emit=output");
    fake_start_worker(runner);
    for (int b = 0; b < BUNDLES; b++) {
        snprintf(ids[b], sizeof ids[b], "b%d", b);
        fake_process_bundle(runner, ids[b], "d1");
    }
    for (int round = 0; round <= ROUNDS; round++) {
        beamc_byte_buffer message;
        wire_init(&message);
        for (int b = 0; b < BUNDLES; b++)
            if (round < ROUNDS)
                fake_add_rows(runner, &message, ids[b], "source", 1000 * b + 4 * round, 4);
            else
                fake_add_data(&message, ids[b], "source", NULL, 0, true);
        fake_send(runner, &message);
    }
    for (int b = 0; b < BUNDLES; b++) {
        (void)fake_await_success(runner, ids[b]);
        fake_check_rows(runner, ids[b], "sink", 1000 * b, 4 * ROUNDS, 1);
    }
}

static void two_descriptors_are_kept_apart(fake_runner *runner) {
    fake_offer_step(runner, "d1", "emit=output");
    fake_offer_step(runner, "d2", "emit=output;copies=3");
    fake_start_worker(runner);
    for (int i = 0; i < 4; i++) {
        char id[16];
        snprintf(id, sizeof id, "b%d", i);
        fake_run_bundle(runner, id, i % 2 == 0 ? "d1" : "d2", 1, 5);
        (void)fake_await_success(runner, id);
        fake_check_rows(runner, id, "sink", 1, 5, i % 2 == 0 ? 1 : 3);
    }
    fake_check(runner, fake_num_lookups(runner) == 2);
}

static void rows_may_cross_the_slices_of_a_large_message(fake_runner *runner) {
    enum { ROWS = 200 * 1000 }; /* 6 MB: gRPC's slices are tens of KiB */
    fake_offer_step(runner, "d1", "emit=output");
    fake_start_worker(runner);
    fake_run_bundle(runner, "b1", "d1", 1, ROWS);
    const Beam__ProcessBundleResponse *response = fake_await_success(runner, "b1");
    fake_check(runner, fake_counter(response, "rows", NULL) == ROWS);
    fake_check_rows(runner, "b1", "sink", 1, ROWS, 1);
    fake_check(runner, fake_await_output(runner, "b1", "sink")->num_parts > 3); /* the output leaves in chunks */
}

static void a_row_larger_than_a_slice_is_whole(fake_runner *runner) {
    enum { NAME_BYTES = 3 * 1000 * 1000 };
    beamc_byte_buffer rows;
    beamc_byte_buffer message;
    fake_offer_step(runner, "d1", "emit=output");
    fake_start_worker(runner);
    fake_process_bundle(runner, "b1", "d1");
    char *name = beamc_alloc(NAME_BYTES);
    for (int i = 0; i < NAME_BYTES; i++)
        name[i] = (char)('a' + i % 23);
    wire_init(&rows);
    wire_init(&message);
    for (int i = 0; i < 3; i++)
        element_bytes_append(&rows, fake_shape(runner), i, name, NAME_BYTES);
    fake_add_data(&message, "b1", "source", rows.data, rows.len, true);
    fake_send(runner, &message);
    free(name);
    (void)fake_await_success(runner, "b1");
    const fake_output *output = fake_await_output(runner, "b1", "sink");
    bool equal = output->bytes.len == rows.len && memcmp(output->bytes.data, rows.data, rows.len) == 0;
    beamc_byte_buffer_cleanup(&rows);
    fake_check(runner, equal);
}

static void finish_may_emit(fake_runner *runner) {
    element_row rows[8];
    fake_offer_step(runner, "d1", "emit=output;finish_copies=2");
    fake_start_worker(runner);
    fake_run_bundle(runner, "b1", "d1", 1, 3);
    (void)fake_await_success(runner, "b1");
    fake_check(runner, fake_read_rows(runner, "b1", "sink", rows, 8) == 5);
    fake_check(runner, rows[2].id == 3 && rows[3].id == -1 && rows[4].id == -1);
    fake_check(runner, strcmp(rows[4].name, "finish") == 0);
}

/* Offers the usual stage with the coders of `shape` on both ports. */
static void run_in_shape(fake_runner *runner, const element_shape *shape) {
    static const char *const windows[] = {
        [ELEMENT_GLOBAL_WINDOW] = "global", [ELEMENT_INTERVAL_WINDOW] = "interval", [ELEMENT_CUSTOM_WINDOW] = "custom"};
    char *coder = beamc_format("%s/%s", shape->length_prefixed ? "row_lp" : "row", windows[shape->window]);
    fake_pipeline pipeline;
    fake_pipeline_init(&pipeline, "shaped");
    fake_pipeline_pcollection(&pipeline, "in", "row");
    fake_pipeline_pcollection(&pipeline, "out", "row");
    fake_pipeline_source(&pipeline, "source", fake_data_url(runner), coder, "in");
    fake_pipeline_pardo(&pipeline, "step", FAKE_SCRIPTED_DOFN, "emit=output", "in=in", "output=out");
    fake_pipeline_sink(&pipeline, "sink", fake_data_url(runner), coder, "out");
    free(coder);
    fake_offer(runner, &pipeline);
    *fake_shape(runner) = *shape;
    fake_start_worker(runner);
    fake_run_bundle(runner, "b1", "shaped", 1, 2000);
    fake_check(runner, fake_counter(fake_await_success(runner, "b1"), "rows", NULL) == 2000);
}

/* What came out has the bytes of what went in. */
static void check_same_bytes(fake_runner *runner) {
    beamc_byte_buffer rows;
    wire_init(&rows);
    element_bytes_append_rows(&rows, fake_shape(runner), 1, 2000);
    const fake_output *output = fake_await_output(runner, "b1", "sink");
    bool equal = output->bytes.len == rows.len && memcmp(output->bytes.data, rows.data, rows.len) == 0;
    beamc_byte_buffer_cleanup(&rows);
    fake_check(runner, equal);
}

static void rows_may_be_bare(fake_runner *runner) {
    run_in_shape(runner, &(element_shape){.timestamp_ms = ELEMENT_MIN_TIMESTAMP_MS});
    check_same_bytes(runner);
}

static void rows_may_stand_behind_their_length(fake_runner *runner) {
    run_in_shape(runner, &(element_shape){.length_prefixed = true, .timestamp_ms = 1000});
    check_same_bytes(runner);
}

static void windows_may_be_intervals(fake_runner *runner) {
    run_in_shape(runner, &(element_shape){.window = ELEMENT_INTERVAL_WINDOW, .timestamp_ms = 1000});
    check_same_bytes(runner);
}

static void windows_may_be_of_a_kind_we_do_not_know(fake_runner *runner) {
    run_in_shape(runner, &(element_shape){.length_prefixed = true, .window = ELEMENT_CUSTOM_WINDOW});
    check_same_bytes(runner);
}

static void an_element_in_several_windows_is_processed_once(fake_runner *runner) {
    run_in_shape(runner, &(element_shape){.window = ELEMENT_INTERVAL_WINDOW, .num_windows = 3, .timestamp_ms = 5});
    check_same_bytes(runner);
}

static void an_element_in_several_custom_windows_is_processed_once(fake_runner *runner) {
    run_in_shape(runner, &(element_shape){.window = ELEMENT_CUSTOM_WINDOW, .num_windows = 2, .timestamp_ms = 5});
    check_same_bytes(runner);
}

static void panes_are_handed_on_with_their_indexes(fake_runner *runner) {
    static const uint8_t indexes[] = {0x83, 0x01, 0x07};
    run_in_shape(runner, &(element_shape){.pane = 0x24, .more = indexes, .more_len = sizeof indexes});
    check_same_bytes(runner);
}

static void metadata_behind_the_pane_is_read_over_and_not_handed_on(fake_runner *runner) {
    static const uint8_t metadata[] = {0x02, 0x08, 0x02}; /* length; drain = DRAINING */
    run_in_shape(
        runner, &(element_shape){.length_prefixed = true, .pane = 0x8F, .more = metadata, .more_len = sizeof metadata});
    *fake_shape(runner) = (element_shape){.length_prefixed = true};
    check_same_bytes(runner);
}

static void negative_ids_and_times_survive(fake_runner *runner) {
    element_row rows[4];
    fake_offer_step(runner, "d1", "emit=output");
    fake_shape(runner)->timestamp_ms = -1;
    fake_start_worker(runner);
    fake_run_bundle(runner, "b1", "d1", -2, 4);
    (void)fake_await_success(runner, "b1");
    fake_check_rows(runner, "b1", "sink", -2, 4, 1);
    fake_check(runner, fake_read_rows(runner, "b1", "sink", rows, 4) == 4);
    fake_check(runner, rows[0].timestamp_ms == -1 && rows[0].num_windows == 1 && rows[0].pane == 0x0F);
}

static void timers_nobody_asked_for_are_passed_over(fake_runner *runner) {
    enum { ELEMENTS_TIMERS = 2 };
    beamc_byte_buffer message;
    beamc_byte_buffer timers;
    fake_offer_step(runner, "d1", "emit=output");
    fake_start_worker(runner);
    fake_process_bundle(runner, "b1", "d1");
    wire_init(&message);
    wire_init(&timers);
    wire_text(&timers, 1, "b1");
    wire_text(&timers, 2, "step");
    wire_text(&timers, 3, "family");
    wire_bytes(&timers, 4, "timer", 5);
    wire_number(&timers, 5, 1);
    wire_part(&message, ELEMENTS_TIMERS, &timers);
    fake_add_rows(runner, &message, "b1", "source", 1, 2);
    fake_send(runner, &message);
    fake_send_end(runner, "b1");
    (void)fake_await_success(runner, "b1");
    fake_check_rows(runner, "b1", "sink", 1, 2, 1);
}

static void data_for_a_node_that_is_not_there_does_not_end_the_bundle(fake_runner *runner) {
    beamc_byte_buffer message;
    fake_offer_step(runner, "d1", "emit=output");
    fake_start_worker(runner);
    fake_process_bundle(runner, "b1", "d1");
    wire_init(&message);
    fake_add_data(&message, "b1", "another source", "bytes", 5, true);
    fake_send(runner, &message);
    fake_pause(50);
    fake_check(runner, !fake_has_response(runner, "b1"));
    fake_send_rows(runner, "b1", 1, 2);
    fake_send_end(runner, "b1");
    (void)fake_await_success(runner, "b1");
    fake_check_rows(runner, "b1", "sink", 1, 2, 1);
}

static void elements_that_are_not_taken_at_once_are_offered_again(fake_runner *runner) {
    fake_offer_step(runner, "d1", "emit=output;again=2;finish_again=3");
    fake_start_worker(runner);
    fake_run_bundle(runner, "b1", "d1", 1, 20);
    fake_check(runner, fake_counter(fake_await_success(runner, "b1"), "rows", NULL) == 20);
    fake_check_rows(runner, "b1", "sink", 1, 20, 1);
}

int main(int argc, char **argv) {
    const struct CMUnitTest tests[] = {
        SCENARIO(rows_go_in_and_come_out),
        SCENARIO(data_may_come_before_its_bundle),
        SCENARIO(part_of_the_data_may_come_before_its_bundle),
        SCENARIO(a_bundle_waits_for_data_that_comes_late),
        SCENARIO(a_bundle_is_answered_only_when_its_input_has_ended),
        SCENARIO(one_bundle_may_come_in_many_messages),
        SCENARIO(data_and_its_end_may_stand_in_one_part),
        SCENARIO(data_and_its_end_may_stand_in_one_message),
        SCENARIO(an_empty_part_is_not_the_end),
        SCENARIO(an_empty_bundle_has_an_end_mark_and_no_data),
        SCENARIO(hundreds_of_bundles_of_one_row_use_one_descriptor_and_count_from_zero),
        SCENARIO(eight_bundles_run_at_once_and_their_data_may_be_mixed),
        SCENARIO(two_descriptors_are_kept_apart),
        SCENARIO(rows_may_cross_the_slices_of_a_large_message),
        SCENARIO(a_row_larger_than_a_slice_is_whole),
        SCENARIO(finish_may_emit),
        SCENARIO(rows_may_be_bare),
        SCENARIO(rows_may_stand_behind_their_length),
        SCENARIO(windows_may_be_intervals),
        SCENARIO(windows_may_be_of_a_kind_we_do_not_know),
        SCENARIO(an_element_in_several_windows_is_processed_once),
        SCENARIO(an_element_in_several_custom_windows_is_processed_once),
        SCENARIO(panes_are_handed_on_with_their_indexes),
        SCENARIO(metadata_behind_the_pane_is_read_over_and_not_handed_on),
        SCENARIO(negative_ids_and_times_survive),
        SCENARIO(timers_nobody_asked_for_are_passed_over),
        SCENARIO(data_for_a_node_that_is_not_there_does_not_end_the_bundle),
        SCENARIO(elements_that_are_not_taken_at_once_are_offered_again),
    };
    return SCENARIO_MAIN("bundles", argc, argv, tests);
}
