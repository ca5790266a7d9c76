/* One record against its stream source: every column there and of its type, none beside, an event timestamp,
 * and for each subscribed feature view a full join key and a timestamp inside its serving TTL. Pure. */
#ifndef TESTS_EMULATOR_RECORD_CHECK_H
#define TESTS_EMULATOR_RECORD_CHECK_H

#include "sdk_harness/base/arena.h"
#include "tests/emulator/answer_body.h"
#include "tests/emulator/emulator_config.h"
#include "tests/emulator/feature_store_memory.h"
#include "tests/emulator/strict_json.h"

#include <stdbool.h>

typedef struct {
    const emu_config *config;
    const emu_stream_source *source;
    emu_timestamp now;
    beamc_arena *arena;         /* holds what `writes` point to */
    beamc_byte_buffer *scratch; /* for one record at a time */
    emu_record_errors *errors;
} emu_record_checker;

/* emu_record_check checks `record`. True: good; for each subscribed view that serves online one write is put at
 * `writes` (room for source->num_views) and *num_writes says how many. False: every fault that was found went
 * into the checker's errors, at most one a column and one a view. */
bool emu_record_check(const emu_record_checker *checker, const emu_json *record, emu_store_write *writes,
                      uint32_t *num_writes);

/* emu_record_key_append appends the stored form of one join key, with the comma that stands between two.
 * False: not of the column's type, or null. */
bool emu_record_key_append(const emu_column *column, const emu_json *value, beamc_byte_buffer *key);

#endif
