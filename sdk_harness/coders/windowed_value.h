/* beam:coder:windowed_value:v1: timestamp (8 bytes, shifted), windows (4-byte big-endian count, then each),
 * pane, element. Source: beam_runner_api.proto, StandardCoders.WINDOWED_VALUE; PaneInfo of the Java SDK. */
#ifndef SDK_HARNESS_CODERS_WINDOWED_VALUE_H
#define SDK_HARNESS_CODERS_WINDOWED_VALUE_H

#include "sdk_harness/base/arena.h"
#include "sdk_harness/base/byte_buffer.h"
#include "sdk_harness/base/byte_reader.h"
#include "sdk_harness/base/status.h"
#include "sdk_harness/coders/coder.h"
#include "sdk_harness/coders/schema.h"
#include "sdk_harness/dofn.h"

typedef enum {
    BEAMC_WINDOW_GLOBAL,   /* no bytes */
    BEAMC_WINDOW_INTERVAL, /* end, 8 bytes shifted; varint length in milliseconds */
    BEAMC_WINDOW_CUSTOM    /* largest timestamp, 8 bytes shifted; then as custom_inner says */
} beamc_window_kind;

typedef struct {
    beamc_window_kind window;
    const beamc_coder *custom_inner; /* CUSTOM: of what follows the timestamp, borrowed; NULL: a varint length and that
                                        many bytes */
    bool length_prefixed;            /* the row stands behind a varint of its length */
    const beamc_schema *schema;      /* of rows, borrowed */
    const beamc_coder *not_a_row;    /* of elements that are no rows, borrowed; NULL: they are */
} beamc_windowed_value_coder;

/* beamc_windowed_value_decode reads one element.
 *   fields   schema->num_fields values that the element will point to; one of an element that is no row
 *   arena    holds what cannot be borrowed from the input, until its reset
 * BEAMC_INVALID names what is wrong and the byte. */
beamc_status beamc_windowed_value_decode(const beamc_windowed_value_coder *coder, beamc_byte_reader *in,
                                         beamc_arena *arena, beamc_value *fields, beamc_element *out, beamc_error *err);

/* beamc_windowed_value_encode appends one element with the windows and pane of `like`.
 *   scratch   room to encode the row in when its length must come first; cleared here */
beamc_status beamc_windowed_value_encode(const beamc_windowed_value_coder *coder, const beamc_value *fields,
                                         int64_t timestamp_ms, const beamc_element *like, beamc_byte_buffer *scratch,
                                         beamc_byte_buffer *out, beamc_error *err);

#endif
