#include "sdk_harness/expansion/expansion_request.h"

#include "protos/external_transforms.pb-c.h"
#include "sdk_harness/base/byte_reader.h"
#include "sdk_harness/coders/coder_registry.h"
#include "sdk_harness/coders/row_coder.h"

#include <string.h>

#define SCHEMA_TRANSFORM_URN "beam:expansion:payload:schematransform:v1"
#define RUNNER_OPTION        "beam:option:runner:v1"

enum { CONFIG_ARENA_BYTES = 16 * 1024 * 1024 };

/* ---- the payload ---- */

static beamc_status decode_config(beamc_parsed_request *out, const Beam__Schema *schema, const ProtobufCBinaryData *row,
                                  beamc_error *err) {
    if (schema == NULL)
        return beamc_fail(err, BEAMC_INVALID, "the configuration has no schema");
    beamc_status status = beamc_schema_from_message(schema, &out->config_schema, err);
    if (status != BEAMC_OK)
        return beamc_fail_within(err, status, "the configuration's schema");
    out->config = beamc_arena_take(&out->arena, out->config_schema->num_fields * sizeof *out->config);
    if (out->config == NULL)
        return beamc_fail(err, BEAMC_LIMIT, "the configuration is larger than %d bytes", CONFIG_ARENA_BYTES);
    beamc_byte_reader in;
    beamc_byte_reader_init(&in, row->data, row->len, &out->arena);
    status = beamc_row_decode(out->config_schema, &in, &out->arena, out->config, err);
    return status == BEAMC_OK ? status : beamc_fail_within(err, status, "the configuration row");
}

static const beamc_external_transform *find(const beamc_external_transform *transforms, size_t num_transforms,
                                            const char *name, bool by_identifier) {
    for (size_t i = 0; i < num_transforms; i++)
        if (strcmp(by_identifier ? transforms[i].identifier : transforms[i].urn, name) == 0)
            return &transforms[i];
    return NULL;
}

static beamc_status unknown_transform(const beamc_external_transform *transforms, size_t num_transforms,
                                      const char *name, beamc_error *err) {
    return beamc_fail(err, BEAMC_INVALID, "transform %s is not served here; this service has %s", name,
                      num_transforms == 0 ? "none" : transforms[0].identifier);
}

static beamc_status parse_payload(const Beam__FunctionSpec *spec, const beamc_external_transform *transforms,
                                  size_t num_transforms, beamc_parsed_request *out, beamc_error *err) {
    const ProtobufCBinaryData *bytes = &spec->payload;
    if (strcmp(spec->urn, SCHEMA_TRANSFORM_URN) == 0) {
        Beam__SchemaTransformPayload *payload = beam__schema_transform_payload__unpack(NULL, bytes->len, bytes->data);
        if (payload == NULL)
            return beamc_fail(err, BEAMC_INVALID, "the SchemaTransform payload of %zu bytes cannot be parsed",
                              bytes->len);
        out->payload = payload;
        out->payload_is_schema_transform = true;
        out->transform = find(transforms, num_transforms, payload->identifier, true);
        if (out->transform == NULL)
            return unknown_transform(transforms, num_transforms, payload->identifier, err);
        return decode_config(out, payload->configuration_schema, &payload->configuration_row, err);
    }
    out->transform = find(transforms, num_transforms, spec->urn, false);
    if (out->transform == NULL) /* YAML sends an identifier it did not discover in the same way */
        out->transform = find(transforms, num_transforms, spec->urn, true);
    if (out->transform == NULL)
        return unknown_transform(transforms, num_transforms, spec->urn, err);
    Beam__ExternalConfigurationPayload *payload =
        beam__external_configuration_payload__unpack(NULL, bytes->len, bytes->data);
    if (payload == NULL)
        return beamc_fail(err, BEAMC_INVALID, "the configuration payload of %zu bytes cannot be parsed", bytes->len);
    out->payload = payload;
    return decode_config(out, payload->schema, &payload->payload, err);
}

/* ---- the input ---- */

static const Beam__Coder *find_coder(void *context, const char *coder_id) {
    const Beam__Components *components = context;
    for (size_t i = 0; i < components->n_coders; i++)
        if (strcmp(components->coders[i]->key, coder_id) == 0)
            return components->coders[i]->value;
    return NULL;
}

static const Beam__PCollection *find_pcollection(const Beam__Components *components, const char *id) {
    for (size_t i = 0; i < components->n_pcollections; i++)
        if (strcmp(components->pcollections[i]->key, id) == 0)
            return components->pcollections[i]->value;
    return NULL;
}

/* Each SDK has its own way to lose the schema, and its own way to give one. */
static beamc_status no_schema(const char *urn, beamc_error *err) {
    if (strstr(urn, "pickled_python") != NULL)
        return beamc_fail(err, BEAMC_INVALID,
                          "the input has no schema: its elements are plain Python objects.\n"
                          "Type them before this step, for example rows | beam.Map(lambda d: Event(**d))"
                          ".with_output_types(Event) with class Event(typing.NamedTuple), or pass schema=Event.");
    if (strstr(urn, "javasdk") != NULL || strstr(urn, "java:") != NULL)
        return beamc_fail(err, BEAMC_INVALID,
                          "the input has no schema: its coder is Java's own (%s).\n"
                          "Use a PCollection<Row> with setRowSchema(...), or apply Convert.toRows() before this step.",
                          urn);
    if (strstr(urn, "beam:go:") != NULL)
        return beamc_fail(err, BEAMC_INVALID,
                          "the input has no schema: its coder is Go's own (%s).\n"
                          "Use a plain struct with exported fields and no registered coder.",
                          urn);
    if (strcmp(urn, "beam:coder:nullable:v1") == 0)
        return beamc_fail(err, BEAMC_INVALID,
                          "the input's elements may be null as a whole; filter the nulls out first");
    return beamc_fail(err, BEAMC_INVALID, "the input's elements are %s, not rows; give the PCollection a schema", urn);
}

static beamc_status parse_input(const Beam__ExpansionRequest *message, beamc_parsed_request *out, beamc_error *err) {
    const Beam__PTransform *transform = message->transform;
    if (message->components == NULL || transform->n_inputs != 1)
        return beamc_fail(err, BEAMC_INVALID, "the transform takes one input PCollection, the request has %zu",
                          transform->n_inputs);
    out->input_tag = transform->inputs[0]->key;
    out->input_id = transform->inputs[0]->value;
    out->input = find_pcollection(message->components, out->input_id);
    if (out->input == NULL)
        return beamc_fail(err, BEAMC_INVALID, "input PCollection %s is not in the request", out->input_id);
    const char *coder_id = out->input->coder_id;
    const char *urn = "";
    beamc_status status =
        beamc_row_schema_resolve(coder_id, find_coder, message->components, &out->input_schema, &urn, err);
    if (status != BEAMC_OK)
        return beamc_fail_within(err, status, "the input's schema");
    if (out->input_schema == NULL)
        return no_schema(urn, err);
    const Beam__Coder *coder = find_coder(message->components, coder_id);
    while (coder != NULL && coder->n_component_coder_ids == 1) /* through length prefixes, as above */
        coder = find_coder(message->components, coder->component_coder_ids[0]);
    if (coder != NULL)
        out->input_schema_message = beam__schema__unpack(NULL, coder->spec->payload.len, coder->spec->payload.data);
    return out->input_schema_message != NULL
               ? BEAMC_OK
               : beamc_fail(err, BEAMC_INVALID, "the input's schema cannot be read again");
}

static bool names_dataflow(const Google__Protobuf__Struct *options) {
    for (size_t i = 0; options != NULL && i < options->n_fields; i++) {
        const Google__Protobuf__Value *value = options->fields[i]->value;
        if (strcmp(options->fields[i]->key, RUNNER_OPTION) == 0 && value != NULL &&
            value->kind_case == GOOGLE__PROTOBUF__VALUE__KIND_STRING_VALUE)
            return strstr(value->string_value, "Dataflow") != NULL;
    }
    return false;
}

beamc_status beamc_expansion_request_parse(const Beam__ExpansionRequest *message,
                                           const beamc_external_transform *transforms, size_t num_transforms,
                                           beamc_parsed_request *out, beamc_error *err) {
    *out = (beamc_parsed_request){0};
    beamc_arena_init(&out->arena, CONFIG_ARENA_BYTES);
    if (message->transform == NULL || message->transform->spec == NULL)
        return beamc_fail(err, BEAMC_INVALID, "the expansion request holds no transform");
    out->dataflow = names_dataflow(message->pipeline_options);
    BEAMC_TRY(parse_payload(message->transform->spec, transforms, num_transforms, out, err));
    return parse_input(message, out, err);
}

void beamc_parsed_request_cleanup(beamc_parsed_request *request) {
    if (request->payload != NULL && request->payload_is_schema_transform)
        beam__schema_transform_payload__free_unpacked(request->payload, NULL);
    else if (request->payload != NULL)
        beam__external_configuration_payload__free_unpacked(request->payload, NULL);
    if (request->input_schema_message != NULL)
        beam__schema__free_unpacked(request->input_schema_message, NULL);
    beamc_schema_free(request->config_schema);
    beamc_schema_free(request->input_schema);
    beamc_arena_cleanup(&request->arena);
    *request = (beamc_parsed_request){0};
}
