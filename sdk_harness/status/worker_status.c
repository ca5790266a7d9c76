#include "sdk_harness/status/worker_status.h"

#include "protos/fn_api.pb-c.h"
#include "sdk_harness/base/alloc.h"
#include "sdk_harness/base/log.h"
#include "sdk_harness/packing/packed_message.h"
#include "sdk_harness/rpc/bidi_stream.h"

#include <pthread.h>
#include <stdlib.h>

#define STATUS_METHOD "/org.apache.beam.model.fn_execution.v1.BeamFnWorkerStatus/WorkerStatus"

enum { MAX_REQUEST_BYTES = 64 * 1024, QUEUED_BYTES = 1024 * 1024, CLOSE_WAIT_MS = 1000 };

struct beamc_worker_status {
    beamc_stream *stream;
    beamc_status_text text;
    void *context;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    bool closed;
};

static void answer(beamc_worker_status *status, const Beam__WorkerStatusRequest *request) {
    Beam__WorkerStatusResponse response = BEAM__WORKER_STATUS_RESPONSE__INIT;
    char *text = status->text(status->context);
    response.id = request->id;
    response.status_info = text;
    ProtobufCBinaryData bytes = beamc_packed(&response.base);
    (void)beamc_stream_write(status->stream, bytes.data, bytes.len); /* who does not read gets no more answers */
    free(bytes.data);
    free(text);
}

static void request_received(void *context, beamc_message *message) {
    beamc_worker_status *status = context;
    beamc_byte_buffer bytes;
    beamc_byte_buffer_init(&bytes, MAX_REQUEST_BYTES);
    Beam__WorkerStatusRequest *request = NULL;
    if (beamc_message_flatten(message, &bytes))
        request = beam__worker_status_request__unpack(NULL, bytes.len, bytes.data);
    if (request != NULL) {
        answer(status, request);
        beam__worker_status_request__free_unpacked(request, NULL);
    } else {
        log_warn("a status request of %zu bytes cannot be parsed", beamc_message_len(message));
    }
    beamc_byte_buffer_cleanup(&bytes);
    beamc_message_release(message);
    beamc_stream_read(status->stream);
}

static void stream_closed(void *context, int status_code, const char *details) {
    beamc_worker_status *status = context;
    if (status_code != 0)
        log_info("the runner's status service is gone: status %d, %s", status_code, details);
    pthread_mutex_lock(&status->lock);
    status->closed = true;
    pthread_cond_broadcast(&status->changed);
    pthread_mutex_unlock(&status->lock);
}

beamc_worker_status *beamc_worker_status_start(beamc_completion_loop *loop, beamc_channel *channel,
                                               beamc_status_text text, void *context) {
    static const beamc_stream_events events = {.message = request_received, .closed = stream_closed};
    beamc_worker_status *status = beamc_alloc_zero(1, sizeof *status);
    status->text = text;
    status->context = context;
    pthread_mutex_init(&status->lock, NULL);
    pthread_cond_init(&status->changed, NULL);
    status->stream = beamc_stream_open(loop, channel, STATUS_METHOD, &events, status, QUEUED_BYTES);
    beamc_stream_read(status->stream);
    return status;
}

void beamc_worker_status_stop(beamc_worker_status *status) {
    if (status == NULL)
        return;
    beamc_stream_end(status->stream, CLOSE_WAIT_MS);
    pthread_mutex_lock(&status->lock);
    while (!status->closed) /* a cancelled call always tells its end */
        pthread_cond_wait(&status->changed, &status->lock);
    pthread_mutex_unlock(&status->lock);
    beamc_stream_release(status->stream);
    pthread_cond_destroy(&status->changed);
    pthread_mutex_destroy(&status->lock);
    free(status);
}
