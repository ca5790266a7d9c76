/* SHA-256 (FIPS 180-4), so that a test can see whether a retried request had the same bytes. Pure. */
#ifndef TESTS_EMULATOR_BODY_SHA256_H
#define TESTS_EMULATOR_BODY_SHA256_H

#include <stddef.h>

enum { EMU_SHA256_TEXT_SIZE = 65 /* lower-case hexadecimal with the terminator */ };

/* emu_body_sha256 writes the digest of `len` bytes; `bytes` may be NULL if len is 0. */
void emu_body_sha256(const void *bytes, size_t len, char out[EMU_SHA256_TEXT_SIZE]);

#endif
