/* Requests and answers between a test and its program, over a pipe.
 *
 * A frame is its length in four bytes, big-endian, and that many bytes. The test writes a request and reads an answer,
 * one at a time; the end of the input ends the program. Inside a frame numbers have four bytes, big-endian, and a text
 * or bytes stand behind their length. A request that is not understood ends the program with status 1. */
#ifndef TESTS_CONFORMANCE_FRAMES_H
#define TESTS_CONFORMANCE_FRAMES_H

#include "sdk_harness/base/byte_buffer.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct {
    const uint8_t *data;
    size_t len;
} frame_bytes;

typedef struct {
    const uint8_t *at; /* what of the request is not read yet */
    const uint8_t *end;
    uint8_t *memory;
} frame_request;

/* frame_read reads the next request, in place of the one before; false at the end of the input. */
bool frame_read(frame_request *request);

uint8_t frame_take_byte(frame_request *request);
uint32_t frame_take_number(frame_request *request);
frame_bytes frame_take_bytes(frame_request *request); /* borrowed until the next frame_read */

/* frame_put_...: append to the answer; frame_write sends it and empties it. */
void frame_put_byte(beamc_byte_buffer *answer, uint8_t byte);
void frame_put_number(beamc_byte_buffer *answer, uint32_t number);
void frame_put_bytes(beamc_byte_buffer *answer, const void *data, size_t len);
void frame_put_text(beamc_byte_buffer *answer, const char *text);
void frame_write(beamc_byte_buffer *answer);

/* frame_bad ends the program: the request makes no sense. */
_Noreturn void frame_bad(const char *why);

#endif
