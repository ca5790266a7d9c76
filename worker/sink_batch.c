#include "worker/sink_batch.h"

#include "sdk_harness/base/alloc.h"
#include "sdk_harness/coders/row_coder.h"

#include <stdlib.h>
#include <string.h>

enum {
    MAX_WINDOWS_BYTES = 1024 * 1024, /* of one batch; a window takes some tens */
    MAX_ROWS_BYTES = 8 * 1024 * 1024 /* likewise; a record takes at most TECTON_MAX_BODY_BYTES as JSON */
};

tecton_sink_batch *tecton_sink_batch_new(const tecton_request_frame *frame, const tecton_batch_limits *limits) {
    tecton_sink_batch *batch = beamc_alloc_zero(1, sizeof *batch);
    tecton_record_batch_init(&batch->records, frame, limits);
    beamc_byte_buffer_init(&batch->windows, MAX_WINDOWS_BYTES);
    beamc_byte_buffer_init(&batch->rows, MAX_ROWS_BYTES);
    return batch;
}

void tecton_sink_batch_free(tecton_sink_batch *batch) {
    tecton_delivery_request_reset(&batch->request);
    tecton_record_batch_cleanup(&batch->records);
    beamc_byte_buffer_cleanup(&batch->windows);
    beamc_byte_buffer_cleanup(&batch->rows);
    free(batch);
}

void tecton_sink_batch_clear(tecton_sink_batch *batch) {
    tecton_delivery_request_reset(&batch->request);
    tecton_record_batch_clear(&batch->records);
    beamc_byte_buffer_clear(&batch->windows);
    beamc_byte_buffer_clear(&batch->rows);
    batch->num_groups = 0;
}

/* Elements of one bundle are mostly in the same windows: the last group is the first guess. */
static beamc_status find_group(tecton_sink_batch *batch, const beamc_element *element, uint32_t *found,
                               beamc_error *err) {
    for (uint32_t i = batch->num_groups; i > 0; i--) {
        const tecton_window_group *group = &batch->groups[i - 1];
        if (group->len == element->windows_len && group->pane == element->pane &&
            (group->len == 0 || memcmp(batch->windows.data + group->start, element->windows, group->len) == 0)) {
            *found = i - 1;
            return BEAMC_OK;
        }
    }
    tecton_window_group group = {.start = batch->windows.len,
                                 .len = element->windows_len,
                                 .num_windows = element->num_windows,
                                 .pane = element->pane};
    if (!beamc_byte_buffer_append(&batch->windows, element->windows, element->windows_len))
        return beamc_fail(err, BEAMC_LIMIT, "the element's windows take %zu bytes; at most %zu are kept of a request",
                          element->windows_len, batch->windows.ceiling);
    *found = batch->num_groups;
    batch->groups[batch->num_groups++] = group;
    return BEAMC_OK;
}

beamc_status tecton_sink_batch_note(tecton_sink_batch *batch, const beamc_element *element, const beamc_schema *kept_as,
                                    beamc_error *err) {
    uint32_t index = batch->records.num_records - 1;
    batch->timestamps_ms[index] = element->timestamp_ms;
    BEAMC_TRY(find_group(batch, element, &batch->record_groups[index], err));
    if (kept_as == NULL)
        return BEAMC_OK;
    batch->row_starts[index] = batch->rows.len;
    return beamc_row_encode(kept_as, element->fields, &batch->rows, err);
}

void tecton_sink_batch_close(tecton_sink_batch *batch) {
    tecton_record_batch_close(&batch->records);
    batch->request.body = batch->records.body.data;
    batch->request.body_len = batch->records.body.len;
    batch->request.num_records = batch->records.num_records;
    batch->request.record_starts = batch->records.record_starts;
}

void tecton_sink_batch_reopen(tecton_sink_batch *batch) {
    tecton_record_batch_reopen(&batch->records);
}

beamc_element tecton_sink_batch_like(const tecton_sink_batch *batch, uint32_t group) {
    const tecton_window_group *windows = &batch->groups[group];
    return (beamc_element){.windows = windows->len == 0 ? NULL : batch->windows.data + windows->start,
                           .windows_len = windows->len,
                           .num_windows = windows->num_windows,
                           .pane = windows->pane};
}
