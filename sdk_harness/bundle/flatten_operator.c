#include "sdk_harness/bundle/flatten_operator.h"

#include "sdk_harness/base/alloc.h"

#include <stdlib.h>

typedef struct {
    beamc_operator base;
    beamc_edge *output;
} flatten;

static beamc_status flatten_start(beamc_operator *op, beamc_run *run, beamc_error *err) {
    (void)op;
    (void)run;
    (void)err;
    return BEAMC_OK;
}

static beamc_status flatten_process(beamc_operator *op, beamc_run *run, const beamc_element *element,
                                    beamc_error *err) {
    flatten *node = (flatten *)op;
    if (node->output == NULL)
        return BEAMC_OK;
    BEAMC_TRY(beamc_edge_drain(node->output, run, err)); /* at most one element waits here */
    return beamc_edge_emit(node->output, run, element, err);
}

static beamc_status flatten_finish(beamc_operator *op, beamc_run *run, beamc_error *err) {
    flatten *node = (flatten *)op;
    return node->output == NULL ? BEAMC_OK : beamc_edge_drain(node->output, run, err);
}

static void flatten_end(beamc_operator *op, beamc_run *run) {
    (void)run;
    flatten *node = (flatten *)op;
    if (node->output != NULL)
        beamc_edge_clear(node->output);
}

static void flatten_destroy(beamc_operator *op) {
    free(op->transform_id);
    free(op);
}

static const beamc_operator_methods flatten_methods = {.start = flatten_start,
                                                       .process = flatten_process,
                                                       .finish = flatten_finish,
                                                       .end = flatten_end,
                                                       .destroy = flatten_destroy};

beamc_operator *beamc_flatten_new(const char *transform_id, beamc_edge *output) {
    flatten *node = beamc_alloc_zero(1, sizeof *node);
    node->base.methods = &flatten_methods;
    node->base.transform_id = beamc_strdup(transform_id);
    node->output = output;
    return &node->base;
}
