/* The thread that takes finished operations from gRPC's queue and runs their callbacks.
 *
 * Callbacks must not block and must not run user code: they hand work to other threads. */
#ifndef SDK_HARNESS_RPC_COMPLETION_LOOP_H
#define SDK_HARNESS_RPC_COMPLETION_LOOP_H

#include <stdbool.h>

typedef struct beamc_completion_loop beamc_completion_loop;

/* beamc_completion_loop_start: new; starts gRPC and one thread. */
beamc_completion_loop *beamc_completion_loop_start(const char *thread_name);

/* beamc_completion_loop_stop waits until every operation has completed (callers cancel theirs first), ends the
 * thread and frees. Not on the loop's own thread. */
void beamc_completion_loop_stop(beamc_completion_loop *loop);

/* What is put off until the loop's thread has nothing else to do. Part of what it is for; zeroed but for `run`. */
typedef struct beamc_deferred {
    void (*run)(struct beamc_deferred *deferred); /* as a callback of the loop */
    struct beamc_deferred *next;                  /* the loop's */
    bool is_waiting;                              /* the loop's */
} beamc_deferred;

/* beamc_completion_loop_is_here: true on the loop's own thread. */
bool beamc_completion_loop_is_here(const beamc_completion_loop *loop);

/* beamc_completion_loop_defer has `deferred` run once, before the loop's thread waits and at the latest after 32 more
 * callbacks; asked for again before that, it still runs once. On the loop's own thread only. */
void beamc_completion_loop_defer(beamc_completion_loop *loop, beamc_deferred *deferred);

/* beamc_completion_loop_forget: `deferred` will not run any more, and does not run when this returns. Not on the loop's
 * own thread. */
void beamc_completion_loop_forget(beamc_completion_loop *loop, beamc_deferred *deferred);

#endif
