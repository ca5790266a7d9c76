#include "sdk_harness/bundle/plan_builder.h"

#include "protos/fn_api.pb-c.h"
#include "sdk_harness/base/alloc.h"
#include "sdk_harness/bundle/data_sink_operator.h"
#include "sdk_harness/bundle/data_source_operator.h"
#include "sdk_harness/bundle/flatten_operator.h"
#include "sdk_harness/bundle/pardo_operator.h"
#include "sdk_harness/coders/coder_registry.h"

#include <stdlib.h>
#include <string.h>

#define URN_SOURCE   "beam:runner:source:v1"
#define URN_SINK     "beam:runner:sink:v1"
#define URN_PARDO    "beam:transform:pardo:v1"
#define URN_FLATTEN  "beam:transform:flatten:v1"
#define URN_IDENTITY "beam:dofn:identity:0.1"

typedef Beam__ProcessBundleDescriptor__TransformsEntry transform_entry;

/* One transform of the descriptor while the plan is built. */
typedef struct {
    const transform_entry *entry;
    beamc_operator *op; /* NULL until built */
    size_t num_inputs_left;
    beamc_edge_coder coder; /* of a source or sink */
    char *url;              /* of a source or sink */
} node;

typedef struct {
    const Beam__ProcessBundleDescriptor *descriptor;
    const beamc_dofn_table *dofns;
    node *nodes;
    size_t num_nodes;
    size_t *order; /* node indexes, producers first */
    size_t num_ordered;
    beamc_plan *plan;
} builder;

/* What edges carry whose elements are no rows: one value, which only data ports and Flattens look at. Runners may give
 * this worker stages of others that have no code of their own: FnApiRunner does so with what follows a GroupByKey. */
static const beamc_schema not_rows = {.id = "", .num_fields = 1};

static const char *urn_of(const node *n) {
    return n->entry->value == NULL || n->entry->value->spec == NULL ? "" : n->entry->value->spec->urn;
}

static bool is(const node *n, const char *urn) {
    return strcmp(urn_of(n), urn) == 0;
}

static const Beam__Coder *find_coder(void *context, const char *coder_id) {
    const Beam__ProcessBundleDescriptor *descriptor = context;
    for (size_t i = 0; i < descriptor->n_coders; i++)
        if (strcmp(descriptor->coders[i]->key, coder_id) == 0)
            return descriptor->coders[i]->value;
    return NULL;
}

static const Beam__PCollection *find_pcollection(const builder *build, const char *id) {
    for (size_t i = 0; i < build->descriptor->n_pcollections; i++)
        if (strcmp(build->descriptor->pcollections[i]->key, id) == 0)
            return build->descriptor->pcollections[i]->value;
    return NULL;
}

static beamc_edge *find_edge(beamc_plan *plan, const char *pcollection_id) {
    for (size_t i = 0; i < plan->num_edges; i++)
        if (strcmp(plan->edges[i].pcollection_id, pcollection_id) == 0)
            return &plan->edges[i];
    return NULL;
}

/* ---- edges: one for each PCollection that a node of the stage makes ---- */

/* A Flatten may read one PCollection under several tags: then it gets each element as often. */
static size_t count_readings(const builder *build, const char *pcollection_id) {
    size_t count = 0;
    for (size_t i = 0; i < build->num_nodes; i++)
        for (size_t in = 0; in < build->nodes[i].entry->value->n_inputs; in++)
            if (strcmp(build->nodes[i].entry->value->inputs[in]->value, pcollection_id) == 0)
                count++;
    return count;
}

static void add_edges(builder *build) {
    beamc_plan *plan = build->plan;
    size_t capacity = 0;
    for (size_t i = 0; i < build->num_nodes; i++)
        capacity += build->nodes[i].entry->value->n_outputs;
    plan->edges = beamc_alloc_zero(capacity, sizeof *plan->edges);
    plan->schemas = beamc_alloc_zero(capacity, sizeof *plan->schemas);
    for (size_t i = 0; i < build->num_nodes; i++) {
        const Beam__PTransform *transform = build->nodes[i].entry->value;
        for (size_t o = 0; o < transform->n_outputs; o++) {
            const char *id = transform->outputs[o]->value;
            if (find_edge(plan, id) != NULL)
                continue;
            beamc_edge *edge = &plan->edges[plan->num_edges++];
            edge->pcollection_id = beamc_strdup(id);
            edge->consumers = beamc_alloc_zero(count_readings(build, id), sizeof(beamc_operator *));
            beamc_metric_key key = {.urn = "beam:metric:element_count:v1",
                                    .type = "beam:metrics:sum_int64:v1",
                                    .num_labels = 1,
                                    .labels = {{"PCOLLECTION", id}}};
            edge->element_count = beamc_metric_registry_cell(plan->metrics, BEAMC_METRIC_COUNTER, &key);
        }
    }
}

/* Inputs from outside the stage do not count: a fused Flatten keeps them in its map. */
static size_t count_inputs(const builder *build, const node *n) {
    size_t count = 0;
    for (size_t i = 0; i < n->entry->value->n_inputs; i++)
        if (find_edge(build->plan, n->entry->value->inputs[i]->value) != NULL)
            count++;
    return count;
}

static bool reads(const node *n, const char *pcollection_id) {
    for (size_t i = 0; i < n->entry->value->n_inputs; i++)
        if (strcmp(n->entry->value->inputs[i]->value, pcollection_id) == 0)
            return true;
    return false;
}

/* Kahn's order. A node without an input in the stage that is no source never runs. */
static void order_nodes(builder *build) {
    build->order = beamc_alloc_zero(build->num_nodes, sizeof *build->order);
    for (size_t i = 0; i < build->num_nodes; i++) {
        build->nodes[i].num_inputs_left = count_inputs(build, &build->nodes[i]);
        if (is(&build->nodes[i], URN_SOURCE))
            build->order[build->num_ordered++] = i;
    }
    for (size_t at = 0; at < build->num_ordered; at++) {
        const Beam__PTransform *done = build->nodes[build->order[at]].entry->value;
        for (size_t i = 0; i < build->num_nodes; i++)
            for (size_t in = 0; in < build->nodes[i].entry->value->n_inputs; in++)
                for (size_t o = 0; o < done->n_outputs; o++)
                    if (strcmp(build->nodes[i].entry->value->inputs[in]->value, done->outputs[o]->value) == 0 &&
                        --build->nodes[i].num_inputs_left == 0)
                        build->order[build->num_ordered++] = i;
    }
}

/* The node before order[at] that makes the PCollection too; its own outputs up to `o` count. */
static const node *earlier_producer(const builder *build, size_t at, size_t o, const char *pcollection_id) {
    for (size_t before = 0; before <= at; before++) {
        const node *n = &build->nodes[build->order[before]];
        size_t num_outputs = before < at ? n->entry->value->n_outputs : o;
        for (size_t i = 0; i < num_outputs; i++)
            if (strcmp(n->entry->value->outputs[i]->value, pcollection_id) == 0)
                return n;
    }
    return NULL;
}

/* A PCollection is made in one place: with two, readers would get both and count them as one. */
static beamc_status check_producers(const builder *build, beamc_error *err) {
    for (size_t at = 0; at < build->num_ordered; at++) {
        const node *n = &build->nodes[build->order[at]];
        for (size_t o = 0; o < n->entry->value->n_outputs; o++) {
            const char *id = n->entry->value->outputs[o]->value;
            const node *other = earlier_producer(build, at, o, id);
            if (other == n)
                return beamc_fail(err, BEAMC_INVALID, "PCollection %s is two outputs of transform %s", id,
                                  n->entry->key);
            if (other != NULL)
                return beamc_fail(err, BEAMC_INVALID,
                                  "PCollection %s is an output of transform %s and of transform %s: join them with a "
                                  "Flatten",
                                  id, other->entry->key, n->entry->key);
        }
    }
    return BEAMC_OK;
}

/* ---- schemas ---- */

static beamc_status resolve_port(builder *build, node *n, beamc_error *err) {
    const ProtobufCBinaryData *payload = &n->entry->value->spec->payload;
    Beam__RemoteGrpcPort *port = beam__remote_grpc_port__unpack(NULL, payload->len, payload->data);
    if (port == NULL || port->api_service_descriptor == NULL) {
        if (port != NULL)
            beam__remote_grpc_port__free_unpacked(port, NULL);
        return beamc_fail(err, BEAMC_INVALID, "its payload names no data stream");
    }
    n->url = beamc_strdup(port->api_service_descriptor->url);
    beamc_status status =
        beamc_edge_coder_resolve(port->coder_id, find_coder, (void *)(uintptr_t)build->descriptor, &n->coder, err);
    beam__remote_grpc_port__free_unpacked(port, NULL);
    return status;
}

static beamc_status edge_schema(builder *build, beamc_edge *edge, bool is_flatten, beamc_error *err) {
    const Beam__PCollection *pcollection = find_pcollection(build, edge->pcollection_id);
    if (pcollection == NULL)
        return beamc_fail(err, BEAMC_INVALID, "PCollection %s is not in the descriptor", edge->pcollection_id);
    beamc_schema *schema = NULL;
    const char *urn = "";
    BEAMC_TRY(beamc_row_schema_resolve(pcollection->coder_id, find_coder, (void *)(uintptr_t)build->descriptor, &schema,
                                       &urn, err));
    if (schema == NULL && !is_flatten)
        return beamc_fail(err, BEAMC_INVALID, "PCollection %s holds %s, not rows", edge->pcollection_id, urn);
    if (schema == NULL) {
        edge->schema = &not_rows;
        return BEAMC_OK;
    }
    build->plan->schemas[edge - build->plan->edges] = schema;
    edge->schema = schema;
    return BEAMC_OK;
}

static const beamc_schema *port_schema(const node *n) {
    return n->coder.schema == NULL ? &not_rows : n->coder.schema;
}

/* Edges from a source carry what the wire has; all others what their PCollection says. */
static beamc_status resolve_schemas(builder *build, beamc_error *err) {
    for (size_t at = 0; at < build->num_ordered; at++) {
        node *n = &build->nodes[build->order[at]];
        const Beam__PTransform *transform = n->entry->value;
        if (is(n, URN_SOURCE) || is(n, URN_SINK)) {
            beamc_status status = resolve_port(build, n, err);
            if (status != BEAMC_OK)
                return beamc_fail_within(err, status, n->entry->key);
        }
        for (size_t o = 0; o < transform->n_outputs; o++) {
            beamc_edge *edge = find_edge(build->plan, transform->outputs[o]->value);
            if (edge->schema != NULL)
                continue;
            if (is(n, URN_SOURCE)) {
                edge->schema = port_schema(n);
                continue;
            }
            bool read = false;
            for (size_t i = 0; i < build->num_nodes; i++)
                read = read || reads(&build->nodes[i], edge->pcollection_id);
            if (read)
                BEAMC_TRY(edge_schema(build, edge, is(n, URN_FLATTEN) || is(n, URN_IDENTITY), err));
        }
    }
    return BEAMC_OK;
}

/* ---- nodes, consumers first, so that edges are complete when their producer is made ---- */

static const beamc_dofn *find_dofn(const beamc_dofn_table *dofns, const char *urn) {
    for (size_t i = 0; i < dofns->num_dofns; i++)
        if (strcmp(dofns->dofns[i].urn, urn) == 0)
            return &dofns->dofns[i];
    return NULL;
}

static const beamc_edge *input_edge(const builder *build, const node *n) {
    for (size_t i = 0; i < n->entry->value->n_inputs; i++) {
        const beamc_edge *edge = find_edge(build->plan, n->entry->value->inputs[i]->value);
        if (edge != NULL)
            return edge;
    }
    return NULL;
}

static int by_tag(const void *a, const void *b) {
    const Beam__PTransform__OutputsEntry *const *left = a;
    const Beam__PTransform__OutputsEntry *const *right = b;
    return strcmp((*left)->key, (*right)->key);
}

static beamc_edge *read_edge(const builder *build, const char *pcollection_id) {
    beamc_edge *edge = find_edge(build->plan, pcollection_id);
    return edge != NULL && edge->num_consumers > 0 ? edge : NULL;
}

static const char *element_urn(const builder *build, const beamc_edge *edge) {
    const Beam__PCollection *pcollection = find_pcollection(build, edge->pcollection_id);
    const Beam__Coder *coder =
        pcollection == NULL ? NULL : find_coder((void *)(uintptr_t)build->descriptor, pcollection->coder_id);
    return coder == NULL || coder->spec == NULL ? "of an unknown coder" : coder->spec->urn;
}

static beamc_status build_pardo(builder *build, node *n, beamc_error *err) {
    const Beam__PTransform *transform = n->entry->value;
    const ProtobufCBinaryData *payload = &transform->spec->payload;
    Beam__ParDoPayload *pardo = beam__par_do_payload__unpack(NULL, payload->len, payload->data);
    if (pardo == NULL || pardo->do_fn == NULL) {
        if (pardo != NULL)
            beam__par_do_payload__free_unpacked(pardo, NULL);
        return beamc_fail(err, BEAMC_INVALID, "its ParDo payload cannot be read");
    }
    const beamc_edge *input = input_edge(build, n);
    const beamc_dofn *dofn = find_dofn(build->dofns, pardo->do_fn->urn);
    beamc_status status = BEAMC_OK;
    if (dofn == NULL)
        status = beamc_fail(err, BEAMC_INVALID, "DoFn %s is not one of this worker's", pardo->do_fn->urn);
    else if (input == NULL || input->schema == NULL || input->schema == &not_rows)
        status = beamc_fail(err, BEAMC_INVALID,
                            "its elements are %s, not rows; give the PCollection a schema before this step",
                            input == NULL || input->schema == NULL ? "missing" : element_urn(build, input));
    if (status == BEAMC_OK) {
        size_t num_outputs = transform->n_outputs;
        Beam__PTransform__OutputsEntry **sorted = beamc_alloc_zero(num_outputs, sizeof *sorted);
        for (size_t o = 0; o < num_outputs; o++)
            sorted[o] = transform->outputs[o];
        qsort(sorted, num_outputs, sizeof *sorted, by_tag);
        const char **tags = beamc_alloc_zero(num_outputs, sizeof *tags);
        beamc_edge **outputs = beamc_alloc_zero(num_outputs, sizeof *outputs);
        for (size_t o = 0; o < num_outputs; o++) {
            tags[o] = sorted[o]->key;
            outputs[o] = read_edge(build, sorted[o]->value);
        }
        beamc_pardo_spec spec = {.transform_id = n->entry->key,
                                 .unique_name = transform->unique_name,
                                 .dofn = dofn,
                                 .payload = pardo->do_fn->payload.data,
                                 .payload_len = pardo->do_fn->payload.len,
                                 .input_schema = input->schema,
                                 .num_outputs = num_outputs,
                                 .output_tags = tags,
                                 .outputs = outputs};
        status = beamc_pardo_new(&spec, build->plan->metrics, &n->op, err);
        free(sorted);
        free(tags);
        free(outputs);
    }
    beam__par_do_payload__free_unpacked(pardo, NULL);
    return status;
}

static beamc_edge *only_output(const builder *build, const node *n) {
    return n->entry->value->n_outputs == 1 ? find_edge(build->plan, n->entry->value->outputs[0]->value) : NULL;
}

static beamc_status build_node(builder *build, node *n, beamc_error *err) {
    const char *id = n->entry->key;
    if (is(n, URN_SOURCE)) {
        beamc_edge *output = only_output(build, n);
        if (output == NULL)
            return beamc_fail(err, BEAMC_INVALID, "a source node has one output");
        n->op = beamc_data_source_new(id, n->url, &n->coder, output, build->plan->metrics);
    } else if (is(n, URN_SINK)) {
        const beamc_edge *input = input_edge(build, n);
        const beamc_schema *schema = port_schema(n);
        if (input->schema == NULL || input->schema->num_fields != schema->num_fields ||
            (input->schema == &not_rows) != (schema == &not_rows))
            return beamc_fail(err, BEAMC_INVALID, "its coder does not fit the PCollection it reads");
        n->op = beamc_data_sink_new(id, n->url, &n->coder, build->plan->metrics);
    } else if (is(n, URN_PARDO)) {
        return build_pardo(build, n, err);
    } else if (is(n, URN_FLATTEN) || is(n, URN_IDENTITY)) {
        beamc_edge *output = only_output(build, n);
        n->op = beamc_flatten_new(id, output != NULL && output->num_consumers > 0 ? output : NULL);
    } else {
        return beamc_fail(err, BEAMC_INVALID, "URN %s is not supported by this harness", urn_of(n));
    }
    return BEAMC_OK;
}

static void join_inputs(builder *build, node *n) {
    for (size_t i = 0; i < n->entry->value->n_inputs; i++) {
        beamc_edge *edge = find_edge(build->plan, n->entry->value->inputs[i]->value);
        if (edge != NULL)
            edge->consumers[edge->num_consumers++] = n->op;
    }
}

static beamc_status build_nodes(builder *build, beamc_error *err) {
    beamc_plan *plan = build->plan;
    plan->operators = beamc_alloc_zero(build->num_ordered, sizeof(beamc_operator *));
    plan->sources = beamc_alloc_zero(build->num_ordered, sizeof(beamc_operator *));
    plan->sinks = beamc_alloc_zero(build->num_ordered, sizeof(beamc_operator *));
    plan->num_operators = build->num_ordered;
    for (size_t at = build->num_ordered; at-- > 0;) {
        node *n = &build->nodes[build->order[at]];
        beamc_status status = build_node(build, n, err);
        if (status != BEAMC_OK)
            return beamc_fail_within(err, status, n->entry->key);
        plan->operators[at] = n->op;
        join_inputs(build, n);
        if (is(n, URN_SOURCE))
            plan->sources[plan->num_sources++] = n->op;
        if (is(n, URN_SINK))
            plan->sinks[plan->num_sinks++] = n->op;
    }
    return BEAMC_OK;
}

static beamc_status build_plan(builder *build, beamc_error *err) {
    for (size_t i = 0; i < build->num_nodes; i++) {
        build->nodes[i].entry = build->descriptor->transforms[i];
        if (build->nodes[i].entry->value == NULL)
            return beamc_fail(err, BEAMC_INVALID, "transform %s is empty", build->nodes[i].entry->key);
    }
    add_edges(build);
    for (size_t i = 0; i < build->num_nodes; i++)
        if (is(&build->nodes[i], URN_SOURCE) && count_inputs(build, &build->nodes[i]) > 0)
            return beamc_fail(err, BEAMC_INVALID, "source node %s has an input", build->nodes[i].entry->key);
    order_nodes(build);
    BEAMC_TRY(check_producers(build, err));
    BEAMC_TRY(resolve_schemas(build, err));
    BEAMC_TRY(build_nodes(build, err));
    if (build->plan->num_sources == 0)
        return beamc_fail(err, BEAMC_INVALID, "bundle descriptor %s has no source node", build->descriptor->id);
    return BEAMC_OK;
}

beamc_status beamc_plan_build(const struct Beam__ProcessBundleDescriptor *descriptor, const beamc_dofn_table *dofns,
                              beamc_plan **out, beamc_error *err) {
    if (descriptor->n_transforms > BEAMC_PLAN_MAX_NODES)
        return beamc_fail(err, BEAMC_LIMIT, "bundle descriptor %s has %zu transforms, more than %d", descriptor->id,
                          descriptor->n_transforms, BEAMC_PLAN_MAX_NODES);
    builder build = {.descriptor = descriptor, .dofns = dofns, .num_nodes = descriptor->n_transforms};
    build.nodes = beamc_alloc_zero(build.num_nodes, sizeof *build.nodes);
    build.plan = beamc_alloc_zero(1, sizeof *build.plan);
    build.plan->metrics = beamc_metric_registry_new();
    beamc_status status = build_plan(&build, err);
    for (size_t i = 0; i < build.num_nodes; i++) {
        beamc_edge_coder_cleanup(&build.nodes[i].coder);
        free(build.nodes[i].url);
    }
    free(build.nodes);
    free(build.order);
    if (status != BEAMC_OK) {
        beamc_plan_free(build.plan);
        build.plan = NULL;
    }
    *out = build.plan;
    return status;
}

void beamc_plan_each_source(const struct Beam__ProcessBundleDescriptor *descriptor, beamc_source_visit visit,
                            void *context) {
    for (size_t i = 0; i < descriptor->n_transforms; i++) {
        const node n = {.entry = descriptor->transforms[i]};
        if (!is(&n, URN_SOURCE))
            continue;
        const ProtobufCBinaryData *payload = &n.entry->value->spec->payload;
        Beam__RemoteGrpcPort *port = beam__remote_grpc_port__unpack(NULL, payload->len, payload->data);
        if (port == NULL)
            continue;
        if (port->api_service_descriptor != NULL)
            visit(context, port->api_service_descriptor->url);
        beam__remote_grpc_port__free_unpacked(port, NULL);
    }
}

void beamc_plan_free(beamc_plan *plan) {
    if (plan == NULL)
        return;
    for (size_t i = 0; i < plan->num_operators; i++)
        if (plan->operators[i] != NULL)
            plan->operators[i]->methods->destroy(plan->operators[i]);
    for (size_t i = 0; i < plan->num_edges; i++) {
        free(plan->edges[i].pcollection_id);
        free(plan->edges[i].consumers);
        beamc_schema_free(plan->schemas[i]);
    }
    free(plan->edges);
    free(plan->schemas);
    free(plan->operators);
    free(plan->sources);
    free(plan->sinks);
    beamc_metric_registry_free(plan->metrics);
    free(plan);
}
