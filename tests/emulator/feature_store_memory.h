/* The online store: what was written, per feature view, in memory.
 *
 * A key is (view, join keys). A plain view keeps one row a key, the one with the newest timestamp; a write
 * replaces it when it is not older. An aggregate view keeps one row a (key, timestamp). In both, the last write
 * wins for equal key and timestamp, and every distinct (key, timestamp) is remembered and counted: an event.
 * Bounded by events and by bytes; a batch that would pass either is refused whole. Not thread-safe: the caller
 * holds one lock around calls. */
#ifndef TESTS_EMULATOR_FEATURE_STORE_MEMORY_H
#define TESTS_EMULATOR_FEATURE_STORE_MEMORY_H

#include "tests/emulator/iso_timestamp.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct emu_store emu_store;

/* One row to write. Texts are borrowed for the call. */
typedef struct {
    uint32_t view;
    emu_timestamp at;
    const char *key; /* stored forms of the join keys, in the view's order */
    uint32_t key_len;
    const char *row; /* stored forms of all columns, as a JSON array */
    uint32_t row_len;
} emu_store_write;

typedef struct {
    emu_timestamp at; /* of the newest event */
    uint32_t num_events;
    const char *row; /* of the newest event; valid until the next write */
    uint32_t row_len;
} emu_store_row;

#define EMU_STORE_MAX_BYTES (UINT64_C(2) << 30) /* keys and rows together */

/* emu_store_new: `aggregate[i]` says whether view i keeps all events. Release with emu_store_free. */
emu_store *emu_store_new(uint32_t num_views, const bool *aggregate, uint64_t max_events);
void emu_store_free(emu_store *store);

/* emu_store_write_all writes all or nothing; false: the store is full and nothing was written. */
bool emu_store_write_all(emu_store *store, const emu_store_write *writes, size_t num_writes);

/* emu_store_read finds the newest row of a key; false: no such key. */
bool emu_store_read(const emu_store *store, uint32_t view, const char *key, uint32_t key_len, emu_store_row *out);

/* Called once a stored row, in the order in which keys (plain) or events (aggregate) came; false ends. */
typedef bool (*emu_store_visitor)(void *context, emu_timestamp at, const char *row, uint32_t row_len);
void emu_store_visit(const emu_store *store, uint32_t view, emu_store_visitor visit, void *context);

uint64_t emu_store_num_keys(const emu_store *store, uint32_t view);
uint64_t emu_store_num_events(const emu_store *store, uint32_t view);

/* emu_store_clear forgets everything. */
void emu_store_clear(emu_store *store);

#endif
