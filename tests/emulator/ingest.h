/* An ingest request from its checks to its answer. */
#ifndef TESTS_EMULATOR_INGEST_H
#define TESTS_EMULATOR_INGEST_H

#include "tests/emulator/answer.h"
#include "tests/emulator/emulator_state.h"
#include "tests/emulator/ingest_check.h"

/* emu_ingest_run handles one request, under `fault` unless that is NULL, fills the answer and completes `log`,
 * whose at_ms and body_bytes the caller has set. The fault's delay is the caller's business. Any thread. */
void emu_ingest_run(emu_state *state, const emu_ingest_request *request, const emu_fault *fault, emu_answer *answer,
                    emu_request_log *log);

/* emu_ingest_count_records looks how many records a body most likely has, without reading it: how long an answer takes
 * is decided first. It counts members called `record`, so columns of that name count too. `body` may be NULL. */
uint32_t emu_ingest_count_records(const char *body, size_t body_len);

#endif
