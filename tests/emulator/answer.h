/* What is sent back for a request, before HTTP gives it its form. */
#ifndef TESTS_EMULATOR_ANSWER_H
#define TESTS_EMULATOR_ANSWER_H

#include "sdk_harness/base/byte_buffer.h"
#include "tests/emulator/fault_script.h"

#include <stdbool.h>

enum {
    EMU_STATUS_CUT = 0, /* in place of a status: close the connection without an answer */
    EMU_STATUS_MAX = 599,
    EMU_ANSWER_MAX_BYTES = 16 * 1024 * 1024
};

typedef struct {
    int status; /* or EMU_STATUS_CUT */
    beamc_byte_buffer body;
    const char *content_type;              /* NULL: application/json */
    const char *allow;                     /* Allow header or NULL */
    char retry_after[EMU_RETRY_AFTER_MAX]; /* "": no such header */
    bool truncated;                        /* send only half of the body, then close */
} emu_answer;

/* emu_answer_init: 200 with an empty body. Release with emu_answer_cleanup. */
static inline void emu_answer_init(emu_answer *answer) {
    *answer = (emu_answer){.status = 200};
    beamc_byte_buffer_init(&answer->body, EMU_ANSWER_MAX_BYTES);
}

static inline void emu_answer_cleanup(emu_answer *answer) {
    beamc_byte_buffer_cleanup(&answer->body);
}

#endif
