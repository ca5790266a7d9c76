/* Runs a worker: connects to the runner, serves its instructions with the given DoFns, ends when the runner
 * ends the control stream or on SIGTERM. */
#ifndef SDK_HARNESS_HARNESS_H
#define SDK_HARNESS_HARNESS_H

#include "sdk_harness/dofn.h"

#include <stddef.h>

enum {
    BEAMC_INPUT_CAP_BYTES = 64 * 1024 * 1024, /* encoded input waiting, of all bundles */
    BEAMC_DRAIN_MS = 8000                     /* after SIGTERM; runners kill 10 s after it */
};

typedef struct {
    const char *worker_id;          /* required */
    const char *provision_endpoint; /* host:port; NULL when control_endpoint is given */
    const char *control_endpoint;   /* NULL: the provision service says */
    const char *logging_endpoint;   /* NULL: the provision service says; none: stderr */
    const char *version;            /* of the program, for the runner's status pages; may be NULL */
    const beamc_dofn *dofns;
    size_t num_dofns;
    size_t input_cap_bytes; /* 0: BEAMC_INPUT_CAP_BYTES */
    unsigned num_executors; /* 0: as many as cores, at least 2 */
} beamc_harness_options;

/* beamc_harness_run blocks until the worker ends. Returns the exit code: 0 after a clean end or SIGTERM, 1 when
 * the runner could not be reached or the control stream broke. The main thread of a process that blocks
 * SIGTERM and SIGINT in all threads; it does so itself. */
int beamc_harness_run(const beamc_harness_options *options);

/* beamc_harness_options_parse reads the arguments of a container's boot program: --id, --provision_endpoint,
 * --control_endpoint, --logging_endpoint, each as --name=value or --name value. Quotes around a value are taken
 * off (Prism sends them). Unknown arguments are passed over, as runners add new ones. Values are borrowed from
 * argv, which is changed where quotes were. */
beamc_status beamc_harness_options_parse(int argc, char **argv, beamc_harness_options *options, beamc_error *err);

#endif
