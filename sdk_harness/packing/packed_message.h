/* Messages of protobuf-c to bytes. */
#ifndef SDK_HARNESS_PACKING_PACKED_MESSAGE_H
#define SDK_HARNESS_PACKING_PACKED_MESSAGE_H

#include "sdk_harness/base/byte_buffer.h"
#include "sdk_harness/base/status.h"

#include <protobuf-c/protobuf-c.h>

/* beamc_packed returns the message's bytes; data is new, free with free(), never NULL. */
ProtobufCBinaryData beamc_packed(const ProtobufCMessage *message);

/* beamc_pack appends the message's bytes. BEAMC_LIMIT when they pass the buffer's ceiling. */
beamc_status beamc_pack(const ProtobufCMessage *message, beamc_byte_buffer *out, beamc_error *err);

#endif
