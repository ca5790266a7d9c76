/* How runners start our worker: the environment that stands in the returned fragment.
 *
 * Without options it is AnyOf[PROCESS, EXTERNAL], in that order: Flink and Spark take the first listed unless
 * DOCKER is among them, Prism and the Python runner prefer EXTERNAL, and the Python runner knows no PROCESS.
 * Capabilities stand on each inner environment, because runners replace the AnyOf by the one they chose. */
#ifndef SDK_HARNESS_EXPANSION_ENVIRONMENT_H
#define SDK_HARNESS_EXPANSION_ENVIRONMENT_H

#include "protos/pipeline.pb-c.h"
#include "sdk_harness/base/status.h"

typedef struct {
    const char *worker_program; /* absolute path of the executable that a PROCESS environment names */
    const char *pool_address;   /* host:port of the worker pool that an EXTERNAL environment names */
} beamc_environment_defaults;

/* beamc_environment_new makes the message; free with beam__environment__free_unpacked.
 *   type     NULL or "" for AnyOf, else PROCESS, EXTERNAL or DOCKER, any case
 *   config   a command, an address or an image that replaces the default; NULL or "" for none
 *   image    a container image; joins AnyOf as its last alternative
 * BEAMC_INVALID names the option and what is accepted. */
beamc_status beamc_environment_new(const beamc_environment_defaults *defaults, const char *type, const char *config,
                                   const char *image, Beam__Environment **out, beamc_error *err);

#endif
