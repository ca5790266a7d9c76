#include "tests/emulator/http_front.h"

#include "sdk_harness/base/alloc.h"
#include "sdk_harness/base/clock.h"
#include "tests/emulator/answer_delay.h"
#include "tests/emulator/control_area.h"
#include "tests/emulator/ingest.h"
#include "tests/emulator/read_back.h"

#include <arpa/inet.h>
#include <microhttpd.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#define FEATURES_PATH  "/api/v1/feature-service/get-features"
#define WORKSPACE_PATH "/api/v1/metadata-service/workspaces/"

enum { CONNECTION_MEMORY_BYTES = 32 * 1024 /* for headers and the read buffer of one connection */ };

struct emu_front {
    struct MHD_Daemon *daemon;
    emu_state *state;
    emu_delay *delay;
    uint16_t port;
};

typedef enum { ROUTE_INGEST_V1, ROUTE_INGEST_V2, ROUTE_FEATURES, ROUTE_WORKSPACE, ROUTE_CONTROL, ROUTE_NONE } route;

typedef enum { RECEIVING, RECEIVED /* what becomes of it is decided */ } exchange_phase;

/* One request and its answer. */
typedef struct {
    route route;
    exchange_phase phase;
    uint64_t at_ms;
    beamc_byte_buffer body;
    uint64_t body_bytes; /* received, kept or not */
    bool in_flight;      /* counted by the history */
    bool admitted;       /* counted by the capacity */
    bool faulted;
    emu_fault fault;
    uint64_t held_us; /* what the latency model drew */
} exchange;

static route find_route(const char *path) {
    if (strcmp(path, "/ingest") == 0)
        return ROUTE_INGEST_V1;
    if (strcmp(path, "/v2/ingest") == 0)
        return ROUTE_INGEST_V2;
    if (strcmp(path, FEATURES_PATH) == 0)
        return ROUTE_FEATURES;
    if (strncmp(path, WORKSPACE_PATH, sizeof WORKSPACE_PATH - 1) == 0)
        return ROUTE_WORKSPACE;
    if (strncmp(path, EMU_CONTROL_PREFIX, sizeof EMU_CONTROL_PREFIX - 1) == 0)
        return ROUTE_CONTROL;
    return ROUTE_NONE;
}

static const char *header(struct MHD_Connection *connection, const char *name) {
    return MHD_lookup_connection_value(connection, MHD_HEADER_KIND, name);
}

static const char *argument(struct MHD_Connection *connection, const char *name) {
    return MHD_lookup_connection_value(connection, MHD_GET_ARGUMENT_KIND, name);
}

static bool is_ingest_post(const exchange *ex, const char *method) {
    return (ex->route == ROUTE_INGEST_V1 || ex->route == ROUTE_INGEST_V2) && strcmp(method, MHD_HTTP_METHOD_POST) == 0;
}

static exchange *open_exchange(const emu_front *front, struct MHD_Connection *connection, const char *path,
                               const char *method) {
    exchange *ex = beamc_alloc_zero(1, sizeof *ex);
    ex->route = find_route(path);
    ex->at_ms = beamc_clock_ms();
    if (is_ingest_post(ex, method)) {
        ex->in_flight = true;
        pthread_mutex_lock(&front->state->counters_lock);
        emu_history_arrive(front->state->history, ex->at_ms);
        pthread_mutex_unlock(&front->state->counters_lock);
    }
    size_t ceiling = front->state->config->strictness.max_body_bytes;
    beamc_byte_buffer_init(&ex->body, ceiling);
    const char *length = header(connection, MHD_HTTP_HEADER_CONTENT_LENGTH);
    unsigned long long announced = length == NULL ? 0 : strtoull(length, NULL, 10);
    if (announced <= ceiling)
        beamc_byte_buffer_reserve(&ex->body, (size_t)announced);
    return ex;
}

/* False: far more than any limit; not worth reading on. */
static bool receive(const emu_front *front, exchange *ex, const char *data, size_t len) {
    ex->body_bytes += len;
    beamc_byte_buffer_append(&ex->body, data, len);
    return ex->body_bytes <= front->state->config->strictness.max_body_bytes * EMU_DRAIN_FACTOR;
}

/* Sends the first half of a body and then breaks off, although Content-Length promised all of it. */
static ssize_t read_half(void *context, uint64_t pos, char *to, size_t max) {
    const beamc_byte_buffer *body = context;
    size_t half = body->len / 2;
    if (pos >= half)
        return MHD_CONTENT_READER_END_WITH_ERROR;
    size_t len = half - (size_t)pos < max ? half - (size_t)pos : max;
    memcpy(to, body->data + pos, len);
    return (ssize_t)len;
}

static void free_body(void *context) {
    beamc_byte_buffer_cleanup(context);
    free(context);
}

static struct MHD_Response *make_response(emu_answer *answer) {
    if (answer->truncated) {
        beamc_byte_buffer *body = beamc_alloc(sizeof *body);
        *body = answer->body;
        beamc_byte_buffer_init(&answer->body, EMU_ANSWER_MAX_BYTES);
        return MHD_create_response_from_callback(body->len, 4096, read_half, body, free_body);
    }
    struct MHD_Response *response =
        MHD_create_response_from_buffer(answer->body.len, answer->body.data, MHD_RESPMEM_MUST_FREE);
    if (response != NULL)
        beamc_byte_buffer_init(&answer->body, EMU_ANSWER_MAX_BYTES); /* the response owns the bytes now */
    return response;
}

static enum MHD_Result send_answer(struct MHD_Connection *connection, emu_answer *answer) {
    if (answer->status == EMU_STATUS_CUT)
        return MHD_NO; /* closes the connection */
    struct MHD_Response *response = make_response(answer);
    if (response == NULL)
        return MHD_NO;
    MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE,
                            answer->content_type != NULL ? answer->content_type : "application/json");
    if (answer->allow != NULL)
        MHD_add_response_header(response, MHD_HTTP_HEADER_ALLOW, answer->allow);
    if (answer->retry_after[0] != '\0')
        MHD_add_response_header(response, MHD_HTTP_HEADER_RETRY_AFTER, answer->retry_after);
    enum MHD_Result result = MHD_queue_response(connection, (unsigned int)answer->status, response);
    MHD_destroy_response(response);
    return result;
}

/* Counts the connection at its first ingest request since the last reset. */
static void count_connection(emu_front *front, struct MHD_Connection *connection) {
    const union MHD_ConnectionInfo *info = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
    unsigned *counted_epoch = info == NULL ? NULL : *(void *const *)info;
    unsigned epoch = atomic_load(&front->state->epoch);
    if (counted_epoch == NULL || *counted_epoch == epoch)
        return;
    *counted_epoch = epoch;
    pthread_mutex_lock(&front->state->counters_lock);
    emu_counters_add_connection(front->state->counters);
    pthread_mutex_unlock(&front->state->counters_lock);
}

static void take_fault(emu_front *front, exchange *ex) {
    pthread_mutex_lock(&front->state->faults_lock);
    ex->faulted = emu_fault_script_take(&front->state->faults, beamc_clock_ms(), &ex->fault);
    pthread_mutex_unlock(&front->state->faults_lock);
}

/* What the traffic model says about a request that no fault answers: refused, or how long it takes. */
static void meet_traffic(emu_front *front, exchange *ex) {
    uint32_t num_records = emu_ingest_count_records((const char *)ex->body.data, ex->body.len);
    emu_traffic *traffic = &front->state->traffic;
    pthread_mutex_lock(&front->state->traffic_lock);
    ex->admitted = emu_capacity_admit(&traffic->capacity, beamc_clock_us());
    if (ex->admitted)
        ex->held_us = emu_latency_draw_us(&traffic->latency, num_records, &traffic->random);
    emu_retry_after retry_after = traffic->capacity.limits.retry_after;
    pthread_mutex_unlock(&front->state->traffic_lock);
    if (ex->admitted)
        return;
    emu_fault_cleanup(&ex->fault);
    ex->faulted = true;
    ex->fault = (emu_fault){.status = 429, .retry_after = retry_after, .message = "too many requests for now"};
}

/* Decides what becomes of a request whose body has come. Returns for how long it is to be held, microseconds. */
static uint64_t decide(emu_front *front, exchange *ex) {
    take_fault(front, ex);
    if (!ex->faulted || (ex->fault.status == 0 && ex->fault.cut == EMU_CUT_NONE))
        meet_traffic(front, ex);
    ex->phase = RECEIVED;
    return ex->held_us + (ex->faulted ? ex->fault.delay_ms * 1000 : 0);
}

/* The request is no longer in progress. `log` is NULL when its client has gone. */
static void leave(emu_front *front, exchange *ex, const emu_request_log *log) {
    if (ex->admitted) {
        pthread_mutex_lock(&front->state->traffic_lock);
        emu_capacity_finish(&front->state->traffic.capacity);
        pthread_mutex_unlock(&front->state->traffic_lock);
    }
    pthread_mutex_lock(&front->state->counters_lock);
    if (log != NULL) {
        emu_counters_add(front->state->counters, log);
        emu_history_answer(front->state->history, beamc_clock_ms(), log->status, log->num_written, ex->held_us);
    } else {
        emu_history_abandon(front->state->history, beamc_clock_ms());
    }
    pthread_mutex_unlock(&front->state->counters_lock);
    ex->admitted = false;
    ex->in_flight = false;
}

static void answer_ingest(emu_front *front, struct MHD_Connection *connection, exchange *ex, emu_answer *answer) {
    emu_ingest_request request = {
        .path = ex->route == ROUTE_INGEST_V1 ? EMU_INGEST_V1 : EMU_INGEST_V2,
        .authorization = header(connection, MHD_HTTP_HEADER_AUTHORIZATION),
        .content_encoding = header(connection, MHD_HTTP_HEADER_CONTENT_ENCODING),
        .body = (const char *)ex->body.data,
        .body_len = ex->body.len,
        .body_too_large = ex->body.failed,
    };
    emu_request_log log = {.at_ms = ex->at_ms, .body_bytes = ex->body_bytes};
    count_connection(front, connection);
    emu_ingest_run(front->state, &request, ex->faulted ? &ex->fault : NULL, answer, &log);
    leave(front, ex, &log);
}

static bool allowed(const char *method, const char *wanted, emu_answer *answer) {
    if (strcmp(method, wanted) == 0)
        return true;
    answer->status = 405;
    answer->allow = wanted;
    emu_answer_request_error(&answer->body, "method not allowed");
    return false;
}

static void answer_other(emu_front *front, struct MHD_Connection *connection, const exchange *ex, const char *path,
                         const char *method, emu_answer *answer) {
    const char *authorization = header(connection, MHD_HTTP_HEADER_AUTHORIZATION);
    if (ex->body.failed) {
        answer->status = 413;
        emu_answer_request_error(&answer->body, "the body is too large");
    } else if (ex->route == ROUTE_FEATURES) {
        if (allowed(method, MHD_HTTP_METHOD_POST, answer))
            emu_read_back_features(front->state, authorization, (const char *)ex->body.data, ex->body.len, answer);
    } else if (ex->route == ROUTE_WORKSPACE) {
        if (allowed(method, MHD_HTTP_METHOD_GET, answer))
            emu_read_back_workspace(front->state, authorization, path + sizeof WORKSPACE_PATH - 1, answer);
    } else if (ex->route == ROUTE_CONTROL) {
        emu_control_request request = {.method = method,
                                       .path = path + sizeof EMU_CONTROL_PREFIX - 1,
                                       .last = argument(connection, "last"),
                                       .view = argument(connection, "view"),
                                       .limit = argument(connection, "limit"),
                                       .body = (const char *)ex->body.data,
                                       .body_len = ex->body.len};
        emu_control_answer(front->state, &request, answer);
    } else {
        answer->status = 404;
        emu_answer_request_error(&answer->body, "no such path");
    }
}

static enum MHD_Result handle(void *context, struct MHD_Connection *connection, const char *path, const char *method,
                              const char *version, const char *data, size_t *data_len, void **request_context) {
    (void)version;
    emu_front *front = context;
    exchange *ex = *request_context;
    if (ex == NULL) {
        *request_context = open_exchange(front, connection, path, method);
        return MHD_YES;
    }
    if (*data_len > 0) {
        bool goes_on = receive(front, ex, data, *data_len);
        *data_len = 0;
        return goes_on ? MHD_YES : MHD_NO;
    }
    bool ingest_post = is_ingest_post(ex, method);
    if (ingest_post && ex->phase == RECEIVING) {
        uint64_t hold_us = decide(front, ex);
        /* One more, since the clock has cut off up to a microsecond. */
        if (hold_us > 0 && emu_delay_hold(front->delay, connection, beamc_clock_us() + hold_us + 1))
            return MHD_YES;
    }
    emu_answer answer;
    emu_answer_init(&answer);
    if (ingest_post)
        answer_ingest(front, connection, ex, &answer);
    else if (ex->route == ROUTE_INGEST_V1 || ex->route == ROUTE_INGEST_V2)
        allowed(method, MHD_HTTP_METHOD_POST, &answer);
    else
        answer_other(front, connection, ex, path, method, &answer);
    enum MHD_Result result = send_answer(connection, &answer);
    emu_answer_cleanup(&answer);
    return result;
}

/* A request that came whole takes effect although its client has gone: whether libmicrohttpd notices that before it
 * calls `handle` again must not decide what is counted. */
static void finish_unanswered(emu_front *front, struct MHD_Connection *connection, exchange *ex) {
    emu_answer answer;
    emu_answer_init(&answer);
    answer_ingest(front, connection, ex, &answer);
    emu_answer_cleanup(&answer);
}

static void close_exchange(void *context, struct MHD_Connection *connection, void **request_context,
                           enum MHD_RequestTerminationCode why) {
    exchange *ex = *request_context;
    if (ex == NULL)
        return;
    if (ex->in_flight && ex->phase == RECEIVED && why != MHD_REQUEST_TERMINATED_DAEMON_SHUTDOWN)
        finish_unanswered(context, connection, ex);
    else if (ex->in_flight)
        leave(context, ex, NULL);
    beamc_byte_buffer_cleanup(&ex->body);
    emu_fault_cleanup(&ex->fault);
    free(ex);
    *request_context = NULL;
}

static void note_connection(void *context, struct MHD_Connection *connection, void **socket_context,
                            enum MHD_ConnectionNotificationCode what) {
    (void)context;
    (void)connection;
    if (what == MHD_CONNECTION_NOTIFY_STARTED) {
        *socket_context = beamc_alloc_zero(1, sizeof(unsigned));
    } else {
        free(*socket_context);
        *socket_context = NULL;
    }
}

static struct MHD_Daemon *start_daemon(emu_front *front, const emu_front_options *options) {
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(options->port)};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    struct MHD_OptionItem items[10];
    size_t n = 0;
    items[n++] = (struct MHD_OptionItem){MHD_OPTION_SOCK_ADDR, 0, &address};
    items[n++] = (struct MHD_OptionItem){MHD_OPTION_CONNECTION_LIMIT, EMU_MAX_CONNECTIONS, NULL};
    items[n++] = (struct MHD_OptionItem){MHD_OPTION_CONNECTION_TIMEOUT, EMU_CONNECTION_TIMEOUT_S, NULL};
    items[n++] = (struct MHD_OptionItem){MHD_OPTION_CONNECTION_MEMORY_LIMIT, CONNECTION_MEMORY_BYTES, NULL};
    items[n++] = (struct MHD_OptionItem){MHD_OPTION_NOTIFY_COMPLETED, (intptr_t)close_exchange, front};
    items[n++] = (struct MHD_OptionItem){MHD_OPTION_NOTIFY_CONNECTION, (intptr_t)note_connection, NULL};
    if (options->num_threads > 1)
        items[n++] = (struct MHD_OptionItem){MHD_OPTION_THREAD_POOL_SIZE, (intptr_t)options->num_threads, NULL};
    unsigned int flags = MHD_USE_EPOLL_INTERNAL_THREAD | MHD_ALLOW_SUSPEND_RESUME;
    if (options->tls_cert != NULL) {
        flags |= MHD_USE_TLS;
        items[n++] = (struct MHD_OptionItem){MHD_OPTION_HTTPS_MEM_CERT, 0, (void *)(intptr_t)options->tls_cert};
        items[n++] = (struct MHD_OptionItem){MHD_OPTION_HTTPS_MEM_KEY, 0, (void *)(intptr_t)options->tls_key};
    }
    items[n] = (struct MHD_OptionItem){MHD_OPTION_END, 0, NULL};
    return MHD_start_daemon(flags, options->port, NULL, NULL, handle, front, MHD_OPTION_ARRAY, items, MHD_OPTION_END);
}

beamc_status emu_front_start(emu_state *state, const emu_front_options *options, emu_front **out, beamc_error *err) {
    emu_front *front = beamc_alloc_zero(1, sizeof *front);
    front->state = state;
    front->delay = emu_delay_new(EMU_MAX_CONNECTIONS);
    front->daemon = start_daemon(front, options);
    const union MHD_DaemonInfo *info =
        front->daemon == NULL ? NULL : MHD_get_daemon_info(front->daemon, MHD_DAEMON_INFO_BIND_PORT);
    if (info == NULL) {
        emu_front_stop(front);
        return beamc_fail(err, BEAMC_UNAVAILABLE, "cannot listen on 127.0.0.1:%u%s", options->port,
                          options->tls_cert != NULL ? " with this certificate and key" : "");
    }
    front->port = info->port;
    *out = front;
    return BEAMC_OK;
}

uint16_t emu_front_port(const emu_front *front) {
    return front->port;
}

void emu_front_stop(emu_front *front) {
    emu_delay_stop(front->delay);
    if (front->daemon != NULL)
        MHD_stop_daemon(front->daemon);
    emu_delay_free(front->delay);
    free(front);
}
