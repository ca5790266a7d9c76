#include "sdk_harness/control/control_stream.h"

#include "sdk_harness/base/alloc.h"
#include "sdk_harness/base/log.h"
#include "sdk_harness/packing/packed_message.h"
#include "sdk_harness/rpc/bidi_stream.h"

#include <pthread.h>
#include <stdlib.h>

#define CONTROL_METHOD "/org.apache.beam.model.fn_execution.v1.BeamFnControl/Control"

enum {
    MAX_INSTRUCTION_BYTES = 512 * 1024 * 1024, /* elements may be embedded in one */
    /* Responses that wait: one for each instruction, so the runner bounds them; this is only a last resort. */
    QUEUED_RESPONSE_BYTES = 512 * 1024 * 1024,
    LAST_WRITE_WAIT_MS = 2000,
    CLOSE_WAIT_MS = 1000 /* for the runner's side of an orderly end */
};

struct beamc_control_stream {
    beamc_stream *stream;
    beamc_dispatcher *dispatcher;
    beamc_control_closed closed;
    void *context;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    bool has_closed;
};

static void send_response(void *context, const Beam__InstructionResponse *response) {
    beamc_control_stream *control = context;
    ProtobufCBinaryData bytes = beamc_packed(&response->base);
    if (beamc_stream_write(control->stream, bytes.data, bytes.len) != BEAMC_OK)
        log_warn("the response to instruction %s cannot be sent: the control stream has ended",
                 response->instruction_id);
    free(bytes.data);
}

static void instruction_received(void *context, beamc_message *message) {
    beamc_control_stream *control = context;
    beamc_byte_buffer bytes;
    beamc_byte_buffer_init(&bytes, MAX_INSTRUCTION_BYTES);
    Beam__InstructionRequest *request = NULL;
    if (beamc_message_flatten(message, &bytes))
        request = beam__instruction_request__unpack(NULL, bytes.len, bytes.data);
    if (request != NULL) {
        beamc_dispatch(control->dispatcher, request);
        beam__instruction_request__free_unpacked(request, NULL);
    } else {
        /* Without an id there is nobody to answer; the runner and we no longer agree on the protocol. */
        log_error("an instruction of %zu bytes cannot be parsed; the worker ends", beamc_message_len(message));
        beamc_stream_cancel(control->stream);
    }
    beamc_byte_buffer_cleanup(&bytes);
    beamc_message_release(message);
    beamc_stream_read(control->stream);
}

static void stream_closed(void *context, int status_code, const char *details) {
    beamc_control_stream *control = context;
    control->closed(control->context, status_code, details);
    pthread_mutex_lock(&control->lock);
    control->has_closed = true;
    pthread_cond_broadcast(&control->changed);
    pthread_mutex_unlock(&control->lock);
}

beamc_control_stream *beamc_control_stream_start(beamc_completion_loop *loop, beamc_channel *channel,
                                                 beamc_dispatcher *dispatcher, beamc_control_closed closed,
                                                 void *context) {
    static const beamc_stream_events events = {.message = instruction_received, .closed = stream_closed};
    beamc_control_stream *control = beamc_alloc_zero(1, sizeof *control);
    control->dispatcher = dispatcher;
    control->closed = closed;
    control->context = context;
    pthread_mutex_init(&control->lock, NULL);
    pthread_cond_init(&control->changed, NULL);
    dispatcher->respond = send_response;
    dispatcher->respond_context = control;
    control->stream = beamc_stream_open(loop, channel, CONTROL_METHOD, &events, control, QUEUED_RESPONSE_BYTES);
    beamc_stream_read(control->stream);
    return control;
}

void beamc_control_stream_free(beamc_control_stream *control) {
    if (control == NULL)
        return;
    (void)beamc_stream_wait_written(control->stream, LAST_WRITE_WAIT_MS);
    beamc_stream_end(control->stream, CLOSE_WAIT_MS);
    pthread_mutex_lock(&control->lock);
    while (!control->has_closed) /* a cancelled call always tells its end */
        pthread_cond_wait(&control->changed, &control->lock);
    pthread_mutex_unlock(&control->lock);
    beamc_stream_release(control->stream);
    pthread_cond_destroy(&control->changed);
    pthread_mutex_destroy(&control->lock);
    free(control);
}
