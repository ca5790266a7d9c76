/* A DoFn that counts what is done with it, and stages that have it as their step. */
#ifndef TESTS_UNIT_SDK_HARNESS_BUNDLE_TEST_STAGE_H
#define TESTS_UNIT_SDK_HARNESS_BUNDLE_TEST_STAGE_H

#include "protos/fn_api.pb-c.h"
#include "sdk_harness/bundle/plan_builder.h"
#include "tests/fakes/fake_pipeline.h"
#include "tests/support/check.h"

#include <stdlib.h>

#define TEST_DOFN "test:dofn:counted:v1"
#define TEST_URL  "127.0.0.1:1"

/* What has happened since test_dofn_reset, of all instances. A payload of "fail" makes setup fail. */
static struct {
    int num_setups;
    int num_teardowns;
    size_t num_outputs;
    char tags[256]; /* of the last setup: "tag+" where somebody reads the output, "tag-" where nobody does */
    char payload[64];
    char transform_id[64];
    size_t num_input_fields;
} test_dofn_seen;

static inline void test_dofn_reset(void) {
    memset(&test_dofn_seen, 0, sizeof test_dofn_seen);
}

static inline beamc_status test_dofn_setup(void *context, const beamc_dofn_setup *in, void **instance,
                                           beamc_error *err) {
    (void)context;
    test_dofn_seen.num_setups++;
    test_dofn_seen.num_outputs = in->num_outputs;
    test_dofn_seen.tags[0] = '\0';
    for (size_t i = 0; i < in->num_outputs; i++) {
        size_t len = strlen(test_dofn_seen.tags);
        snprintf(test_dofn_seen.tags + len, sizeof test_dofn_seen.tags - len, "%s%s ", in->output_tags[i],
                 in->output_schemas[i] == NULL ? "-" : "+");
    }
    snprintf(test_dofn_seen.payload, sizeof test_dofn_seen.payload, "%.*s", (int)in->payload_len,
             (const char *)in->payload);
    snprintf(test_dofn_seen.transform_id, sizeof test_dofn_seen.transform_id, "%s", in->transform_id);
    test_dofn_seen.num_input_fields = in->input_schema->num_fields;
    if (strcmp(test_dofn_seen.payload, "fail") == 0)
        return beamc_fail(err, BEAMC_INVALID, "setup fails");
    *instance = malloc(1);
    return BEAMC_OK;
}

static inline void test_dofn_teardown(void *instance) {
    test_dofn_seen.num_teardowns++;
    free(instance);
}

static const beamc_dofn test_dofn = {.urn = TEST_DOFN, .setup = test_dofn_setup, .teardown = test_dofn_teardown};
static const beamc_dofn_table test_dofns = {.dofns = &test_dofn, .num_dofns = 1};

/* Source node "source", PCollection "in", step "step" with `payload`, its outputs "tag=pcollection,...". */
static inline void test_stage_init(fake_pipeline *pipeline, const char *id, const char *payload, const char *outputs) {
    fake_pipeline_init(pipeline, id);
    fake_pipeline_pcollection(pipeline, "in", "row");
    fake_pipeline_source(pipeline, "source", TEST_URL, "row_lp/global", "in");
    fake_pipeline_pardo(pipeline, "step", TEST_DOFN, payload, "in=in", outputs);
}

/* The descriptor, parsed; cleans `pipeline` up. Free with beam__process_bundle_descriptor__free_unpacked. */
static inline Beam__ProcessBundleDescriptor *test_stage_parse(fake_pipeline *pipeline) {
    Beam__ProcessBundleDescriptor *descriptor =
        beam__process_bundle_descriptor__unpack(NULL, pipeline->bytes.len, pipeline->bytes.data);
    fake_pipeline_cleanup(pipeline);
    assert_non_null(descriptor);
    return descriptor;
}

#endif
