/* Coders of windows and of what travels with them: windowed values, timers. */
#include "sdk_harness/coders/coder_internal.h"
#include "sdk_harness/coders/fixed_width.h"
#include "sdk_harness/coders/varint.h"

#include <inttypes.h>

enum {
    PANE_METADATA = 0x80, /* an ElementMetadata message follows the pane */
    PANE_FORM_SHIFT = 4,
    PANE_FORM_MASK = 0x07, /* 0: no index, 1: one varint, 2: two */
    WINDOWED_PARTS = 4,    /* timestamp, windows, pane, element */
    TIMER_PARTS = 7,       /* key, tag, windows, clear, fire, hold, pane */
    CLEARED_TIMER_PARTS = 4
};

static beamc_status decode_millis(beamc_byte_reader *in, beamc_value *out, beamc_error *err) {
    *out = (beamc_value){.kind = BEAMC_VALUE_INTEGER};
    return beamc_read_shifted_millis(in, &out->as.integer, err);
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
    return value->kind == BEAMC_VALUE_NULL ? BEAMC_OK : beamc_wrong_kind(coder, value, err);
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
        return beamc_wrong_kind(coder, value, err);
    (void)beamc_append_shifted_millis(out, value->as.window.end_ms);
    (void)beamc_append_varint(out, value->as.window.span_ms);
    return BEAMC_OK;
}

static beamc_status decode_custom_window(const beamc_coder *coder, beamc_byte_reader *in, bool nested,
                                         beamc_arena *arena, beamc_value *out, beamc_error *err) {
    (void)nested;
    beamc_value *items = NULL;
    BEAMC_TRY(beamc_new_items(in, arena, 2, &items, err));
    items[0] = (beamc_value){.kind = BEAMC_VALUE_WINDOW};
    BEAMC_TRY(beamc_read_shifted_millis(in, &items[0].as.window.end_ms, err));
    BEAMC_TRY(beamc_coder_decode(coder->components[0], in, true, arena, &items[1], err));
    *out = beamc_tuple_value(items, 2);
    return BEAMC_OK;
}

static beamc_status encode_custom_window(const beamc_coder *coder, const beamc_value *value, bool nested,
                                         beamc_byte_buffer *out, beamc_error *err) {
    (void)nested;
    if (!beamc_is_tuple(value, 2) || value->as.items.data[0].kind != BEAMC_VALUE_WINDOW)
        return beamc_wrong_kind(coder, value, err);
    (void)beamc_append_shifted_millis(out, value->as.items.data[0].as.window.end_ms);
    return beamc_coder_encode(coder->components[0], &value->as.items.data[1], true, out, err);
}

/* ---- windowed values and timers ---- */

static beamc_status decode_windows(const beamc_coder *window, beamc_byte_reader *in, beamc_arena *arena,
                                   beamc_value *out, beamc_error *err) {
    uint32_t count = 0;
    beamc_value_list list = {0};
    BEAMC_TRY(beamc_read_be32(in, &count, err));
    if (count > INT32_MAX)
        return beamc_fail(err, BEAMC_INVALID, "a window count of %" PRId32 " before byte %" PRIu64, (int32_t)count,
                          beamc_byte_reader_position(in));
    BEAMC_TRY(beamc_decode_items(window, count, in, arena, &list, err));
    *out = beamc_list_value(&list);
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
    BEAMC_TRY(beamc_new_items(in, arena, 3, &parts, err));
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
    *out = beamc_tuple_value(parts, 1 + form);
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
    BEAMC_TRY(beamc_new_items(in, arena, WINDOWED_PARTS, &parts, err));
    BEAMC_TRY(decode_millis(in, &parts[0], err));
    BEAMC_TRY(decode_windows(coder->components[1], in, arena, &parts[1], err));
    BEAMC_TRY(decode_pane(in, arena, &parts[2], err));
    BEAMC_TRY(beamc_coder_decode(coder->components[0], in, nested, arena, &parts[3], err));
    *out = beamc_tuple_value(parts, WINDOWED_PARTS);
    return BEAMC_OK;
}

static bool is_windowed_value(const beamc_value *value) {
    const beamc_value *parts = value->as.items.data;
    return beamc_is_tuple(value, WINDOWED_PARTS) && parts[0].kind == BEAMC_VALUE_INTEGER &&
           parts[1].kind == BEAMC_VALUE_ARRAY && is_pane(&parts[2]);
}

static beamc_status encode_windowed_value(const beamc_coder *coder, const beamc_value *value, bool nested,
                                          beamc_byte_buffer *out, beamc_error *err) {
    if (!is_windowed_value(value))
        return beamc_wrong_kind(coder, value, err);
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
    BEAMC_TRY(beamc_new_items(in, arena, WINDOWED_PARTS, &parts, err));
    beamc_status status = decode_millis(&constant, &parts[0], err);
    if (status == BEAMC_OK)
        status = decode_windows(coder->components[1], &constant, arena, &parts[1], err);
    if (status == BEAMC_OK)
        status = decode_pane(&constant, arena, &parts[2], err);
    if (status != BEAMC_OK)
        return beamc_fail_within(err, status, "the payload of a param_windowed_value coder");
    BEAMC_TRY(beamc_coder_decode(coder->components[0], in, nested, arena, &parts[3], err));
    *out = beamc_tuple_value(parts, WINDOWED_PARTS);
    return BEAMC_OK;
}

static beamc_status encode_param_windowed_value(const beamc_coder *coder, const beamc_value *value, bool nested,
                                                beamc_byte_buffer *out, beamc_error *err) {
    if (!is_windowed_value(value))
        return beamc_wrong_kind(coder, value, err);
    return beamc_coder_encode(coder->components[0], &value->as.items.data[3], nested, out, err);
}

static beamc_status decode_timer(const beamc_coder *coder, beamc_byte_reader *in, bool nested, beamc_arena *arena,
                                 beamc_value *out, beamc_error *err) {
    (void)nested;
    beamc_value *parts = NULL;
    BEAMC_TRY(beamc_new_items(in, arena, TIMER_PARTS, &parts, err));
    BEAMC_TRY(beamc_coder_decode(coder->components[0], in, true, arena, &parts[0], err));
    BEAMC_TRY(beamc_decode_text(in, true, arena, BEAMC_VALUE_STRING, &parts[1], err));
    BEAMC_TRY(decode_windows(coder->components[1], in, arena, &parts[2], err));
    uint8_t clear = 0;
    BEAMC_TRY(beamc_read_byte(in, &clear, err));
    if (clear > 1)
        return beamc_fail(err, BEAMC_INVALID, "a timer's clear mark of %u before byte %" PRIu64 " is neither 0 nor 1",
                          clear, beamc_byte_reader_position(in));
    parts[3] = (beamc_value){.kind = BEAMC_VALUE_BOOLEAN, .as.boolean = clear == 1};
    if (parts[3].as.boolean) {
        *out = beamc_tuple_value(parts, CLEARED_TIMER_PARTS);
        return BEAMC_OK;
    }
    BEAMC_TRY(decode_millis(in, &parts[4], err));
    BEAMC_TRY(decode_millis(in, &parts[5], err));
    BEAMC_TRY(decode_pane(in, arena, &parts[6], err));
    *out = beamc_tuple_value(parts, TIMER_PARTS);
    return BEAMC_OK;
}

static beamc_status encode_timer(const beamc_coder *coder, const beamc_value *value, bool nested,
                                 beamc_byte_buffer *out, beamc_error *err) {
    (void)nested;
    bool clear = beamc_is_tuple(value, CLEARED_TIMER_PARTS);
    if (!clear && !beamc_is_tuple(value, TIMER_PARTS))
        return beamc_wrong_kind(coder, value, err);
    const beamc_value *parts = value->as.items.data;
    bool fits = parts[2].kind == BEAMC_VALUE_ARRAY && parts[3].kind == BEAMC_VALUE_BOOLEAN;
    if (!clear)
        fits =
            fits && parts[4].kind == BEAMC_VALUE_INTEGER && parts[5].kind == BEAMC_VALUE_INTEGER && is_pane(&parts[6]);
    if (!fits)
        return beamc_wrong_kind(coder, value, err);
    BEAMC_TRY(beamc_coder_encode(coder->components[0], &parts[0], true, out, err));
    BEAMC_TRY(beamc_encode_text(coder, &parts[1], true, BEAMC_VALUE_STRING, out, err));
    BEAMC_TRY(encode_windows(coder->components[1], &parts[2], out, err));
    (void)beamc_byte_buffer_append_byte(out, parts[3].as.boolean);
    if (clear)
        return BEAMC_OK;
    (void)beamc_append_shifted_millis(out, parts[4].as.integer);
    (void)beamc_append_shifted_millis(out, parts[5].as.integer);
    encode_pane(&parts[6], out);
    return BEAMC_OK;
}

const beamc_coder_kind beamc_window_coder_kinds[] = {
    {"beam:coder:global_window:v1", 0, PAYLOAD_IGNORED, false, decode_global_window, encode_global_window},
    {"beam:coder:interval_window:v1", 0, PAYLOAD_IGNORED, false, decode_interval_window, encode_interval_window},
    {"beam:coder:custom_window:v1", 1, PAYLOAD_IGNORED, false, decode_custom_window, encode_custom_window},
    {"beam:coder:windowed_value:v1", 2, PAYLOAD_IGNORED, false, decode_windowed_value, encode_windowed_value},
    {"beam:coder:param_windowed_value:v1", 2, PAYLOAD_VALUE, false, decode_param_windowed_value,
     encode_param_windowed_value},
    {"beam:coder:timer:v1", 2, PAYLOAD_IGNORED, false, decode_timer, encode_timer},
    {.urn = NULL},
};
