/* A server of calls with one request and at most one response, on loopback.
 *
 * Handlers run one after another on the server's own thread and must not block for long. */
#ifndef SDK_HARNESS_RPC_RPC_SERVER_H
#define SDK_HARNESS_RPC_RPC_SERVER_H

#include "sdk_harness/base/byte_buffer.h"
#include "sdk_harness/base/status.h"

#include <stddef.h>
#include <stdint.h>

typedef struct beamc_rpc_server beamc_rpc_server;

/* Appends the response. A failure becomes the call's status (INVALID_ARGUMENT, RESOURCE_EXHAUSTED or
 * UNAVAILABLE; NOT_FOUND for BEAMC_AGAIN) with the error's text. */
typedef beamc_status (*beamc_rpc_handler)(void *context, const uint8_t *request, size_t len,
                                          beamc_byte_buffer *response, beamc_error *err);

typedef struct {
    const char *method; /* "/package.Service/Method" */
    beamc_rpc_handler handle;
    void *context;
} beamc_rpc_method;

/* beamc_rpc_server_start serves `methods` (borrowed) on `port` of 127.0.0.1 and ::1; 0 picks one that is free
 * in both address families. BEAMC_UNAVAILABLE when the port cannot be had in every family the machine has. */
beamc_status beamc_rpc_server_start(int port, const beamc_rpc_method *methods, size_t num_methods,
                                    beamc_rpc_server **out, beamc_error *err);
int beamc_rpc_server_port(const beamc_rpc_server *server);

/* beamc_rpc_server_stop refuses new calls, cancels what is open, and frees. */
void beamc_rpc_server_stop(beamc_rpc_server *server);

#endif
