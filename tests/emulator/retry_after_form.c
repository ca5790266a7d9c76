#include "tests/emulator/retry_after_form.h"

#include "tests/emulator/json_members.h"

#include <cjson/cJSON.h>
#include <string.h>
#include <time.h>

beamc_status emu_retry_after_read(const cJSON *value, emu_retry_after *out, beamc_error *err) {
    if (cJSON_IsString(value) && strlen(value->valuestring) < EMU_RETRY_AFTER_MAX) {
        strcpy(out->text, value->valuestring);
        for (const char *at = out->text; *at != '\0'; at++)
            if (*at < ' ' || *at > '~')
                return beamc_fail(err, BEAMC_INVALID, "retry_after: expected printable ASCII");
        return BEAMC_OK;
    }
    const cJSON *seconds = cJSON_GetObjectItemCaseSensitive(value, "date_in_seconds");
    if (seconds == NULL || cJSON_GetArraySize(value) != 1)
        return beamc_fail(err, BEAMC_INVALID,
                          "retry_after: expected a text of at most %d bytes or {\"date_in_seconds\": N}",
                          EMU_RETRY_AFTER_MAX - 1);
    out->is_date = true;
    return emu_json_whole(seconds, "date_in_seconds", -1e6, 1e6, &out->seconds, err);
}

bool emu_retry_after_write(const emu_retry_after *form, int64_t now_s, char out[EMU_RETRY_AFTER_MAX]) {
    if (!form->is_date) {
        strcpy(out, form->text);
        return out[0] != '\0';
    }
    time_t when = (time_t)(now_s + form->seconds);
    struct tm utc;
    if (gmtime_r(&when, &utc) == NULL)
        return false;
    return strftime(out, EMU_RETRY_AFTER_MAX, "%a, %d %b %Y %H:%M:%S GMT", &utc) > 0;
}
