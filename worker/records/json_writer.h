/* JSON appended to a byte buffer, one value at a time, with no tree.
 *
 * Writers check nothing but their own value: commas, colons and nesting are the caller's. When the buffer's ceiling is
 * passed its `failed` stays true and later appends do nothing, so callers look once at the end. Source of the format:
 * RFC 8259. Not thread-safe. */
#ifndef WORKER_RECORDS_JSON_WRITER_H
#define WORKER_RECORDS_JSON_WRITER_H

#include "sdk_harness/base/byte_buffer.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* tecton_json_string appends a quoted string. Quotes, backslashes and control characters are escaped, everything else
 * is copied. False when `text` is not strict UTF-8 (overlong forms, surrogates and code points past U+10FFFF are
 * refused): then `*bad_byte` is where the wrong sequence starts, and what was appended must be dropped by the caller.
 */
bool tecton_json_string(beamc_byte_buffer *out, const uint8_t *text, size_t len, size_t *bad_byte);

/* tecton_json_integer appends a decimal integer. */
void tecton_json_integer(beamc_byte_buffer *out, int64_t value);

/* tecton_json_double and tecton_json_float append the shortest decimal that reads back as the same value: 17 and 9
 * digits at most. Whole numbers keep a fraction (2.0), -0.0 keeps its sign. `value` is finite. */
void tecton_json_double(beamc_byte_buffer *out, double value);
void tecton_json_float(beamc_byte_buffer *out, float value);

/* tecton_json_base64 appends a quoted base64 text with padding (RFC 4648 section 4). */
void tecton_json_base64(beamc_byte_buffer *out, const uint8_t *bytes, size_t len);

/* tecton_json_uuid appends a quoted UUID in its canonical text (RFC 9562 section 4): lower-case, with hyphens.
 *   high, low   its first and last 64 bits */
void tecton_json_uuid(beamc_byte_buffer *out, uint64_t high, uint64_t low);

#endif
