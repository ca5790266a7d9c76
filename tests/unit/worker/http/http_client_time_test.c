/* What the client does with time, on a clock that the test sets: the functions of sdk_harness/base/clock.h are its own
 * here. */
#include "worker/http/http_client.h"

#include "sdk_harness/base/clock.h"
#include "tests/support/check.h"
#include "tests/support/http_server.h"

static uint64_t now_us = 1000 * 1000;

uint64_t beamc_clock_us(void) {
    return now_us;
}

uint64_t beamc_clock_ms(void) {
    return now_us / 1000;
}

int64_t beamc_wall_ms(void) {
    return (int64_t)(now_us / 1000);
}

static void pass_seconds(uint64_t seconds) {
    now_us += seconds * 1000 * 1000;
}

typedef struct {
    tecton_http_exchange exchange; /* first */
    bool done;
} call;

static void on_done(tecton_http_exchange *exchange) {
    ((call *)exchange)->done = true;
}

static tecton_http_target *target_to(const test_server *server, uint32_t timeout_ms) {
    tecton_http_target_options options = {
        .method = TECTON_HTTP_POST, .url = test_server_url(server), .timeout_ms = timeout_ms, .proxy = "none"};
    tecton_http_target *target = NULL;
    assert_int_equal(tecton_http_target_new(&options, &target, NULL), BEAMC_OK);
    return target;
}

static void start(tecton_http_client *client, call *self, tecton_http_target *target) {
    *self = (call){.exchange = {.target = target, .body = (const uint8_t *)"{}", .body_len = 2, .done = on_done}};
    assert_int_equal(tecton_http_client_submit(client, &self->exchange, NULL), BEAMC_OK);
}

/* Polls until so many requests are with the server. */
static void await_requests(tecton_http_client *client, test_server *server, size_t num_requests) {
    for (int i = 0; i < 1000 && test_server_num_requests(server) < num_requests; i++)
        tecton_http_client_poll(client, 10);
    assert_int_equal(test_server_num_requests(server), num_requests);
}

static void finish(tecton_http_client *client, call *self) {
    for (int i = 0; i < 1000 && !self->done; i++)
        tecton_http_client_poll(client, 10);
    assert_true(self->done);
}

static void a_connection_is_closed_after_a_minute_without_use(void **state) {
    (void)state;
    test_server *server = test_server_start();
    tecton_http_client *client = NULL;
    assert_int_equal(tecton_http_client_new(&client, NULL), BEAMC_OK);
    tecton_http_target *target = target_to(server, 5000);
    static const struct {
        uint64_t pause_s;
        size_t num_connections;
    } steps[] = {{0, 1}, {59, 1}, {59, 1}, {60, 2}, {0, 2}};
    for (size_t i = 0; i < sizeof steps / sizeof steps[0]; i++) {
        pass_seconds(steps[i].pause_s);
        tecton_http_client_poll(client, 0);
        call self;
        start(client, &self, target);
        finish(client, &self);
        assert_int_equal(self.exchange.status, 200);
        assert_int_equal(test_server_num_connections(server), steps[i].num_connections);
    }
    tecton_http_target_release(target);
    tecton_http_client_free(client);
    test_server_stop(server);
}

static void requests_time_out_each_at_its_own_time(void **state) {
    (void)state;
    static const uint32_t timeouts_ms[] = {5000, 1000, 3000, 5000};
    enum { NUM_CALLS = sizeof timeouts_ms / sizeof timeouts_ms[0] };
    test_server *server = test_server_start();
    tecton_http_client *client = NULL;
    assert_int_equal(tecton_http_client_new(&client, NULL), BEAMC_OK);
    call calls[NUM_CALLS];
    tecton_http_target *targets[NUM_CALLS];
    test_server_hold(server);
    for (size_t i = 0; i < NUM_CALLS; i++) {
        targets[i] = target_to(server, timeouts_ms[i]);
        start(client, &calls[i], targets[i]);
    }
    await_requests(client, server, NUM_CALLS);
    for (uint32_t passed_ms = 0; passed_ms <= 5000; passed_ms += 500) {
        tecton_http_client_poll(client, 0);
        for (size_t i = 0; i < NUM_CALLS; i++)
            assert_int_equal(calls[i].done, passed_ms >= timeouts_ms[i]);
        now_us += 500 * 1000;
    }
    for (size_t i = 0; i < NUM_CALLS; i++) {
        assert_int_equal(calls[i].exchange.result, TECTON_HTTP_LOST);
        assert_true(calls[i].exchange.timed_out);
        assert_int_equal(calls[i].exchange.latency_ms, timeouts_ms[i]);
        assert_contains(calls[i].exchange.problem, "timed out");
        tecton_http_target_release(targets[i]);
    }
    tecton_http_client_free(client);
    test_server_stop(server);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_connection_is_closed_after_a_minute_without_use),
        cmocka_unit_test(requests_time_out_each_at_its_own_time),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
