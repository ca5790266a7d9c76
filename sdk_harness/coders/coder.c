#include "sdk_harness/coders/coder.h"

#include "protos/pipeline.pb-c.h"
#include "sdk_harness/base/alloc.h"
#include "sdk_harness/coders/fixed_width.h"
#include "sdk_harness/coders/row_coder.h"
#include "sdk_harness/coders/varint.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum {
    MAX_DEPTH = 100,
    MAX_COMPONENTS = 2,
    PANE_METADATA = 0x80, /* an ElementMetadata message follows the pane */
    PANE_FORM_SHIFT = 4,
    PANE_FORM_MASK = 0x07, /* 0: no index, 1: one varint, 2: two */
    WINDOWED_PARTS = 4,    /* timestamp, windows, pane, element */
    TIMER_PARTS = 7        /* key, tag, windows, clear, fire, hold, pane */
};

typedef beamc_status (*decode_function)(const beamc_coder *coder, beamc_byte_reader *in, bool nested,
                                        beamc_arena *arena, beamc_value *out, beamc_error *err);
typedef beamc_status (*encode_function)(const beamc_coder *coder, const beamc_value *value, bool nested,
                                        beamc_byte_buffer *out, beamc_error *err);

typedef struct {
    const char *urn;
    unsigned num_components;
    decode_function decode;
    encode_function encode;
} coder_kind;

struct beamc_coder {
    const coder_kind *kind;
    beamc_coder *components[MAX_COMPONENTS];
    beamc_schema *schema; /* row */
    uint8_t *payload;     /* param_windowed_value: what every element has but its value */
    size_t payload_len;
};

/* ---- helpers ---- */

static beamc_status no_room(const beamc_byte_reader *in, beamc_error *err) {
    return beamc_fail(err, BEAMC_LIMIT, "a value at byte %" PRIu64 " passes the limit for one element",
                      beamc_byte_reader_position(in));
}

static beamc_status wrong_kind(const beamc_coder *coder, const beamc_value *value, beamc_error *err) {
    return beamc_fail(err, BEAMC_INVALID, "a value of kind %d cannot be encoded by %s", (int)value->kind,
                      coder->kind->urn);
}

static beamc_status new_items(beamc_byte_reader *in, beamc_arena *arena, size_t count, beamc_value **out,
                              beamc_error *err) {
    *out = count > SIZE_MAX / sizeof(beamc_value) ? NULL : beamc_arena_take(arena, count * sizeof(beamc_value));
    return *out == NULL ? no_room(in, err) : BEAMC_OK;
}

static beamc_value tuple(beamc_value *items, size_t count) {
    return (beamc_value){.kind = BEAMC_VALUE_TUPLE, .as.items = {.data = items, .count = count}};
}

static bool is_tuple(const beamc_value *value, size_t count) {
    return value->kind == BEAMC_VALUE_TUPLE && value->as.items.count == count;
}

/* A list that grows in the arena: counts on the wire may lie. */
typedef struct {
    beamc_value *data;
    size_t count;
    size_t capacity;
} value_list;

static beamc_status list_next(value_list *list, beamc_byte_reader *in, beamc_arena *arena, beamc_value **out,
                              beamc_error *err) {
    if (list->count == list->capacity) {
        size_t capacity = list->capacity == 0 ? 8 : list->capacity * 2;
        beamc_value *grown = NULL;
        BEAMC_TRY(new_items(in, arena, capacity, &grown, err));
        if (list->count > 0)
            memcpy(grown, list->data, list->count * sizeof *grown);
        list->data = grown;
        list->capacity = capacity;
    }
    *out = &list->data[list->count++];
    return BEAMC_OK;
}

static beamc_value list_value(const value_list *list) {
    return (beamc_value){.kind = BEAMC_VALUE_ARRAY, .as.items = {.data = list->data, .count = list->count}};
}

/* ---- bytes and strings ---- */

static beamc_status decode_text(beamc_byte_reader *in, bool nested, beamc_arena *arena, beamc_value_kind kind,
                                beamc_value *out, beamc_error *err) {
    const uint8_t *data = NULL;
    size_t len = 0;
    if (nested) {
        BEAMC_TRY(beamc_read_length(in, "a length", &len, err));
        BEAMC_TRY(beamc_read_bytes(in, len, &data, err));
    } else {
        value_list parts = {0}; /* the pieces of the slices that are left */
        while (!beamc_byte_reader_at_end(in)) {
            beamc_value *part = NULL;
            BEAMC_TRY(list_next(&parts, in, arena, &part, err));
            size_t part_len = (size_t)(in->end - in->at);
            part->as.bytes.len = part_len;
            BEAMC_TRY(beamc_read_bytes(in, part_len, &part->as.bytes.data, err));
            len += part_len;
        }
        uint8_t *whole = beamc_arena_take(arena, len);
        if (whole == NULL)
            return no_room(in, err);
        size_t at = 0;
        for (size_t i = 0; i < parts.count; i++) {
            memcpy(whole + at, parts.data[i].as.bytes.data, parts.data[i].as.bytes.len);
            at += parts.data[i].as.bytes.len;
        }
        data = whole;
    }
    *out = (beamc_value){.kind = kind, .as.bytes = {.data = data, .len = len}};
    return BEAMC_OK;
}

static beamc_status encode_text(const beamc_coder *coder, const beamc_value *value, bool nested, beamc_value_kind kind,
                                beamc_byte_buffer *out, beamc_error *err) {
    if (value->kind != kind)
        return wrong_kind(coder, value, err);
    if (nested)
        (void)beamc_append_varint(out, value->as.bytes.len);
    (void)beamc_byte_buffer_append(out, value->as.bytes.data, value->as.bytes.len);
    return BEAMC_OK;
}

static beamc_status decode_bytes(const beamc_coder *coder, beamc_byte_reader *in, bool nested, beamc_arena *arena,
                                 beamc_value *out, beamc_error *err) {
    (void)coder;
    return decode_text(in, nested, arena, BEAMC_VALUE_BYTES, out, err);
}

static beamc_status encode_bytes(const beamc_coder *coder, const beamc_value *value, bool nested,
                                 beamc_byte_buffer *out, beamc_error *err) {
    return encode_text(coder, value, nested, BEAMC_VALUE_BYTES, out, err);
}

static beamc_status decode_string(const beamc_coder *coder, beamc_byte_reader *in, bool nested, beamc_arena *arena,
                                  beamc_value *out, beamc_error *err) {
    (void)coder;
    return decode_text(in, nested, arena, BEAMC_VALUE_STRING, out, err);
}

static beamc_status encode_string(const beamc_coder *coder, const beamc_value *value, bool nested,
                                  beamc_byte_buffer *out, beamc_error *err) {
    return encode_text(coder, value, nested, BEAMC_VALUE_STRING, out, err);
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
        return wrong_kind(coder, value, err);
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
        return wrong_kind(coder, value, err);
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
        return wrong_kind(coder, value, err);
    (void)beamc_append_double(out, value->as.real);
    return BEAMC_OK;
}

static beamc_status decode_millis(beamc_byte_reader *in, beamc_value *out, beamc_error *err) {
    *out = (beamc_value){.kind = BEAMC_VALUE_INTEGER};
    return beamc_read_shifted_millis(in, &out->as.integer, err);
}

/* ---- pairs ---- */

static beamc_status decode_pair(const beamc_coder *coder, beamc_byte_reader *in, bool nested, beamc_arena *arena,
                                beamc_value *out, beamc_error *err) {
    beamc_value *items = NULL;
    BEAMC_TRY(new_items(in, arena, 2, &items, err));
    BEAMC_TRY(beamc_coder_decode(coder->components[0], in, true, arena, &items[0], err));
    BEAMC_TRY(beamc_coder_decode(coder->components[1], in, nested, arena, &items[1], err));
    *out = tuple(items, 2);
    return BEAMC_OK;
}

static beamc_status encode_pair(const beamc_coder *coder, const beamc_value *value, bool nested, beamc_byte_buffer *out,
                                beamc_error *err) {
    if (!is_tuple(value, 2))
        return wrong_kind(coder, value, err);
    BEAMC_TRY(beamc_coder_encode(coder->components[0], &value->as.items.data[0], true, out, err));
    return beamc_coder_encode(coder->components[1], &value->as.items.data[1], nested, out, err);
}

/* A shard id of bytes, then the key, always nested. */
static beamc_status decode_sharded_key(const beamc_coder *coder, beamc_byte_reader *in, bool nested, beamc_arena *arena,
                                       beamc_value *out, beamc_error *err) {
    (void)nested;
    beamc_value *items = NULL;
    BEAMC_TRY(new_items(in, arena, 2, &items, err));
    BEAMC_TRY(decode_text(in, true, arena, BEAMC_VALUE_BYTES, &items[0], err));
    BEAMC_TRY(beamc_coder_decode(coder->components[0], in, true, arena, &items[1], err));
    *out = tuple(items, 2);
    return BEAMC_OK;
}

static beamc_status encode_sharded_key(const beamc_coder *coder, const beamc_value *value, bool nested,
                                       beamc_byte_buffer *out, beamc_error *err) {
    (void)nested;
    if (!is_tuple(value, 2))
        return wrong_kind(coder, value, err);
    BEAMC_TRY(encode_text(coder, &value->as.items.data[0], true, BEAMC_VALUE_BYTES, out, err));
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
    BEAMC_TRY(decode_text(in, true, arena, BEAMC_VALUE_BYTES, &content, err));
    if (coder->components[0] == NULL) {
        *out = content; /* an inner coder of another SDK: opaque bytes */
        return BEAMC_OK;
    }
    beamc_byte_reader inner;
    beamc_byte_reader_init(&inner, content.as.bytes.data, content.as.bytes.len, arena);
    inner.before = beamc_byte_reader_position(in) - content.as.bytes.len;
    return beamc_coder_decode(coder->components[0], &inner, false, arena, out, err);
}

static beamc_status encode_length_prefix(const beamc_coder *coder, const beamc_value *value, bool nested,
                                         beamc_byte_buffer *out, beamc_error *err) {
    (void)nested;
    if (coder->components[0] == NULL)
        return encode_text(coder, value, true, BEAMC_VALUE_BYTES, out, err);
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

static beamc_status decode_items(const beamc_coder *element, uint64_t count, beamc_byte_reader *in, beamc_arena *arena,
                                 value_list *list, beamc_error *err) {
    for (uint64_t i = 0; i < count; i++) {
        beamc_value *item = NULL;
        BEAMC_TRY(list_next(list, in, arena, &item, err));
        BEAMC_TRY(beamc_coder_decode(element, in, true, arena, item, err));
    }
    return BEAMC_OK;
}

/* A 4-byte count and the items; or -1 and blocks of a varint count and items, closed by 0, or by -1 and a token
 * under which the runner's state holds the rest. */
static beamc_status decode_iterable(const beamc_coder *coder, beamc_byte_reader *in, bool nested, beamc_arena *arena,
                                    beamc_value *out, beamc_error *err) {
    (void)nested;
    value_list list = {0};
    uint32_t raw = 0;
    BEAMC_TRY(beamc_read_be32(in, &raw, err));
    int32_t count = (int32_t)raw;
    if (count < -1)
        return beamc_fail(err, BEAMC_INVALID, "an item count of %" PRId32 " before byte %" PRIu64, count,
                          beamc_byte_reader_position(in));
    if (count >= 0)
        BEAMC_TRY(decode_items(coder->components[0], (uint64_t)count, in, arena, &list, err));
    uint64_t block = count < 0 ? 1U : 0U;
    while (block != 0) {
        BEAMC_TRY(beamc_read_varint(in, &block, err));
        if (block == UINT64_MAX) {
            beamc_value *items = NULL;
            BEAMC_TRY(new_items(in, arena, 2, &items, err));
            BEAMC_TRY(decode_text(in, true, arena, BEAMC_VALUE_BYTES, &items[1], err));
            items[0] = list_value(&list);
            *out = tuple(items, 2);
            return BEAMC_OK;
        }
        BEAMC_TRY(decode_items(coder->components[0], block, in, arena, &list, err));
    }
    *out = list_value(&list);
    return BEAMC_OK;
}

static beamc_status encode_iterable(const beamc_coder *coder, const beamc_value *value, bool nested,
                                    beamc_byte_buffer *out, beamc_error *err) {
    (void)nested;
    bool has_token = is_tuple(value, 2);
    const beamc_value *list = has_token ? &value->as.items.data[0] : value;
    if (list->kind != BEAMC_VALUE_ARRAY)
        return wrong_kind(coder, value, err);
    size_t count = list->as.items.count;
    (void)beamc_append_be32(out, has_token ? UINT32_MAX : (uint32_t)count);
    if (has_token && count > 0)
        (void)beamc_append_varint(out, count);
    for (size_t i = 0; i < count; i++)
        BEAMC_TRY(beamc_coder_encode(coder->components[0], &list->as.items.data[i], true, out, err));
    if (has_token) {
        (void)beamc_append_varint(out, UINT64_MAX);
        return encode_text(coder, &value->as.items.data[1], true, BEAMC_VALUE_BYTES, out, err);
    }
    return BEAMC_OK;
}

/* ---- rows ---- */

static beamc_status decode_row(const beamc_coder *coder, beamc_byte_reader *in, bool nested, beamc_arena *arena,
                               beamc_value *out, beamc_error *err) {
    (void)nested;
    beamc_value *fields = NULL;
    BEAMC_TRY(new_items(in, arena, coder->schema->num_fields, &fields, err));
    *out = (beamc_value){.kind = BEAMC_VALUE_ROW, .as.items = {.data = fields, .count = coder->schema->num_fields}};
    return beamc_row_decode(coder->schema, in, arena, fields, err);
}

static beamc_status encode_row(const beamc_coder *coder, const beamc_value *value, bool nested, beamc_byte_buffer *out,
                               beamc_error *err) {
    (void)nested;
    if (value->kind != BEAMC_VALUE_ROW || value->as.items.count != coder->schema->num_fields)
        return wrong_kind(coder, value, err);
    return beamc_row_encode(coder->schema, value->as.items.data, out, err);
}

/* ---- windows ---- */

static beamc_status decode_global_window(const beamc_coder *coder, beamc_byte_reader *in, bool nested,
                                         beamc_arena *arena, beamc_value *out, beamc_error *err) {
    (void)coder;
    (void)in;
    (void)nested;
    (void)arena;
    (void)err;
    *out = (beamc_value){.kind = BEAMC_VALUE_NULL};
    return BEAMC_OK;
}

static beamc_status encode_global_window(const beamc_coder *coder, const beamc_value *value, bool nested,
                                         beamc_byte_buffer *out, beamc_error *err) {
    (void)nested;
    (void)out;
    return value->kind == BEAMC_VALUE_NULL ? BEAMC_OK : wrong_kind(coder, value, err);
}

static beamc_status decode_interval_window(const beamc_coder *coder, beamc_byte_reader *in, bool nested,
                                           beamc_arena *arena, beamc_value *out, beamc_error *err) {
    (void)coder;
    (void)nested;
    (void)arena;
    *out = (beamc_value){.kind = BEAMC_VALUE_WINDOW};
    BEAMC_TRY(beamc_read_shifted_millis(in, &out->as.window.end_ms, err));
    return beamc_read_varint(in, &out->as.window.span_ms, err);
}

static beamc_status encode_interval_window(const beamc_coder *coder, const beamc_value *value, bool nested,
                                           beamc_byte_buffer *out, beamc_error *err) {
    (void)nested;
    if (value->kind != BEAMC_VALUE_WINDOW)
        return wrong_kind(coder, value, err);
    (void)beamc_append_shifted_millis(out, value->as.window.end_ms);
    (void)beamc_append_varint(out, value->as.window.span_ms);
    return BEAMC_OK;
}

static beamc_status decode_custom_window(const beamc_coder *coder, beamc_byte_reader *in, bool nested,
                                         beamc_arena *arena, beamc_value *out, beamc_error *err) {
    (void)nested;
    beamc_value *items = NULL;
    BEAMC_TRY(new_items(in, arena, 2, &items, err));
    items[0] = (beamc_value){.kind = BEAMC_VALUE_WINDOW};
    BEAMC_TRY(beamc_read_shifted_millis(in, &items[0].as.window.end_ms, err));
    BEAMC_TRY(beamc_coder_decode(coder->components[0], in, true, arena, &items[1], err));
    *out = tuple(items, 2);
    return BEAMC_OK;
}

static beamc_status encode_custom_window(const beamc_coder *coder, const beamc_value *value, bool nested,
                                         beamc_byte_buffer *out, beamc_error *err) {
    (void)nested;
    if (!is_tuple(value, 2) || value->as.items.data[0].kind != BEAMC_VALUE_WINDOW)
        return wrong_kind(coder, value, err);
    (void)beamc_append_shifted_millis(out, value->as.items.data[0].as.window.end_ms);
    return beamc_coder_encode(coder->components[0], &value->as.items.data[1], true, out, err);
}

/* ---- windowed values and timers ---- */

static beamc_status decode_windows(const beamc_coder *window, beamc_byte_reader *in, beamc_arena *arena,
                                   beamc_value *out, beamc_error *err) {
    uint32_t count = 0;
    value_list list = {0};
    BEAMC_TRY(beamc_read_be32(in, &count, err));
    if (count > INT32_MAX)
        return beamc_fail(err, BEAMC_INVALID, "a window count of %" PRId32 " before byte %" PRIu64, (int32_t)count,
                          beamc_byte_reader_position(in));
    BEAMC_TRY(decode_items(window, count, in, arena, &list, err));
    *out = list_value(&list);
    return BEAMC_OK;
}

static beamc_status encode_windows(const beamc_coder *window, const beamc_value *value, beamc_byte_buffer *out,
                                   beamc_error *err) {
    (void)beamc_append_be32(out, (uint32_t)value->as.items.count);
    for (size_t i = 0; i < value->as.items.count; i++)
        BEAMC_TRY(beamc_coder_encode(window, &value->as.items.data[i], true, out, err));
    return BEAMC_OK;
}

static beamc_status decode_pane(beamc_byte_reader *in, beamc_arena *arena, beamc_value *out, beamc_error *err) {
    beamc_value *parts = NULL;
    uint8_t byte = 0;
    BEAMC_TRY(new_items(in, arena, 3, &parts, err));
    BEAMC_TRY(beamc_read_byte(in, &byte, err));
    unsigned form = byte >> PANE_FORM_SHIFT & PANE_FORM_MASK;
    if (form > 2)
        return beamc_fail(err, BEAMC_INVALID, "a pane of unknown form %u before byte %" PRIu64, form,
                          beamc_byte_reader_position(in));
    parts[0] = (beamc_value){.kind = BEAMC_VALUE_INTEGER, .as.integer = (int64_t)(byte & 0x7F)};
    for (unsigned i = 1; i <= form; i++) {
        uint64_t index = 0;
        BEAMC_TRY(beamc_read_varint(in, &index, err));
        parts[i] = (beamc_value){.kind = BEAMC_VALUE_INTEGER, .as.integer = (int64_t)index};
    }
    if ((byte & PANE_METADATA) != 0) {
        size_t len = 0;
        BEAMC_TRY(beamc_read_length(in, "element metadata", &len, err));
        BEAMC_TRY(beamc_skip_bytes(in, len, err)); /* not handed on */
    }
    *out = tuple(parts, 1 + form);
    return BEAMC_OK;
}

static void encode_pane(const beamc_value *pane, beamc_byte_buffer *out) {
    (void)beamc_byte_buffer_append_byte(out, (uint8_t)pane->as.items.data[0].as.integer);
    for (size_t i = 1; i < pane->as.items.count; i++)
        (void)beamc_append_varint(out, (uint64_t)pane->as.items.data[i].as.integer);
}

static bool is_pane(const beamc_value *value) {
    if (value->kind != BEAMC_VALUE_TUPLE || value->as.items.count < 1 || value->as.items.count > 3)
        return false;
    for (size_t i = 0; i < value->as.items.count; i++)
        if (value->as.items.data[i].kind != BEAMC_VALUE_INTEGER)
            return false;
    return true;
}

static beamc_status decode_windowed_value(const beamc_coder *coder, beamc_byte_reader *in, bool nested,
                                          beamc_arena *arena, beamc_value *out, beamc_error *err) {
    beamc_value *parts = NULL;
    BEAMC_TRY(new_items(in, arena, WINDOWED_PARTS, &parts, err));
    BEAMC_TRY(decode_millis(in, &parts[0], err));
    BEAMC_TRY(decode_windows(coder->components[1], in, arena, &parts[1], err));
    BEAMC_TRY(decode_pane(in, arena, &parts[2], err));
    BEAMC_TRY(beamc_coder_decode(coder->components[0], in, nested, arena, &parts[3], err));
    *out = tuple(parts, WINDOWED_PARTS);
    return BEAMC_OK;
}

static bool is_windowed_value(const beamc_value *value) {
    const beamc_value *parts = value->as.items.data;
    return is_tuple(value, WINDOWED_PARTS) && parts[0].kind == BEAMC_VALUE_INTEGER &&
           parts[1].kind == BEAMC_VALUE_ARRAY && is_pane(&parts[2]);
}

static beamc_status encode_windowed_value(const beamc_coder *coder, const beamc_value *value, bool nested,
                                          beamc_byte_buffer *out, beamc_error *err) {
    if (!is_windowed_value(value))
        return wrong_kind(coder, value, err);
    const beamc_value *parts = value->as.items.data;
    (void)beamc_append_shifted_millis(out, parts[0].as.integer);
    BEAMC_TRY(encode_windows(coder->components[1], &parts[1], out, err));
    encode_pane(&parts[2], out);
    return beamc_coder_encode(coder->components[0], &parts[3], nested, out, err);
}

/* Only the element is on the wire; timestamp, windows and pane are the coder's own, in its payload. */
static beamc_status decode_param_windowed_value(const beamc_coder *coder, beamc_byte_reader *in, bool nested,
                                                beamc_arena *arena, beamc_value *out, beamc_error *err) {
    beamc_value *parts = NULL;
    beamc_byte_reader constant;
    beamc_byte_reader_init(&constant, coder->payload, coder->payload_len, arena);
    BEAMC_TRY(new_items(in, arena, WINDOWED_PARTS, &parts, err));
    beamc_status status = decode_millis(&constant, &parts[0], err);
    if (status == BEAMC_OK)
        status = decode_windows(coder->components[1], &constant, arena, &parts[1], err);
    if (status == BEAMC_OK)
        status = decode_pane(&constant, arena, &parts[2], err);
    if (status != BEAMC_OK)
        return beamc_fail_within(err, status, "the payload of a param_windowed_value coder");
    BEAMC_TRY(beamc_coder_decode(coder->components[0], in, nested, arena, &parts[3], err));
    *out = tuple(parts, WINDOWED_PARTS);
    return BEAMC_OK;
}

static beamc_status encode_param_windowed_value(const beamc_coder *coder, const beamc_value *value, bool nested,
                                                beamc_byte_buffer *out, beamc_error *err) {
    if (!is_windowed_value(value))
        return wrong_kind(coder, value, err);
    return beamc_coder_encode(coder->components[0], &value->as.items.data[3], nested, out, err);
}

static beamc_status decode_timer(const beamc_coder *coder, beamc_byte_reader *in, bool nested, beamc_arena *arena,
                                 beamc_value *out, beamc_error *err) {
    (void)nested;
    beamc_value *parts = NULL;
    BEAMC_TRY(new_items(in, arena, TIMER_PARTS, &parts, err));
    BEAMC_TRY(beamc_coder_decode(coder->components[0], in, true, arena, &parts[0], err));
    BEAMC_TRY(decode_text(in, true, arena, BEAMC_VALUE_STRING, &parts[1], err));
    BEAMC_TRY(decode_windows(coder->components[1], in, arena, &parts[2], err));
    BEAMC_TRY(decode_bool(coder, in, true, arena, &parts[3], err));
    if (parts[3].as.boolean) {
        *out = tuple(parts, 4);
        return BEAMC_OK;
    }
    BEAMC_TRY(decode_millis(in, &parts[4], err));
    BEAMC_TRY(decode_millis(in, &parts[5], err));
    BEAMC_TRY(decode_pane(in, arena, &parts[6], err));
    *out = tuple(parts, TIMER_PARTS);
    return BEAMC_OK;
}

static beamc_status encode_timer(const beamc_coder *coder, const beamc_value *value, bool nested,
                                 beamc_byte_buffer *out, beamc_error *err) {
    (void)nested;
    const beamc_value *parts = value->as.items.data;
    if (!is_tuple(value, 4) && !is_tuple(value, TIMER_PARTS))
        return wrong_kind(coder, value, err);
    bool clear = value->as.items.count == 4;
    if (parts[2].kind != BEAMC_VALUE_ARRAY || parts[3].kind != BEAMC_VALUE_BOOLEAN || (!clear && !is_pane(&parts[6])))
        return wrong_kind(coder, value, err);
    BEAMC_TRY(beamc_coder_encode(coder->components[0], &parts[0], true, out, err));
    BEAMC_TRY(encode_text(coder, &parts[1], true, BEAMC_VALUE_STRING, out, err));
    BEAMC_TRY(encode_windows(coder->components[1], &parts[2], out, err));
    (void)beamc_byte_buffer_append_byte(out, parts[3].as.boolean);
    if (clear)
        return BEAMC_OK;
    (void)beamc_append_shifted_millis(out, parts[4].as.integer);
    (void)beamc_append_shifted_millis(out, parts[5].as.integer);
    encode_pane(&parts[6], out);
    return BEAMC_OK;
}

/* ---- by URN ---- */

static const coder_kind kinds[] = {
    {"beam:coder:bytes:v1", 0, decode_bytes, encode_bytes},
    {"beam:coder:string_utf8:v1", 0, decode_string, encode_string},
    {"beam:coder:bool:v1", 0, decode_bool, encode_bool},
    {"beam:coder:varint:v1", 0, decode_varint, encode_varint},
    {"beam:coder:double:v1", 0, decode_double, encode_double},
    {"beam:coder:kv:v1", 2, decode_pair, encode_pair},
    {"beam:coder:iterable:v1", 1, decode_iterable, encode_iterable},
    {"beam:coder:state_backed_iterable:v1", 1, decode_iterable, encode_iterable},
    {"beam:coder:length_prefix:v1", 1, decode_length_prefix, encode_length_prefix},
    {"beam:coder:nullable:v1", 1, decode_nullable, encode_nullable},
    {"beam:coder:sharded_key:v1", 1, decode_sharded_key, encode_sharded_key},
    {"beam:coder:row:v1", 0, decode_row, encode_row},
    {"beam:coder:global_window:v1", 0, decode_global_window, encode_global_window},
    {"beam:coder:interval_window:v1", 0, decode_interval_window, encode_interval_window},
    {"beam:coder:custom_window:v1", 1, decode_custom_window, encode_custom_window},
    {"beam:coder:windowed_value:v1", 2, decode_windowed_value, encode_windowed_value},
    {"beam:coder:param_windowed_value:v1", 2, decode_param_windowed_value, encode_param_windowed_value},
    {"beam:coder:timer:v1", 2, decode_timer, encode_timer},
};

static const coder_kind *find_kind(const char *urn) {
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++)
        if (strcmp(kinds[i].urn, urn) == 0)
            return &kinds[i];
    return NULL;
}

static beamc_status resolve(const char *coder_id, beamc_coder_lookup lookup, void *context, unsigned depth,
                            beamc_coder **out, beamc_error *err);

static beamc_status fill(beamc_coder *coder, const Beam__Coder *message, const char *coder_id,
                         beamc_coder_lookup lookup, void *context, unsigned depth, beamc_error *err) {
    if (message->n_component_coder_ids != coder->kind->num_components)
        return beamc_fail(err, BEAMC_INVALID, "coder %s of URN %s has %zu components, %u expected", coder_id,
                          coder->kind->urn, message->n_component_coder_ids, coder->kind->num_components);
    const ProtobufCBinaryData *payload = &message->spec->payload;
    if (coder->kind->decode == decode_row)
        return beamc_schema_parse(payload->data, payload->len, &coder->schema, err);
    if (coder->kind->decode == decode_param_windowed_value) {
        coder->payload = beamc_alloc(payload->len);
        memcpy(coder->payload, payload->data, payload->len);
        coder->payload_len = payload->len;
    }
    for (size_t i = 0; i < coder->kind->num_components; i++) {
        const Beam__Coder *inner = lookup(context, message->component_coder_ids[i]);
        bool opaque = coder->kind->decode == decode_length_prefix && inner != NULL && inner->spec != NULL &&
                      find_kind(inner->spec->urn) == NULL;
        if (!opaque)
            BEAMC_TRY(resolve(message->component_coder_ids[i], lookup, context, depth + 1, &coder->components[i], err));
    }
    return BEAMC_OK;
}

static beamc_status resolve(const char *coder_id, beamc_coder_lookup lookup, void *context, unsigned depth,
                            beamc_coder **out, beamc_error *err) {
    *out = NULL;
    const Beam__Coder *message = lookup(context, coder_id);
    if (depth > MAX_DEPTH)
        return beamc_fail(err, BEAMC_LIMIT, "coder %s is nested deeper than %d", coder_id, MAX_DEPTH);
    if (message == NULL || message->spec == NULL)
        return beamc_fail(err, BEAMC_INVALID, "coder %s is not in the descriptor", coder_id);
    const coder_kind *kind = find_kind(message->spec->urn);
    if (kind == NULL)
        return beamc_fail(err, BEAMC_INVALID, "coder %s has the unknown URN %s", coder_id, message->spec->urn);
    beamc_coder *coder = beamc_alloc_zero(1, sizeof *coder);
    coder->kind = kind;
    beamc_status status = fill(coder, message, coder_id, lookup, context, depth, err);
    if (status != BEAMC_OK) {
        beamc_coder_free(coder);
        return status;
    }
    *out = coder;
    return BEAMC_OK;
}

beamc_status beamc_coder_resolve(const char *coder_id, beamc_coder_lookup lookup, void *context, beamc_coder **out,
                                 beamc_error *err) {
    return resolve(coder_id, lookup, context, 0, out, err);
}

void beamc_coder_free(beamc_coder *coder) {
    if (coder == NULL)
        return;
    for (size_t i = 0; i < MAX_COMPONENTS; i++)
        beamc_coder_free(coder->components[i]);
    beamc_schema_free(coder->schema);
    free(coder->payload);
    free(coder);
}

beamc_status beamc_coder_decode(const beamc_coder *coder, beamc_byte_reader *in, bool nested, beamc_arena *arena,
                                beamc_value *out, beamc_error *err) {
    return coder->kind->decode(coder, in, nested, arena, out, err);
}

beamc_status beamc_coder_encode(const beamc_coder *coder, const beamc_value *value, bool nested, beamc_byte_buffer *out,
                                beamc_error *err) {
    BEAMC_TRY(coder->kind->encode(coder, value, nested, out, err));
    if (out->failed)
        return beamc_fail(err, BEAMC_LIMIT, "the encoded value passes the limit of %zu bytes", out->ceiling);
    return BEAMC_OK;
}
