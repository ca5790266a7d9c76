#include "sdk_harness/rpc/bidi_stream.h"

#include "sdk_harness/base/alloc.h"
#include "sdk_harness/base/wait_deadline.h"
#include "sdk_harness/rpc/channel_internal.h"
#include "sdk_harness/rpc/completion_internal.h"
#include "sdk_harness/rpc/message_internal.h"

#include <errno.h>
#include <grpc/support/alloc.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

typedef struct queued_write {
    struct queued_write *next;
    grpc_byte_buffer *buffer;
    size_t len;
} queued_write;

/* One who waits until a write would be taken. */
typedef struct room_waiter {
    struct room_waiter *next;
    void (*notify)(void *context);
    void *context;
} room_waiter;

/* An operation is embedded in its stream; `done` finds the stream through `owner`. */
typedef struct {
    beamc_completion completion;
    beamc_stream *owner;
} stream_op;

struct beamc_stream {
    beamc_completion_loop *loop;
    grpc_call *call;
    beamc_stream_events events;
    void *context;
    size_t max_queued_bytes;
    unsigned references; /* the opener's, its users', and one for each operation under way; under lock */

    pthread_mutex_t lock;
    pthread_cond_t changed; /* a write left, or the stream ended */
    queued_write *first;
    queued_write *last;
    size_t queued_bytes; /* waiting or being written */
    room_waiter *room_waiters;
    bool writing;
    bool reading;
    bool close_wanted;
    bool close_sent;
    bool ended; /* status received */
    bool closed_told;

    stream_op start_op;
    stream_op read_op;
    stream_op write_op;
    stream_op status_op;

    grpc_metadata metadata;
    grpc_metadata_array initial_metadata;
    grpc_metadata_array trailing_metadata;
    grpc_byte_buffer *received;
    grpc_status_code status_code;
    grpc_slice status_details;
};

static void free_stream(beamc_stream *stream) {
    while (stream->first != NULL) {
        queued_write *write = stream->first;
        stream->first = write->next;
        grpc_byte_buffer_destroy(write->buffer);
        free(write);
    }
    grpc_metadata_array_destroy(&stream->initial_metadata);
    grpc_metadata_array_destroy(&stream->trailing_metadata);
    grpc_slice_unref(stream->metadata.value);
    grpc_slice_unref(stream->status_details);
    grpc_call_unref(stream->call);
    pthread_cond_destroy(&stream->changed);
    pthread_mutex_destroy(&stream->lock);
    free(stream);
}

/* Gives back one reference; tells the end once no operation but the teller's is left. */
static void unlock_and_release(beamc_stream *stream) {
    stream->references--;
    bool free_now = stream->references == 0;
    pthread_mutex_unlock(&stream->lock);
    if (free_now)
        free_stream(stream);
}

/* `closed` comes after the last message, so it waits for a read that is under way. */
static bool must_tell_closed(beamc_stream *stream) {
    if (!stream->ended || stream->reading || stream->closed_told)
        return false;
    stream->closed_told = true;
    return true;
}

static void tell_closed(beamc_stream *stream) {
    char *details = grpc_slice_to_c_string(stream->status_details);
    stream->events.closed(stream->context, (int)stream->status_code, details);
    gpr_free(details);
}

static bool has_room(const beamc_stream *stream) {
    return stream->queued_bytes < stream->max_queued_bytes || stream->ended;
}

/* Under the lock: those to be told, without the lock, that there is room. */
static room_waiter *take_waiters(beamc_stream *stream) {
    room_waiter *waiters = has_room(stream) ? stream->room_waiters : NULL;
    if (waiters != NULL)
        stream->room_waiters = NULL;
    return waiters;
}

static void tell_waiters(room_waiter *waiters) {
    while (waiters != NULL) {
        room_waiter *waiter = waiters;
        waiters = waiter->next;
        waiter->notify(waiter->context);
        free(waiter);
    }
}

static void start_next_write(beamc_stream *stream) {
    if (stream->writing || stream->ended)
        return;
    grpc_op op = {0};
    if (stream->first != NULL) {
        op.op = GRPC_OP_SEND_MESSAGE;
        op.data.send_message.send_message = stream->first->buffer;
    } else if (stream->close_wanted && !stream->close_sent) {
        op.op = GRPC_OP_SEND_CLOSE_FROM_CLIENT;
        stream->close_sent = true;
    } else {
        return;
    }
    stream->writing = true;
    stream->references++;
    if (!beamc_start_batch(stream->call, &op, 1, &stream->write_op.completion)) {
        stream->writing = false;
        stream->references--;
    }
}

static void write_done(beamc_completion *completion, bool ok) {
    beamc_stream *stream = ((stream_op *)completion)->owner;
    pthread_mutex_lock(&stream->lock);
    stream->writing = false;
    queued_write *write = stream->first;
    if (write != NULL) {
        stream->first = write->next;
        if (stream->first == NULL)
            stream->last = NULL;
        stream->queued_bytes -= write->len;
        grpc_byte_buffer_destroy(write->buffer);
        free(write);
    }
    if (ok)
        start_next_write(stream);
    pthread_cond_broadcast(&stream->changed);
    room_waiter *waiters = take_waiters(stream);
    unlock_and_release(stream);
    tell_waiters(waiters);
}

static void start_done(beamc_completion *completion, bool ok) {
    (void)ok; /* a failure shows in the status */
    beamc_stream *stream = ((stream_op *)completion)->owner;
    pthread_mutex_lock(&stream->lock);
    unlock_and_release(stream);
}

static void status_done(beamc_completion *completion, bool ok) {
    (void)ok;
    beamc_stream *stream = ((stream_op *)completion)->owner;
    pthread_mutex_lock(&stream->lock);
    stream->ended = true;
    pthread_cond_broadcast(&stream->changed);
    bool tell = must_tell_closed(stream);
    room_waiter *waiters = take_waiters(stream);
    pthread_mutex_unlock(&stream->lock);
    tell_waiters(waiters);
    if (tell)
        tell_closed(stream);
    pthread_mutex_lock(&stream->lock);
    unlock_and_release(stream);
}

static void read_done(beamc_completion *completion, bool ok) {
    beamc_stream *stream = ((stream_op *)completion)->owner;
    grpc_byte_buffer *buffer = stream->received;
    stream->received = NULL;
    pthread_mutex_lock(&stream->lock);
    stream->reading = false;
    pthread_mutex_unlock(&stream->lock);
    if (ok && buffer != NULL)
        stream->events.message(stream->context, beamc_message_from_byte_buffer(buffer));
    pthread_mutex_lock(&stream->lock);
    bool tell = must_tell_closed(stream);
    pthread_mutex_unlock(&stream->lock);
    if (tell)
        tell_closed(stream);
    pthread_mutex_lock(&stream->lock);
    unlock_and_release(stream);
}

static stream_op make_op(beamc_stream *stream, void (*done)(beamc_completion *, bool)) {
    return (stream_op){.completion = {.done = done}, .owner = stream};
}

beamc_stream *beamc_stream_open(beamc_completion_loop *loop, beamc_channel *channel, const char *method,
                                const beamc_stream_events *events, void *context, size_t max_queued_bytes) {
    beamc_stream *stream = beamc_alloc_zero(1, sizeof *stream);
    stream->loop = loop;
    stream->call = beamc_channel_call(channel, method, beamc_completion_loop_queue(loop), 0);
    stream->events = *events;
    stream->context = context;
    stream->max_queued_bytes = max_queued_bytes;
    pthread_mutex_init(&stream->lock, NULL);
    beamc_condition_init(&stream->changed);
    stream->start_op = make_op(stream, start_done);
    stream->read_op = make_op(stream, read_done);
    stream->write_op = make_op(stream, write_done);
    stream->status_op = make_op(stream, status_done);
    stream->metadata = beamc_channel_metadata(channel);
    stream->status_details = grpc_empty_slice();
    grpc_metadata_array_init(&stream->initial_metadata);
    grpc_metadata_array_init(&stream->trailing_metadata);

    stream->references = 3; /* the opener, start, status */
    grpc_op start[2] = {0};
    start[0].op = GRPC_OP_SEND_INITIAL_METADATA;
    start[0].data.send_initial_metadata.count = 1;
    start[0].data.send_initial_metadata.metadata = &stream->metadata;
    start[1].op = GRPC_OP_RECV_INITIAL_METADATA;
    start[1].data.recv_initial_metadata.recv_initial_metadata = &stream->initial_metadata;
    grpc_op status = {0};
    status.op = GRPC_OP_RECV_STATUS_ON_CLIENT;
    status.data.recv_status_on_client.trailing_metadata = &stream->trailing_metadata;
    status.data.recv_status_on_client.status = &stream->status_code;
    status.data.recv_status_on_client.status_details = &stream->status_details;
    if (!beamc_start_batch(stream->call, start, 2, &stream->start_op.completion) ||
        !beamc_start_batch(stream->call, &status, 1, &stream->status_op.completion))
        abort(); /* a new call takes these operations; anything else is a bug of ours */
    return stream;
}

void beamc_stream_read(beamc_stream *stream) {
    pthread_mutex_lock(&stream->lock);
    if (stream->reading || stream->closed_told) {
        pthread_mutex_unlock(&stream->lock);
        return;
    }
    stream->reading = true;
    stream->references++;
    grpc_op op = {0};
    op.op = GRPC_OP_RECV_MESSAGE;
    op.data.recv_message.recv_message = &stream->received;
    if (beamc_start_batch(stream->call, &op, 1, &stream->read_op.completion)) {
        pthread_mutex_unlock(&stream->lock);
        return;
    }
    stream->reading = false;
    unlock_and_release(stream);
}

beamc_status beamc_stream_write(beamc_stream *stream, const uint8_t *bytes, size_t len) {
    beamc_completion_loop *loop = stream->loop;
    beamc_completion_loop_catch(loop);
    pthread_mutex_lock(&stream->lock);
    beamc_status result = BEAMC_OK;
    if (stream->ended || stream->close_wanted) {
        result = BEAMC_UNAVAILABLE;
    } else if (!has_room(stream)) {
        result = BEAMC_LIMIT;
    } else {
        queued_write *write = beamc_alloc_zero(1, sizeof *write);
        grpc_slice slice = grpc_slice_from_copied_buffer((const char *)bytes, len);
        write->buffer = grpc_raw_byte_buffer_create(&slice, 1);
        grpc_slice_unref(slice);
        write->len = len;
        if (stream->last == NULL)
            stream->first = write;
        else
            stream->last->next = write;
        stream->last = write;
        stream->queued_bytes = stream->queued_bytes + len;
        start_next_write(stream);
    }
    pthread_mutex_unlock(&stream->lock);
    beamc_completion_loop_run_caught(loop);
    return result;
}

beamc_stream_room beamc_stream_await_room(beamc_stream *stream, void (*notify)(void *context), void *context) {
    pthread_mutex_lock(&stream->lock);
    beamc_stream_room room = has_room(stream) ? BEAMC_ROOM_HERE : BEAMC_ROOM_LATER;
    for (const room_waiter *waiter = stream->room_waiters; waiter != NULL && room == BEAMC_ROOM_LATER;
         waiter = waiter->next) /* one for each bundle at most */
        if (waiter->context == context)
            room = BEAMC_ROOM_ASKED_BEFORE;
    if (room == BEAMC_ROOM_LATER) {
        room_waiter *waiter = beamc_alloc(sizeof *waiter);
        *waiter = (room_waiter){.next = stream->room_waiters, .notify = notify, .context = context};
        stream->room_waiters = waiter;
    }
    pthread_mutex_unlock(&stream->lock);
    return room;
}

bool beamc_stream_has_room(beamc_stream *stream) {
    pthread_mutex_lock(&stream->lock);
    bool room = has_room(stream);
    pthread_mutex_unlock(&stream->lock);
    return room;
}

static beamc_status wait_until_queued_at_most(beamc_stream *stream, size_t limit, unsigned timeout_ms) {
    struct timespec deadline = beamc_deadline_in(timeout_ms);
    pthread_mutex_lock(&stream->lock);
    beamc_status result = BEAMC_OK;
    while (result == BEAMC_OK && !stream->ended && stream->queued_bytes > limit)
        if (pthread_cond_timedwait(&stream->changed, &stream->lock, &deadline) == ETIMEDOUT)
            result = BEAMC_LIMIT;
    if (stream->ended)
        result = BEAMC_UNAVAILABLE;
    pthread_mutex_unlock(&stream->lock);
    return result;
}

beamc_status beamc_stream_wait_writable(beamc_stream *stream, unsigned timeout_ms) {
    return wait_until_queued_at_most(stream, stream->max_queued_bytes / 2, timeout_ms);
}

beamc_status beamc_stream_wait_written(beamc_stream *stream, unsigned timeout_ms) {
    return wait_until_queued_at_most(stream, 0, timeout_ms);
}

void beamc_stream_close(beamc_stream *stream) {
    pthread_mutex_lock(&stream->lock);
    stream->close_wanted = true;
    start_next_write(stream);
    pthread_mutex_unlock(&stream->lock);
}

void beamc_stream_end(beamc_stream *stream, unsigned timeout_ms) {
    struct timespec deadline = beamc_deadline_in(timeout_ms);
    beamc_stream_close(stream);
    pthread_mutex_lock(&stream->lock);
    int waited = 0;
    while (!stream->ended && waited != ETIMEDOUT)
        waited = pthread_cond_timedwait(&stream->changed, &stream->lock, &deadline);
    pthread_mutex_unlock(&stream->lock);
    beamc_stream_cancel(stream); /* without effect on a call that has ended */
}

void beamc_stream_cancel(beamc_stream *stream) {
    grpc_call_cancel(stream->call, NULL);
}

void beamc_stream_retain(beamc_stream *stream) {
    pthread_mutex_lock(&stream->lock);
    stream->references++;
    pthread_mutex_unlock(&stream->lock);
}

void beamc_stream_release(beamc_stream *stream) {
    if (stream == NULL)
        return;
    pthread_mutex_lock(&stream->lock);
    unlock_and_release(stream);
}
