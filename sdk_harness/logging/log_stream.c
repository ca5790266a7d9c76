#include "sdk_harness/logging/log_stream.h"

#include "protos/fn_api.pb-c.h"
#include "sdk_harness/base/alloc.h"
#include "sdk_harness/base/clock.h"
#include "sdk_harness/logging/log_queue.h"
#include "sdk_harness/packing/packed_message.h"
#include "sdk_harness/rpc/bidi_stream.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#define LOGGING_METHOD "/org.apache.beam.model.fn_execution.v1.BeamFnLogging/Logging"

enum {
    LINES_A_MESSAGE = 64, /* Go's harness sends as many */
    QUEUED_BYTES = 1024 * 1024,
    WRITE_WAIT_MS = 1000,
    LAST_WRITE_WAIT_MS = 2000,
    CLOSE_WAIT_MS = 1000 /* a runner that never ends its side must not hold us */
};

struct beamc_log_stream {
    beamc_log_queue *queue;
    beamc_stream *stream;
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    bool closed; /* the stream has told its end; under lock */
    atomic_bool broken;
};

static void write_to_stderr(const beamc_queued_line *line) {
    fprintf(stderr, "%s: %s\n", line->location, line->text);
}

static bool queue_line(void *context, const beamc_log_line *line) {
    beamc_log_stream *logs = context;
    if (atomic_load_explicit(&logs->broken, memory_order_relaxed))
        return false;
    /* A dropped line is counted and reported, so it counts as taken. */
    (void)beamc_log_queue_add(logs->queue, line, beamc_wall_ms());
    return true;
}

static void control_received(void *context, beamc_message *message) {
    beamc_log_stream *logs = context;
    beamc_message_release(message); /* LogControl is empty */
    beamc_stream_read(logs->stream);
}

static void stream_closed(void *context, int status_code, const char *details) {
    (void)status_code;
    (void)details;
    beamc_log_stream *logs = context;
    atomic_store_explicit(&logs->broken, true, memory_order_relaxed);
    pthread_mutex_lock(&logs->lock);
    logs->closed = true;
    pthread_cond_broadcast(&logs->changed);
    pthread_mutex_unlock(&logs->lock);
}

static void fill_entry(const beamc_queued_line *line, Beam__LogEntry *entry, Google__Protobuf__Timestamp *time) {
    beam__log_entry__init(entry);
    google__protobuf__timestamp__init(time);
    time->seconds = line->wall_ms / 1000;
    time->nanos = (int32_t)(line->wall_ms % 1000) * 1000000;
    entry->severity = (Beam__LogEntry__Severity__Enum)line->level;
    entry->timestamp = time;
    entry->message = line->text;
    entry->log_location = line->location;
    if (line->instruction_id != NULL)
        entry->instruction_id = line->instruction_id;
    if (line->transform_id != NULL)
        entry->transform_id = line->transform_id;
}

static bool send_lines(beamc_log_stream *logs, beamc_queued_line *lines) {
    Beam__LogEntry entries[LINES_A_MESSAGE];
    Beam__LogEntry *pointers[LINES_A_MESSAGE];
    Google__Protobuf__Timestamp times[LINES_A_MESSAGE];
    Beam__LogEntry__List list = BEAM__LOG_ENTRY__LIST__INIT;
    list.log_entries = pointers;
    for (const beamc_queued_line *line = lines; line != NULL; line = line->next) {
        size_t i = list.n_log_entries++;
        fill_entry(line, &entries[i], &times[i]);
        pointers[i] = &entries[i];
    }
    ProtobufCBinaryData bytes = beamc_packed(&list.base);
    beamc_status status = beamc_stream_write(logs->stream, bytes.data, bytes.len);
    if (status == BEAMC_LIMIT) { /* a slow reader: wait here, on the log thread; the queue drops meanwhile */
        (void)beamc_stream_wait_writable(logs->stream, WRITE_WAIT_MS);
        status = beamc_stream_write(logs->stream, bytes.data, bytes.len);
    }
    free(bytes.data);
    return status == BEAMC_OK;
}

static void *drain(void *context) {
    beamc_log_stream *logs = context;
    for (;;) {
        uint64_t dropped = 0;
        beamc_queued_line *lines = beamc_log_queue_take(logs->queue, LINES_A_MESSAGE, &dropped);
        if (lines == NULL)
            return NULL;
        if (dropped > 0)
            fprintf(stderr, "beam: %llu log lines were dropped: the runner reads them too slowly\n",
                    (unsigned long long)dropped);
        bool sent = !atomic_load(&logs->broken) && send_lines(logs, lines);
        while (lines != NULL) {
            beamc_queued_line *next = lines->next;
            if (!sent)
                write_to_stderr(lines);
            beamc_queued_line_free(lines);
            lines = next;
        }
    }
}

beamc_log_stream *beamc_log_stream_start(beamc_completion_loop *loop, beamc_channel *channel) {
    static const beamc_stream_events events = {.message = control_received, .closed = stream_closed};
    beamc_log_stream *logs = beamc_alloc_zero(1, sizeof *logs);
    logs->queue = beamc_log_queue_new(BEAMC_LOG_QUEUE_LINES);
    pthread_mutex_init(&logs->lock, NULL);
    pthread_cond_init(&logs->changed, NULL);
    logs->stream = beamc_stream_open(loop, channel, LOGGING_METHOD, &events, logs, QUEUED_BYTES);
    beamc_stream_read(logs->stream);
    if (pthread_create(&logs->thread, NULL, drain, logs) != 0)
        abort(); /* at start, before any work was taken */
    pthread_setname_np(logs->thread, "beam-log");
    beamc_log_set_sink(queue_line, logs);
    return logs;
}

void beamc_log_stream_stop(beamc_log_stream *logs) {
    if (logs == NULL)
        return;
    beamc_log_set_sink(NULL, NULL);
    beamc_log_queue_close(logs->queue);
    pthread_join(logs->thread, NULL);
    (void)beamc_stream_wait_written(logs->stream, LAST_WRITE_WAIT_MS);
    beamc_stream_end(logs->stream, CLOSE_WAIT_MS);
    pthread_mutex_lock(&logs->lock);
    while (!logs->closed) /* a cancelled call always tells its end */
        pthread_cond_wait(&logs->changed, &logs->lock);
    pthread_mutex_unlock(&logs->lock);
    beamc_stream_release(logs->stream);
    beamc_log_queue_free(logs->queue);
    pthread_cond_destroy(&logs->changed);
    pthread_mutex_destroy(&logs->lock);
    free(logs);
}
