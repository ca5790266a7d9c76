/* The thread that takes finished operations from gRPC's queue and runs their callbacks.
 *
 * Callbacks must not block and must not run user code: they hand work to other threads. */
#ifndef SDK_HARNESS_RPC_COMPLETION_LOOP_H
#define SDK_HARNESS_RPC_COMPLETION_LOOP_H

typedef struct beamc_completion_loop beamc_completion_loop;

/* beamc_completion_loop_start: new; starts gRPC and one thread. */
beamc_completion_loop *beamc_completion_loop_start(const char *thread_name);

/* beamc_completion_loop_stop waits until every operation has completed (callers cancel theirs first), ends the
 * thread and frees. Not on the loop's own thread. */
void beamc_completion_loop_stop(beamc_completion_loop *loop);

#endif
