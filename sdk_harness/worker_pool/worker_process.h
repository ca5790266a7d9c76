/* One worker as a child process of this program. */
#ifndef SDK_HARNESS_WORKER_POOL_WORKER_PROCESS_H
#define SDK_HARNESS_WORKER_POOL_WORKER_PROCESS_H

#include "sdk_harness/base/status.h"

#include <sys/types.h>

typedef struct {
    const char *worker_id;
    const char *control_endpoint; /* each may be NULL */
    const char *logging_endpoint;
    const char *provision_endpoint;
} beamc_worker_spec;

/* beamc_worker_process_spawn starts `program` with the arguments of a worker. The child ends when this process
 * does. It inherits the environment and stderr; stdin is /dev/null and stdout goes to stderr. */
beamc_status beamc_worker_process_spawn(const char *program, const beamc_worker_spec *spec, pid_t *out,
                                        beamc_error *err);

/* The argument that makes a worker end with its parent: "--parent-pid=N". */
#define BEAMC_PARENT_PID_ARGUMENT "--parent-pid="

/* beamc_end_with_parent, called by a worker: asks the kernel for SIGTERM when the parent dies; false when the
 * parent `parent_pid` is gone already. */
int beamc_end_with_parent(pid_t parent_pid);

#endif
