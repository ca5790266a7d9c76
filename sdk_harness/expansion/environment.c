#include "sdk_harness/expansion/environment.h"

#include "sdk_harness/base/alloc.h"
#include "sdk_harness/base/log.h"
#include "sdk_harness/coders/coder_registry.h"
#include "sdk_harness/packing/packed_message.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

static const char *const protocols[] = {
    "beam:protocol:progress_reporting:v1", "beam:protocol:multi_core_bundle_processing:v1",
    "beam:protocol:control_request_elements_embedding:v1", "beam:protocol:worker_status:v1"};

static void add_capabilities(Beam__Environment *environment) {
    size_t num_coders = 0;
    while (beamc_coder_urns[num_coders] != NULL)
        num_coders++;
    size_t num_protocols = sizeof protocols / sizeof protocols[0];
    environment->capabilities = beamc_alloc_zero(num_coders + num_protocols, sizeof(char *));
    for (size_t i = 0; i < num_coders; i++)
        environment->capabilities[environment->n_capabilities++] = beamc_strdup(beamc_coder_urns[i]);
    for (size_t i = 0; i < num_protocols; i++)
        environment->capabilities[environment->n_capabilities++] = beamc_strdup(protocols[i]);
}

static Beam__Environment *new_environment(const char *urn, const ProtobufCMessage *payload) {
    Beam__Environment *environment = beamc_alloc(sizeof *environment);
    beam__environment__init(environment);
    environment->urn = beamc_strdup(urn);
    environment->payload = beamc_packed(payload);
    return environment;
}

/* The machines that run the pipeline may be others, so this is no error. What runners say of a missing program does not
 * reach the user with its path: Flink and Spark hand on "error=2, No such file or directory", Prism hangs. */
static void warn_when_missing(const char *command) {
    if (strchr(command, '/') != NULL && access(command, X_OK) != 0)
        log_warn(
            "the worker's program %s is not on this machine. Every machine that starts it has to have it: without it "
            "a job fails with \"error=2, No such file or directory\" (Flink, Spark) or hangs (Prism). Install it "
            "there at this path, or give the path it has there as worker_command",
            command);
}

static Beam__Environment *process_environment(const char *command) {
    warn_when_missing(command);
    Beam__ProcessPayload payload = BEAM__PROCESS_PAYLOAD__INIT;
    payload.command = (char *)(uintptr_t)command;
    Beam__Environment *environment = new_environment("beam:env:process:v1", &payload.base);
    add_capabilities(environment);
    return environment;
}

static Beam__Environment *external_environment(const char *address) {
    Beam__ApiServiceDescriptor endpoint = BEAM__API_SERVICE_DESCRIPTOR__INIT;
    endpoint.url = (char *)(uintptr_t)address;
    Beam__ExternalPayload payload = BEAM__EXTERNAL_PAYLOAD__INIT;
    payload.endpoint = &endpoint;
    Beam__Environment *environment = new_environment("beam:env:external:v1", &payload.base);
    add_capabilities(environment);
    return environment;
}

static Beam__Environment *docker_environment(const char *image) {
    Beam__DockerPayload payload = BEAM__DOCKER_PAYLOAD__INIT;
    payload.container_image = (char *)(uintptr_t)image;
    Beam__Environment *environment = new_environment("beam:env:docker:v1", &payload.base);
    add_capabilities(environment);
    return environment;
}

static bool given(const char *text) {
    return text != NULL && text[0] != '\0';
}

static Beam__Environment *any_of(const beamc_environment_defaults *defaults, const char *image) {
    Beam__Environment *inner[3];
    Beam__AnyOfEnvironmentPayload payload = BEAM__ANY_OF_ENVIRONMENT_PAYLOAD__INIT;
    payload.environments = inner;
    inner[payload.n_environments++] = process_environment(defaults->worker_program);
    inner[payload.n_environments++] = external_environment(defaults->pool_address);
    if (given(image))
        inner[payload.n_environments++] = docker_environment(image);
    Beam__Environment *environment = new_environment("beam:env:anyof:v1", &payload.base);
    for (size_t i = 0; i < payload.n_environments; i++)
        beam__environment__free_unpacked(inner[i], NULL);
    return environment;
}

beamc_status beamc_environment_new(const beamc_environment_defaults *defaults, const char *type, const char *config,
                                   const char *image, Beam__Environment **out, beamc_error *err) {
    *out = NULL;
    if (!given(type)) {
        if (given(config))
            return beamc_fail(err, BEAMC_INVALID,
                              "environment_config is given without environment_type: add environment_type=\"PROCESS\", "
                              "\"EXTERNAL\" or \"DOCKER\"");
        *out = any_of(defaults, image);
    } else if (strcasecmp(type, "PROCESS") == 0) {
        *out = process_environment(given(config) ? config : defaults->worker_program);
    } else if (strcasecmp(type, "EXTERNAL") == 0) {
        *out = external_environment(given(config) ? config : defaults->pool_address);
    } else if (strcasecmp(type, "DOCKER") == 0) {
        if (!given(config) && !given(image))
            return beamc_fail(err, BEAMC_INVALID,
                              "environment_type DOCKER needs an image: add container_image=\"registry/name:tag\"");
        *out = docker_environment(given(image) ? image : config);
    } else {
        return beamc_fail(err, BEAMC_INVALID,
                          "environment_type is \"%.64s\"; it is PROCESS, EXTERNAL or DOCKER, or is left out", type);
    }
    return BEAMC_OK;
}
