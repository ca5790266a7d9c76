#include "tests/emulator/json_members.h"

#include <cjson/cJSON.h>
#include <string.h>

beamc_status emu_json_only_members(const cJSON *object, const char *const *names, beamc_error *err) {
    if (!cJSON_IsObject(object))
        return beamc_fail(err, BEAMC_INVALID, "expected an object");
    const cJSON *member;
    cJSON_ArrayForEach(member, object) {
        const char *const *name = names;
        while (*name != NULL && strcmp(*name, member->string) != 0)
            name++;
        if (*name == NULL)
            return beamc_fail(err, BEAMC_INVALID, "unknown name \"%s\"", member->string);
        if (cJSON_GetObjectItemCaseSensitive(object, member->string) != member)
            return beamc_fail(err, BEAMC_INVALID, "\"%s\" occurs twice", member->string);
    }
    return BEAMC_OK;
}

beamc_status emu_json_whole(const cJSON *value, const char *name, double min, double max, int64_t *out,
                            beamc_error *err) {
    if (!cJSON_IsNumber(value) || !(value->valuedouble >= min && value->valuedouble <= max) ||
        value->valuedouble != (double)(int64_t)value->valuedouble)
        return beamc_fail(err, BEAMC_INVALID, "%s: expected a whole number from %.0f to %.0f", name, min, max);
    *out = (int64_t)value->valuedouble;
    return BEAMC_OK;
}

beamc_status emu_json_real(const cJSON *value, const char *name, double min, double max, double *out,
                           beamc_error *err) {
    if (!cJSON_IsNumber(value) || !(value->valuedouble >= min && value->valuedouble <= max))
        return beamc_fail(err, BEAMC_INVALID, "%s: expected a number from %g to %g", name, min, max);
    *out = value->valuedouble;
    return BEAMC_OK;
}
