/* The whole executable around an author's DoFns: one binary that is the expansion service, the worker and the
 * worker pool.
 *
 *   PROGRAM expansion-service --port=N [--exit-with-stdin]   serves pipelines under construction, and a pool
 *   PROGRAM worker-pool --port=N                             the pool alone, as containers run it
 *   PROGRAM worker --id=X --provision_endpoint=HOST:PORT     one worker; also when called `boot`, or with
 *                                                            options only, as runners do
 *   PROGRAM version
 */
#ifndef SDK_HARNESS_PROGRAM_H
#define SDK_HARNESS_PROGRAM_H

#include "sdk_harness/dofn.h"
#include "sdk_harness/expansion/external_transform.h"

typedef struct {
    const char *name;
    const char *version;
    const beamc_dofn *dofns;
    size_t num_dofns;
    const beamc_external_transform *transforms;
    size_t num_transforms;
    /* worker_starts runs before the first bundle, in a worker only; false ends the process with exit code 1.
     * SIGTERM and SIGINT are blocked in it, and so in the threads it starts: they belong to the harness.
     * worker_ends runs after the last bundle. Both may be NULL. */
    bool (*worker_starts)(void);
    void (*worker_ends)(void);
    /* Further commands; returns the exit code, or -1 for one it does not know. May be NULL. */
    int (*command)(int argc, char **argv);
    const char *command_help; /* lines for `help`; may be NULL */
} beamc_program;

/* beamc_program_main is the body of main(). Prints `listening on localhost:PORT` once a service is ready. */
int beamc_program_main(const beamc_program *program, int argc, char **argv);

#endif
