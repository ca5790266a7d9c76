#include "worker/sink_transform.h"

#include "sdk_harness/base/alloc.h"
#include "worker/config/sink_config.h"
#include "worker/config/sink_options.h"
#include "worker/records/row_to_record.h"
#include "worker/sink_names.h"
#include "worker/sink_output_fields.h"
#include "worker/version.h"

#include <inttypes.h>

static void add_text(beamc_expand_answer *answer, const char *key, const char *label, const char *value) {
    if (value != NULL)
        answer->display[answer->num_display++] =
            (beamc_display_item){.key = beamc_strdup(key), .label = beamc_strdup(label), .value = beamc_strdup(value)};
}

static void add_display(beamc_expand_answer *answer, const tecton_sink_config *config) {
    add_text(answer, "tecton_instance", "Tecton instance", config->tecton_instance);
    add_text(answer, "endpoint_url", "Endpoint", config->endpoint_url);
    add_text(answer, "workspace_name", "Workspace", config->workspace_name);
    add_text(answer, "stream_source_name", "Stream source", config->stream_source_name);
    answer->display[answer->num_display++] =
        (beamc_display_item){.key = beamc_strdup("batch_size"),
                             .label = beamc_strdup("Records in a request, at most"),
                             .value = beamc_format("%" PRId64, config->batch_size),
                             .is_integer = true};
}

static void add_environment(beamc_expand_answer *answer, const tecton_sink_config *config) {
    static const char *const types[] = {[TECTON_ENVIRONMENT_DEFAULT] = NULL,
                                        [TECTON_ENVIRONMENT_DOCKER] = "DOCKER",
                                        [TECTON_ENVIRONMENT_PROCESS] = "PROCESS",
                                        [TECTON_ENVIRONMENT_EXTERNAL] = "EXTERNAL"};
    const char *type = types[config->environment_type];
    answer->environment_type = type == NULL ? NULL : beamc_strdup(type);
    answer->environment_config = config->environment_config == NULL ? NULL : beamc_strdup(config->environment_config);
    answer->worker_command = config->worker_command == NULL ? NULL : beamc_strdup(config->worker_command);
    answer->container_image = config->container_image == NULL ? NULL : beamc_strdup(config->container_image);
}

static beamc_status check_image(const beamc_expand_request *request, const tecton_sink_config *config,
                                beamc_error *err) {
    const char *image = tecton_option_find("container_image")->example;
    bool docker = config->environment_type == TECTON_ENVIRONMENT_DOCKER;
    bool takes_one = docker || config->environment_type == TECTON_ENVIRONMENT_DEFAULT;
    bool has_one = config->container_image != NULL || (docker && config->environment_config != NULL);
    if (request->dataflow && !(takes_one && has_one))
        return beamc_fail(
            err, BEAMC_INVALID,
            "Dataflow starts workers from container images only, and %s. Build one that holds beam-tecton "
            "and write for example %s",
            takes_one ? "none is given" : "environment_type is another one", image);
    if (docker && !has_one)
        return beamc_fail(err, BEAMC_INVALID,
                          "option environment_type is DOCKER, but no image is given. Write for example %s", image);
    if (docker && config->container_image != NULL && config->environment_config != NULL)
        return beamc_fail(err, BEAMC_INVALID,
                          "options container_image and environment_config both name the image. Leave one of them out");
    if (!takes_one && config->container_image != NULL)
        return beamc_fail(
            err, BEAMC_INVALID,
            "option container_image is given, but environment_type is one without images. Leave one of them "
            "out");
    return BEAMC_OK;
}

static beamc_status check_command(const tecton_sink_config *config, beamc_error *err) {
    if (config->worker_command == NULL)
        return BEAMC_OK;
    if (config->environment_type == TECTON_ENVIRONMENT_PROCESS && config->environment_config != NULL)
        return beamc_fail(err, BEAMC_INVALID,
                          "options worker_command and environment_config both name the worker's program. Leave one of "
                          "them out");
    if (config->environment_type == TECTON_ENVIRONMENT_DOCKER ||
        config->environment_type == TECTON_ENVIRONMENT_EXTERNAL)
        return beamc_fail(err, BEAMC_INVALID,
                          "option worker_command names the program of a PROCESS environment, and environment_type is "
                          "another one. Leave worker_command out, or write for example %s",
                          tecton_option_find("environment_type")->example);
    return BEAMC_OK;
}

static beamc_status check_environment(const beamc_expand_request *request, const tecton_sink_config *config,
                                      beamc_error *err) {
    BEAMC_TRY(check_image(request, config, err));
    if (config->environment_type == TECTON_ENVIRONMENT_DEFAULT && config->environment_config != NULL)
        return beamc_fail(err, BEAMC_INVALID,
                          "option environment_config is given without environment_type. Write for example %s as well",
                          tecton_option_find("environment_type")->example);
    return check_command(config, err);
}

static beamc_status expand_config(const beamc_expand_request *request, tecton_sink_config *config,
                                  beamc_expand_answer *answer, beamc_error *err) {
    BEAMC_TRY(tecton_sink_config_parse(request->config_schema, request->config, config, err));
    if (config->preflight != TECTON_PREFLIGHT_OFF)
        BEAMC_TRY(tecton_check_schema(request->input_schema, config, err));
    BEAMC_TRY(check_environment(request, config, err));
    BEAMC_TRY(tecton_sink_config_to_payload(config, &answer->dofn_payload, err));
    answer->step_name = "ParDo";
    answer->dofn_urn = TECTON_SINK_DOFN_URN;
    beamc_expand_output *written = &answer->outputs[answer->num_outputs++];
    written->tag = beamc_strdup(TECTON_SINK_WRITTEN_TAG);
    written->fields = tecton_written_fields;
    written->num_fields = TECTON_NUM_WRITTEN_FIELDS;
    written->schema_id = TECTON_WRITTEN_SCHEMA_ID;
    if (config->error_output != NULL) {
        beamc_expand_output *failed = &answer->outputs[answer->num_outputs++];
        failed->tag = beamc_strdup(config->error_output);
        failed->fields = tecton_failed_fields;
        failed->num_fields = TECTON_NUM_FAILED_FIELDS;
    }
    add_display(answer, config);
    add_environment(answer, config);
    return BEAMC_OK;
}

static beamc_status expand(void *context, const beamc_expand_request *request, beamc_expand_answer *answer,
                           beamc_error *err) {
    (void)context;
    tecton_sink_config config;
    beamc_status status = expand_config(request, &config, answer, err);
    tecton_sink_config_cleanup(&config);
    return status;
}

beamc_external_transform tecton_sink_transform(void) {
    static const char *const output_names[] = {TECTON_SINK_WRITTEN_TAG};
    beamc_external_transform transform = {
        .identifier = TECTON_SINK_IDENTIFIER,
        .urn = TECTON_SINK_TRANSFORM_URN,
        /* Callers that were given a service's address read the version at its end. */
        .description = "Writes rows to a Tecton stream source through Tecton's Stream Ingest API, at least once. "
                       "Served by beam-tecton " TECTON_VERSION,
        .output_names = output_names,
        .num_output_names = 1,
        .expand = expand};
    transform.options = tecton_option_fields(&transform.num_options);
    return transform;
}
