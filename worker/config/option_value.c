#include "worker/config/option_value.h"

#include "sdk_harness/base/alloc.h"
#include "sdk_harness/base/clean_text.h"
#include "worker/config/endpoint_url.h"
#include "worker/config/secret.h"
#include "worker/sink_names.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum { SHOWN_BYTES = 80 }; /* of a value in a message */

static void *member_of(tecton_sink_config *config, const tecton_option *option) {
    return (char *)config + option->offset;
}

/* Writes the value as a person would recognise it. Control characters become dots, secrets three stars. */
static void show(const tecton_option *option, const tecton_given *given, char *text, size_t text_size) {
    if (option->secret) {
        (void)snprintf(text, text_size, "*** (not shown)");
        return;
    }
    switch (given->kind) {
    case TECTON_GIVEN_TEXT: {
        char clean[SHOWN_BYTES + 1];
        bool has_login = memchr(given->text, '@', given->text_len) != NULL; /* a proxy's password */
        size_t len = beamc_clean_text(given->text, given->text_len, clean, sizeof clean);
        (void)snprintf(text, text_size, "\"%s\"%s", has_login ? "***" : clean, len < given->text_len ? "..." : "");
        return;
    }
    case TECTON_GIVEN_INTEGER:
        (void)snprintf(text, text_size, "%" PRId64, given->integer);
        return;
    case TECTON_GIVEN_REAL:
        (void)snprintf(text, text_size, "%.17g", given->real);
        return;
    case TECTON_GIVEN_FLAG:
        (void)snprintf(text, text_size, "%s", given->flag ? "true" : "false");
        return;
    case TECTON_GIVEN_OTHER:
        (void)snprintf(text, text_size, "%s", given->text);
        return;
    }
}

static beamc_status refuse(const tecton_option *option, const tecton_given *given, const char *why, beamc_error *err) {
    char value[SHOWN_BYTES + 16];
    char accepted[256];
    show(option, given, value, sizeof value);
    tecton_option_accepted(option, accepted, sizeof accepted);
    return beamc_fail(err, BEAMC_INVALID, "option %s is %s%s%s; accepted: %s. Write for example %s", option->name,
                      value, why[0] == '\0' ? "" : ", ", why, accepted, option->example);
}

/* What one kind of text option accepts beyond "not empty"; NULL when it is right. */
static const char *text_fault(const tecton_option *option, const char *text, size_t len) {
    if (len == 0)
        return "which is empty";
    if (len > TECTON_OPTION_MAX_TEXT_BYTES)
        return "which is longer than 4096 bytes";
    for (size_t i = 0; i < len; i++) {
        if ((unsigned char)text[i] < ' ' || text[i] == 0x7f)
            return "which contains a line break or another control character";
        size_t width = (unsigned char)text[i] < 0x80
                           ? 1
                           : beamc_utf8_sequence((const uint8_t *)text + i, (const uint8_t *)text + len);
        if (width == 0)
            return "which is not valid UTF-8";
        i += width - 1;
    }
    bool blank = true;
    for (size_t i = 0; i < len && blank; i++)
        blank = text[i] == ' ';
    if (blank)
        return "which is blank";
    if (strcmp(option->name, "tecton_instance") == 0)
        return tecton_instance_fault(text, len);
    if (strcmp(option->name, "proxy") == 0)
        return tecton_proxy_fault(text, len);
    if (strcmp(option->name, "api_key") == 0)
        return tecton_secret_fault(text, len);
    return NULL;
}

static beamc_status set_text(char **member, const tecton_option *option, const tecton_given *given, beamc_error *err) {
    if (given->kind != TECTON_GIVEN_TEXT)
        return refuse(option, given, "which is not text", err);
    const char *fault = text_fault(option, given->text, given->text_len);
    if (fault != NULL)
        return refuse(option, given, fault, err);
    free(*member);
    *member = beamc_strndup(given->text, given->text_len);
    return BEAMC_OK;
}

static beamc_status set_choice(int *member, const tecton_option *option, const tecton_given *given, beamc_error *err) {
    if (given->kind != TECTON_GIVEN_TEXT)
        return refuse(option, given, "which is not text", err);
    for (size_t i = 0; i < option->num_choices; i++) {
        const char *choice = option->choices[i];
        if (strlen(choice) == given->text_len && strncasecmp(choice, given->text, given->text_len) == 0) {
            *member = (int)i;
            return BEAMC_OK;
        }
    }
    return refuse(option, given, "", err);
}

beamc_status tecton_option_set(tecton_sink_config *config, const tecton_option *option, const tecton_given *given,
                               beamc_error *err) {
    void *member = member_of(config, option);
    switch (option->type) {
    case TECTON_OPTION_TEXT:
        return set_text(member, option, given, err);
    case TECTON_OPTION_CHOICE:
        return set_choice(member, option, given, err);
    case TECTON_OPTION_INTEGER:
        if (given->kind != TECTON_GIVEN_INTEGER)
            return refuse(option, given, "which is not a whole number", err);
        if (given->integer < option->min || given->integer > option->max)
            return refuse(option, given, "", err);
        *(int64_t *)member = given->integer;
        return BEAMC_OK;
    case TECTON_OPTION_REAL: {
        if (given->kind != TECTON_GIVEN_REAL && given->kind != TECTON_GIVEN_INTEGER)
            return refuse(option, given, "which is not a number", err);
        double real = given->kind == TECTON_GIVEN_REAL ? given->real : (double)given->integer;
        if (!(real > option->above && real <= option->at_most)) /* false for NaN */
            return refuse(option, given, "", err);
        *(double *)member = real;
        return BEAMC_OK;
    }
    case TECTON_OPTION_FLAG:
        if (given->kind != TECTON_GIVEN_FLAG)
            return refuse(option, given, "which is neither true nor false", err);
        *(bool *)member = given->flag;
        return BEAMC_OK;
    }
    return BEAMC_INVALID;
}

beamc_status tecton_option_unknown(const char *name, beamc_error *err) {
    char shown[SHOWN_BYTES + 1];
    (void)beamc_clean_text(name, strlen(name), shown, sizeof shown);
    const tecton_option *nearest = tecton_option_nearest(name);
    if (nearest != NULL)
        return beamc_fail(err, BEAMC_INVALID, "unknown option '%s': did you mean %s? Write for example %s", shown,
                          nearest->name, nearest->example);
    char names[2048] = "";
    size_t num_options = 0;
    const tecton_option *options = tecton_options(&num_options);
    for (size_t i = 0, len = 0; i < num_options; i++)
        len += (size_t)snprintf(names + len, sizeof names - len, "%s%s", i == 0 ? "" : ", ", options[i].name);
    return beamc_fail(err, BEAMC_INVALID, "unknown option '%s'; the options are %s", shown, names);
}

void tecton_sink_config_defaults(tecton_sink_config *config) {
    *config = (tecton_sink_config){0};
    size_t num_options = 0;
    const tecton_option *options = tecton_options(&num_options);
    for (size_t i = 0; i < num_options; i++) {
        void *member = member_of(config, &options[i]);
        switch (options[i].type) {
        case TECTON_OPTION_TEXT:
            *(char **)member = options[i].default_text == NULL ? NULL : beamc_strdup(options[i].default_text);
            break;
        case TECTON_OPTION_INTEGER:
            *(int64_t *)member = options[i].default_integer;
            break;
        case TECTON_OPTION_REAL:
            *(double *)member = options[i].default_real;
            break;
        case TECTON_OPTION_FLAG:
            *(bool *)member = options[i].default_integer != 0;
            break;
        case TECTON_OPTION_CHOICE:
            *(int *)member = (int)options[i].default_integer;
            break;
        }
    }
}

static beamc_status check_errors(const tecton_sink_config *config, beamc_error *err) {
    if (config->error_output == NULL) {
        bool alone = config->error_threshold < 1;
        if (alone || config->on_exhausted == TECTON_EXHAUSTED_DEAD_LETTER)
            return beamc_fail(err, BEAMC_INVALID, "option %s needs an output for refused rows. Write for example %s",
                              alone ? TECTON_OPTION_GROUP ".threshold" : "on_exhausted",
                              tecton_option_find(TECTON_OPTION_GROUP ".output")->example);
        return BEAMC_OK;
    }
    if (strcmp(config->error_output, TECTON_SINK_WRITTEN_TAG) == 0)
        return beamc_fail(err, BEAMC_INVALID,
                          "option " TECTON_OPTION_GROUP ".output is \"" TECTON_SINK_WRITTEN_TAG
                          "\", which names the output of acknowledged requests. Write for example %s",
                          tecton_option_find(TECTON_OPTION_GROUP ".output")->example);
    return BEAMC_OK;
}

beamc_status tecton_sink_config_check(const tecton_sink_config *config, beamc_error *err) {
    size_t num_options = 0;
    const tecton_option *options = tecton_options(&num_options);
    for (size_t i = 0; i < num_options; i++) {
        if (options[i].required && *(char *const *)((const char *)config + options[i].offset) == NULL)
            return beamc_fail(err, BEAMC_INVALID, "option %s is missing: %s Write for example %s", options[i].name,
                              options[i].sentence, options[i].example);
    }
    BEAMC_TRY(check_errors(config, err));
    if (config->endpoint_url != NULL)
        return tecton_endpoint_check(config->endpoint_url, config->allow_insecure, err);
    if (config->tecton_instance == NULL) {
        const tecton_option *instance = tecton_option_find("tecton_instance");
        return beamc_fail(err, BEAMC_INVALID, "option tecton_instance is missing: %s Write for example %s",
                          instance->sentence, instance->example);
    }
    return BEAMC_OK;
}
