/* Output of one bundle at one sink node: encoded elements are gathered and leave in chunks; the end of the
 * output is a message part of its own, because Python drops data that stands beside is_last. */
#ifndef SDK_HARNESS_DATA_PLANE_OUTBOUND_ELEMENTS_H
#define SDK_HARNESS_DATA_PLANE_OUTBOUND_ELEMENTS_H

#include "sdk_harness/base/byte_buffer.h"
#include "sdk_harness/base/status.h"
#include "sdk_harness/rpc/bidi_stream.h"

enum {
    BEAMC_OUTBOUND_CHUNK_BYTES = 1000 * 1000,         /* Java's harness flushes at as many */
    BEAMC_OUTBOUND_ELEMENT_BYTES = 256 * 1024 * 1024, /* the largest element */
    BEAMC_OUTBOUND_WRITE_WAIT_MS = 60 * 1000          /* a runner that reads nothing for so long is gone */
};

/* beamc_outbound_flush sends and clears `buffer` when it has `at_least` bytes or more. May wait for the stream
 * to become writable; executor threads only. */
beamc_status beamc_outbound_flush(beamc_stream *stream, const char *instruction_id, const char *transform_id,
                                  beamc_byte_buffer *buffer, size_t at_least, beamc_error *err);

/* beamc_outbound_end sends what is left and then the end mark. */
beamc_status beamc_outbound_end(beamc_stream *stream, const char *instruction_id, const char *transform_id,
                                beamc_byte_buffer *buffer, beamc_error *err);

#endif
