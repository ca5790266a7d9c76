/* The rows of all scenarios as bytes of the data stream, and back.
 *
 * A row is (id INT64, name STRING), no nulls. Written from the coder definitions in beam_runner_api.proto, without the
 * harness's coders, so that a mistake in those shows. */
#ifndef TESTS_FAKES_ELEMENT_BYTES_H
#define TESTS_FAKES_ELEMENT_BYTES_H

#include "sdk_harness/base/byte_buffer.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define ELEMENT_MIN_TIMESTAMP_MS (-INT64_C(9223372036854775)) /* what runners give to elements without a time */

typedef enum { ELEMENT_GLOBAL_WINDOW, ELEMENT_INTERVAL_WINDOW, ELEMENT_CUSTOM_WINDOW } element_window;

/* How elements stand on the wire, and what is around each row. The zero value: bare rows in one global window. */
typedef struct {
    bool length_prefixed;
    element_window window;
    unsigned num_windows; /* 0: 1. Interval i is [60 s * i, 60 s * (i + 1)) */
    int64_t timestamp_ms;
    uint8_t pane;        /* 0: 0x0F, "no firing" */
    const uint8_t *more; /* after the pane's first byte: its indexes or metadata; borrowed */
    size_t more_len;
} element_shape;

typedef struct {
    int64_t id;
    char name[32]; /* cut at its size */
    size_t name_len;
    int64_t timestamp_ms;
    unsigned num_windows;
    uint8_t pane;
} element_row;

/* element_bytes_append adds one element. */
void element_bytes_append(beamc_byte_buffer *out, const element_shape *shape, int64_t id, const char *name,
                          size_t name_len);

/* element_bytes_append_rows adds `count` elements, ids from `first_id` on, each named "row <id>". */
void element_bytes_append_rows(beamc_byte_buffer *out, const element_shape *shape, int64_t first_id, size_t count);

/* element_bytes_read decodes the element at `*at` (with panes of one byte) and moves on; false when the bytes are no
 * such element. */
bool element_bytes_read(const uint8_t **at, const uint8_t *end, const element_shape *shape, element_row *out);

#endif
