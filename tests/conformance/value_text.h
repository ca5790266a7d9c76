/* A decoded value as JSON, for a test to compare: ["integer", -1], ["string", "6162"], ["row", [...]].
 *
 * Kinds are lower-case names. Bytes and strings are in hexadecimal; a float or double is the sixteen hexadecimal digits
 * of its bits as a double, so that NaN and -0 can be told; timestamp [seconds, nanos]; decimal [unscaled, scale];
 * window [end, span]; map [[key, value], ...]. */
#ifndef TESTS_CONFORMANCE_VALUE_TEXT_H
#define TESTS_CONFORMANCE_VALUE_TEXT_H

#include "sdk_harness/base/byte_buffer.h"
#include "sdk_harness/coders/value.h"

void value_text(const beamc_value *value, beamc_byte_buffer *out);

#endif
