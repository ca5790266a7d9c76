/* A few threads that run bundles. A task is never on two threads at once; one that waits holds no thread. */
#ifndef SDK_HARNESS_BUNDLE_EXECUTOR_POOL_H
#define SDK_HARNESS_BUNDLE_EXECUTOR_POOL_H

#include "sdk_harness/rpc/completion_loop.h"

#include <stdbool.h>

typedef enum {
    BEAMC_TASK_WAIT,  /* run again when woken; a wake that came meanwhile counts */
    BEAMC_TASK_YIELD, /* run again after the others */
    BEAMC_TASK_ENDED  /* not touched any more; it may be freed already */
} beamc_task_next;

/* Embedded in what it runs. Zeroed but for `run`. */
typedef struct beamc_task {
    beamc_task_next (*run)(struct beamc_task *task);
    struct beamc_task *next;
    enum { BEAMC_TASK_IDLE, BEAMC_TASK_QUEUED, BEAMC_TASK_RUNNING, BEAMC_TASK_WOKEN } state; /* the pool's */
} beamc_task;

typedef struct beamc_executor_pool beamc_executor_pool;

/* beamc_executor_pool_start: new.
 *   loop   whose thread wakes no executor while it has more to take from gRPC: the messages of a small bundle come
 *          together, and one wake-up does for all. Outlives the pool; may be NULL. */
beamc_executor_pool *beamc_executor_pool_start(unsigned num_threads, beamc_completion_loop *loop);

/* beamc_executor_pool_wake queues the task unless it is queued already. Any thread; does not block. */
void beamc_executor_pool_wake(beamc_executor_pool *pool, beamc_task *task);

/* beamc_executor_pool_busy: true when tasks wait for a thread. */
bool beamc_executor_pool_busy(beamc_executor_pool *pool);

unsigned beamc_executor_pool_num_queued(beamc_executor_pool *pool); /* tasks that wait for a thread */

/* beamc_executor_pool_stop waits for the threads to finish what they run and frees. Tasks must have ended. */
void beamc_executor_pool_stop(beamc_executor_pool *pool);

#endif
