/* What the decoder and the encoder of rows agree on about logical types. */
#ifndef SDK_HARNESS_CODERS_LOGICAL_BYTES_H
#define SDK_HARNESS_CODERS_LOGICAL_BYTES_H

#include "sdk_harness/coders/schema.h"

enum { NANOS_PER_SECOND = 1000000000, NANOS_PER_MILLI = 1000000, NANOS_PER_MICRO = 1000, MILLIS_PER_SECOND = 1000 };

/* True when the bytes are not those of the representation's kind, or the value is another one. */
static inline bool beamc_has_own_bytes(beamc_logical logical) {
    switch (logical) {
    case BEAMC_LOGICAL_MICROS_INSTANT:
    case BEAMC_LOGICAL_NANOS_INSTANT:
    case BEAMC_LOGICAL_MILLIS_INSTANT:
    case BEAMC_LOGICAL_TIMESTAMP:
    case BEAMC_LOGICAL_DECIMAL:
    case BEAMC_LOGICAL_JAVA_DATE:
    case BEAMC_LOGICAL_JAVA_TIME:
    case BEAMC_LOGICAL_UNSIGNED:
        return true;
    default:
        return false;
    }
}

/* Nanoseconds in one unit of a timestamp of so many digits. */
static inline int64_t beamc_nanos_per_subsecond(uint8_t precision) {
    int64_t nanos = NANOS_PER_SECOND;
    for (uint8_t i = 0; i < precision; i++)
        nanos /= 10;
    return nanos;
}

static inline uint64_t beamc_largest_unsigned(beamc_type_kind kind) {
    return kind == BEAMC_TYPE_INT16 ? UINT16_MAX : kind == BEAMC_TYPE_INT32 ? UINT32_MAX : UINT64_MAX;
}

#endif
