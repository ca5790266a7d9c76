#include "tests/emulator/capacity_model.h"

#include "tests/emulator/json_members.h"

#include <cjson/cJSON.h>

enum { MAX_LIMIT = 1000 * 1000, MAX_GROWTH = 1024 };

#define BURST_SECONDS 0.1 /* of the rate, where the burst is not given */

static beamc_status read_growth(const cJSON *json, emu_capacity_limits *out, beamc_error *err) {
    static const char *const names[] = {"every_ms", "up_to", NULL};
    int64_t every_ms = 0;
    int64_t up_to = 0;
    BEAMC_TRY(emu_json_only_members(json, names, err));
    BEAMC_TRY(
        emu_json_whole(cJSON_GetObjectItemCaseSensitive(json, "every_ms"), "every_ms", 1, 3600e3, &every_ms, err));
    BEAMC_TRY(emu_json_whole(cJSON_GetObjectItemCaseSensitive(json, "up_to"), "up_to", 2, MAX_GROWTH, &up_to, err));
    out->growth_every_ms = (uint64_t)every_ms;
    out->growth_up_to = (uint32_t)up_to;
    return BEAMC_OK;
}

beamc_status emu_capacity_read(const cJSON *json, emu_capacity_limits *out, beamc_error *err) {
    static const char *const names[] = {"max_in_progress", "requests_per_second", "burst",
                                        "growth",          "retry_after",         NULL};
    *out = (emu_capacity_limits){0};
    if (json == NULL || cJSON_IsNull(json))
        return BEAMC_OK;
    BEAMC_TRY(emu_json_only_members(json, names, err));
    const cJSON *most = cJSON_GetObjectItemCaseSensitive(json, "max_in_progress");
    const cJSON *rate = cJSON_GetObjectItemCaseSensitive(json, "requests_per_second");
    const cJSON *burst = cJSON_GetObjectItemCaseSensitive(json, "burst");
    const cJSON *growth = cJSON_GetObjectItemCaseSensitive(json, "growth");
    const cJSON *retry_after = cJSON_GetObjectItemCaseSensitive(json, "retry_after");
    if (most == NULL && rate == NULL)
        return beamc_fail(err, BEAMC_INVALID, "expected max_in_progress, requests_per_second or both");
    if (burst != NULL && rate == NULL)
        return beamc_fail(err, BEAMC_INVALID, "burst: goes with requests_per_second");
    int64_t whole = 0;
    if (most != NULL)
        BEAMC_TRY(emu_json_whole(most, "max_in_progress", 1, MAX_LIMIT, &whole, err));
    out->max_in_progress = (uint32_t)whole;
    if (rate != NULL)
        BEAMC_TRY(emu_json_real(rate, "requests_per_second", 0.01, MAX_LIMIT, &out->requests_per_second, err));
    out->burst = out->requests_per_second * BURST_SECONDS;
    if (burst != NULL)
        BEAMC_TRY(emu_json_real(burst, "burst", 1, MAX_LIMIT, &out->burst, err));
    if (out->burst < 1)
        out->burst = 1;
    if (retry_after != NULL)
        BEAMC_TRY(emu_retry_after_read(retry_after, &out->retry_after, err));
    if (growth == NULL)
        return BEAMC_OK;
    beamc_status status = read_growth(growth, out, err);
    return status == BEAMC_OK ? BEAMC_OK : beamc_fail_within(err, status, "growth");
}

void emu_capacity_set(emu_capacity *capacity, const emu_capacity_limits *limits, uint64_t now_us) {
    *capacity = (emu_capacity){.limits = *limits,
                               .scale = 1,
                               .period_start_us = now_us,
                               .tokens = limits->burst,
                               .tokens_at_us = now_us,
                               .num_in_progress = capacity->num_in_progress};
}

static void grow(emu_capacity *capacity, uint64_t now_us) {
    const emu_capacity_limits *limits = &capacity->limits;
    uint64_t period_us = limits->growth_every_ms * 1000;
    if (period_us == 0 || now_us - capacity->period_start_us < period_us)
        return;
    if (capacity->refused && capacity->scale < limits->growth_up_to)
        capacity->scale = capacity->scale * 2 < limits->growth_up_to ? capacity->scale * 2 : limits->growth_up_to;
    capacity->refused = false;
    capacity->period_start_us += (now_us - capacity->period_start_us) / period_us * period_us;
}

static bool take_token(emu_capacity *capacity, uint64_t now_us) {
    const emu_capacity_limits *limits = &capacity->limits;
    double most = limits->burst * capacity->scale;
    double seconds = (double)(now_us - capacity->tokens_at_us) / 1e6;
    capacity->tokens += seconds * limits->requests_per_second * capacity->scale;
    capacity->tokens = capacity->tokens < most ? capacity->tokens : most;
    capacity->tokens_at_us = now_us;
    if (capacity->tokens < 1)
        return false;
    capacity->tokens -= 1;
    return true;
}

bool emu_capacity_admit(emu_capacity *capacity, uint64_t now_us) {
    const emu_capacity_limits *limits = &capacity->limits;
    grow(capacity, now_us);
    bool room =
        limits->max_in_progress == 0 || capacity->num_in_progress < (uint64_t)limits->max_in_progress * capacity->scale;
    if (!room || (limits->requests_per_second > 0 && !take_token(capacity, now_us))) {
        capacity->refused = true;
        return false;
    }
    capacity->num_in_progress++;
    return true;
}

void emu_capacity_finish(emu_capacity *capacity) {
    capacity->num_in_progress--;
}
