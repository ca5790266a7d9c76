#include "worker/records/row_to_record.h"

#include "sdk_harness/base/alloc.h"
#include "worker/records/field_path.h"
#include "worker/records/json_writer.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAX_SAFE_INTEGER INT64_C(9007199254740991) /* 2^53-1: what a double holds exactly */

enum {
    COMPARED_MAP_KEYS = 64, /* larger maps take memory to find equal keys */
    PREFIX_STEP = 16        /* bytes copied at once: one instruction, where a copy of the exact length is a call */
};

typedef enum {
    OP_BOOLEAN,
    OP_BYTE,
    OP_INTEGER,
    OP_INT64_AUTO,
    OP_INT64_NUMBER,
    OP_INT64_STRING,
    OP_FLOAT,
    OP_DOUBLE,
    OP_STRING,
    OP_BASE64,
    OP_MILLIS,
    OP_MICROS,
    OP_NANOS,
    OP_ARRAY,
    OP_MAP,
    OP_ROW
} plan_op;

typedef struct row_plan row_plan;

typedef struct type_plan {
    plan_op op;
    struct type_plan *element; /* ARRAY, MAP */
    row_plan *row;             /* ROW */
} type_plan;

typedef struct {
    type_plan type;
    char *prefix; /* `{"name":` for the first field, `,"name":` for the others; padded to whole steps of PREFIX_STEP */
    size_t prefix_len;
    const char *name; /* the schema's */
} field_plan;

struct row_plan {
    size_t num_fields;
    field_plan *fields;
};

struct tecton_record_plan {
    tecton_non_finite non_finite;
    row_plan *row;
};

static row_plan *plan_row(const beamc_schema *schema, const tecton_sink_config *config);

static plan_op plan_int64(const tecton_sink_config *config) {
    switch ((tecton_int64_encoding)config->int64_encoding) {
    case TECTON_INT64_NUMBER:
        return OP_INT64_NUMBER;
    case TECTON_INT64_STRING:
        return OP_INT64_STRING;
    case TECTON_INT64_AUTO:
        break;
    }
    return OP_INT64_AUTO;
}

/* The schema has been checked: every kind that is left has an op. */
static type_plan plan_type(const beamc_type *type, const tecton_sink_config *config) {
    type_plan plan = {.op = OP_INTEGER};
    if (type->logical == BEAMC_LOGICAL_MILLIS_INSTANT)
        return (type_plan){.op = OP_MILLIS};
    if (type->logical == BEAMC_LOGICAL_MICROS_INSTANT)
        return (type_plan){.op = OP_MICROS};
    if (type->logical == BEAMC_LOGICAL_NANOS_INSTANT)
        return (type_plan){.op = OP_NANOS};
    switch (type->kind) {
    case BEAMC_TYPE_BYTE:
        plan.op = OP_BYTE;
        break;
    case BEAMC_TYPE_INT16:
    case BEAMC_TYPE_INT32:
    case BEAMC_TYPE_OPAQUE:
        break;
    case BEAMC_TYPE_INT64:
        plan.op = plan_int64(config);
        break;
    case BEAMC_TYPE_FLOAT:
        plan.op = OP_FLOAT;
        break;
    case BEAMC_TYPE_DOUBLE:
        plan.op = OP_DOUBLE;
        break;
    case BEAMC_TYPE_STRING:
        plan.op = OP_STRING;
        break;
    case BEAMC_TYPE_BOOLEAN:
        plan.op = OP_BOOLEAN;
        break;
    case BEAMC_TYPE_BYTES:
        plan.op = OP_BASE64;
        break;
    case BEAMC_TYPE_ARRAY:
    case BEAMC_TYPE_ITERABLE:
    case BEAMC_TYPE_MAP:
        plan.op = type->kind == BEAMC_TYPE_MAP ? OP_MAP : OP_ARRAY;
        plan.element = beamc_alloc(sizeof *plan.element);
        *plan.element = plan_type(type->element, config);
        break;
    case BEAMC_TYPE_ROW:
        plan.op = OP_ROW;
        plan.row = plan_row(type->row, config);
        break;
    }
    return plan;
}

static size_t padded_len(size_t len) {
    return (len + PREFIX_STEP - 1) / PREFIX_STEP * PREFIX_STEP;
}

static row_plan *plan_row(const beamc_schema *schema, const tecton_sink_config *config) {
    row_plan *plan = beamc_alloc_zero(1, sizeof *plan);
    plan->num_fields = schema->num_fields;
    plan->fields = beamc_alloc_zero(schema->num_fields, sizeof *plan->fields);
    for (size_t i = 0; i < schema->num_fields; i++) {
        field_plan *field = &plan->fields[i];
        field->name = schema->fields[i].name;
        field->prefix_len = strlen(field->name) + 4;
        field->prefix = beamc_alloc_zero(1, padded_len(field->prefix_len) + 1);
        (void)sprintf(field->prefix, "%c\"%s\":", i == 0 ? '{' : ',', field->name); /* names need no escape */
        field->type = plan_type(&schema->fields[i].type, config);
    }
    return plan;
}

static void free_row(row_plan *plan);

static void free_type(type_plan *plan) {
    if (plan->element != NULL) {
        free_type(plan->element);
        free(plan->element);
    }
    if (plan->row != NULL)
        free_row(plan->row);
}

static void free_row(row_plan *plan) {
    for (size_t i = 0; i < plan->num_fields; i++) {
        free(plan->fields[i].prefix);
        free_type(&plan->fields[i].type);
    }
    free(plan->fields);
    free(plan);
}

beamc_status tecton_record_plan_new(const beamc_schema *schema, const tecton_sink_config *config,
                                    tecton_record_plan **plan, beamc_error *err) {
    BEAMC_TRY(tecton_check_schema(schema, config, err));
    tecton_record_plan *made = beamc_alloc_zero(1, sizeof *made);
    made->non_finite = (tecton_non_finite)config->non_finite;
    made->row = plan_row(schema, config);
    *plan = made;
    return BEAMC_OK;
}

void tecton_record_plan_free(tecton_record_plan *plan) {
    if (plan == NULL)
        return;
    free_row(plan->row);
    free(plan);
}

static beamc_status refuse(const tecton_field_path *path, beamc_error *err, const char *why) {
    char where[512];
    tecton_field_path_text(path, where, sizeof where);
    return beamc_fail(err, BEAMC_INVALID, "field %s: %s", where, why);
}

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
        return refuse(
            path, err,
            "the value is NaN, which JSON cannot hold. pandas' missing values are NaN: turn them into None before "
            "the sink, or write non_finite='null'");
    return refuse(path, err,
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

static beamc_status encode_int64(plan_op op, int64_t value, const tecton_field_path *path, beamc_byte_buffer *out,
                                 beamc_error *err) {
    bool exact = value >= -MAX_SAFE_INTEGER && value <= MAX_SAFE_INTEGER;
    if (op == OP_INT64_NUMBER && !exact)
        return refuse(
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

static beamc_status encode_row(const tecton_record_plan *plan, const row_plan *row, const beamc_value *fields,
                               const tecton_field_path *outer, beamc_byte_buffer *out, beamc_error *err);

static beamc_status encode_value(const tecton_record_plan *plan, const type_plan *type, const beamc_value *value,
                                 const tecton_field_path *path, beamc_byte_buffer *out, beamc_error *err);

static beamc_status encode_array(const tecton_record_plan *plan, const type_plan *element, const beamc_value *value,
                                 const tecton_field_path *path, beamc_byte_buffer *out, beamc_error *err) {
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

static beamc_status encode_map(const tecton_record_plan *plan, const type_plan *element, const beamc_value *value,
                               const tecton_field_path *path, beamc_byte_buffer *out, beamc_error *err) {
    const beamc_value *items = value->as.items.data;
    for (size_t i = 0; i < value->as.items.count; i++) {
        if (items[2 * i].kind != BEAMC_VALUE_STRING)
            return refuse(path, err, "a key of the map is null. Tecton's maps have String keys only");
    }
    if (has_equal_keys(items, value->as.items.count))
        return refuse(path, err, "the map has the same key twice");
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

static beamc_status encode_timestamp(plan_op op, const beamc_value *value, const tecton_field_path *path,
                                     beamc_byte_buffer *out, beamc_error *err) {
    unsigned digits = op == OP_MILLIS ? 3 : op == OP_MICROS ? 6 : 9;
    if (tecton_json_timestamp(out, value->as.time.seconds, value->as.time.nanos, digits))
        return BEAMC_OK;
    return refuse(path, err,
                  "the timestamp is outside the years 0001 to 9999, which is all that Tecton's text form can say");
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
    [OP_MILLIS] = BEAMC_VALUE_TIMESTAMP,
    [OP_MICROS] = BEAMC_VALUE_TIMESTAMP,
    [OP_NANOS] = BEAMC_VALUE_TIMESTAMP,
    [OP_ARRAY] = BEAMC_VALUE_ARRAY,
    [OP_MAP] = BEAMC_VALUE_MAP,
    [OP_ROW] = BEAMC_VALUE_ROW,
};

static beamc_status encode_value(const tecton_record_plan *plan, const type_plan *type, const beamc_value *value,
                                 const tecton_field_path *path, beamc_byte_buffer *out, beamc_error *err) {
    if (value->kind == BEAMC_VALUE_NULL) {
        beamc_byte_buffer_append(out, "null", 4);
        return BEAMC_OK;
    }
    if (value->kind != kind_of_op[type->op])
        return refuse(path, err, "the value is not of the type that the schema says");
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
    case OP_MILLIS:
    case OP_MICROS:
    case OP_NANOS:
        return encode_timestamp(type->op, value, path, out, err);
    case OP_ARRAY:
        return encode_array(plan, type->element, value, path, out, err);
    case OP_MAP:
        return encode_map(plan, type->element, value, path, out, err);
    case OP_ROW:
        return encode_row(plan, type->row, value->as.items.data, path, out, err);
    }
    return BEAMC_INVALID;
}

static beamc_status encode_row(const tecton_record_plan *plan, const row_plan *row, const beamc_value *fields,
                               const tecton_field_path *outer, beamc_byte_buffer *out, beamc_error *err) {
    for (size_t i = 0; i < row->num_fields; i++) {
        const field_plan *field = &row->fields[i];
        tecton_field_path path = {.outer = outer, .kind = TECTON_PATH_FIELD, .field = field->name};
        uint8_t *to = beamc_byte_buffer_reserve(out, padded_len(field->prefix_len));
        if (to == NULL)
            return BEAMC_OK; /* past the ceiling: said once, at the end */
        for (size_t at = 0; at < field->prefix_len; at += PREFIX_STEP)
            memcpy(to + at, field->prefix + at, PREFIX_STEP);
        out->len += field->prefix_len;
        BEAMC_TRY(encode_value(plan, &field->type, &fields[i], &path, out, err));
    }
    if (row->num_fields == 0)
        beamc_byte_buffer_append_byte(out, '{');
    beamc_byte_buffer_append_byte(out, '}');
    return BEAMC_OK;
}

beamc_status tecton_record_encode(const tecton_record_plan *plan, const beamc_value *fields, beamc_byte_buffer *out,
                                  beamc_error *err) {
    BEAMC_TRY(encode_row(plan, plan->row, fields, NULL, out, err));
    if (out->failed)
        return beamc_fail(
            err, BEAMC_LIMIT,
            "the row's record is longer than %zu bytes, the most that one request may hold. Make its text and "
            "lists shorter, or drop fields that no feature needs",
            out->ceiling);
    return BEAMC_OK;
}
