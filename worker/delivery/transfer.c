#include "worker/delivery/transfer.h"

#include "sdk_harness/base/alloc.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

void tecton_transfer_append(tecton_transfer_list *list, tecton_transfer *transfer) {
    transfer->next = NULL;
    transfer->previous = list->last;
    if (list->last == NULL)
        list->first = transfer;
    else
        list->last->next = transfer;
    list->last = transfer;
}

void tecton_transfer_prepend(tecton_transfer_list *list, tecton_transfer *transfer) {
    transfer->previous = NULL;
    transfer->next = list->first;
    if (list->first == NULL)
        list->last = transfer;
    else
        list->first->previous = transfer;
    list->first = transfer;
}

void tecton_transfer_remove(tecton_transfer_list *list, tecton_transfer *transfer) {
    if (transfer->previous == NULL)
        list->first = transfer->next;
    else
        transfer->previous->next = transfer->next;
    if (transfer->next == NULL)
        list->last = transfer->previous;
    else
        transfer->next->previous = transfer->previous;
    transfer->next = transfer->previous = NULL;
}

void tecton_transfer_of_request(tecton_transfer *transfer, tecton_delivery_request *request) {
    transfer->own_slice = (tecton_slice){.request = request, .num_records = request->num_records};
    transfer->slices = &transfer->own_slice;
    transfer->num_slices = transfer->num_live_slices = 1;
    transfer->num_records = request->num_records;
    transfer->body = request->body;
    transfer->body_len = request->body_len;
    transfer->is_preflight = request->is_preflight;
}

/* The bytes of a slice's records as they stand in its request's body, the commas between them included. */
static const uint8_t *records_of(const tecton_slice *slice, const tecton_request_frame *frame, size_t *len) {
    const tecton_delivery_request *request = slice->request;
    uint32_t after = slice->first_record + slice->num_records;
    size_t start = request->record_starts[slice->first_record];
    size_t end =
        after == request->num_records ? request->body_len - frame->tail_len : request->record_starts[after] - 1;
    *len = end - start;
    return request->body + start;
}

void tecton_transfer_of_slices(tecton_transfer *transfer, const tecton_slice *slices, uint32_t num_slices,
                               const tecton_request_frame *frame) {
    assert(num_slices > 0);
    size_t body_len = frame->head_len + frame->tail_len + num_slices - 1;
    for (uint32_t i = 0; i < num_slices; i++) {
        size_t len = 0;
        (void)records_of(&slices[i], frame, &len);
        body_len += len;
        transfer->num_records += slices[i].num_records;
    }
    transfer->slices = num_slices == 1 ? &transfer->own_slice : beamc_alloc(num_slices * sizeof *slices);
    memcpy(transfer->slices, slices, num_slices * sizeof *slices);
    transfer->num_slices = transfer->num_live_slices = num_slices;
    uint8_t *at = transfer->own_body = beamc_alloc(body_len); /* bounded: what is joined or cut fits one request */
    memcpy(at, frame->head, frame->head_len);
    at += frame->head_len;
    for (uint32_t i = 0; i < num_slices; i++) {
        size_t len = 0;
        const uint8_t *records = records_of(&slices[i], frame, &len);
        if (i > 0)
            *at++ = ',';
        memcpy(at, records, len);
        at += len;
    }
    memcpy(at, frame->tail, frame->tail_len);
    transfer->body = transfer->own_body;
    transfer->body_len = body_len;
}

uint32_t tecton_transfer_cut(const tecton_transfer *transfer, uint32_t first_record, uint32_t num_records,
                             tecton_slice *slices) {
    uint32_t num_slices = 0;
    uint32_t before = 0; /* records of the transfer before slice i */
    uint32_t end = first_record + num_records;
    for (uint32_t i = 0; i < transfer->num_slices; i++) {
        const tecton_slice *slice = &transfer->slices[i];
        uint32_t from = before > first_record ? before : first_record;
        uint32_t to = before + slice->num_records < end ? before + slice->num_records : end;
        if (from < to && slice->request != NULL)
            slices[num_slices++] = (tecton_slice){.request = slice->request,
                                                  .first_record = slice->first_record + (from - before),
                                                  .num_records = to - from};
        before += slice->num_records;
    }
    return num_slices;
}

void tecton_transfer_clear(tecton_transfer *transfer) {
    if (transfer->slices != &transfer->own_slice)
        free(transfer->slices);
    free(transfer->own_body);
    *transfer = (tecton_transfer){0};
}
