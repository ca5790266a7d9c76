#include "sdk_harness/coders/row_coder.h"

#include "sdk_harness/coders/fixed_width.h"
#include "sdk_harness/coders/logical_bytes.h"
#include "sdk_harness/coders/varint.h"

#include <inttypes.h>
#include <stdio.h>

typedef struct {
    beamc_byte_buffer *out;
    beamc_null_bitmap nulls;
    beamc_error *err;
} row_writer;

static beamc_status write_row(const row_writer *to, const beamc_schema *schema, const beamc_value *values);
static beamc_status write_value(const row_writer *to, const beamc_type *type, const beamc_value *value);

static beamc_status wrong_kind(const row_writer *to, const beamc_type *type, const beamc_value *value) {
    return beamc_fail(to->err, BEAMC_INVALID, "a value of kind %d cannot be encoded as %s", (int)value->kind,
                      beamc_type_kind_name(type->kind));
}

static beamc_status out_of_range(const row_writer *to, const beamc_type *type) {
    return beamc_fail(to->err, BEAMC_INVALID, "the value is out of the range of %s",
                      type->logical_urn != NULL ? type->logical_urn : beamc_type_kind_name(type->kind));
}

static beamc_status write_nullable(const row_writer *to, const beamc_type *type, const beamc_value *value) {
    if (type->nullable) {
        (void)beamc_byte_buffer_append_byte(to->out, value->kind != BEAMC_VALUE_NULL);
        if (value->kind == BEAMC_VALUE_NULL)
            return BEAMC_OK;
    }
    return write_value(to, type, value);
}

static beamc_status write_item(const row_writer *to, const beamc_type *type, const beamc_value *items, size_t index) {
    if (type->kind != BEAMC_TYPE_MAP)
        return write_nullable(to, type->element, &items[index]);
    BEAMC_TRY(write_nullable(to, type->key, &items[2 * index]));
    return write_nullable(to, type->element, &items[2 * index + 1]);
}

static beamc_status write_items(const row_writer *to, const beamc_type *type, const beamc_value *value) {
    size_t count = value->as.items.count;
    if (count > INT32_MAX)
        return beamc_fail(to->err, BEAMC_LIMIT, "a collection of %zu items is past 2^31 - 1", count);
    (void)beamc_append_be32(to->out, (uint32_t)count);
    for (size_t i = 0; i < count; i++) {
        beamc_status status = write_item(to, type, value->as.items.data, i);
        if (status != BEAMC_OK) {
            char where[32];
            (void)snprintf(where, sizeof where, "[%zu]", i);
            return beamc_fail_within(to->err, status, where);
        }
    }
    return BEAMC_OK;
}

static bool fits(const beamc_type *type, int64_t integer) {
    switch (type->kind) {
    case BEAMC_TYPE_BYTE: /* signed in Java, unsigned in Python and Go */
        return integer >= INT8_MIN && integer <= UINT8_MAX;
    case BEAMC_TYPE_INT16:
        return integer >= INT16_MIN && integer <= INT16_MAX;
    case BEAMC_TYPE_INT32:
        return integer >= INT32_MIN && integer <= INT32_MAX;
    default:
        return true;
    }
}

static beamc_status write_integer(const row_writer *to, const beamc_type *type, const beamc_value *value) {
    if (value->kind != BEAMC_VALUE_INTEGER)
        return wrong_kind(to, type, value);
    int64_t integer = value->as.integer;
    if (!fits(type, integer))
        return out_of_range(to, type);
    switch (type->kind) {
    case BEAMC_TYPE_BYTE:
        (void)beamc_byte_buffer_append_byte(to->out, (uint8_t)integer);
        return BEAMC_OK;
    case BEAMC_TYPE_INT16:
        (void)beamc_append_be16(to->out, (uint16_t)integer);
        return BEAMC_OK;
    case BEAMC_TYPE_INT32:
        (void)beamc_append_varint(to->out, (uint32_t)integer);
        return BEAMC_OK;
    default:
        (void)beamc_append_varint(to->out, (uint64_t)integer);
        return BEAMC_OK;
    }
}

static beamc_status write_bytes(const row_writer *to, const beamc_type *type, const beamc_value *value,
                                beamc_value_kind kind) {
    if (value->kind != kind)
        return wrong_kind(to, type, value);
    (void)beamc_append_varint(to->out, value->as.bytes.len);
    (void)beamc_byte_buffer_append(to->out, value->as.bytes.data, value->as.bytes.len);
    return BEAMC_OK;
}

static beamc_status write_instant_row(const row_writer *to, const beamc_type *type, const beamc_value *value,
                                      uint32_t nanos_per_part) {
    if (value->kind != BEAMC_VALUE_TIMESTAMP)
        return wrong_kind(to, type, value);
    if (value->as.time.nanos >= NANOS_PER_SECOND || value->as.time.nanos % nanos_per_part != 0)
        return out_of_range(to, type);
    beamc_value parts[2] = {{.kind = BEAMC_VALUE_INTEGER, .as.integer = value->as.time.seconds},
                            {.kind = BEAMC_VALUE_INTEGER, .as.integer = value->as.time.nanos / nanos_per_part}};
    return write_row(to, type->row, parts);
}

static beamc_status write_millis(const row_writer *to, const beamc_type *type, const beamc_value *value) {
    if (value->kind != BEAMC_VALUE_TIMESTAMP)
        return wrong_kind(to, type, value);
    int64_t below = (int64_t)(value->as.time.nanos / NANOS_PER_MILLI);
    int64_t up = value->as.time.seconds < 0 ? 1 : 0; /* the lowest instant's own second is below the range */
    int64_t millis = 0;
    if (__builtin_mul_overflow(value->as.time.seconds + up, (int64_t)MILLIS_PER_SECOND, &millis) ||
        __builtin_add_overflow(millis, below - up * MILLIS_PER_SECOND, &millis) ||
        value->as.time.nanos >= NANOS_PER_SECOND || value->as.time.nanos % NANOS_PER_MILLI != 0)
        return out_of_range(to, type);
    (void)beamc_append_shifted_millis(to->out, millis);
    return BEAMC_OK;
}

static beamc_status write_decimal(const row_writer *to, const beamc_type *type, const beamc_value *value) {
    if (value->kind != BEAMC_VALUE_DECIMAL)
        return wrong_kind(to, type, value);
    int32_t scale = value->as.decimal.scale;
    (void)beamc_append_varint(to->out, value->as.decimal.scale_is_32_bits ? (uint32_t)scale : (uint64_t)(int64_t)scale);
    (void)beamc_append_varint(to->out, value->as.decimal.unscaled_len);
    (void)beamc_byte_buffer_append(to->out, value->as.decimal.unscaled, value->as.decimal.unscaled_len);
    return BEAMC_OK;
}

static beamc_status write_unsigned(const row_writer *to, const beamc_type *type, const beamc_value *value) {
    if (value->kind != BEAMC_VALUE_INTEGER)
        return wrong_kind(to, type, value);
    if ((uint64_t)value->as.integer > beamc_largest_unsigned(type->kind))
        return out_of_range(to, type);
    (void)beamc_append_varint(to->out, (uint64_t)value->as.integer);
    return BEAMC_OK;
}

static beamc_status write_logical(const row_writer *to, const beamc_type *type, const beamc_value *value) {
    switch (type->logical) {
    case BEAMC_LOGICAL_MICROS_INSTANT:
        return write_instant_row(to, type, value, NANOS_PER_MICRO);
    case BEAMC_LOGICAL_NANOS_INSTANT:
        return write_instant_row(to, type, value, 1);
    case BEAMC_LOGICAL_TIMESTAMP:
        return write_instant_row(to, type, value, (uint32_t)beamc_nanos_per_subsecond(type->precision));
    case BEAMC_LOGICAL_DECIMAL:
        return write_decimal(to, type, value);
    case BEAMC_LOGICAL_UNSIGNED:
        return write_unsigned(to, type, value);
    default: /* the three of milliseconds */
        return write_millis(to, type, value);
    }
}

static beamc_status write_plain(const row_writer *to, const beamc_type *type, const beamc_value *value) {
    switch (type->kind) {
    case BEAMC_TYPE_BYTE:
    case BEAMC_TYPE_INT16:
    case BEAMC_TYPE_INT32:
    case BEAMC_TYPE_INT64:
        return write_integer(to, type, value);
    case BEAMC_TYPE_FLOAT:
        if (value->kind != BEAMC_VALUE_FLOAT)
            break;
        (void)beamc_append_float(to->out, (float)value->as.real);
        return BEAMC_OK;
    case BEAMC_TYPE_DOUBLE:
        if (value->kind != BEAMC_VALUE_DOUBLE)
            break;
        (void)beamc_append_double(to->out, value->as.real);
        return BEAMC_OK;
    case BEAMC_TYPE_STRING:
        return write_bytes(to, type, value, BEAMC_VALUE_STRING);
    case BEAMC_TYPE_BYTES:
        return write_bytes(to, type, value, BEAMC_VALUE_BYTES);
    case BEAMC_TYPE_BOOLEAN:
        if (value->kind != BEAMC_VALUE_BOOLEAN)
            break;
        (void)beamc_byte_buffer_append_byte(to->out, value->as.boolean);
        return BEAMC_OK;
    case BEAMC_TYPE_ARRAY:
    case BEAMC_TYPE_ITERABLE:
        if (value->kind != BEAMC_VALUE_ARRAY)
            break;
        return write_items(to, type, value);
    case BEAMC_TYPE_MAP:
        if (value->kind != BEAMC_VALUE_MAP)
            break;
        return write_items(to, type, value);
    case BEAMC_TYPE_ROW:
        if (value->kind != BEAMC_VALUE_ROW || value->as.items.count != type->row->num_fields)
            break;
        return write_row(to, type->row, value->as.items.data);
    case BEAMC_TYPE_OPAQUE:
        break;
    }
    return wrong_kind(to, type, value);
}

static beamc_status write_value(const row_writer *to, const beamc_type *type, const beamc_value *value) {
    for (unsigned i = 0; i < type->num_null_marks; i++) {
        (void)beamc_byte_buffer_append_byte(to->out, value->kind != BEAMC_VALUE_NULL);
        if (value->kind == BEAMC_VALUE_NULL)
            return BEAMC_OK;
    }
    return beamc_has_own_bytes(type->logical) ? write_logical(to, type, value) : write_plain(to, type, value);
}

static void append_null_bitmap(const row_writer *to, const beamc_schema *schema, const beamc_value *values) {
    size_t last_null = 0;
    bool any = false;
    for (size_t i = 0; i < schema->num_fields; i++)
        if (values[i].kind == BEAMC_VALUE_NULL) {
            last_null = i;
            any = true;
        }
    if (to->nulls == BEAMC_NULLS_PADDED)
        last_null = schema->num_fields - 1;
    size_t len = any ? last_null / 8 + 1 : 0;
    (void)beamc_append_varint(to->out, len);
    for (size_t byte = 0; byte < len; byte++) {
        unsigned bits = 0;
        for (size_t i = byte * 8; i < byte * 8 + 8 && i < schema->num_fields; i++)
            if (values[i].kind == BEAMC_VALUE_NULL)
                bits |= 1U << (i % 8);
        (void)beamc_byte_buffer_append_byte(to->out, (uint8_t)bits);
    }
}

static beamc_status write_row(const row_writer *to, const beamc_schema *schema, const beamc_value *values) {
    if (!schema->static_encoding) {
        (void)beamc_append_varint(to->out, schema->num_fields);
        append_null_bitmap(to, schema, values);
    }
    for (size_t position = 0; position < schema->num_fields; position++) {
        size_t index = schema->wire_order == NULL ? position : schema->wire_order[position];
        if (values[index].kind == BEAMC_VALUE_NULL)
            continue;
        beamc_status status = write_value(to, &schema->fields[index].type, &values[index]);
        if (status != BEAMC_OK)
            return beamc_fail_within(to->err, status, schema->fields[index].name);
    }
    return BEAMC_OK;
}

beamc_status beamc_row_encode_as(const beamc_schema *schema, const beamc_value *values, beamc_null_bitmap nulls,
                                 beamc_byte_buffer *out, beamc_error *err) {
    row_writer to = {.out = out, .nulls = nulls, .err = err};
    BEAMC_TRY(write_row(&to, schema, values));
    if (out->failed)
        return beamc_fail(err, BEAMC_LIMIT, "the encoded row passes the limit of %zu bytes", out->ceiling);
    return BEAMC_OK;
}

beamc_status beamc_row_encode(const beamc_schema *schema, const beamc_value *values, beamc_byte_buffer *out,
                              beamc_error *err) {
    return beamc_row_encode_as(schema, values, BEAMC_NULLS_TRIMMED, out, err);
}
