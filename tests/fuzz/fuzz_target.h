/* What a fuzz target and its driver share. A target is a program of its own: libFuzzer's entry and the properties that
 * must hold for any bytes. fuzz_driver.c, or libFuzzer, is its main. */
#ifndef TESTS_FUZZ_FUZZ_TARGET_H
#define TESTS_FUZZ_FUZZ_TARGET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

/* fuzz_must ends the program with `what` on stderr when a property does not hold. */
void fuzz_must(bool holds, const char *what);

#endif
