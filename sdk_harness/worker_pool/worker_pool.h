/* BeamFnExternalWorkerPool: starts one process for each worker a runner asks for, and stops it.
 *
 * Several jobs may use one pool, and runners count their workers from one: the same id from two jobs is two workers,
 * told apart by the address of the job's services. StopWorker names the id alone, so it is obeyed only where the id
 * can mean one worker; where it cannot, each worker ends with its job's control stream, as every worker does.
 *
 * Handlers run on the rpc server's thread; reap and tick on the program's main thread. */
#ifndef SDK_HARNESS_WORKER_POOL_WORKER_POOL_H
#define SDK_HARNESS_WORKER_POOL_WORKER_POOL_H

#include "sdk_harness/rpc/rpc_server.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    BEAMC_POOL_MAX_WORKERS = 256,     /* at once */
    BEAMC_POOL_KILL_AFTER_MS = 10000, /* after SIGTERM; as long as Python's pool waits */
    BEAMC_POOL_REMEMBER_MS = 60000,   /* an id whose worker ended by itself: its StopWorker may still come */
    BEAMC_POOL_MAX_REMEMBERED = 256   /* the latest of them */
};

typedef struct beamc_worker_pool beamc_worker_pool;

/* beamc_worker_pool_new: `program` is the path of the executable to start with the argument `worker`; copied. */
beamc_worker_pool *beamc_worker_pool_new(const char *program);
void beamc_worker_pool_free(beamc_worker_pool *pool); /* after beamc_worker_pool_stop_all */

/* beamc_worker_pool_methods fills two methods for beamc_rpc_server_start. */
enum { BEAMC_WORKER_POOL_METHODS = 2 };
void beamc_worker_pool_methods(beamc_worker_pool *pool, beamc_rpc_method methods[BEAMC_WORKER_POOL_METHODS]);

/* beamc_worker_pool_reap collects children that have ended; call it after SIGCHLD. */
void beamc_worker_pool_reap(beamc_worker_pool *pool);

/* beamc_worker_pool_tick kills what was asked to end too long ago. True while something is to be watched. */
bool beamc_worker_pool_tick(beamc_worker_pool *pool, uint64_t now_ms);

/* beamc_worker_pool_stop_all asks every worker to end and waits, for at most BEAMC_POOL_KILL_AFTER_MS. */
void beamc_worker_pool_stop_all(beamc_worker_pool *pool);

#endif
