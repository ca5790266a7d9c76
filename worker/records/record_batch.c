#include "worker/records/record_batch.h"

void tecton_record_batch_init(tecton_record_batch *batch, const tecton_request_frame *frame,
                              const tecton_batch_limits *limits) {
    *batch = (tecton_record_batch){.frame = frame, .limits = *limits};
    beamc_byte_buffer_init(&batch->body, limits->max_body_bytes);
}

tecton_batch_result tecton_record_batch_add(tecton_record_batch *batch, const uint8_t *json, size_t json_len,
                                            uint64_t now_ms) {
    const tecton_request_frame *frame = batch->frame;
    size_t around = frame->before_record_len + frame->after_record_len;
    size_t alone = frame->head_len + around + frame->tail_len;
    if (alone > batch->limits.max_body_bytes || json_len > batch->limits.max_body_bytes - alone)
        return TECTON_BATCH_TOO_BIG;
    bool first = batch->num_records == 0;
    size_t wanted = (first ? frame->head_len : 1) + around + json_len;
    if (!first && (tecton_record_batch_is_full(batch) ||
                   batch->body.len + wanted + frame->tail_len > batch->limits.max_body_bytes))
        return TECTON_BATCH_FULL;
    /* Room for the tail too, so that closing cannot fail. */
    if (beamc_byte_buffer_reserve(&batch->body, wanted + frame->tail_len) == NULL) {
        batch->body.failed = false;
        return TECTON_BATCH_NO_MEMORY;
    }
    if (first) {
        batch->first_ms = now_ms;
        beamc_byte_buffer_append(&batch->body, frame->head, frame->head_len);
    } else {
        beamc_byte_buffer_append_byte(&batch->body, ',');
    }
    batch->record_starts[batch->num_records] = (uint32_t)batch->body.len;
    beamc_byte_buffer_append(&batch->body, frame->before_record, frame->before_record_len);
    beamc_byte_buffer_append(&batch->body, json, json_len);
    beamc_byte_buffer_append(&batch->body, frame->after_record, frame->after_record_len);
    batch->num_records++;
    return TECTON_BATCH_ADDED;
}

uint64_t tecton_record_batch_due_ms(const tecton_record_batch *batch) {
    if (batch->num_records == 0 || batch->limits.linger_ms == 0)
        return UINT64_MAX;
    return batch->first_ms + batch->limits.linger_ms;
}

void tecton_record_batch_close(tecton_record_batch *batch) {
    beamc_byte_buffer_append(&batch->body, batch->frame->tail, batch->frame->tail_len);
}

void tecton_record_batch_reopen(tecton_record_batch *batch) {
    batch->body.len -= batch->frame->tail_len;
}

void tecton_record_batch_clear(tecton_record_batch *batch) {
    beamc_byte_buffer_clear(&batch->body);
    batch->num_records = 0;
}

void tecton_record_batch_cleanup(tecton_record_batch *batch) {
    beamc_byte_buffer_cleanup(&batch->body);
    batch->num_records = 0;
}
