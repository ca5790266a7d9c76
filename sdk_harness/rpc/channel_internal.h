#ifndef SDK_HARNESS_RPC_CHANNEL_INTERNAL_H
#define SDK_HARNESS_RPC_CHANNEL_INTERNAL_H

#include "sdk_harness/rpc/channel.h"

#include <grpc/grpc.h>

struct beamc_channel {
    grpc_channel *channel;
    char *url;
    char *worker_id;
};

/* beamc_channel_call makes a call of `method` that completes on `queue`; timeout_ms 0 means none. */
grpc_call *beamc_channel_call(beamc_channel *channel, const char *method, grpc_completion_queue *queue,
                              unsigned timeout_ms);

/* beamc_channel_metadata: the one entry every call sends. Release its value with grpc_slice_unref. */
grpc_metadata beamc_channel_metadata(const beamc_channel *channel);

#endif
