/* What the service is like under load: its latency and its capacity, in place of an answer at once to everything.
 * Not thread-safe: the caller holds one lock around calls. */
#ifndef TESTS_EMULATOR_TRAFFIC_MODEL_H
#define TESTS_EMULATOR_TRAFFIC_MODEL_H

#include "tests/emulator/capacity_model.h"
#include "tests/emulator/latency_model.h"

#include <stddef.h>

/* As it is written in a config or sent to the control area. Zero: at once, and everything. */
typedef struct {
    emu_latency_model latency;
    emu_capacity_limits capacity;
} emu_traffic_options;

typedef struct {
    emu_latency_model latency;
    emu_capacity capacity;
    uint64_t random;
} emu_traffic;

/* emu_traffic_read reads {"latency": ..., "capacity": ...}; what is absent is as zero. */
beamc_status emu_traffic_read(const struct cJSON *json, emu_traffic_options *out, beamc_error *err);

/* emu_traffic_parse reads the same from text. */
beamc_status emu_traffic_parse(const char *json, size_t json_len, emu_traffic_options *out, beamc_error *err);

/* emu_traffic_set starts with new options; the same options draw the same latencies. Zero `traffic` before the first
 * call. */
void emu_traffic_set(emu_traffic *traffic, const emu_traffic_options *options, uint64_t now_us);

#endif
