#include "tests/emulator/latency_model.h"

#include "tests/emulator/json_members.h"
#include "tests/emulator/random_fraction.h"

#include <cjson/cJSON.h>
#include <math.h>
#include <string.h>

#define P99_DEVIATIONS 2.3263478740408408 /* of the normal distribution */
#define PI             3.14159265358979323846

static const emu_latency_model tecton = {.kind = EMU_LATENCY_LOGNORMAL,
                                         .of_1 = {.median_ms = 55, .p99_ms = 130},
                                         .of_10 = {.median_ms = 100, .p99_ms = 190}};

static beamc_status read_shape(const cJSON *lognormal, const char *size, emu_latency_shape *out, beamc_error *err) {
    static const char *const names[] = {"median_ms", "p99_ms", NULL};
    const cJSON *json = cJSON_GetObjectItemCaseSensitive(lognormal, size);
    beamc_status status = emu_json_only_members(json, names, err);
    if (status == BEAMC_OK)
        status = emu_json_real(cJSON_GetObjectItemCaseSensitive(json, "median_ms"), "median_ms", 0.001,
                               EMU_MAX_LATENCY_MS, &out->median_ms, err);
    if (status == BEAMC_OK)
        status = emu_json_real(cJSON_GetObjectItemCaseSensitive(json, "p99_ms"), "p99_ms", out->median_ms,
                               EMU_MAX_LATENCY_MS, &out->p99_ms, err);
    return status == BEAMC_OK ? BEAMC_OK : beamc_fail_within(err, status, size);
}

beamc_status emu_latency_read(const cJSON *json, emu_latency_model *out, beamc_error *err) {
    static const char *const sizes[] = {"1", "10", NULL};
    *out = (emu_latency_model){.kind = EMU_LATENCY_NONE};
    if (json == NULL || cJSON_IsNull(json))
        return BEAMC_OK;
    if (cJSON_IsString(json) && strcmp(json->valuestring, "tecton") == 0) {
        *out = tecton;
        return BEAMC_OK;
    }
    const cJSON *fixed = cJSON_GetObjectItemCaseSensitive(json, "fixed_ms");
    const cJSON *lognormal = cJSON_GetObjectItemCaseSensitive(json, "lognormal");
    if (!cJSON_IsObject(json) || cJSON_GetArraySize(json) != 1 || (fixed == NULL && lognormal == NULL))
        return beamc_fail(err, BEAMC_INVALID, "expected null, \"tecton\", {\"fixed_ms\": N} or {\"lognormal\": {...}}");
    if (fixed != NULL) {
        out->kind = EMU_LATENCY_FIXED;
        return emu_json_real(fixed, "fixed_ms", 0, EMU_MAX_LATENCY_MS, &out->fixed_ms, err);
    }
    out->kind = EMU_LATENCY_LOGNORMAL;
    BEAMC_TRY(emu_json_only_members(lognormal, sizes, err));
    BEAMC_TRY(read_shape(lognormal, "1", &out->of_1, err));
    return read_shape(lognormal, "10", &out->of_10, err);
}

/* Box and Muller's transform. */
static double standard_normal(uint64_t *random) {
    double radius = sqrt(-2.0 * log(1.0 - emu_random_fraction(random)));
    return radius * cos(2.0 * PI * emu_random_fraction(random));
}

uint64_t emu_latency_draw_us(const emu_latency_model *model, uint32_t num_records, uint64_t *random) {
    double ms = 0;
    if (model->kind == EMU_LATENCY_FIXED) {
        ms = model->fixed_ms;
    } else if (model->kind == EMU_LATENCY_LOGNORMAL) {
        double towards_10 = log10(num_records == 0 ? 1.0 : (double)num_records);
        double median = log(model->of_1.median_ms) * (1 - towards_10) + log(model->of_10.median_ms) * towards_10;
        double p99 = log(model->of_1.p99_ms) * (1 - towards_10) + log(model->of_10.p99_ms) * towards_10;
        double deviation = p99 > median ? (p99 - median) / P99_DEVIATIONS : 0;
        ms = exp(median + deviation * standard_normal(random));
    }
    return (uint64_t)((ms < EMU_MAX_LATENCY_MS ? ms : EMU_MAX_LATENCY_MS) * 1000.0);
}
