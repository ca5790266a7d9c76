/* What a stage may look like: the transforms and coders that runners put into a descriptor. */
#include "sdk_harness/base/alloc.h"
#include "tests/fakes/scenario.h"
#include "tests/fakes/wire_message.h"

#include <stdlib.h>

/* A stage with the usual source, and rows in the PCollections `pcollections` (NULL-terminated) beside "in". */
static void begin_stage(fake_runner *runner, fake_pipeline *pipeline, const char *const *pcollections) {
    fake_pipeline_init(pipeline, "d1");
    fake_pipeline_pcollection(pipeline, "in", "row");
    for (size_t i = 0; pcollections[i] != NULL; i++)
        fake_pipeline_pcollection(pipeline, pcollections[i], "row");
    fake_pipeline_source(pipeline, "source", fake_data_url(runner), "row_lp/global", "in");
}

static void add_sink(fake_runner *runner, fake_pipeline *pipeline, const char *node, const char *pcollection) {
    fake_pipeline_sink(pipeline, node, fake_data_url(runner), "row_lp/global", pcollection);
}

static void add_step(fake_pipeline *pipeline, const char *node, const char *script, const char *inputs,
                     const char *outputs) {
    fake_pipeline_pardo(pipeline, node, FAKE_SCRIPTED_DOFN, script, inputs, outputs);
}

static void add_flatten(fake_pipeline *pipeline, const char *node, const char *inputs, const char *outputs) {
    fake_pipeline_transform(pipeline, node, "beam:transform:flatten:v1", NULL, 0, inputs, outputs);
}

/* Offers the stage and runs rows 1..count through it; returns the bundle's response. */
static const Beam__ProcessBundleResponse *run_stage(fake_runner *runner, fake_pipeline *pipeline, size_t count) {
    fake_offer(runner, pipeline);
    fake_start_worker(runner);
    fake_run_bundle(runner, "b1", "d1", 1, count);
    return fake_await_success(runner, "b1");
}

static void an_output_that_nobody_reads_has_no_sink_node(fake_runner *runner) {
    fake_pipeline pipeline;
    begin_stage(runner, &pipeline, (const char *[]){"out", "bad", NULL});
    add_step(&pipeline, "step", "emit=output,bad", "in=in", "output=out,bad=bad");
    add_sink(runner, &pipeline, "sink", "out");
    fake_check(runner, fake_counter(run_stage(runner, &pipeline, 3), "rows", NULL) == 3);
    fake_check_rows(runner, "b1", "sink", 1, 3, 1);
}

static void a_step_all_of_whose_outputs_are_discarded_still_runs(fake_runner *runner) {
    fake_pipeline pipeline;
    begin_stage(runner, &pipeline, (const char *[]){"out", "bad", NULL});
    add_step(&pipeline, "step", "emit=output,bad", "in=in", "output=out,bad=bad");
    fake_check(runner, fake_counter(run_stage(runner, &pipeline, 3), "rows", NULL) == 3);
}

static void every_output_has_its_own_end_mark_also_the_empty_one(fake_runner *runner) {
    fake_pipeline pipeline;
    begin_stage(runner, &pipeline, (const char *[]){"out", "bad", NULL});
    add_step(&pipeline, "step", "emit=output", "in=in", "output=out,bad=bad");
    add_sink(runner, &pipeline, "sink/out", "out");
    add_sink(runner, &pipeline, "sink/bad", "bad");
    (void)run_stage(runner, &pipeline, 3);
    fake_check_rows(runner, "b1", "sink/out", 1, 3, 1);
    const fake_output *bad = fake_await_output(runner, "b1", "sink/bad");
    fake_check(runner, bad->num_last == 1 && bad->num_parts == 0);
}

static void two_outputs_get_what_each_is_sent(fake_runner *runner) {
    fake_pipeline pipeline;
    begin_stage(runner, &pipeline, (const char *[]){"out", "bad", NULL});
    add_step(&pipeline, "step", "emit=bad,output,output", "in=in", "output=out,bad=bad");
    add_sink(runner, &pipeline, "sink/out", "out");
    add_sink(runner, &pipeline, "sink/bad", "bad");
    (void)run_stage(runner, &pipeline, 100);
    fake_check_rows(runner, "b1", "sink/out", 1, 100, 2);
    fake_check_rows(runner, "b1", "sink/bad", 1, 100, 1);
}

static void two_steps_that_read_one_source_each_get_every_row(fake_runner *runner) {
    fake_pipeline pipeline;
    begin_stage(runner, &pipeline, (const char *[]){"out1", "out2", NULL});
    add_step(&pipeline, "step1", "emit=output", "in=in", "output=out1");
    add_step(&pipeline, "step2", "emit=output;copies=2", "in=in", "output=out2");
    add_sink(runner, &pipeline, "sink1", "out1");
    add_sink(runner, &pipeline, "sink2", "out2");
    const Beam__ProcessBundleResponse *response = run_stage(runner, &pipeline, 100);
    fake_check_rows(runner, "b1", "sink1", 1, 100, 1);
    fake_check_rows(runner, "b1", "sink2", 1, 100, 2);
    fake_check(runner, fake_counter(response, "rows", "step1") == 100);
    fake_check(runner, fake_counter(response, "rows", "step2") == 100);
    fake_check(runner, fake_counter(response, "beam:metric:element_count:v1", "in") == 100);
}

static void of_two_steps_that_read_one_source_the_slower_holds_both(fake_runner *runner) {
    fake_pipeline pipeline;
    begin_stage(runner, &pipeline, (const char *[]){"out1", "out2", NULL});
    add_step(&pipeline, "step1", "emit=output", "in=in", "output=out1");
    add_step(&pipeline, "step2", "emit=output;again=1", "in=in", "output=out2");
    add_sink(runner, &pipeline, "sink1", "out1");
    add_sink(runner, &pipeline, "sink2", "out2");
    (void)run_stage(runner, &pipeline, 50);
    fake_check_rows(runner, "b1", "sink1", 1, 50, 1);
    fake_check_rows(runner, "b1", "sink2", 1, 50, 1);
}

static void steps_may_follow_one_another(fake_runner *runner) {
    fake_pipeline pipeline;
    begin_stage(runner, &pipeline, (const char *[]){"mid", "out", NULL});
    /* Consumers first: the order of a map means nothing. */
    add_sink(runner, &pipeline, "sink", "out");
    add_step(&pipeline, "a-second", "emit=output;copies=2", "in=mid", "output=out");
    add_step(&pipeline, "b-first", "emit=output;copies=3", "in=in", "output=mid");
    const Beam__ProcessBundleResponse *response = run_stage(runner, &pipeline, 10);
    fake_check_rows(runner, "b1", "sink", 1, 10, 6);
    fake_check(runner, fake_counter(response, "rows", "a-second") == 30);
    fake_check(runner, fake_counter(response, "beam:metric:element_count:v1", "mid") == 30);
}

static void what_a_second_step_cannot_take_yet_waits_in_order(fake_runner *runner) {
    fake_pipeline pipeline;
    begin_stage(runner, &pipeline, (const char *[]){"mid", "out", NULL});
    add_step(&pipeline, "first", "emit=output;copies=3;finish_copies=2", "in=in", "output=mid");
    add_step(&pipeline, "second", "emit=output;again=1", "in=mid", "output=out");
    add_sink(runner, &pipeline, "sink", "out");
    const Beam__ProcessBundleResponse *response = run_stage(runner, &pipeline, 20);
    element_row rows[80];
    fake_check(runner, fake_counter(response, "rows", "second") == 62);
    fake_check(runner, fake_read_rows(runner, "b1", "sink", rows, 80) == 62);
    for (int i = 0; i < 60; i++)
        fake_check(runner, rows[i].id == 1 + i / 3);
    fake_check(runner, rows[60].id == -1 && rows[61].id == -1);
}

static void a_flatten_behind_our_step_is_part_of_the_stage(fake_runner *runner) {
    fake_pipeline pipeline;
    begin_stage(runner, &pipeline, (const char *[]){"out1", "out2", "all", NULL});
    add_step(&pipeline, "step1", "emit=output", "in=in", "output=out1");
    add_step(&pipeline, "step2", "emit=output", "in=in", "output=out2");
    add_flatten(&pipeline, "flatten", "0=out1,1=out2", "out=all");
    add_sink(runner, &pipeline, "sink", "all");
    const Beam__ProcessBundleResponse *response = run_stage(runner, &pipeline, 100);
    fake_check_rows(runner, "b1", "sink", 1, 100, 2);
    fake_check(runner, fake_counter(response, "beam:metric:element_count:v1", "all") == 200);
}

static void a_flatten_may_have_lost_its_other_inputs(fake_runner *runner) {
    fake_pipeline pipeline;
    begin_stage(runner, &pipeline, (const char *[]){"out", "elsewhere", "all", NULL});
    add_step(&pipeline, "step", "emit=output", "in=in", "output=out");
    add_flatten(&pipeline, "flatten", "0=elsewhere,1=out", "out=all"); /* made by another stage */
    add_sink(runner, &pipeline, "sink", "all");
    (void)run_stage(runner, &pipeline, 5);
    fake_check_rows(runner, "b1", "sink", 1, 5, 1);
}

static void a_flatten_that_reads_one_pcollection_many_times_repeats_its_rows(fake_runner *runner) {
    fake_pipeline pipeline;
    begin_stage(runner, &pipeline, (const char *[]){"out", "all", NULL});
    add_step(&pipeline, "step", "emit=output", "in=in", "output=out");
    add_flatten(&pipeline, "flatten", "0=out,1=out,2=out,3=out,4=out,5=out,6=out", "out=all");
    add_sink(runner, &pipeline, "sink", "all");
    (void)run_stage(runner, &pipeline, 5);
    fake_check_rows(runner, "b1", "sink", 1, 5, 7);
}

static void a_flatten_that_nobody_reads_does_no_harm(fake_runner *runner) {
    fake_pipeline pipeline;
    begin_stage(runner, &pipeline, (const char *[]){"out", "all", NULL});
    add_step(&pipeline, "step", "emit=output", "in=in", "output=out");
    add_flatten(&pipeline, "flatten", "0=out", "out=all");
    fake_check(runner, fake_counter(run_stage(runner, &pipeline, 5), "rows", NULL) == 5);
}

/* A flatten in front of our step, as FnApiRunner's transcoders are. */
static void begin_flattened_stage(fake_runner *runner, fake_pipeline *pipeline, const char *script) {
    begin_stage(runner, pipeline, (const char *[]){"flat", "out", NULL});
    add_flatten(pipeline, "flatten", "0=in", "out=flat");
    add_step(pipeline, "step", script, "in=flat", "output=out");
    add_sink(runner, pipeline, "sink", "out");
}

static void a_flatten_with_one_input_may_stand_before_our_step(fake_runner *runner) {
    fake_pipeline pipeline;
    begin_flattened_stage(runner, &pipeline, "emit=output;again=1");
    (void)run_stage(runner, &pipeline, 50);
    fake_check_rows(runner, "b1", "sink", 1, 50, 1);
}

static void a_flatten_does_not_gather_what_our_step_cannot_take_yet(fake_runner *runner) {
    enum { NAME_BYTES = 1000 * 1000, MESSAGES = 90 };
    static char name[NAME_BYTES];
    fake_pipeline pipeline;
    char *script = beamc_format("gate=%s", fake_gate(runner));
    begin_flattened_stage(runner, &pipeline, script);
    free(script);
    fake_offer(runner, &pipeline);
    fake_start_worker(runner);
    fake_process_bundle(runner, "b1", "d1");
    memset(name, 'x', sizeof name);
    for (int i = 0; i < MESSAGES; i++) {
        beamc_byte_buffer message;
        beamc_byte_buffer row;
        wire_init(&message);
        wire_init(&row);
        element_bytes_append(&row, fake_shape(runner), i, name, sizeof name);
        fake_add_data(&message, "b1", "source", row.data, row.len, i == MESSAGES - 1);
        beamc_byte_buffer_cleanup(&row);
        fake_send(runner, &message);
    }
    fake_pause(300);
    fake_check(runner, !fake_has_response(runner, "b1"));
    fake_open_gate(runner);
    fake_check(runner, fake_counter(fake_await_success(runner, "b1"), "rows", NULL) == MESSAGES);
}

static void a_stage_may_have_two_sources(fake_runner *runner) {
    fake_pipeline pipeline;
    begin_stage(runner, &pipeline, (const char *[]){"in2", "flat", "out", NULL});
    fake_pipeline_source(&pipeline, "source2", fake_data_url(runner), "row/global", "in2");
    add_flatten(&pipeline, "flatten", "0=in,1=in2", "out=flat");
    add_step(&pipeline, "step", "emit=output;again=1;again_ms=0", "in=flat", "output=out");
    add_sink(runner, &pipeline, "sink", "out");
    fake_offer(runner, &pipeline);
    fake_start_worker(runner);
    fake_process_bundle(runner, "b1", "d1");
    beamc_byte_buffer message;
    beamc_byte_buffer rows;
    wire_init(&message);
    wire_init(&rows);
    element_bytes_append_rows(&rows, &(element_shape){.timestamp_ms = 0}, 1000, 50);
    fake_add_data(&message, "b1", "source2", rows.data, rows.len, false);
    beamc_byte_buffer_cleanup(&rows);
    fake_add_rows(runner, &message, "b1", "source", 1, 50);
    fake_add_data(&message, "b1", "source2", NULL, 0, true);
    fake_send(runner, &message);
    fake_pause(50);
    fake_check(runner, !fake_has_response(runner, "b1")); /* one of two has ended */
    fake_send_end(runner, "b1");
    const Beam__ProcessBundleResponse *response = fake_await_success(runner, "b1");
    fake_check(runner, fake_counter(response, "rows", NULL) == 100);
    fake_check(runner, fake_counter(response, "beam:metric:data_channel:read_index:v1", "source2") == 50);
    fake_check(runner, fake_read_rows(runner, "b1", "sink", NULL, 0) == 100);
}

static void input_and_output_may_have_addresses_of_their_own(fake_runner *runner) {
    fake_pipeline pipeline;
    const char *second = fake_second_data_url(runner);
    begin_stage(runner, &pipeline, (const char *[]){"out", NULL});
    add_step(&pipeline, "step", "emit=output", "in=in", "output=out");
    fake_pipeline_sink(&pipeline, "sink", second, "row_lp/global", "out");
    fake_offer(runner, &pipeline);
    fake_start_worker(runner);
    fake_process_bundle(runner, "b1", "d1");
    fake_await_streams(runner, FAKE_DATA, 2);
    for (int i = 0; i < 2; i++) {
        beamc_byte_buffer message;
        wire_init(&message);
        if (i == 0)
            fake_add_rows(runner, &message, "b1", "source", 1, 5);
        else
            fake_add_data(&message, "b1", "source", NULL, 0, true);
        fake_send_to(runner, fake_data_url(runner), &message);
    }
    (void)fake_await_success(runner, "b1");
    fake_check_rows(runner, "b1", "sink", 1, 5, 1);
    fake_check(runner, fake_num_streams(runner, FAKE_DATA) == 2);
}

static void the_coder_of_a_port_counts_and_not_the_pcollection_s(fake_runner *runner) {
    fake_pipeline pipeline;
    begin_stage(runner, &pipeline, (const char *[]){NULL});
    fake_pipeline_pcollection(&pipeline, "out", "row_lp"); /* both PCollections differ from their ports */
    add_step(&pipeline, "step", "emit=output", "in=in", "output=out");
    fake_pipeline_sink(&pipeline, "sink", fake_data_url(runner), "row/global", "out");
    (void)run_stage(runner, &pipeline, 5);
    fake_shape(runner)->length_prefixed = false;
    fake_check_rows(runner, "b1", "sink", 1, 5, 1);
}

static void coders_that_no_port_uses_may_be_broken(fake_runner *runner) {
    fake_pipeline pipeline;
    begin_stage(runner, &pipeline, (const char *[]){"out", NULL});
    fake_pipeline_coder(&pipeline, "pickled", "beam:coder:pickled_python:v1", "\x80\x05", 2, NULL);
    fake_pipeline_coder(&pipeline, "no urn", "", NULL, 0, NULL);
    fake_pipeline_coder(&pipeline, "bad row", "beam:coder:row:v1", "\xff\xff", 2, NULL);
    fake_pipeline_coder(&pipeline, "dangling", "beam:coder:kv:v1", NULL, 0, (const char *[]){"nowhere", NULL});
    fake_pipeline_coder(&pipeline, "itself", "beam:coder:length_prefix:v1", NULL, 0, (const char *[]){"itself", NULL});
    fake_pipeline_pcollection(&pipeline, "other1", "bad row");
    fake_pipeline_pcollection(&pipeline, "other2", "no such coder");
    add_step(&pipeline, "step", "emit=output", "in=in", "output=out");
    add_sink(runner, &pipeline, "sink", "out");
    (void)run_stage(runner, &pipeline, 5);
    fake_check_rows(runner, "b1", "sink", 1, 5, 1);
}

static void transforms_out_of_reach_of_the_sources_are_not_looked_at(fake_runner *runner) {
    fake_pipeline pipeline;
    begin_stage(runner, &pipeline, (const char *[]){"out", "far", NULL});
    fake_pipeline_transform(&pipeline, "strange", "beam:transform:from_the_future:v1", NULL, 0, "in=elsewhere",
                            "out=far");
    add_step(&pipeline, "step", "emit=output", "in=in", "output=out");
    add_sink(runner, &pipeline, "sink", "out");
    (void)run_stage(runner, &pipeline, 5);
    fake_check_rows(runner, "b1", "sink", 1, 5, 1);
}

static void a_descriptor_may_be_larger_than_grpc_s_four_mebibytes(fake_runner *runner) {
    enum { PAYLOAD_BYTES = 6 * 1000 * 1000 };
    fake_pipeline pipeline;
    uint8_t *payload = beamc_alloc_zero(1, PAYLOAD_BYTES);
    begin_stage(runner, &pipeline, (const char *[]){"out", NULL});
    fake_pipeline_coder(&pipeline, "pickled", "beam:coder:pickled_python:v1", payload, PAYLOAD_BYTES, NULL);
    free(payload);
    add_step(&pipeline, "step", "emit=output", "in=in", "output=out");
    add_sink(runner, &pipeline, "sink", "out");
    (void)run_stage(runner, &pipeline, 5);
    fake_check_rows(runner, "b1", "sink", 1, 5, 1);
}

static void fields_from_a_newer_runner_are_passed_over(fake_runner *runner) {
    beamc_byte_buffer message;
    beamc_byte_buffer data;
    beamc_byte_buffer rows;
    fake_pipeline pipeline;
    begin_stage(runner, &pipeline, (const char *[]){"out", NULL});
    add_step(&pipeline, "step", "emit=output", "in=in", "output=out");
    add_sink(runner, &pipeline, "sink", "out");
    wire_number(&pipeline.bytes, 90, 1);
    wire_text(&pipeline.bytes, 91, "of a later version");
    fake_offer(runner, &pipeline);
    fake_start_worker(runner);
    fake_process_bundle(runner, "b1", "d1");
    wire_init(&message);
    wire_init(&data);
    wire_init(&rows);
    element_bytes_append_rows(&rows, fake_shape(runner), 1, 5);
    wire_double(&data, 90, 1.5);
    wire_bytes(&data, 3, rows.data, rows.len); /* and the fields in another order */
    wire_text(&data, 91, "of a later version");
    wire_text(&data, 2, "source");
    wire_text(&data, 1, "b1");
    wire_number(&data, 4, 1);
    wire_text(&message, 92, "of a later version");
    wire_part(&message, 1, &data);
    wire_number(&message, 93, 7);
    beamc_byte_buffer_cleanup(&rows);
    fake_send(runner, &message);
    (void)fake_await_success(runner, "b1");
    fake_check_rows(runner, "b1", "sink", 1, 5, 1);
}

/* ---- refusals: with the reason in the error, before any row is processed, and the worker goes on ---- */

static void check_refused(fake_runner *runner, fake_pipeline *pipeline, const char *first, const char *second) {
    fake_offer(runner, pipeline);
    fake_offer_step(runner, "good", "emit=output");
    fake_start_worker(runner);
    fake_process_bundle(runner, "b1", "d1");
    fake_await_error(runner, "b1", first);
    fake_await_error(runner, "b1", second);
    fake_check(runner, !fake_has_output(runner, "b1", "sink"));
    fake_run_bundle(runner, "b2", "good", 1, 2);
    (void)fake_await_success(runner, "b2");
}

static void an_unknown_transform_is_refused_with_its_urn(fake_runner *runner) {
    fake_pipeline pipeline;
    begin_stage(runner, &pipeline, (const char *[]){"out", NULL});
    fake_pipeline_transform(&pipeline, "strange step", "beam:transform:from_the_future:v1", NULL, 0, "in=in",
                            "output=out");
    add_sink(runner, &pipeline, "sink", "out");
    check_refused(runner, &pipeline, "beam:transform:from_the_future:v1", "strange step");
}

static void a_pcollection_that_two_transforms_make_is_refused(fake_runner *runner) {
    fake_pipeline pipeline;
    begin_stage(runner, &pipeline, (const char *[]){"out", NULL});
    fake_pipeline_pardo(&pipeline, "step", FAKE_SCRIPTED_DOFN, "emit=output", "in=in", "output=out");
    fake_pipeline_pardo(&pipeline, "other step", FAKE_SCRIPTED_DOFN, "emit=output", "in=in", "output=out");
    add_sink(runner, &pipeline, "sink", "out");
    check_refused(runner, &pipeline, "PCollection out is an output of transform step", "other step");
}

static void an_unknown_dofn_is_refused_with_its_urn(fake_runner *runner) {
    fake_pipeline pipeline;
    begin_stage(runner, &pipeline, (const char *[]){"out", NULL});
    fake_pipeline_pardo(&pipeline, "their step", "beam:dofn:pickled_python_info:v1", "x", "in=in", "output=out");
    add_sink(runner, &pipeline, "sink", "out");
    check_refused(runner, &pipeline, "beam:dofn:pickled_python_info:v1", "their step");
}

static void elements_that_are_no_rows_are_refused_with_their_coder(fake_runner *runner) {
    fake_pipeline pipeline;
    fake_pipeline_init(&pipeline, "d1");
    fake_pipeline_pcollection(&pipeline, "in", "bytes");
    fake_pipeline_source(&pipeline, "source of bytes", fake_data_url(runner), "bytes/global", "in");
    add_step(&pipeline, "step", "", "in=in", "");
    check_refused(runner, &pipeline, "beam:coder:bytes:v1", "step");
}

/* FnApiRunner gives the read after a GroupByKey, which has no environment of its own, to any worker. */
static void a_stage_of_other_elements_without_code_hands_them_on(fake_runner *runner) {
    fake_pipeline pipeline;
    fake_pipeline_init(&pipeline, "d1");
    fake_pipeline_coder(&pipeline, "list", "beam:coder:iterable:v1", NULL, 0, (const char *[]){"bytes", NULL});
    fake_pipeline_coder(&pipeline, "pair", "beam:coder:kv:v1", NULL, 0, (const char *[]){"bytes", "list", NULL});
    fake_pipeline_coder(&pipeline, "pairs", "beam:coder:windowed_value:v1", NULL, 0,
                        (const char *[]){"pair", "global", NULL});
    fake_pipeline_pcollection(&pipeline, "in", "pair");
    fake_pipeline_pcollection(&pipeline, "out", "pair");
    fake_pipeline_source(&pipeline, "read", fake_data_url(runner), "pairs", "in");
    fake_pipeline_transform(&pipeline, "flatten", "beam:transform:flatten:v1", NULL, 0, "in=in", "out=out");
    fake_pipeline_sink(&pipeline, "write", fake_data_url(runner), "pairs", "out");
    fake_offer(runner, &pipeline);
    fake_start_worker(runner);
    fake_process_bundle(runner, "b1", "d1");
    /* time 0, one global window, the pane of no firing, key "k", two values */
    static const uint8_t pairs[] = {0x80, 0,   0,   0,    0, 0, 0, 0, 0, 0, 0, 1, 0x0f, 1, 'k', 0,    0, 0, 2, 1, 'a',
                                    2,    'b', 'c', 0x80, 0, 0, 0, 0, 0, 0, 9, 0, 0,    0, 1,   0x0f, 0, 0, 0, 0, 0};
    beamc_byte_buffer message;
    wire_init(&message);
    fake_add_data(&message, "b1", "read", pairs, sizeof pairs, false);
    fake_add_data(&message, "b1", "read", NULL, 0, true);
    fake_send(runner, &message);
    const Beam__ProcessBundleResponse *response = fake_await_success(runner, "b1");
    fake_check(runner, fake_counter(response, "beam:metric:element_count:v1", "in") == 2);
    const fake_output *output = fake_await_output(runner, "b1", "write");
    fake_check(runner, output->bytes.len == sizeof pairs);
    fake_check(runner, memcmp(output->bytes.data, pairs, sizeof pairs) == 0);
}

static void a_window_coder_without_a_length_is_refused(fake_runner *runner) {
    fake_pipeline pipeline;
    fake_pipeline_init(&pipeline, "d1");
    fake_pipeline_coder(&pipeline, "odd window", "beam:coder:odd_window:v1", NULL, 0, NULL);
    fake_pipeline_coder(&pipeline, "odd", "beam:coder:windowed_value:v1", NULL, 0,
                        (const char *[]){"row", "odd window", NULL});
    fake_pipeline_pcollection(&pipeline, "in", "row");
    fake_pipeline_source(&pipeline, "source", fake_data_url(runner), "odd", "in");
    add_step(&pipeline, "step", "", "in=in", "");
    check_refused(runner, &pipeline, "beam:coder:odd_window:v1", "source");
}

static void a_port_whose_coder_is_missing_is_refused(fake_runner *runner) {
    fake_pipeline pipeline;
    fake_pipeline_init(&pipeline, "d1");
    fake_pipeline_pcollection(&pipeline, "in", "row");
    fake_pipeline_source(&pipeline, "source", fake_data_url(runner), "a coder nobody sent", "in");
    add_step(&pipeline, "step", "", "in=in", "");
    check_refused(runner, &pipeline, "a coder nobody sent", "source");
}

static void a_port_without_an_address_is_refused(fake_runner *runner) {
    fake_pipeline pipeline;
    fake_pipeline_init(&pipeline, "d1");
    fake_pipeline_pcollection(&pipeline, "in", "row");
    fake_pipeline_transform(&pipeline, "source", "beam:runner:source:v1", "\xff\xff", 2, "", "out=in");
    add_step(&pipeline, "step", "", "in=in", "");
    check_refused(runner, &pipeline, "names no data stream", "source");
}

static void a_stage_without_a_source_is_refused(fake_runner *runner) {
    fake_pipeline pipeline;
    fake_pipeline_init(&pipeline, "d1");
    fake_pipeline_pcollection(&pipeline, "in", "row");
    add_step(&pipeline, "step", "", "in=in", "");
    check_refused(runner, &pipeline, "no source", "d1");
}

static void a_source_that_is_fed_by_the_stage_is_refused(fake_runner *runner) {
    fake_pipeline pipeline;
    beamc_byte_buffer port;
    beamc_byte_buffer endpoint;
    begin_stage(runner, &pipeline, (const char *[]){"out", NULL});
    wire_init(&port);
    wire_init(&endpoint);
    wire_text(&endpoint, 1, fake_data_url(runner));
    wire_part(&port, 1, &endpoint);
    wire_text(&port, 2, "row_lp/global");
    fake_pipeline_transform(&pipeline, "odd source", "beam:runner:source:v1", port.data, port.len, "in=in", "out=out");
    beamc_byte_buffer_cleanup(&port);
    check_refused(runner, &pipeline, "odd source", "source");
}

static void a_descriptor_that_cannot_be_parsed_is_refused(fake_runner *runner) {
    fake_offer_bytes(runner, "d1", "\x12\xff\xff\xff\xff", 5);
    fake_offer_step(runner, "good", "emit=output");
    fake_start_worker(runner);
    fake_process_bundle(runner, "b1", "d1");
    fake_await_error(runner, "b1", "d1");
    fake_run_bundle(runner, "b2", "good", 1, 2);
    (void)fake_await_success(runner, "b2");
}

/* Flink waits for the data stream before it looks at the answer, up to three minutes. */
static void a_stage_that_is_refused_has_its_data_stream_opened_all_the_same(fake_runner *runner) {
    fake_offer_step(runner, "d1", "setup_error=the key cannot be read");
    fake_start_worker(runner);
    fake_process_bundle(runner, "b1", "d1");
    fake_await_streams(runner, FAKE_DATA, 1);
    fake_send_rows(runner, "b1", 1, 2);
    fake_send_end(runner, "b1");
    fake_await_error(runner, "b1", "the key cannot be read");
}

int main(int argc, char **argv) {
    const struct CMUnitTest tests[] = {
        SCENARIO(an_output_that_nobody_reads_has_no_sink_node),
        SCENARIO(a_step_all_of_whose_outputs_are_discarded_still_runs),
        SCENARIO(every_output_has_its_own_end_mark_also_the_empty_one),
        SCENARIO(two_outputs_get_what_each_is_sent),
        SCENARIO(two_steps_that_read_one_source_each_get_every_row),
        SCENARIO(of_two_steps_that_read_one_source_the_slower_holds_both),
        SCENARIO(steps_may_follow_one_another),
        SCENARIO(what_a_second_step_cannot_take_yet_waits_in_order),
        SCENARIO(a_flatten_behind_our_step_is_part_of_the_stage),
        SCENARIO(a_flatten_may_have_lost_its_other_inputs),
        SCENARIO(a_flatten_that_reads_one_pcollection_many_times_repeats_its_rows),
        SCENARIO(a_flatten_that_nobody_reads_does_no_harm),
        SCENARIO(a_flatten_with_one_input_may_stand_before_our_step),
        SCENARIO(a_flatten_does_not_gather_what_our_step_cannot_take_yet),
        SCENARIO(a_stage_may_have_two_sources),
        SCENARIO(input_and_output_may_have_addresses_of_their_own),
        SCENARIO(the_coder_of_a_port_counts_and_not_the_pcollection_s),
        SCENARIO(coders_that_no_port_uses_may_be_broken),
        SCENARIO(transforms_out_of_reach_of_the_sources_are_not_looked_at),
        SCENARIO(a_descriptor_may_be_larger_than_grpc_s_four_mebibytes),
        SCENARIO(fields_from_a_newer_runner_are_passed_over),
        SCENARIO(an_unknown_transform_is_refused_with_its_urn),
        SCENARIO(a_pcollection_that_two_transforms_make_is_refused),
        SCENARIO(an_unknown_dofn_is_refused_with_its_urn),
        SCENARIO(elements_that_are_no_rows_are_refused_with_their_coder),
        SCENARIO(a_stage_of_other_elements_without_code_hands_them_on),
        SCENARIO(a_window_coder_without_a_length_is_refused),
        SCENARIO(a_port_whose_coder_is_missing_is_refused),
        SCENARIO(a_port_without_an_address_is_refused),
        SCENARIO(a_stage_without_a_source_is_refused),
        SCENARIO(a_source_that_is_fed_by_the_stage_is_refused),
        SCENARIO(a_descriptor_that_cannot_be_parsed_is_refused),
        SCENARIO(a_stage_that_is_refused_has_its_data_stream_opened_all_the_same),
    };
    return SCENARIO_MAIN("graph", argc, argv, tests);
}
