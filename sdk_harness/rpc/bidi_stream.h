/* One bidirectional stream to the runner: one reader, one writer, events on the completion thread.
 *
 * Reading is by demand: a message is asked for with beamc_stream_read, so that a receiver that is full simply
 * does not ask and gRPC's flow control holds the runner. Writes are queued and leave one at a time, in order. */
#ifndef SDK_HARNESS_RPC_BIDI_STREAM_H
#define SDK_HARNESS_RPC_BIDI_STREAM_H

#include "sdk_harness/base/status.h"
#include "sdk_harness/rpc/channel.h"
#include "sdk_harness/rpc/completion_loop.h"
#include "sdk_harness/rpc/message.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct beamc_stream beamc_stream;

/* Both run on the completion thread, or on another that is just writing to a stream and met what had come; for one
 * stream one at a time. They must not block. */
typedef struct {
    /* Takes the message. The next one comes only after another beamc_stream_read. */
    void (*message)(void *context, beamc_message *message);
    /* Exactly once, after the last message: 0 is a clean end, else a gRPC status code. `details` is borrowed. */
    void (*closed)(void *context, int status_code, const char *details);
} beamc_stream_events;

/* beamc_stream_open starts the call `method` ("/package.Service/Method"). New; release with
 * beamc_stream_release. Events may come before it returns.
 *   max_queued_bytes   what may wait to be written; see beamc_stream_write */
beamc_stream *beamc_stream_open(beamc_completion_loop *loop, beamc_channel *channel, const char *method,
                                const beamc_stream_events *events, void *context, size_t max_queued_bytes);

/* beamc_stream_read asks for one message. At most one demand may be open. Any thread. */
void beamc_stream_read(beamc_stream *stream);

/* beamc_stream_write queues a copy of `bytes`. BEAMC_LIMIT: max_queued_bytes or more wait, nothing was queued;
 * BEAMC_UNAVAILABLE: the stream has ended. So what waits is less than max_queued_bytes and one message. Any thread,
 * without locks that events take. */
beamc_status beamc_stream_write(beamc_stream *stream, const uint8_t *bytes, size_t len);

typedef enum {
    BEAMC_ROOM_HERE,        /* a write would not be refused for its size now; nothing was noted */
    BEAMC_ROOM_LATER,       /* `notify` will be called */
    BEAMC_ROOM_ASKED_BEFORE /* `context` waits already; it was not noted again */
} beamc_stream_room;

/* beamc_stream_await_room has `notify` called once, with `context`, when a write would be taken or the stream has
 * ended: on the completion thread or one that writes; it must not block. Any thread. */
beamc_stream_room beamc_stream_await_room(beamc_stream *stream, void (*notify)(void *context), void *context);

/* beamc_stream_has_room: what beamc_stream_await_room would say, without waiting. */
bool beamc_stream_has_room(beamc_stream *stream);

/* beamc_stream_wait_writable blocks until a write would be taken, the stream ends, or timeout_ms have passed.
 * Not on the completion thread. */
beamc_status beamc_stream_wait_writable(beamc_stream *stream, unsigned timeout_ms);

/* beamc_stream_wait_written blocks until all queued bytes were handed to the transport or timeout_ms passed. */
beamc_status beamc_stream_wait_written(beamc_stream *stream, unsigned timeout_ms);

/* beamc_stream_close sends what is queued, then tells the other side that nothing follows. */
void beamc_stream_close(beamc_stream *stream);

/* beamc_stream_end closes, waits for the other side to end the call too, and cancels it after timeout_ms. A
 * runner logs an error for each call that is cancelled. `closed` comes soon after. Not on the completion thread. */
void beamc_stream_end(beamc_stream *stream, unsigned timeout_ms);

/* beamc_stream_cancel ends the call at once; `closed` still comes. */
void beamc_stream_cancel(beamc_stream *stream);

/* beamc_stream_retain adds a reference to the opener's; beamc_stream_release gives one back. Memory goes with the last
 * one, and not before `closed` has run. */
void beamc_stream_retain(beamc_stream *stream);
void beamc_stream_release(beamc_stream *stream);

#endif
