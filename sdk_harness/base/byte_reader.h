/* A checked cursor over borrowed bytes, which may lie in several slices.
 *
 * gRPC hands a message over in slices of tens of KiB, and rows cross them. Reads inside a slice borrow; a
 * read that crosses slices is copied into the arena. What was borrowed stays valid as long as the owner of
 * the slices keeps them and the arena is not reset. Every failure names the byte where it happened.
 * Not thread-safe. */
#ifndef SDK_HARNESS_BASE_BYTE_READER_H
#define SDK_HARNESS_BASE_BYTE_READER_H

#include "sdk_harness/base/arena.h"
#include "sdk_harness/base/status.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* Hands out the next slice; false at the end. May return slices of length zero. */
typedef bool (*beamc_next_slice)(void *slices, const uint8_t **data, size_t *len);

typedef struct {
    const uint8_t *at;
    const uint8_t *end;
    const uint8_t *start; /* of the current slice */
    uint64_t before;      /* bytes in the slices before the current one */
    beamc_next_slice next_slice;
    void *slices;
    beamc_arena *arena;
} beamc_byte_reader;

/* beamc_byte_reader_init reads one contiguous range. `arena` may be NULL: then nothing is ever copied. */
void beamc_byte_reader_init(beamc_byte_reader *in, const void *data, size_t len, beamc_arena *arena);

/* beamc_byte_reader_init_slices reads slice after slice from `next_slice`; `arena` is required. */
void beamc_byte_reader_init_slices(beamc_byte_reader *in, beamc_next_slice next_slice, void *slices,
                                   beamc_arena *arena);

/* beamc_byte_reader_position: bytes read so far. */
static inline uint64_t beamc_byte_reader_position(const beamc_byte_reader *in) {
    return in->before + (uint64_t)(in->at - in->start);
}

/* beamc_byte_reader_next_slice moves to the next slice that has bytes; false at the end of the input. */
bool beamc_byte_reader_next_slice(beamc_byte_reader *in);

/* beamc_byte_reader_at_end: true when no byte is left. May move to the next slice. */
static inline bool beamc_byte_reader_at_end(beamc_byte_reader *in) {
    return in->at == in->end && !beamc_byte_reader_next_slice(in);
}

/* beamc_read_bytes returns `len` bytes in `out`, borrowed from the slice or from the arena. */
beamc_status beamc_read_bytes_slow(beamc_byte_reader *in, size_t len, const uint8_t **out, beamc_error *err);
static inline beamc_status beamc_read_bytes(beamc_byte_reader *in, size_t len, const uint8_t **out, beamc_error *err) {
    if (len <= (size_t)(in->end - in->at)) {
        *out = in->at;
        in->at += len;
        return BEAMC_OK;
    }
    return beamc_read_bytes_slow(in, len, out, err);
}

/* beamc_skip_bytes passes over `len` bytes without copying them. */
beamc_status beamc_skip_bytes(beamc_byte_reader *in, uint64_t len, beamc_error *err);

beamc_status beamc_read_byte_slow(beamc_byte_reader *in, uint8_t *out, beamc_error *err);
static inline beamc_status beamc_read_byte(beamc_byte_reader *in, uint8_t *out, beamc_error *err) {
    if (in->at < in->end) {
        *out = *in->at++;
        return BEAMC_OK;
    }
    return beamc_read_byte_slow(in, out, err);
}

/* Big-endian integers of fixed width. */
beamc_status beamc_read_be16(beamc_byte_reader *in, uint16_t *out, beamc_error *err);
beamc_status beamc_read_be32(beamc_byte_reader *in, uint32_t *out, beamc_error *err);
beamc_status beamc_read_be64_slow(beamc_byte_reader *in, uint64_t *out, beamc_error *err);
static inline beamc_status beamc_read_be64(beamc_byte_reader *in, uint64_t *out, beamc_error *err) {
    if ((size_t)(in->end - in->at) < sizeof *out)
        return beamc_read_be64_slow(in, out, err);
    uint64_t raw = 0;
    memcpy(&raw, in->at, sizeof raw);
    in->at += sizeof raw;
    *out = __builtin_bswap64(raw);
    return BEAMC_OK;
}

#endif
