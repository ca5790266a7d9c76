#include "worker/delivery/retry_after.h"

#include <string.h>
#include <time.h>

static uint64_t capped(uint64_t ms) {
    return ms < TECTON_RETRY_AFTER_CAP_MS ? ms : TECTON_RETRY_AFTER_CAP_MS;
}

static uint64_t read_seconds(const char *digits) {
    uint64_t seconds = 0;
    for (const char *c = digits; *c != '\0'; c++) {
        if (*c < '0' || *c > '9')
            return TECTON_NO_RETRY_AFTER;
        if (seconds <= TECTON_RETRY_AFTER_CAP_MS) /* past the cap more digits change nothing */
            seconds = seconds * 10 + (uint64_t)(*c - '0');
    }
    return capped(seconds * 1000);
}

uint64_t tecton_retry_after_ms(const char *value, int64_t wall_ms) {
    /* IMF-fixdate, RFC 850, asctime; names are English: nothing in the process changes the locale. */
    static const char *const forms[] = {"%a, %d %b %Y %H:%M:%S GMT", "%A, %d-%b-%y %H:%M:%S GMT",
                                        "%a %b %e %H:%M:%S %Y"};
    if (value[0] == '\0')
        return TECTON_NO_RETRY_AFTER;
    if (value[0] >= '0' && value[0] <= '9')
        return read_seconds(value);
    for (size_t i = 0; i < sizeof forms / sizeof forms[0]; i++) {
        struct tm fields;
        memset(&fields, 0, sizeof fields);
        const char *end = strptime(value, forms[i], &fields);
        if (end == NULL || *end != '\0')
            continue;
        int64_t then_ms = (int64_t)timegm(&fields) * 1000;
        return then_ms <= wall_ms ? 0 : capped((uint64_t)(then_ms - wall_ms));
    }
    return TECTON_NO_RETRY_AFTER;
}
