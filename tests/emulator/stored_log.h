/* When rows were stored, for tests of latency: the value of one Int64 column of each row, such as the time at which the
 * row was made, and the time of its write. A ring of the latest. Not thread-safe: the caller holds one lock around
 * calls. */
#ifndef TESTS_EMULATOR_STORED_LOG_H
#define TESTS_EMULATOR_STORED_LOG_H

#include "sdk_harness/base/byte_buffer.h"
#include "tests/emulator/emulator_config.h"
#include "tests/emulator/feature_store_memory.h"

#include <stddef.h>
#include <stdint.h>

enum { EMU_STORED_RING = 200000 /* rows remembered */ };

typedef struct emu_stored_log emu_stored_log;

emu_stored_log *emu_stored_log_new(void);
void emu_stored_log_free(emu_stored_log *log);
void emu_stored_log_reset(emu_stored_log *log);

/* emu_stored_log_add notes writes whose source has the column config->stored_at, once for each view they are for.
 *   at_us   monotonic */
void emu_stored_log_add(emu_stored_log *log, const emu_config *config, const emu_store_write *writes, size_t num_writes,
                        uint64_t at_us);

/* emu_stored_log_write appends a JSON array of [value, at_us] for the last `last` rows, newest last. */
void emu_stored_log_write(const emu_stored_log *log, uint32_t last, beamc_byte_buffer *out);

#endif
