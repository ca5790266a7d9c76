/* One request, one response. */
#ifndef SDK_HARNESS_RPC_UNARY_CALL_H
#define SDK_HARNESS_RPC_UNARY_CALL_H

#include "sdk_harness/rpc/channel.h"
#include "sdk_harness/rpc/completion_loop.h"

#include <stddef.h>
#include <stdint.h>

/* Runs on the completion thread, must not block. `response` is NULL after a failure, then `error` says why;
 * both are borrowed. */
typedef void (*beamc_unary_done)(void *context, const uint8_t *response, size_t len, const char *error);

typedef struct beamc_unary beamc_unary;

/* beamc_unary_start sends `request` (copied) and calls `done` exactly once, at the latest after timeout_ms. The
 * call waits for a connection that is not up yet. Any thread. What it returns is valid until `done` is called, which
 * may be before it returns. */
beamc_unary *beamc_unary_start(beamc_completion_loop *loop, beamc_channel *channel, const char *method,
                               const uint8_t *request, size_t len, unsigned timeout_ms, beamc_unary_done done,
                               void *context);

/* beamc_unary_cancel makes `done` come soon, with an error. */
void beamc_unary_cancel(beamc_unary *call);

#endif
