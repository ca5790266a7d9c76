/* A transform of its own in one file: counts the rows of its input and drops them.
 *
 * The program is its own expansion service and worker; see sdk_harness/README.md for how a pipeline uses it. */
#include "sdk_harness/base/alloc.h"
#include "sdk_harness/program.h"

#include <stdlib.h>

typedef struct {
    beamc_counter *rows;
    beamc_bundle *bundle;
} null_sink;

static beamc_status setup(void *context, const beamc_dofn_setup *in, void **instance, beamc_error *err) {
    (void)context;
    (void)err;
    null_sink *sink = beamc_alloc_zero(1, sizeof *sink);
    sink->rows = beamc_metrics_counter(in->metrics, "null_sink", "rows");
    *instance = sink;
    return BEAMC_OK;
}

static beamc_status start_bundle(void *instance, beamc_bundle *bundle, beamc_error *err) {
    (void)err;
    ((null_sink *)instance)->bundle = bundle;
    return BEAMC_OK;
}

static beamc_status process(void *instance, const beamc_element *element, beamc_error *err) {
    (void)element;
    (void)err;
    beamc_counter_add(((null_sink *)instance)->rows, 1);
    return BEAMC_OK;
}

static beamc_status finish_bundle(void *instance, beamc_error *err) {
    (void)instance;
    (void)err;
    return BEAMC_OK;
}

static void end_bundle(void *instance) {
    ((null_sink *)instance)->bundle = NULL;
}

static beamc_status expand(void *context, const beamc_expand_request *request, beamc_expand_answer *answer,
                           beamc_error *err) {
    static const beamc_output_field fields[] = {{.name = "rows", .kind = BEAMC_TYPE_INT64}};
    (void)context;
    (void)request;
    (void)err;
    answer->step_name = "NullSink";
    answer->dofn_urn = "example:dofn:null_sink:v1";
    answer->num_outputs = 1;
    answer->outputs[0] = (beamc_expand_output){.tag = beamc_strdup("output"), .fields = fields, .num_fields = 1};
    return BEAMC_OK;
}

int main(int argc, char **argv) {
    static const char *const outputs[] = {"output"};
    static const beamc_dofn dofns[] = {{.urn = "example:dofn:null_sink:v1",
                                        .setup = setup,
                                        .start_bundle = start_bundle,
                                        .process = process,
                                        .finish_bundle = finish_bundle,
                                        .end_bundle = end_bundle,
                                        .teardown = free}};
    static const beamc_external_transform transforms[] = {
        {.identifier = "beam:schematransform:org.apache.beam:null_sink:v1",
         .urn = "example:transform:null_sink:v1",
         .description = "Counts rows and drops them.",
         .output_names = outputs,
         .num_output_names = 1,
         .expand = expand}};
    static const beamc_program program = {.name = "null-sink",
                                          .version = "1",
                                          .dofns = dofns,
                                          .num_dofns = 1,
                                          .transforms = transforms,
                                          .num_transforms = 1};
    return beamc_program_main(&program, argc, argv);
}
