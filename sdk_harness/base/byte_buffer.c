#include "sdk_harness/base/byte_buffer.h"

#include <stdlib.h>

void beamc_byte_buffer_init(beamc_byte_buffer *buffer, size_t ceiling) {
    *buffer = (beamc_byte_buffer){.ceiling = ceiling};
}

void beamc_byte_buffer_cleanup(beamc_byte_buffer *buffer) {
    free(buffer->data);
    *buffer = (beamc_byte_buffer){.ceiling = buffer->ceiling};
}

bool beamc_byte_buffer_grow(beamc_byte_buffer *buffer, size_t more) {
    if (buffer->failed || more > buffer->ceiling || buffer->len > buffer->ceiling - more) {
        buffer->failed = true;
        return false;
    }
    size_t needed = buffer->len + more;
    if (needed <= buffer->capacity && buffer->data != NULL)
        return true;
    size_t capacity = buffer->capacity < 64 ? 64 : buffer->capacity;
    while (capacity < needed)
        capacity = capacity > buffer->ceiling / 2 ? buffer->ceiling : capacity * 2;
    if (capacity < needed)
        capacity = needed;
    if (capacity > buffer->ceiling) /* what is allocated is what may be written */
        capacity = buffer->ceiling;
    uint8_t *grown = realloc(buffer->data, capacity);
    if (grown == NULL) {
        buffer->failed = true;
        return false;
    }
    buffer->data = grown;
    buffer->capacity = capacity;
    return true;
}
