#include "sdk_harness/rpc/unary_call.h"

#include "sdk_harness/base/alloc.h"
#include "sdk_harness/rpc/channel_internal.h"
#include "sdk_harness/rpc/completion_internal.h"
#include "sdk_harness/rpc/message_internal.h"

#include <grpc/support/alloc.h>
#include <stdlib.h>

enum { MAX_RESPONSE_BYTES = 256 * 1024 * 1024 };

struct beamc_unary {
    beamc_completion completion;
    grpc_call *call;
    char *where; /* method and address, for messages */
    beamc_unary_done done;
    void *context;
    grpc_metadata metadata;
    grpc_metadata_array initial_metadata;
    grpc_metadata_array trailing_metadata;
    grpc_byte_buffer *sent;
    grpc_byte_buffer *received;
    grpc_status_code status_code;
    grpc_slice status_details;
};

static void free_unary(beamc_unary *call) {
    if (call->sent != NULL)
        grpc_byte_buffer_destroy(call->sent);
    grpc_metadata_array_destroy(&call->initial_metadata);
    grpc_metadata_array_destroy(&call->trailing_metadata);
    grpc_slice_unref(call->metadata.value);
    grpc_slice_unref(call->status_details);
    grpc_call_unref(call->call);
    free(call->where);
    free(call);
}

static void unary_done(beamc_completion *completion, bool ok) {
    beamc_unary *call = (beamc_unary *)completion;
    if (ok && call->status_code == GRPC_STATUS_OK && call->received != NULL) {
        beamc_message *message = beamc_message_from_byte_buffer(call->received);
        beamc_byte_buffer flat;
        beamc_byte_buffer_init(&flat, MAX_RESPONSE_BYTES);
        if (beamc_message_flatten(message, &flat))
            call->done(call->context, flat.data == NULL ? (const uint8_t *)"" : flat.data, flat.len, NULL);
        else
            call->done(call->context, NULL, 0, "the response is larger than 256 MiB");
        beamc_byte_buffer_cleanup(&flat);
        beamc_message_release(message);
    } else {
        if (call->received != NULL)
            grpc_byte_buffer_destroy(call->received);
        char *details = grpc_slice_to_c_string(call->status_details);
        char *text = beamc_format("%s failed: status %d, %s", call->where, (int)call->status_code, details);
        call->done(call->context, NULL, 0, text);
        free(text);
        gpr_free(details);
    }
    free_unary(call);
}

beamc_unary *beamc_unary_start(beamc_completion_loop *loop, beamc_channel *channel, const char *method,
                               const uint8_t *request, size_t len, unsigned timeout_ms, beamc_unary_done done,
                               void *context) {
    beamc_unary *call = beamc_alloc_zero(1, sizeof *call);
    call->completion.done = unary_done;
    call->where = beamc_format("%s at %s", method, channel->url);
    call->done = done;
    call->context = context;
    call->call = beamc_channel_call(channel, method, beamc_completion_loop_queue(loop), timeout_ms);
    call->metadata = beamc_channel_metadata(channel);
    call->status_details = grpc_empty_slice();
    grpc_metadata_array_init(&call->initial_metadata);
    grpc_metadata_array_init(&call->trailing_metadata);
    grpc_slice slice = grpc_slice_from_copied_buffer((const char *)request, len);
    call->sent = grpc_raw_byte_buffer_create(&slice, 1);
    grpc_slice_unref(slice);

    grpc_op ops[6] = {0};
    ops[0].op = GRPC_OP_SEND_INITIAL_METADATA;
    ops[0].flags = GRPC_INITIAL_METADATA_WAIT_FOR_READY;
    ops[0].data.send_initial_metadata.count = 1;
    ops[0].data.send_initial_metadata.metadata = &call->metadata;
    ops[1].op = GRPC_OP_SEND_MESSAGE;
    ops[1].data.send_message.send_message = call->sent;
    ops[2].op = GRPC_OP_SEND_CLOSE_FROM_CLIENT;
    ops[3].op = GRPC_OP_RECV_INITIAL_METADATA;
    ops[3].data.recv_initial_metadata.recv_initial_metadata = &call->initial_metadata;
    ops[4].op = GRPC_OP_RECV_MESSAGE;
    ops[4].data.recv_message.recv_message = &call->received;
    ops[5].op = GRPC_OP_RECV_STATUS_ON_CLIENT;
    ops[5].data.recv_status_on_client.trailing_metadata = &call->trailing_metadata;
    ops[5].data.recv_status_on_client.status = &call->status_code;
    ops[5].data.recv_status_on_client.status_details = &call->status_details;
    if (!beamc_start_batch(call->call, ops, 6, &call->completion))
        abort(); /* a new call takes these operations; anything else is a bug of ours */
    return call;
}

void beamc_unary_cancel(beamc_unary *call) {
    grpc_call_cancel(call->call, NULL);
}
