#include "tests/emulator/read_back.h"

#include "tests/emulator/answer_body.h"
#include "tests/emulator/json_text.h"
#include "tests/emulator/record_check.h"

#include <time.h>

/* gRPC's numbers, which the read API's errors carry. */
enum { CODE_INVALID_ARGUMENT = 3, CODE_NOT_FOUND = 5, CODE_PERMISSION_DENIED = 7, CODE_UNAUTHENTICATED = 16 };

static bool refuse(emu_answer *answer, int status, const char *message) {
    int code = status == 401   ? CODE_UNAUTHENTICATED
               : status == 403 ? CODE_PERMISSION_DENIED
               : status == 404 ? CODE_NOT_FOUND
                               : CODE_INVALID_ARGUMENT;
    answer->status = status;
    emu_answer_read_error(&answer->body, code, message);
    return false;
}

static bool open_workspace(const emu_config *config, const char *authorization, const char *name, size_t name_len,
                           const emu_workspace **out, emu_answer *answer) {
    const emu_api_key *key = emu_config_authorize(config, authorization);
    if (key == NULL)
        return refuse(answer, 401, "the Authorization header is missing or its API key is not valid");
    *out = emu_config_workspace(config, name, name_len);
    if (*out == NULL)
        return refuse(answer, 404, "workspace not found");
    if (emu_config_role(config, key, *out) == EMU_ROLE_NONE)
        return refuse(answer, 403, "the API key has no role in this workspace");
    return true;
}

void emu_read_back_workspace(const emu_state *state, const char *authorization, const char *name, emu_answer *answer) {
    const emu_workspace *workspace;
    if (!open_workspace(state->config, authorization, name, strlen(name), &workspace, answer))
        return;
    beamc_byte_buffer_append_text(&answer->body, "{\"workspace\":{\"name\":");
    emu_json_text_quoted(&answer->body, workspace->name);
    emu_json_text_format(&answer->body, ",\"capabilities\":{\"materializable\":%s}}}",
                         workspace->live ? "true" : "false");
}

static bool is_text(const emu_json *value) {
    return value != NULL && value->kind == EMU_JSON_STRING;
}

/* Makes the store's key; every join key must be there, and nothing else. */
static bool make_key(const emu_state *state, const emu_feature_view *view, const emu_json *map, beamc_byte_buffer *key,
                     emu_answer *answer) {
    if (map == NULL || map->kind != EMU_JSON_OBJECT || map->num_children != view->num_join_columns)
        return refuse(answer, 400, "params.join_key_map must hold exactly the join keys of the feature view");
    const emu_stream_source *source = &state->config->sources[view->source];
    for (uint32_t i = 0; i < view->num_join_columns; i++) {
        const emu_column *column = &source->columns[view->join_columns[i]];
        const emu_json *value = emu_json_member(map, column->name);
        if (value == NULL || !emu_record_key_append(column, value, key))
            return refuse(answer, 400, "params.join_key_map: a join key is missing, null or not of its type");
    }
    return true;
}

static void write_features(const emu_state *state, const emu_feature_view *view, const emu_store_row *row,
                           beamc_byte_buffer *out) {
    const emu_stream_source *source = &state->config->sources[view->source];
    beamc_byte_buffer_append_text(out, "{\"result\":{\"features\":");
    if (row != NULL) {
        beamc_byte_buffer_append(out, row->row, row->row_len);
    } else {
        for (uint32_t i = 0; i < source->num_columns; i++)
            beamc_byte_buffer_append_text(out, i == 0 ? "[null" : ",null");
        beamc_byte_buffer_append_byte(out, ']');
    }
    beamc_byte_buffer_append_text(out, "},\"metadata\":{\"features\":[");
    for (uint32_t i = 0; i < source->num_columns; i++) {
        emu_json_text_format(out, "%s{\"name\":\"%s.%s\",\"dataType\":", i == 0 ? "" : ",", view->name,
                             source->columns[i].name);
        emu_type_describe(out, &source->columns[i].type);
        beamc_byte_buffer_append_byte(out, '}');
    }
    beamc_byte_buffer_append_byte(out, ']');
    if (row != NULL) {
        char text[EMU_TIMESTAMP_TEXT_MAX];
        beamc_byte_buffer_append_text(out, ",\"effective_time\":");
        emu_json_text_string(out, text, emu_timestamp_write(row->at, text));
    }
    if (view->aggregate)
        emu_json_text_format(out, ",\"num_events\":%u", row == NULL ? 0 : row->num_events);
    beamc_byte_buffer_append_text(out, "}}");
}

static void answer_row(emu_state *state, const emu_feature_view *view, const beamc_byte_buffer *key,
                       emu_answer *answer) {
    uint32_t view_at = (uint32_t)(view - state->config->views);
    emu_store_row row;
    pthread_mutex_lock(&state->store_lock);
    bool found = emu_store_read(state->store, view_at, (const char *)key->data, (uint32_t)key->len, &row);
    bool served = found && (view->ttl_seconds == EMU_NO_TTL || row.at.seconds >= time(NULL) - view->ttl_seconds);
    write_features(state, view, served ? &row : NULL, &answer->body);
    pthread_mutex_unlock(&state->store_lock);
}

static void read_params(emu_state *state, const char *authorization, const emu_json *root, emu_answer *answer) {
    const emu_json *params = root->kind == EMU_JSON_OBJECT ? emu_json_member(root, "params") : NULL;
    if (params == NULL || params->kind != EMU_JSON_OBJECT) {
        refuse(answer, 400, "params must be an object");
        return;
    }
    const emu_json *workspace_name = emu_json_member(params, "workspace_name");
    const emu_json *view_name = emu_json_member(params, "feature_view_name");
    if (!is_text(workspace_name) || !is_text(view_name)) {
        refuse(answer, 400, "params.workspace_name and params.feature_view_name must be strings");
        return;
    }
    const emu_workspace *workspace;
    if (!open_workspace(state->config, authorization, workspace_name->text, workspace_name->text_len, &workspace,
                        answer))
        return;
    const emu_feature_view *view = emu_config_view(state->config, workspace, view_name->text, view_name->text_len);
    if (view == NULL) {
        refuse(answer, 404, "feature view not found in this workspace");
        return;
    }
    beamc_byte_buffer key;
    beamc_byte_buffer_init(&key, EMU_ANSWER_MAX_BYTES);
    if (make_key(state, view, emu_json_member(params, "join_key_map"), &key, answer))
        answer_row(state, view, &key, answer);
    beamc_byte_buffer_cleanup(&key);
}

void emu_read_back_features(emu_state *state, const char *authorization, const char *body, size_t body_len,
                            emu_answer *answer) {
    if (emu_config_authorize(state->config, authorization) == NULL) {
        refuse(answer, 401, "the Authorization header is missing or its API key is not valid");
        return;
    }
    beamc_arena arena;
    beamc_arena_init(&arena, body_len * 128 + 65536);
    emu_json *root;
    if (emu_json_read(body, body_len, &arena, &root, NULL) == BEAMC_OK)
        read_params(state, authorization, root, answer);
    else
        refuse(answer, 400, "the body is not valid JSON");
    beamc_arena_cleanup(&arena);
}
