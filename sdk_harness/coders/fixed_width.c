#include "sdk_harness/coders/fixed_width.h"

#include <string.h>

bool beamc_append_be16(beamc_byte_buffer *out, uint16_t value) {
    uint16_t raw = __builtin_bswap16(value);
    return beamc_byte_buffer_append(out, &raw, sizeof raw);
}

bool beamc_append_be32(beamc_byte_buffer *out, uint32_t value) {
    uint32_t raw = __builtin_bswap32(value);
    return beamc_byte_buffer_append(out, &raw, sizeof raw);
}

bool beamc_append_be64(beamc_byte_buffer *out, uint64_t value) {
    uint64_t raw = __builtin_bswap64(value);
    return beamc_byte_buffer_append(out, &raw, sizeof raw);
}

bool beamc_append_double(beamc_byte_buffer *out, double value) {
    uint64_t bits;
    memcpy(&bits, &value, sizeof bits);
    return beamc_append_be64(out, bits);
}

bool beamc_append_float(beamc_byte_buffer *out, float value) {
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    return beamc_append_be32(out, bits);
}

bool beamc_append_shifted_millis(beamc_byte_buffer *out, int64_t millis) {
    return beamc_append_be64(out, (uint64_t)millis ^ (UINT64_C(1) << 63));
}

beamc_status beamc_read_float(beamc_byte_reader *in, float *out, beamc_error *err) {
    uint32_t bits = 0;
    BEAMC_TRY(beamc_read_be32(in, &bits, err));
    memcpy(out, &bits, sizeof *out);
    return BEAMC_OK;
}
