#include "sdk_harness/bundle/data_source_operator.h"

#include "sdk_harness/base/alloc.h"
#include "sdk_harness/base/arena.h"
#include "sdk_harness/bundle/element_cursor.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

/* What one decoded element may need beside the bytes it borrows. */
enum { ELEMENT_ARENA_BYTES = 512 * 1024 * 1024 };

typedef struct {
    beamc_operator base;
    char *url;
    beamc_edge_coder coder;
    beamc_edge *output;
    beamc_metric_cell *read_index;
    beamc_execution_state reading;
    beamc_arena arena;
    beamc_value *fields;
    beamc_element_segment segment;
    beamc_byte_reader in;
    beamc_element element;
    bool has_element; /* decoded, not yet taken by all consumers */
    beamc_element_cursor cursor;
    bool is_past_end; /* a split gave the rest of the input away: it is still received, and dropped */
} data_source;

static beamc_status source_start(beamc_operator *op, beamc_run *run, beamc_error *err) {
    data_source *source = (data_source *)op;
    source->has_element = false;
    source->is_past_end = false;
    beamc_element_cursor_start(&source->cursor);
    beamc_metric_cell_set(source->read_index, -1);
    /* Runners wait for the data stream before they send, so it is opened before anything else. */
    beamc_stream *stream = beamc_data_streams_get(run->data_streams, source->url);
    if (stream == NULL)
        return beamc_fail(err, BEAMC_UNAVAILABLE, "no data stream to %s can be opened", source->url);
    beamc_stream_release(stream); /* what comes on it reaches us through run->inbound */
    return BEAMC_OK;
}

static beamc_status source_process(beamc_operator *op, beamc_run *run, const beamc_element *element, beamc_error *err) {
    (void)run;
    (void)element;
    return beamc_fail(err, BEAMC_INVALID, "source node %s has an input", op->transform_id);
}

static beamc_status source_finish(beamc_operator *op, beamc_run *run, beamc_error *err) {
    data_source *source = (data_source *)op;
    beamc_element_cursor_finish(&source->cursor);
    /* As Python and Java count: the current element while there is one, at last how many there were. */
    beamc_metric_cell_set(source->read_index, beamc_element_cursor_index(&source->cursor) + 1);
    return beamc_edge_drain(source->output, run, err);
}

static void source_end(beamc_operator *op, beamc_run *run) {
    (void)run;
    data_source *source = (data_source *)op;
    beamc_element_cursor_finish(&source->cursor);
    beamc_element_segment_release(&source->segment);
    beamc_arena_reset(&source->arena);
    source->has_element = false;
    beamc_edge_clear(source->output);
}

static void source_destroy(beamc_operator *op) {
    data_source *source = (data_source *)op;
    beamc_edge_coder_cleanup(&source->coder);
    beamc_arena_cleanup(&source->arena);
    beamc_element_cursor_cleanup(&source->cursor);
    free(source->fields);
    free(source->url);
    free(source->base.transform_id);
    free(source);
}

static const beamc_operator_methods source_methods = {.start = source_start,
                                                      .process = source_process,
                                                      .finish = source_finish,
                                                      .end = source_end,
                                                      .destroy = source_destroy};

beamc_operator *beamc_data_source_new(const char *transform_id, const char *url, beamc_edge_coder *coder,
                                      beamc_edge *output, beamc_metric_registry *metrics) {
    data_source *source = beamc_alloc_zero(1, sizeof *source);
    source->base.methods = &source_methods;
    source->base.transform_id = beamc_strdup(transform_id);
    source->url = beamc_strdup(url);
    source->coder = *coder;
    *coder = (beamc_edge_coder){0};
    source->output = output;
    beamc_element_cursor_init(&source->cursor);
    beamc_arena_init(&source->arena, ELEMENT_ARENA_BYTES);
    size_t num_fields = source->coder.schema == NULL ? 1 : source->coder.schema->num_fields;
    source->fields = beamc_alloc_zero(num_fields, sizeof *source->fields);
    beamc_metric_key key = {.urn = "beam:metric:data_channel:read_index:v1",
                            .type = "beam:metrics:sum_int64:v1",
                            .num_labels = 1,
                            .labels = {{"PTRANSFORM", transform_id}}};
    source->read_index = beamc_metric_registry_cell(metrics, BEAMC_METRIC_COUNTER, &key);
    source->reading = beamc_execution_state_make(metrics, transform_id, NULL);
    return &source->base;
}

const char *beamc_data_source_url(const beamc_operator *op) {
    return ((const data_source *)op)->url;
}

bool beamc_data_source_split(beamc_operator *op, const beamc_split_wish *wish, beamc_split_result *out) {
    return beamc_element_cursor_split(&((data_source *)op)->cursor, wish, out);
}

static beamc_status decode_next(data_source *source, beamc_error *err) {
    beamc_arena_reset(&source->arena);
    beamc_element_segment_release_read(&source->segment);
    beamc_status status = beamc_windowed_value_decode(&source->coder.windowed, &source->in, &source->arena,
                                                      source->fields, &source->element, err);
    if (status == BEAMC_OK)
        return BEAMC_OK;
    char where[160];
    snprintf(where, sizeof where, "element %" PRId64 " of the bundle, read by %.80s, cannot be decoded",
             beamc_element_cursor_index(&source->cursor) + 1, source->base.transform_id);
    return beamc_fail_within(err, status, where);
}

/* Makes sure that `segment` has bytes to read. BEAMC_SOURCE_MORE: it has. */
static beamc_source_result fill_segment(data_source *source, beamc_run *run, beamc_error *err) {
    while (source->segment.message == NULL || source->is_past_end || beamc_byte_reader_at_end(&source->in)) {
        beamc_element_segment_release(&source->segment);
        switch (beamc_inbound_take(run->inbound, source->base.transform_id, source->url, &source->segment)) {
        case BEAMC_INBOUND_SEGMENT:
            run->received_us = source->segment.received_us;
            beamc_byte_reader_init_slices(&source->in, beamc_element_segment_next_slice, &source->segment,
                                          &source->arena);
            break;
        case BEAMC_INBOUND_EMPTY:
            return BEAMC_SOURCE_EMPTY;
        case BEAMC_INBOUND_ENDED:
            run->received_us = source->segment.received_us;
            return BEAMC_SOURCE_ENDED;
        case BEAMC_INBOUND_BROKEN:
            (void)beamc_fail(err, BEAMC_UNAVAILABLE, "%s before the bundle's input was complete",
                             beamc_inbound_why_broken(run->inbound, source->url));
            return BEAMC_SOURCE_FAILED;
        }
    }
    return BEAMC_SOURCE_MORE;
}

static beamc_source_result pump(data_source *source, beamc_run *run, unsigned max_elements, beamc_error *err) {
    for (unsigned i = 0; i < max_elements; i++) {
        if (atomic_load_explicit(run->aborted, memory_order_relaxed))
            return BEAMC_SOURCE_MORE; /* the processor looks too */
        if (!source->has_element) {
            beamc_source_result result = fill_segment(source, run, err);
            if (result == BEAMC_SOURCE_MORE && !beamc_element_cursor_next(&source->cursor)) {
                source->is_past_end = true;
                result = fill_segment(source, run, err);
            }
            if (result != BEAMC_SOURCE_MORE)
                return result;
            beamc_metric_cell_set(source->read_index, beamc_element_cursor_index(&source->cursor));
            if (decode_next(source, err) != BEAMC_OK)
                return BEAMC_SOURCE_FAILED;
            source->has_element = true;
        }
        run->input_here = source->in.at < source->in.end || source->segment.left > 0;
        beamc_status status = beamc_edge_push(source->output, run, &source->element, err);
        if (status == BEAMC_AGAIN)
            return BEAMC_SOURCE_AGAIN;
        if (status != BEAMC_OK)
            return BEAMC_SOURCE_FAILED;
        source->has_element = false;
    }
    return BEAMC_SOURCE_MORE;
}

beamc_source_result beamc_data_source_pump(beamc_operator *op, beamc_run *run, unsigned max_elements,
                                           beamc_error *err) {
    data_source *source = (data_source *)op;
    const beamc_execution_state *before = beamc_state_enter(&run->sampled, &source->reading);
    beamc_source_result result = pump(source, run, max_elements, err);
    (void)beamc_state_enter(&run->sampled, before);
    return result;
}
