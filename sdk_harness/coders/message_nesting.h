/* How deep a serialised message nests, asked before it is unpacked: protobuf-c recurses without a limit of its own, and
 * a few hundred kilobytes of nothing but nesting use up the stack. Any thread. */
#ifndef SDK_HARNESS_CODERS_MESSAGE_NESTING_H
#define SDK_HARNESS_CODERS_MESSAGE_NESTING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <protobuf-c/protobuf-c.h>

/* beamc_message_nests_deeper: true when messages of `descriptor`'s fields stand more than `limit` levels inside one
 * another. False for bytes that are no message: unpacking says so. */
bool beamc_message_nests_deeper(const ProtobufCMessageDescriptor *descriptor, const uint8_t *message, size_t len,
                                unsigned limit);

#endif
