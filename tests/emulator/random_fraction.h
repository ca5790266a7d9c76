/* Random numbers that repeat themselves from run to run. Not thread-safe. */
#ifndef TESTS_EMULATOR_RANDOM_FRACTION_H
#define TESTS_EMULATOR_RANDOM_FRACTION_H

#include <stdint.h>

#define EMU_RANDOM_SEED UINT64_C(0x9E3779B97F4A7C15)

/* emu_random_fraction: 0 <= result < 1. xorshift64*, its upper 53 bits. */
static inline double emu_random_fraction(uint64_t *state) {
    *state ^= *state >> 12;
    *state ^= *state << 25;
    *state ^= *state >> 27;
    return (double)((*state * UINT64_C(2685821657736338717)) >> 11) / 9007199254740992.0;
}

#endif
