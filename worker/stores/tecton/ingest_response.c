#include "worker/stores/tecton/ingest_response.h"

#include "sdk_harness/base/alloc.h"
#include "sdk_harness/base/clean_text.h"

#include <cjson/cJSON.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SHOWN_RECORD_ERRORS = 3 };

static void wipe_key(char *text, const char *key) {
    size_t key_len = key == NULL ? 0 : strlen(key);
    if (key_len == 0)
        return;
    for (char *found = text; (found = strstr(found, key)) != NULL;) {
        size_t shown = key_len < 3 ? key_len : 3;
        memset(found, '*', shown);
        memmove(found + shown, found + key_len, strlen(found + key_len) + 1);
        found += shown;
    }
}

static const char *text_member(const cJSON *object, const char *name) {
    const cJSON *member = cJSON_GetObjectItemCaseSensitive(object, name);
    return cJSON_IsString(member) && member->valuestring[0] != '\0' ? member->valuestring : NULL;
}

/* The distinct messages of the first few record errors; Tecton does not say which record each one is about. */
static char *record_errors(const cJSON *reply) {
    const cJSON *errors = cJSON_GetObjectItemCaseSensitive(reply, "recordErrors");
    const char *shown[SHOWN_RECORD_ERRORS];
    size_t num_shown = 0;
    const cJSON *error = NULL;
    cJSON_ArrayForEach(error, errors) {
        const char *message = text_member(error, "errorMessage");
        bool known = message == NULL;
        for (size_t i = 0; i < num_shown && !known; i++)
            known = strcmp(shown[i], message) == 0;
        if (!known)
            shown[num_shown++] = message;
        if (num_shown == SHOWN_RECORD_ERRORS)
            break;
    }
    if (num_shown == 0)
        return NULL;
    char *all = beamc_strdup(shown[0]);
    for (size_t i = 1; i < num_shown; i++) {
        char *longer = beamc_format("%s; %s", all, shown[i]);
        free(all);
        all = longer;
    }
    return all;
}

static char *words_of(const cJSON *reply) {
    const char *message = text_member(cJSON_GetObjectItemCaseSensitive(reply, "requestError"), "errorMessage");
    if (message != NULL)
        return beamc_strdup(message);
    char *records = record_errors(reply);
    if (records != NULL)
        return records;
    message = text_member(reply, "message");
    if (message == NULL)
        message = text_member(reply, "error");
    return message == NULL ? NULL : beamc_strdup(message);
}

void tecton_server_words(const tecton_store_answer *answer, const char *key, char *text, size_t text_size) {
    cJSON *reply = cJSON_ParseWithLength((const char *)answer->body, answer->body_len);
    char *words = reply == NULL ? NULL : words_of(reply);
    cJSON_Delete(reply);
    if (words == NULL) {
        /* Raw bytes: enough of them that a key at the cut is still recognised. */
        size_t wanted = TECTON_SERVER_WORDS_BYTES + (key == NULL ? 0 : strlen(key));
        size_t len = answer->body_len < wanted ? answer->body_len : wanted;
        words = beamc_strndup((const char *)answer->body, len);
        for (size_t i = 0; i < len; i++) {
            if (words[i] == '\0')
                words[i] = ' ';
        }
    }
    wipe_key(words, key);
    size_t room = text_size - 1 < TECTON_SERVER_WORDS_BYTES ? text_size : TECTON_SERVER_WORDS_BYTES + 1;
    size_t len = beamc_clean_text(words, strlen(words), text, room);
    while (len > 0 && text[len - 1] == ' ')
        text[--len] = '\0';
    explicit_bzero(words, strlen(words));
    free(words);
}

/* The whole body as JSON; NULL when it is anything else. */
static cJSON *parse_all(const tecton_store_answer *answer) {
    if (answer->body_cut)
        return NULL;
    const char *at = NULL;
    const char *end = (const char *)answer->body + answer->body_len;
    cJSON *reply = cJSON_ParseWithLengthOpts((const char *)answer->body, answer->body_len, &at, false);
    if (reply == NULL)
        return NULL;
    while (at < end && (*at == ' ' || *at == '\t' || *at == '\r' || *at == '\n'))
        at++;
    if (at == end)
        return reply;
    cJSON_Delete(reply);
    return NULL;
}

/* Counts are decimal text, as protobuf writes 64-bit numbers; a number is taken too. */
static bool read_count(const cJSON *entry, const char *name, uint64_t *count) {
    const cJSON *member = cJSON_GetObjectItemCaseSensitive(entry, name);
    if (cJSON_IsNumber(member) && member->valuedouble >= 0 && member->valuedouble < 1e15) {
        *count = (uint64_t)member->valuedouble;
        return true;
    }
    if (!cJSON_IsString(member) || member->valuestring[0] < '0' || member->valuestring[0] > '9')
        return false;
    char *end = NULL;
    *count = strtoull(member->valuestring, &end, 10);
    return *end == '\0';
}

/* Each feature view that the source feeds tells its own counts: the largest is what the service took. */
static void read_counts(const cJSON *reply, tecton_store_judgement *judgement) {
    static const char *const names[] = {"onlineRecordIngestCount", "offlineRecordIngestCount"};
    const cJSON *metrics = cJSON_GetObjectItemCaseSensitive(reply, "ingestMetrics");
    const cJSON *view = NULL;
    cJSON_ArrayForEach(view, cJSON_GetObjectItemCaseSensitive(metrics, "featureViewIngestMetrics")) {
        for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
            uint64_t count = 0;
            if (!read_count(view, names[i], &count))
                continue;
            judgement->has_count = true;
            if (count > judgement->count)
                judgement->count = count;
        }
    }
}

/* A success says so in a JSON object; anything else with status 2xx came from something that is not the API. */
static tecton_verdict judge_success(const tecton_store_answer *answer, tecton_store_judgement *judgement) {
    cJSON *reply = parse_all(answer);
    bool object = cJSON_IsObject(reply);
    if (object)
        read_counts(reply, judgement);
    cJSON_Delete(reply);
    return object ? TECTON_VERDICT_STORED : TECTON_VERDICT_RETRYABLE;
}

/* How many errors there are of one feature view: a record is reported once for each that refuses it. */
static uint32_t count_bad(const cJSON *errors) {
    const char *view = text_member(cJSON_GetArrayItem(errors, 0), "featureViewName");
    uint32_t num_bad = 0;
    const cJSON *error = NULL;
    cJSON_ArrayForEach(error, errors) {
        const char *name = text_member(error, "featureViewName");
        num_bad += name == view || (name != NULL && view != NULL && strcmp(name, view) == 0);
    }
    return num_bad;
}

/* Record errors say so; all else that is refused is taken for a fault of the request. */
static tecton_verdict judge_refusal(const tecton_store_answer *answer, tecton_store_judgement *judgement) {
    cJSON *reply = cJSON_ParseWithLength((const char *)answer->body, answer->body_len);
    const cJSON *errors = cJSON_GetObjectItemCaseSensitive(reply, "recordErrors");
    bool of_records = cJSON_GetArraySize(errors) > 0;
    if (of_records)
        judgement->num_bad = count_bad(errors);
    cJSON_Delete(reply);
    return of_records ? TECTON_VERDICT_RECORD_ERROR : TECTON_VERDICT_REQUEST_ERROR;
}

static tecton_verdict verdict_of(const tecton_store_answer *answer, tecton_store_judgement *judgement) {
    switch (answer->status) {
    case 400:
    case 422:
        return judge_refusal(answer, judgement);
    case 413:
        return TECTON_VERDICT_TOO_LARGE;
    case 401:
        return TECTON_VERDICT_UNAUTHORIZED;
    case 403:
        return TECTON_VERDICT_FATAL;
    case 404:
        return TECTON_VERDICT_NOT_FOUND;
    case 429:
        return TECTON_VERDICT_THROTTLED;
    case 408:
    case 425:
        return TECTON_VERDICT_RETRYABLE;
    default:
        break;
    }
    if (answer->status >= 200 && answer->status < 300)
        return judge_success(answer, judgement);
    if (answer->status >= 500 && answer->status < 600)
        return TECTON_VERDICT_RETRYABLE;
    return TECTON_VERDICT_OTHER;
}

/* What is at fault and what to do, as whole sentences. */
static void advice(const tecton_ingest_context *context, int status, char *text, size_t text_size) {
    const char *workspace = context->workspace_name;
    const char *source = context->stream_source_name;
    switch (status) {
    case 400:
        (void)snprintf(
            text, text_size,
            "Setting at fault: the rows' columns and types do not fit stream source \"%.200s\". Compare the input's "
            "schema with the source's in Tecton; no record of this request counts as written.",
            source);
        return;
    case 413:
        (void)snprintf(text, text_size, "Setting at fault: batch_size. Lower it, or make the rows smaller.");
        return;
    case 401:
        (void)snprintf(
            text, text_size,
            "Setting at fault: api_key. Give a valid key of a service account, and check that it belongs to this "
            "Tecton instance.");
        return;
    case 403:
        (void)snprintf(
            text, text_size,
            "Setting at fault: the service account of api_key may not write to workspace_name \"%.200s\". Give it the "
            "role Editor on that workspace (Viewer is enough for dry_run only).",
            workspace);
        return;
    case 404:
        (void)snprintf(
            text, text_size,
            "Setting at fault: workspace_name \"%.200s\" or stream_source_name \"%.200s\". Check both names, that the "
            "workspace is live and that a feature view with online writes uses the source; a new source is known "
            "some minutes after tecton apply.",
            workspace, source);
        return;
    case 407:
        (void)snprintf(text, text_size, "Setting at fault: proxy, which asks for a login.");
        return;
    case 429:
        (void)snprintf(text, text_size,
                       "Tecton takes no more for now. Lower max_in_flight, or raise max_retry_seconds to wait longer.");
        return;
    default:
        break;
    }
    if (status >= 200 && status < 300)
        (void)snprintf(text, text_size,
                       "This is not an answer of Tecton's ingest API; the records may or may not be written. "
                       "Check endpoint_url and proxy.");
    else if (status >= 300 && status < 400)
        (void)snprintf(text, text_size,
                       "Redirects are not followed, so that the key goes nowhere else. Setting at fault: "
                       "endpoint_url or tecton_instance; give the URL that answers.");
    else if (status == 408 || status == 425 || (status >= 500 && status < 600))
        (void)snprintf(text, text_size,
                       "The service has a problem; if it lasts, ask Tecton. Raise max_retries and "
                       "max_retry_seconds to outlast it.");
    else
        (void)snprintf(text, text_size, "This is not an answer of Tecton's ingest API. Check endpoint_url and proxy.");
}

void tecton_ingest_classify(const tecton_ingest_context *context, const tecton_store_answer *answer,
                            tecton_store_judgement *judgement) {
    judgement->has_count = false;
    judgement->count = 0;
    judgement->num_bad = 0;
    judgement->text[0] = '\0';
    judgement->verdict = verdict_of(answer, judgement);
    if (judgement->verdict == TECTON_VERDICT_STORED)
        return;
    char words[TECTON_SERVER_WORDS_BYTES + 1];
    char what_to_do[768];
    tecton_server_words(answer, context->key, words, sizeof words);
    advice(context, answer->status, what_to_do, sizeof what_to_do);
    (void)snprintf(judgement->text, sizeof judgement->text, "HTTP %d from %.200s: %s%s%s %s", answer->status,
                   context->url, words[0] == '\0' ? "(no text)" : "\"", words, words[0] == '\0' ? "." : "\".",
                   what_to_do);
}
