/* What gRPC alone costs a worker: takes what the bench's runner sends, decodes nothing, and answers a bundle at its end
 * mark with as many bytes as a worker's answer has. One thread does it all, which a worker cannot: nothing that waits
 * may run on gRPC's thread.
 *
 *   grpc_floor --provision_endpoint=HOST:PORT        control and data are served there too; ends with the data stream
 */
#include <grpc/byte_buffer_reader.h>
#include <grpc/grpc.h>
#include <grpc/grpc_security.h>
#include <malloc.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    ANSWER_BYTES = 370, /* of the null sink's metrics */
    END_MARK_MAX_BYTES = 100,
    CONTROL = 0,
    DATA = 1,
    NUM_STREAMS = 2
};

typedef enum { STARTED, RECEIVED, SENT, ENDED, NUM_OPERATIONS } operation;

typedef struct stream stream;

typedef struct {
    stream *owner;
    operation what;
} tag;

struct stream {
    grpc_call *call;
    tag tags[NUM_OPERATIONS];
    grpc_metadata worker_id;
    grpc_metadata_array initial_metadata;
    grpc_metadata_array trailing_metadata;
    grpc_status_code status;
    grpc_slice details;
    grpc_byte_buffer *received;
    grpc_byte_buffer *sent;
};

static stream streams[NUM_STREAMS];

/* As in sdk_harness/rpc: Debian's abseil looks for lock cycles unless told not to. */
extern __attribute__((weak)) void
set_deadlock_detection(int mode) __asm__("_ZN4absl7debian329SetMutexDeadlockDetectionModeENS0_15OnDeadlockCycleE");

static void start(stream *s, operation what, const grpc_op *ops, size_t num_ops) {
    if (grpc_call_start_batch(s->call, ops, num_ops, &s->tags[what], NULL) != GRPC_CALL_OK)
        abort();
}

static void receive(stream *s) {
    grpc_op op = {.op = GRPC_OP_RECV_MESSAGE};
    op.data.recv_message.recv_message = &s->received;
    start(s, RECEIVED, &op, 1);
}

static void open_stream(stream *s, grpc_channel *channel, grpc_completion_queue *queue, const char *method) {
    for (unsigned i = 0; i < NUM_OPERATIONS; i++)
        s->tags[i] = (tag){.owner = s, .what = (operation)i};
    grpc_slice path = grpc_slice_from_static_string(method);
    s->call = grpc_channel_create_call(channel, NULL, GRPC_PROPAGATE_DEFAULTS, queue, path, NULL,
                                       gpr_inf_future(GPR_CLOCK_MONOTONIC), NULL);
    s->worker_id.key = grpc_slice_from_static_string("worker_id");
    s->worker_id.value = grpc_slice_from_static_string("1");
    grpc_metadata_array_init(&s->initial_metadata);
    grpc_metadata_array_init(&s->trailing_metadata);
    grpc_op begin[2] = {{.op = GRPC_OP_SEND_INITIAL_METADATA}, {.op = GRPC_OP_RECV_INITIAL_METADATA}};
    begin[0].data.send_initial_metadata.count = 1;
    begin[0].data.send_initial_metadata.metadata = &s->worker_id;
    begin[1].data.recv_initial_metadata.recv_initial_metadata = &s->initial_metadata;
    start(s, STARTED, begin, 2);
    grpc_op end = {.op = GRPC_OP_RECV_STATUS_ON_CLIENT};
    end.data.recv_status_on_client.trailing_metadata = &s->trailing_metadata;
    end.data.recv_status_on_client.status = &s->status;
    end.data.recv_status_on_client.status_details = &s->details;
    start(s, ENDED, &end, 1);
    receive(s);
}

/* InstructionResponse{1: id, 1001: ProcessBundleResponse{31: ANSWER_BYTES of padding}} */
static void answer(const uint8_t *id, uint8_t id_len) {
    uint8_t bytes[2 + UINT8_MAX + 8 + ANSWER_BYTES];
    const unsigned body_len = ANSWER_BYTES + 4;
    const uint8_t head[] = {0xCA, 0x3E, (uint8_t)(body_len | 0x80),     (uint8_t)(body_len >> 7),
                            0xFA, 0x01, (uint8_t)(ANSWER_BYTES | 0x80), (uint8_t)(ANSWER_BYTES >> 7)};
    size_t len = 0;
    bytes[len++] = 0x0A;
    bytes[len++] = id_len;
    memcpy(bytes + len, id, id_len);
    len += id_len;
    memcpy(bytes + len, head, sizeof head);
    len += sizeof head;
    memset(bytes + len, 'x', ANSWER_BYTES);
    len += ANSWER_BYTES;
    grpc_slice slice = grpc_slice_from_copied_buffer((const char *)bytes, len);
    streams[CONTROL].sent = grpc_raw_byte_buffer_create(&slice, 1);
    grpc_slice_unref(slice);
    grpc_op op = {.op = GRPC_OP_SEND_MESSAGE};
    op.data.send_message.send_message = streams[CONTROL].sent;
    start(&streams[CONTROL], SENT, &op, 1);
}

/* The runner sends the end mark alone: Elements{1: Data{1: id, ..., 4: true}}. */
static void look_for_end_mark(grpc_byte_buffer *message) {
    if (grpc_byte_buffer_length(message) > END_MARK_MAX_BYTES)
        return;
    grpc_byte_buffer_reader reader;
    if (grpc_byte_buffer_reader_init(&reader, message) == 0)
        return;
    grpc_slice slice = grpc_byte_buffer_reader_readall(&reader);
    const uint8_t *bytes = GRPC_SLICE_START_PTR(slice);
    size_t len = GRPC_SLICE_LENGTH(slice);
    if (len > 6 && bytes[len - 2] == 0x20 && bytes[len - 1] == 1 && bytes[2] == 0x0A && 4 + (size_t)bytes[3] < len)
        answer(bytes + 4, bytes[3]);
    grpc_slice_unref(slice);
    grpc_byte_buffer_reader_destroy(&reader);
}

/* False at the end of a stream. */
static bool complete(const tag *done, bool ok) {
    stream *s = done->owner;
    if (done->what == ENDED)
        return false;
    if (done->what == SENT)
        grpc_byte_buffer_destroy(s->sent);
    if (done->what != RECEIVED)
        return true;
    if (!ok || s->received == NULL)
        return false;
    grpc_byte_buffer *message = s->received;
    s->received = NULL;
    if (s == &streams[DATA])
        look_for_end_mark(message); /* the answer goes first: it takes the window updates of both streams along */
    grpc_byte_buffer_destroy(message);
    receive(s);
    return true;
}

int main(int argc, char **argv) {
    static const char option[] = "--provision_endpoint=";
    const char *address = NULL;
    for (int i = 1; i < argc; i++)
        if (strncmp(argv[i], option, sizeof option - 1) == 0)
            address = argv[i] + sizeof option - 1;
    if (address == NULL) {
        fprintf(stderr, "grpc_floor: %sHOST:PORT is missing\n", option);
        return 2;
    }
    (void)mallopt(M_ARENA_MAX, 1);
    if (set_deadlock_detection != NULL)
        set_deadlock_detection(0);
    grpc_init();
    grpc_arg args[] = {
        {.type = GRPC_ARG_INTEGER, .key = GRPC_ARG_MAX_RECEIVE_MESSAGE_LENGTH, .value.integer = -1},
        {.type = GRPC_ARG_INTEGER, .key = GRPC_ARG_HTTP2_BDP_PROBE, .value.integer = 0},
        {.type = GRPC_ARG_INTEGER, .key = GRPC_ARG_ENABLE_HTTP_PROXY, .value.integer = 0},
    };
    const grpc_channel_args all = {.num_args = sizeof args / sizeof args[0], .args = args};
    grpc_channel_credentials *credentials = grpc_insecure_credentials_create();
    grpc_channel *channel = grpc_channel_create(address, credentials, &all);
    grpc_completion_queue *queue = grpc_completion_queue_create_for_next(NULL);
    open_stream(&streams[CONTROL], channel, queue, "/org.apache.beam.model.fn_execution.v1.BeamFnControl/Control");
    open_stream(&streams[DATA], channel, queue, "/org.apache.beam.model.fn_execution.v1.BeamFnData/Data");
    for (;;) {
        grpc_event event = grpc_completion_queue_next(queue, gpr_inf_future(GPR_CLOCK_MONOTONIC), NULL);
        if (event.type == GRPC_OP_COMPLETE && !complete(event.tag, event.success != 0))
            return 0; /* the process's end frees the rest */
    }
}
