#include "worker/records/shortest_decimal.h"

#include <pthread.h>
#include <stdbool.h>
#include <string.h>

typedef unsigned __int128 uint128;

enum {
    LEAST_POWER = -292, /* of ten, for the doubles' range of exponents */
    GREATEST_POWER = 324,
    NUM_POWERS = GREATEST_POWER - LEAST_POWER + 1,
    LIMBS = 48, /* of 32 bits: room for 10^324 (1077 bits), and for 2^1535 to be divided by 10^292 */
    DOUBLE_FRACTION_BITS = 52,
    DOUBLE_BIAS = 1075, /* value = c * 2^(biased exponent - 1075) with an integer c */
    FLOAT_FRACTION_BITS = 23,
    FLOAT_BIAS = 150
};

/* powers[k - LEAST_POWER] is 10^k scaled by a power of two to 128 bits with the highest one set, rounded up. */
static uint128 powers[NUM_POWERS];
static pthread_once_t powers_once = PTHREAD_ONCE_INIT;

/* The highest 128 bits of `limbs` (least first), rounded up when a lower bit is set or `inexact`. */
static uint128 top_bits(const uint32_t *limbs, bool inexact) {
    int bit = LIMBS * 32 - 1;
    while ((limbs[bit / 32] >> bit % 32 & 1) == 0)
        bit--;
    uint128 top = 0;
    int low = bit - 127;
    for (int i = bit; i >= low; i--)
        top = top << 1 | (i < 0 ? 0 : limbs[i / 32] >> i % 32 & 1);
    for (int i = low - 1; i >= 0 && !inexact; i--)
        inexact = (limbs[i / 32] >> i % 32 & 1) != 0;
    return inexact ? top + 1 : top; /* never all ones: 10^k is not that near to a power of two */
}

static void compute_powers(void) {
    uint32_t limbs[LIMBS] = {1};
    for (int k = 0; k <= GREATEST_POWER; k++) {
        powers[k - LEAST_POWER] = top_bits(limbs, false);
        uint64_t carry = 0;
        for (int i = 0; i < LIMBS; i++) {
            carry += (uint64_t)limbs[i] * 10;
            limbs[i] = (uint32_t)carry;
            carry >>= 32;
        }
    }
    memset(limbs, 0, sizeof limbs);
    limbs[LIMBS - 1] = UINT32_C(1) << 31;
    for (int k = -1; k >= LEAST_POWER; k--) {
        uint64_t rest = 0;
        for (int i = LIMBS - 1; i >= 0; i--) {
            rest = rest << 32 | limbs[i];
            limbs[i] = (uint32_t)(rest / 10);
            rest %= 10;
        }
        powers[k - LEAST_POWER] = top_bits(limbs, true); /* 10^-k is never a binary fraction */
    }
}

/* floor(log10(2^q)), and of 3/4 * 2^q; floor(log2(10^e)). Exact in the range that is used. */
static int32_t floor_log10_pow2(int32_t q) {
    return (q * 1262611) >> 22;
}

static int32_t floor_log10_three_quarters_pow2(int32_t q) {
    return (q * 1262611 - 524031) >> 22;
}

static int32_t floor_log2_pow10(int32_t e) {
    return (e * 1741647) >> 19;
}

/* The product's bits above 2^128, with the lowest one set when anything was cut off below: "round to odd" keeps
 * comparisons with multiples of two exact. */
static uint64_t scale(uint128 power, uint64_t factor) {
    uint128 low = (uint128)(uint64_t)power * factor;
    uint128 high = (uint128)(uint64_t)(power >> 64) * factor + (uint64_t)(low >> 64);
    return (uint64_t)(high >> 64) | ((uint64_t)high > 1 ? 1 : 0);
}

static tecton_decimal without_trailing_zeros(uint64_t digits, int32_t exponent) {
    while (digits % 100000000 == 0) {
        digits /= 100000000;
        exponent += 8;
    }
    if (digits % 10000 == 0) {
        digits /= 10000;
        exponent += 4;
    }
    if (digits % 100 == 0) {
        digits /= 100;
        exponent += 2;
    }
    if (digits % 10 == 0) {
        digits /= 10;
        exponent += 1;
    }
    return (tecton_decimal){.digits = digits, .exponent = exponent};
}

/* The shortest decimal in the interval that rounds to c * 2^q. `closer`: the next lower number is only half as far
 * away, because c is a power of two. */
static tecton_decimal shortest(uint64_t c, int32_t q, bool closer) {
    (void)pthread_once(&powers_once, compute_powers);
    uint64_t odd = c & 1; /* the interval's ends round to even: they belong to an even c only */
    int32_t k = closer ? floor_log10_three_quarters_pow2(q) : floor_log10_pow2(q);
    int32_t h = q + floor_log2_pow10(-k) + 1;
    uint128 power = powers[-k - LEAST_POWER];
    uint64_t lower = scale(power, (4 * c - 2 + (closer ? 1 : 0)) << h) + odd;
    uint64_t value = scale(power, 4 * c << h);
    uint64_t upper = scale(power, (4 * c + 2) << h) - odd;
    uint64_t s = value / 4; /* all three are in quarters of 10^k */
    if (s >= 10) {
        uint64_t tens = s / 10;
        bool below = lower <= 40 * tens;
        bool above = 40 * tens + 40 <= upper;
        if (below != above)
            return without_trailing_zeros(tens + (above ? 1 : 0), k + 1);
    }
    bool below = lower <= 4 * s;
    bool above = 4 * s + 4 <= upper;
    bool up = above;
    if (below == above) {
        uint64_t middle = 4 * s + 2;
        up = value > middle || (value == middle && (s & 1) != 0);
    }
    return without_trailing_zeros(s + (up ? 1 : 0), k);
}

tecton_decimal tecton_shortest_of_double(double value) {
    uint64_t bits = 0;
    memcpy(&bits, &value, sizeof bits);
    uint64_t fraction = bits & ((UINT64_C(1) << DOUBLE_FRACTION_BITS) - 1);
    int32_t exponent = (int32_t)(bits >> DOUBLE_FRACTION_BITS & 2047);
    if (exponent == 0)
        return shortest(fraction, 1 - DOUBLE_BIAS, false);
    return shortest(fraction | UINT64_C(1) << DOUBLE_FRACTION_BITS, exponent - DOUBLE_BIAS,
                    fraction == 0 && exponent > 1);
}

tecton_decimal tecton_shortest_of_float(float value) {
    uint32_t bits = 0;
    memcpy(&bits, &value, sizeof bits);
    uint32_t fraction = bits & ((UINT32_C(1) << FLOAT_FRACTION_BITS) - 1);
    int32_t exponent = (int32_t)(bits >> FLOAT_FRACTION_BITS & 255);
    if (exponent == 0)
        return shortest(fraction, 1 - FLOAT_BIAS, false);
    return shortest(fraction | UINT32_C(1) << FLOAT_FRACTION_BITS, exponent - FLOAT_BIAS,
                    fraction == 0 && exponent > 1);
}
