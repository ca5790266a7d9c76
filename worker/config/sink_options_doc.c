/* The option table as Markdown for the README and as JSON for checks in other languages. */
#include "worker/config/sink_options.h"

#include <cjson/cJSON.h>
#include <inttypes.h>
#include <stdio.h>

static void default_text(const tecton_option *option, char *text, size_t text_size) {
    switch (option->type) {
    case TECTON_OPTION_TEXT:
        (void)snprintf(text, text_size, "%s", option->default_text == NULL ? "" : option->default_text);
        return;
    case TECTON_OPTION_INTEGER:
        (void)snprintf(text, text_size, "%" PRId64, option->default_integer);
        return;
    case TECTON_OPTION_REAL:
        (void)snprintf(text, text_size, "%.1f", option->default_real);
        return;
    case TECTON_OPTION_FLAG:
        (void)snprintf(text, text_size, "%s", option->default_integer != 0 ? "true" : "false");
        return;
    case TECTON_OPTION_CHOICE:
        (void)snprintf(text, text_size, "%s", option->choices[option->default_integer]);
        return;
    }
}

static const char *type_name(tecton_option_type type) {
    static const char *const names[] = {[TECTON_OPTION_TEXT] = "text",
                                        [TECTON_OPTION_INTEGER] = "integer",
                                        [TECTON_OPTION_REAL] = "number",
                                        [TECTON_OPTION_FLAG] = "flag",
                                        [TECTON_OPTION_CHOICE] = "choice"};
    return names[type];
}

void tecton_options_markdown(beamc_byte_buffer *out) {
    beamc_byte_buffer_append_text(out, "| Option | Type | Default | Accepted | What it does |\n"
                                       "| --- | --- | --- | --- | --- |\n");
    size_t num_options = 0;
    const tecton_option *options = tecton_options(&num_options);
    for (size_t i = 0; i < num_options; i++) {
        char usual[64];
        char accepted[256];
        char line[1024];
        default_text(&options[i], usual, sizeof usual);
        tecton_option_accepted(&options[i], accepted, sizeof accepted);
        const char *quote = usual[0] == '\0' ? "" : "`";
        (void)snprintf(line, sizeof line, "| `%s` | %s | %s%s%s | %s | %s |\n", options[i].name,
                       type_name(options[i].type), quote, options[i].required ? "**required**" : usual, quote, accepted,
                       options[i].sentence);
        beamc_byte_buffer_append_text(out, line);
    }
}

static void add_default(cJSON *row, const tecton_option *option) {
    switch (option->type) {
    case TECTON_OPTION_TEXT:
        if (option->default_text == NULL)
            cJSON_AddNullToObject(row, "default");
        else
            cJSON_AddStringToObject(row, "default", option->default_text);
        return;
    case TECTON_OPTION_INTEGER:
        cJSON_AddNumberToObject(row, "default", (double)option->default_integer);
        return;
    case TECTON_OPTION_REAL:
        cJSON_AddNumberToObject(row, "default", option->default_real);
        return;
    case TECTON_OPTION_FLAG:
        cJSON_AddBoolToObject(row, "default", option->default_integer != 0);
        return;
    case TECTON_OPTION_CHOICE:
        cJSON_AddStringToObject(row, "default", option->choices[option->default_integer]);
        return;
    }
}

void tecton_options_json(beamc_byte_buffer *out) {
    cJSON *rows = cJSON_CreateArray();
    size_t num_options = 0;
    const tecton_option *options = tecton_options(&num_options);
    for (size_t i = 0; i < num_options; i++) {
        const tecton_option *option = &options[i];
        cJSON *row = cJSON_CreateObject();
        cJSON_AddItemToArray(rows, row);
        char accepted[256];
        tecton_option_accepted(option, accepted, sizeof accepted);
        cJSON_AddStringToObject(row, "name", option->name);
        cJSON_AddStringToObject(row, "type", type_name(option->type));
        cJSON_AddStringToObject(row, "unit", option->unit);
        cJSON_AddBoolToObject(row, "required", option->required);
        cJSON_AddBoolToObject(row, "secret", option->secret);
        add_default(row, option);
        cJSON_AddStringToObject(row, "accepted", accepted);
        if (option->type == TECTON_OPTION_INTEGER) {
            cJSON_AddNumberToObject(row, "min", (double)option->min);
            cJSON_AddNumberToObject(row, "max", (double)option->max);
        }
        if (option->type == TECTON_OPTION_REAL) {
            cJSON_AddNumberToObject(row, "above", option->above);
            cJSON_AddNumberToObject(row, "max", option->at_most);
        }
        if (option->type == TECTON_OPTION_CHOICE)
            cJSON_AddItemToObject(
                row, "choices",
                cJSON_CreateStringArray((const char *const *)option->choices, (int)option->num_choices));
        cJSON_AddStringToObject(row, "sentence", option->sentence);
        cJSON_AddStringToObject(row, "example", option->example);
    }
    char *text = cJSON_Print(rows);
    cJSON_Delete(rows);
    if (text != NULL) {
        beamc_byte_buffer_append_text(out, text);
        beamc_byte_buffer_append_byte(out, '\n');
    }
    cJSON_free(text);
}
