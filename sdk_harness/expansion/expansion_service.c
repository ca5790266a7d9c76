#include "sdk_harness/expansion/expansion_service.h"

#include "protos/artifact_api.pb-c.h"
#include "protos/expansion_api.pb-c.h"
#include "sdk_harness/base/alloc.h"
#include "sdk_harness/base/clean_text.h"
#include "sdk_harness/base/log.h"
#include "sdk_harness/expansion/expansion_request.h"
#include "sdk_harness/expansion/pipeline_fragment.h"
#include "sdk_harness/expansion/schema_message.h"
#include "sdk_harness/packing/packed_message.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define EXPAND_METHOD       "/org.apache.beam.model.expansion.v1.ExpansionService/Expand"
#define DISCOVER_METHOD     "/org.apache.beam.model.expansion.v1.ExpansionService/DiscoverSchemaTransform"
#define RESOLVE_METHOD      "/org.apache.beam.model.job_management.v1.ArtifactRetrievalService/ResolveArtifacts"
#define GET_ARTIFACT_METHOD "/org.apache.beam.model.job_management.v1.ArtifactRetrievalService/GetArtifact"

enum { DOFN_PAYLOAD_BYTES = 1024 * 1024 };

static void cleanup_answer(beamc_expand_answer *answer) {
    beamc_byte_buffer_cleanup(&answer->dofn_payload);
    for (size_t i = 0; i < answer->num_outputs; i++)
        free(answer->outputs[i].tag);
    for (size_t i = 0; i < answer->num_display; i++) {
        free(answer->display[i].key);
        free(answer->display[i].label);
        free(answer->display[i].value);
    }
    free(answer->environment_type);
    free(answer->environment_config);
    free(answer->container_image);
    free(answer->worker_command);
}

/* Dataflow starts containers and nothing else. */
static beamc_status check_dataflow(const beamc_parsed_request *request, const beamc_expand_answer *answer,
                                   beamc_error *err) {
    bool has_image = (answer->container_image != NULL && answer->container_image[0] != '\0') ||
                     (answer->environment_type != NULL && strcasecmp(answer->environment_type, "DOCKER") == 0);
    if (!request->dataflow || has_image)
        return BEAMC_OK;
    return beamc_fail(err, BEAMC_INVALID,
                      "Dataflow runs this step only from a container image.\n"
                      "Add container_image=\"REGISTRY/IMAGE:TAG\" to its configuration.");
}

static beamc_status expand(const beamc_expansion_service *service, Beam__ExpansionRequest *message,
                           const beamc_parsed_request *request, beamc_expand_answer *answer,
                           beamc_byte_buffer *response, beamc_error *err) {
    beamc_expand_request ask = {.config_schema = request->config_schema,
                                .config = request->config,
                                .input_schema = request->input_schema,
                                .dataflow = request->dataflow};
    BEAMC_TRY(request->transform->expand(request->transform->context, &ask, answer, err));
    BEAMC_TRY(check_dataflow(request, answer, err));
    beamc_environment_defaults defaults = service->environment;
    if (answer->worker_command != NULL)
        defaults.worker_program = answer->worker_command;
    Beam__Environment *environment = NULL;
    BEAMC_TRY(beamc_environment_new(&defaults, answer->environment_type, answer->environment_config,
                                    answer->container_image, &environment, err));
    beamc_status status = beamc_pipeline_fragment_append(message, request, answer, environment, response, err);
    beam__environment__free_unpacked(environment, NULL);
    return status;
}

/* The text goes into a protobuf string, which must be UTF-8; unlike in a log, lines stay lines. */
static void clean_lines(const char *from, char *text, size_t text_size) {
    size_t written = 0;
    for (;;) {
        size_t len = strcspn(from, "\n");
        written += beamc_clean_text(from, len, text + written, text_size - written);
        from += len;
        if (*from == '\0' || written + 2 > text_size)
            return;
        text[written++] = *from++;
        text[written] = '\0';
    }
}

beamc_status beamc_expand(beamc_expansion_service *service, const uint8_t *bytes, size_t len,
                          beamc_byte_buffer *response, beamc_error *err) {
    Beam__ExpansionRequest *message = beam__expansion_request__unpack(NULL, len, bytes);
    if (message == NULL)
        return beamc_fail(err, BEAMC_INVALID, "an expansion request of %zu bytes cannot be parsed", len);
    beamc_parsed_request request;
    beamc_expand_answer answer = {0};
    beamc_byte_buffer_init(&answer.dofn_payload, DOFN_PAYLOAD_BYTES);
    beamc_error why = {{0}};
    beamc_status status =
        beamc_expansion_request_parse(message, service->transforms, service->num_transforms, &request, &why);
    if (status == BEAMC_OK)
        status = expand(service, message, &request, &answer, response, &why);
    cleanup_answer(&answer);
    beamc_parsed_request_cleanup(&request);
    beam__expansion_request__free_unpacked(message, NULL);
    if (status == BEAMC_OK)
        return BEAMC_OK;
    Beam__ExpansionResponse refusal = BEAM__EXPANSION_RESPONSE__INIT;
    char text[sizeof why.text];
    clean_lines(why.text, text, sizeof text);
    refusal.error = text;
    return beamc_pack(&refusal.base, response, err);
}

static beamc_status handle_expand(void *context, const uint8_t *bytes, size_t len, beamc_byte_buffer *response,
                                  beamc_error *err) {
    return beamc_expand(context, bytes, len, response, err);
}

static beamc_status handle_discover(void *context, const uint8_t *bytes, size_t len, beamc_byte_buffer *response,
                                    beamc_error *err) {
    (void)bytes; /* the request has no fields */
    (void)len;
    const beamc_expansion_service *service = context;
    static char input[] = "input";
    char *inputs[] = {input};
    size_t count = service->num_transforms;
    Beam__DiscoverSchemaTransformResponse answer = BEAM__DISCOVER_SCHEMA_TRANSFORM_RESPONSE__INIT;
    Beam__DiscoverSchemaTransformResponse__SchemaTransformConfigsEntry *entries =
        beamc_alloc_zero(count, sizeof *entries);
    Beam__SchemaTransformConfig *configs = beamc_alloc_zero(count, sizeof *configs);
    answer.schema_transform_configs = beamc_alloc_zero(count, sizeof *answer.schema_transform_configs);
    for (size_t i = 0; i < count; i++) {
        const beamc_external_transform *transform = &service->transforms[i];
        beam__schema_transform_config__init(&configs[i]);
        configs[i].config_schema = beamc_schema_of_options(transform->options, transform->num_options);
        configs[i].description = (char *)(uintptr_t)transform->description;
        configs[i].n_input_pcollection_names = 1;
        configs[i].input_pcollection_names = inputs;
        configs[i].n_output_pcollection_names = transform->num_output_names;
        configs[i].output_pcollection_names = (char **)(uintptr_t)transform->output_names;
        beam__discover_schema_transform_response__schema_transform_configs_entry__init(&entries[i]);
        entries[i].key = (char *)(uintptr_t)transform->identifier;
        entries[i].value = &configs[i];
        answer.schema_transform_configs[answer.n_schema_transform_configs++] = &entries[i];
    }
    beamc_status status = beamc_pack(&answer.base, response, err);
    for (size_t i = 0; i < count; i++)
        beam__schema__free_unpacked(configs[i].config_schema, NULL);
    free(answer.schema_transform_configs);
    free(configs);
    free(entries);
    return status;
}

/* Python asks about every environment that we echo, so what is asked is handed back as it is. */
static beamc_status handle_resolve(void *context, const uint8_t *bytes, size_t len, beamc_byte_buffer *response,
                                   beamc_error *err) {
    (void)context;
    Beam__ResolveArtifactsRequest *request = beam__resolve_artifacts_request__unpack(NULL, len, bytes);
    if (request == NULL)
        return beamc_fail(err, BEAMC_INVALID, "a ResolveArtifacts request of %zu bytes cannot be parsed", len);
    Beam__ResolveArtifactsResponse answer = BEAM__RESOLVE_ARTIFACTS_RESPONSE__INIT;
    answer.n_replacements = request->n_artifacts;
    answer.replacements = request->artifacts;
    beamc_status status = beamc_pack(&answer.base, response, err);
    beam__resolve_artifacts_request__free_unpacked(request, NULL);
    return status;
}

/* Our environments have no dependencies, and we serve no files that a caller names. */
static beamc_status handle_get_artifact(void *context, const uint8_t *bytes, size_t len, beamc_byte_buffer *response,
                                        beamc_error *err) {
    (void)context;
    (void)bytes;
    (void)len;
    (void)response;
    return beamc_fail(err, BEAMC_AGAIN, "this service has no artifacts"); /* AGAIN is sent as NOT_FOUND */
}

void beamc_expansion_methods(beamc_expansion_service *service, beamc_rpc_method methods[BEAMC_EXPANSION_METHODS]) {
    methods[0] = (beamc_rpc_method){.method = EXPAND_METHOD, .handle = handle_expand, .context = service};
    methods[1] = (beamc_rpc_method){.method = DISCOVER_METHOD, .handle = handle_discover, .context = service};
    methods[2] = (beamc_rpc_method){.method = RESOLVE_METHOD, .handle = handle_resolve, .context = service};
    methods[3] = (beamc_rpc_method){.method = GET_ARTIFACT_METHOD, .handle = handle_get_artifact, .context = service};
}
