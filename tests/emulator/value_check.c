#include "tests/emulator/value_check.h"

#include "tests/emulator/json_text.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#define MAX_EXACT_NUMBER INT64_C(9007199254740991) /* 2^53 - 1: doubles hold every integer up to it */

static size_t write_path(char *to, size_t size, const emu_value_path *path) {
    size_t len = path->outer == NULL ? 0 : write_path(to, size, path->outer);
    bool dot = path->outer != NULL && path->name[0] != '[';
    int more = len < size ? snprintf(to + len, size - len, "%s%s", dot ? "." : "", path->name) : 0;
    return len + (more > 0 ? (size_t)more : 0);
}

static bool fail(emu_value_check_state *state, const emu_value_path *path, const char *what) {
    char where[256];
    write_path(where, sizeof where, path);
    snprintf(state->why, sizeof state->why, "column `%s`: %s", where, what);
    return false;
}

static bool fail_kind(emu_value_check_state *state, const emu_value_path *path, const emu_type *type,
                      const emu_json *value) {
    char what[96];
    snprintf(what, sizeof what, "expected %s, got %s", emu_type_name(type->kind), emu_json_kind_name(value->kind));
    return fail(state, path, what);
}

/* The value of a JSON number that is a whole number of at most `max` either way, however it is spelled. */
static bool whole_number(const emu_json *number, int64_t max, int64_t *out) {
    const char *at = number->text;
    const char *end = at + number->text_len;
    bool negative = *at == '-';
    at += negative;
    int64_t value = 0;         /* of the digits up to the last non-zero one */
    int64_t pending_zeros = 0; /* zeros after it, not yet multiplied in */
    int64_t scale = 0;         /* power of ten that `value` and the zeros are still to be multiplied with */
    bool fraction = false;
    for (; at < end && *at != 'e' && *at != 'E'; at++) {
        if (*at == '.') {
            fraction = true;
            continue;
        }
        scale -= fraction;
        if (*at == '0') {
            pending_zeros += value != 0;
            continue;
        }
        for (; pending_zeros >= 0; pending_zeros--) {
            if (value > max / 10)
                return false;
            value *= 10;
        }
        value += *at - '0';
        pending_zeros = 0;
    }
    if (at < end) {
        at++;
        bool negative_exponent = *at == '-';
        at += *at == '-' || *at == '+';
        int64_t exponent = 0;
        for (; at < end; at++)
            exponent = exponent > 1000000000 ? exponent : exponent * 10 + (*at - '0');
        scale += negative_exponent ? -exponent : exponent;
    }
    scale += pending_zeros;
    if (value == 0) {
        *out = 0;
        return true;
    }
    if (scale < 0 || scale > 19)
        return false;
    for (; scale > 0; scale--) {
        if (value > max / 10)
            return false;
        value *= 10;
    }
    if (value > max)
        return false;
    *out = negative ? -value : value;
    return true;
}

/* Decimal text in the range of int64: an optional minus, no leading zeros, nothing else. */
static bool decimal_text(const emu_json *string, int64_t *out) {
    const char *at = string->text;
    const char *end = at + string->text_len;
    bool negative = at < end && *at == '-';
    at += negative;
    if (at == end || end - at > 19 || (*at == '0' && end - at > 1))
        return false;
    uint64_t value = 0; /* 19 digits fit */
    for (; at < end; at++) {
        if (*at < '0' || *at > '9')
            return false;
        value = value * 10 + (uint64_t)(*at - '0');
    }
    if (value > (uint64_t)INT64_MAX + negative)
        return false;
    *out = negative ? (int64_t)(0 - value) : (int64_t)value;
    return true;
}

static void store_integer(beamc_byte_buffer *stored, int64_t value) {
    beamc_byte_buffer_append(stored, "\"-", value < 0 ? 2 : 1);
    emu_json_text_uint(stored, value < 0 ? 0 - (uint64_t)value : (uint64_t)value);
    beamc_byte_buffer_append_byte(stored, '"');
}

static bool check_integer(emu_value_check_state *state, const emu_type *type, const emu_json *value,
                          const emu_value_path *path, beamc_byte_buffer *stored) {
    int64_t number;
    bool is_64 = type->kind == EMU_INT64;
    if (value->kind == EMU_JSON_NUMBER) {
        if (is_64 && state->int64 == EMU_INT64_STRING)
            return fail(state, path, "expected Int64 as a decimal string, got a number");
        if (!whole_number(value, is_64 ? MAX_EXACT_NUMBER : INT64_C(2147483648), &number) ||
            (!is_64 && number > INT32_MAX))
            return fail(state, path,
                        is_64 ? "expected Int64: a number must be whole and within 2^53-1 either way"
                              : "expected Int32: a number must be whole and within 32 bits");
    } else if (value->kind == EMU_JSON_STRING && is_64) {
        if (state->int64 == EMU_INT64_NUMBER)
            return fail(state, path, "expected Int64 as a number, got a string");
        if (!decimal_text(value, &number))
            return fail(state, path, "expected Int64: a string must be decimal and within 64 bits");
    } else {
        return fail_kind(state, path, type, value);
    }
    store_integer(stored, number);
    return true;
}

static bool check_float(emu_value_check_state *state, const emu_type *type, const emu_json *value,
                        const emu_value_path *path, beamc_byte_buffer *stored) {
    if (value->kind != EMU_JSON_NUMBER)
        return fail_kind(state, path, type, value);
    /* The text is not terminated, but it stands inside an object, so a delimiter ends it. */
    bool finite = type->kind == EMU_FLOAT32 ? isfinite(strtof(value->text, NULL)) : isfinite(strtod(value->text, NULL));
    if (!finite)
        return fail(state, path,
                    type->kind == EMU_FLOAT32 ? "out of the range of Float32" : "out of the range of Float64");
    beamc_byte_buffer_append(stored, value->text, value->text_len);
    return true;
}

static void store_text(beamc_byte_buffer *stored, const char *text, uint32_t len, bool escaped) {
    if (escaped) {
        emu_json_text_string(stored, text, len);
        return;
    }
    beamc_byte_buffer_append_byte(stored, '"');
    beamc_byte_buffer_append(stored, text, len);
    beamc_byte_buffer_append_byte(stored, '"');
}

static bool check_timestamp(emu_value_check_state *state, const emu_json *value, const emu_value_path *path,
                            beamc_byte_buffer *stored) {
    if (value->kind != EMU_JSON_STRING) {
        char what[96];
        snprintf(what, sizeof what, "expected a timestamp in ISO 8601, got %s", emu_json_kind_name(value->kind));
        return fail(state, path, what);
    }
    const char *wrong = emu_timestamp_read(value->text, value->text_len, &state->at);
    if (wrong != NULL) {
        char what[128];
        snprintf(what, sizeof what, "not an ISO 8601 timestamp: %s", wrong);
        return fail(state, path, what);
    }
    char text[EMU_TIMESTAMP_TEXT_MAX];
    store_text(stored, text, (uint32_t)emu_timestamp_write(state->at, text), false);
    return true;
}

static bool check_elements(emu_value_check_state *state, const emu_type *type, const emu_json *value,
                           const emu_value_path *path, beamc_byte_buffer *stored) {
    bool map = type->kind == EMU_MAP;
    if (value->kind != (map ? EMU_JSON_OBJECT : EMU_JSON_ARRAY))
        return fail_kind(state, path, type, value);
    emu_value_path inner = {.outer = path, .name = "[]"};
    beamc_byte_buffer_append_byte(stored, map ? '{' : '[');
    for (const emu_json *element = value->first; element != NULL; element = element->next) {
        if (element != value->first)
            beamc_byte_buffer_append_byte(stored, ',');
        if (map) {
            store_text(stored, element->name, element->name_len, true);
            beamc_byte_buffer_append_byte(stored, ':');
        }
        if (!emu_value_check(state, type->element, element, &inner, stored))
            return false;
    }
    beamc_byte_buffer_append_byte(stored, map ? '}' : ']');
    return true;
}

static bool check_struct(emu_value_check_state *state, const emu_type *type, const emu_json *value,
                         const emu_value_path *path, beamc_byte_buffer *stored) {
    if (value->kind != EMU_JSON_OBJECT)
        return fail_kind(state, path, type, value);
    beamc_byte_buffer_append_byte(stored, '{');
    for (uint32_t i = 0; i < type->num_fields; i++) {
        const emu_column *field = &type->fields[i];
        emu_value_path inner = {.outer = path, .name = field->name};
        const emu_json *member = emu_json_member(value, field->name);
        if (member == NULL)
            return fail(state, &inner, "missing; send null for no value");
        beamc_byte_buffer_append(stored, ",", i > 0);
        store_text(stored, field->name, field->name_len, false);
        beamc_byte_buffer_append_byte(stored, ':');
        if (!emu_value_check(state, &field->type, member, &inner, stored))
            return false;
    }
    if (value->num_children != type->num_fields)
        return fail(state, path, "a field that is not in the schema");
    beamc_byte_buffer_append_byte(stored, '}');
    return true;
}

bool emu_value_check(emu_value_check_state *state, const emu_type *type, const emu_json *value,
                     const emu_value_path *path, beamc_byte_buffer *stored) {
    if (value->kind == EMU_JSON_NULL)
        return beamc_byte_buffer_append(stored, "null", 4) || fail(state, path, "too large");
    switch (type->kind) {
    case EMU_INT32:
    case EMU_INT64:
        return check_integer(state, type, value, path, stored);
    case EMU_FLOAT32:
    case EMU_FLOAT64:
        return check_float(state, type, value, path, stored);
    case EMU_STRING:
        if (value->kind != EMU_JSON_STRING)
            return fail_kind(state, path, type, value);
        store_text(stored, value->text, value->text_len, value->escaped);
        return true;
    case EMU_BOOL:
        if (value->kind != EMU_JSON_TRUE && value->kind != EMU_JSON_FALSE)
            return fail_kind(state, path, type, value);
        beamc_byte_buffer_append_text(stored, value->kind == EMU_JSON_TRUE ? "true" : "false");
        return true;
    case EMU_TIMESTAMP:
        return check_timestamp(state, value, path, stored);
    case EMU_ARRAY:
    case EMU_MAP:
        return check_elements(state, type, value, path, stored);
    case EMU_STRUCT:
        return check_struct(state, type, value, path, stored);
    }
    return fail(state, path, "unknown type");
}
