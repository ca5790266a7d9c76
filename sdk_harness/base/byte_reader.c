#include "sdk_harness/base/byte_reader.h"

#include <inttypes.h>
#include <string.h>

void beamc_byte_reader_init(beamc_byte_reader *in, const void *data, size_t len, beamc_arena *arena) {
    static const uint8_t nothing = 0;
    const uint8_t *start = len == 0 ? &nothing : data;
    *in = (beamc_byte_reader){.at = start, .end = start + len, .start = start, .arena = arena};
}

void beamc_byte_reader_init_slices(beamc_byte_reader *in, beamc_next_slice next_slice, void *slices,
                                   beamc_arena *arena) {
    beamc_byte_reader_init(in, NULL, 0, arena);
    in->next_slice = next_slice;
    in->slices = slices;
}

bool beamc_byte_reader_next_slice(beamc_byte_reader *in) {
    while (in->next_slice != NULL) {
        const uint8_t *data = NULL;
        size_t len = 0;
        if (!in->next_slice(in->slices, &data, &len))
            return false;
        if (len == 0)
            continue;
        in->before += (uint64_t)(in->end - in->start);
        in->start = in->at = data;
        in->end = data + len;
        return true;
    }
    return false;
}

static beamc_status cut_short(const beamc_byte_reader *in, size_t len, beamc_error *err) {
    return beamc_fail(err, BEAMC_INVALID, "the input ends at byte %" PRIu64 ", %zu more expected",
                      beamc_byte_reader_position(in), len);
}

beamc_status beamc_read_bytes_slow(beamc_byte_reader *in, size_t len, const uint8_t **out, beamc_error *err) {
    size_t have = (size_t)(in->end - in->at);
    if (have == 0 && len > 0 && beamc_byte_reader_next_slice(in) && len <= (size_t)(in->end - in->at)) {
        *out = in->at;
        in->at += len;
        return BEAMC_OK;
    }
    if (in->next_slice == NULL || in->arena == NULL)
        return cut_short(in, len - (size_t)(in->end - in->at), err);
    uint8_t *copy = beamc_arena_take(in->arena, len);
    if (copy == NULL)
        return beamc_fail(err, BEAMC_LIMIT, "a value of %zu bytes at byte %" PRIu64 " passes the limit for one element",
                          len, beamc_byte_reader_position(in));
    size_t copied = 0;
    while (copied < len) {
        size_t part = (size_t)(in->end - in->at);
        if (part == 0) {
            if (!beamc_byte_reader_next_slice(in))
                return cut_short(in, len - copied, err);
            continue;
        }
        if (part > len - copied)
            part = len - copied;
        memcpy(copy + copied, in->at, part);
        in->at += part;
        copied += part;
    }
    *out = copy;
    return BEAMC_OK;
}

beamc_status beamc_skip_bytes(beamc_byte_reader *in, uint64_t len, beamc_error *err) {
    while (len > 0) {
        size_t part = (size_t)(in->end - in->at);
        if (part == 0) {
            if (!beamc_byte_reader_next_slice(in))
                return cut_short(in, (size_t)len, err);
            continue;
        }
        if (part > len)
            part = (size_t)len;
        in->at += part;
        len -= part;
    }
    return BEAMC_OK;
}

beamc_status beamc_read_byte_slow(beamc_byte_reader *in, uint8_t *out, beamc_error *err) {
    if (beamc_byte_reader_at_end(in))
        return cut_short(in, 1, err);
    *out = *in->at++;
    return BEAMC_OK;
}

/* Fixed widths are gathered byte by byte when they cross slices: nothing is taken from the arena for them. */
static beamc_status read_big_endian(beamc_byte_reader *in, size_t width, uint64_t *out, beamc_error *err) {
    uint64_t value = 0;
    for (size_t i = 0; i < width; i++) {
        uint8_t byte = 0;
        if (beamc_read_byte(in, &byte, NULL) != BEAMC_OK)
            return cut_short(in, width - i, err);
        value = value << 8 | byte;
    }
    *out = value;
    return BEAMC_OK;
}

beamc_status beamc_read_be16(beamc_byte_reader *in, uint16_t *out, beamc_error *err) {
    uint64_t value = 0;
    BEAMC_TRY(read_big_endian(in, 2, &value, err));
    *out = (uint16_t)value;
    return BEAMC_OK;
}

beamc_status beamc_read_be32(beamc_byte_reader *in, uint32_t *out, beamc_error *err) {
    uint64_t value = 0;
    BEAMC_TRY(read_big_endian(in, 4, &value, err));
    *out = (uint32_t)value;
    return BEAMC_OK;
}

beamc_status beamc_read_be64_slow(beamc_byte_reader *in, uint64_t *out, beamc_error *err) {
    return read_big_endian(in, sizeof *out, out, err);
}
