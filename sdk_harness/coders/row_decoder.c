#include "sdk_harness/coders/row_coder.h"

#include "sdk_harness/coders/fixed_width.h"
#include "sdk_harness/coders/logical_bytes.h"
#include "sdk_harness/coders/varint.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static beamc_status decode_value(const beamc_type *type, beamc_byte_reader *in, beamc_arena *arena, beamc_value *out,
                                 beamc_error *err);

static inline beamc_status decode_bytes(beamc_byte_reader *in, beamc_value_kind kind, beamc_value *out,
                                        beamc_error *err) {
    size_t len = 0;
    const uint8_t *data = NULL;
    BEAMC_TRY(beamc_read_length(in, "a length", &len, err));
    BEAMC_TRY(beamc_read_bytes(in, len, &data, err));
    *out = (beamc_value){.kind = kind, .as.bytes = {.data = data, .len = len}};
    return BEAMC_OK;
}

static beamc_status decode_null_mark(beamc_byte_reader *in, bool *present, beamc_error *err) {
    uint8_t mark = 0;
    BEAMC_TRY(beamc_read_byte(in, &mark, err));
    if (mark > 1)
        return beamc_fail(err, BEAMC_INVALID, "a null mark of %u before byte %" PRIu64 " is neither 0 nor 1", mark,
                          beamc_byte_reader_position(in));
    *present = mark == 1;
    return BEAMC_OK;
}

static beamc_status decode_nullable(const beamc_type *type, beamc_byte_reader *in, beamc_arena *arena, beamc_value *out,
                                    beamc_error *err) {
    bool present = true;
    if (type->nullable)
        BEAMC_TRY(decode_null_mark(in, &present, err));
    if (present)
        return decode_value(type, in, arena, out, err);
    *out = (beamc_value){.kind = BEAMC_VALUE_NULL};
    return BEAMC_OK;
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

/* Go's unsigned types are varints whatever their representation, which for uint16 is INT16. */
static beamc_status decode_unsigned(const beamc_type *type, beamc_byte_reader *in, beamc_value *out, beamc_error *err) {
    uint64_t raw = 0;
    BEAMC_TRY(beamc_read_varint(in, &raw, err));
    if (raw > beamc_largest_unsigned(type->kind))
        return beamc_fail(err, BEAMC_INVALID, "an unsigned integer before byte %" PRIu64 " is too large for %s",
                          beamc_byte_reader_position(in), type->logical_urn);
    *out = (beamc_value){.kind = BEAMC_VALUE_INTEGER, .as.integer = (int64_t)raw};
    return BEAMC_OK;
}

static beamc_status decode_logical(const beamc_type *type, beamc_byte_reader *in, beamc_arena *arena, beamc_value *out,
                                   beamc_error *err) {
    switch (type->logical) {
    case BEAMC_LOGICAL_UNSIGNED:
        return decode_unsigned(type, in, out, err);
    case BEAMC_LOGICAL_MICROS_INSTANT:
        return decode_instant_row(type, in, arena, NANOS_PER_MICRO, out, err);
    case BEAMC_LOGICAL_NANOS_INSTANT:
        return decode_instant_row(type, in, arena, 1, out, err);
    case BEAMC_LOGICAL_TIMESTAMP:
        return decode_instant_row(type, in, arena, beamc_nanos_per_subsecond(type->precision), out, err);
    case BEAMC_LOGICAL_DECIMAL:
        return decode_decimal(in, out, err);
    default: /* the three of milliseconds */
        return decode_millis(in, out, err);
    }
}

static beamc_status decode_plain(const beamc_type *type, beamc_byte_reader *in, beamc_arena *arena, beamc_value *out,
                                 beamc_error *err) {
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
        /* Go sends a negative value in ten bytes, Java and Python in five. */
        uint64_t raw = 0;
        BEAMC_TRY(beamc_read_varint(in, &raw, err));
        if (raw > UINT32_MAX && (int64_t)raw != (int32_t)(uint32_t)raw)
            return beamc_fail(err, BEAMC_INVALID, "an INT32 before byte %" PRIu64 " is longer than 32 bits",
                              beamc_byte_reader_position(in));
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
            return beamc_fail(err, BEAMC_INVALID, "a boolean of %u before byte %" PRIu64 " is neither 0 nor 1", byte,
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

static beamc_status decode_value(const beamc_type *type, beamc_byte_reader *in, beamc_arena *arena, beamc_value *out,
                                 beamc_error *err) {
    if (type->logical == BEAMC_LOGICAL_NONE)
        return decode_plain(type, in, arena, out, err);
    for (unsigned i = 0; i < type->num_null_marks; i++) {
        bool present = false;
        BEAMC_TRY(decode_null_mark(in, &present, err));
        if (!present) {
            *out = (beamc_value){.kind = BEAMC_VALUE_NULL};
            return BEAMC_OK;
        }
    }
    return beamc_has_own_bytes(type->logical) ? decode_logical(type, in, arena, out, err)
                                              : decode_plain(type, in, arena, out, err);
}

/* The types that most fields have, without a call for each; the rest the long way. */
static inline beamc_status decode_field(const beamc_type *type, beamc_byte_reader *in, beamc_arena *arena,
                                        beamc_value *out, beamc_error *err) {
    if (type->logical != BEAMC_LOGICAL_NONE)
        return decode_value(type, in, arena, out, err);
    switch (type->kind) {
    case BEAMC_TYPE_STRING:
        return decode_bytes(in, BEAMC_VALUE_STRING, out, err);
    case BEAMC_TYPE_INT64: {
        uint64_t raw = 0;
        BEAMC_TRY(beamc_read_varint(in, &raw, err));
        *out = (beamc_value){.kind = BEAMC_VALUE_INTEGER, .as.integer = (int64_t)raw};
        return BEAMC_OK;
    }
    case BEAMC_TYPE_DOUBLE: {
        double real = 0;
        BEAMC_TRY(beamc_read_double(in, &real, err));
        *out = (beamc_value){.kind = BEAMC_VALUE_DOUBLE, .as.real = real};
        return BEAMC_OK;
    }
    default:
        return decode_plain(type, in, arena, out, err);
    }
}

static inline bool is_null(const uint8_t *bitmap, size_t bitmap_len, size_t index) {
    return index / 8 < bitmap_len && (bitmap[index / 8] >> (index % 8) & 1) != 0;
}

static beamc_status decode_fields(const beamc_schema *schema, beamc_byte_reader *in, beamc_arena *arena,
                                  beamc_value *values, size_t *num_more, beamc_error *err) {
    size_t num_fields = schema->num_fields;
    size_t num_written = num_fields;
    size_t bitmap_len = 0;
    const uint8_t *bitmap = NULL;
    if (!schema->static_encoding) {
        BEAMC_TRY(beamc_read_length(in, "a field count", &num_written, err));
        BEAMC_TRY(beamc_read_length(in, "a null bitmap's length", &bitmap_len, err));
        BEAMC_TRY(beamc_read_bytes(in, bitmap_len, &bitmap, err));
    }
    size_t num_known = num_written < num_fields ? num_written : num_fields;
    for (size_t position = 0; position < num_known; position++) {
        size_t index = schema->wire_order == NULL ? position : schema->wire_order[position];
        /* Python puts a field's null bit at its index in the schema, Java at its place on the wire. They differ
         * only when the schema is permuted; Beam's proto says the index, so that is what counts. */
        if (is_null(bitmap, bitmap_len, index)) {
            values[index] = (beamc_value){.kind = BEAMC_VALUE_NULL};
            continue;
        }
        beamc_status status = decode_field(&schema->fields[index].type, in, arena, &values[index], err);
        if (status != BEAMC_OK)
            return beamc_fail_within(err, status, schema->fields[index].name);
    }
    for (size_t position = num_known; position < num_fields; position++) {
        size_t index = schema->wire_order == NULL ? position : schema->wire_order[position];
        values[index] = (beamc_value){.kind = BEAMC_VALUE_NULL};
    }
    *num_more = num_written - num_known;
    return BEAMC_OK;
}

beamc_status beamc_row_decode(const beamc_schema *schema, beamc_byte_reader *in, beamc_arena *arena,
                              beamc_value *values, beamc_error *err) {
    size_t num_more = 0;
    BEAMC_TRY(decode_fields(schema, in, arena, values, &num_more, err));
    if (num_more > 0)
        return beamc_fail(err, BEAMC_INVALID,
                          "the row before byte %" PRIu64
                          " has %zu fields more than its schema, and nothing says where they end. Submit the pipeline "
                          "again so that both ends have the same schema",
                          beamc_byte_reader_position(in), num_more);
    return BEAMC_OK;
}

beamc_status beamc_row_decode_all(const beamc_schema *schema, beamc_byte_reader *in, beamc_arena *arena,
                                  beamc_value *values, beamc_error *err) {
    size_t num_more = 0;
    BEAMC_TRY(decode_fields(schema, in, arena, values, &num_more, err));
    if (in->at == in->end && in->next_slice == NULL)
        return BEAMC_OK;
    if (num_more == 0 && !beamc_byte_reader_at_end(in))
        return beamc_fail(err, BEAMC_INVALID,
                          "bytes are left over after the row that ends at byte %" PRIu64
                          ": it was not written with the schema that came with it",
                          beamc_byte_reader_position(in));
    while (!beamc_byte_reader_at_end(in))
        in->at = in->end;
    return BEAMC_OK;
}
