/* A received message as gRPC hands it over: a row of slices, each of which can be given back on its own, so
 * that a message of many megabytes shrinks while it is read. Counts are atomic: any thread. */
#ifndef SDK_HARNESS_RPC_MESSAGE_H
#define SDK_HARNESS_RPC_MESSAGE_H

#include "sdk_harness/base/byte_buffer.h"

#include <stddef.h>
#include <stdint.h>

typedef struct beamc_message beamc_message;

size_t beamc_message_len(const beamc_message *message); /* bytes, of all slices */
size_t beamc_message_num_slices(const beamc_message *message);

/* beamc_message_slice returns slice `index`; valid while that slice is retained. */
const uint8_t *beamc_message_slice(const beamc_message *message, size_t index, size_t *len);

/* A message starts with one reference to itself and one to each slice, both the receiver's. */
void beamc_message_retain_slice(beamc_message *message, size_t index);
void beamc_message_release_slice(beamc_message *message, size_t index);
void beamc_message_retain(beamc_message *message);
/* beamc_message_release gives back one reference to the message; its last one frees it with what slices are left. */
void beamc_message_release(beamc_message *message);

/* beamc_message_flatten appends all bytes to `out`; false when its ceiling is passed. */
bool beamc_message_flatten(const beamc_message *message, beamc_byte_buffer *out);

/* beamc_message_from_bytes makes a message of copied bytes in slices of at most `slice_len` bytes. */
beamc_message *beamc_message_from_bytes(const uint8_t *bytes, size_t len, size_t slice_len);

#endif
