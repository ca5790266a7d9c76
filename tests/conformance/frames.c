#include "tests/conformance/frames.h"

#include "sdk_harness/base/alloc.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_FRAME_BYTES = 256 * 1024 * 1024 };

void frame_bad(const char *why) {
    (void)fprintf(stderr, "bad request: %s\n", why);
    exit(1);
}

static uint32_t big_endian(const uint8_t *at) {
    return (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3];
}

bool frame_read(frame_request *request) {
    uint8_t head[4];
    size_t have = fread(head, 1, sizeof head, stdin);
    free(request->memory);
    *request = (frame_request){0};
    if (have == 0)
        return false;
    uint32_t len = have == sizeof head ? big_endian(head) : MAX_FRAME_BYTES + 1U;
    if (len > MAX_FRAME_BYTES)
        frame_bad("a frame's length");
    request->memory = beamc_alloc(len);
    if (fread(request->memory, 1, len, stdin) != len)
        frame_bad("a frame is cut short");
    request->at = request->memory;
    request->end = request->memory + len;
    return true;
}

static const uint8_t *take(frame_request *request, size_t len) {
    if (len > (size_t)(request->end - request->at))
        frame_bad("a request is cut short");
    request->at += len;
    return request->at - len;
}

uint8_t frame_take_byte(frame_request *request) {
    return *take(request, 1);
}

uint32_t frame_take_number(frame_request *request) {
    return big_endian(take(request, 4));
}

frame_bytes frame_take_bytes(frame_request *request) {
    size_t len = frame_take_number(request);
    return (frame_bytes){.data = take(request, len), .len = len};
}

void frame_put_byte(beamc_byte_buffer *answer, uint8_t byte) {
    (void)beamc_byte_buffer_append_byte(answer, byte);
}

void frame_put_number(beamc_byte_buffer *answer, uint32_t number) {
    const uint8_t bytes[] = {(uint8_t)(number >> 24), (uint8_t)(number >> 16), (uint8_t)(number >> 8), (uint8_t)number};
    (void)beamc_byte_buffer_append(answer, bytes, sizeof bytes);
}

void frame_put_bytes(beamc_byte_buffer *answer, const void *data, size_t len) {
    frame_put_number(answer, (uint32_t)len);
    (void)beamc_byte_buffer_append(answer, data, len);
}

void frame_put_text(beamc_byte_buffer *answer, const char *text) {
    frame_put_bytes(answer, text, strlen(text));
}

void frame_write(beamc_byte_buffer *answer) {
    const uint8_t head[] = {(uint8_t)(answer->len >> 24), (uint8_t)(answer->len >> 16), (uint8_t)(answer->len >> 8),
                            (uint8_t)answer->len};
    if (answer->failed)
        frame_bad("the answer is too long");
    bool written = fwrite(head, 1, sizeof head, stdout) == sizeof head;
    if (written && answer->len > 0)
        written = fwrite(answer->data, 1, answer->len, stdout) == answer->len;
    if (!written || fflush(stdout) != 0)
        exit(1); /* the test is gone */
    beamc_byte_buffer_clear(answer);
}
