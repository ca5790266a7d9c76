#include "sdk_harness/base/alloc.h"
#include "sdk_harness/base/arena.h"
#include "sdk_harness/bundle/operator.h"
#include "sdk_harness/coders/row_coder.h"

#include <stdlib.h>
#include <string.h>

/* An element that waits for its readers, as bytes: the values it pointed to are gone. */
struct beamc_pending {
    beamc_pending *next;
    beamc_element element; /* fields and windows point into this structure's own memory */
    beamc_arena arena;
    beamc_byte_buffer row;
    size_t bytes;
};

static beamc_status deliver(beamc_edge *edge, beamc_run *run, const beamc_element *element, beamc_error *err) {
    while (edge->next_consumer < edge->num_consumers) {
        beamc_operator *consumer = edge->consumers[edge->next_consumer];
        BEAMC_TRY(consumer->methods->process(consumer, run, element, err));
        edge->next_consumer++;
    }
    edge->next_consumer = 0;
    return BEAMC_OK;
}

beamc_status beamc_edge_push(beamc_edge *edge, beamc_run *run, const beamc_element *element, beamc_error *err) {
    BEAMC_TRY(deliver(edge, run, element, err));
    beamc_metric_cell_add(edge->element_count, 1);
    return BEAMC_OK;
}

static void free_pending(beamc_pending *pending) {
    beamc_arena_cleanup(&pending->arena);
    beamc_byte_buffer_cleanup(&pending->row);
    free(pending);
}

static beamc_status copy_element(beamc_edge *edge, const beamc_element *element, beamc_pending *pending,
                                 beamc_error *err) {
    BEAMC_TRY(beamc_row_encode(edge->schema, element->fields, &pending->row, err));
    beamc_value *fields = beamc_arena_take(&pending->arena, edge->schema->num_fields * sizeof *fields);
    uint8_t *windows = beamc_arena_take(&pending->arena, element->windows_len);
    if (fields == NULL || windows == NULL)
        return beamc_fail(err, BEAMC_LIMIT, "an element passes the limit of %d bytes", BEAMC_EDGE_MAX_PENDING_BYTES);
    beamc_byte_reader in;
    beamc_byte_reader_init(&in, pending->row.data, pending->row.len, &pending->arena);
    BEAMC_TRY(beamc_row_decode(edge->schema, &in, &pending->arena, fields, err));
    memcpy(windows, element->windows, element->windows_len);
    pending->element = *element;
    pending->element.fields = fields;
    pending->element.windows = windows;
    pending->bytes = pending->row.len + element->windows_len;
    return BEAMC_OK;
}

beamc_status beamc_edge_emit(beamc_edge *edge, beamc_run *run, const beamc_element *element, beamc_error *err) {
    if (edge->first_pending == NULL) {
        beamc_status status = beamc_edge_push(edge, run, element, err);
        if (status != BEAMC_AGAIN)
            return status;
    }
    beamc_pending *pending = beamc_alloc_zero(1, sizeof *pending);
    beamc_arena_init(&pending->arena, BEAMC_EDGE_MAX_PENDING_BYTES);
    beamc_byte_buffer_init(&pending->row, BEAMC_EDGE_MAX_PENDING_BYTES);
    beamc_status status = copy_element(edge, element, pending, err);
    if (status == BEAMC_OK && pending->bytes > BEAMC_EDGE_MAX_PENDING_BYTES - edge->pending_bytes)
        status =
            beamc_fail(err, BEAMC_LIMIT, "more than %d bytes wait between two steps", BEAMC_EDGE_MAX_PENDING_BYTES);
    if (status != BEAMC_OK) {
        free_pending(pending);
        return status;
    }
    if (edge->first_pending == NULL)
        edge->last_pending = &edge->first_pending;
    *edge->last_pending = pending;
    edge->last_pending = &pending->next;
    edge->pending_bytes += pending->bytes;
    return BEAMC_OK;
}

static void drop_first(beamc_edge *edge) {
    beamc_pending *pending = edge->first_pending;
    edge->first_pending = pending->next;
    edge->pending_bytes -= pending->bytes;
    free_pending(pending);
}

beamc_status beamc_edge_drain(beamc_edge *edge, beamc_run *run, beamc_error *err) {
    while (edge->first_pending != NULL) {
        BEAMC_TRY(beamc_edge_push(edge, run, &edge->first_pending->element, err));
        drop_first(edge);
    }
    return BEAMC_OK;
}

void beamc_edge_clear(beamc_edge *edge) {
    while (edge->first_pending != NULL)
        drop_first(edge);
    edge->next_consumer = 0;
}
