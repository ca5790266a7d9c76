#include "tests/emulator/column_type.h"

#include "sdk_harness/base/alloc.h"
#include "tests/emulator/json_text.h"

#include <cjson/cJSON.h>
#include <ctype.h>
#include <stdbool.h>
#include <stdlib.h>

static const struct {
    const char *config_name;
    const char *read_name; /* in the read API's metadata */
} kinds[] = {
    [EMU_INT32] = {"Int32", "int64"},
    [EMU_INT64] = {"Int64", "int64"},
    [EMU_FLOAT32] = {"Float32", "float32"},
    [EMU_FLOAT64] = {"Float64", "float64"},
    [EMU_STRING] = {"String", "string"},
    [EMU_BOOL] = {"Bool", "boolean"},
    [EMU_TIMESTAMP] = {"Timestamp", "timestamp"},
    [EMU_ARRAY] = {"array", "array"},
    [EMU_MAP] = {"map", "map"},
    [EMU_STRUCT] = {"struct", "struct"},
};

const char *emu_type_name(emu_type_kind kind) {
    return kinds[kind].config_name;
}

static bool is_column_name(const char *name) {
    bool after_underscore = false;
    for (const char *at = name; *at != '\0'; at++) {
        if (!isalnum((unsigned char)*at) && *at != '_')
            return false;
        if (*at == '_' && after_underscore)
            return false;
        after_underscore = *at == '_';
    }
    return *name != '\0';
}

static beamc_status read_type(const cJSON *json, int depth, emu_type *out, beamc_error *err);

static beamc_status read_columns(const cJSON *json, int depth, emu_column **out, uint32_t *num_out, beamc_error *err) {
    *out = NULL;
    *num_out = 0;
    int count = cJSON_GetArraySize(json);
    if (!cJSON_IsObject(json) || count == 0 || count > EMU_MAX_COLUMNS)
        return beamc_fail(err, BEAMC_INVALID, "expected an object of 1 to %d columns", EMU_MAX_COLUMNS);
    *out = beamc_alloc_zero((size_t)count, sizeof **out);
    const cJSON *member;
    cJSON_ArrayForEach(member, json) {
        if (!is_column_name(member->string))
            return beamc_fail(err, BEAMC_INVALID, "\"%s\": a name has letters, digits and single underscores only",
                              member->string);
        for (uint32_t i = 0; i < *num_out; i++)
            if (strcmp((*out)[i].name, member->string) == 0)
                return beamc_fail(err, BEAMC_INVALID, "\"%s\" occurs twice", member->string);
        emu_column *column = &(*out)[(*num_out)++];
        column->name = beamc_strdup(member->string);
        column->name_len = (uint32_t)strlen(column->name);
        beamc_status status = read_type(member, depth, &column->type, err);
        if (status != BEAMC_OK)
            return beamc_fail_within(err, status, member->string);
    }
    return BEAMC_OK;
}

static beamc_status read_type(const cJSON *json, int depth, emu_type *out, beamc_error *err) {
    if (depth == 0)
        return beamc_fail(err, BEAMC_INVALID, "types nested deeper than %d", EMU_MAX_TYPE_DEPTH);
    if (cJSON_IsString(json)) {
        for (emu_type_kind kind = EMU_INT32; kind <= EMU_TIMESTAMP; kind++) {
            if (strcmp(json->valuestring, kinds[kind].config_name) == 0) {
                out->kind = kind;
                return BEAMC_OK;
            }
        }
        return beamc_fail(err, BEAMC_INVALID, "\"%s\" is no type", json->valuestring);
    }
    if (!cJSON_IsObject(json) || cJSON_GetArraySize(json) != 1)
        return beamc_fail(err, BEAMC_INVALID, "expected a type's name, or {\"array\"|\"map\"|\"struct\": ...}");
    const cJSON *inner = json->child;
    if (strcmp(inner->string, "struct") == 0) {
        out->kind = EMU_STRUCT;
        return read_columns(inner, depth - 1, &out->fields, &out->num_fields, err);
    }
    if (strcmp(inner->string, "array") != 0 && strcmp(inner->string, "map") != 0)
        return beamc_fail(err, BEAMC_INVALID, "\"%s\" is neither array, map nor struct", inner->string);
    out->kind = strcmp(inner->string, "array") == 0 ? EMU_ARRAY : EMU_MAP;
    out->element = beamc_alloc_zero(1, sizeof *out->element);
    return read_type(inner, depth - 1, out->element, err);
}

beamc_status emu_type_read(const cJSON *json, emu_type *out, beamc_error *err) {
    *out = (emu_type){.kind = EMU_STRING};
    return read_type(json, EMU_MAX_TYPE_DEPTH, out, err);
}

beamc_status emu_columns_read(const cJSON *json, emu_column **out, uint32_t *num_out, beamc_error *err) {
    return read_columns(json, EMU_MAX_TYPE_DEPTH, out, num_out, err);
}

void emu_type_cleanup(emu_type *type) {
    if (type->element != NULL) {
        emu_type_cleanup(type->element);
        free(type->element);
    }
    emu_columns_free(type->fields, type->num_fields);
    *type = (emu_type){.kind = EMU_STRING};
}

void emu_columns_free(emu_column *columns, uint32_t num_columns) {
    for (uint32_t i = 0; i < num_columns; i++) {
        free(columns[i].name);
        emu_type_cleanup(&columns[i].type);
    }
    free(columns);
}

void emu_type_describe(beamc_byte_buffer *out, const emu_type *type) {
    emu_json_text_format(out, "{\"type\":\"%s\"", kinds[type->kind].read_name);
    if (type->kind == EMU_ARRAY) {
        beamc_byte_buffer_append_text(out, ",\"elementType\":");
        emu_type_describe(out, type->element);
    } else if (type->kind == EMU_MAP) {
        beamc_byte_buffer_append_text(out, ",\"keyType\":{\"type\":\"string\"},\"valueType\":");
        emu_type_describe(out, type->element);
    } else if (type->kind == EMU_STRUCT) {
        beamc_byte_buffer_append_text(out, ",\"fields\":[");
        for (uint32_t i = 0; i < type->num_fields; i++) {
            beamc_byte_buffer_append_text(out, i == 0 ? "{\"name\":" : ",{\"name\":");
            emu_json_text_string(out, type->fields[i].name, type->fields[i].name_len);
            beamc_byte_buffer_append_text(out, ",\"dataType\":");
            emu_type_describe(out, &type->fields[i].type);
            beamc_byte_buffer_append_byte(out, '}');
        }
        beamc_byte_buffer_append_byte(out, ']');
    }
    beamc_byte_buffer_append_byte(out, '}');
}
