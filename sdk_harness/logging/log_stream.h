/* Sends log lines to the runner on BeamFnLogging. When the stream ends, lines go to stderr again; the worker
 * goes on (Java's harness ends there). One that broke is opened anew, at most every 5 s and with the next line; one
 * that the runner ended in good order is not. */
#ifndef SDK_HARNESS_LOGGING_LOG_STREAM_H
#define SDK_HARNESS_LOGGING_LOG_STREAM_H

#include "sdk_harness/rpc/channel.h"
#include "sdk_harness/rpc/completion_loop.h"

typedef struct beamc_log_stream beamc_log_stream;

/* beamc_log_stream_start: new; takes over the process's log lines. The channel is borrowed until stop. */
beamc_log_stream *beamc_log_stream_start(beamc_completion_loop *loop, beamc_channel *channel);

/* beamc_log_stream_stop sends what is queued (for at most 2 s), ends the stream and frees. */
void beamc_log_stream_stop(beamc_log_stream *stream);

#endif
