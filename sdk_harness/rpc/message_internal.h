/* How the rest of rpc/ makes messages; not for other folders. */
#ifndef SDK_HARNESS_RPC_MESSAGE_INTERNAL_H
#define SDK_HARNESS_RPC_MESSAGE_INTERNAL_H

#include "sdk_harness/rpc/message.h"

#include <grpc/byte_buffer.h>

/* beamc_message_from_byte_buffer takes the slices of `buffer` and destroys it. */
beamc_message *beamc_message_from_byte_buffer(grpc_byte_buffer *buffer);

#endif
