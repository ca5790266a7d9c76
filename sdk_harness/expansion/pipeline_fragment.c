#include "sdk_harness/expansion/pipeline_fragment.h"

#include "sdk_harness/base/alloc.h"
#include "sdk_harness/base/fnv1a.h"
#include "sdk_harness/expansion/schema_message.h"
#include "sdk_harness/packing/packed_message.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define PARDO_URN    "beam:transform:pardo:v1"
#define ROW_URN      "beam:coder:row:v1"
#define LABELLED_URN "beam:display_data:labelled:v1"

/* Room in the echoed maps for what we add. */
enum { ADDED_CODERS = BEAMC_EXPAND_MAX_OUTPUTS, ADDED_PCOLLECTIONS = BEAMC_EXPAND_MAX_OUTPUTS };

static char *id_of(const Beam__ExpansionRequest *message, const char *suffix, const char *tag) {
    return beamc_format("%s_%s%s", message->namespace_, suffix, tag);
}

static Beam__FunctionSpec *new_spec(const char *urn, ProtobufCBinaryData payload) {
    Beam__FunctionSpec *spec = beamc_alloc(sizeof *spec);
    beam__function_spec__init(spec);
    spec->urn = beamc_strdup(urn);
    spec->payload = payload;
    return spec;
}

/* ---- names ---- */

/* Go names every external transform "External" (TypeScript "test"), and runners refuse two equal names; a hash
 * of what the step does keeps the name the same from one submission to the next. */
static char *step_root_name(const Beam__ExpansionRequest *message, const beamc_parsed_request *request,
                            const beamc_expand_answer *answer) {
    const char *name = message->transform->unique_name;
    if (strcmp(name, "External") != 0 && strcmp(name, "test") != 0 && name[0] != '\0')
        return beamc_strdup(name);
    uint64_t hash = beamc_fnv1a(BEAMC_FNV1A_START, answer->dofn_payload.data, answer->dofn_payload.len);
    size_t id_len = strcspn(request->input_id, "@"); /* Go appends its random namespace behind an @ */
    hash = beamc_fnv1a(hash, request->input_id, id_len);
    return beamc_format("%s_%08" PRIx32, name[0] == '\0' ? "External" : name, (uint32_t)(hash ^ hash >> 32));
}

/* ---- display data ---- */

static Beam__DisplayData *display_data(const beamc_display_item *item, const char *name_space) {
    Beam__LabelledPayload payload = BEAM__LABELLED_PAYLOAD__INIT;
    payload.key = item->key;
    payload.label = item->label;
    payload.namespace_ = (char *)(uintptr_t)name_space;
    if (item->is_integer) {
        payload.value_case = BEAM__LABELLED_PAYLOAD__VALUE_INT_VALUE;
        payload.int_value = strtoll(item->value, NULL, 10);
    } else {
        payload.value_case = BEAM__LABELLED_PAYLOAD__VALUE_STRING_VALUE;
        payload.string_value = item->value;
    }
    Beam__DisplayData *data = beamc_alloc(sizeof *data);
    beam__display_data__init(data);
    data->urn = beamc_strdup(LABELLED_URN);
    data->payload = beamc_packed(&payload.base);
    return data;
}

static void add_display_data(Beam__PTransform *transform, const beamc_expand_answer *answer) {
    transform->display_data = beamc_alloc_zero(answer->num_display, sizeof *transform->display_data);
    for (size_t i = 0; i < answer->num_display; i++)
        transform->display_data[transform->n_display_data++] = display_data(&answer->display[i], answer->dofn_urn);
}

/* ---- our transforms ---- */

static void add_input(Beam__PTransform *transform, const beamc_parsed_request *request) {
    transform->n_inputs = 1;
    transform->inputs = beamc_alloc_zero(1, sizeof *transform->inputs);
    transform->inputs[0] = beamc_alloc(sizeof **transform->inputs);
    beam__ptransform__inputs_entry__init(transform->inputs[0]);
    transform->inputs[0]->key = beamc_strdup(request->input_tag);
    transform->inputs[0]->value = beamc_strdup(request->input_id);
}

static void add_outputs(Beam__PTransform *transform, const Beam__ExpansionRequest *message,
                        const beamc_expand_answer *answer) {
    transform->n_outputs = answer->num_outputs;
    transform->outputs = beamc_alloc_zero(answer->num_outputs, sizeof *transform->outputs);
    for (size_t i = 0; i < answer->num_outputs; i++) {
        transform->outputs[i] = beamc_alloc(sizeof **transform->outputs);
        beam__ptransform__outputs_entry__init(transform->outputs[i]);
        transform->outputs[i]->key = beamc_strdup(answer->outputs[i].tag);
        transform->outputs[i]->value = id_of(message, "pc_", answer->outputs[i].tag);
    }
}

static Beam__PTransform *new_transform(char *unique_name, const beamc_parsed_request *request,
                                       const Beam__ExpansionRequest *message, const beamc_expand_answer *answer) {
    Beam__PTransform *transform = beamc_alloc(sizeof *transform);
    beam__ptransform__init(transform);
    transform->unique_name = unique_name;
    add_input(transform, request);
    add_outputs(transform, message, answer);
    add_display_data(transform, answer);
    return transform;
}

/* Runners drop or reject leaves with URNs of their own, so the step is a ParDo whose DoFn has ours. */
static Beam__PTransform *step(const Beam__ExpansionRequest *message, const beamc_parsed_request *request,
                              const beamc_expand_answer *answer, const char *root_name) {
    char *name = beamc_format("%s/%s", root_name, answer->step_name);
    Beam__PTransform *transform = new_transform(name, request, message, answer);
    Beam__FunctionSpec dofn = BEAM__FUNCTION_SPEC__INIT;
    dofn.urn = (char *)(uintptr_t)answer->dofn_urn;
    dofn.payload = (ProtobufCBinaryData){.len = answer->dofn_payload.len, .data = answer->dofn_payload.data};
    Beam__ParDoPayload pardo = BEAM__PAR_DO_PAYLOAD__INIT;
    pardo.do_fn = &dofn;
    transform->spec = new_spec(PARDO_URN, beamc_packed(&pardo.base));
    transform->environment_id = id_of(message, "environment", "");
    return transform;
}

/* The root's payload is empty: a configuration there would be kept, secrets and all, in job metadata. */
static Beam__PTransform *root(const Beam__ExpansionRequest *message, const beamc_parsed_request *request,
                              const beamc_expand_answer *answer, char *root_name) {
    Beam__PTransform *transform = new_transform(root_name, request, message, answer);
    transform->spec = new_spec(request->transform->urn, (ProtobufCBinaryData){0});
    transform->n_subtransforms = 1;
    transform->subtransforms = beamc_alloc_zero(1, sizeof(char *));
    transform->subtransforms[0] = id_of(message, "pardo", "");
    return transform;
}

/* ---- components ---- */

static void drop_transforms(Beam__Components *components) {
    for (size_t i = 0; i < components->n_transforms; i++)
        protobuf_c_message_free_unpacked(&components->transforms[i]->base, NULL);
    free(components->transforms);
    components->transforms = NULL;
    components->n_transforms = 0;
}

static void add_transform(Beam__Components *components, char *id, Beam__PTransform *transform) {
    components->transforms = beamc_alloc_zero(1, sizeof *components->transforms);
    components->transforms[0] = beamc_alloc(sizeof **components->transforms);
    beam__components__transforms_entry__init(components->transforms[0]);
    components->transforms[0]->key = id;
    components->transforms[0]->value = transform;
    components->n_transforms = 1;
}

static void add_coder(Beam__Components *components, char *id, const Beam__Schema *schema) {
    Beam__Coder *coder = beamc_alloc(sizeof *coder);
    beam__coder__init(coder);
    coder->spec = new_spec(ROW_URN, beamc_packed(&schema->base));
    Beam__Components__CodersEntry *entry = beamc_alloc(sizeof *entry);
    beam__components__coders_entry__init(entry);
    entry->key = id;
    entry->value = coder;
    components->coders[components->n_coders++] = entry;
}

static void add_pcollection(Beam__Components *components, char *id, char *coder_id, const Beam__PCollection *input) {
    Beam__PCollection *pcollection = beamc_alloc(sizeof *pcollection);
    beam__pcollection__init(pcollection);
    pcollection->unique_name = beamc_strdup(id);
    pcollection->coder_id = coder_id;
    pcollection->is_bounded = input->is_bounded;
    pcollection->windowing_strategy_id = beamc_strdup(input->windowing_strategy_id);
    Beam__Components__PcollectionsEntry *entry = beamc_alloc(sizeof *entry);
    beam__components__pcollections_entry__init(entry);
    entry->key = id;
    entry->value = pcollection;
    components->pcollections[components->n_pcollections++] = entry;
}

static void add_environment(Beam__Components *components, char *id, Beam__Environment *environment) {
    Beam__Components__EnvironmentsEntry *entry = beamc_alloc(sizeof *entry);
    beam__components__environments_entry__init(entry);
    entry->key = id;
    entry->value = environment;
    size_t count = components->n_environments;
    components->environments = beamc_realloc(components->environments, (count + 1) * sizeof entry);
    components->environments[count] = entry;
    components->n_environments = count + 1;
}

static Beam__Environment *copy_environment(const Beam__Environment *environment) {
    ProtobufCBinaryData bytes = beamc_packed(&environment->base);
    Beam__Environment *copy = beam__environment__unpack(NULL, bytes.len, bytes.data);
    free(bytes.data);
    if (copy == NULL)
        abort(); /* bytes that were packed a line above */
    return copy;
}

static void add_components(Beam__ExpansionRequest *message, const beamc_parsed_request *request,
                           const beamc_expand_answer *answer, const Beam__Environment *environment,
                           const char *root_name) {
    Beam__Components *components = message->components;
    drop_transforms(components);
    components->coders =
        beamc_realloc(components->coders, (components->n_coders + ADDED_CODERS) * sizeof *components->coders);
    components->pcollections = beamc_realloc(
        components->pcollections, (components->n_pcollections + ADDED_PCOLLECTIONS) * sizeof *components->pcollections);
    for (size_t i = 0; i < answer->num_outputs; i++) {
        Beam__Schema *schema = beamc_schema_of_output(&answer->outputs[i], request->input_schema_message);
        const char *tag = answer->outputs[i].tag;
        add_coder(components, id_of(message, "coder_", tag), schema);
        add_pcollection(components, id_of(message, "pc_", tag), id_of(message, "coder_", tag), request->input);
        beam__schema__free_unpacked(schema, NULL);
    }
    add_environment(components, id_of(message, "environment", ""), copy_environment(environment));
    add_transform(components, id_of(message, "pardo", ""), step(message, request, answer, root_name));
}

beamc_status beamc_pipeline_fragment_append(Beam__ExpansionRequest *message, const beamc_parsed_request *request,
                                            const beamc_expand_answer *answer, Beam__Environment *environment,
                                            beamc_byte_buffer *out, beamc_error *err) {
    if (answer->num_outputs == 0 || answer->num_outputs > BEAMC_EXPAND_MAX_OUTPUTS)
        return beamc_fail(err, BEAMC_INVALID, "a transform needs 1 to %d outputs; Java refuses none",
                          BEAMC_EXPAND_MAX_OUTPUTS);
    char *root_name = step_root_name(message, request, answer);
    add_components(message, request, answer, environment, root_name);
    Beam__ExpansionResponse response = BEAM__EXPANSION_RESPONSE__INIT;
    response.components = message->components;
    response.transform = root(message, request, answer, root_name);
    beamc_status status = beamc_pack(&response.base, out, err);
    beam__ptransform__free_unpacked(response.transform, NULL);
    return status;
}
