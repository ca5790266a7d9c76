#include "tests/emulator/traffic_model.h"

#include "tests/emulator/json_members.h"
#include "tests/emulator/random_fraction.h"

#include <cjson/cJSON.h>

beamc_status emu_traffic_read(const cJSON *json, emu_traffic_options *out, beamc_error *err) {
    static const char *const names[] = {"latency", "capacity", NULL};
    *out = (emu_traffic_options){0};
    BEAMC_TRY(emu_json_only_members(json, names, err));
    beamc_status status = emu_latency_read(cJSON_GetObjectItemCaseSensitive(json, "latency"), &out->latency, err);
    if (status != BEAMC_OK)
        return beamc_fail_within(err, status, "latency");
    status = emu_capacity_read(cJSON_GetObjectItemCaseSensitive(json, "capacity"), &out->capacity, err);
    return status == BEAMC_OK ? BEAMC_OK : beamc_fail_within(err, status, "capacity");
}

beamc_status emu_traffic_parse(const char *json, size_t json_len, emu_traffic_options *out, beamc_error *err) {
    *out = (emu_traffic_options){0};
    cJSON *root = cJSON_ParseWithLength(json, json_len);
    if (root == NULL)
        return beamc_fail(err, BEAMC_INVALID, "the traffic model is not JSON");
    beamc_status status = emu_traffic_read(root, out, err);
    cJSON_Delete(root);
    return status;
}

void emu_traffic_set(emu_traffic *traffic, const emu_traffic_options *options, uint64_t now_us) {
    traffic->latency = options->latency;
    emu_capacity_set(&traffic->capacity, &options->capacity, now_us);
    traffic->random = EMU_RANDOM_SEED;
}
