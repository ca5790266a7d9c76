#include "sdk_harness/coders/windowed_value.h"

#include "sdk_harness/coders/fixed_width.h"
#include "sdk_harness/coders/row_coder.h"
#include "sdk_harness/coders/varint.h"

#include <inttypes.h>
#include <string.h>

enum {
    MAX_INTERVAL_BYTES = 8 + BEAMC_VARINT_MAX_BYTES,
    MAX_PANE_BYTES = 1 + 2 * BEAMC_VARINT_MAX_BYTES,
    PANE_METADATA = 0x80, /* an ElementMetadata message follows the pane */
    PANE_FORM_SHIFT = 4,
    PANE_FORM_MASK = 0x07 /* 0: no index, 1: one varint, 2: two */
};

/* Copies what is read into the arena, for windows that cross slices. */
typedef struct {
    beamc_byte_reader *in;
    beamc_arena *arena;
    uint8_t *data;
    size_t len;
    size_t capacity;
} copier;

static uint8_t *copier_room(copier *copy, size_t more, beamc_error *err) {
    if (more > copy->capacity - copy->len) {
        size_t capacity = copy->capacity == 0 ? 64 : copy->capacity * 2;
        if (capacity < copy->len + more)
            capacity = copy->len + more;
        uint8_t *grown = beamc_arena_take(copy->arena, capacity);
        if (grown == NULL) {
            (void)beamc_fail(err, BEAMC_LIMIT, "the windows at byte %" PRIu64 " pass the limit for one element",
                             beamc_byte_reader_position(copy->in));
            return NULL;
        }
        if (copy->len > 0)
            memcpy(grown, copy->data, copy->len);
        copy->data = grown;
        copy->capacity = capacity;
    }
    return copy->data + copy->len;
}

static beamc_status copy_byte(copier *copy, uint8_t *out, beamc_error *err) {
    BEAMC_TRY(beamc_read_byte(copy->in, out, err));
    uint8_t *to = copier_room(copy, 1, err);
    if (to == NULL)
        return BEAMC_LIMIT;
    *to = *out;
    copy->len++;
    return BEAMC_OK;
}

static beamc_status copy_bytes(copier *copy, uint64_t num_bytes, beamc_error *err) {
    uint8_t byte = 0;
    for (uint64_t i = 0; i < num_bytes; i++)
        BEAMC_TRY(copy_byte(copy, &byte, err));
    return BEAMC_OK;
}

static beamc_status copy_varint(copier *copy, uint64_t *out, beamc_error *err) {
    uint64_t value = 0;
    for (unsigned i = 0; i < BEAMC_VARINT_MAX_BYTES; i++) {
        uint8_t byte = 0;
        BEAMC_TRY(copy_byte(copy, &byte, err));
        value |= (uint64_t)(byte & 0x7F) << (7 * i);
        if ((byte & 0x80) == 0) {
            *out = value;
            return BEAMC_OK;
        }
    }
    return beamc_fail(err, BEAMC_INVALID, "a varint that ends at byte %" PRIu64 " is longer than 64 bits",
                      beamc_byte_reader_position(copy->in));
}

/* Copies the bytes of a value of any coder: the value is decoded, which only tells how long it is, out of slices that
 * are copied as they are left behind. */
typedef struct {
    copier *copy;
    bool failed; /* no room; `err` says so */
    beamc_error *err;
} copied_slices;

static bool keep_slice(copier *copy, const uint8_t *upto, beamc_error *err) {
    size_t len = (size_t)(upto - copy->in->at);
    uint8_t *to = copier_room(copy, len, err);
    if (to == NULL)
        return false;
    memcpy(to, copy->in->at, len);
    copy->len += len;
    copy->in->at = upto;
    return true;
}

static bool next_copied_slice(void *context, const uint8_t **data, size_t *len) {
    copied_slices *slices = context;
    beamc_byte_reader *in = slices->copy->in;
    if (!slices->failed && !keep_slice(slices->copy, in->end, slices->err))
        slices->failed = true;
    if (slices->failed || !beamc_byte_reader_next_slice(in))
        return false;
    *data = in->at;
    *len = (size_t)(in->end - in->at);
    return true;
}

static beamc_status copy_value(copier *copy, const beamc_coder *coder, beamc_error *err) {
    copied_slices slices = {.copy = copy, .err = err};
    beamc_byte_reader in = *copy->in;
    in.next_slice = next_copied_slice;
    in.slices = &slices;
    beamc_value ignored;
    beamc_error inner = {{0}};
    beamc_status status = beamc_coder_decode(coder, &in, true, copy->arena, &ignored, &inner);
    if (slices.failed)
        return BEAMC_LIMIT;
    if (status != BEAMC_OK)
        return beamc_fail(err, status, "%s", inner.text);
    return keep_slice(copy, in.at, err) ? BEAMC_OK : BEAMC_LIMIT;
}

static beamc_status copy_window(copier *copy, const beamc_windowed_value_coder *coder, beamc_error *err) {
    uint64_t value = 0;
    BEAMC_TRY(copy_bytes(copy, 8, err));
    if (coder->window == BEAMC_WINDOW_CUSTOM && coder->custom_inner != NULL)
        return copy_value(copy, coder->custom_inner, err);
    BEAMC_TRY(copy_varint(copy, &value, err));
    return coder->window == BEAMC_WINDOW_CUSTOM ? copy_bytes(copy, value, err) : BEAMC_OK;
}

static beamc_status bad_count(const beamc_byte_reader *in, uint32_t count, beamc_error *err) {
    return beamc_fail(err, BEAMC_INVALID, "a window count of %" PRId32 " before byte %" PRIu64, (int32_t)count,
                      beamc_byte_reader_position(in));
}

static beamc_status copy_windows_and_pane(const beamc_windowed_value_coder *coder, beamc_byte_reader *in,
                                          beamc_arena *arena, beamc_element *out, beamc_error *err) {
    copier copy = {.in = in, .arena = arena};
    BEAMC_TRY(copy_bytes(&copy, 4, err));
    uint32_t count = (uint32_t)copy.data[0] << 24 | (uint32_t)copy.data[1] << 16 | (uint32_t)copy.data[2] << 8 |
                     (uint32_t)copy.data[3];
    if (count > INT32_MAX)
        return bad_count(in, count, err);
    if (coder->window != BEAMC_WINDOW_GLOBAL)
        for (uint32_t i = 0; i < count; i++)
            BEAMC_TRY(copy_window(&copy, coder, err));
    uint8_t pane = 0;
    size_t pane_at = copy.len;
    BEAMC_TRY(copy_byte(&copy, &pane, err));
    unsigned form = pane >> PANE_FORM_SHIFT & PANE_FORM_MASK;
    if (form > 2)
        return beamc_fail(err, BEAMC_INVALID, "a pane of unknown form %u before byte %" PRIu64, form,
                          beamc_byte_reader_position(in));
    uint64_t index = 0;
    for (unsigned i = 0; i < form; i++)
        BEAMC_TRY(copy_varint(&copy, &index, err));
    if ((pane & PANE_METADATA) != 0) {
        size_t len = 0;
        BEAMC_TRY(beamc_read_length(in, "element metadata", &len, err));
        BEAMC_TRY(beamc_skip_bytes(in, len, err));
        copy.data[pane_at] = pane & (uint8_t)~PANE_METADATA; /* it is not handed on */
    }
    out->windows = copy.data;
    out->windows_len = copy.len;
    out->num_windows = count;
    out->pane = pane;
    return BEAMC_OK;
}

/* The usual case: windows and pane lie within the slice, and are borrowed as they stand. */
static bool borrow_windows_and_pane(const beamc_windowed_value_coder *coder, beamc_byte_reader *in,
                                    beamc_element *out) {
    const uint8_t *at = in->at;
    size_t have = (size_t)(in->end - in->at);
    if (coder->window == BEAMC_WINDOW_CUSTOM || have < 4 + MAX_PANE_BYTES)
        return false;
    uint32_t raw = 0;
    memcpy(&raw, at, 4);
    uint32_t count = __builtin_bswap32(raw);
    at += 4;
    if (count > INT32_MAX)
        return false;
    if (coder->window == BEAMC_WINDOW_INTERVAL) {
        if (have < 4 + MAX_PANE_BYTES + (uint64_t)count * MAX_INTERVAL_BYTES)
            return false;
        for (uint32_t i = 0; i < count; i++) {
            at += 8;
            unsigned varint_len = 1;
            while ((*at++ & 0x80) != 0)
                if (++varint_len > BEAMC_VARINT_MAX_BYTES)
                    return false;
        }
    }
    uint8_t pane = *at++;
    unsigned form = pane >> PANE_FORM_SHIFT & PANE_FORM_MASK;
    if (form > 2 || (pane & PANE_METADATA) != 0)
        return false;
    for (unsigned i = 0; i < form; i++) {
        unsigned varint_len = 1;
        while ((*at++ & 0x80) != 0)
            if (++varint_len > BEAMC_VARINT_MAX_BYTES)
                return false;
    }
    out->windows = in->at;
    out->windows_len = (size_t)(at - in->at);
    out->num_windows = count;
    out->pane = pane;
    in->at = at;
    return true;
}

beamc_status beamc_windowed_value_decode(const beamc_windowed_value_coder *coder, beamc_byte_reader *in,
                                         beamc_arena *arena, beamc_value *fields, beamc_element *out,
                                         beamc_error *err) {
    BEAMC_TRY(beamc_read_shifted_millis(in, &out->timestamp_ms, err));
    if (!borrow_windows_and_pane(coder, in, out))
        BEAMC_TRY(copy_windows_and_pane(coder, in, arena, out, err));
    out->fields = fields;
    if (!coder->length_prefixed) {
        uint64_t start = beamc_byte_reader_position(in);
        if (coder->not_a_row == NULL)
            BEAMC_TRY(beamc_row_decode(coder->schema, in, arena, fields, err));
        else
            BEAMC_TRY(beamc_coder_decode(coder->not_a_row, in, true, arena, fields, err));
        out->encoded_len = (size_t)(beamc_byte_reader_position(in) - start);
        return BEAMC_OK;
    }
    size_t len = 0;
    const uint8_t *row = NULL;
    BEAMC_TRY(beamc_read_length(in, "an element's length", &len, err));
    uint64_t start = beamc_byte_reader_position(in);
    BEAMC_TRY(beamc_read_bytes(in, len, &row, err));
    beamc_byte_reader row_in;
    beamc_byte_reader_init(&row_in, row, len, arena);
    row_in.before = start; /* so that errors count bytes of the whole input */
    out->encoded_len = len;
    return beamc_row_decode_all(coder->schema, &row_in, arena, fields, err);
}

beamc_status beamc_windowed_value_encode(const beamc_windowed_value_coder *coder, const beamc_value *fields,
                                         int64_t timestamp_ms, const beamc_element *like, beamc_byte_buffer *scratch,
                                         beamc_byte_buffer *out, beamc_error *err) {
    size_t len_before = out->len;
    (void)beamc_append_shifted_millis(out, timestamp_ms);
    (void)beamc_byte_buffer_append(out, like->windows, like->windows_len);
    beamc_status status = BEAMC_OK;
    if (coder->not_a_row != NULL) {
        status = beamc_coder_encode(coder->not_a_row, fields, true, out, err);
    } else if (coder->length_prefixed) {
        beamc_byte_buffer_clear(scratch);
        status = beamc_row_encode(coder->schema, fields, scratch, err);
        if (status == BEAMC_OK) {
            (void)beamc_append_varint(out, scratch->len);
            (void)beamc_byte_buffer_append(out, scratch->data, scratch->len);
        }
    } else {
        status = beamc_row_encode(coder->schema, fields, out, err);
    }
    if (status == BEAMC_OK && out->failed)
        status = beamc_fail(err, BEAMC_LIMIT, "an output element passes the limit of %zu bytes", out->ceiling);
    if (status != BEAMC_OK)
        out->len = len_before;
    return status;
}
