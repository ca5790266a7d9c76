#include "worker/config/sink_config.h"

#include "sdk_harness/base/alloc.h"
#include "worker/config/option_name.h"
#include "worker/config/option_value.h"
#include "worker/config/sink_options.h"

#include <stdlib.h>
#include <string.h>

static tecton_given given_of(const beamc_value *value) {
    switch (value->kind) {
    case BEAMC_VALUE_STRING:
        return (tecton_given){
            .kind = TECTON_GIVEN_TEXT, .text = (const char *)value->as.bytes.data, .text_len = value->as.bytes.len};
    case BEAMC_VALUE_INTEGER:
        return (tecton_given){.kind = TECTON_GIVEN_INTEGER, .integer = value->as.integer};
    case BEAMC_VALUE_FLOAT:
    case BEAMC_VALUE_DOUBLE:
        return (tecton_given){.kind = TECTON_GIVEN_REAL, .real = value->as.real};
    case BEAMC_VALUE_BOOLEAN:
        return (tecton_given){.kind = TECTON_GIVEN_FLAG, .flag = value->as.boolean};
    case BEAMC_VALUE_BYTES:
        return (tecton_given){.kind = TECTON_GIVEN_OTHER, .text = "bytes"};
    case BEAMC_VALUE_ARRAY:
        return (tecton_given){.kind = TECTON_GIVEN_OTHER, .text = "a list"};
    case BEAMC_VALUE_MAP:
        return (tecton_given){.kind = TECTON_GIVEN_OTHER, .text = "a map"};
    case BEAMC_VALUE_ROW:
        return (tecton_given){.kind = TECTON_GIVEN_OTHER, .text = "a row"};
    case BEAMC_VALUE_TIMESTAMP:
        return (tecton_given){.kind = TECTON_GIVEN_OTHER, .text = "a timestamp"};
    case BEAMC_VALUE_DECIMAL:
        return (tecton_given){.kind = TECTON_GIVEN_OTHER, .text = "a decimal"};
    case BEAMC_VALUE_NULL:
        return (tecton_given){.kind = TECTON_GIVEN_OTHER, .text = "null"};
    case BEAMC_VALUE_TUPLE: /* never inside a row */
    case BEAMC_VALUE_WINDOW:
        break;
    }
    return (tecton_given){.kind = TECTON_GIVEN_OTHER, .text = "a value of another kind"};
}

/* The options that were given so far. */
typedef struct {
    const tecton_option *seen[64];
    size_t num_seen;
} given_options;

static beamc_status set_option(tecton_sink_config *config, given_options *given, const char *name,
                               const beamc_value *value, beamc_error *err) {
    const tecton_option *option = tecton_option_find(name);
    if (option == NULL)
        return tecton_option_unknown(name, err);
    for (size_t i = 0; i < given->num_seen; i++) {
        if (given->seen[i] == option)
            return beamc_fail(err, BEAMC_INVALID, "option %s is given twice", option->name);
    }
    if (given->num_seen < sizeof given->seen / sizeof given->seen[0])
        given->seen[given->num_seen++] = option;
    if (value->kind == BEAMC_VALUE_NULL)
        return BEAMC_OK;
    tecton_given one = given_of(value);
    return tecton_option_set(config, option, &one, err);
}

static beamc_status set_group(tecton_sink_config *config, given_options *given, const beamc_type *type,
                              const beamc_value *value, beamc_error *err) {
    if (value->kind == BEAMC_VALUE_NULL)
        return BEAMC_OK;
    if (value->kind != BEAMC_VALUE_ROW || type->row == NULL)
        return beamc_fail(err, BEAMC_INVALID,
                          "option " TECTON_OPTION_GROUP " is not a row with a field output. Write for example %s",
                          tecton_option_find(TECTON_OPTION_GROUP ".output")->example);
    for (size_t i = 0; i < type->row->num_fields; i++) {
        char *name = beamc_format(TECTON_OPTION_GROUP ".%s", type->row->fields[i].name);
        beamc_status status = set_option(config, given, name, &value->as.items.data[i], err);
        free(name);
        BEAMC_TRY(status);
    }
    return BEAMC_OK;
}

beamc_status tecton_sink_config_parse(const beamc_schema *schema, const beamc_value *values, tecton_sink_config *config,
                                      beamc_error *err) {
    tecton_sink_config_defaults(config);
    given_options given = {.num_seen = 0};
    for (size_t i = 0; i < schema->num_fields; i++) {
        const beamc_field *field = &schema->fields[i];
        if (tecton_option_name_equal(field->name, TECTON_OPTION_GROUP))
            BEAMC_TRY(set_group(config, &given, &field->type, &values[i], err));
        else
            BEAMC_TRY(set_option(config, &given, field->name, &values[i], err));
    }
    return tecton_sink_config_check(config, err);
}

char *tecton_sink_config_endpoint(const tecton_sink_config *config) {
    if (config->endpoint_url != NULL)
        return beamc_strdup(config->endpoint_url);
    return beamc_format("https://preview.%s/ingest", config->tecton_instance);
}

char *tecton_sink_config_host(const tecton_sink_config *config) {
    if (config->tecton_instance != NULL)
        return beamc_strdup(config->tecton_instance);
    const char *host = strstr(config->endpoint_url, "://");
    host = host == NULL ? config->endpoint_url : host + 3;
    return beamc_strndup(host, strcspn(host, "/?#"));
}

void tecton_sink_config_cleanup(tecton_sink_config *config) {
    size_t num_options = 0;
    const tecton_option *options = tecton_options(&num_options);
    for (size_t i = 0; i < num_options; i++) {
        if (options[i].type != TECTON_OPTION_TEXT)
            continue;
        char *text = *(char **)((char *)config + options[i].offset);
        if (text != NULL && options[i].secret)
            explicit_bzero(text, strlen(text));
        free(text);
    }
    *config = (tecton_sink_config){0};
}
