#include "worker/records/row_to_record.h"

#include "sdk_harness/base/alloc.h"
#include "worker/records/field_path.h"
#include "worker/records/json_time.h"
#include "worker/records/json_writer.h"
#include "worker/records/logical_values.h"
#include "worker/records/record_plan.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define MAX_SAFE_INTEGER INT64_C(9007199254740991) /* 2^53-1: what a double holds exactly */

enum { COMPARED_MAP_KEYS = 64 /* larger maps take memory to find equal keys */ };

static beamc_status encode_non_finite(const tecton_record_plan *plan, double value, const tecton_field_path *path,
                                      beamc_byte_buffer *out, beamc_error *err) {
    switch (plan->non_finite) {
    case TECTON_NON_FINITE_NULL:
        beamc_byte_buffer_append(out, "null", 4);
        return BEAMC_OK;
    case TECTON_NON_FINITE_STRING:
        beamc_byte_buffer_append_text(out, isnan(value) ? "\"NaN\"" : value > 0 ? "\"Infinity\"" : "\"-Infinity\"");
        return BEAMC_OK;
    case TECTON_NON_FINITE_REJECT:
        break;
    }
    if (isnan(value))
        return tecton_field_refuse(
            path, err,
            "the value is NaN, which JSON cannot hold. pandas' missing values are NaN: turn them into None before "
            "the sink, or write non_finite='null'");
    return tecton_field_refuse(path, err,
                               "the value is infinite, which JSON cannot hold. Replace it before the sink, or write "
                               "non_finite='null'");
}

static beamc_status encode_string(const beamc_value *value, const tecton_field_path *path, beamc_byte_buffer *out,
                                  beamc_error *err) {
    size_t bad_byte = 0;
    if (tecton_json_string(out, value->as.bytes.data, value->as.bytes.len, &bad_byte))
        return BEAMC_OK;
    char where[512];
    tecton_field_path_text(path, where, sizeof where);
    return beamc_fail(
        err, BEAMC_INVALID,
        "field %s: the text is not valid UTF-8 at byte %zu. Decode it properly before the sink, or use a BYTES "
        "field",
        where, bad_byte);
}

static beamc_status encode_int64(tecton_plan_op op, int64_t value, const tecton_field_path *path,
                                 beamc_byte_buffer *out, beamc_error *err) {
    bool exact = value >= -MAX_SAFE_INTEGER && value <= MAX_SAFE_INTEGER;
    if (op == OP_INT64_NUMBER && !exact)
        return tecton_field_refuse(
            path, err,
            "the integer is beyond 2^53-1, which a JSON number does not hold exactly, and int64_encoding is number. "
            "Write int64_encoding='auto' to send such values as strings");
    bool quoted = op == OP_INT64_STRING || (op == OP_INT64_AUTO && !exact);
    if (quoted)
        beamc_byte_buffer_append_byte(out, '"');
    tecton_json_integer(out, value);
    if (quoted)
        beamc_byte_buffer_append_byte(out, '"');
    return BEAMC_OK;
}

static beamc_status encode_row(const tecton_record_plan *plan, const tecton_row_plan *row, const beamc_value *fields,
                               const tecton_field_path *outer, beamc_byte_buffer *out, beamc_error *err);

static beamc_status encode_value(const tecton_record_plan *plan, const tecton_type_plan *type, const beamc_value *value,
                                 const tecton_field_path *path, beamc_byte_buffer *out, beamc_error *err);

static beamc_status encode_array(const tecton_record_plan *plan, const tecton_type_plan *element,
                                 const beamc_value *value, const tecton_field_path *path, beamc_byte_buffer *out,
                                 beamc_error *err) {
    beamc_byte_buffer_append_byte(out, '[');
    for (size_t i = 0; i < value->as.items.count; i++) {
        tecton_field_path step = {.outer = path, .kind = TECTON_PATH_INDEX, .index = i};
        if (i > 0)
            beamc_byte_buffer_append_byte(out, ',');
        BEAMC_TRY(encode_value(plan, element, &value->as.items.data[i], &step, out, err));
    }
    beamc_byte_buffer_append_byte(out, ']');
    return BEAMC_OK;
}

static int compare_keys(const void *a, const void *b) {
    const beamc_value *x = *(const beamc_value *const *)a;
    const beamc_value *y = *(const beamc_value *const *)b;
    if (x->as.bytes.len != y->as.bytes.len)
        return x->as.bytes.len < y->as.bytes.len ? -1 : 1;
    return x->as.bytes.len == 0 ? 0 : memcmp(x->as.bytes.data, y->as.bytes.data, x->as.bytes.len);
}

/* An object with the same key twice means different things to different readers. */
static bool has_equal_keys(const beamc_value *items, size_t count) {
    const beamc_value *few[COMPARED_MAP_KEYS];
    const beamc_value **keys = count <= COMPARED_MAP_KEYS ? few : beamc_alloc(count * sizeof *keys);
    for (size_t i = 0; i < count; i++)
        keys[i] = &items[2 * i];
    if (count > 1)
        qsort(keys, count, sizeof *keys, compare_keys);
    bool equal = false;
    for (size_t i = 1; i < count && !equal; i++)
        equal = compare_keys(&keys[i - 1], &keys[i]) == 0;
    if (keys != few)
        free(keys);
    return equal;
}

static beamc_status encode_map(const tecton_record_plan *plan, const tecton_type_plan *element,
                               const beamc_value *value, const tecton_field_path *path, beamc_byte_buffer *out,
                               beamc_error *err) {
    const beamc_value *items = value->as.items.data;
    for (size_t i = 0; i < value->as.items.count; i++) {
        if (items[2 * i].kind != BEAMC_VALUE_STRING)
            return tecton_field_refuse(path, err, "a key of the map is null. Tecton's maps have String keys only");
    }
    if (has_equal_keys(items, value->as.items.count))
        return tecton_field_refuse(path, err, "the map has the same key twice");
    beamc_byte_buffer_append_byte(out, '{');
    for (size_t i = 0; i < value->as.items.count; i++) {
        tecton_field_path step = {.outer = path, .kind = TECTON_PATH_KEY, .index = i};
        if (i > 0)
            beamc_byte_buffer_append_byte(out, ',');
        BEAMC_TRY(encode_string(&items[2 * i], &step, out, err));
        beamc_byte_buffer_append_byte(out, ':');
        BEAMC_TRY(encode_value(plan, element, &items[2 * i + 1], &step, out, err));
    }
    beamc_byte_buffer_append_byte(out, '}');
    return BEAMC_OK;
}

static beamc_status encode_uint64(const tecton_record_plan *plan, int64_t value, const tecton_field_path *path,
                                  beamc_byte_buffer *out, beamc_error *err) {
    if (value < 0)
        return tecton_field_refuse(
            path, err,
            "the unsigned integer is beyond 2^63-1, more than Tecton's Int64 holds. Convert it to a string "
            "before the sink");
    return encode_int64(plan->int64_op, value, path, out, err);
}

/* The variant's cases are the columns of a Struct, all but one of them null. */
static beamc_status encode_one_of(const tecton_record_plan *plan, const tecton_type_plan *type,
                                  const beamc_value *value, const tecton_field_path *path, beamc_byte_buffer *out,
                                  beamc_error *err) {
    size_t num_set = 0;
    for (size_t i = 0; i < type->row->num_fields; i++)
        num_set += value->as.items.data[i].kind != BEAMC_VALUE_NULL ? 1 : 0;
    if (num_set != 1)
        return tecton_field_refuse(path, err, "the one-of has more than one case set, or none");
    return encode_row(plan, type->row, value->as.items.data, path, out, err);
}

/* Beam's decoder hands over values of the schema's kinds; this catches a DoFn that is fed by hand. */
static const beamc_value_kind kind_of_op[] = {
    [OP_BOOLEAN] = BEAMC_VALUE_BOOLEAN,
    [OP_BYTE] = BEAMC_VALUE_INTEGER,
    [OP_INTEGER] = BEAMC_VALUE_INTEGER,
    [OP_INT64_AUTO] = BEAMC_VALUE_INTEGER,
    [OP_INT64_NUMBER] = BEAMC_VALUE_INTEGER,
    [OP_INT64_STRING] = BEAMC_VALUE_INTEGER,
    [OP_FLOAT] = BEAMC_VALUE_FLOAT,
    [OP_DOUBLE] = BEAMC_VALUE_DOUBLE,
    [OP_STRING] = BEAMC_VALUE_STRING,
    [OP_BASE64] = BEAMC_VALUE_BYTES,
    [OP_UINT64] = BEAMC_VALUE_INTEGER,
    [OP_TIMESTAMP] = BEAMC_VALUE_TIMESTAMP,
    [OP_GO_TIME] = BEAMC_VALUE_ROW,
    [OP_DATE] = BEAMC_VALUE_INTEGER,
    [OP_TIME] = BEAMC_VALUE_INTEGER,
    [OP_DATETIME] = BEAMC_VALUE_ROW,
    [OP_JAVA_DATE] = BEAMC_VALUE_TIMESTAMP,
    [OP_JAVA_TIME] = BEAMC_VALUE_TIMESTAMP,
    [OP_DECIMAL] = BEAMC_VALUE_DECIMAL,
    [OP_UUID] = BEAMC_VALUE_ROW,
    [OP_ENUM] = BEAMC_VALUE_INTEGER,
    [OP_ONE_OF] = BEAMC_VALUE_ROW,
    [OP_ARRAY] = BEAMC_VALUE_ARRAY,
    [OP_MAP] = BEAMC_VALUE_MAP,
    [OP_ROW] = BEAMC_VALUE_ROW,
};

static beamc_status encode_value(const tecton_record_plan *plan, const tecton_type_plan *type, const beamc_value *value,
                                 const tecton_field_path *path, beamc_byte_buffer *out, beamc_error *err) {
    if (value->kind == BEAMC_VALUE_NULL) {
        beamc_byte_buffer_append(out, "null", 4);
        return BEAMC_OK;
    }
    if (value->kind != kind_of_op[type->op])
        return tecton_field_refuse(path, err, "the value is not of the type that the schema says");
    switch (type->op) {
    case OP_BOOLEAN:
        beamc_byte_buffer_append_text(out, value->as.boolean ? "true" : "false");
        return BEAMC_OK;
    case OP_BYTE:
        tecton_json_integer(out, (int8_t)(uint8_t)value->as.integer); /* a signed byte in Java and Python */
        return BEAMC_OK;
    case OP_INTEGER:
        tecton_json_integer(out, value->as.integer);
        return BEAMC_OK;
    case OP_INT64_AUTO:
    case OP_INT64_NUMBER:
    case OP_INT64_STRING:
        return encode_int64(type->op, value->as.integer, path, out, err);
    case OP_FLOAT:
        if (!isfinite(value->as.real))
            return encode_non_finite(plan, value->as.real, path, out, err);
        tecton_json_float(out, (float)value->as.real);
        return BEAMC_OK;
    case OP_DOUBLE:
        if (!isfinite(value->as.real))
            return encode_non_finite(plan, value->as.real, path, out, err);
        tecton_json_double(out, value->as.real);
        return BEAMC_OK;
    case OP_STRING:
        return encode_string(value, path, out, err);
    case OP_BASE64:
        tecton_json_base64(out, value->as.bytes.data, value->as.bytes.len);
        return BEAMC_OK;
    case OP_UINT64:
        return encode_uint64(plan, value->as.integer, path, out, err);
    case OP_TIMESTAMP:
    case OP_GO_TIME:
    case OP_DATE:
    case OP_TIME:
    case OP_DATETIME:
    case OP_JAVA_DATE:
    case OP_JAVA_TIME:
    case OP_DECIMAL:
    case OP_UUID:
    case OP_ENUM:
        return tecton_encode_logical(type, value, path, out, err);
    case OP_ONE_OF:
        return encode_one_of(plan, type, value, path, out, err);
    case OP_ARRAY:
        return encode_array(plan, type->element, value, path, out, err);
    case OP_MAP:
        return encode_map(plan, type->element, value, path, out, err);
    case OP_ROW:
        return encode_row(plan, type->row, value->as.items.data, path, out, err);
    }
    return BEAMC_INVALID;
}

static beamc_status encode_row(const tecton_record_plan *plan, const tecton_row_plan *row, const beamc_value *fields,
                               const tecton_field_path *outer, beamc_byte_buffer *out, beamc_error *err) {
    for (size_t i = 0; i < row->num_fields; i++) {
        const tecton_field_plan *field = &row->fields[i];
        tecton_field_path path = {.outer = outer, .kind = TECTON_PATH_FIELD, .field = field->name};
        uint8_t *to = beamc_byte_buffer_reserve(out, tecton_padded_prefix_len(field->prefix_len));
        if (to == NULL)
            return BEAMC_OK; /* past the ceiling: said once, at the end */
        for (size_t at = 0; at < field->prefix_len; at += TECTON_PREFIX_STEP)
            memcpy(to + at, field->prefix + at, TECTON_PREFIX_STEP);
        out->len += field->prefix_len;
        BEAMC_TRY(encode_value(plan, &field->type, &fields[i], &path, out, err));
    }
    if (row->num_fields == 0)
        beamc_byte_buffer_append_byte(out, '{');
    beamc_byte_buffer_append_byte(out, '}');
    return BEAMC_OK;
}

/* One more column, in place of the record's closing brace. */
static beamc_status encode_event_time(const tecton_record_plan *plan, int64_t event_time_ms, beamc_byte_buffer *out,
                                      beamc_error *err) {
    int64_t seconds = event_time_ms / 1000 - (event_time_ms % 1000 < 0 ? 1 : 0);
    out->len--;
    beamc_byte_buffer_append_text(out, plan->event_time_prefix);
    if (!tecton_json_timestamp(out, seconds, (uint32_t)(event_time_ms - seconds * 1000) * 1000000, 3))
        return beamc_fail(err, BEAMC_INVALID,
                          "the row's element has no event time in the years 1 to 9999, and timestamp_from_element asks "
                          "for it. Give the elements timestamps before the sink, for example with "
                          "beam.window.TimestampedValue");
    beamc_byte_buffer_append_byte(out, '}');
    return BEAMC_OK;
}

beamc_status tecton_record_encode(const tecton_record_plan *plan, const beamc_value *fields, int64_t event_time_ms,
                                  beamc_byte_buffer *out, beamc_error *err) {
    BEAMC_TRY(encode_row(plan, plan->row, fields, NULL, out, err));
    if (plan->event_time_prefix != NULL && !out->failed)
        BEAMC_TRY(encode_event_time(plan, event_time_ms, out, err));
    if (out->failed)
        return beamc_fail(
            err, BEAMC_LIMIT,
            "the row's record is longer than %zu bytes, the most that one request may hold. Make its text and "
            "lists shorter, or drop fields that no feature needs",
            out->ceiling);
    return BEAMC_OK;
}
