/* ISO 8601 timestamps in the one form that Tecton's ingest API documents:
 * YYYY-MM-DDThh:mm[:ss[.f{1,9}]][Z|+hh:mm|-hh:mm], no offset meaning UTC. Any thread. */
#ifndef TESTS_EMULATOR_ISO_TIMESTAMP_H
#define TESTS_EMULATOR_ISO_TIMESTAMP_H

#include <stddef.h>
#include <stdint.h>

/* An instant; nanoseconds in one 64-bit number would reach only from 1677 to 2262. */
typedef struct {
    int64_t seconds; /* since 1970-01-01T00:00:00Z, negative before */
    int32_t nanos;   /* 0..999999999, always added */
} emu_timestamp;

enum { EMU_TIMESTAMP_TEXT_MAX = 32 /* bytes that emu_timestamp_write may write, without a terminator */ };

/* emu_timestamp_read returns NULL and fills `out`, or says in a few words what is wrong. Rejects a space for
 * the T, lower-case t and z, offsets without a colon, second 60, hour 24, and years outside 0001..9999. */
const char *emu_timestamp_read(const char *text, size_t len, emu_timestamp *out);

/* emu_timestamp_write writes the instant in UTC with 0, 3, 6 or 9 fraction digits and Z (the form of protobuf's
 * JSON), not terminated, and returns its length. The year must be in 0001..9999. */
size_t emu_timestamp_write(emu_timestamp at, char out[EMU_TIMESTAMP_TEXT_MAX]);

/* emu_timestamp_compare: below 0, 0 or above 0, as memcmp. */
int emu_timestamp_compare(emu_timestamp a, emu_timestamp b);

#endif
