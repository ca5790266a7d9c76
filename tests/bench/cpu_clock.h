/* This process's CPU time, user and system, of all threads. */
#ifndef TESTS_BENCH_CPU_CLOCK_H
#define TESTS_BENCH_CPU_CLOCK_H

#include <stdint.h>
#include <time.h>

static inline uint64_t cpu_clock_ns(void) {
    struct timespec now;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return (uint64_t)now.tv_sec * 1000000000U + (uint64_t)now.tv_nsec;
}

#endif
