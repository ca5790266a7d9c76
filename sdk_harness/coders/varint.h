/* beam:coder:varint:v1 and every length and count in Beam's encodings: little-endian groups of seven bits of
 * the 64-bit two's complement, no zig-zag; -1 takes ten bytes. Source: beam_runner_api.proto, StandardCoders. */
#ifndef SDK_HARNESS_CODERS_VARINT_H
#define SDK_HARNESS_CODERS_VARINT_H

#include "sdk_harness/base/byte_buffer.h"
#include "sdk_harness/base/byte_reader.h"
#include "sdk_harness/base/status.h"

enum { BEAMC_VARINT_MAX_BYTES = 10 };

beamc_status beamc_read_varint_slow(beamc_byte_reader *in, uint64_t *out, beamc_error *err);

/* beamc_read_varint: BEAMC_INVALID when the input ends or the value needs more than 64 bits. */
static inline beamc_status beamc_read_varint(beamc_byte_reader *in, uint64_t *out, beamc_error *err) {
    if (in->at < in->end && *in->at < 0x80) {
        *out = *in->at++;
        return BEAMC_OK;
    }
    return beamc_read_varint_slow(in, out, err);
}

/* beamc_read_length reads a varint that counts bytes or items: refused past 2^31 - 1, Beam's own limit. */
beamc_status beamc_read_length_slow(beamc_byte_reader *in, const char *what, size_t *out, beamc_error *err);
static inline beamc_status beamc_read_length(beamc_byte_reader *in, const char *what, size_t *out, beamc_error *err) {
    if (in->at < in->end && *in->at < 0x80) {
        *out = *in->at++;
        return BEAMC_OK;
    }
    return beamc_read_length_slow(in, what, out, err);
}

/* beamc_varint_put writes at most BEAMC_VARINT_MAX_BYTES to `to` and returns how many. */
size_t beamc_varint_put(uint8_t *to, uint64_t value);

bool beamc_append_varint(beamc_byte_buffer *out, uint64_t value);

#endif
