/* beam:coder:row:v1: a row's bytes to values and back.
 *
 * Layout: varint count of fields the writer had, varint length and bytes of a null bitmap (bit i of byte i/8),
 * then the non-null fields in encoding order. Source: beam_runner_api.proto, StandardCoders.ROW. */
#ifndef SDK_HARNESS_CODERS_ROW_CODER_H
#define SDK_HARNESS_CODERS_ROW_CODER_H

#include "sdk_harness/base/arena.h"
#include "sdk_harness/base/byte_buffer.h"
#include "sdk_harness/base/byte_reader.h"
#include "sdk_harness/base/status.h"
#include "sdk_harness/coders/schema.h"
#include "sdk_harness/coders/value.h"

/* beamc_row_decode reads one row out of bytes in which more may follow.
 *   values   num_fields of `schema` values, in the order of the schema's fields; NULL kinds for nulls and for
 *            fields that an older writer did not have
 *   arena    holds nested values; may be the reader's
 * BEAMC_INVALID names the field's path and the byte, also when the writer had more fields than `schema`: nothing says
 * where such a row ends. BEAMC_LIMIT when the arena's ceiling is passed. */
beamc_status beamc_row_decode(const beamc_schema *schema, beamc_byte_reader *in, beamc_arena *arena,
                              beamc_value *values, beamc_error *err);

/* beamc_row_decode_all reads a row that is all `in` holds, as behind a length. What a newer writer appended is passed
 * over; other bytes that are left are BEAMC_INVALID. */
beamc_status beamc_row_decode_all(const beamc_schema *schema, beamc_byte_reader *in, beamc_arena *arena,
                                  beamc_value *values, beamc_error *err);

/* How long the null bitmap is in a row that has a null. Readers take the bits that are not there as zeros. */
typedef enum {
    BEAMC_NULLS_TRIMMED, /* to the byte of the last null, as Java writes it */
    BEAMC_NULLS_PADDED   /* a bit for every field, as Python and Go write it */
} beamc_null_bitmap;

/* beamc_row_encode appends one row, its null bitmap trimmed. BEAMC_INVALID when a value does not fit its field's type,
 * with the path; BEAMC_LIMIT when the buffer's ceiling is passed. */
beamc_status beamc_row_encode(const beamc_schema *schema, const beamc_value *values, beamc_byte_buffer *out,
                              beamc_error *err);
beamc_status beamc_row_encode_as(const beamc_schema *schema, const beamc_value *values, beamc_null_bitmap nulls,
                                 beamc_byte_buffer *out, beamc_error *err);

#endif
