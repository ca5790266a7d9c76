#include "sdk_harness/rpc/message.h"

#include "sdk_harness/base/alloc.h"
#include "sdk_harness/rpc/message_internal.h"

#include <grpc/byte_buffer_reader.h>
#include <grpc/slice.h>
#include <stdatomic.h>
#include <stdlib.h>

typedef struct {
    grpc_slice slice;
    atomic_uint references;
} counted_slice;

struct beamc_message {
    atomic_uint references;
    size_t len;
    size_t num_slices;
    counted_slice slices[];
};

static beamc_message *new_message(size_t num_slices) {
    beamc_message *message = beamc_alloc_zero(1, sizeof *message + num_slices * sizeof(counted_slice));
    atomic_init(&message->references, 1);
    message->num_slices = num_slices;
    for (size_t i = 0; i < num_slices; i++)
        atomic_init(&message->slices[i].references, 1);
    return message;
}

beamc_message *beamc_message_from_byte_buffer(grpc_byte_buffer *buffer) {
    size_t num_slices = buffer->type == GRPC_BB_RAW ? buffer->data.raw.slice_buffer.count : 0;
    beamc_message *message = new_message(num_slices);
    for (size_t i = 0; i < num_slices; i++) {
        message->slices[i].slice = grpc_slice_ref(buffer->data.raw.slice_buffer.slices[i]);
        message->len += GRPC_SLICE_LENGTH(message->slices[i].slice);
    }
    grpc_byte_buffer_destroy(buffer);
    return message;
}

beamc_message *beamc_message_from_bytes(const uint8_t *bytes, size_t len, size_t slice_len) {
    size_t num_slices = len == 0 ? 0 : (len + slice_len - 1) / slice_len;
    beamc_message *message = new_message(num_slices);
    message->len = len;
    for (size_t i = 0; i < num_slices; i++) {
        size_t part = len - i * slice_len < slice_len ? len - i * slice_len : slice_len;
        message->slices[i].slice = grpc_slice_from_copied_buffer((const char *)bytes + i * slice_len, part);
    }
    return message;
}

size_t beamc_message_len(const beamc_message *message) {
    return message->len;
}

size_t beamc_message_num_slices(const beamc_message *message) {
    return message->num_slices;
}

const uint8_t *beamc_message_slice(const beamc_message *message, size_t index, size_t *len) {
    const counted_slice *counted = &message->slices[index];
    *len = GRPC_SLICE_LENGTH(counted->slice);
    return GRPC_SLICE_START_PTR(counted->slice);
}

void beamc_message_retain_slice(beamc_message *message, size_t index) {
    atomic_fetch_add_explicit(&message->slices[index].references, 1, memory_order_relaxed);
}

void beamc_message_release_slice(beamc_message *message, size_t index) {
    counted_slice *counted = &message->slices[index];
    if (atomic_fetch_sub_explicit(&counted->references, 1, memory_order_acq_rel) == 1) {
        grpc_slice_unref(counted->slice);
        counted->slice = grpc_empty_slice();
    }
}

void beamc_message_retain(beamc_message *message) {
    atomic_fetch_add_explicit(&message->references, 1, memory_order_relaxed);
}

void beamc_message_release(beamc_message *message) {
    if (atomic_fetch_sub_explicit(&message->references, 1, memory_order_acq_rel) != 1)
        return;
    for (size_t i = 0; i < message->num_slices; i++)
        if (atomic_load_explicit(&message->slices[i].references, memory_order_acquire) > 0)
            grpc_slice_unref(message->slices[i].slice);
    free(message);
}

bool beamc_message_flatten(const beamc_message *message, beamc_byte_buffer *out) {
    if (beamc_byte_buffer_reserve(out, message->len) == NULL)
        return message->len == 0;
    for (size_t i = 0; i < message->num_slices; i++) {
        size_t len = 0;
        const uint8_t *data = beamc_message_slice(message, i, &len);
        if (!beamc_byte_buffer_append(out, data, len))
            return false;
    }
    return true;
}
