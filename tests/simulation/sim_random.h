/* Chance that repeats: the same seed, the same run. */
#ifndef TESTS_SIMULATION_SIM_RANDOM_H
#define TESTS_SIMULATION_SIM_RANDOM_H

#include <math.h>
#include <stdint.h>

/* splitmix64: any seed will do. */
static inline uint64_t sim_random_bits(uint64_t *state) {
    uint64_t z = (*state += UINT64_C(0x9E3779B97F4A7C15));
    z = (z ^ (z >> 30)) * UINT64_C(0xBF58476D1CE4E5B9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94D049BB133111EB);
    return z ^ (z >> 31);
}

/* 0 <= x < 1 */
static inline double sim_random_share(uint64_t *state) {
    return (double)(sim_random_bits(state) >> 11) * 0x1p-53;
}

/* Lognormal with median 1: `sigma` 0.4 has its 99th percentile at 2.5. */
static inline double sim_random_factor(uint64_t *state, double sigma) {
    if (sigma <= 0)
        return 1;
    double radius = sqrt(-2 * log(1 - sim_random_share(state)));
    return exp(sigma * radius * cos(6.283185307179586 * sim_random_share(state)));
}

#endif
