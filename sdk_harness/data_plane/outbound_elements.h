/* Output of one bundle at one sink node: encoded elements are gathered and leave in chunks; the end of the
 * output is a message part of its own, because Python drops data that stands beside is_last. */
#ifndef SDK_HARNESS_DATA_PLANE_OUTBOUND_ELEMENTS_H
#define SDK_HARNESS_DATA_PLANE_OUTBOUND_ELEMENTS_H

#include "sdk_harness/base/byte_buffer.h"
#include "sdk_harness/base/status.h"
#include "sdk_harness/rpc/bidi_stream.h"

enum {
    BEAMC_OUTBOUND_CHUNK_BYTES = 1000 * 1000,        /* Java's harness flushes at as many */
    BEAMC_OUTBOUND_ELEMENT_BYTES = 256 * 1024 * 1024 /* the largest element */
};

/* beamc_outbound_flush sends and clears `buffer`. BEAMC_AGAIN: too much output waits for the runner to read it, nothing
 * was sent; beamc_stream_await_room tells when to try again. */
beamc_status beamc_outbound_flush(beamc_stream *stream, const char *instruction_id, const char *transform_id,
                                  beamc_byte_buffer *buffer, beamc_error *err);

/* beamc_outbound_end sends what is left and then the end mark, all or nothing; BEAMC_AGAIN as above. */
beamc_status beamc_outbound_end(beamc_stream *stream, const char *instruction_id, const char *transform_id,
                                beamc_byte_buffer *buffer, beamc_error *err);

#endif
