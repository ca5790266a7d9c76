#include "sdk_harness/rpc/channel.h"

#include "sdk_harness/base/alloc.h"
#include "sdk_harness/rpc/channel_internal.h"

#include <grpc/grpc_security.h>
#include <grpc/support/time.h>
#include <stdlib.h>

/* Prism's server refuses pings that come faster than 20 s. */
enum { KEEPALIVE_MS = 60 * 1000, KEEPALIVE_TIMEOUT_MS = 300 * 1000 };

static grpc_arg integer_arg(char *key, int value) {
    return (grpc_arg){.type = GRPC_ARG_INTEGER, .key = key, .value.integer = value};
}

beamc_channel *beamc_channel_open(const char *url, const char *worker_id) {
    /* A runner may put a whole bundle into one message, so the receive limit goes; probing the bandwidth-delay
     * product only makes gRPC buffer more (38 against 16 MB for 1 GiB in 1 MiB messages, measured). */
    grpc_arg args[] = {
        integer_arg(GRPC_ARG_MAX_RECEIVE_MESSAGE_LENGTH, -1),
        integer_arg(GRPC_ARG_MAX_SEND_MESSAGE_LENGTH, -1),
        integer_arg(GRPC_ARG_HTTP2_BDP_PROBE, 0),
        integer_arg(GRPC_ARG_HTTP2_STREAM_LOOKAHEAD_BYTES, 1 << 20),
        integer_arg(GRPC_ARG_ENABLE_HTTP_PROXY, 0),
        integer_arg(GRPC_ARG_KEEPALIVE_TIME_MS, KEEPALIVE_MS),
        integer_arg(GRPC_ARG_KEEPALIVE_TIMEOUT_MS, KEEPALIVE_TIMEOUT_MS),
    };
    grpc_channel_args all = {.num_args = sizeof args / sizeof args[0], .args = args};
    grpc_channel_credentials *credentials = grpc_insecure_credentials_create();
    beamc_channel *channel = beamc_alloc_zero(1, sizeof *channel);
    channel->channel = grpc_channel_create(url, credentials, &all);
    grpc_channel_credentials_release(credentials);
    channel->url = beamc_strdup(url);
    channel->worker_id = beamc_strdup(worker_id);
    return channel;
}

void beamc_channel_close(beamc_channel *channel) {
    if (channel == NULL)
        return;
    grpc_channel_destroy(channel->channel);
    free(channel->url);
    free(channel->worker_id);
    free(channel);
}

const char *beamc_channel_url(const beamc_channel *channel) {
    return channel->url;
}

grpc_call *beamc_channel_call(beamc_channel *channel, const char *method, grpc_completion_queue *queue,
                              unsigned timeout_ms) {
    gpr_timespec deadline = gpr_inf_future(GPR_CLOCK_MONOTONIC);
    if (timeout_ms > 0)
        deadline = gpr_time_add(gpr_now(GPR_CLOCK_MONOTONIC), gpr_time_from_millis((int64_t)timeout_ms, GPR_TIMESPAN));
    grpc_slice path = grpc_slice_from_copied_string(method);
    grpc_call *call =
        grpc_channel_create_call(channel->channel, NULL, GRPC_PROPAGATE_DEFAULTS, queue, path, NULL, deadline, NULL);
    grpc_slice_unref(path);
    return call;
}

grpc_metadata beamc_channel_metadata(const beamc_channel *channel) {
    return (grpc_metadata){.key = grpc_slice_from_static_string("worker_id"),
                           .value = grpc_slice_from_copied_string(channel->worker_id)};
}
