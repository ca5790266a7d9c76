/* What the ingest paths saw: totals, and a ring of the latest requests. Not thread-safe: the caller holds one
 * lock around calls. */
#ifndef TESTS_EMULATOR_REQUEST_COUNTERS_H
#define TESTS_EMULATOR_REQUEST_COUNTERS_H

#include "sdk_harness/base/byte_buffer.h"
#include "tests/emulator/answer.h"
#include "tests/emulator/body_sha256.h"
#include "tests/emulator/ingest_check.h"

#include <stdbool.h>
#include <stdint.h>

enum {
    EMU_REQUEST_RING = 10000,  /* requests remembered */
    EMU_MAX_BATCH_SIZE = 10000 /* larger batches are counted as this one */
};

/* One ingest request that came to its end. */
typedef struct {
    uint64_t at_ms; /* monotonic, when its headers had come */
    uint64_t body_bytes;
    int status;     /* EMU_STATUS_CUT or what was sent */
    bool processed; /* it was checked, and its records (if they could be counted) count */
    bool parsed;    /* its records could be counted */
    uint32_t num_records;
    uint32_t num_written;
    uint32_t num_rejected;
    char source_names[EMU_SOURCE_NAMES_MAX];
    char body_sha256[EMU_SHA256_TEXT_SIZE]; /* "" when not asked for */
} emu_request_log;

typedef struct emu_counters emu_counters;

emu_counters *emu_counters_new(void);
void emu_counters_free(emu_counters *counters);
void emu_counters_reset(emu_counters *counters);

/* emu_counters_add counts one request and remembers it. */
void emu_counters_add(emu_counters *counters, const emu_request_log *request);

/* emu_counters_add_connection counts one connection that carries ingest requests. */
void emu_counters_add_connection(emu_counters *counters);

/* emu_counters_write appends the members of the counters' JSON object, without its braces. */
void emu_counters_write(const emu_counters *counters, beamc_byte_buffer *out);

/* emu_counters_write_requests appends a JSON array of the last `last` requests, newest last. */
void emu_counters_write_requests(const emu_counters *counters, uint32_t last, beamc_byte_buffer *out);

#endif
