#include "tests/fakes/element_bytes.h"

#include "tests/fakes/wire_message.h"

#include <stdio.h>
#include <string.h>

enum { WINDOW_MS = 60 * 1000, PANE_NO_FIRING = 0x0F };

static void append_big_endian(beamc_byte_buffer *out, uint64_t value, unsigned num_bytes) {
    for (unsigned i = num_bytes; i-- > 0;)
        (void)beamc_byte_buffer_append_byte(out, (uint8_t)(value >> (8 * i)));
}

static void append_millis(beamc_byte_buffer *out, int64_t millis) {
    append_big_endian(out, (uint64_t)millis ^ UINT64_C(0x8000000000000000), 8);
}

static void append_interval(beamc_byte_buffer *out, unsigned index) {
    append_millis(out, (int64_t)WINDOW_MS * (index + 1));
    wire_varint(out, WINDOW_MS);
}

static void append_window(beamc_byte_buffer *out, element_window window, unsigned index) {
    if (window == ELEMENT_INTERVAL_WINDOW) {
        append_interval(out, index);
    } else if (window == ELEMENT_CUSTOM_WINDOW) {
        beamc_byte_buffer inner;
        wire_init(&inner);
        append_interval(&inner, index);
        append_millis(out, (int64_t)WINDOW_MS * (index + 1) - 1);
        wire_varint(out, inner.len);
        (void)beamc_byte_buffer_append(out, inner.data, inner.len);
        beamc_byte_buffer_cleanup(&inner);
    }
}

static size_t varint_len(uint64_t value) {
    size_t len = 1;
    while ((value >>= 7) != 0)
        len++;
    return len;
}

void element_bytes_append(beamc_byte_buffer *out, const element_shape *shape, int64_t id, const char *name,
                          size_t name_len) {
    append_millis(out, shape->timestamp_ms);
    unsigned num_windows = shape->num_windows == 0 ? 1 : shape->num_windows;
    append_big_endian(out, num_windows, 4);
    for (unsigned i = 0; i < num_windows; i++)
        append_window(out, shape->window, i);
    (void)beamc_byte_buffer_append_byte(out, shape->pane == 0 ? PANE_NO_FIRING : shape->pane);
    (void)beamc_byte_buffer_append(out, shape->more, shape->more_len);
    if (shape->length_prefixed)
        wire_varint(out, 2 + varint_len((uint64_t)id) + varint_len(name_len) + name_len);
    wire_varint(out, 2); /* fields */
    wire_varint(out, 0); /* bytes of the null bitmap */
    wire_varint(out, (uint64_t)id);
    wire_varint(out, name_len);
    (void)beamc_byte_buffer_append(out, name, name_len);
}

void element_bytes_append_rows(beamc_byte_buffer *out, const element_shape *shape, int64_t first_id, size_t count) {
    for (size_t i = 0; i < count; i++) {
        char name[32];
        int len = snprintf(name, sizeof name, "row %lld", (long long)first_id + (long long)i);
        element_bytes_append(out, shape, first_id + (int64_t)i, name, (size_t)len);
    }
}

/* ---- and back ---- */

static bool read_big_endian(const uint8_t **at, const uint8_t *end, unsigned num_bytes, uint64_t *out) {
    *out = 0;
    if (end - *at < (ptrdiff_t)num_bytes)
        return false;
    for (unsigned i = 0; i < num_bytes; i++)
        *out = *out << 8 | *(*at)++;
    return true;
}

static bool read_varint(const uint8_t **at, const uint8_t *end, uint64_t *out) {
    *out = 0;
    for (unsigned shift = 0; shift < 64 && *at < end; shift += 7) {
        uint8_t byte = *(*at)++;
        *out |= (uint64_t)(byte & 0x7F) << shift;
        if ((byte & 0x80) == 0)
            return true;
    }
    return false;
}

static bool skip(const uint8_t **at, const uint8_t *end, uint64_t len) {
    if ((uint64_t)(end - *at) < len)
        return false;
    *at += len;
    return true;
}

static bool skip_window(const uint8_t **at, const uint8_t *end, element_window window) {
    uint64_t value = 0;
    if (window == ELEMENT_GLOBAL_WINDOW)
        return true;
    return skip(at, end, 8) && read_varint(at, end, &value) &&
           (window == ELEMENT_INTERVAL_WINDOW || skip(at, end, value));
}

bool element_bytes_read(const uint8_t **at, const uint8_t *end, const element_shape *shape, element_row *out) {
    uint64_t value = 0;
    *out = (element_row){0};
    if (!read_big_endian(at, end, 8, &value))
        return false;
    out->timestamp_ms = (int64_t)(value ^ UINT64_C(0x8000000000000000));
    if (!read_big_endian(at, end, 4, &value))
        return false;
    out->num_windows = (unsigned)value;
    for (unsigned i = 0; i < out->num_windows; i++)
        if (!skip_window(at, end, shape->window))
            return false;
    if (!read_big_endian(at, end, 1, &value))
        return false;
    out->pane = (uint8_t)value;
    uint64_t row_len = 0;
    if (shape->length_prefixed && !read_varint(at, end, &row_len))
        return false;
    const uint8_t *row = *at;
    uint64_t num_fields = 0;
    uint64_t bitmap_len = 0;
    if (!read_varint(at, end, &num_fields) || num_fields != 2 || !read_varint(at, end, &bitmap_len) ||
        bitmap_len != 0 || !read_varint(at, end, &value))
        return false;
    out->id = (int64_t)value;
    uint64_t name_len = 0;
    if (!read_varint(at, end, &name_len))
        return false;
    const uint8_t *name = *at;
    if (!skip(at, end, name_len))
        return false;
    out->name_len = (size_t)name_len;
    size_t kept = out->name_len < sizeof out->name - 1 ? out->name_len : sizeof out->name - 1;
    memcpy(out->name, name, kept);
    return !shape->length_prefixed || (uint64_t)(*at - row) == row_len;
}
