/* The shortest decimal that reads back as the same binary number.
 *
 * Algorithm: Raffaello Giulietti, "The Schubfach way to render doubles" (2020). Its table of powers of ten is computed
 * once, at the first use, with exact integers. Any thread. */
#ifndef WORKER_RECORDS_SHORTEST_DECIMAL_H
#define WORKER_RECORDS_SHORTEST_DECIMAL_H

#include <stdint.h>

/* digits * 10^exponent; digits has no trailing zero, and 17 digits at most. */
typedef struct {
    uint64_t digits;
    int32_t exponent;
} tecton_decimal;

/* `value` is finite, positive and not zero. Of several shortest decimals, the nearest to `value`. */
tecton_decimal tecton_shortest_of_double(double value);
tecton_decimal tecton_shortest_of_float(float value);

#endif
