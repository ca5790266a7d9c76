/* The body of one request while it fills: records join it until it is full by count or bytes, or old enough.
 *
 * The request's frame is written around the records as they come, so a closed batch is a finished body and no record is
 * copied again. Pure: time is an argument. Not thread-safe; one owner at a time. */
#ifndef WORKER_RECORDS_RECORD_BATCH_H
#define WORKER_RECORDS_RECORD_BATCH_H

#include "sdk_harness/base/byte_buffer.h"
#include "worker/config/sink_config.h"

#include <stddef.h>
#include <stdint.h>

enum { TECTON_MAX_BODY_BYTES = 256 * 1024 /* of one request; Tecton publishes no limit, its emulators take 1 MiB */ };

/* The text of a request around its records: head, then each record between its own pair, commas between them, tail. All
 * borrowed. */
typedef struct {
    const char *head;
    size_t head_len;
    const char *before_record;
    size_t before_record_len;
    const char *after_record;
    size_t after_record_len;
    const char *tail;
    size_t tail_len;
} tecton_request_frame;

typedef struct {
    uint32_t max_records;  /* at most TECTON_MAX_BATCH_RECORDS */
    size_t max_body_bytes; /* frame included */
    uint64_t linger_ms;    /* 0: age never closes the batch */
} tecton_batch_limits;

typedef enum {
    TECTON_BATCH_ADDED,
    TECTON_BATCH_FULL,
    TECTON_BATCH_TOO_BIG,
    TECTON_BATCH_NO_MEMORY
} tecton_batch_result;

typedef struct {
    const tecton_request_frame *frame;
    tecton_batch_limits limits;
    beamc_byte_buffer body;
    uint32_t num_records;
    uint32_t record_starts[TECTON_MAX_BATCH_RECORDS]; /* where each record begins in `body`, with its frame */
    uint64_t first_ms;                                /* when the first record came; meaningless while there is none */
} tecton_record_batch;

/* tecton_record_batch_init: empty. `frame` must outlive the batch. */
void tecton_record_batch_init(tecton_record_batch *batch, const tecton_request_frame *frame,
                              const tecton_batch_limits *limits);

/* tecton_record_batch_add copies one encoded record into `batch`.
 *   json, json_len   the record as UTF-8 JSON, json_len bytes, no terminator
 *   now_ms           monotonic milliseconds, the clock tecton_record_batch_due_ms reads
 * TECTON_BATCH_ADDED; TECTON_BATCH_FULL: `batch` unchanged, send it and add again; TECTON_BATCH_TOO_BIG: this record
 * alone passes max_body_bytes. */
tecton_batch_result tecton_record_batch_add(tecton_record_batch *batch, const uint8_t *json, size_t json_len,
                                            uint64_t now_ms);

/* tecton_record_batch_is_full: no further record fits by count. */
static inline bool tecton_record_batch_is_full(const tecton_record_batch *batch) {
    return batch->num_records >= batch->limits.max_records;
}

/* tecton_record_batch_due_ms: when age closes the batch; UINT64_MAX for never. */
uint64_t tecton_record_batch_due_ms(const tecton_record_batch *batch);

/* tecton_record_batch_close appends the frame's end; the body is then ready to send. Once, and not on an empty batch.
 */
void tecton_record_batch_close(tecton_record_batch *batch);

/* tecton_record_batch_reopen undoes close: more records may join. */
void tecton_record_batch_reopen(tecton_record_batch *batch);

/* tecton_record_batch_clear empties the batch and keeps its memory. */
void tecton_record_batch_clear(tecton_record_batch *batch);

void tecton_record_batch_cleanup(tecton_record_batch *batch);

#endif
