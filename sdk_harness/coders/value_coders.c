/* Coders of values: bytes, text, numbers, pairs, what may be null, collections, rows. */
#include "sdk_harness/coders/coder_internal.h"
#include "sdk_harness/coders/fixed_width.h"
#include "sdk_harness/coders/row_coder.h"
#include "sdk_harness/coders/varint.h"

#include <inttypes.h>
#include <string.h>

/* ---- bytes and strings ---- */

/* All bytes up to the end: borrowed where one slice holds them, gathered in the arena where not. */
static beamc_status read_rest(beamc_byte_reader *in, beamc_arena *arena, const uint8_t **data, size_t *len,
                              beamc_error *err) {
    uint8_t *gathered = NULL;
    size_t capacity = 0;
    *data = in->at;
    *len = 0;
    while (!beamc_byte_reader_at_end(in)) {
        const uint8_t *part = in->at;
        size_t part_len = (size_t)(in->end - in->at);
        in->at = in->end;
        if (*len == 0) {
            *data = part;
            *len = part_len;
            continue;
        }
        if (*len + part_len > capacity) {
            capacity = 2 * (*len + part_len);
            gathered = beamc_arena_take(arena, capacity);
            if (gathered == NULL)
                return beamc_fail(err, BEAMC_LIMIT, "a value at byte %" PRIu64 " passes the limit for one element",
                                  beamc_byte_reader_position(in));
            memcpy(gathered, *data, *len);
            *data = gathered;
        }
        memcpy(gathered + *len, part, part_len);
        *len += part_len;
    }
    return BEAMC_OK;
}

beamc_status beamc_decode_text(beamc_byte_reader *in, bool nested, beamc_arena *arena, beamc_value_kind kind,
                               beamc_value *out, beamc_error *err) {
    const uint8_t *data = NULL;
    size_t len = 0;
    if (nested) {
        BEAMC_TRY(beamc_read_length(in, "a length", &len, err));
        BEAMC_TRY(beamc_read_bytes(in, len, &data, err));
    } else {
        BEAMC_TRY(read_rest(in, arena, &data, &len, err));
    }
    *out = (beamc_value){.kind = kind, .as.bytes = {.data = data, .len = len}};
    return BEAMC_OK;
}

beamc_status beamc_encode_text(const beamc_coder *coder, const beamc_value *value, bool nested, beamc_value_kind kind,
                               beamc_byte_buffer *out, beamc_error *err) {
    if (value->kind != kind)
        return beamc_wrong_kind(coder, value, err);
    if (nested)
        (void)beamc_append_varint(out, value->as.bytes.len);
    (void)beamc_byte_buffer_append(out, value->as.bytes.data, value->as.bytes.len);
    return BEAMC_OK;
}

static beamc_status decode_bytes(const beamc_coder *coder, beamc_byte_reader *in, bool nested, beamc_arena *arena,
                                 beamc_value *out, beamc_error *err) {
    (void)coder;
    return beamc_decode_text(in, nested, arena, BEAMC_VALUE_BYTES, out, err);
}

static beamc_status encode_bytes(const beamc_coder *coder, const beamc_value *value, bool nested,
                                 beamc_byte_buffer *out, beamc_error *err) {
    return beamc_encode_text(coder, value, nested, BEAMC_VALUE_BYTES, out, err);
}

static beamc_status decode_string(const beamc_coder *coder, beamc_byte_reader *in, bool nested, beamc_arena *arena,
                                  beamc_value *out, beamc_error *err) {
    (void)coder;
    return beamc_decode_text(in, nested, arena, BEAMC_VALUE_STRING, out, err);
}

static beamc_status encode_string(const beamc_coder *coder, const beamc_value *value, bool nested,
                                  beamc_byte_buffer *out, beamc_error *err) {
    return beamc_encode_text(coder, value, nested, BEAMC_VALUE_STRING, out, err);
}

/* ---- numbers ---- */

static beamc_status decode_bool(const beamc_coder *coder, beamc_byte_reader *in, bool nested, beamc_arena *arena,
                                beamc_value *out, beamc_error *err) {
    (void)coder;
    (void)nested;
    (void)arena;
    uint8_t byte = 0;
    BEAMC_TRY(beamc_read_byte(in, &byte, err));
    if (byte > 1)
        return beamc_fail(err, BEAMC_INVALID, "a boolean of %u before byte %" PRIu64 " is neither 0 nor 1", byte,
                          beamc_byte_reader_position(in));
    *out = (beamc_value){.kind = BEAMC_VALUE_BOOLEAN, .as.boolean = byte == 1};
    return BEAMC_OK;
}

static beamc_status encode_bool(const beamc_coder *coder, const beamc_value *value, bool nested, beamc_byte_buffer *out,
                                beamc_error *err) {
    (void)nested;
    if (value->kind != BEAMC_VALUE_BOOLEAN)
        return beamc_wrong_kind(coder, value, err);
    (void)beamc_byte_buffer_append_byte(out, value->as.boolean);
    return BEAMC_OK;
}

static beamc_status decode_varint(const beamc_coder *coder, beamc_byte_reader *in, bool nested, beamc_arena *arena,
                                  beamc_value *out, beamc_error *err) {
    (void)coder;
    (void)nested;
    (void)arena;
    uint64_t value = 0;
    BEAMC_TRY(beamc_read_varint(in, &value, err));
    *out = (beamc_value){.kind = BEAMC_VALUE_INTEGER, .as.integer = (int64_t)value};
    return BEAMC_OK;
}

static beamc_status encode_varint(const beamc_coder *coder, const beamc_value *value, bool nested,
                                  beamc_byte_buffer *out, beamc_error *err) {
    (void)nested;
    if (value->kind != BEAMC_VALUE_INTEGER)
        return beamc_wrong_kind(coder, value, err);
    (void)beamc_append_varint(out, (uint64_t)value->as.integer);
    return BEAMC_OK;
}

static beamc_status decode_double(const beamc_coder *coder, beamc_byte_reader *in, bool nested, beamc_arena *arena,
                                  beamc_value *out, beamc_error *err) {
    (void)coder;
    (void)nested;
    (void)arena;
    *out = (beamc_value){.kind = BEAMC_VALUE_DOUBLE};
    return beamc_read_double(in, &out->as.real, err);
}

static beamc_status encode_double(const beamc_coder *coder, const beamc_value *value, bool nested,
                                  beamc_byte_buffer *out, beamc_error *err) {
    (void)nested;
    if (value->kind != BEAMC_VALUE_DOUBLE)
        return beamc_wrong_kind(coder, value, err);
    (void)beamc_append_double(out, value->as.real);
    return BEAMC_OK;
}

/* ---- pairs ---- */

static beamc_status decode_pair(const beamc_coder *coder, beamc_byte_reader *in, bool nested, beamc_arena *arena,
                                beamc_value *out, beamc_error *err) {
    beamc_value *items = NULL;
    BEAMC_TRY(beamc_new_items(in, arena, 2, &items, err));
    BEAMC_TRY(beamc_coder_decode(coder->components[0], in, true, arena, &items[0], err));
    BEAMC_TRY(beamc_coder_decode(coder->components[1], in, nested, arena, &items[1], err));
    *out = beamc_tuple_value(items, 2);
    return BEAMC_OK;
}

static beamc_status encode_pair(const beamc_coder *coder, const beamc_value *value, bool nested, beamc_byte_buffer *out,
                                beamc_error *err) {
    if (!beamc_is_tuple(value, 2))
        return beamc_wrong_kind(coder, value, err);
    BEAMC_TRY(beamc_coder_encode(coder->components[0], &value->as.items.data[0], true, out, err));
    return beamc_coder_encode(coder->components[1], &value->as.items.data[1], nested, out, err);
}

/* A shard id of bytes, then the key, always nested. */
static beamc_status decode_sharded_key(const beamc_coder *coder, beamc_byte_reader *in, bool nested, beamc_arena *arena,
                                       beamc_value *out, beamc_error *err) {
    (void)nested;
    beamc_value *items = NULL;
    BEAMC_TRY(beamc_new_items(in, arena, 2, &items, err));
    BEAMC_TRY(beamc_decode_text(in, true, arena, BEAMC_VALUE_BYTES, &items[0], err));
    BEAMC_TRY(beamc_coder_decode(coder->components[0], in, true, arena, &items[1], err));
    *out = beamc_tuple_value(items, 2);
    return BEAMC_OK;
}

static beamc_status encode_sharded_key(const beamc_coder *coder, const beamc_value *value, bool nested,
                                       beamc_byte_buffer *out, beamc_error *err) {
    (void)nested;
    if (!beamc_is_tuple(value, 2))
        return beamc_wrong_kind(coder, value, err);
    BEAMC_TRY(beamc_encode_text(coder, &value->as.items.data[0], true, BEAMC_VALUE_BYTES, out, err));
    return beamc_coder_encode(coder->components[0], &value->as.items.data[1], true, out, err);
}

static beamc_status decode_nullable(const beamc_coder *coder, beamc_byte_reader *in, bool nested, beamc_arena *arena,
                                    beamc_value *out, beamc_error *err) {
    uint8_t present = 0;
    BEAMC_TRY(beamc_read_byte(in, &present, err));
    if (present > 1)
        return beamc_fail(err, BEAMC_INVALID, "a null mark of %u before byte %" PRIu64 " is neither 0 nor 1", present,
                          beamc_byte_reader_position(in));
    *out = (beamc_value){.kind = BEAMC_VALUE_NULL};
    return present == 0 ? BEAMC_OK : beamc_coder_decode(coder->components[0], in, nested, arena, out, err);
}

static beamc_status encode_nullable(const beamc_coder *coder, const beamc_value *value, bool nested,
                                    beamc_byte_buffer *out, beamc_error *err) {
    (void)beamc_byte_buffer_append_byte(out, value->kind != BEAMC_VALUE_NULL);
    return value->kind == BEAMC_VALUE_NULL ? BEAMC_OK
                                           : beamc_coder_encode(coder->components[0], value, nested, out, err);
}

static beamc_status decode_length_prefix(const beamc_coder *coder, beamc_byte_reader *in, bool nested,
                                         beamc_arena *arena, beamc_value *out, beamc_error *err) {
    (void)nested;
    beamc_value content;
    BEAMC_TRY(beamc_decode_text(in, true, arena, BEAMC_VALUE_BYTES, &content, err));
    if (coder->components[0] == NULL) {
        *out = content; /* an inner coder of another SDK: opaque bytes */
        return BEAMC_OK;
    }
    beamc_byte_reader inner;
    beamc_byte_reader_init(&inner, content.as.bytes.data, content.as.bytes.len, arena);
    inner.before = beamc_byte_reader_position(in) - content.as.bytes.len;
    BEAMC_TRY(beamc_coder_decode(coder->components[0], &inner, false, arena, out, err));
    if (!beamc_byte_reader_at_end(&inner))
        return beamc_fail(err, BEAMC_INVALID, "a value of %s ends at byte %" PRIu64 ", before its length says",
                          coder->components[0]->kind->urn, beamc_byte_reader_position(&inner));
    return BEAMC_OK;
}

static beamc_status encode_length_prefix(const beamc_coder *coder, const beamc_value *value, bool nested,
                                         beamc_byte_buffer *out, beamc_error *err) {
    (void)nested;
    if (coder->components[0] == NULL)
        return beamc_encode_text(coder, value, true, BEAMC_VALUE_BYTES, out, err);
    beamc_byte_buffer inner;
    beamc_byte_buffer_init(&inner, out->ceiling);
    beamc_status status = beamc_coder_encode(coder->components[0], value, false, &inner, err);
    if (status == BEAMC_OK) {
        (void)beamc_append_varint(out, inner.len);
        (void)beamc_byte_buffer_append(out, inner.data, inner.len);
    }
    beamc_byte_buffer_cleanup(&inner);
    return status;
}

/* ---- iterables ---- */

beamc_status beamc_value_list_next(beamc_value_list *list, beamc_byte_reader *in, beamc_arena *arena, beamc_value **out,
                                   beamc_error *err) {
    if (list->count == list->capacity) {
        size_t capacity = list->capacity == 0 ? 8 : list->capacity * 2;
        beamc_value *grown = NULL;
        BEAMC_TRY(beamc_new_items(in, arena, capacity, &grown, err));
        if (list->count > 0)
            memcpy(grown, list->data, list->count * sizeof *grown);
        list->data = grown;
        list->capacity = capacity;
    }
    *out = &list->data[list->count++];
    return BEAMC_OK;
}

beamc_status beamc_decode_items(const beamc_coder *element, uint64_t count, beamc_byte_reader *in, beamc_arena *arena,
                                beamc_value_list *list, beamc_error *err) {
    for (uint64_t i = 0; i < count; i++) {
        beamc_value *item = NULL;
        BEAMC_TRY(beamc_value_list_next(list, in, arena, &item, err));
        BEAMC_TRY(beamc_coder_decode(element, in, true, arena, item, err));
    }
    return BEAMC_OK;
}

/* A 4-byte count and the items; or -1 and blocks of a varint count and items, closed by 0, or by -1 and a token
 * under which the runner's state holds the rest. */
static beamc_status decode_iterable(const beamc_coder *coder, beamc_byte_reader *in, bool nested, beamc_arena *arena,
                                    beamc_value *out, beamc_error *err) {
    (void)nested;
    beamc_value_list list = {0};
    uint32_t raw = 0;
    BEAMC_TRY(beamc_read_be32(in, &raw, err));
    int32_t count = (int32_t)raw;
    if (count < -1)
        return beamc_fail(err, BEAMC_INVALID, "an item count of %" PRId32 " before byte %" PRIu64, count,
                          beamc_byte_reader_position(in));
    if (count >= 0)
        BEAMC_TRY(beamc_decode_items(coder->components[0], (uint64_t)count, in, arena, &list, err));
    uint64_t block = count < 0 ? 1U : 0U;
    while (block != 0) {
        BEAMC_TRY(beamc_read_varint(in, &block, err));
        if (block == UINT64_MAX) {
            beamc_value *items = NULL;
            BEAMC_TRY(beamc_new_items(in, arena, 2, &items, err));
            BEAMC_TRY(beamc_decode_text(in, true, arena, BEAMC_VALUE_BYTES, &items[1], err));
            items[0] = beamc_list_value(&list);
            *out = beamc_tuple_value(items, 2);
            return BEAMC_OK;
        }
        BEAMC_TRY(beamc_decode_items(coder->components[0], block, in, arena, &list, err));
    }
    *out = beamc_list_value(&list);
    return BEAMC_OK;
}

static beamc_status encode_iterable(const beamc_coder *coder, const beamc_value *value, bool nested,
                                    beamc_byte_buffer *out, beamc_error *err) {
    (void)nested;
    bool has_token = beamc_is_tuple(value, 2);
    const beamc_value *list = has_token ? &value->as.items.data[0] : value;
    if (list->kind != BEAMC_VALUE_ARRAY)
        return beamc_wrong_kind(coder, value, err);
    size_t count = list->as.items.count;
    (void)beamc_append_be32(out, has_token ? UINT32_MAX : (uint32_t)count);
    if (has_token && count > 0)
        (void)beamc_append_varint(out, count);
    for (size_t i = 0; i < count; i++)
        BEAMC_TRY(beamc_coder_encode(coder->components[0], &list->as.items.data[i], true, out, err));
    if (has_token) {
        (void)beamc_append_varint(out, UINT64_MAX);
        return beamc_encode_text(coder, &value->as.items.data[1], true, BEAMC_VALUE_BYTES, out, err);
    }
    return BEAMC_OK;
}

/* ---- rows ---- */

static beamc_status decode_row(const beamc_coder *coder, beamc_byte_reader *in, bool nested, beamc_arena *arena,
                               beamc_value *out, beamc_error *err) {
    beamc_value *fields = NULL;
    BEAMC_TRY(beamc_new_items(in, arena, coder->schema->num_fields, &fields, err));
    *out = (beamc_value){.kind = BEAMC_VALUE_ROW, .as.items = {.data = fields, .count = coder->schema->num_fields}};
    return nested ? beamc_row_decode(coder->schema, in, arena, fields, err)
                  : beamc_row_decode_all(coder->schema, in, arena, fields, err);
}

static beamc_status encode_row(const beamc_coder *coder, const beamc_value *value, bool nested, beamc_byte_buffer *out,
                               beamc_error *err) {
    (void)nested;
    if (value->kind != BEAMC_VALUE_ROW || value->as.items.count != coder->schema->num_fields)
        return beamc_wrong_kind(coder, value, err);
    return beamc_row_encode(coder->schema, value->as.items.data, out, err);
}

const beamc_coder_kind beamc_value_coder_kinds[] = {
    {"beam:coder:bytes:v1", 0, PAYLOAD_IGNORED, false, decode_bytes, encode_bytes},
    {"beam:coder:string_utf8:v1", 0, PAYLOAD_IGNORED, false, decode_string, encode_string},
    {"beam:coder:bool:v1", 0, PAYLOAD_IGNORED, false, decode_bool, encode_bool},
    {"beam:coder:varint:v1", 0, PAYLOAD_IGNORED, false, decode_varint, encode_varint},
    {"beam:coder:double:v1", 0, PAYLOAD_IGNORED, false, decode_double, encode_double},
    {"beam:coder:kv:v1", 2, PAYLOAD_IGNORED, false, decode_pair, encode_pair},
    {"beam:coder:iterable:v1", 1, PAYLOAD_IGNORED, false, decode_iterable, encode_iterable},
    {"beam:coder:state_backed_iterable:v1", 1, PAYLOAD_IGNORED, false, decode_iterable, encode_iterable},
    {"beam:coder:length_prefix:v1", 1, PAYLOAD_IGNORED, true, decode_length_prefix, encode_length_prefix},
    {"beam:coder:nullable:v1", 1, PAYLOAD_IGNORED, false, decode_nullable, encode_nullable},
    {"beam:coder:sharded_key:v1", 1, PAYLOAD_IGNORED, false, decode_sharded_key, encode_sharded_key},
    {"beam:coder:row:v1", 0, PAYLOAD_SCHEMA, false, decode_row, encode_row},
    {.urn = NULL},
};
