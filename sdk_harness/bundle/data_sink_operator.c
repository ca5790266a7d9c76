#include "sdk_harness/bundle/data_sink_operator.h"

#include "sdk_harness/base/alloc.h"
#include "sdk_harness/data_plane/outbound_elements.h"

#include <stdlib.h>

typedef struct {
    beamc_operator base;
    char *url;
    beamc_edge_coder coder;
    beamc_execution_state writing;
    beamc_stream *stream; /* of the running bundle; a reference */
    bool has_sent;        /* in this bundle */
    beamc_byte_buffer buffer;
    beamc_byte_buffer scratch;
} data_sink;

static beamc_status sink_start(beamc_operator *op, beamc_run *run, beamc_error *err) {
    data_sink *sink = (data_sink *)op;
    beamc_byte_buffer_clear(&sink->buffer);
    sink->has_sent = false;
    sink->stream = beamc_data_streams_get(run->data_streams, sink->url);
    if (sink->stream == NULL)
        return beamc_fail(err, BEAMC_UNAVAILABLE, "no data stream to %s can be opened", sink->url);
    return BEAMC_OK;
}

static void wake_and_release(void *context) {
    beamc_waker *waker = context;
    beamc_waker_wake(waker);
    beamc_waker_release(waker);
}

/* BEAMC_AGAIN: the bundle will be woken when the stream takes output again, and holds no thread until then. */
static beamc_status await_room(data_sink *sink, beamc_run *run) {
    beamc_waker *waker = beamc_waker_retain(run->waker);
    beamc_stream_room room = beamc_stream_await_room(sink->stream, wake_and_release, waker);
    if (room != BEAMC_ROOM_LATER)
        beamc_waker_release(waker);
    return room == BEAMC_ROOM_HERE ? BEAMC_OK : BEAMC_AGAIN;
}

static beamc_status flush(data_sink *sink, beamc_run *run, bool end, beamc_error *err) {
    for (;;) {
        const char *id = sink->base.transform_id;
        beamc_status status = end ? beamc_outbound_end(sink->stream, run->instruction_id, id, &sink->buffer, err)
                                  : beamc_outbound_flush(sink->stream, run->instruction_id, id, &sink->buffer, err);
        if (status != BEAMC_AGAIN)
            return status;
        BEAMC_TRY(await_room(sink, run));
    }
}

static beamc_status sink_process(beamc_operator *op, beamc_run *run, const beamc_element *element, beamc_error *err) {
    data_sink *sink = (data_sink *)op;
    if (sink->buffer.len >= BEAMC_OUTBOUND_CHUNK_BYTES) { /* of the elements before: this one is not yet taken */
        sink->has_sent = true;
        BEAMC_TRY(flush(sink, run, false, err));
    }
    const beamc_execution_state *before = beamc_state_enter(&run->sampled, &sink->writing);
    beamc_status status = beamc_windowed_value_encode(&sink->coder.windowed, element->fields, element->timestamp_ms,
                                                      element, &sink->scratch, &sink->buffer, err);
    (void)beamc_state_enter(&run->sampled, before);
    return status == BEAMC_OK ? status : beamc_fail_within(err, status, op->transform_id);
}

static beamc_status sink_finish(beamc_operator *op, beamc_run *run, beamc_error *err) {
    return run->holds_output ? BEAMC_OK : beamc_data_sink_send(op, run, err);
}

beamc_status beamc_data_sink_send(beamc_operator *op, beamc_run *run, beamc_error *err) {
    data_sink *sink = (data_sink *)op;
    const beamc_execution_state *before = beamc_state_enter(&run->sampled, &sink->writing);
    beamc_status status = flush(sink, run, true, err);
    (void)beamc_state_enter(&run->sampled, before);
    return status;
}

size_t beamc_data_sink_held(const beamc_operator *op, bool *has_sent) {
    const data_sink *sink = (const data_sink *)op;
    if (sink->has_sent)
        *has_sent = true;
    return sink->buffer.len;
}

void beamc_data_sink_embed(beamc_operator *op, const beamc_run *run, Beam__Elements *elements) {
    data_sink *sink = (data_sink *)op;
    beamc_embedded_add(elements, run->instruction_id, op->transform_id, sink->buffer.data, sink->buffer.len);
    beamc_byte_buffer_clear(&sink->buffer);
}

static void sink_end(beamc_operator *op, beamc_run *run) {
    (void)run;
    data_sink *sink = (data_sink *)op;
    beamc_stream_release(sink->stream);
    sink->stream = NULL;
    beamc_byte_buffer_clear(&sink->buffer);
}

static void sink_destroy(beamc_operator *op) {
    data_sink *sink = (data_sink *)op;
    beamc_edge_coder_cleanup(&sink->coder);
    beamc_byte_buffer_cleanup(&sink->buffer);
    beamc_byte_buffer_cleanup(&sink->scratch);
    free(sink->url);
    free(sink->base.transform_id);
    free(sink);
}

static const beamc_operator_methods sink_methods = {
    .start = sink_start, .process = sink_process, .finish = sink_finish, .end = sink_end, .destroy = sink_destroy};

beamc_operator *beamc_data_sink_new(const char *transform_id, const char *url, beamc_edge_coder *coder,
                                    beamc_metric_registry *metrics) {
    data_sink *sink = beamc_alloc_zero(1, sizeof *sink);
    sink->base.methods = &sink_methods;
    sink->base.transform_id = beamc_strdup(transform_id);
    sink->url = beamc_strdup(url);
    sink->writing = beamc_execution_state_make(metrics, transform_id, NULL);
    sink->coder = *coder;
    *coder = (beamc_edge_coder){0};
    beamc_byte_buffer_init(&sink->buffer, BEAMC_OUTBOUND_ELEMENT_BYTES);
    beamc_byte_buffer_init(&sink->scratch, BEAMC_OUTBOUND_ELEMENT_BYTES);
    return &sink->base;
}
