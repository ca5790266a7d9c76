/* One request of a bundle, from its first record to its outcome, with what its outputs will need of each record.
 *
 * One owner at a time: the bundle, or the engine between submit and take_done. */
#ifndef WORKER_SINK_BATCH_H
#define WORKER_SINK_BATCH_H

#include "sdk_harness/base/byte_buffer.h"
#include "sdk_harness/base/status.h"
#include "sdk_harness/coders/schema.h"
#include "sdk_harness/dofn.h"
#include "worker/delivery/delivery_request.h"
#include "worker/records/record_batch.h"

/* Elements with the same windows and pane. */
typedef struct {
    size_t start; /* of the windows in the batch's `windows` */
    size_t len;
    uint32_t num_windows;
    uint8_t pane;
} tecton_window_group;

typedef struct tecton_sink_batch {
    tecton_delivery_request request; /* first: what comes back is this batch */
    tecton_record_batch records;
    int64_t timestamps_ms[TECTON_MAX_BATCH_RECORDS];  /* of each record's element */
    uint64_t received_us[TECTON_MAX_BATCH_RECORDS];   /* likewise, where a trace is written */
    uint32_t record_groups[TECTON_MAX_BATCH_RECORDS]; /* index into `groups`, of each record */
    size_t row_starts[TECTON_MAX_BATCH_RECORDS];      /* in `rows`, of each record, where rows are kept */
    tecton_window_group groups[TECTON_MAX_BATCH_RECORDS];
    uint32_t num_groups;
    beamc_byte_buffer windows;
    beamc_byte_buffer rows; /* encoded, as they came */
    struct tecton_sink_batch *next_spare;
} tecton_sink_batch;

/* tecton_sink_batch_new: `frame` must outlive the batch. */
tecton_sink_batch *tecton_sink_batch_new(const tecton_request_frame *frame, const tecton_batch_limits *limits);
void tecton_sink_batch_free(tecton_sink_batch *batch);

/* tecton_sink_batch_clear empties it and keeps its memory. */
void tecton_sink_batch_clear(tecton_sink_batch *batch);

/* tecton_sink_batch_note keeps what is needed of the element whose record was added last.
 *   kept_as   the schema to keep the row by, for an output of refused rows; NULL: it is not kept
 * BEAMC_LIMIT: its windows or its row are too long. */
beamc_status tecton_sink_batch_note(tecton_sink_batch *batch, const beamc_element *element, const beamc_schema *kept_as,
                                    beamc_error *err);

/* tecton_sink_batch_close makes the request ready to be sent; tecton_sink_batch_reopen undoes that. */
void tecton_sink_batch_close(tecton_sink_batch *batch);
void tecton_sink_batch_reopen(tecton_sink_batch *batch);

/* tecton_sink_batch_like gives an element with the windows and pane of a group, for beamc_bundle_emit. */
beamc_element tecton_sink_batch_like(const tecton_sink_batch *batch, uint32_t group);

#endif
