#include "sdk_harness/coders/varint.h"

#include <inttypes.h>
#include <string.h>

/* Eight groups of seven bits, one in each byte, lowest first, to one number. */
static uint64_t join_groups(uint64_t groups) {
    groups = (groups & UINT64_C(0x007F007F007F007F)) | (groups & UINT64_C(0x7F007F007F007F00)) >> 1;
    groups = (groups & UINT64_C(0x00003FFF00003FFF)) | (groups & UINT64_C(0x3FFF00003FFF0000)) >> 2;
    return (groups & UINT64_C(0x000000000FFFFFFF)) | (groups & UINT64_C(0x0FFFFFFF00000000)) >> 4;
}

/* Varints of at most eight bytes, which is nearly all there are, at once: the first byte without its top bit ends it.
 */
static bool read_short_varint(beamc_byte_reader *in, uint64_t *out) {
    uint64_t bytes = 0;
    if ((size_t)(in->end - in->at) < sizeof bytes)
        return false;
    memcpy(&bytes, in->at, sizeof bytes);
    uint64_t ends = ~bytes & UINT64_C(0x8080808080808080);
    if (ends == 0)
        return false;
    in->at += (unsigned)__builtin_ctzll(ends) / 8 + 1;
    *out = join_groups(bytes & (ends ^ (ends - 1)));
    return true;
}

beamc_status beamc_read_varint_slow(beamc_byte_reader *in, uint64_t *out, beamc_error *err) {
    if (read_short_varint(in, out))
        return BEAMC_OK;
    uint64_t value = 0;
    for (unsigned shift = 0; shift < 70; shift += 7) {
        uint8_t byte = 0;
        BEAMC_TRY(beamc_read_byte(in, &byte, err));
        /* The tenth byte holds the one bit that is left of 64. */
        if (shift == 63 && (byte & 0x7E) != 0)
            break;
        value |= (uint64_t)(byte & 0x7F) << shift;
        if ((byte & 0x80) == 0) {
            *out = value;
            return BEAMC_OK;
        }
    }
    return beamc_fail(err, BEAMC_INVALID, "a varint that ends at byte %" PRIu64 " is longer than 64 bits",
                      beamc_byte_reader_position(in));
}

beamc_status beamc_read_length_slow(beamc_byte_reader *in, const char *what, size_t *out, beamc_error *err) {
    uint64_t value = 0;
    BEAMC_TRY(beamc_read_varint(in, &value, err));
    if (value > INT32_MAX)
        return beamc_fail(err, BEAMC_INVALID, "%s of %" PRIu64 " at byte %" PRIu64 " is past 2^31 - 1", what, value,
                          beamc_byte_reader_position(in));
    *out = (size_t)value;
    return BEAMC_OK;
}

size_t beamc_varint_put(uint8_t *to, uint64_t value) {
    size_t len = 0;
    while (value >= 0x80) {
        to[len++] = (uint8_t)(value | 0x80);
        value >>= 7;
    }
    to[len++] = (uint8_t)value;
    return len;
}

bool beamc_append_varint(beamc_byte_buffer *out, uint64_t value) {
    uint8_t bytes[BEAMC_VARINT_MAX_BYTES];
    return beamc_byte_buffer_append(out, bytes, beamc_varint_put(bytes, value));
}
