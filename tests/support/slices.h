/* Bytes in slices of one length, as gRPC hands a message over: for beamc_byte_reader_init_slices. */
#ifndef TESTS_SUPPORT_SLICES_H
#define TESTS_SUPPORT_SLICES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct {
    const uint8_t *bytes; /* borrowed */
    size_t len;
    size_t slice_len; /* above 0; the last slice may be shorter */
    size_t at;        /* where the next slice begins */
} test_slices;

/* test_next_slice is a beamc_next_slice; `context` is a test_slices. */
static inline bool test_next_slice(void *context, const uint8_t **data, size_t *len) {
    test_slices *slices = context;
    size_t left = slices->len - slices->at;
    *data = slices->bytes + slices->at;
    *len = left < slices->slice_len ? left : slices->slice_len;
    slices->at += *len;
    return left > 0;
}

#endif
