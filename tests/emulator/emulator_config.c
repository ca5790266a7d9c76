#include "tests/emulator/emulator_config.h"

#include "sdk_harness/base/alloc.h"
#include "tests/emulator/json_members.h"

#include <cjson/cJSON.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_ENTRIES = 1000 /* of one section */ };

static const emu_strictness default_strictness = {
    .max_body_bytes = 1024 * 1024,
    .max_rows = 5 * 1000 * 1000,
    .int64 = EMU_INT64_NUMBER_OR_STRING,
};

static beamc_status read_bool(const cJSON *object, const char *name, bool fallback, bool *out, beamc_error *err) {
    const cJSON *value = cJSON_GetObjectItemCaseSensitive(object, name);
    *out = value == NULL ? fallback : cJSON_IsTrue(value);
    return value == NULL || cJSON_IsBool(value) ? BEAMC_OK
                                                : beamc_fail(err, BEAMC_INVALID, "%s: expected true or false", name);
}

static beamc_status read_count(const cJSON *object, const char *name, double max, uint64_t fallback, uint64_t *out,
                               beamc_error *err) {
    const cJSON *value = cJSON_GetObjectItemCaseSensitive(object, name);
    *out = fallback;
    if (value == NULL)
        return BEAMC_OK;
    if (!cJSON_IsNumber(value) || value->valuedouble < 1 || value->valuedouble > max ||
        value->valuedouble != (double)(uint64_t)value->valuedouble)
        return beamc_fail(err, BEAMC_INVALID, "%s: expected a whole number from 1 to %.0f", name, max);
    *out = (uint64_t)value->valuedouble;
    return BEAMC_OK;
}

static beamc_status read_text(const cJSON *object, const char *name, const char **out, beamc_error *err) {
    const cJSON *value = cJSON_GetObjectItemCaseSensitive(object, name);
    *out = cJSON_GetStringValue(value);
    return *out != NULL && **out != '\0' ? BEAMC_OK : beamc_fail(err, BEAMC_INVALID, "%s: expected a text", name);
}

static const emu_workspace *find_workspace(const emu_config *config, const char *name) {
    return emu_config_workspace(config, name, strlen(name));
}

static beamc_status read_workspace_of(const emu_config *config, const cJSON *object, uint32_t *out, beamc_error *err) {
    const char *name;
    BEAMC_TRY(read_text(object, "workspace", &name, err));
    const emu_workspace *workspace = find_workspace(config, name);
    if (workspace == NULL)
        return beamc_fail(err, BEAMC_INVALID, "workspace: \"%s\" is not in workspaces", name);
    *out = (uint32_t)(workspace - config->workspaces);
    return BEAMC_OK;
}

static beamc_status read_workspace(emu_config *config, const cJSON *json, beamc_error *err) {
    static const char *const names[] = {"live", NULL};
    emu_workspace *workspace = &config->workspaces[config->num_workspaces++];
    workspace->name = beamc_strdup(json->string);
    BEAMC_TRY(emu_json_only_members(json, names, err));
    return read_bool(json, "live", true, &workspace->live, err);
}

static beamc_status read_api_key(emu_config *config, const cJSON *json, beamc_error *err) {
    static const char *const names[] = {"roles", NULL};
    static const char *const role_names[] = {
        [EMU_ROLE_VIEWER] = "viewer", [EMU_ROLE_EDITOR] = "editor", [EMU_ROLE_OWNER] = "owner"};
    emu_api_key *key = &config->api_keys[config->num_api_keys++];
    key->key = beamc_strdup(json->string);
    key->roles = beamc_alloc_zero(config->num_workspaces, sizeof *key->roles);
    BEAMC_TRY(emu_json_only_members(json, names, err));
    const cJSON *role;
    cJSON_ArrayForEach(role, cJSON_GetObjectItemCaseSensitive(json, "roles")) {
        const emu_workspace *workspace = role->string == NULL ? NULL : find_workspace(config, role->string);
        if (workspace == NULL)
            return beamc_fail(err, BEAMC_INVALID, "roles: expected names that are in workspaces");
        const char *role_name = cJSON_GetStringValue(role);
        emu_role *out = &key->roles[workspace - config->workspaces];
        for (emu_role r = EMU_ROLE_VIEWER; r <= EMU_ROLE_OWNER; r++)
            if (role_name != NULL && strcmp(role_name, role_names[r]) == 0)
                *out = r;
        if (*out == EMU_ROLE_NONE)
            return beamc_fail(err, BEAMC_INVALID, "roles: expected viewer, editor or owner");
    }
    return BEAMC_OK;
}

static bool find_column(const emu_stream_source *source, const char *name, uint32_t *out) {
    for (uint32_t i = 0; i < source->num_columns; i++) {
        if (strcmp(source->columns[i].name, name) == 0) {
            *out = i;
            return true;
        }
    }
    return false;
}

static beamc_status read_source(emu_config *config, const cJSON *json, beamc_error *err) {
    static const char *const names[] = {"workspace", "timestamp", "schema", NULL};
    emu_stream_source *source = &config->sources[config->num_sources++];
    source->name = beamc_strdup(json->string);
    BEAMC_TRY(emu_json_only_members(json, names, err));
    BEAMC_TRY(read_workspace_of(config, json, &source->workspace, err));
    const cJSON *schema = cJSON_GetObjectItemCaseSensitive(json, "schema");
    beamc_status status = emu_columns_read(schema, &source->columns, &source->num_columns, err);
    if (status != BEAMC_OK)
        return beamc_fail_within(err, status, "schema");
    const char *timestamp;
    BEAMC_TRY(read_text(json, "timestamp", &timestamp, err));
    if (!find_column(source, timestamp, &source->timestamp_column) ||
        source->columns[source->timestamp_column].type.kind != EMU_TIMESTAMP)
        return beamc_fail(err, BEAMC_INVALID, "timestamp: \"%s\" is no Timestamp column of the schema", timestamp);
    return BEAMC_OK;
}

/* The service's ids look like 128-bit numbers; two FNV-1a hashes of the name serve. */
static void make_view_id(emu_feature_view *view) {
    uint64_t halves[2] = {UINT64_C(14695981039346656037), UINT64_C(1099511628211)};
    for (int half = 0; half < 2; half++)
        for (const char *at = view->name; *at != '\0'; at++)
            halves[half] = (halves[half] ^ (unsigned char)*at) * UINT64_C(1099511628211);
    snprintf(view->id, sizeof view->id, "%016llx%016llx", (unsigned long long)halves[0], (unsigned long long)halves[1]);
}

static beamc_status read_join_keys(const emu_stream_source *source, const cJSON *json, emu_feature_view *view,
                                   beamc_error *err) {
    int count = cJSON_GetArraySize(json);
    if (!cJSON_IsArray(json) || count == 0 || count > EMU_MAX_COLUMNS)
        return beamc_fail(err, BEAMC_INVALID, "join_keys: expected an array of column names");
    view->join_columns = beamc_alloc_zero((size_t)count, sizeof *view->join_columns);
    const cJSON *name;
    cJSON_ArrayForEach(name, json) {
        uint32_t *column = &view->join_columns[view->num_join_columns++];
        if (!cJSON_IsString(name) || !find_column(source, name->valuestring, column))
            return beamc_fail(err, BEAMC_INVALID, "join_keys: expected columns of the source");
        emu_type_kind kind = source->columns[*column].type.kind;
        if (kind != EMU_STRING && kind != EMU_INT32 && kind != EMU_INT64)
            return beamc_fail(err, BEAMC_INVALID, "join_keys: \"%s\" is neither String nor an integer",
                              name->valuestring);
        for (uint32_t i = 0; i + 1 < view->num_join_columns; i++)
            if (view->join_columns[i] == *column)
                return beamc_fail(err, BEAMC_INVALID, "join_keys: \"%s\" occurs twice", name->valuestring);
    }
    return BEAMC_OK;
}

static beamc_status read_view(emu_config *config, const cJSON *json, beamc_error *err) {
    static const char *const names[] = {"workspace", "source", "join_keys", "ttl_seconds", "online", "aggregate", NULL};
    uint32_t index = config->num_views++;
    emu_feature_view *view = &config->views[index];
    view->name = beamc_strdup(json->string);
    make_view_id(view);
    BEAMC_TRY(emu_json_only_members(json, names, err));
    BEAMC_TRY(read_workspace_of(config, json, &view->workspace, err));
    const char *source_name;
    BEAMC_TRY(read_text(json, "source", &source_name, err));
    const emu_stream_source *found =
        emu_config_source(config, &config->workspaces[view->workspace], source_name, strlen(source_name));
    if (found == NULL)
        return beamc_fail(err, BEAMC_INVALID, "source: \"%s\" is not in stream_sources of this workspace", source_name);
    view->source = (uint32_t)(found - config->sources);
    emu_stream_source *source = &config->sources[view->source];
    BEAMC_TRY(read_join_keys(source, cJSON_GetObjectItemCaseSensitive(json, "join_keys"), view, err));
    const cJSON *ttl = cJSON_GetObjectItemCaseSensitive(json, "ttl_seconds");
    view->ttl_seconds = EMU_NO_TTL;
    if (ttl != NULL && !cJSON_IsNull(ttl)) {
        uint64_t seconds;
        BEAMC_TRY(read_count(json, "ttl_seconds", 1e10, 1, &seconds, err));
        view->ttl_seconds = (int64_t)seconds;
    }
    BEAMC_TRY(read_bool(json, "online", true, &view->online, err));
    BEAMC_TRY(read_bool(json, "aggregate", false, &view->aggregate, err));
    source->views = beamc_realloc(source->views, (source->num_views + 1) * sizeof *source->views);
    source->views[source->num_views++] = index;
    return BEAMC_OK;
}

static beamc_status read_strictness(emu_config *config, const cJSON *json, beamc_error *err) {
    static const char *const names[] = {"lenient_keys", "partial_write", "emit_zeros", "max_body_bytes",
                                        "max_rows",     "int64",         NULL};
    static const char *const forms[] = {[EMU_INT64_NUMBER_OR_STRING] = "number_or_string",
                                        [EMU_INT64_NUMBER] = "number",
                                        [EMU_INT64_STRING] = "string"};
    emu_strictness *out = &config->strictness;
    *out = default_strictness;
    if (json == NULL)
        return BEAMC_OK;
    BEAMC_TRY(emu_json_only_members(json, names, err));
    BEAMC_TRY(read_bool(json, "lenient_keys", false, &out->lenient_keys, err));
    BEAMC_TRY(read_bool(json, "partial_write", false, &out->partial_write, err));
    BEAMC_TRY(read_bool(json, "emit_zeros", false, &out->emit_zeros, err));
    BEAMC_TRY(read_count(json, "max_body_bytes", 64.0 * 1024 * 1024, out->max_body_bytes, &out->max_body_bytes, err));
    BEAMC_TRY(read_count(json, "max_rows", 5e6, out->max_rows, &out->max_rows, err));
    const cJSON *int64 = cJSON_GetObjectItemCaseSensitive(json, "int64");
    if (int64 == NULL)
        return BEAMC_OK;
    for (emu_int64_form form = EMU_INT64_NUMBER_OR_STRING; form <= EMU_INT64_STRING; form++) {
        if (cJSON_IsString(int64) && strcmp(int64->valuestring, forms[form]) == 0) {
            out->int64 = form;
            return BEAMC_OK;
        }
    }
    return beamc_fail(err, BEAMC_INVALID, "int64: expected number_or_string, number or string");
}

typedef beamc_status (*entry_reader)(emu_config *config, const cJSON *json, beamc_error *err);

static beamc_status check_section(const cJSON *root, const char *section, const cJSON **out, beamc_error *err) {
    *out = cJSON_GetObjectItemCaseSensitive(root, section);
    int count = cJSON_GetArraySize(*out);
    if (!cJSON_IsObject(*out) || count == 0 || count > MAX_ENTRIES)
        return beamc_fail(err, BEAMC_INVALID, "%s: expected an object of 1 to %d entries", section, MAX_ENTRIES);
    for (const cJSON *a = (*out)->child; a != NULL; a = a->next) {
        if (*a->string == '\0')
            return beamc_fail(err, BEAMC_INVALID, "%s: an empty name", section);
        for (const cJSON *b = a->next; b != NULL; b = b->next)
            if (strcmp(a->string, b->string) == 0)
                return beamc_fail(err, BEAMC_INVALID, "%s: a name occurs twice", section);
    }
    return BEAMC_OK;
}

static beamc_status read_entries(emu_config *config, const cJSON *section, bool name_is_secret, entry_reader read,
                                 beamc_error *err) {
    const cJSON *entry;
    int index = 0;
    cJSON_ArrayForEach(entry, section) {
        beamc_status status = read(config, entry, err);
        if (status != BEAMC_OK) {
            char place[32];
            snprintf(place, sizeof place, "entry %d", index);
            beamc_fail_within(err, status, name_is_secret ? place : entry->string);
            return beamc_fail_within(err, status, section->string);
        }
        index++;
    }
    return BEAMC_OK;
}

static beamc_status read_root(emu_config *config, const cJSON *root, beamc_error *err) {
    static const char *const names[] = {"api_keys",   "workspaces", "stream_sources", "feature_views",
                                        "strictness", "observe",    "traffic",        NULL};
    static const char *const observe_names[] = {"body_sha256", NULL};
    BEAMC_TRY(emu_json_only_members(root, names, err));
    const cJSON *workspaces;
    const cJSON *keys;
    const cJSON *sources;
    const cJSON *views;
    BEAMC_TRY(check_section(root, "workspaces", &workspaces, err));
    BEAMC_TRY(check_section(root, "api_keys", &keys, err));
    BEAMC_TRY(check_section(root, "stream_sources", &sources, err));
    BEAMC_TRY(check_section(root, "feature_views", &views, err));
    config->workspaces = beamc_alloc_zero((size_t)cJSON_GetArraySize(workspaces), sizeof *config->workspaces);
    config->api_keys = beamc_alloc_zero((size_t)cJSON_GetArraySize(keys), sizeof *config->api_keys);
    config->sources = beamc_alloc_zero((size_t)cJSON_GetArraySize(sources), sizeof *config->sources);
    config->views = beamc_alloc_zero((size_t)cJSON_GetArraySize(views), sizeof *config->views);
    BEAMC_TRY(read_entries(config, workspaces, false, read_workspace, err));
    BEAMC_TRY(read_entries(config, keys, true, read_api_key, err));
    BEAMC_TRY(read_entries(config, sources, false, read_source, err));
    BEAMC_TRY(read_entries(config, views, false, read_view, err));
    beamc_status status = read_strictness(config, cJSON_GetObjectItemCaseSensitive(root, "strictness"), err);
    if (status != BEAMC_OK)
        return beamc_fail_within(err, status, "strictness");
    const cJSON *traffic = cJSON_GetObjectItemCaseSensitive(root, "traffic");
    status = traffic == NULL ? BEAMC_OK : emu_traffic_read(traffic, &config->traffic, err);
    if (status != BEAMC_OK)
        return beamc_fail_within(err, status, "traffic");
    const cJSON *observe = cJSON_GetObjectItemCaseSensitive(root, "observe");
    if (observe == NULL)
        return BEAMC_OK;
    status = emu_json_only_members(observe, observe_names, err);
    if (status == BEAMC_OK)
        status = read_bool(observe, "body_sha256", false, &config->body_sha256, err);
    return status == BEAMC_OK ? BEAMC_OK : beamc_fail_within(err, status, "observe");
}

beamc_status emu_config_read(const char *json, size_t json_len, emu_config *out, beamc_error *err) {
    *out = (emu_config){.strictness = default_strictness};
    const char *end = json;
    cJSON *root = cJSON_ParseWithLengthOpts(json, json_len, &end, false);
    if (root == NULL)
        return beamc_fail(err, BEAMC_INVALID, "not JSON from byte %zu on", (size_t)(end - json));
    beamc_status status = read_root(out, root, err);
    cJSON_Delete(root);
    if (status != BEAMC_OK)
        emu_config_cleanup(out);
    return status;
}

beamc_status emu_config_load(const char *path, emu_config *out, beamc_error *err) {
    *out = (emu_config){.strictness = default_strictness};
    FILE *file = fopen(path, "rb");
    if (file == NULL)
        return beamc_fail(err, BEAMC_UNAVAILABLE, "%s: %s", path, strerror(errno));
    char *json = beamc_alloc(EMU_CONFIG_MAX_BYTES + 1);
    size_t len = fread(json, 1, EMU_CONFIG_MAX_BYTES + 1, file);
    fclose(file);
    beamc_status status = len > EMU_CONFIG_MAX_BYTES
                              ? beamc_fail(err, BEAMC_LIMIT, "more than %d bytes", EMU_CONFIG_MAX_BYTES)
                              : emu_config_read(json, len, out, err);
    free(json);
    return status == BEAMC_OK ? BEAMC_OK : beamc_fail_within(err, status, path);
}

void emu_config_cleanup(emu_config *config) {
    for (uint32_t i = 0; i < config->num_workspaces; i++)
        free(config->workspaces[i].name);
    for (uint32_t i = 0; i < config->num_api_keys; i++) {
        free(config->api_keys[i].key);
        free(config->api_keys[i].roles);
    }
    for (uint32_t i = 0; i < config->num_sources; i++) {
        free(config->sources[i].name);
        free(config->sources[i].views);
        emu_columns_free(config->sources[i].columns, config->sources[i].num_columns);
    }
    for (uint32_t i = 0; i < config->num_views; i++) {
        free(config->views[i].name);
        free(config->views[i].join_columns);
    }
    free(config->workspaces);
    free(config->api_keys);
    free(config->sources);
    free(config->views);
    *config = (emu_config){.strictness = default_strictness};
}

static bool names_equal(const char *name, const char *other, size_t other_len) {
    return strlen(name) == other_len && memcmp(name, other, other_len) == 0;
}

const emu_workspace *emu_config_workspace(const emu_config *config, const char *name, size_t len) {
    for (uint32_t i = 0; i < config->num_workspaces; i++)
        if (names_equal(config->workspaces[i].name, name, len))
            return &config->workspaces[i];
    return NULL;
}

const emu_stream_source *emu_config_source(const emu_config *config, const emu_workspace *workspace, const char *name,
                                           size_t len) {
    for (uint32_t i = 0; i < config->num_sources; i++)
        if (&config->workspaces[config->sources[i].workspace] == workspace &&
            names_equal(config->sources[i].name, name, len))
            return &config->sources[i];
    return NULL;
}

const emu_feature_view *emu_config_view(const emu_config *config, const emu_workspace *workspace, const char *name,
                                        size_t len) {
    for (uint32_t i = 0; i < config->num_views; i++)
        if (&config->workspaces[config->views[i].workspace] == workspace &&
            names_equal(config->views[i].name, name, len))
            return &config->views[i];
    return NULL;
}

const emu_api_key *emu_config_authorize(const emu_config *config, const char *authorization) {
    static const char scheme[] = "Tecton-key ";
    if (authorization == NULL || strncmp(authorization, scheme, sizeof scheme - 1) != 0)
        return NULL;
    for (uint32_t i = 0; i < config->num_api_keys; i++)
        if (strcmp(config->api_keys[i].key, authorization + sizeof scheme - 1) == 0)
            return &config->api_keys[i];
    return NULL;
}

emu_role emu_config_role(const emu_config *config, const emu_api_key *key, const emu_workspace *workspace) {
    return key->roles[workspace - config->workspaces];
}
