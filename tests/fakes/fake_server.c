#include "tests/fakes/fake_server.h"

#include "sdk_harness/base/alloc.h"

#include <grpc/byte_buffer_reader.h>
#include <grpc/grpc.h>
#include <grpc/grpc_security.h>
#include <grpc/slice.h>
#include <grpc/support/alloc.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ACCEPTED_AT_ONCE = 4 };

/* Debian's gRPC is not instrumented, so ThreadSanitizer has to be told that what was written before an operation was
 * started is seen when it is done. */
#if defined(__SANITIZE_THREAD__)
void __tsan_acquire(void *address);
void __tsan_release(void *address);
#define TAG_RELEASE(op) __tsan_release(op)
#define TAG_ACQUIRE(op) __tsan_acquire(op)
#else
#define TAG_RELEASE(op) ((void)(op))
#define TAG_ACQUIRE(op) ((void)(op))
#endif

typedef struct server_op {
    void (*done)(struct server_op *op, bool ok); /* on the server's thread */
    fake_call *call;
} server_op;

typedef struct queued_message {
    struct queued_message *next;
    grpc_byte_buffer *buffer;
    size_t len;
} queued_message;

struct fake_call {
    fake_call *next;
    fake_server *server;
    grpc_call *call; /* NULL: the server was stopped before a client came */
    grpc_call_details details;
    grpc_metadata_array metadata;
    char *method;
    char *worker_id;
    size_t num_worker_ids;

    server_op arrive_op;
    server_op start_op;
    server_op close_op;
    server_op read_op;
    server_op write_op;
    server_op status_op;

    /* Under the server's lock. */
    bool reading;
    bool held;
    bool half_closed;
    bool writing;
    bool finish_wanted;
    bool finish_sent;
    bool ended;
    queued_message *first;
    queued_message *last;
    size_t unsent_bytes;

    grpc_byte_buffer *received;
    grpc_status_code status;
    grpc_slice status_details;
    int cancelled;
};

struct fake_server {
    grpc_server *server;
    grpc_completion_queue *queue;
    pthread_t thread;
    pthread_mutex_t lock;
    fake_server_events events;
    void *context;
    char *url;
    fake_call *calls; /* under lock */
    bool stopping;    /* under lock */
    server_op shutdown_op;
};

static bool start_ops(fake_call *call, const grpc_op *ops, size_t num_ops, server_op *op) {
    TAG_RELEASE(op);
    return grpc_call_start_batch(call->call, ops, num_ops, op, NULL) == GRPC_CALL_OK;
}

/* ---- reading ---- */

static void read_done(server_op *op, bool ok);

static void start_read(fake_call *call) { /* under the lock */
    if (call->reading || call->held || call->half_closed || call->ended || call->server->stopping)
        return;
    grpc_op read = {0};
    read.op = GRPC_OP_RECV_MESSAGE;
    read.data.recv_message.recv_message = &call->received;
    call->reading = start_ops(call, &read, 1, &call->read_op);
}

static void give_message(fake_call *call, grpc_byte_buffer *buffer) {
    grpc_byte_buffer_reader reader;
    if (!grpc_byte_buffer_reader_init(&reader, buffer))
        abort(); /* nothing is compressed */
    grpc_slice all = grpc_byte_buffer_reader_readall(&reader);
    call->server->events.message(call->server->context, call, GRPC_SLICE_START_PTR(all), GRPC_SLICE_LENGTH(all));
    grpc_slice_unref(all);
    grpc_byte_buffer_reader_destroy(&reader);
    grpc_byte_buffer_destroy(buffer);
}

static void read_done(server_op *op, bool ok) {
    fake_call *call = op->call;
    grpc_byte_buffer *buffer = call->received;
    call->received = NULL;
    bool has_message = ok && buffer != NULL;
    pthread_mutex_lock(&call->server->lock);
    call->reading = false;
    call->half_closed = !has_message;
    pthread_mutex_unlock(&call->server->lock);
    if (has_message) {
        give_message(call, buffer);
    } else {
        if (buffer != NULL)
            grpc_byte_buffer_destroy(buffer);
        call->server->events.half_closed(call->server->context, call);
    }
    pthread_mutex_lock(&call->server->lock);
    start_read(call);
    pthread_mutex_unlock(&call->server->lock);
}

void fake_call_hold_reading(fake_call *call, bool held) {
    pthread_mutex_lock(&call->server->lock);
    call->held = held;
    start_read(call);
    pthread_mutex_unlock(&call->server->lock);
}

/* ---- writing ---- */

static void start_write(fake_call *call) { /* under the lock */
    if (call->writing || call->ended || call->server->stopping)
        return;
    if (call->first != NULL) {
        grpc_op write = {0};
        write.op = GRPC_OP_SEND_MESSAGE;
        write.data.send_message.send_message = call->first->buffer;
        call->writing = start_ops(call, &write, 1, &call->write_op);
    } else if (call->finish_wanted && !call->finish_sent) {
        grpc_op finish = {0};
        finish.op = GRPC_OP_SEND_STATUS_FROM_SERVER;
        finish.data.send_status_from_server.status = call->status;
        finish.data.send_status_from_server.status_details = &call->status_details;
        call->finish_sent = start_ops(call, &finish, 1, &call->status_op);
    }
}

static void drop_first(fake_call *call) { /* under the lock */
    queued_message *message = call->first;
    call->first = message->next;
    if (call->first == NULL)
        call->last = NULL;
    call->unsent_bytes -= message->len;
    grpc_byte_buffer_destroy(message->buffer);
    free(message);
}

static void write_done(server_op *op, bool ok) {
    fake_call *call = op->call;
    pthread_mutex_lock(&call->server->lock);
    call->writing = false;
    drop_first(call);
    if (ok)
        start_write(call);
    pthread_mutex_unlock(&call->server->lock);
}

void fake_call_write(fake_call *call, const uint8_t *bytes, size_t len) {
    queued_message *message = beamc_alloc_zero(1, sizeof *message);
    grpc_slice slice = grpc_slice_from_copied_buffer((const char *)bytes, len);
    message->buffer = grpc_raw_byte_buffer_create(&slice, 1);
    grpc_slice_unref(slice);
    message->len = len;
    pthread_mutex_lock(&call->server->lock);
    if (call->last == NULL)
        call->first = message;
    else
        call->last->next = message;
    call->last = message;
    call->unsent_bytes += len;
    start_write(call);
    pthread_mutex_unlock(&call->server->lock);
}

size_t fake_call_unsent_bytes(fake_call *call) {
    pthread_mutex_lock(&call->server->lock);
    size_t bytes = call->unsent_bytes;
    pthread_mutex_unlock(&call->server->lock);
    return bytes;
}

/* ---- ends ---- */

static void nothing_done(server_op *op, bool ok) {
    (void)op;
    (void)ok;
}

static void close_done(server_op *op, bool ok) {
    (void)ok;
    fake_call *call = op->call;
    pthread_mutex_lock(&call->server->lock);
    call->ended = true;
    pthread_mutex_unlock(&call->server->lock);
    call->server->events.ended(call->server->context, call, call->cancelled != 0);
}

void fake_call_finish(fake_call *call, int status, const char *details) {
    pthread_mutex_lock(&call->server->lock);
    if (!call->finish_wanted) {
        call->finish_wanted = true;
        call->status = (grpc_status_code)status;
        call->status_details = grpc_slice_from_copied_string(details);
    }
    start_write(call);
    pthread_mutex_unlock(&call->server->lock);
}

void fake_call_break(fake_call *call, int status, const char *details) {
    pthread_mutex_lock(&call->server->lock);
    bool open = !call->ended;
    pthread_mutex_unlock(&call->server->lock);
    if (open) /* without effect on one that ends meanwhile */
        (void)grpc_call_cancel_with_status(call->call, (grpc_status_code)status, details, NULL);
}

/* ---- arrivals ---- */

static void accept_call(fake_server *server);

static void read_metadata(fake_call *call) {
    for (size_t i = 0; i < call->metadata.count; i++) {
        if (grpc_slice_str_cmp(call->metadata.metadata[i].key, "worker_id") != 0)
            continue;
        char *value = grpc_slice_to_c_string(call->metadata.metadata[i].value);
        if (call->num_worker_ids++ == 0)
            call->worker_id = beamc_strdup(value);
        gpr_free(value);
    }
    char *method = grpc_slice_to_c_string(call->details.method);
    call->method = beamc_strdup(method);
    gpr_free(method);
}

static bool start_ends(fake_call *call) {
    grpc_op start = {0};
    start.op = GRPC_OP_SEND_INITIAL_METADATA;
    grpc_op close = {0};
    close.op = GRPC_OP_RECV_CLOSE_ON_SERVER;
    close.data.recv_close_on_server.cancelled = &call->cancelled;
    return start_ops(call, &start, 1, &call->start_op) && start_ops(call, &close, 1, &call->close_op);
}

static void call_arrived(server_op *op, bool ok) {
    fake_call *call = op->call;
    if (!ok) /* the server is being stopped */
        return;
    accept_call(call->server);
    read_metadata(call);
    pthread_mutex_lock(&call->server->lock);
    bool started = !call->server->stopping && start_ends(call); /* a queue that is shut down takes no operations */
    pthread_mutex_unlock(&call->server->lock);
    if (!started)
        return;
    call->server->events.arrived(call->server->context, call);
    pthread_mutex_lock(&call->server->lock);
    start_read(call);
    pthread_mutex_unlock(&call->server->lock);
}

static void accept_call(fake_server *server) {
    fake_call *call = beamc_alloc_zero(1, sizeof *call);
    call->server = server;
    call->arrive_op = (server_op){call_arrived, call};
    call->start_op = (server_op){nothing_done, call};
    call->close_op = (server_op){close_done, call};
    call->read_op = (server_op){read_done, call};
    call->write_op = (server_op){write_done, call};
    call->status_op = (server_op){nothing_done, call};
    call->status_details = grpc_empty_slice();
    grpc_call_details_init(&call->details);
    grpc_metadata_array_init(&call->metadata);
    pthread_mutex_lock(&server->lock);
    call->next = server->calls;
    server->calls = call;
    TAG_RELEASE(&call->arrive_op);
    if (!server->stopping)
        (void)grpc_server_request_call(server->server, &call->call, &call->details, &call->metadata, server->queue,
                                       server->queue, &call->arrive_op);
    pthread_mutex_unlock(&server->lock);
}

static void free_call(fake_call *call) {
    while (call->first != NULL)
        drop_first(call);
    if (call->received != NULL)
        grpc_byte_buffer_destroy(call->received);
    grpc_slice_unref(call->status_details);
    grpc_call_details_destroy(&call->details);
    grpc_metadata_array_destroy(&call->metadata);
    if (call->call != NULL)
        grpc_call_unref(call->call);
    free(call->method);
    free(call->worker_id);
    free(call);
}

const char *fake_call_method(const fake_call *call) {
    return call->method;
}

const char *fake_call_worker_id(const fake_call *call, size_t *num_values) {
    *num_values = call->num_worker_ids;
    return call->worker_id;
}

fake_server *fake_call_server(const fake_call *call) {
    return call->server;
}

/* ---- the server ---- */

static void *serve(void *context) {
    fake_server *server = context;
    for (;;) {
        grpc_event event = grpc_completion_queue_next(server->queue, gpr_inf_future(GPR_CLOCK_MONOTONIC), NULL);
        if (event.type == GRPC_QUEUE_SHUTDOWN)
            return NULL;
        if (event.type == GRPC_OP_COMPLETE) {
            server_op *op = event.tag;
            TAG_ACQUIRE(op);
            op->done(op, event.success != 0);
        }
    }
}

fake_server *fake_server_start(const char *address, const fake_server_events *events, void *context) {
    grpc_init();
    fake_server *server = beamc_alloc_zero(1, sizeof *server);
    pthread_mutex_init(&server->lock, NULL);
    server->events = *events;
    server->context = context;
    server->shutdown_op.done = nothing_done;
    grpc_arg args[] = {
        {.type = GRPC_ARG_INTEGER, .key = GRPC_ARG_MAX_RECEIVE_MESSAGE_LENGTH, .value.integer = -1},
        {.type = GRPC_ARG_INTEGER, .key = GRPC_ARG_MAX_SEND_MESSAGE_LENGTH, .value.integer = -1},
        {.type = GRPC_ARG_INTEGER, .key = GRPC_ARG_ALLOW_REUSEPORT, .value.integer = 0},
    };
    grpc_channel_args all = {.num_args = sizeof args / sizeof args[0], .args = args};
    server->server = grpc_server_create(&all, NULL);
    server->queue = grpc_completion_queue_create_for_next(NULL);
    grpc_server_register_completion_queue(server->server, server->queue, NULL);
    grpc_server_credentials *credentials = grpc_insecure_server_credentials_create();
    int port = grpc_server_add_http2_port(server->server, address, credentials);
    grpc_server_credentials_release(credentials);
    const char *colon = strrchr(address, ':');
    server->url = strncmp(address, "unix:", 5) == 0 ? beamc_strdup(address)
                                                    : beamc_format("%.*s:%d", (int)(colon - address), address, port);
    grpc_server_start(server->server);
    if (pthread_create(&server->thread, NULL, serve, server) != 0)
        abort();
    for (int i = 0; i < ACCEPTED_AT_ONCE; i++)
        accept_call(server);
    if (port != 0)
        return server;
    fake_server_stop(server);
    return NULL;
}

const char *fake_server_url(const fake_server *server) {
    return server->url;
}

void fake_server_stop(fake_server *server) {
    if (server == NULL)
        return;
    pthread_mutex_lock(&server->lock);
    server->stopping = true;
    pthread_mutex_unlock(&server->lock);
    TAG_RELEASE(&server->shutdown_op);
    grpc_server_shutdown_and_notify(server->server, server->queue, &server->shutdown_op);
    grpc_server_cancel_all_calls(server->server);
    grpc_completion_queue_shutdown(server->queue); /* drains what is under way first */
    pthread_join(server->thread, NULL);
    grpc_server_destroy(server->server);
    while (server->calls != NULL) {
        fake_call *call = server->calls;
        server->calls = call->next;
        free_call(call);
    }
    grpc_completion_queue_destroy(server->queue);
    pthread_mutex_destroy(&server->lock);
    free(server->url);
    free(server);
    grpc_shutdown();
}
