/* Growable bytes with a ceiling.
 *
 * Appends are all or nothing. After a failed append `failed` stays true and later appends do nothing, so a
 * writer may append freely and look once at the end. Not thread-safe. */
#ifndef SDK_HARNESS_BASE_BYTE_BUFFER_H
#define SDK_HARNESS_BASE_BYTE_BUFFER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

typedef struct {
    uint8_t *data;
    size_t len;
    size_t capacity;
    size_t ceiling; /* bytes; an append past it fails */
    bool failed;    /* an append passed the ceiling, or memory ran out */
} beamc_byte_buffer;

/* beamc_byte_buffer_init: empty, allocates nothing yet. */
void beamc_byte_buffer_init(beamc_byte_buffer *buffer, size_t ceiling);

/* beamc_byte_buffer_cleanup frees; the zero state is safe to clean up. */
void beamc_byte_buffer_cleanup(beamc_byte_buffer *buffer);

/* beamc_byte_buffer_clear forgets the contents and the failure, keeps the memory. */
static inline void beamc_byte_buffer_clear(beamc_byte_buffer *buffer) {
    buffer->len = 0;
    buffer->failed = false;
}

/* beamc_byte_buffer_grow makes room for `more` bytes past len. False when that passes the ceiling. */
bool beamc_byte_buffer_grow(beamc_byte_buffer *buffer, size_t more);

/* beamc_byte_buffer_reserve returns where `more` bytes may be written, or NULL. Add to len what was written. */
static inline uint8_t *beamc_byte_buffer_reserve(beamc_byte_buffer *buffer, size_t more) {
    if (more > buffer->capacity - buffer->len && !beamc_byte_buffer_grow(buffer, more))
        return NULL;
    return buffer->data + buffer->len;
}

static inline bool beamc_byte_buffer_append(beamc_byte_buffer *buffer, const void *bytes, size_t len) {
    if (len == 0)
        return !buffer->failed;
    uint8_t *to = beamc_byte_buffer_reserve(buffer, len);
    if (to == NULL || buffer->failed)
        return false;
    memcpy(to, bytes, len);
    buffer->len += len;
    return true;
}

static inline bool beamc_byte_buffer_append_byte(beamc_byte_buffer *buffer, uint8_t byte) {
    return beamc_byte_buffer_append(buffer, &byte, 1);
}

/* beamc_byte_buffer_append_text appends up to the terminator, without it. */
static inline bool beamc_byte_buffer_append_text(beamc_byte_buffer *buffer, const char *text) {
    return beamc_byte_buffer_append(buffer, text, strlen(text));
}

#endif
