#include "sdk_harness/coders/message_nesting.h"

enum { WIRE_VARINT = 0, WIRE_64_BITS = 1, WIRE_BYTES = 2, WIRE_32_BITS = 5, VARINT_MAX_BYTES = 10 };

typedef struct {
    const uint8_t *at;
    const uint8_t *end;
} cursor;

static bool take_varint(cursor *in, uint64_t *out) {
    *out = 0;
    for (unsigned i = 0; i < VARINT_MAX_BYTES && in->at < in->end; i++) {
        uint8_t byte = *in->at++;
        *out |= (uint64_t)(byte & 0x7F) << (7 * i);
        if ((byte & 0x80) == 0)
            return true;
    }
    return false;
}

/* Passes over one field. Bytes that may be a message are shown in `inside`; all else leaves it empty. */
static bool take_field(cursor *in, uint64_t *number, cursor *inside) {
    uint64_t tag = 0;
    uint64_t len = 0;
    *inside = (cursor){0};
    if (!take_varint(in, &tag))
        return false;
    *number = tag >> 3;
    switch (tag & 7) {
    case WIRE_VARINT:
        return take_varint(in, &len);
    case WIRE_64_BITS:
        len = 8;
        break;
    case WIRE_32_BITS:
        len = 4;
        break;
    case WIRE_BYTES:
        if (!take_varint(in, &len))
            return false;
        break;
    default: /* groups: no message of Beam's has them */
        return false;
    }
    if (len > (uint64_t)(in->end - in->at))
        return false;
    if ((tag & 7) == WIRE_BYTES)
        *inside = (cursor){.at = in->at, .end = in->at + len};
    in->at += len;
    return true;
}

bool beamc_message_nests_deeper(const ProtobufCMessageDescriptor *descriptor, const uint8_t *message, size_t len,
                                unsigned limit) {
    cursor in = {.at = message, .end = message + len};
    cursor inside;
    uint64_t number = 0;
    while (len > 0 && in.at < in.end && take_field(&in, &number, &inside)) {
        const ProtobufCFieldDescriptor *field =
            number > UINT32_MAX ? NULL : protobuf_c_message_descriptor_get_field(descriptor, (unsigned)number);
        if (field == NULL || field->type != PROTOBUF_C_TYPE_MESSAGE || inside.at == NULL)
            continue;
        if (limit == 0 ||
            beamc_message_nests_deeper(field->descriptor, inside.at, (size_t)(inside.end - inside.at), limit - 1))
            return true;
    }
    return false;
}
