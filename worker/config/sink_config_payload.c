/* The configuration as JSON: how it travels from expansion to the worker. */
#include "sdk_harness/base/alloc.h"
#include "worker/config/option_value.h"
#include "worker/config/sink_config.h"
#include "worker/config/sink_options.h"

#include <cjson/cJSON.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

static void add_option(cJSON *object, const tecton_option *option, const void *member) {
    switch (option->type) {
    case TECTON_OPTION_TEXT:
        if (*(char *const *)member != NULL)
            cJSON_AddStringToObject(object, option->name, *(char *const *)member);
        return;
    case TECTON_OPTION_INTEGER:
        cJSON_AddNumberToObject(object, option->name, (double)*(const int64_t *)member);
        return;
    case TECTON_OPTION_REAL:
        cJSON_AddNumberToObject(object, option->name, *(const double *)member);
        return;
    case TECTON_OPTION_FLAG:
        cJSON_AddBoolToObject(object, option->name, *(const bool *)member);
        return;
    case TECTON_OPTION_CHOICE:
        cJSON_AddStringToObject(object, option->name, option->choices[*(const int *)member]);
        return;
    }
}

beamc_status tecton_sink_config_to_payload(const tecton_sink_config *config, beamc_byte_buffer *out, beamc_error *err) {
    cJSON *object = cJSON_CreateObject();
    size_t num_options = 0;
    const tecton_option *options = tecton_options(&num_options);
    for (size_t i = 0; i < num_options; i++) {
        if (options[i].worker_needs)
            add_option(object, &options[i], (const char *)config + options[i].offset);
    }
    char *text = cJSON_PrintUnformatted(object);
    cJSON_Delete(object);
    bool fits = text != NULL && beamc_byte_buffer_append_text(out, text);
    if (text != NULL)
        explicit_bzero(text, strlen(text)); /* may hold a literal key */
    cJSON_free(text);
    if (!fits)
        return beamc_fail(err, BEAMC_LIMIT, "the options take more than %zu bytes", out->ceiling);
    return BEAMC_OK;
}

static tecton_given given_of(const cJSON *value) {
    if (cJSON_IsString(value))
        return (tecton_given){
            .kind = TECTON_GIVEN_TEXT, .text = value->valuestring, .text_len = strlen(value->valuestring)};
    if (cJSON_IsBool(value))
        return (tecton_given){.kind = TECTON_GIVEN_FLAG, .flag = cJSON_IsTrue(value)};
    if (cJSON_IsNumber(value)) {
        double real = value->valuedouble;
        if (real == floor(real) && fabs(real) <= 9007199254740992.0)
            return (tecton_given){.kind = TECTON_GIVEN_INTEGER, .integer = (int64_t)real};
        return (tecton_given){.kind = TECTON_GIVEN_REAL, .real = real};
    }
    return (tecton_given){.kind = TECTON_GIVEN_OTHER, .text = "a list or an object"};
}

beamc_status tecton_sink_config_from_payload(const uint8_t *payload, size_t len, tecton_sink_config *config,
                                             beamc_error *err) {
    tecton_sink_config_defaults(config);
    if (len > TECTON_MAX_PAYLOAD_BYTES)
        return beamc_fail(err, BEAMC_LIMIT, "the step's payload has %zu bytes; at most %d are read", len,
                          TECTON_MAX_PAYLOAD_BYTES);
    const char *end = NULL;
    cJSON *object = cJSON_ParseWithLengthOpts((const char *)payload, len, &end, false);
    if (!cJSON_IsObject(object) || end != (const char *)payload + len) {
        cJSON_Delete(object);
        return beamc_fail(
            err, BEAMC_INVALID,
            "the step's payload is not the JSON object that the expansion service writes; expand the pipeline "
            "again with the version of beam-tecton that runs it");
    }
    beamc_status status = BEAMC_OK;
    for (const cJSON *item = object->child; item != NULL && status == BEAMC_OK; item = item->next) {
        const tecton_option *option = tecton_option_find(item->string);
        if (option == NULL) {
            status = tecton_option_unknown(item->string, err);
        } else if (!cJSON_IsNull(item)) {
            tecton_given given = given_of(item);
            status = tecton_option_set(config, option, &given, err);
        }
    }
    for (cJSON *item = object->child; item != NULL; item = item->next) {
        if (cJSON_IsString(item)) /* may hold a literal key */
            explicit_bzero(item->valuestring, strlen(item->valuestring));
    }
    cJSON_Delete(object);
    if (status != BEAMC_OK)
        return status;
    return tecton_sink_config_check(config, err);
}
