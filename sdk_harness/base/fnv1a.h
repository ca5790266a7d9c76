/* The FNV-1a hash, 64 bits; offset basis and prime as published by Fowler, Noll and Vo. For ids and tables made
 * from our own names, not for what an attacker may choose. */
#ifndef SDK_HARNESS_BASE_FNV1A_H
#define SDK_HARNESS_BASE_FNV1A_H

#include <stddef.h>
#include <stdint.h>

#define BEAMC_FNV1A_START UINT64_C(14695981039346656037)

/* beamc_fnv1a goes on from `hash` over `len` bytes. */
static inline uint64_t beamc_fnv1a(uint64_t hash, const void *bytes, size_t len) {
    const uint8_t *at = bytes;
    for (size_t i = 0; i < len; i++)
        hash = (hash ^ at[i]) * UINT64_C(1099511628211);
    return hash;
}

#endif
