/* Protobuf wire bytes written by hand: field after field, with nothing that checks or completes them.
 *
 * The fake runner writes its messages with this, not with the generated code that the harness reads them with, so
 * that it can also write what no generator would: parts in any order, twice, or cut short. */
#ifndef TESTS_FAKES_WIRE_MESSAGE_H
#define TESTS_FAKES_WIRE_MESSAGE_H

#include "sdk_harness/base/byte_buffer.h"

#include <stddef.h>
#include <stdint.h>

/* wire_init: empty, with room for what a test may send at most (1 GiB). Release with beamc_byte_buffer_cleanup. */
void wire_init(beamc_byte_buffer *message);

void wire_varint(beamc_byte_buffer *message, uint64_t value); /* without a tag */
void wire_number(beamc_byte_buffer *message, unsigned field, uint64_t value);
void wire_double(beamc_byte_buffer *message, unsigned field, double value);
void wire_bytes(beamc_byte_buffer *message, unsigned field, const void *bytes, size_t len);
void wire_text(beamc_byte_buffer *message, unsigned field, const char *text);

/* wire_part appends `part` as a message field and cleans `part` up. */
void wire_part(beamc_byte_buffer *message, unsigned field, beamc_byte_buffer *part);

/* One entry of a map whose keys and values are texts; or whose values are messages, then `value` is cleaned up. */
void wire_text_entry(beamc_byte_buffer *message, unsigned field, const char *key, const char *value);
void wire_part_entry(beamc_byte_buffer *message, unsigned field, const char *key, beamc_byte_buffer *value);

#endif
