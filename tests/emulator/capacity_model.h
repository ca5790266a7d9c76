/* How much the service takes before it answers 429: so many requests in progress, so many a second, and more of both
 * while the pressure lasts. Pure: time is an argument. Not thread-safe: the caller holds one lock around calls. */
#ifndef TESTS_EMULATOR_CAPACITY_MODEL_H
#define TESTS_EMULATOR_CAPACITY_MODEL_H

#include "sdk_harness/base/status.h"
#include "tests/emulator/retry_after_form.h"

#include <stdbool.h>
#include <stdint.h>

struct cJSON;

/* Zero: no limits. */
typedef struct {
    uint32_t max_in_progress;   /* 0: any number */
    double requests_per_second; /* 0: any number; a token bucket */
    double burst;               /* tokens it holds at most, and at first; at least 1 */
    uint64_t growth_every_ms;   /* 0: limits stay; else they double after each such time in which it refused one */
    uint32_t growth_up_to;      /* times the limits at first */
    emu_retry_after retry_after;
} emu_capacity_limits;

typedef struct {
    emu_capacity_limits limits;
    uint32_t scale; /* times the limits at first */
    uint64_t period_start_us;
    bool refused; /* in this period */
    double tokens;
    uint64_t tokens_at_us;
    uint32_t num_in_progress; /* admitted and not finished */
} emu_capacity;

/* emu_capacity_read reads null or {"max_in_progress", "requests_per_second", "burst", "growth": {"every_ms", "up_to"},
 * "retry_after"}. */
beamc_status emu_capacity_read(const struct cJSON *json, emu_capacity_limits *out, beamc_error *err);

/* emu_capacity_set starts with new limits. Requests in progress go on counting. */
void emu_capacity_set(emu_capacity *capacity, const emu_capacity_limits *limits, uint64_t now_us);

/* emu_capacity_admit decides about one request. True: call emu_capacity_finish when it is answered. */
bool emu_capacity_admit(emu_capacity *capacity, uint64_t now_us);
void emu_capacity_finish(emu_capacity *capacity);

#endif
