/* How long the service takes for a request: nothing, a fixed time, or a draw from a lognormal distribution whose median
 * and 99th percentile depend on the number of records. Pure: randomness is an argument. */
#ifndef TESTS_EMULATOR_LATENCY_MODEL_H
#define TESTS_EMULATOR_LATENCY_MODEL_H

#include "sdk_harness/base/status.h"

#include <stdint.h>

enum { EMU_MAX_LATENCY_MS = 600 * 1000 /* of one draw too */ };

struct cJSON;

typedef enum { EMU_LATENCY_NONE, EMU_LATENCY_FIXED, EMU_LATENCY_LOGNORMAL } emu_latency_kind;

typedef struct {
    double median_ms;
    double p99_ms; /* not below the median */
} emu_latency_shape;

/* Zero: answers at once. */
typedef struct {
    emu_latency_kind kind;
    double fixed_ms;
    emu_latency_shape of_1;  /* LOGNORMAL: a request of one record */
    emu_latency_shape of_10; /* of ten; between and beyond, along the logarithms of size and time */
} emu_latency_model;

/* emu_latency_read reads null, "tecton", {"fixed_ms": N} or {"lognormal": {"1": {"median_ms", "p99_ms"}, "10": ...}}.
 * "tecton" is what Tecton's documentation publishes of its Stream Ingest API: medians of 55 and 100 ms, 99th
 * percentiles of 130 and 190 ms. */
beamc_status emu_latency_read(const struct cJSON *json, emu_latency_model *out, beamc_error *err);

/* emu_latency_draw_us returns the time for one request of `num_records` (0 counts as 1). `random` is a generator of
 * random_fraction.h. */
uint64_t emu_latency_draw_us(const emu_latency_model *model, uint32_t num_records, uint64_t *random);

#endif
