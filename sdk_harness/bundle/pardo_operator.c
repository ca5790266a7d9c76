#include "sdk_harness/bundle/pardo_operator.h"

#include "sdk_harness/base/alloc.h"
#include "sdk_harness/base/log.h"

#include <stdlib.h>

/* One running bundle as the DoFn sees it. */
struct beamc_bundle {
    struct pardo *node;
    beamc_run *run;
};

typedef struct pardo {
    beamc_operator base;
    const beamc_dofn *dofn;
    void *instance;
    beamc_bundle bundle;
    bool started; /* start_bundle was called, end_bundle not yet */
    bool finished;
    beamc_execution_state starting;
    beamc_execution_state processing;
    beamc_execution_state finishing;
    size_t num_outputs;
    beamc_edge **outputs;
    const beamc_schema **output_schemas; /* the setup points here */
} pardo;

static beamc_status drain_outputs(pardo *node, beamc_run *run, beamc_error *err) {
    for (size_t i = 0; i < node->num_outputs; i++)
        if (node->outputs[i] != NULL)
            BEAMC_TRY(beamc_edge_drain(node->outputs[i], run, err));
    return BEAMC_OK;
}

/* From here to leave the thread works for the DoFn: lines it logs and time it takes are the transform's. */
static const beamc_execution_state *enter(const pardo *node, beamc_run *run, const beamc_execution_state *state) {
    beamc_log_set_context(run->instruction_id, node->base.transform_id);
    return beamc_state_enter(&run->sampled, state);
}

static void leave(beamc_run *run, const beamc_execution_state *state, const beamc_execution_state *before,
                  beamc_status status) {
    if (status == BEAMC_AGAIN)
        run->waits_in = state;
    (void)beamc_state_enter(&run->sampled, before);
    beamc_log_set_context(NULL, NULL);
}

static beamc_status pardo_start(beamc_operator *op, beamc_run *run, beamc_error *err) {
    pardo *node = (pardo *)op;
    node->bundle = (beamc_bundle){.node = node, .run = run};
    node->started = true;
    node->finished = false;
    const beamc_execution_state *before = enter(node, run, &node->starting);
    beamc_status status = node->dofn->start_bundle(node->instance, &node->bundle, err);
    leave(run, &node->starting, before, status);
    return status;
}

static beamc_status pardo_process(beamc_operator *op, beamc_run *run, const beamc_element *element, beamc_error *err) {
    pardo *node = (pardo *)op;
    BEAMC_TRY(drain_outputs(node, run, err)); /* what an earlier element left behind goes first */
    const beamc_execution_state *before = enter(node, run, &node->processing);
    beamc_status status = node->dofn->process(node->instance, element, err);
    leave(run, &node->processing, before, status);
    return status;
}

static beamc_status pardo_finish(beamc_operator *op, beamc_run *run, beamc_error *err) {
    pardo *node = (pardo *)op;
    BEAMC_TRY(drain_outputs(node, run, err));
    if (!node->finished) {
        const beamc_execution_state *before = enter(node, run, &node->finishing);
        beamc_status status = node->dofn->finish_bundle(node->instance, err);
        leave(run, &node->finishing, before, status);
        BEAMC_TRY(status);
        node->finished = true;
    }
    return drain_outputs(node, run, err);
}

static void pardo_end(beamc_operator *op, beamc_run *run) {
    (void)run;
    pardo *node = (pardo *)op;
    if (node->started)
        node->dofn->end_bundle(node->instance);
    node->started = false;
    for (size_t i = 0; i < node->num_outputs; i++)
        if (node->outputs[i] != NULL)
            beamc_edge_clear(node->outputs[i]);
}

static void pardo_destroy(beamc_operator *op) {
    pardo *node = (pardo *)op;
    if (node->instance != NULL)
        node->dofn->teardown(node->instance);
    free(node->outputs);
    free(node->output_schemas);
    free(node->base.transform_id);
    free(node);
}

static const beamc_operator_methods pardo_methods = {
    .start = pardo_start, .process = pardo_process, .finish = pardo_finish, .end = pardo_end, .destroy = pardo_destroy};

beamc_status beamc_pardo_new(const beamc_pardo_spec *spec, beamc_metric_registry *metrics, beamc_operator **out,
                             beamc_error *err) {
    pardo *node = beamc_alloc_zero(1, sizeof *node);
    node->base.methods = &pardo_methods;
    node->base.transform_id = beamc_strdup(spec->transform_id);
    node->dofn = spec->dofn;
    node->starting = beamc_execution_state_make(metrics, spec->transform_id, "start");
    node->processing = beamc_execution_state_make(metrics, spec->transform_id, "process");
    node->finishing = beamc_execution_state_make(metrics, spec->transform_id, "finish");
    node->num_outputs = spec->num_outputs;
    node->outputs = beamc_alloc_zero(spec->num_outputs, sizeof(beamc_edge *));
    node->output_schemas = beamc_alloc_zero(spec->num_outputs, sizeof(beamc_schema *));
    for (size_t i = 0; i < spec->num_outputs; i++) {
        node->outputs[i] = spec->outputs[i];
        node->output_schemas[i] = spec->outputs[i] == NULL ? NULL : spec->outputs[i]->schema;
    }
    beamc_dofn_setup setup = {.transform_id = spec->transform_id,
                              .unique_name = spec->unique_name,
                              .payload = spec->payload,
                              .payload_len = spec->payload_len,
                              .input_schema = spec->input_schema,
                              .num_outputs = spec->num_outputs,
                              .output_tags = spec->output_tags,
                              .output_schemas = node->output_schemas,
                              .metrics = beamc_metric_registry_scope(metrics, spec->transform_id)};
    beamc_status status = spec->dofn->setup(spec->dofn->context, &setup, &node->instance, err);
    if (status != BEAMC_OK) {
        node->instance = NULL;
        pardo_destroy(&node->base);
        return status;
    }
    *out = &node->base;
    return BEAMC_OK;
}

/* ---- what dofn.h promises about a running bundle ---- */

const char *beamc_bundle_instruction_id(const beamc_bundle *bundle) {
    return bundle->run->instruction_id;
}

beamc_status beamc_bundle_emit(beamc_bundle *bundle, size_t output, const beamc_value *fields, int64_t timestamp_ms,
                               const beamc_element *like, beamc_error *err) {
    if (output >= bundle->node->num_outputs)
        return beamc_fail(err, BEAMC_INVALID, "output %zu of %zu", output, bundle->node->num_outputs);
    beamc_edge *edge = bundle->node->outputs[output];
    if (edge == NULL)
        return BEAMC_OK;
    beamc_element element = *like;
    element.fields = fields;
    element.timestamp_ms = timestamp_ms;
    return beamc_edge_emit(edge, bundle->run, &element, err);
}

bool beamc_bundle_input_waiting(const beamc_bundle *bundle) {
    return bundle->run->input_here || beamc_inbound_waiting(bundle->run->inbound);
}

uint64_t beamc_bundle_received_us(const beamc_bundle *bundle) {
    return bundle->run->received_us;
}

beamc_status beamc_bundle_request_finalization(beamc_bundle *bundle, beamc_finalized finalized, void *context,
                                               beamc_error *err) {
    return beamc_finalizers_add(&bundle->run->finalizers, finalized, context, err);
}

beamc_waker *beamc_bundle_waker(beamc_bundle *bundle) {
    return beamc_waker_retain(bundle->run->waker);
}
