/* A file with a line for each row that was written, four texts with tabs between: when, in microseconds of the
 * monotonic clock; the feature view; the row's time as seconds.nanoseconds; its join keys as they are stored, each with
 * a comma behind.
 *
 * A line is there before its request is answered and outlives the process, so that what an emulator had taken can be
 * told after SIGKILL. Rows that are written again have a line each time. The file is only appended to; its size is
 * what the test that asks for it writes. Any thread. */
#ifndef TESTS_EMULATOR_WRITE_JOURNAL_H
#define TESTS_EMULATOR_WRITE_JOURNAL_H

#include "sdk_harness/base/status.h"
#include "tests/emulator/emulator_config.h"
#include "tests/emulator/feature_store_memory.h"

typedef struct emu_journal emu_journal;

/* emu_journal_open opens or creates the file at `path`. Release with emu_journal_close. */
beamc_status emu_journal_open(const char *path, emu_journal **out, beamc_error *err);

/* emu_journal_close takes NULL too. */
void emu_journal_close(emu_journal *journal);

/* emu_journal_add appends a line for each of the writes, in one system call; `views` are those that the writes number,
 * `now_us` is the monotonic clock.
 * False: the file cannot be written. */
bool emu_journal_add(const emu_journal *journal, const emu_feature_view *views, const emu_store_write *writes,
                     size_t num_writes, uint64_t now_us);

#endif
