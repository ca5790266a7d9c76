/* The data streams of a worker: exactly one for each address, opened when a bundle first names it, and opened
 * anew after one has broken. Runners feed all streams of a worker from one queue, so a second one would steal. */
#ifndef SDK_HARNESS_DATA_PLANE_DATA_STREAM_H
#define SDK_HARNESS_DATA_PLANE_DATA_STREAM_H

#include "sdk_harness/data_plane/inbound_elements.h"
#include "sdk_harness/rpc/bidi_stream.h"

typedef struct beamc_data_streams beamc_data_streams;

/* beamc_data_streams_new: `loop` and `inbound` are borrowed until free. */
beamc_data_streams *beamc_data_streams_new(beamc_completion_loop *loop, beamc_inbound *inbound, const char *worker_id);

/* beamc_data_streams_get opens the stream of `url` if need be and returns a reference to it: give it back with
 * beamc_stream_release. Any thread but the completion thread. NULL while shutting down or when a worker has streams
 * to 64 addresses open. */
beamc_stream *beamc_data_streams_get(beamc_data_streams *streams, const char *url);

/* beamc_data_streams_all_open: true when some stream was opened and none has ended. */
bool beamc_data_streams_all_open(beamc_data_streams *streams);

/* beamc_data_streams_free ends all streams (unsent output is given 2 s) and frees. */
void beamc_data_streams_free(beamc_data_streams *streams);

#endif
