/* The read side of the emulated service: one row by its join keys, and whether a workspace exists. */
#ifndef TESTS_EMULATOR_READ_BACK_H
#define TESTS_EMULATOR_READ_BACK_H

#include "tests/emulator/answer.h"
#include "tests/emulator/emulator_state.h"

/* emu_read_back_features answers POST /api/v1/feature-service/get-features with the stored row's columns in
 * schema order, all null if there is no such key or its row is older than the view's TTL.
 *   authorization   header's value or NULL
 * Any thread. */
void emu_read_back_features(emu_state *state, const char *authorization, const char *body, size_t body_len,
                            emu_answer *answer);

/* emu_read_back_workspace answers GET /api/v1/metadata-service/workspaces/{name}. Any thread. */
void emu_read_back_workspace(const emu_state *state, const char *authorization, const char *name, emu_answer *answer);

#endif
