#include "tests/emulator/ingest_check.h"

#include "tests/emulator/answer.h"
#include "tests/emulator/record_check.h"
#include "tests/emulator/strict_json.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

/* The top-level members, found under either spelling that the path takes. */
typedef struct {
    const emu_json *workspace_name;
    const emu_json *dry_run;
    const emu_json *records;
} envelope;

static bool refuse(emu_ingest_plan *plan, int status, const char *message) {
    plan->status = status;
    emu_answer_request_error(&plan->answer, message);
    return false;
}

static bool is_compressed(const char *content_encoding) {
    return content_encoding != NULL && strcasecmp(content_encoding, "identity") != 0;
}

static bool named(const emu_json *member, const char *name) {
    return member->name_len == strlen(name) && memcmp(member->name, name, member->name_len) == 0;
}

static const emu_json **envelope_slot(envelope *fields, const emu_json *member, bool snake, bool camel) {
    if (named(member, "records"))
        return &fields->records;
    if ((snake && named(member, "workspace_name")) || (camel && named(member, "workspaceName")))
        return &fields->workspace_name;
    if ((snake && named(member, "dry_run")) || (camel && named(member, "dryRun")))
        return &fields->dry_run;
    return NULL;
}

static bool read_envelope(const emu_config *config, const emu_ingest_request *request, emu_ingest_plan *plan,
                          envelope *fields) {
    beamc_error err;
    emu_json *root;
    beamc_status status = emu_json_read(request->body, request->body_len, &plan->arena, &root, &err);
    if (status != BEAMC_OK) {
        char message[256];
        snprintf(message, sizeof message, "the body is not valid JSON: %.200s", err.text);
        return refuse(plan, status == BEAMC_LIMIT ? 413 : 400, message);
    }
    if (root->kind != EMU_JSON_OBJECT)
        return refuse(plan, 400, "the body must be a JSON object");
    bool snake = request->path == EMU_INGEST_V1 || config->strictness.lenient_keys;
    bool camel = request->path == EMU_INGEST_V2 || config->strictness.lenient_keys;
    for (const emu_json *member = root->first; member != NULL; member = member->next) {
        const emu_json **slot = envelope_slot(fields, member, snake, camel);
        if (slot == NULL)
            return refuse(plan, 400,
                          camel ? "unknown top-level field; known are `workspaceName`, `dryRun`, `records`"
                                : "unknown top-level field; known are `workspace_name`, `dry_run`, `records`");
        if (*slot != NULL)
            return refuse(plan, 400, "a top-level field is given in both spellings");
        *slot = member;
    }
    return true;
}

/* Each source's value must be a non-empty array of {"record": {...}}. */
static const char *check_wrappers(const emu_json *records, uint32_t *num_records) {
    if (records->kind != EMU_JSON_ARRAY)
        return "field `records`: each source must hold an array";
    if (records->num_children == 0)
        return "field `records`: a source holds no record";
    for (const emu_json *item = records->first; item != NULL; item = item->next) {
        if (item->kind != EMU_JSON_OBJECT || item->num_children != 1 || !named(item->first, "record") ||
            item->first->kind != EMU_JSON_OBJECT)
            return "field `records`: each item must be an object whose only key is `record`, which holds an object";
    }
    *num_records += records->num_children;
    return NULL;
}

/* Ends `text` at `len` bytes, or before the UTF-8 sequence that `len` would split. Returns its length. */
static size_t cut_text(char *text, size_t len) {
    while (len > 0 && (text[len - 1] & 0xC0) == 0x80)
        len--;
    if (len > 0 && (text[len - 1] & 0x80) != 0)
        len--;
    text[len] = '\0';
    return len;
}

static bool check_fields(emu_ingest_plan *plan, const envelope *fields) {
    if (fields->workspace_name == NULL)
        return refuse(plan, 400, "the workspace name is missing");
    if (fields->workspace_name->kind != EMU_JSON_STRING || fields->workspace_name->text_len == 0)
        return refuse(plan, 400, "the workspace name must be a non-empty string");
    if (fields->dry_run == NULL)
        return refuse(plan, 400, "the dry run flag is missing");
    if (fields->dry_run->kind != EMU_JSON_TRUE && fields->dry_run->kind != EMU_JSON_FALSE)
        return refuse(plan, 400, "the dry run flag must be true or false");
    if (fields->records == NULL)
        return refuse(plan, 400, "field `records` is missing");
    if (fields->records->kind != EMU_JSON_OBJECT)
        return refuse(plan, 400, "field `records` must be an object");
    if (fields->records->num_children == 0)
        return refuse(plan, 400, "field `records` is empty");
    plan->dry_run = fields->dry_run->kind == EMU_JSON_TRUE;
    uint32_t num_records = 0;
    size_t names_len = 0;
    for (const emu_json *source = fields->records->first; source != NULL; source = source->next) {
        const char *wrong = check_wrappers(source, &num_records);
        if (wrong != NULL)
            return refuse(plan, 400, wrong);
        int more = snprintf(plan->source_names + names_len, EMU_SOURCE_NAMES_MAX - names_len, "%s%.*s",
                            source == fields->records->first ? "" : ",", (int)source->name_len, source->name);
        names_len += more > 0 ? (size_t)more : 0;
        if (names_len >= EMU_SOURCE_NAMES_MAX)
            names_len = cut_text(plan->source_names, EMU_SOURCE_NAMES_MAX - 1);
    }
    plan->parsed = true;
    plan->num_records = num_records;
    return true;
}

static bool check_workspace(const emu_config *config, const emu_api_key *key, emu_ingest_plan *plan,
                            const envelope *fields) {
    const emu_json *name = fields->workspace_name;
    plan->workspace = emu_config_workspace(config, name->text, name->text_len);
    if (plan->workspace == NULL)
        return refuse(plan, 404, "workspace not found");
    emu_role role = emu_config_role(config, key, plan->workspace);
    if (role == EMU_ROLE_NONE || (role == EMU_ROLE_VIEWER && !plan->dry_run))
        return refuse(plan, 403,
                      plan->dry_run ? "the API key has no role in this workspace"
                                    : "the API key needs the role Editor or Owner in this workspace to write");
    return true;
}

static bool check_sources(const emu_config *config, emu_ingest_plan *plan, const envelope *fields) {
    if (!plan->dry_run && !plan->workspace->live)
        return refuse(plan, 404, "the workspace is not live; only a dry run is possible");
    uint32_t num_sources = fields->records->num_children;
    plan->sources = beamc_arena_take(&plan->arena, num_sources * sizeof *plan->sources);
    if (plan->sources == NULL)
        return refuse(plan, 413, "too many stream sources");
    for (const emu_json *item = fields->records->first; item != NULL; item = item->next) {
        const emu_stream_source *source = emu_config_source(config, plan->workspace, item->name, item->name_len);
        if (source == NULL)
            return refuse(plan, 404, "stream source not found in this workspace");
        bool online = false;
        for (uint32_t i = 0; i < source->num_views; i++)
            online |= config->views[source->views[i]].online;
        if (source->num_views == 0)
            return refuse(plan, 404, "no feature view subscribes to the stream source");
        if (!online && !plan->dry_run)
            return refuse(plan, 404, "no feature view with online writes subscribes to the stream source");
        plan->sources[plan->num_sources++] = (emu_source_count){.source = source};
    }
    return true;
}

static bool check_records(const emu_config *config, emu_timestamp now, emu_ingest_plan *plan, const envelope *fields,
                          size_t body_len) {
    size_t most_writes = 0;
    const emu_json *item = fields->records->first;
    for (uint32_t s = 0; s < plan->num_sources; s++, item = item->next)
        most_writes += (size_t)item->num_children * plan->sources[s].source->num_views;
    plan->writes = beamc_arena_take(&plan->arena, most_writes * sizeof *plan->writes);
    if (plan->writes == NULL)
        return refuse(plan, 413, "too many records");
    beamc_byte_buffer scratch;
    beamc_byte_buffer_init(&scratch, body_len * 8 + 65536); /* the stored form may be longer than the sent one */
    emu_record_errors errors;
    emu_record_errors_open(&errors, &plan->answer, plan->workspace->name);
    item = fields->records->first;
    for (uint32_t s = 0; s < plan->num_sources; s++, item = item->next) {
        emu_record_checker checker = {.config = config,
                                      .source = plan->sources[s].source,
                                      .now = now,
                                      .arena = &plan->arena,
                                      .scratch = &scratch,
                                      .errors = &errors};
        for (const emu_json *wrapper = item->first; wrapper != NULL; wrapper = wrapper->next) {
            uint32_t num_writes;
            if (!emu_record_check(&checker, wrapper->first, plan->writes + plan->num_writes, &num_writes))
                continue;
            plan->num_writes += num_writes;
            plan->sources[s].num_records++;
            plan->num_good++;
        }
    }
    emu_record_errors_close(&errors);
    beamc_byte_buffer_cleanup(&scratch);
    if (errors.num_errors == 0)
        return true;
    plan->status = 400;
    return false;
}

void emu_ingest_check(const emu_config *config, const emu_ingest_request *request, emu_timestamp now,
                      emu_ingest_plan *plan) {
    *plan = (emu_ingest_plan){.status = 200};
    beamc_byte_buffer_init(&plan->answer, EMU_ANSWER_MAX_BYTES);
    /* The smallest value, "0,", takes two bytes of body and one node; rows and writes come on top. */
    beamc_arena_init(&plan->arena, request->body_len * 128 + 1024 * 1024);
    const emu_api_key *key = emu_config_authorize(config, request->authorization);
    envelope fields = {NULL, NULL, NULL};
    if (key == NULL) {
        refuse(plan, 401, "the Authorization header is missing or its API key is not valid");
        return;
    }
    if (request->body_too_large) {
        refuse(plan, 413, "the body is too large");
        return;
    }
    if (is_compressed(request->content_encoding)) {
        refuse(plan, 415, "compressed bodies are not supported");
        return;
    }
    if (!read_envelope(config, request, plan, &fields) || !check_fields(plan, &fields) ||
        !check_workspace(config, key, plan, &fields) || !check_sources(config, plan, &fields) ||
        !check_records(config, now, plan, &fields, request->body_len))
        return;
    beamc_byte_buffer_clear(&plan->answer);
}

void emu_ingest_plan_cleanup(emu_ingest_plan *plan) {
    beamc_byte_buffer_cleanup(&plan->answer);
    beamc_arena_cleanup(&plan->arena);
}
