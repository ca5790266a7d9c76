/* Any standard coder, by its URN and its components: bytes to a value and back.
 *
 * The data plane's rows take the shorter way of windowed_value.h; this one is for everything else: elements
 * that are no rows, coders inside coders, and the conformance vectors. Sources: beam_runner_api.proto,
 * StandardCoders; standard_coders.yaml. */
#ifndef SDK_HARNESS_CODERS_CODER_H
#define SDK_HARNESS_CODERS_CODER_H

#include "sdk_harness/base/arena.h"
#include "sdk_harness/base/byte_buffer.h"
#include "sdk_harness/base/byte_reader.h"
#include "sdk_harness/base/status.h"
#include "sdk_harness/coders/coder_lookup.h"
#include "sdk_harness/coders/schema.h"
#include "sdk_harness/coders/value.h"

/* What the values are, by coder:
 *   bytes BYTES; string_utf8 STRING; bool BOOLEAN; varint INTEGER; double DOUBLE; row ROW; nullable NULL or the value
 *   kv, sharded_key TUPLE of 2; iterable ARRAY; length_prefix the inner value, or BYTES of an unknown inner coder
 *   state_backed_iterable ARRAY; with a token, TUPLE of ARRAY and BYTES
 *   global_window NULL; interval_window WINDOW; custom_window TUPLE of WINDOW (end_ms: largest timestamp) and the inner
 *   pane TUPLE of INTEGER (first byte) and up to two INTEGERs
 *   windowed_value, param_windowed_value TUPLE of TIMESTAMP-like INTEGER (ms), ARRAY of windows, pane, element
 *   timer TUPLE of key, tag, ARRAY of windows, BOOLEAN clear, and unless clear: INTEGER fire ms, INTEGER hold ms, pane
 */
typedef struct beamc_coder beamc_coder;

/* beamc_coder_resolve makes the coder of `coder_id` and all its components. New; free with beamc_coder_free.
 * BEAMC_INVALID names the id and URN that is unknown or malformed. */
beamc_status beamc_coder_resolve(const char *coder_id, beamc_coder_lookup lookup, void *context, beamc_coder **out,
                                 beamc_error *err);
void beamc_coder_free(beamc_coder *coder); /* NULL is fine */

/* beamc_coder_decode reads one value.
 *   nested   false for the outermost value of a stream of its own: then bytes and strings take all that is left
 *   arena    holds what is not borrowed from the input */
beamc_status beamc_coder_decode(const beamc_coder *coder, beamc_byte_reader *in, bool nested, beamc_arena *arena,
                                beamc_value *out, beamc_error *err);

/* beamc_coder_encode appends one value of the form that decode makes. */
beamc_status beamc_coder_encode(const beamc_coder *coder, const beamc_value *value, bool nested, beamc_byte_buffer *out,
                                beamc_error *err);

#endif
