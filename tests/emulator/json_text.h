/* Appends JSON to a byte buffer. A failed append shows in `buffer->failed` at the end. Any thread. */
#ifndef TESTS_EMULATOR_JSON_TEXT_H
#define TESTS_EMULATOR_JSON_TEXT_H

#include "sdk_harness/base/byte_buffer.h"

/* emu_json_text_string appends `text` (UTF-8, `len` bytes, may hold NUL) as a quoted and escaped JSON string. */
void emu_json_text_string(beamc_byte_buffer *out, const char *text, size_t len);

/* emu_json_text_quoted is the same for a terminated text; NULL is read as "". */
void emu_json_text_quoted(beamc_byte_buffer *out, const char *text);

/* emu_json_text_format appends what printf would write; longer than 1 KiB fails the buffer. */
void emu_json_text_format(beamc_byte_buffer *out, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* emu_json_text_uint appends `number` in decimal. */
void emu_json_text_uint(beamc_byte_buffer *out, uint64_t number);

#endif
