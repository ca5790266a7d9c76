/* Answers a runner that asks how the worker is: BeamFnWorkerStatus.WorkerStatus in beam_fn_api.proto.
 *
 * Only for runners whose provision info names a status endpoint. When the stream ends nothing else does. */
#ifndef SDK_HARNESS_STATUS_WORKER_STATUS_H
#define SDK_HARNESS_STATUS_WORKER_STATUS_H

#include "sdk_harness/rpc/channel.h"
#include "sdk_harness/rpc/completion_loop.h"

typedef struct beamc_worker_status beamc_worker_status;

/* Gives the text to answer with; new, freed by the caller. Completion thread: must not block. */
typedef char *(*beamc_status_text)(void *context);

/* beamc_worker_status_start: new; the channel is borrowed until stop. */
beamc_worker_status *beamc_worker_status_start(beamc_completion_loop *loop, beamc_channel *channel,
                                               beamc_status_text text, void *context);
void beamc_worker_status_stop(beamc_worker_status *status); /* NULL is fine; waits at most 1 s for the runner */

#endif
