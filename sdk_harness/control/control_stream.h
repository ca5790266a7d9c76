/* The control stream: instructions in, responses out. Its end is the end of the worker. */
#ifndef SDK_HARNESS_CONTROL_CONTROL_STREAM_H
#define SDK_HARNESS_CONTROL_CONTROL_STREAM_H

#include "sdk_harness/control/instruction_dispatch.h"
#include "sdk_harness/rpc/channel.h"
#include "sdk_harness/rpc/completion_loop.h"

typedef struct beamc_control_stream beamc_control_stream;

/* Told once when the runner has ended the stream (status_code 0) or it broke. Completion thread. */
typedef void (*beamc_control_closed)(void *context, int status_code, const char *details);

/* beamc_control_stream_start: new; instructions are dispatched from now on. All arguments are borrowed until
 * free; `dispatcher->respond` is set here. */
beamc_control_stream *beamc_control_stream_start(beamc_completion_loop *loop, beamc_channel *channel,
                                                 beamc_dispatcher *dispatcher, beamc_control_closed closed,
                                                 void *context);

/* beamc_control_stream_free waits (at most 2 s) until responses have left, ends the stream and frees. No bundle
 * may be active. */
void beamc_control_stream_free(beamc_control_stream *control);

#endif
