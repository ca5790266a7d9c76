#include "sdk_harness/base/clean_text.h"

#include <stdbool.h>
#include <string.h>

size_t beamc_utf8_sequence(const uint8_t *at, const uint8_t *end) {
    uint8_t lead = at[0];
    size_t have = (size_t)(end - at);
    if (lead < 0xC2)
        return 0; /* a continuation, or an overlong form of ASCII */
    if (lead < 0xE0)
        return have >= 2 && (at[1] & 0xC0) == 0x80 ? 2 : 0;
    if (lead < 0xF0) {
        uint8_t lowest = lead == 0xE0 ? 0xA0 : 0x80;  /* else overlong */
        uint8_t highest = lead == 0xED ? 0x9F : 0xBF; /* else a surrogate */
        return have >= 3 && at[1] >= lowest && at[1] <= highest && (at[2] & 0xC0) == 0x80 ? 3 : 0;
    }
    if (lead < 0xF5) {
        uint8_t lowest = lead == 0xF0 ? 0x90 : 0x80;  /* else overlong */
        uint8_t highest = lead == 0xF4 ? 0x8F : 0xBF; /* else past U+10FFFF */
        bool valid =
            have >= 4 && at[1] >= lowest && at[1] <= highest && (at[2] & 0xC0) == 0x80 && (at[3] & 0xC0) == 0x80;
        return valid ? 4 : 0;
    }
    return 0;
}

size_t beamc_clean_text(const void *from, size_t len, char *text, size_t text_size) {
    const uint8_t *at = from;
    const uint8_t *end = len == 0 ? at : at + len;
    size_t written = 0;
    while (at < end) {
        size_t width = *at < 0x80 ? 1 : beamc_utf8_sequence(at, end);
        size_t step = width == 0 ? 1 : width;
        if (written + step > text_size - 1)
            break;
        if (width == 0 || *at < 0x20 || *at == 0x7f)
            text[written] = *at == '\n' || *at == '\r' || *at == '\t' ? ' ' : '.';
        else
            memcpy(text + written, at, width);
        written += step;
        at += step;
    }
    text[written] = '\0';
    return written;
}
