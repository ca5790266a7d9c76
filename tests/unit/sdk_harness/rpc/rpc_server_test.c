/* The server and the call of one request and one response, against each other on loopback. */
#include "sdk_harness/rpc/rpc_server.h"

#include "sdk_harness/base/alloc.h"
#include "sdk_harness/base/clock.h"
#include "sdk_harness/rpc/unary_call.h"
#include "tests/fakes/fake_server.h"
#include "tests/support/check.h"

#include <pthread.h>
#include <stdlib.h>

enum { TIMEOUT_MS = 10 * 1000 };

typedef struct {
    beamc_completion_loop *loop;
    beamc_channel *channel;
    beamc_rpc_server *server;

    pthread_mutex_t lock;
    pthread_cond_t changed;
    bool finished;
    char response[64];
    size_t response_len;
    char error[256]; /* "": none */
} fixture;

static beamc_status echo(void *context, const uint8_t *request, size_t len, beamc_byte_buffer *response,
                         beamc_error *err) {
    (void)context;
    (void)err;
    return beamc_byte_buffer_append(response, request, len) ? BEAMC_OK : BEAMC_LIMIT;
}

/* Fails with the status that the context points to. */
static beamc_status refuse(void *context, const uint8_t *request, size_t len, beamc_byte_buffer *response,
                           beamc_error *err) {
    (void)request;
    (void)len;
    (void)response;
    return beamc_fail(err, *(const beamc_status *)context, "refused in these words");
}

static const beamc_status refusals[] = {BEAMC_INVALID, BEAMC_LIMIT, BEAMC_UNAVAILABLE, BEAMC_AGAIN};

static const beamc_rpc_method methods[] = {
    {"/test.Service/Echo", echo, NULL},
    {"/test.Service/Invalid", refuse, (void *)(uintptr_t)&refusals[0]},
    {"/test.Service/Limit", refuse, (void *)(uintptr_t)&refusals[1]},
    {"/test.Service/Unavailable", refuse, (void *)(uintptr_t)&refusals[2]},
    {"/test.Service/Again", refuse, (void *)(uintptr_t)&refusals[3]},
};

static beamc_channel *open_channel(int port) {
    char url[32];
    snprintf(url, sizeof url, "127.0.0.1:%d", port);
    return beamc_channel_open(url, "worker-1");
}

static int make_fixture(void **state) {
    static fixture f;
    f = (fixture){.lock = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER};
    beamc_error err;
    if (beamc_rpc_server_start(0, methods, sizeof methods / sizeof methods[0], &f.server, &err) != BEAMC_OK)
        return -1;
    f.loop = beamc_completion_loop_start("test-loop");
    f.channel = open_channel(beamc_rpc_server_port(f.server));
    *state = &f;
    return 0;
}

static int free_fixture(void **state) {
    fixture *f = *state;
    beamc_channel_close(f->channel);
    beamc_completion_loop_stop(f->loop);
    beamc_rpc_server_stop(f->server);
    return 0;
}

static void done(void *context, const uint8_t *response, size_t len, const char *error) {
    fixture *f = context;
    pthread_mutex_lock(&f->lock);
    snprintf(f->error, sizeof f->error, "%s", error == NULL ? "" : error);
    f->response_len = error == NULL ? len : 0;
    if (error == NULL)
        memcpy(f->response, response, len < sizeof f->response ? len : sizeof f->response);
    f->finished = true;
    pthread_cond_signal(&f->changed);
    pthread_mutex_unlock(&f->lock);
}

static beamc_unary *start(fixture *f, beamc_channel *channel, const char *method, const void *request, size_t len,
                          unsigned timeout_ms) {
    pthread_mutex_lock(&f->lock);
    f->finished = false;
    pthread_mutex_unlock(&f->lock);
    return beamc_unary_start(f->loop, channel, method, request, len, timeout_ms, done, f);
}

static void await_done(fixture *f) {
    pthread_mutex_lock(&f->lock);
    while (!f->finished) /* bounded by the call's own deadline */
        pthread_cond_wait(&f->changed, &f->lock);
    pthread_mutex_unlock(&f->lock);
}

static void call(fixture *f, const char *method, const void *request, size_t len) {
    (void)start(f, f->channel, method, request, len, TIMEOUT_MS);
    await_done(f);
}

static void a_response_comes_back(void **state) {
    fixture *f = *state;
    call(f, "/test.Service/Echo", "hello", 5);
    assert_string_equal(f->error, "");
    assert_int_equal(f->response_len, 5);
    assert_memory_equal(f->response, "hello", 5);
}

static void request_and_response_may_be_empty(void **state) {
    fixture *f = *state;
    call(f, "/test.Service/Echo", "", 0);
    assert_string_equal(f->error, "");
    assert_int_equal(f->response_len, 0);
}

static void messages_may_be_larger_than_grpc_s_four_mebibytes(void **state) {
    enum { BYTES = 9 * 1000 * 1000 };
    fixture *f = *state;
    uint8_t *request = beamc_alloc_zero(1, BYTES);
    call(f, "/test.Service/Echo", request, BYTES);
    free(request);
    assert_string_equal(f->error, "");
    assert_int_equal(f->response_len, BYTES);
}

static void a_refusal_has_its_words_the_method_and_the_address(void **state) {
    fixture *f = *state;
    call(f, "/test.Service/Invalid", "x", 1);
    assert_contains(f->error, "refused in these words");
    assert_contains(f->error, "/test.Service/Invalid");
    assert_contains(f->error, "127.0.0.1:");
}

static void each_status_has_a_grpc_code_of_its_own(void **state) {
    static const struct {
        const char *method;
        const char *code;
    } expected[] = {{"/test.Service/Invalid", "status 3"},
                    {"/test.Service/Limit", "status 8"},
                    {"/test.Service/Unavailable", "status 14"},
                    {"/test.Service/Again", "status 5"}};
    fixture *f = *state;
    for (size_t i = 0; i < sizeof expected / sizeof expected[0]; i++) {
        call(f, expected[i].method, "x", 1);
        assert_contains(f->error, expected[i].code);
    }
}

static void a_method_that_nobody_serves_is_unimplemented(void **state) {
    fixture *f = *state;
    call(f, "/test.Service/Nothing", "x", 1);
    assert_contains(f->error, "status 12");
}

static void calls_may_follow_one_another_by_the_hundred(void **state) {
    fixture *f = *state;
    for (int i = 0; i < 300; i++) {
        char request[16];
        int len = snprintf(request, sizeof request, "%d", i);
        call(f, "/test.Service/Echo", request, (size_t)len);
        assert_int_equal(f->response_len, len);
        assert_memory_equal(f->response, request, (size_t)len);
    }
}

static void a_port_that_another_has_is_named(void **state) {
    fixture *f = *state;
    beamc_rpc_server *second = NULL;
    beamc_error err;
    int port = beamc_rpc_server_port(f->server);
    char text[16];
    snprintf(text, sizeof text, "%d", port);
    assert_int_equal(beamc_rpc_server_start(port, methods, 1, &second, &err), BEAMC_UNAVAILABLE);
    assert_null(second);
    assert_contains(err.text, text);
}

/* ---- against a server that does not answer ---- */

static void ignore_call(void *context, fake_call *call) {
    (void)context;
    (void)call;
}

static void ignore_message(void *context, fake_call *call, const uint8_t *bytes, size_t len) {
    (void)context;
    (void)call;
    (void)bytes;
    (void)len;
}

static void ignore_end(void *context, fake_call *call, bool cancelled) {
    (void)context;
    (void)call;
    (void)cancelled;
}

static const fake_server_events silent = {
    .arrived = ignore_call, .message = ignore_message, .half_closed = ignore_call, .ended = ignore_end};

static void a_call_that_is_not_answered_ends_at_its_deadline(void **state) {
    fixture *f = *state;
    fake_server *server = fake_server_start("127.0.0.1:0", &silent, NULL);
    beamc_channel *channel = beamc_channel_open(fake_server_url(server), "worker-1");
    uint64_t before_ms = beamc_clock_ms();
    (void)start(f, channel, "/test.Service/Echo", "x", 1, 100);
    await_done(f);
    assert_contains(f->error, "status 4");
    assert_in_range(beamc_clock_ms() - before_ms, 95, 5000);
    beamc_channel_close(channel);
    fake_server_stop(server);
}

static void a_call_that_is_cancelled_ends_soon(void **state) {
    fixture *f = *state;
    fake_server *server = fake_server_start("127.0.0.1:0", &silent, NULL);
    beamc_channel *channel = beamc_channel_open(fake_server_url(server), "worker-1");
    uint64_t before_ms = beamc_clock_ms();
    beamc_unary_cancel(start(f, channel, "/test.Service/Echo", "x", 1, 60 * 1000));
    await_done(f);
    assert_contains(f->error, "status 1");
    assert_in_range(beamc_clock_ms() - before_ms, 0, 5000);
    beamc_channel_close(channel);
    fake_server_stop(server);
}

static void a_call_to_nobody_ends_at_its_deadline(void **state) {
    fixture *f = *state;
    beamc_channel *channel = beamc_channel_open("127.0.0.1:1", "worker-1");
    (void)start(f, channel, "/test.Service/Echo", "x", 1, 150);
    await_done(f);
    assert_contains(f->error, "127.0.0.1:1");
    beamc_channel_close(channel);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, make_fixture, free_fixture)

int main(void) {
    const struct CMUnitTest tests[] = {
        CASE(a_response_comes_back),
        CASE(request_and_response_may_be_empty),
        CASE(messages_may_be_larger_than_grpc_s_four_mebibytes),
        CASE(a_refusal_has_its_words_the_method_and_the_address),
        CASE(each_status_has_a_grpc_code_of_its_own),
        CASE(a_method_that_nobody_serves_is_unimplemented),
        CASE(calls_may_follow_one_another_by_the_hundred),
        CASE(a_port_that_another_has_is_named),
        CASE(a_call_that_is_not_answered_ends_at_its_deadline),
        CASE(a_call_that_is_cancelled_ends_soon),
        CASE(a_call_to_nobody_ends_at_its_deadline),
    };
    return cmocka_run_group_tests_name("rpc_server", tests, NULL, NULL);
}
