/* What the ingest paths saw over time, a tenth of a second at a time: requests that came, answers by status, and how
 * many requests were in flight. Pure: time is an argument. Not thread-safe: the caller holds one lock around calls. */
#ifndef TESTS_EMULATOR_TRAFFIC_HISTORY_H
#define TESTS_EMULATOR_TRAFFIC_HISTORY_H

#include "sdk_harness/base/byte_buffer.h"

#include <stdint.h>

enum {
    EMU_HISTORY_STEP_MS = 100,
    EMU_HISTORY_STEPS = 18000,     /* remembered: half an hour */
    EMU_HISTORY_MAX_STATUSES = 7,  /* of one step; further ones are left out */
    EMU_HISTORY_DEFAULT_LAST = 600 /* steps of one answer, unless more are asked for */
};

typedef struct emu_history emu_history;

emu_history *emu_history_new(void);
void emu_history_free(emu_history *history);

/* emu_history_reset forgets all but the requests that are in flight. */
void emu_history_reset(emu_history *history);

/* emu_history_arrive: a request's headers have come. */
void emu_history_arrive(emu_history *history, uint64_t now_ms);

/* emu_history_answer: it leaves with `status`, EMU_STATUS_CUT included, and `num_written` records were written.
 *   held_us   what the latency model drew for it, 0 without one */
void emu_history_answer(emu_history *history, uint64_t now_ms, int status, uint32_t num_written, uint64_t held_us);

/* emu_history_abandon: it ends without an answer of ours, its client has gone. */
void emu_history_abandon(emu_history *history, uint64_t now_ms);

/* emu_history_write_totals appends members of the counters' JSON object, each with a comma in front. */
void emu_history_write_totals(const emu_history *history, beamc_byte_buffer *out);

/* emu_history_write appends a JSON array of the last `last` steps up to now, oldest first. */
void emu_history_write(emu_history *history, uint64_t now_ms, uint32_t last, beamc_byte_buffer *out);

#endif
