#include "sdk_harness/bundle/plan_builder.h"

#include "tests/fakes/wire_message.h"
#include "tests/unit/sdk_harness/bundle/test_stage.h"

enum { DESCRIPTOR_TRANSFORMS = 2 };

static int reset(void **state) {
    (void)state;
    test_dofn_reset();
    return 0;
}

/* Builds, looks at the plan's order, and frees both. `order` lists node ids with spaces between. */
static void check_order(fake_pipeline *pipeline, const char *order) {
    beamc_error err;
    beamc_plan *plan = NULL;
    Beam__ProcessBundleDescriptor *descriptor = test_stage_parse(pipeline);
    if (beamc_plan_build(descriptor, &test_dofns, &plan, &err) != BEAMC_OK)
        fail_msg("%s", err.text);
    char found[512] = "";
    for (size_t i = 0; i < plan->num_operators; i++) {
        size_t len = strlen(found);
        snprintf(found + len, sizeof found - len, "%s%s", i == 0 ? "" : " ", plan->operators[i]->transform_id);
    }
    assert_string_equal(found, order);
    beamc_plan_free(plan);
    beam__process_bundle_descriptor__free_unpacked(descriptor, NULL);
    assert_int_equal(test_dofn_seen.num_setups, test_dofn_seen.num_teardowns);
}

/* Refused with both words in the text, and nothing left set up. */
static void check_refused(fake_pipeline *pipeline, const char *words, const char *more_words) {
    beamc_error err;
    beamc_plan *plan = NULL;
    Beam__ProcessBundleDescriptor *descriptor = test_stage_parse(pipeline);
    assert_int_not_equal(beamc_plan_build(descriptor, &test_dofns, &plan, &err), BEAMC_OK);
    assert_null(plan);
    assert_contains(err.text, words);
    assert_contains(err.text, more_words);
    beam__process_bundle_descriptor__free_unpacked(descriptor, NULL);
}

static void add_rows(fake_pipeline *pipeline, const char *const *pcollections) {
    for (size_t i = 0; pcollections[i] != NULL; i++)
        fake_pipeline_pcollection(pipeline, pcollections[i], "row");
}

static void producers_stand_before_consumers_whatever_the_map_s_order(void **state) {
    (void)state;
    fake_pipeline pipeline;
    fake_pipeline_init(&pipeline, "d");
    add_rows(&pipeline, (const char *[]){"in", "a", "b", NULL});
    fake_pipeline_sink(&pipeline, "sink", TEST_URL, "row/global", "b");
    fake_pipeline_pardo(&pipeline, "second", TEST_DOFN, "", "in=a", "out=b");
    fake_pipeline_pardo(&pipeline, "first", TEST_DOFN, "", "in=in", "out=a");
    fake_pipeline_source(&pipeline, "source", TEST_URL, "row/global", "in");
    check_order(&pipeline, "source first second sink");
    assert_int_equal(test_dofn_seen.num_setups, 2);
}

static void a_node_with_two_inputs_stands_after_both(void **state) {
    (void)state;
    fake_pipeline pipeline;
    test_stage_init(&pipeline, "d", "", "out=a");
    add_rows(&pipeline, (const char *[]){"a", "b", "all", NULL});
    fake_pipeline_transform(&pipeline, "flatten", "beam:transform:flatten:v1", NULL, 0, "0=in,1=b", "out=all");
    fake_pipeline_pardo(&pipeline, "long way", TEST_DOFN, "", "in=a", "out=b");
    fake_pipeline_sink(&pipeline, "sink", TEST_URL, "row/global", "all");
    check_order(&pipeline, "source step long way flatten sink");
}

static void nodes_that_no_source_reaches_are_left_out(void **state) {
    (void)state;
    fake_pipeline pipeline;
    test_stage_init(&pipeline, "d", "", "");
    add_rows(&pipeline, (const char *[]){"far", "farther", NULL});
    fake_pipeline_transform(&pipeline, "strange", "beam:transform:future:v1", NULL, 0, "in=far", "out=farther");
    fake_pipeline_sink(&pipeline, "lost sink", TEST_URL, "no such coder", "farther");
    check_order(&pipeline, "source step");
}

static void setup_gets_sorted_tags_and_no_schema_where_nobody_reads(void **state) {
    (void)state;
    fake_pipeline pipeline;
    test_stage_init(&pipeline, "d", "the payload", "written=w,bad=b,archive=a");
    add_rows(&pipeline, (const char *[]){"w", "a", NULL}); /* "b" is read by nobody and may be missing */
    fake_pipeline_sink(&pipeline, "sink w", TEST_URL, "row/global", "w");
    fake_pipeline_sink(&pipeline, "sink a", TEST_URL, "row/global", "a");
    check_order(&pipeline, "source step sink w sink a");
    assert_string_equal(test_dofn_seen.tags, "archive+ bad- written+ ");
    assert_string_equal(test_dofn_seen.payload, "the payload");
    assert_string_equal(test_dofn_seen.transform_id, "step");
    assert_int_equal(test_dofn_seen.num_input_fields, 2);
}

static void a_setup_that_fails_tears_the_others_down(void **state) {
    (void)state;
    fake_pipeline pipeline;
    test_stage_init(&pipeline, "d", "fail", "out=a");
    add_rows(&pipeline, (const char *[]){"a", "b", NULL});
    fake_pipeline_pardo(&pipeline, "after", TEST_DOFN, "", "in=a", "out=b");
    fake_pipeline_pardo(&pipeline, "beside", TEST_DOFN, "", "in=in", "");
    check_refused(&pipeline, "setup fails", "step");
    assert_int_equal(test_dofn_seen.num_teardowns, test_dofn_seen.num_setups - 1);
}

static void a_sink_whose_coder_has_other_fields_is_refused(void **state) {
    (void)state;
    static const uint8_t one_field[] = {0x0a, 0x07, 0x0a, 0x01, 'x', 0x1a, 0x02, 0x10, 0x04};
    fake_pipeline pipeline;
    test_stage_init(&pipeline, "d", "", "out=a");
    add_rows(&pipeline, (const char *[]){"a", NULL});
    fake_pipeline_coder(&pipeline, "narrow", "beam:coder:row:v1", one_field, sizeof one_field, NULL);
    fake_pipeline_coder(&pipeline, "narrow/global", "beam:coder:windowed_value:v1", NULL, 0,
                        (const char *[]){"narrow", "global", NULL});
    fake_pipeline_sink(&pipeline, "sink", TEST_URL, "narrow/global", "a");
    check_refused(&pipeline, "sink", "does not fit");
}

static void an_output_that_is_no_row_is_refused_where_it_is_read(void **state) {
    (void)state;
    fake_pipeline pipeline;
    test_stage_init(&pipeline, "d", "", "out=a");
    fake_pipeline_pcollection(&pipeline, "a", "bytes");
    fake_pipeline_sink(&pipeline, "sink", TEST_URL, "row/global", "a");
    check_refused(&pipeline, "beam:coder:bytes:v1", "a");
}

static void a_pcollection_that_is_not_there_is_named(void **state) {
    (void)state;
    fake_pipeline pipeline;
    test_stage_init(&pipeline, "d", "", "out=missing");
    fake_pipeline_sink(&pipeline, "sink", TEST_URL, "row/global", "missing");
    check_refused(&pipeline, "missing", "PCollection");
}

static void a_pcollection_of_two_transforms_is_refused(void **state) {
    (void)state;
    fake_pipeline pipeline;
    test_stage_init(&pipeline, "d", "", "out=a");
    add_rows(&pipeline, (const char *[]){"a", NULL});
    fake_pipeline_pardo(&pipeline, "other step", TEST_DOFN, "", "in=in", "out=a");
    fake_pipeline_sink(&pipeline, "sink", TEST_URL, "row/global", "a");
    check_refused(&pipeline, "PCollection a is an output of transform step and of transform other step", "Flatten");
    assert_int_equal(test_dofn_seen.num_setups, 0);

    test_stage_init(&pipeline, "d", "", "out=in"); /* its own input */
    check_refused(&pipeline, "PCollection in is an output of transform source", "step");
}

static void a_pcollection_that_is_two_outputs_of_one_transform_is_refused(void **state) {
    (void)state;
    fake_pipeline pipeline;
    test_stage_init(&pipeline, "d", "", "good=a,bad=a");
    add_rows(&pipeline, (const char *[]){"a", NULL});
    check_refused(&pipeline, "PCollection a is two outputs of transform step", "");
}

static void a_second_maker_of_a_pcollection_does_no_harm_out_of_reach(void **state) {
    (void)state;
    fake_pipeline pipeline;
    test_stage_init(&pipeline, "d", "", "out=a");
    add_rows(&pipeline, (const char *[]){"a", NULL});
    fake_pipeline_pardo(&pipeline, "lost step", TEST_DOFN, "", "in=nowhere", "out=a");
    fake_pipeline_sink(&pipeline, "sink", TEST_URL, "row/global", "a");
    check_order(&pipeline, "source step sink");
}

static void a_pardo_whose_payload_is_garbage_is_refused(void **state) {
    (void)state;
    fake_pipeline pipeline;
    test_stage_init(&pipeline, "d", "", "");
    fake_pipeline_transform(&pipeline, "broken", "beam:transform:pardo:v1", "\xff\xff", 2, "in=in", "");
    check_refused(&pipeline, "broken", "payload");
}

static void a_transform_without_a_body_is_refused(void **state) {
    (void)state;
    fake_pipeline pipeline;
    beamc_byte_buffer entry;
    test_stage_init(&pipeline, "d", "", "");
    wire_init(&entry);
    wire_text(&entry, 1, "hollow"); /* a key and no value */
    wire_part(&pipeline.bytes, DESCRIPTOR_TRANSFORMS, &entry);
    check_refused(&pipeline, "hollow", "empty");
}

static void a_transform_without_a_spec_does_no_harm_out_of_reach(void **state) {
    (void)state;
    fake_pipeline pipeline;
    beamc_byte_buffer entry;
    beamc_byte_buffer transform;
    test_stage_init(&pipeline, "d", "", "");
    wire_init(&entry);
    wire_init(&transform);
    wire_text(&entry, 1, "no spec");
    wire_part(&entry, 2, &transform);
    wire_part(&pipeline.bytes, DESCRIPTOR_TRANSFORMS, &entry);
    check_order(&pipeline, "source step");
}

static void more_nodes_than_a_stage_may_have_are_refused(void **state) {
    (void)state;
    fake_pipeline pipeline;
    test_stage_init(&pipeline, "d", "", "");
    for (int i = 0; i < BEAMC_PLAN_MAX_NODES; i++) {
        char id[32];
        snprintf(id, sizeof id, "flatten %d", i);
        fake_pipeline_transform(&pipeline, id, "beam:transform:flatten:v1", NULL, 0, "", "");
    }
    check_refused(&pipeline, "1002", "1000");
}

static void count_address(void *context, const char *url) {
    assert_string_equal(url, TEST_URL);
    ++*(int *)context;
}

static void the_addresses_of_sources_are_found_also_in_a_stage_that_is_refused(void **state) {
    (void)state;
    int num_addresses = 0;
    fake_pipeline pipeline;
    fake_pipeline_init(&pipeline, "d");
    fake_pipeline_source(&pipeline, "source 1", TEST_URL, "no such coder", "nowhere");
    fake_pipeline_source(&pipeline, "source 2", TEST_URL, "", "");
    fake_pipeline_transform(&pipeline, "source 3", "beam:runner:source:v1", "\xff", 1, "", "out=x");
    fake_pipeline_transform(&pipeline, "source 4", "beam:runner:source:v1", NULL, 0, "", "out=x");
    fake_pipeline_sink(&pipeline, "sink", TEST_URL, "", "nowhere");
    Beam__ProcessBundleDescriptor *descriptor = test_stage_parse(&pipeline);
    beamc_plan_each_source(descriptor, count_address, &num_addresses);
    beam__process_bundle_descriptor__free_unpacked(descriptor, NULL);
    assert_int_equal(num_addresses, 2);
}

#define CASE(name) cmocka_unit_test_setup(name, reset)

int main(void) {
    const struct CMUnitTest tests[] = {
        CASE(producers_stand_before_consumers_whatever_the_map_s_order),
        CASE(a_node_with_two_inputs_stands_after_both),
        CASE(nodes_that_no_source_reaches_are_left_out),
        CASE(setup_gets_sorted_tags_and_no_schema_where_nobody_reads),
        CASE(a_setup_that_fails_tears_the_others_down),
        CASE(a_sink_whose_coder_has_other_fields_is_refused),
        CASE(an_output_that_is_no_row_is_refused_where_it_is_read),
        CASE(a_pcollection_that_is_not_there_is_named),
        CASE(a_pcollection_of_two_transforms_is_refused),
        CASE(a_pcollection_that_is_two_outputs_of_one_transform_is_refused),
        CASE(a_second_maker_of_a_pcollection_does_no_harm_out_of_reach),
        CASE(a_pardo_whose_payload_is_garbage_is_refused),
        CASE(a_transform_without_a_body_is_refused),
        CASE(a_transform_without_a_spec_does_no_harm_out_of_reach),
        CASE(more_nodes_than_a_stage_may_have_are_refused),
        CASE(the_addresses_of_sources_are_found_also_in_a_stage_that_is_refused),
    };
    return cmocka_run_group_tests_name("plan_builder", tests, NULL, NULL);
}
