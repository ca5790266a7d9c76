#include "tests/emulator/record_check.h"

#include "tests/emulator/value_check.h"

#include <stdio.h>
#include <string.h>

/* Finds each column's member. Clients send columns in schema order, so the next column is tried first. */
static bool match_columns(const emu_record_checker *checker, const emu_json *record, const emu_json **members) {
    const emu_stream_source *source = checker->source;
    uint32_t expected = 0;
    bool extra = false;
    memset(members, 0, source->num_columns * sizeof *members);
    for (const emu_json *member = record->first; member != NULL; member = member->next) {
        uint32_t tried = 0;
        for (; tried < source->num_columns; tried++) {
            const emu_column *column = &source->columns[expected];
            uint32_t at = expected;
            expected = expected + 1 == source->num_columns ? 0 : expected + 1;
            if (column->name_len == member->name_len && memcmp(column->name, member->name, member->name_len) == 0) {
                members[at] = member;
                break;
            }
        }
        extra |= tried == source->num_columns;
    }
    if (extra)
        emu_record_errors_add(checker->errors, NULL, source->name, "a column that is not in the schema");
    return !extra;
}

/* Checks every column and builds the row in scratch; ends[i] is where column i's stored form ends. */
static bool check_columns(const emu_record_checker *checker, const emu_json *const *members, uint32_t *ends,
                          emu_timestamp *at) {
    const emu_stream_source *source = checker->source;
    beamc_byte_buffer *row = checker->scratch;
    emu_value_check_state state = {.int64 = checker->config->strictness.int64};
    bool good = true;
    beamc_byte_buffer_clear(row);
    beamc_byte_buffer_append_byte(row, '[');
    for (uint32_t i = 0; i < source->num_columns; i++) {
        const emu_column *column = &source->columns[i];
        const emu_value_path path = {.name = column->name};
        if (i > 0)
            beamc_byte_buffer_append_byte(row, ',');
        if (members[i] == NULL) {
            snprintf(state.why, sizeof state.why, "column `%s`: missing; send null for no value", column->name);
        } else if (i == source->timestamp_column && members[i]->kind == EMU_JSON_NULL) {
            snprintf(state.why, sizeof state.why, "column `%s`: the event timestamp is null", column->name);
        } else if (emu_value_check(&state, &column->type, members[i], &path, row)) {
            if (i == source->timestamp_column)
                *at = state.at;
            ends[i] = (uint32_t)row->len;
            continue;
        }
        emu_record_errors_add(checker->errors, NULL, source->name, state.why);
        good = false;
    }
    beamc_byte_buffer_append_byte(row, ']');
    if (row->failed && good) {
        emu_record_errors_add(checker->errors, NULL, source->name, "the record is too large");
        return false;
    }
    return good;
}

static const char *copy(const emu_record_checker *checker, const void *bytes, size_t len) {
    char *to = beamc_arena_take(checker->arena, len);
    if (to != NULL)
        memcpy(to, bytes, len);
    return to;
}

/* The key of one view: the stored forms of its join keys with commas between. False: one of them is null. */
static bool make_key(const emu_record_checker *checker, const emu_feature_view *view, const emu_json *const *members,
                     const uint32_t *ends, emu_store_write *write) {
    size_t len = 0;
    for (uint32_t i = 0; i < view->num_join_columns; i++) {
        uint32_t column = view->join_columns[i];
        if (members[column]->kind == EMU_JSON_NULL) {
            char message[192];
            snprintf(message, sizeof message, "join key `%.128s` is null", checker->source->columns[column].name);
            emu_record_errors_add(checker->errors, view->name, checker->source->name, message);
            return false;
        }
        uint32_t start = column == 0 ? 1 : ends[column - 1] + 1;
        len += ends[column] - start + 1;
    }
    char *key = beamc_arena_take(checker->arena, len);
    if (key == NULL) {
        emu_record_errors_add(checker->errors, view->name, checker->source->name, "the request is too large");
        return false;
    }
    write->key = key;
    write->key_len = (uint32_t)len;
    for (uint32_t i = 0; i < view->num_join_columns; i++) {
        uint32_t column = view->join_columns[i];
        uint32_t start = column == 0 ? 1 : ends[column - 1] + 1;
        size_t part = ends[column] - start;
        memcpy(key, checker->scratch->data + start, part);
        key[part] = ',';
        key += part + 1;
    }
    return true;
}

static bool inside_ttl(const emu_record_checker *checker, const emu_feature_view *view, emu_timestamp at) {
    emu_timestamp oldest = {.seconds = checker->now.seconds - view->ttl_seconds, .nanos = checker->now.nanos};
    if (view->ttl_seconds == EMU_NO_TTL || emu_timestamp_compare(at, oldest) >= 0)
        return true;
    const emu_stream_source *source = checker->source;
    char message[256];
    snprintf(message, sizeof message, "column `%.128s`: older than the serving TTL of %lld seconds",
             source->columns[source->timestamp_column].name, (long long)view->ttl_seconds);
    emu_record_errors_add(checker->errors, view->name, source->name, message);
    return false;
}

bool emu_record_check(const emu_record_checker *checker, const emu_json *record, emu_store_write *writes,
                      uint32_t *num_writes) {
    const emu_stream_source *source = checker->source;
    const emu_json *members[EMU_MAX_COLUMNS];
    uint32_t ends[EMU_MAX_COLUMNS];
    emu_timestamp at = {.seconds = 0};
    *num_writes = 0;
    bool known = match_columns(checker, record, members);
    bool good = check_columns(checker, members, ends, &at) && known;
    if (!good)
        return false;
    const char *row = copy(checker, checker->scratch->data, checker->scratch->len);
    if (row == NULL) {
        emu_record_errors_add(checker->errors, NULL, source->name, "the request is too large");
        return false;
    }
    for (uint32_t i = 0; i < source->num_views; i++) {
        const emu_feature_view *view = &checker->config->views[source->views[i]];
        emu_store_write *write = &writes[*num_writes];
        *write = (emu_store_write){
            .view = source->views[i], .at = at, .row = row, .row_len = (uint32_t)checker->scratch->len};
        if (!make_key(checker, view, members, ends, write) || !inside_ttl(checker, view, at))
            good = false;
        else if (view->online)
            (*num_writes)++;
    }
    return good;
}

bool emu_record_key_append(const emu_column *column, const emu_json *value, beamc_byte_buffer *key) {
    emu_value_check_state state = {.int64 = EMU_INT64_NUMBER_OR_STRING};
    emu_type type = column->type;
    if (type.kind == EMU_INT32)
        type.kind = EMU_INT64; /* stored alike; the read API takes both spellings */
    const emu_value_path path = {.name = column->name};
    return value->kind != EMU_JSON_NULL && emu_value_check(&state, &type, value, &path, key) &&
           beamc_byte_buffer_append_byte(key, ',');
}
