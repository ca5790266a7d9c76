/* Asks the runner where its services are. Wire source: provision_api.proto. */
#ifndef SDK_HARNESS_PROVISION_PROVISION_INFO_H
#define SDK_HARNESS_PROVISION_PROVISION_INFO_H

#include "sdk_harness/base/status.h"
#include "sdk_harness/rpc/completion_loop.h"

#include <stdbool.h>

/* Owned texts; NULL where the runner names none. */
typedef struct {
    char *control_endpoint;
    char *logging_endpoint;
    char *status_endpoint;
    bool embeds_output; /* the runner reads elements in ProcessBundle responses */
} beamc_provision_info;

/* beamc_provision_get blocks for at most timeout_ms. The address may not listen yet.
 *   interrupt   file descriptor; when it becomes readable first, the call is given up
 * BEAMC_AGAIN: given up; nothing was read from `interrupt`. */
beamc_status beamc_provision_get(beamc_completion_loop *loop, const char *provision_endpoint, const char *worker_id,
                                 unsigned timeout_ms, int interrupt, beamc_provision_info *out, beamc_error *err);
void beamc_provision_cleanup(beamc_provision_info *info);

#endif
