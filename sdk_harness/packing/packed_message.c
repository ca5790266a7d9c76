#include "sdk_harness/packing/packed_message.h"

#include "sdk_harness/base/alloc.h"

ProtobufCBinaryData beamc_packed(const ProtobufCMessage *message) {
    ProtobufCBinaryData bytes = {.len = protobuf_c_message_get_packed_size(message)};
    bytes.data = beamc_alloc(bytes.len);
    protobuf_c_message_pack(message, bytes.data);
    return bytes;
}

beamc_status beamc_pack(const ProtobufCMessage *message, beamc_byte_buffer *out, beamc_error *err) {
    size_t len = protobuf_c_message_get_packed_size(message);
    if (len == 0)
        return BEAMC_OK;
    uint8_t *to = beamc_byte_buffer_reserve(out, len);
    if (to == NULL)
        return beamc_fail(err, BEAMC_LIMIT, "a message of %zu bytes passes the limit of %zu", len, out->ceiling);
    out->len += protobuf_c_message_pack(message, to);
    return BEAMC_OK;
}
