/* Decimals as JSON strings, with every digit: a JSON number would be read as a double. */
#ifndef WORKER_RECORDS_JSON_DECIMAL_H
#define WORKER_RECORDS_JSON_DECIMAL_H

#include "sdk_harness/base/byte_buffer.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Digits before and after the point together. No data type in use has more than a few dozen; an exponent alone could
 * ask for two thousand million zeros. */
enum { TECTON_MAX_DECIMAL_DIGITS = 1000 };

/* tecton_json_decimal appends `unscaled` * 10^-`scale`, quoted, without an exponent and with as many digits behind the
 * point as `scale` says: "-12.50".
 *   unscaled   two's complement, big-endian; no bytes are zero
 * False, with nothing appended, past TECTON_MAX_DECIMAL_DIGITS. */
bool tecton_json_decimal(beamc_byte_buffer *out, const uint8_t *unscaled, size_t unscaled_len, int32_t scale);

#endif
