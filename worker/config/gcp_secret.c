#include "worker/config/gcp_secret.h"

#include "sdk_harness/base/alloc.h"
#include "worker/config/endpoint_url.h"
#include "worker/http/http_client.h"

#include <cjson/cJSON.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum { METADATA_TIMEOUT_MS = 5 * 1000, SECRET_TIMEOUT_MS = 10 * 1000, MAX_TOKEN_BYTES = 8192 };

static const char *const usual_metadata_host = "metadata.google.internal";
static const char *const usual_secret_manager = "https://secretmanager.googleapis.com";

/* "projects/P/secrets/S/versions/V", with nothing in P, S and V that has a meaning in a URL. */
static bool is_version_name(const char *name, size_t len) {
    static const char *const parts[] = {"projects", NULL, "secrets", NULL, "versions", NULL};
    const char *at = name;
    const char *end = name + len;
    for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++) {
        const char *slash = memchr(at, '/', (size_t)(end - at));
        bool last = i + 1 == sizeof parts / sizeof parts[0];
        if ((slash == NULL) != last)
            return false;
        size_t part_len = (size_t)((last ? end : slash) - at);
        if (part_len == 0 ||
            (parts[i] != NULL && (strlen(parts[i]) != part_len || memcmp(parts[i], at, part_len) != 0)))
            return false;
        for (size_t j = 0; j < part_len; j++) {
            bool letter = (at[j] >= 'a' && at[j] <= 'z') || (at[j] >= 'A' && at[j] <= 'Z') ||
                          (at[j] >= '0' && at[j] <= '9') || at[j] == '-' || at[j] == '_';
            if (!letter)
                return false;
        }
        at += part_len + 1;
    }
    return true;
}

bool tecton_gcp_secret_name(const char *text, size_t len, const char **name, size_t *name_len) {
    static const char head[] = "type:GcpSecret;version_name:";
    size_t head_len = sizeof head - 1;
    if (len <= head_len || strncasecmp(text, head, head_len) != 0 || !is_version_name(text + head_len, len - head_len))
        return false;
    *name = text + head_len;
    *name_len = len - head_len;
    return true;
}

/* One GET and its answer, which holds a secret: wiped by forget_answer. */
typedef struct {
    tecton_http_exchange exchange; /* first */
    bool done;
    char *body; /* terminated */
    size_t body_len;
} fetch;

static void keep_answer(tecton_http_exchange *exchange) {
    fetch *self = (fetch *)exchange;
    self->body = beamc_strndup((const char *)exchange->answer, exchange->answer_len);
    self->body_len = exchange->answer_len;
    self->done = true;
}

static void forget_answer(fetch *self) {
    if (self->body != NULL)
        explicit_bzero(self->body, self->body_len);
    free(self->body);
    self->body = NULL;
}

static beamc_status get(const char *url, const char *header, uint32_t timeout_ms, const char *proxy, fetch *self,
                        beamc_error *err) {
    *self = (fetch){.done = false};
    tecton_http_target_options options = {.method = TECTON_HTTP_GET,
                                          .url = url,
                                          .headers = &header,
                                          .num_headers = 1,
                                          .timeout_ms = timeout_ms,
                                          .proxy = proxy};
    tecton_http_target *target = NULL;
    BEAMC_TRY(tecton_http_target_new(&options, &target, err));
    tecton_http_client *client = NULL;
    beamc_status status = tecton_http_client_new(&client, err);
    self->exchange.target = target;
    self->exchange.done = keep_answer;
    self->exchange.secret_answer = true;
    if (status == BEAMC_OK)
        status = tecton_http_client_submit(client, &self->exchange, err);
    while (status == BEAMC_OK && !self->done)
        tecton_http_client_poll(client, timeout_ms); /* the request's own timeout ends it */
    tecton_http_client_free(client);
    tecton_http_target_release(target);
    return status;
}

static char *text_member(const cJSON *object, const char *name) {
    const cJSON *member = cJSON_GetObjectItemCaseSensitive(object, name);
    return cJSON_IsString(member) ? member->valuestring : NULL;
}

/* Reads one text out of the answer; wiped with explicit_bzero by the caller. NULL when it is not there. */
static char *answer_text(const fetch *self, const char *outer, const char *name) {
    cJSON *reply = cJSON_ParseWithLength(self->body, self->body_len);
    const cJSON *object = outer == NULL ? reply : cJSON_GetObjectItemCaseSensitive(reply, outer);
    char *text = object == NULL ? NULL : text_member(object, name);
    char *copy = text == NULL ? NULL : beamc_strdup(text);
    if (text != NULL)
        explicit_bzero(text, strlen(text));
    cJSON_Delete(reply);
    return copy;
}

static void wipe(char *text) {
    if (text != NULL)
        explicit_bzero(text, strlen(text));
    free(text);
}

static beamc_status fetch_token(const char *reference, char **token, beamc_error *err) {
    const char *host = getenv("GCE_METADATA_HOST");
    if (host == NULL || host[0] == '\0')
        host = usual_metadata_host;
    char *url = beamc_format("http://%s/computeMetadata/v1/instance/service-accounts/default/token", host);
    fetch answer;
    beamc_status status = get(url, "Metadata-Flavor: Google", METADATA_TIMEOUT_MS, "none", &answer, err);
    free(url);
    if (status != BEAMC_OK)
        return status;
    if (answer.exchange.result != TECTON_HTTP_ANSWERED)
        status = beamc_fail(
            err, BEAMC_UNAVAILABLE,
            "api_key refers to %s, but no Google metadata server answers at %.200s (%s): the worker does not "
            "seem to run on Google Cloud. Use env:NAME or file:/path there",
            reference, host, answer.exchange.problem);
    else if (answer.exchange.status != 200)
        status = beamc_fail(
            err, BEAMC_UNAVAILABLE,
            "api_key refers to %s, but the Google metadata server at %.200s gives no token (HTTP %d). Give the "
            "worker's machine or pod a service account",
            reference, host, answer.exchange.status);
    else if ((*token = answer_text(&answer, NULL, "access_token")) == NULL || strlen(*token) > MAX_TOKEN_BYTES ||
             strpbrk(*token, "\r\n") != NULL)
        status = beamc_fail(err, BEAMC_INVALID,
                            "api_key refers to %s, but what the Google metadata server at %.200s gives is not a token",
                            reference, host);
    forget_answer(&answer);
    return status;
}

/* The six bits of a letter of base64, or -1. */
static int base64_bits(char c) {
    if (c >= 'A' && c <= 'Z')
        return c - 'A';
    if (c >= 'a' && c <= 'z')
        return c - 'a' + 26;
    if (c >= '0' && c <= '9')
        return c - '0' + 52;
    return c == '+' ? 62 : c == '/' ? 63 : -1;
}

/* RFC 4648 section 4, strict. `bytes` has room for three quarters of the text. False when it is not base64. */
static bool decode_base64(const char *text, char *bytes, size_t *bytes_len) {
    size_t len = strlen(text);
    size_t padding = len > 0 && text[len - 1] == '=' ? (len > 1 && text[len - 2] == '=' ? 2 : 1) : 0;
    if (len % 4 != 0)
        return false;
    uint32_t bits = 0;
    size_t out = 0;
    for (size_t i = 0; i < len - padding; i++) {
        int six = base64_bits(text[i]);
        if (six < 0)
            return false;
        bits = bits << 6 | (uint32_t)six;
        if (i % 4 != 0)
            bytes[out++] = (char)(uint8_t)(bits >> (6 - i % 4 * 2));
    }
    *bytes_len = out;
    return true;
}

static beamc_status take_value(const char *reference, const char *base64, tecton_secret *secret, beamc_error *err) {
    size_t len = base64 == NULL ? 0 : strlen(base64);
    if (len == 0 || len > TECTON_MAX_SECRET_BYTES / 3 * 4)
        return beamc_fail(err, BEAMC_INVALID, "the key that api_key refers to (%s) is %s", reference,
                          len == 0 ? "empty" : "longer than 4096 bytes");
    char *value = beamc_alloc_zero(1, len / 4 * 3 + 4);
    if (!decode_base64(base64, value, &secret->len)) {
        explicit_bzero(value, len / 4 * 3);
        free(value);
        return beamc_fail(err, BEAMC_INVALID, "what Secret Manager gives for %s is not base64", reference);
    }
    secret->value = value;
    /* As for files: secrets made with `echo` end with a line end. */
    if (secret->len > 0 && value[secret->len - 1] == '\n')
        value[--secret->len] = '\0';
    return BEAMC_OK;
}

static beamc_status refuse(const char *reference, const char *base, const fetch *answer, beamc_error *err) {
    if (answer->exchange.result != TECTON_HTTP_ANSWERED)
        return beamc_fail(err, BEAMC_UNAVAILABLE, "api_key refers to %s, but %.200s does not answer: %s", reference,
                          base, answer->exchange.problem);
    const char *advice = "Try again";
    if (answer->exchange.status == 403 || answer->exchange.status == 401)
        advice = "Give the worker's service account the role Secret Manager Secret Accessor on that secret";
    else if (answer->exchange.status == 404 || answer->exchange.status == 400)
        advice = "Check the project, the secret's name, and that the version is enabled";
    return beamc_fail(err, BEAMC_UNAVAILABLE, "api_key refers to %s, but Secret Manager refuses it (HTTP %d). %s",
                      reference, answer->exchange.status, advice);
}

beamc_status tecton_gcp_secret_resolve(const char *reference, tecton_secret *secret, beamc_error *err) {
    const char *name = NULL;
    size_t name_len = 0;
    if (!tecton_gcp_secret_name(reference, strlen(reference), &name, &name_len))
        return beamc_fail(err, BEAMC_INVALID, "%.200s is not the name of a Google secret", reference);
    const char *base = getenv("BEAM_TECTON_SECRET_MANAGER_URL");
    if (base == NULL || base[0] == '\0')
        base = usual_secret_manager;
    if (tecton_endpoint_check(base, false, NULL) != BEAMC_OK)
        return beamc_fail(err, BEAMC_INVALID,
                          "BEAM_TECTON_SECRET_MANAGER_URL is neither an https:// URL nor one of this machine");
    char *token = NULL;
    beamc_status status = fetch_token(reference, &token, err);
    if (status != BEAMC_OK) {
        wipe(token);
        return status;
    }
    char *url = beamc_format("%s/v1/%.*s:access", base, (int)name_len, name);
    char *header = beamc_format("Authorization: Bearer %s", token);
    wipe(token);
    fetch answer;
    status = get(url, header, SECRET_TIMEOUT_MS, "env", &answer, err);
    wipe(header);
    free(url);
    if (status != BEAMC_OK)
        return status;
    if (answer.exchange.result != TECTON_HTTP_ANSWERED || answer.exchange.status != 200) {
        status = refuse(reference, base, &answer, err);
    } else {
        char *base64 = answer_text(&answer, "payload", "data");
        status = take_value(reference, base64, secret, err);
        wipe(base64);
    }
    forget_answer(&answer);
    return status;
}
