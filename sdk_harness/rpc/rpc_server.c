#include "sdk_harness/rpc/rpc_server.h"

#include "sdk_harness/base/alloc.h"
#include "sdk_harness/base/log.h"
#include "sdk_harness/rpc/completion_internal.h"
#include "sdk_harness/rpc/message_internal.h"

#include <grpc/grpc_security.h>
#include <grpc/slice.h>
#include <netinet/in.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
    PORT_ATTEMPTS = 20,
    ACCEPTED_AT_ONCE = 4,                  /* calls waiting to be matched with a handler */
    MAX_RESPONSE_BYTES = 256 * 1024 * 1024 /* Python lifts both limits, so large pipelines come and go */
};

struct beamc_rpc_server {
    beamc_completion_loop *loop;
    grpc_server *server;
    const beamc_rpc_method *methods;
    size_t num_methods;
    int port;
    atomic_bool stopping;
    beamc_completion shutdown_done;
};

typedef struct {
    beamc_completion completion; /* first: the tag is cast back */
    beamc_rpc_server *server;
    grpc_call *call;
    grpc_call_details details;
    grpc_metadata_array metadata;
    grpc_byte_buffer *received;
    grpc_byte_buffer *response;
    grpc_slice status_details;
    int cancelled;
} served_call;

static void accept_call(beamc_rpc_server *server);

static void free_call(served_call *call) {
    if (call->response != NULL)
        grpc_byte_buffer_destroy(call->response);
    grpc_slice_unref(call->status_details);
    grpc_call_details_destroy(&call->details);
    grpc_metadata_array_destroy(&call->metadata);
    if (call->call != NULL)
        grpc_call_unref(call->call);
    free(call);
}

static void answered(beamc_completion *completion, bool ok) {
    (void)ok; /* a caller that has gone needs no answer */
    free_call((served_call *)completion);
}

static grpc_status_code code_of(beamc_status status) {
    switch (status) {
    case BEAMC_OK:
        return GRPC_STATUS_OK;
    case BEAMC_AGAIN:
        return GRPC_STATUS_NOT_FOUND;
    case BEAMC_INVALID:
        return GRPC_STATUS_INVALID_ARGUMENT;
    case BEAMC_LIMIT:
    case BEAMC_NO_MEMORY:
        return GRPC_STATUS_RESOURCE_EXHAUSTED;
    case BEAMC_UNAVAILABLE:
        return GRPC_STATUS_UNAVAILABLE;
    }
    return GRPC_STATUS_INTERNAL;
}

static void answer(served_call *call, grpc_status_code code, const char *text, const beamc_byte_buffer *response) {
    grpc_op ops[4] = {0};
    size_t num_ops = 0;
    ops[num_ops++].op = GRPC_OP_SEND_INITIAL_METADATA;
    if (response != NULL) {
        grpc_slice slice = grpc_slice_from_copied_buffer((const char *)response->data, response->len);
        call->response = grpc_raw_byte_buffer_create(&slice, 1);
        grpc_slice_unref(slice);
        ops[num_ops].op = GRPC_OP_SEND_MESSAGE;
        ops[num_ops++].data.send_message.send_message = call->response;
    }
    call->status_details = grpc_slice_from_copied_string(text);
    ops[num_ops].op = GRPC_OP_SEND_STATUS_FROM_SERVER;
    ops[num_ops].data.send_status_from_server.status = code;
    ops[num_ops++].data.send_status_from_server.status_details = &call->status_details;
    ops[num_ops].op = GRPC_OP_RECV_CLOSE_ON_SERVER;
    ops[num_ops++].data.recv_close_on_server.cancelled = &call->cancelled;
    call->completion.done = answered;
    if (!beamc_start_batch(call->call, ops, num_ops, &call->completion))
        free_call(call);
}

static const beamc_rpc_method *find_method(const served_call *call) {
    for (size_t i = 0; i < call->server->num_methods; i++)
        if (grpc_slice_str_cmp(call->details.method, call->server->methods[i].method) == 0)
            return &call->server->methods[i];
    return NULL;
}

static void request_received(beamc_completion *completion, bool ok) {
    served_call *call = (served_call *)completion;
    if (!ok || call->received == NULL) {
        answer(call, GRPC_STATUS_CANCELLED, "the request did not arrive whole", NULL);
        return;
    }
    beamc_message *message = beamc_message_from_byte_buffer(call->received);
    beamc_byte_buffer request;
    beamc_byte_buffer response;
    beamc_error err = {{0}};
    beamc_byte_buffer_init(&request, MAX_RESPONSE_BYTES);
    beamc_byte_buffer_init(&response, MAX_RESPONSE_BYTES);
    const beamc_rpc_method *method = find_method(call);
    if (!beamc_message_flatten(message, &request)) {
        answer(call, GRPC_STATUS_RESOURCE_EXHAUSTED, "the request is larger than 256 MiB", NULL);
    } else {
        const uint8_t *bytes = request.data == NULL ? (const uint8_t *)"" : request.data;
        beamc_status status = method->handle(method->context, bytes, request.len, &response, &err);
        if (status == BEAMC_OK && response.failed)
            status = beamc_fail(&err, BEAMC_LIMIT, "the response is larger than 256 MiB");
        answer(call, code_of(status), status == BEAMC_OK ? "" : err.text, status == BEAMC_OK ? &response : NULL);
    }
    beamc_byte_buffer_cleanup(&request);
    beamc_byte_buffer_cleanup(&response);
    beamc_message_release(message);
}

static void call_arrived(beamc_completion *completion, bool ok) {
    served_call *call = (served_call *)completion;
    if (!ok) { /* the server is shutting down */
        free_call(call);
        return;
    }
    accept_call(call->server);
    if (find_method(call) == NULL) {
        answer(call, GRPC_STATUS_UNIMPLEMENTED, "this server does not have that method", NULL);
        return;
    }
    grpc_op op = {0};
    op.op = GRPC_OP_RECV_MESSAGE;
    op.data.recv_message.recv_message = &call->received;
    call->completion.done = request_received;
    if (!beamc_start_batch(call->call, &op, 1, &call->completion))
        free_call(call);
}

static void accept_call(beamc_rpc_server *server) {
    if (server->stopping)
        return;
    served_call *call = beamc_alloc_zero(1, sizeof *call);
    call->completion.done = call_arrived;
    call->server = server;
    call->status_details = grpc_empty_slice();
    grpc_call_details_init(&call->details);
    grpc_metadata_array_init(&call->metadata);
    grpc_completion_queue *queue = beamc_completion_loop_queue(server->loop);
    BEAMC_TAG_RELEASE(&call->completion);
    if (grpc_server_request_call(server->server, &call->call, &call->details, &call->metadata, queue, queue,
                                 &call->completion) != GRPC_CALL_OK)
        free_call(call);
}

/* A port that both families can have. gRPC would take what one family gives and only log about the other. */
static int free_port(bool with_ipv6) {
    for (int attempt = 0; attempt < PORT_ATTEMPTS; attempt++) {
        int v4 = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
        socklen_t len = sizeof address;
        bool bound = v4 >= 0 && bind(v4, (struct sockaddr *)&address, len) == 0 &&
                     getsockname(v4, (struct sockaddr *)&address, &len) == 0;
        if (bound && with_ipv6) {
            int v6 = socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);
            struct sockaddr_in6 address6 = {
                .sin6_family = AF_INET6, .sin6_addr = IN6ADDR_LOOPBACK_INIT, .sin6_port = address.sin_port};
            bound = v6 >= 0 && bind(v6, (struct sockaddr *)&address6, sizeof address6) == 0;
            if (v6 >= 0)
                close(v6);
        }
        if (v4 >= 0)
            close(v4);
        if (bound)
            return ntohs(address.sin_port);
    }
    return 0;
}

static bool machine_has_ipv6(void) {
    int v6 = socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (v6 < 0)
        return false;
    struct sockaddr_in6 address = {.sin6_family = AF_INET6, .sin6_addr = IN6ADDR_LOOPBACK_INIT};
    bool has = bind(v6, (struct sockaddr *)&address, sizeof address) == 0;
    close(v6);
    return has;
}

static bool bind_port(grpc_server *server, const char *host, int port) {
    char address[64];
    snprintf(address, sizeof address, "%s:%d", host, port);
    grpc_server_credentials *credentials = grpc_insecure_server_credentials_create();
    int bound = grpc_server_add_http2_port(server, address, credentials);
    grpc_server_credentials_release(credentials);
    return bound == port;
}

static grpc_server *new_server(beamc_completion_loop *loop) {
    grpc_arg args[] = {
        {.type = GRPC_ARG_INTEGER, .key = GRPC_ARG_MAX_RECEIVE_MESSAGE_LENGTH, .value.integer = -1},
        {.type = GRPC_ARG_INTEGER, .key = GRPC_ARG_MAX_SEND_MESSAGE_LENGTH, .value.integer = -1},
        {.type = GRPC_ARG_INTEGER, .key = GRPC_ARG_ALLOW_REUSEPORT, .value.integer = 0},
    };
    grpc_channel_args all = {.num_args = sizeof args / sizeof args[0], .args = args};
    grpc_server *server = grpc_server_create(&all, NULL);
    grpc_server_register_completion_queue(server, beamc_completion_loop_queue(loop), NULL);
    return server;
}

static void shut_down(beamc_completion *completion, bool ok) {
    (void)completion;
    (void)ok;
}

static void destroy_server(beamc_completion_loop *loop, grpc_server *server, beamc_completion *done) {
    BEAMC_TAG_RELEASE(done);
    grpc_server_shutdown_and_notify(server, beamc_completion_loop_queue(loop), done);
    grpc_server_cancel_all_calls(server);
    beamc_completion_loop_stop(loop);
    grpc_server_destroy(server);
}

beamc_status beamc_rpc_server_start(int port, const beamc_rpc_method *methods, size_t num_methods,
                                    beamc_rpc_server **out, beamc_error *err) {
    bool with_ipv6 = machine_has_ipv6();
    int attempts = port == 0 ? PORT_ATTEMPTS : 1;
    for (int attempt = 0; attempt < attempts; attempt++) {
        int chosen = port == 0 ? free_port(with_ipv6) : port;
        if (chosen == 0)
            break;
        beamc_rpc_server *server = beamc_alloc_zero(1, sizeof *server);
        server->loop = beamc_completion_loop_start("beam-server");
        server->server = new_server(server->loop);
        server->methods = methods;
        server->num_methods = num_methods;
        server->port = chosen;
        server->shutdown_done.done = shut_down;
        bool bound = bind_port(server->server, "127.0.0.1", chosen) &&
                     (!with_ipv6 || bind_port(server->server, "[::1]", chosen));
        grpc_server_start(server->server);
        if (bound) {
            for (int i = 0; i < ACCEPTED_AT_ONCE; i++)
                accept_call(server);
            *out = server;
            return BEAMC_OK;
        }
        destroy_server(server->loop, server->server, &server->shutdown_done);
        free(server);
    }
    return beamc_fail(err, BEAMC_UNAVAILABLE,
                      "port %d cannot be bound on 127.0.0.1%s: another process has it; choose another --port", port,
                      with_ipv6 ? " and ::1" : "");
}

int beamc_rpc_server_port(const beamc_rpc_server *server) {
    return server->port;
}

void beamc_rpc_server_stop(beamc_rpc_server *server) {
    if (server == NULL)
        return;
    server->stopping = true;
    destroy_server(server->loop, server->server, &server->shutdown_done);
    free(server);
}
