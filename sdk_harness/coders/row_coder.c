#include "sdk_harness/coders/row_coder.h"

#include "sdk_harness/coders/fixed_width.h"
#include "sdk_harness/coders/varint.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum { NANOS_PER_SECOND = 1000000000, NANOS_PER_MILLI = 1000000, NANOS_PER_MICRO = 1000, MILLIS_PER_SECOND = 1000 };

static beamc_status decode_value(const beamc_type *type, beamc_byte_reader *in, beamc_arena *arena, beamc_value *out,
                                 beamc_error *err);
static beamc_status encode_value(const beamc_type *type, const beamc_value *value, beamc_byte_buffer *out,
                                 beamc_error *err);

/* ---- decoding ---- */

static beamc_status decode_bytes(beamc_byte_reader *in, beamc_value_kind kind, beamc_value *out, beamc_error *err) {
    size_t len = 0;
    const uint8_t *data = NULL;
    BEAMC_TRY(beamc_read_length(in, "a length", &len, err));
    BEAMC_TRY(beamc_read_bytes(in, len, &data, err));
    *out = (beamc_value){.kind = kind, .as.bytes = {.data = data, .len = len}};
    return BEAMC_OK;
}

static beamc_status decode_nullable(const beamc_type *type, beamc_byte_reader *in, beamc_arena *arena, beamc_value *out,
                                    beamc_error *err) {
    if (type->nullable) {
        uint8_t present = 0;
        BEAMC_TRY(beamc_read_byte(in, &present, err));
        if (present == 0) {
            *out = (beamc_value){.kind = BEAMC_VALUE_NULL};
            return BEAMC_OK;
        }
        if (present != 1)
            return beamc_fail(err, BEAMC_INVALID, "a null mark of %u at byte %" PRIu64 " is neither 0 nor 1", present,
                              beamc_byte_reader_position(in));
    }
    return decode_value(type, in, arena, out, err);
}

/* Items gathered in the arena; the array doubles when the count is not known beforehand. */
typedef struct {
    beamc_value *data;
    size_t count;
    size_t capacity;
    beamc_arena *arena;
} item_list;

static beamc_status item_list_room(item_list *list, size_t more, beamc_error *err) {
    if (more <= list->capacity - list->count)
        return BEAMC_OK;
    size_t capacity = list->capacity == 0 ? 8 : list->capacity * 2;
    if (capacity < list->count + more)
        capacity = list->count + more;
    beamc_value *grown = beamc_arena_take(list->arena, capacity * sizeof *grown);
    if (grown == NULL)
        return beamc_fail(err, BEAMC_LIMIT, "a collection of more than %zu items passes the limit for one element",
                          list->count);
    if (list->count > 0)
        memcpy(grown, list->data, list->count * sizeof *grown);
    list->data = grown;
    list->capacity = capacity;
    return BEAMC_OK;
}

static beamc_status within_item(beamc_error *err, beamc_status status, size_t index) {
    char where[32];
    snprintf(where, sizeof where, "[%zu]", index);
    return beamc_fail_within(err, status, where);
}

static beamc_status decode_item(const beamc_type *element, beamc_byte_reader *in, item_list *list, beamc_error *err) {
    BEAMC_TRY(item_list_room(list, 1, err));
    beamc_value *slot = &list->data[list->count];
    beamc_status status = decode_nullable(element, in, list->arena, slot, err);
    if (status != BEAMC_OK)
        return within_item(err, status, list->count);
    list->count++;
    return BEAMC_OK;
}

/* A count of items that each take at least one byte cannot exceed the bytes that a sender could have sent; the
 * list grows as items arrive, so a false count costs nothing. */
static beamc_status decode_array(const beamc_type *type, beamc_byte_reader *in, beamc_arena *arena, beamc_value *out,
                                 beamc_error *err) {
    item_list list = {.arena = arena};
    uint32_t raw = 0;
    BEAMC_TRY(beamc_read_be32(in, &raw, err));
    int32_t count = (int32_t)raw;
    if (count >= 0) {
        for (int32_t i = 0; i < count; i++)
            BEAMC_TRY(decode_item(type->element, in, &list, err));
    } else if (count == -1) {
        /* Unknown length: blocks of a varint count and that many items, closed by a count of 0. */
        for (;;) {
            uint64_t block = 0;
            BEAMC_TRY(beamc_read_varint(in, &block, err));
            if (block == 0)
                break;
            if (block == UINT64_MAX)
                return beamc_fail(err, BEAMC_INVALID,
                                  "an iterable at byte %" PRIu64
                                  " is kept in the runner's state; put a Reshuffle before this step",
                                  beamc_byte_reader_position(in));
            for (uint64_t i = 0; i < block; i++)
                BEAMC_TRY(decode_item(type->element, in, &list, err));
        }
    } else {
        return beamc_fail(err, BEAMC_INVALID, "an item count of %" PRId32 " at byte %" PRIu64, count,
                          beamc_byte_reader_position(in));
    }
    *out = (beamc_value){.kind = BEAMC_VALUE_ARRAY, .as.items = {.data = list.data, .count = list.count}};
    return BEAMC_OK;
}

static beamc_status decode_map(const beamc_type *type, beamc_byte_reader *in, beamc_arena *arena, beamc_value *out,
                               beamc_error *err) {
    item_list list = {.arena = arena};
    uint32_t count = 0;
    BEAMC_TRY(beamc_read_be32(in, &count, err));
    if (count > INT32_MAX)
        return beamc_fail(err, BEAMC_INVALID, "an entry count of %" PRId32 " at byte %" PRIu64, (int32_t)count,
                          beamc_byte_reader_position(in));
    for (uint32_t i = 0; i < count; i++) {
        BEAMC_TRY(item_list_room(&list, 2, err));
        beamc_value *entry = &list.data[list.count];
        beamc_status status = decode_nullable(type->key, in, arena, &entry[0], err);
        if (status == BEAMC_OK)
            status = decode_nullable(type->element, in, arena, &entry[1], err);
        if (status != BEAMC_OK)
            return within_item(err, status, i);
        list.count += 2;
    }
    *out = (beamc_value){.kind = BEAMC_VALUE_MAP, .as.items = {.data = list.data, .count = count}};
    return BEAMC_OK;
}

static beamc_status decode_row_value(const beamc_schema *schema, beamc_byte_reader *in, beamc_arena *arena,
                                     beamc_value *out, beamc_error *err) {
    beamc_value *fields = beamc_arena_take(arena, schema->num_fields * sizeof *fields);
    if (fields == NULL)
        return beamc_fail(err, BEAMC_LIMIT, "a row at byte %" PRIu64 " passes the limit for one element",
                          beamc_byte_reader_position(in));
    BEAMC_TRY(beamc_row_decode(schema, in, arena, fields, err));
    *out = (beamc_value){.kind = BEAMC_VALUE_ROW, .as.items = {.data = fields, .count = schema->num_fields}};
    return BEAMC_OK;
}

/* seconds and parts below a second, as rows of micros_instant and nanos_instant hold them */
static beamc_status decode_instant_row(const beamc_type *type, beamc_byte_reader *in, beamc_arena *arena,
                                       int64_t nanos_per_part, beamc_value *out, beamc_error *err) {
    beamc_value parts[2];
    BEAMC_TRY(beamc_row_decode(type->row, in, arena, parts, err));
    int64_t below = parts[1].kind == BEAMC_VALUE_INTEGER ? parts[1].as.integer : -1;
    if (parts[0].kind != BEAMC_VALUE_INTEGER || below < 0 || below >= NANOS_PER_SECOND / nanos_per_part)
        return beamc_fail(err, BEAMC_INVALID, "an instant that ends at byte %" PRIu64 " has parts out of range",
                          beamc_byte_reader_position(in));
    *out = (beamc_value){.kind = BEAMC_VALUE_TIMESTAMP,
                         .as.time = {.seconds = parts[0].as.integer, .nanos = (uint32_t)(below * nanos_per_part)}};
    return BEAMC_OK;
}

static beamc_status decode_millis(beamc_byte_reader *in, beamc_value *out, beamc_error *err) {
    int64_t millis = 0;
    BEAMC_TRY(beamc_read_shifted_millis(in, &millis, err));
    int64_t below = millis % MILLIS_PER_SECOND;
    int64_t seconds = millis / MILLIS_PER_SECOND;
    if (below < 0) {
        below += MILLIS_PER_SECOND;
        seconds--;
    }
    *out = (beamc_value){.kind = BEAMC_VALUE_TIMESTAMP,
                         .as.time = {.seconds = seconds, .nanos = (uint32_t)(below * NANOS_PER_MILLI)}};
    return BEAMC_OK;
}

/* Nanoseconds in one unit of a timestamp of so many digits. */
static int64_t nanos_per_subsecond(uint8_t precision) {
    int64_t nanos = NANOS_PER_SECOND;
    for (uint8_t i = 0; i < precision; i++)
        nanos /= 10;
    return nanos;
}

/* decimal:v1 has no length around it: varint scale, varint length, unscaled big-endian bytes. */
static beamc_status decode_decimal(beamc_byte_reader *in, beamc_value *out, beamc_error *err) {
    uint64_t scale = 0;
    size_t len = 0;
    const uint8_t *unscaled = NULL;
    BEAMC_TRY(beamc_read_varint(in, &scale, err));
    BEAMC_TRY(beamc_read_length(in, "a decimal's length", &len, err));
    BEAMC_TRY(beamc_read_bytes(in, len, &unscaled, err));
    int64_t wide = (int64_t)scale;
    bool is_32_bits = scale <= UINT32_MAX;
    int64_t value = is_32_bits ? (int32_t)(uint32_t)scale : wide;
    if (value < INT32_MIN || value > INT32_MAX)
        return beamc_fail(err, BEAMC_INVALID, "a decimal's scale before byte %" PRIu64 " is out of range",
                          beamc_byte_reader_position(in));
    *out = (beamc_value){.kind = BEAMC_VALUE_DECIMAL,
                         .as.decimal = {.unscaled = unscaled,
                                        .unscaled_len = (uint32_t)len,
                                        .scale = (int32_t)value,
                                        .scale_is_32_bits = is_32_bits}};
    return BEAMC_OK;
}

static beamc_status decode_logical(const beamc_type *type, beamc_byte_reader *in, beamc_arena *arena, beamc_value *out,
                                   beamc_error *err) {
    switch (type->logical) {
    case BEAMC_LOGICAL_MICROS_INSTANT:
        return decode_instant_row(type, in, arena, NANOS_PER_MICRO, out, err);
    case BEAMC_LOGICAL_NANOS_INSTANT:
        return decode_instant_row(type, in, arena, 1, out, err);
    case BEAMC_LOGICAL_TIMESTAMP:
        return decode_instant_row(type, in, arena, nanos_per_subsecond(type->precision), out, err);
    case BEAMC_LOGICAL_DECIMAL:
        return decode_decimal(in, out, err);
    default: /* the three of milliseconds */
        return decode_millis(in, out, err);
    }
}

/* True when the bytes are not those of the representation's kind, or the value is another one. */
static bool has_own_bytes(beamc_logical logical) {
    switch (logical) {
    case BEAMC_LOGICAL_MICROS_INSTANT:
    case BEAMC_LOGICAL_NANOS_INSTANT:
    case BEAMC_LOGICAL_MILLIS_INSTANT:
    case BEAMC_LOGICAL_TIMESTAMP:
    case BEAMC_LOGICAL_DECIMAL:
    case BEAMC_LOGICAL_JAVA_DATE:
    case BEAMC_LOGICAL_JAVA_TIME:
        return true;
    default:
        return false;
    }
}

static beamc_status decode_value(const beamc_type *type, beamc_byte_reader *in, beamc_arena *arena, beamc_value *out,
                                 beamc_error *err) {
    if (type->logical != BEAMC_LOGICAL_NONE && has_own_bytes(type->logical))
        return decode_logical(type, in, arena, out, err);
    switch (type->kind) {
    case BEAMC_TYPE_BYTE: {
        uint8_t byte = 0;
        BEAMC_TRY(beamc_read_byte(in, &byte, err));
        *out = (beamc_value){.kind = BEAMC_VALUE_INTEGER, .as.integer = byte};
        return BEAMC_OK;
    }
    case BEAMC_TYPE_INT16: {
        uint16_t raw = 0;
        BEAMC_TRY(beamc_read_be16(in, &raw, err));
        *out = (beamc_value){.kind = BEAMC_VALUE_INTEGER, .as.integer = (int16_t)raw};
        return BEAMC_OK;
    }
    case BEAMC_TYPE_INT32: {
        /* Go sends a negative value in ten bytes, Java and Python in five: only 32 bits count. */
        uint64_t raw = 0;
        BEAMC_TRY(beamc_read_varint(in, &raw, err));
        *out = (beamc_value){.kind = BEAMC_VALUE_INTEGER, .as.integer = (int32_t)(uint32_t)raw};
        return BEAMC_OK;
    }
    case BEAMC_TYPE_INT64: {
        uint64_t raw = 0;
        BEAMC_TRY(beamc_read_varint(in, &raw, err));
        *out = (beamc_value){.kind = BEAMC_VALUE_INTEGER, .as.integer = (int64_t)raw};
        return BEAMC_OK;
    }
    case BEAMC_TYPE_FLOAT: {
        float real = 0;
        BEAMC_TRY(beamc_read_float(in, &real, err));
        *out = (beamc_value){.kind = BEAMC_VALUE_FLOAT, .as.real = (double)real};
        return BEAMC_OK;
    }
    case BEAMC_TYPE_DOUBLE: {
        double real = 0;
        BEAMC_TRY(beamc_read_double(in, &real, err));
        *out = (beamc_value){.kind = BEAMC_VALUE_DOUBLE, .as.real = real};
        return BEAMC_OK;
    }
    case BEAMC_TYPE_BOOLEAN: {
        uint8_t byte = 0;
        BEAMC_TRY(beamc_read_byte(in, &byte, err));
        if (byte > 1)
            return beamc_fail(err, BEAMC_INVALID, "a boolean of %u at byte %" PRIu64 " is neither 0 nor 1", byte,
                              beamc_byte_reader_position(in));
        *out = (beamc_value){.kind = BEAMC_VALUE_BOOLEAN, .as.boolean = byte == 1};
        return BEAMC_OK;
    }
    case BEAMC_TYPE_STRING:
        return decode_bytes(in, BEAMC_VALUE_STRING, out, err);
    case BEAMC_TYPE_BYTES:
        return decode_bytes(in, BEAMC_VALUE_BYTES, out, err);
    case BEAMC_TYPE_ARRAY:
    case BEAMC_TYPE_ITERABLE:
        return decode_array(type, in, arena, out, err);
    case BEAMC_TYPE_MAP:
        return decode_map(type, in, arena, out, err);
    case BEAMC_TYPE_ROW:
        return decode_row_value(type->row, in, arena, out, err);
    case BEAMC_TYPE_OPAQUE:
        break;
    }
    return beamc_fail(err, BEAMC_INVALID, "logical type %s says nothing of its bytes; give the field a plain type",
                      type->logical_urn == NULL ? "(none)" : type->logical_urn);
}

beamc_status beamc_row_decode(const beamc_schema *schema, beamc_byte_reader *in, beamc_arena *arena,
                              beamc_value *values, beamc_error *err) {
    size_t num_fields = schema->num_fields;
    size_t num_written = num_fields;
    size_t bitmap_len = 0;
    const uint8_t *bitmap = NULL;
    if (!schema->static_encoding) {
        BEAMC_TRY(beamc_read_length(in, "a field count", &num_written, err));
        BEAMC_TRY(beamc_read_length(in, "a null bitmap's length", &bitmap_len, err));
        BEAMC_TRY(beamc_read_bytes(in, bitmap_len, &bitmap, err));
    }
    /* What a newer writer appended is left unread: the caller sees where its row ends by a length prefix. */
    size_t num_known = num_written < num_fields ? num_written : num_fields;
    for (size_t position = 0; position < num_known; position++) {
        size_t index = schema->wire_order == NULL ? position : schema->wire_order[position];
        /* Python puts a field's null bit at its index in the schema, Java at its place on the wire. They differ
         * only when the schema is permuted; Beam's proto says the index, so that is what counts. */
        if (index / 8 < bitmap_len && (bitmap[index / 8] >> (index % 8) & 1) != 0) {
            values[index] = (beamc_value){.kind = BEAMC_VALUE_NULL};
            continue;
        }
        beamc_status status = decode_value(&schema->fields[index].type, in, arena, &values[index], err);
        if (status != BEAMC_OK)
            return beamc_fail_within(err, status, schema->fields[index].name);
    }
    for (size_t position = num_known; position < num_fields; position++) {
        size_t index = schema->wire_order == NULL ? position : schema->wire_order[position];
        values[index] = (beamc_value){.kind = BEAMC_VALUE_NULL};
    }
    return BEAMC_OK;
}

/* ---- encoding ---- */

static beamc_status wrong_kind(const beamc_type *type, const beamc_value *value, beamc_error *err) {
    return beamc_fail(err, BEAMC_INVALID, "a value of kind %d cannot be encoded as %s", (int)value->kind,
                      beamc_type_kind_name(type->kind));
}

static beamc_status encode_nullable(const beamc_type *type, const beamc_value *value, beamc_byte_buffer *out,
                                    beamc_error *err) {
    if (type->nullable) {
        (void)beamc_byte_buffer_append_byte(out, value->kind != BEAMC_VALUE_NULL);
        if (value->kind == BEAMC_VALUE_NULL)
            return BEAMC_OK;
    }
    return encode_value(type, value, out, err);
}

static beamc_status encode_items(const beamc_type *type, const beamc_value *value, beamc_byte_buffer *out,
                                 beamc_error *err) {
    size_t count = value->as.items.count;
    (void)beamc_append_be32(out, (uint32_t)count);
    for (size_t i = 0; i < count; i++) {
        beamc_status status = BEAMC_OK;
        if (type->kind == BEAMC_TYPE_MAP) {
            status = encode_nullable(type->key, &value->as.items.data[2 * i], out, err);
            if (status == BEAMC_OK)
                status = encode_nullable(type->element, &value->as.items.data[2 * i + 1], out, err);
        } else {
            status = encode_nullable(type->element, &value->as.items.data[i], out, err);
        }
        if (status != BEAMC_OK)
            return within_item(err, status, i);
    }
    return BEAMC_OK;
}

static beamc_status encode_instant_row(const beamc_type *type, const beamc_value *value, uint32_t nanos_per_part,
                                       beamc_byte_buffer *out, beamc_error *err) {
    if (value->kind != BEAMC_VALUE_TIMESTAMP)
        return wrong_kind(type, value, err);
    beamc_value parts[2] = {{.kind = BEAMC_VALUE_INTEGER, .as.integer = value->as.time.seconds},
                            {.kind = BEAMC_VALUE_INTEGER, .as.integer = value->as.time.nanos / nanos_per_part}};
    return beamc_row_encode(type->row, parts, out, err);
}

static beamc_status encode_integer(const beamc_type *type, int64_t integer, beamc_byte_buffer *out) {
    switch (type->kind) {
    case BEAMC_TYPE_BYTE:
        (void)beamc_byte_buffer_append_byte(out, (uint8_t)integer);
        break;
    case BEAMC_TYPE_INT16:
        (void)beamc_append_be16(out, (uint16_t)integer);
        break;
    case BEAMC_TYPE_INT32:
        (void)beamc_append_varint(out, (uint32_t)integer);
        break;
    default:
        (void)beamc_append_varint(out, (uint64_t)integer);
        break;
    }
    return BEAMC_OK;
}

static bool value_fits(const beamc_type *type, const beamc_value *value) {
    switch (type->kind) {
    case BEAMC_TYPE_BYTE:
    case BEAMC_TYPE_INT16:
    case BEAMC_TYPE_INT32:
    case BEAMC_TYPE_INT64:
        return value->kind == BEAMC_VALUE_INTEGER;
    case BEAMC_TYPE_FLOAT:
        return value->kind == BEAMC_VALUE_FLOAT;
    case BEAMC_TYPE_DOUBLE:
        return value->kind == BEAMC_VALUE_DOUBLE;
    case BEAMC_TYPE_STRING:
        return value->kind == BEAMC_VALUE_STRING;
    case BEAMC_TYPE_BYTES:
        return value->kind == BEAMC_VALUE_BYTES;
    case BEAMC_TYPE_BOOLEAN:
        return value->kind == BEAMC_VALUE_BOOLEAN;
    case BEAMC_TYPE_ARRAY:
    case BEAMC_TYPE_ITERABLE:
        return value->kind == BEAMC_VALUE_ARRAY;
    case BEAMC_TYPE_MAP:
        return value->kind == BEAMC_VALUE_MAP;
    case BEAMC_TYPE_ROW:
        return value->kind == BEAMC_VALUE_ROW && value->as.items.count == type->row->num_fields;
    case BEAMC_TYPE_OPAQUE:
        break;
    }
    return false;
}

static beamc_status encode_decimal(const beamc_type *type, const beamc_value *value, beamc_byte_buffer *out,
                                   beamc_error *err) {
    if (value->kind != BEAMC_VALUE_DECIMAL)
        return wrong_kind(type, value, err);
    int32_t scale = value->as.decimal.scale;
    (void)beamc_append_varint(out, value->as.decimal.scale_is_32_bits ? (uint32_t)scale : (uint64_t)(int64_t)scale);
    (void)beamc_append_varint(out, value->as.decimal.unscaled_len);
    (void)beamc_byte_buffer_append(out, value->as.decimal.unscaled, value->as.decimal.unscaled_len);
    return BEAMC_OK;
}

static beamc_status encode_logical(const beamc_type *type, const beamc_value *value, beamc_byte_buffer *out,
                                   beamc_error *err) {
    switch (type->logical) {
    case BEAMC_LOGICAL_MICROS_INSTANT:
        return encode_instant_row(type, value, NANOS_PER_MICRO, out, err);
    case BEAMC_LOGICAL_NANOS_INSTANT:
        return encode_instant_row(type, value, 1, out, err);
    case BEAMC_LOGICAL_TIMESTAMP:
        return encode_instant_row(type, value, (uint32_t)nanos_per_subsecond(type->precision), out, err);
    case BEAMC_LOGICAL_DECIMAL:
        return encode_decimal(type, value, out, err);
    default: /* the three of milliseconds */
        if (value->kind != BEAMC_VALUE_TIMESTAMP)
            return wrong_kind(type, value, err);
        (void)beamc_append_shifted_millis(out, value->as.time.seconds * MILLIS_PER_SECOND +
                                                   (int64_t)(value->as.time.nanos / NANOS_PER_MILLI));
        return BEAMC_OK;
    }
}

static beamc_status encode_value(const beamc_type *type, const beamc_value *value, beamc_byte_buffer *out,
                                 beamc_error *err) {
    if (type->logical != BEAMC_LOGICAL_NONE && has_own_bytes(type->logical))
        return encode_logical(type, value, out, err);
    if (!value_fits(type, value))
        return wrong_kind(type, value, err);
    switch (type->kind) {
    case BEAMC_TYPE_FLOAT:
        (void)beamc_append_float(out, (float)value->as.real);
        return BEAMC_OK;
    case BEAMC_TYPE_DOUBLE:
        (void)beamc_append_double(out, value->as.real);
        return BEAMC_OK;
    case BEAMC_TYPE_STRING:
    case BEAMC_TYPE_BYTES:
        (void)beamc_append_varint(out, value->as.bytes.len);
        (void)beamc_byte_buffer_append(out, value->as.bytes.data, value->as.bytes.len);
        return BEAMC_OK;
    case BEAMC_TYPE_BOOLEAN:
        (void)beamc_byte_buffer_append_byte(out, value->as.boolean);
        return BEAMC_OK;
    case BEAMC_TYPE_ARRAY:
    case BEAMC_TYPE_ITERABLE:
    case BEAMC_TYPE_MAP:
        return encode_items(type, value, out, err);
    case BEAMC_TYPE_ROW:
        return beamc_row_encode(type->row, value->as.items.data, out, err);
    default:
        return encode_integer(type, value->as.integer, out);
    }
}

/* The bitmap has only as many bytes as its last null needs, as Java and Python write it. */
static void append_null_bitmap(const beamc_schema *schema, const beamc_value *values, beamc_byte_buffer *out) {
    size_t last_null = 0;
    bool any = false;
    for (size_t i = 0; i < schema->num_fields; i++)
        if (values[i].kind == BEAMC_VALUE_NULL) {
            last_null = i;
            any = true;
        }
    size_t len = any ? last_null / 8 + 1 : 0;
    (void)beamc_append_varint(out, len);
    for (size_t byte = 0; byte < len; byte++) {
        unsigned bits = 0;
        for (size_t i = byte * 8; i < byte * 8 + 8 && i < schema->num_fields; i++)
            if (values[i].kind == BEAMC_VALUE_NULL)
                bits |= 1U << (i % 8);
        (void)beamc_byte_buffer_append_byte(out, (uint8_t)bits);
    }
}

beamc_status beamc_row_encode(const beamc_schema *schema, const beamc_value *values, beamc_byte_buffer *out,
                              beamc_error *err) {
    if (!schema->static_encoding) {
        (void)beamc_append_varint(out, schema->num_fields);
        append_null_bitmap(schema, values, out);
    }
    for (size_t position = 0; position < schema->num_fields; position++) {
        size_t index = schema->wire_order == NULL ? position : schema->wire_order[position];
        if (values[index].kind == BEAMC_VALUE_NULL)
            continue;
        beamc_status status = encode_value(&schema->fields[index].type, &values[index], out, err);
        if (status != BEAMC_OK)
            return beamc_fail_within(err, status, schema->fields[index].name);
    }
    if (out->failed)
        return beamc_fail(err, BEAMC_LIMIT, "the encoded row passes the limit of %zu bytes", out->ceiling);
    return BEAMC_OK;
}
