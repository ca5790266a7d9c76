#include "sdk_harness/base/status.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

beamc_status beamc_fail(beamc_error *err, beamc_status status, const char *format, ...) {
    if (err != NULL) {
        va_list args;
        va_start(args, format);
        (void)vsnprintf(err->text, sizeof err->text, format, args);
        va_end(args);
    }
    return status;
}

beamc_status beamc_fail_within(beamc_error *err, beamc_status status, const char *where) {
    if (err != NULL) {
        size_t where_len = strnlen(where, sizeof err->text / 2);
        size_t text_len = strnlen(err->text, sizeof err->text - 1);
        size_t room = sizeof err->text - where_len - 3;
        if (text_len > room)
            text_len = room;
        memmove(err->text + where_len + 2, err->text, text_len);
        memcpy(err->text, where, where_len);
        memcpy(err->text + where_len, ": ", 2);
        err->text[where_len + 2 + text_len] = '\0';
    }
    return status;
}

const char *beamc_status_name(beamc_status status) {
    switch (status) {
    case BEAMC_OK:
        return "ok";
    case BEAMC_AGAIN:
        return "again";
    case BEAMC_INVALID:
        return "invalid";
    case BEAMC_LIMIT:
        return "limit";
    case BEAMC_NO_MEMORY:
        return "no memory";
    case BEAMC_UNAVAILABLE:
        return "unavailable";
    }
    return "unknown";
}
