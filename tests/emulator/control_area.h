/* /__emulator/: what a test sees and sets. Needs no key and is not counted. */
#ifndef TESTS_EMULATOR_CONTROL_AREA_H
#define TESTS_EMULATOR_CONTROL_AREA_H

#include "tests/emulator/answer.h"
#include "tests/emulator/emulator_state.h"

#define EMU_CONTROL_PREFIX "/__emulator/"

typedef struct {
    const char *method;
    const char *path; /* behind EMU_CONTROL_PREFIX */
    const char *last; /* query arguments, or NULL */
    const char *view;
    const char *limit;
    const char *body;
    size_t body_len;
} emu_control_request;

enum {
    EMU_ROWS_DEFAULT = 100, /* rows of one dump */
    EMU_ROWS_MAX = 10000,   /* more would hold the store's lock too long */
};

/* emu_control_answer answers one request. Any thread. */
void emu_control_answer(emu_state *state, const emu_control_request *request, emu_answer *answer);

#endif
