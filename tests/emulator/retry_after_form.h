/* The Retry-After header as scripts ask for it: a fixed text, or a date so far ahead. */
#ifndef TESTS_EMULATOR_RETRY_AFTER_FORM_H
#define TESTS_EMULATOR_RETRY_AFTER_FORM_H

#include "sdk_harness/base/status.h"

#include <stdbool.h>
#include <stdint.h>

enum { EMU_RETRY_AFTER_MAX = 64 /* bytes with the terminator */ };

struct cJSON;

/* Zero: no such header. */
typedef struct {
    char text[EMU_RETRY_AFTER_MAX]; /* the header's value */
    bool is_date;                   /* instead: a date so many seconds after the answer */
    int64_t seconds;
} emu_retry_after;

/* emu_retry_after_read reads a text or {"date_in_seconds": N}. */
beamc_status emu_retry_after_read(const struct cJSON *value, emu_retry_after *out, beamc_error *err);

/* emu_retry_after_write writes the header's value; `now_s` is Unix time. False: there is none. */
bool emu_retry_after_write(const emu_retry_after *form, int64_t now_s, char out[EMU_RETRY_AFTER_MAX]);

#endif
