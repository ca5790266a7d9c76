#include "tests/emulator/json_text.h"

#include <stdarg.h>
#include <stdio.h>

void emu_json_text_string(beamc_byte_buffer *out, const char *text, size_t len) {
    static const char hex[] = "0123456789abcdef";
    beamc_byte_buffer_append_byte(out, '"');
    size_t plain_from = 0;
    for (size_t i = 0; i < len; i++) {
        unsigned char c = (unsigned char)text[i];
        if (c >= 0x20 && c != '"' && c != '\\')
            continue;
        beamc_byte_buffer_append(out, text + plain_from, i - plain_from);
        plain_from = i + 1;
        if (c == '"' || c == '\\') {
            char escape[2] = {'\\', (char)c};
            beamc_byte_buffer_append(out, escape, sizeof escape);
        } else {
            char escape[6] = {'\\', 'u', '0', '0', hex[c >> 4], hex[c & 15]};
            beamc_byte_buffer_append(out, escape, sizeof escape);
        }
    }
    beamc_byte_buffer_append(out, text + plain_from, len - plain_from);
    beamc_byte_buffer_append_byte(out, '"');
}

void emu_json_text_quoted(beamc_byte_buffer *out, const char *text) {
    emu_json_text_string(out, text == NULL ? "" : text, text == NULL ? 0 : strlen(text));
}

void emu_json_text_format(beamc_byte_buffer *out, const char *format, ...) {
    char text[1024];
    va_list args;
    va_start(args, format);
    int len = vsnprintf(text, sizeof text, format, args);
    va_end(args);
    if (len < 0 || (size_t)len >= sizeof text) {
        out->failed = true;
        return;
    }
    beamc_byte_buffer_append(out, text, (size_t)len);
}

void emu_json_text_uint(beamc_byte_buffer *out, uint64_t number) {
    char digits[20];
    size_t at = sizeof digits;
    do {
        digits[--at] = (char)('0' + number % 10);
        number /= 10;
    } while (number > 0);
    beamc_byte_buffer_append(out, digits + at, sizeof digits - at);
}
