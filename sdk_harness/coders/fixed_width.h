/* Appends of big-endian integers and floats, and the shifted form that Beam uses for times: signed
 * milliseconds with the sign bit flipped, so that bytes sort in time order. */
#ifndef SDK_HARNESS_CODERS_FIXED_WIDTH_H
#define SDK_HARNESS_CODERS_FIXED_WIDTH_H

#include "sdk_harness/base/byte_buffer.h"
#include "sdk_harness/base/byte_reader.h"
#include "sdk_harness/base/status.h"

#include <string.h>

bool beamc_append_be16(beamc_byte_buffer *out, uint16_t value);
bool beamc_append_be32(beamc_byte_buffer *out, uint32_t value);
bool beamc_append_be64(beamc_byte_buffer *out, uint64_t value);
bool beamc_append_double(beamc_byte_buffer *out, double value);
bool beamc_append_float(beamc_byte_buffer *out, float value);
bool beamc_append_shifted_millis(beamc_byte_buffer *out, int64_t millis);

beamc_status beamc_read_float(beamc_byte_reader *in, float *out, beamc_error *err);

static inline beamc_status beamc_read_double(beamc_byte_reader *in, double *out, beamc_error *err) {
    uint64_t bits = 0;
    BEAMC_TRY(beamc_read_be64(in, &bits, err));
    memcpy(out, &bits, sizeof *out);
    return BEAMC_OK;
}

static inline beamc_status beamc_read_shifted_millis(beamc_byte_reader *in, int64_t *out, beamc_error *err) {
    uint64_t bits = 0;
    BEAMC_TRY(beamc_read_be64(in, &bits, err));
    *out = (int64_t)(bits ^ (UINT64_C(1) << 63));
    return BEAMC_OK;
}

#endif
