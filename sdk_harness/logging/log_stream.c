#include "sdk_harness/logging/log_stream.h"

#include "protos/fn_api.pb-c.h"
#include "sdk_harness/base/alloc.h"
#include "sdk_harness/base/clean_text.h"
#include "sdk_harness/base/clock.h"
#include "sdk_harness/logging/log_queue.h"
#include "sdk_harness/packing/packed_message.h"
#include "sdk_harness/rpc/bidi_stream.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LOGGING_METHOD "/org.apache.beam.model.fn_execution.v1.BeamFnLogging/Logging"

enum {
    LINES_A_MESSAGE = 64, /* Go's harness sends as many */
    QUEUED_BYTES = 1024 * 1024,
    WRITE_WAIT_MS = 1000,
    LAST_WRITE_WAIT_MS = 2000,
    CLOSE_WAIT_MS = 1000, /* a runner that never ends its side must not hold us */
    RETRY_MS = 5000,      /* after a break; Go's harness waits as long */
    SHOWN_DETAILS = 200
};

/* One call; a broken one is followed by another. */
typedef struct {
    beamc_log_stream *logs;
    beamc_stream *stream;
    bool closed;   /* it has told its end; under the owner's lock */
    bool is_tried; /* a message has left on it; the log thread's */
} connection;

struct beamc_log_stream {
    beamc_completion_loop *loop;
    beamc_channel *channel;
    beamc_log_queue *queue;
    connection *connection; /* the log thread's, and of those that start and stop it */
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    atomic_bool broken;
    _Atomic uint64_t retry_at_ms; /* while broken; UINT64_MAX: never */
};

static void write_to_stderr(const beamc_queued_line *line) {
    fprintf(stderr, "%s: %s\n", line->location, line->text);
}

static bool queue_line(void *context, const beamc_log_line *line) {
    beamc_log_stream *logs = context;
    if (atomic_load(&logs->broken) && beamc_clock_ms() < atomic_load(&logs->retry_at_ms))
        return false;
    /* A dropped line is counted and reported, so it counts as taken. */
    (void)beamc_log_queue_add(logs->queue, line, beamc_wall_ms());
    return true;
}

static void control_received(void *context, beamc_message *message) {
    const connection *call = context;
    beamc_message_release(message); /* LogControl is empty */
    beamc_stream_read(call->stream);
}

static void stream_closed(void *context, int status_code, const char *details) {
    connection *call = context;
    beamc_log_stream *logs = call->logs;
    /* A runner that ends the stream in good order wants no more lines; jobs end so. */
    if (status_code != 0) {
        char why[SHOWN_DETAILS];
        (void)beamc_clean_text(details, strlen(details), why, sizeof why);
        fprintf(stderr, "beam: the log stream broke (status %d, %s); lines go here until the runner takes them again\n",
                status_code, why);
    }
    atomic_store(&logs->retry_at_ms, status_code == 0 ? UINT64_MAX : beamc_clock_ms() + RETRY_MS);
    atomic_store(&logs->broken, true);
    pthread_mutex_lock(&logs->lock);
    call->closed = true;
    pthread_cond_broadcast(&logs->changed);
    pthread_mutex_unlock(&logs->lock);
}

static connection *connect_stream(beamc_log_stream *logs) {
    static const beamc_stream_events events = {.message = control_received, .closed = stream_closed};
    connection *call = beamc_alloc_zero(1, sizeof *call);
    call->logs = logs;
    call->stream = beamc_stream_open(logs->loop, logs->channel, LOGGING_METHOD, &events, call, QUEUED_BYTES);
    beamc_stream_read(call->stream);
    return call;
}

static void free_connection(connection *call) {
    beamc_log_stream *logs = call->logs;
    pthread_mutex_lock(&logs->lock);
    while (!call->closed) /* a broken or cancelled call always tells its end */
        pthread_cond_wait(&logs->changed, &logs->lock);
    pthread_mutex_unlock(&logs->lock);
    beamc_stream_release(call->stream);
    free(call);
}

/* A broken stream is followed by a new one when its time has come: at most one every RETRY_MS, and only when there is
 * something to say. */
static bool ensure_connected(beamc_log_stream *logs) {
    if (!atomic_load(&logs->broken))
        return true;
    if (beamc_clock_ms() < atomic_load(&logs->retry_at_ms))
        return false;
    free_connection(logs->connection);
    atomic_store(&logs->broken, false);
    logs->connection = connect_stream(logs);
    return true;
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
    connection *call = logs->connection;
    beamc_status status = beamc_stream_write(call->stream, bytes.data, bytes.len);
    if (status == BEAMC_LIMIT) { /* a slow reader: wait here, on the log thread; the queue drops meanwhile */
        (void)beamc_stream_wait_writable(call->stream, WRITE_WAIT_MS);
        status = beamc_stream_write(call->stream, bytes.data, bytes.len);
    }
    /* What is written to a call that never comes up is lost, so the first message is seen off. */
    if (status == BEAMC_OK && !call->is_tried)
        status = beamc_stream_wait_written(call->stream, WRITE_WAIT_MS);
    call->is_tried = call->is_tried || status == BEAMC_OK;
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
        bool sent = ensure_connected(logs) && send_lines(logs, lines);
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
    beamc_log_stream *logs = beamc_alloc_zero(1, sizeof *logs);
    logs->loop = loop;
    logs->channel = channel;
    logs->queue = beamc_log_queue_new(BEAMC_LOG_QUEUE_LINES);
    pthread_mutex_init(&logs->lock, NULL);
    pthread_cond_init(&logs->changed, NULL);
    logs->connection = connect_stream(logs);
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
    (void)beamc_stream_wait_written(logs->connection->stream, LAST_WRITE_WAIT_MS);
    beamc_stream_end(logs->connection->stream, CLOSE_WAIT_MS);
    free_connection(logs->connection);
    beamc_log_queue_free(logs->queue);
    pthread_cond_destroy(&logs->changed);
    pthread_mutex_destroy(&logs->lock);
    free(logs);
}
