/* One decoded value: what a DoFn reads out of a row.
 *
 * Strings and collections are borrowed: from the data stream's bytes or from the bundle's arena. They stay
 * valid until the DoFn returns from process. Strings are bytes as they came; nothing has checked that they
 * are UTF-8. */
#ifndef SDK_HARNESS_CODERS_VALUE_H
#define SDK_HARNESS_CODERS_VALUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef enum {
    BEAMC_VALUE_NULL,
    BEAMC_VALUE_BOOLEAN,   /* boolean */
    BEAMC_VALUE_INTEGER,   /* integer: BYTE (0..255 as read), INT16, INT32, INT64 */
    BEAMC_VALUE_FLOAT,     /* real: a 4-byte float, widened */
    BEAMC_VALUE_DOUBLE,    /* real */
    BEAMC_VALUE_STRING,    /* bytes */
    BEAMC_VALUE_BYTES,     /* bytes */
    BEAMC_VALUE_ARRAY,     /* items: count values; arrays and iterables */
    BEAMC_VALUE_MAP,       /* items: 2 * count values, key then value */
    BEAMC_VALUE_ROW,       /* items: count values in the order of the schema's fields */
    BEAMC_VALUE_TIMESTAMP, /* time */
    BEAMC_VALUE_DECIMAL,   /* decimal */
    BEAMC_VALUE_TUPLE,     /* items: the parts of a key-value pair, a windowed value, a timer, ... */
    BEAMC_VALUE_WINDOW     /* window */
} beamc_value_kind;

typedef struct beamc_value {
    beamc_value_kind kind;
    union {
        bool boolean;
        int64_t integer;
        double real;
        struct {
            const uint8_t *data;
            size_t len;
        } bytes;
        struct {
            struct beamc_value *data;
            size_t count;
        } items;
        struct {
            int64_t seconds; /* since 1970, floored: may be negative */
            uint32_t nanos;  /* 0 .. 999,999,999, always forward of seconds */
        } time;
        struct {
            const uint8_t *unscaled; /* two's complement, big-endian, unscaled_len bytes; none is zero */
            uint32_t unscaled_len;
            int32_t scale;         /* the value is unscaled * 10^-scale */
            bool scale_is_32_bits; /* how a negative scale was written: Java in 5 bytes, Python in 10 */
        } decimal;
        struct {
            int64_t end_ms;   /* interval windows: exclusive; custom windows: the largest timestamp */
            uint64_t span_ms; /* interval windows */
        } window;
    } as;
} beamc_value;

#endif
