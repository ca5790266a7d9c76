#include "worker/http/http_client.h"

#include "sdk_harness/base/alloc.h"
#include "sdk_harness/base/clock.h"
#include "tests/support/check.h"
#include "tests/support/http_server.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

enum { GIVE_UP_MS = 10 * 1000 };

typedef struct {
    tecton_http_exchange exchange; /* first */
    bool done;
    char answer[256]; /* copied, cut */
    size_t answer_len;
} call;

static void on_done(tecton_http_exchange *exchange) {
    call *self = (call *)exchange;
    assert_false(self->done);
    self->done = true;
    self->answer_len = exchange->answer_len;
    size_t kept = exchange->answer_len < sizeof self->answer - 1 ? exchange->answer_len : sizeof self->answer - 1;
    if (kept > 0)
        memcpy(self->answer, exchange->answer, kept);
    self->answer[kept] = '\0';
}

typedef struct {
    test_server *server;
    tecton_http_client *client;
    tecton_http_target *target;
} fixture;

static tecton_http_target *target_to(const char *url, uint32_t timeout_ms) {
    static const char *const headers[] = {"Authorization: Tecton-key k-1", "Accept:"};
    tecton_http_target_options options = {.method = TECTON_HTTP_POST,
                                          .url = url,
                                          .headers = headers,
                                          .num_headers = 2,
                                          .timeout_ms = timeout_ms,
                                          .proxy = "none"};
    tecton_http_target *target = NULL;
    beamc_error err = {{0}};
    if (tecton_http_target_new(&options, &target, &err) != BEAMC_OK)
        fail_msg("%s", err.text);
    return target;
}

static void open_fixture(fixture *f, uint32_t timeout_ms) {
    f->server = test_server_start();
    assert_int_equal(tecton_http_client_new(&f->client, NULL), BEAMC_OK);
    f->target = target_to(test_server_url(f->server), timeout_ms);
}

static void close_fixture(fixture *f) {
    tecton_http_client_free(f->client);
    tecton_http_target_release(f->target);
    test_server_stop(f->server);
}

static void start(tecton_http_client *client, call *self, tecton_http_target *target, const char *body) {
    *self = (call){.done = false};
    self->exchange.target = target;
    self->exchange.body = (const uint8_t *)body;
    self->exchange.body_len = strlen(body);
    self->exchange.done = on_done;
    beamc_error err = {{0}};
    if (tecton_http_client_submit(client, &self->exchange, &err) != BEAMC_OK)
        fail_msg("%s", err.text);
}

static void finish(tecton_http_client *client, call *self) {
    uint64_t until_ms = beamc_clock_ms() + GIVE_UP_MS;
    while (!self->done) {
        assert_true(beamc_clock_ms() < until_ms);
        tecton_http_client_poll(client, 1000);
    }
}

/* One request after the server's script is set; the answer as seen. */
static call ask(fixture *f, const test_step *step) {
    if (step != NULL)
        test_server_script(f->server, step, 1);
    call self;
    start(f->client, &self, f->target, "{\"a\":1}");
    finish(f->client, &self);
    return self;
}

static void a_request_carries_its_body_and_headers(void **state) {
    (void)state;
    fixture f;
    open_fixture(&f, 5000);
    test_step step = {.status = 200, .body = "{\"ok\":true}"};
    call reply = ask(&f, &step);
    assert_int_equal(reply.exchange.result, TECTON_HTTP_ANSWERED);
    assert_int_equal(reply.exchange.status, 200);
    assert_string_equal(reply.answer, "{\"ok\":true}");
    assert_false(reply.exchange.answer_cut);
    assert_int_equal(reply.exchange.num_sends, 1);
    const test_request *request = test_server_request(f.server, 0);
    assert_string_equal(request->body, "{\"a\":1}");
    assert_contains(request->head, "POST /ingest HTTP/1.1\r\n");
    assert_contains(request->head, "\r\nAuthorization: Tecton-key k-1\r\n");
    assert_contains(request->head, "\r\nContent-Length: 7\r\n");
    assert_lacks(request->head, "Accept");
    assert_lacks(request->head, "Expect");
    close_fixture(&f);
}

static void connections_are_kept(void **state) {
    (void)state;
    fixture f;
    open_fixture(&f, 5000);
    for (int i = 0; i < 20; i++)
        assert_int_equal(ask(&f, NULL).exchange.status, 200);
    assert_int_equal(test_server_num_requests(f.server), 20);
    assert_int_equal(test_server_num_connections(f.server), 1);
    close_fixture(&f);
}

static void a_connection_closed_by_the_server_is_replaced(void **state) {
    (void)state;
    fixture f;
    open_fixture(&f, 5000);
    test_step step = {.status = 200, .close = true};
    for (int i = 0; i < 5; i++)
        assert_int_equal(ask(&f, &step).exchange.status, 200);
    assert_int_equal(test_server_num_connections(f.server), 5);
    close_fixture(&f);
}

static void many_requests_run_side_by_side(void **state) {
    (void)state;
    enum { NUM_CALLS = 100 };
    fixture f;
    open_fixture(&f, 5000);
    static call calls[NUM_CALLS];
    test_server_hold(f.server);
    for (int i = 0; i < NUM_CALLS; i++)
        start(f.client, &calls[i], f.target, "{}");
    for (int i = 0; i < 1000 && test_server_num_requests(f.server) < NUM_CALLS; i++)
        tecton_http_client_poll(f.client, 10);
    test_server_release(f.server);
    for (int i = 0; i < NUM_CALLS; i++) {
        finish(f.client, &calls[i]);
        assert_int_equal(calls[i].exchange.status, 200);
    }
    assert_int_equal(test_server_max_at_once(f.server), NUM_CALLS);
    for (int i = 0; i < NUM_CALLS; i++) /* again, over the same connections */
        start(f.client, &calls[i], f.target, "{}");
    for (int i = 0; i < NUM_CALLS; i++)
        finish(f.client, &calls[i]);
    assert_int_equal(test_server_num_connections(f.server), NUM_CALLS);
    close_fixture(&f);
}

static void a_refused_connection_was_not_sent(void **state) {
    (void)state;
    fixture f;
    open_fixture(&f, 5000);
    char url[64];
    (void)snprintf(url, sizeof url, "http://127.0.0.1:%d/", test_closed_port());
    tecton_http_target *nobody = target_to(url, 5000);
    call self;
    start(f.client, &self, nobody, "{}");
    finish(f.client, &self);
    assert_int_equal(self.exchange.result, TECTON_HTTP_NOT_SENT);
    assert_int_equal(self.exchange.status, 0);
    assert_int_equal(self.exchange.num_sends, 0);
    assert_true(self.exchange.problem[0] != '\0');
    tecton_http_target_release(nobody);
    close_fixture(&f);
}

static void a_host_without_an_address_was_not_sent_to(void **state) {
    (void)state;
    fixture f;
    open_fixture(&f, 5000);
    /* A label longer than DNS has: no name server is asked. */
    tecton_http_target *nowhere =
        target_to("http://xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx.example/", 5000);
    call self;
    start(f.client, &self, nowhere, "{}");
    finish(f.client, &self);
    assert_int_equal(self.exchange.result, TECTON_HTTP_NOT_SENT);
    assert_contains(self.exchange.problem, "resolve");
    tecton_http_target_release(nowhere);
    close_fixture(&f);
}

static void a_connection_cut_after_the_request_is_lost(void **state) {
    (void)state;
    fixture f;
    open_fixture(&f, 5000);
    test_step step = {.cut = true};
    call reply = ask(&f, &step);
    assert_int_equal(reply.exchange.result, TECTON_HTTP_LOST);
    assert_false(reply.exchange.timed_out);
    assert_int_equal(reply.exchange.num_sends, 1);
    close_fixture(&f);
}

static void a_kept_connection_that_is_cut_is_sent_again_and_counted(void **state) {
    (void)state;
    fixture f;
    open_fixture(&f, 5000);
    assert_int_equal(ask(&f, NULL).exchange.status, 200);
    test_step step = {.cut = true};
    call reply = ask(&f, &step);
    assert_int_equal(reply.exchange.result, TECTON_HTTP_ANSWERED);
    assert_int_equal(reply.exchange.num_sends, 2);
    assert_int_equal(test_server_num_requests(f.server), 3);
    close_fixture(&f);
}

static void a_slow_answer_times_out(void **state) {
    (void)state;
    fixture f;
    open_fixture(&f, 100);
    test_step step = {.status = 200, .delay_ms = 5000};
    uint64_t start_ms = beamc_clock_ms();
    call reply = ask(&f, &step);
    uint64_t took_ms = beamc_clock_ms() - start_ms;
    assert_int_equal(reply.exchange.result, TECTON_HTTP_LOST);
    assert_true(reply.exchange.timed_out);
    assert_true(took_ms >= 99 && took_ms < 2000);
    assert_in_range(reply.exchange.latency_ms, 99, 2000);
    close_fixture(&f);
}

static void an_answer_that_breaks_off_keeps_its_status(void **state) {
    (void)state;
    fixture f;
    open_fixture(&f, 5000);
    test_step step = {.raw = "HTTP/1.1 503 Busy\r\nContent-Length: 100\r\nRetry-After: 7\r\n\r\nhalf"};
    call reply = ask(&f, &step);
    assert_int_equal(reply.exchange.result, TECTON_HTTP_ANSWERED);
    assert_int_equal(reply.exchange.status, 503);
    assert_true(reply.exchange.answer_cut);
    assert_string_equal(reply.answer, "half");
    assert_string_equal(reply.exchange.retry_after, "7");
    close_fixture(&f);
}

static void a_long_answer_is_kept_up_to_its_bound(void **state) {
    (void)state;
    fixture f;
    open_fixture(&f, 5000);
    test_step exact = {.status = 200, .body = "", .filler_bytes = TECTON_HTTP_MAX_ANSWER_BYTES};
    call reply = ask(&f, &exact);
    assert_int_equal(reply.answer_len, TECTON_HTTP_MAX_ANSWER_BYTES);
    assert_false(reply.exchange.answer_cut);
    test_step longer = {.status = 200, .body = "", .filler_bytes = TECTON_HTTP_MAX_ANSWER_BYTES + 1};
    reply = ask(&f, &longer);
    assert_int_equal(reply.answer_len, TECTON_HTTP_MAX_ANSWER_BYTES);
    assert_true(reply.exchange.answer_cut);
    assert_int_equal(test_server_num_connections(f.server), 1); /* what was dropped did not cost the connection */
    close_fixture(&f);
}

static void a_huge_answer_is_cut_off(void **state) {
    (void)state;
    fixture f;
    open_fixture(&f, 5000);
    test_step huge = {.status = 400, .body = "{", .filler_bytes = (size_t)1 << 30};
    call reply = ask(&f, &huge);
    assert_int_equal(reply.exchange.result, TECTON_HTTP_ANSWERED);
    assert_int_equal(reply.exchange.status, 400);
    assert_int_equal(reply.answer_len, TECTON_HTTP_MAX_ANSWER_BYTES);
    assert_true(reply.exchange.answer_cut);
    close_fixture(&f);
}

static void a_flood_of_headers_is_cut_off(void **state) {
    (void)state;
    fixture f;
    open_fixture(&f, 5000);
    size_t len = 0;
    char *raw = beamc_alloc(200 * 1024);
    len += (size_t)snprintf(raw, 100, "HTTP/1.1 200 OK\r\n");
    while (len < 150 * 1024)
        len += (size_t)snprintf(raw + len, 100, "X-Header: %060zu\r\n", len);
    (void)snprintf(raw + len, 100, "\r\n");
    test_step step = {.raw = raw};
    call reply = ask(&f, &step);
    assert_int_equal(reply.exchange.result, TECTON_HTTP_LOST);
    assert_contains(reply.exchange.problem, "longer than is read");
    close_fixture(&f); /* ends whoever sends from it */
    free(raw);
}

static void garbage_is_no_answer(void **state) {
    (void)state;
    static const char *const answers[] = {"\x16\x03\x01 not http at all\r\n\r\n",
                                          "HTTP/9.9 200 OK\r\n\r\n",
                                          "HTTP/1.1 banana\r\n\r\n",
                                          "HTTP/1.1 200 OK\r\n",
                                          "\r\n\r\n",
                                          "HTTP/1.1 2"};
    fixture f;
    open_fixture(&f, 5000);
    for (size_t i = 0; i < sizeof answers / sizeof answers[0]; i++) {
        test_step step = {.raw = answers[i]};
        call reply = ask(&f, &step);
        if (reply.exchange.result != TECTON_HTTP_LOST)
            fail_msg("answer %zu gave result %d, status %d", i, (int)reply.exchange.result, reply.exchange.status);
        assert_true(reply.exchange.problem[0] != '\0');
    }
    close_fixture(&f);
}

static void odd_statuses_come_through(void **state) {
    (void)state;
    static const int statuses[] = {204, 301, 307, 418, 599, 999};
    fixture f;
    open_fixture(&f, 5000);
    for (size_t i = 0; i < sizeof statuses / sizeof statuses[0]; i++) {
        test_step step = {.status = statuses[i],
                          .body = statuses[i] == 204 ? "" : "{}",
                          .headers = "Location: http://127.0.0.1:1/elsewhere\r\n",
                          .close = true};
        call reply = ask(&f, &step);
        assert_int_equal(reply.exchange.result, TECTON_HTTP_ANSWERED);
        assert_int_equal(reply.exchange.status, statuses[i]); /* redirects are not followed */
    }
    assert_int_equal(test_server_num_requests(f.server), 6);
    close_fixture(&f);
}

static void interim_answers_are_passed_over(void **state) {
    (void)state;
    fixture f;
    open_fixture(&f, 5000);
    test_step step = {.raw = "HTTP/1.1 100 Continue\r\nRetry-After: 9\r\n\r\n"
                             "HTTP/1.1 429 Slow down\r\nContent-Length: 2\r\n\r\n{}"};
    call reply = ask(&f, &step);
    assert_int_equal(reply.exchange.status, 429);
    assert_string_equal(reply.exchange.retry_after, ""); /* the interim one's does not count */
    close_fixture(&f);
}

static void retry_after_is_taken_whatever_its_case(void **state) {
    (void)state;
    fixture f;
    open_fixture(&f, 5000);
    test_step date = {.status = 503, .headers = "rEtRy-aFtEr:   Wed, 21 Oct 2015 07:28:05 GMT  \r\n"};
    assert_string_equal(ask(&f, &date).exchange.retry_after, "Wed, 21 Oct 2015 07:28:05 GMT");
    test_step overlong = {
        .status = 503, .headers = "Retry-After: 1111111111111111111111111111111111111111111111111111111111111111\r\n"};
    assert_string_equal(ask(&f, &overlong).exchange.retry_after, "");
    test_step empty = {.status = 503, .headers = "Retry-After:\r\n"};
    assert_string_equal(ask(&f, &empty).exchange.retry_after, "");
    close_fixture(&f);
}

static void compressed_answers_stay_as_they_are(void **state) {
    (void)state;
    fixture f;
    open_fixture(&f, 5000);
    test_step step = {.status = 200, .headers = "Content-Encoding: gzip\r\n", .body = "not gzip"};
    call reply = ask(&f, &step);
    assert_int_equal(reply.exchange.result, TECTON_HTTP_ANSWERED);
    assert_string_equal(reply.answer, "not gzip");
    assert_lacks(test_server_request(f.server, 0)->head, "Accept-Encoding");
    close_fixture(&f);
}

static void cookies_are_not_kept(void **state) {
    (void)state;
    fixture f;
    open_fixture(&f, 5000);
    test_step step = {.status = 200, .headers = "Set-Cookie: a=b\r\n"};
    (void)ask(&f, &step);
    (void)ask(&f, NULL);
    assert_lacks(test_server_request(f.server, 1)->head, "Cookie");
    close_fixture(&f);
}

static void a_cancelled_request_is_never_done(void **state) {
    (void)state;
    fixture f;
    open_fixture(&f, 5000);
    test_server_hold(f.server);
    call first;
    call second;
    start(f.client, &first, f.target, "{}");
    start(f.client, &second, f.target, "{}");
    for (int i = 0; i < 1000 && test_server_num_requests(f.server) < 2; i++)
        tecton_http_client_poll(f.client, 10);
    tecton_http_client_cancel(f.client, &first.exchange);
    test_server_release(f.server);
    finish(f.client, &second);
    assert_false(first.done);
    assert_int_equal(ask(&f, NULL).exchange.status, 200); /* the slot is used again */
    assert_false(first.done);
    close_fixture(&f);
}

static void freeing_cuts_what_is_under_way(void **state) {
    (void)state;
    fixture f;
    open_fixture(&f, 5000);
    test_server_hold(f.server);
    call self;
    start(f.client, &self, f.target, "{}");
    for (int i = 0; i < 1000 && test_server_num_requests(f.server) < 1; i++)
        tecton_http_client_poll(f.client, 10);
    close_fixture(&f);
    assert_false(self.done);
}

static void targets_with_different_headers_do_not_mix(void **state) {
    (void)state;
    fixture f;
    open_fixture(&f, 5000);
    static const char *const other_headers[] = {"Authorization: Tecton-key k-2"};
    tecton_http_target_options options = {.method = TECTON_HTTP_POST,
                                          .url = test_server_url(f.server),
                                          .headers = other_headers,
                                          .num_headers = 1,
                                          .timeout_ms = 5000,
                                          .proxy = "none"};
    tecton_http_target *other = NULL;
    assert_int_equal(tecton_http_target_new(&options, &other, NULL), BEAMC_OK);
    for (size_t i = 0; i < 6; i++) {
        call self;
        start(f.client, &self, i % 2 == 0 ? f.target : other, "{}");
        finish(f.client, &self);
        assert_contains(test_server_request(f.server, i)->head, i % 2 == 0 ? "Tecton-key k-1" : "Tecton-key k-2");
        assert_lacks(test_server_request(f.server, i)->head, i % 2 == 0 ? "Tecton-key k-2" : "Tecton-key k-1");
    }
    tecton_http_client_forget(f.client, other);
    tecton_http_target_release(other);
    assert_int_equal(ask(&f, NULL).exchange.status, 200);
    assert_int_equal(test_server_num_connections(f.server), 1);
    close_fixture(&f);
}

static void get_requests_have_no_body(void **state) {
    (void)state;
    fixture f;
    open_fixture(&f, 5000);
    tecton_http_target_options options = {
        .method = TECTON_HTTP_GET, .url = test_server_url(f.server), .timeout_ms = 5000, .proxy = "none"};
    tecton_http_target *target = NULL;
    assert_int_equal(tecton_http_target_new(&options, &target, NULL), BEAMC_OK);
    call self;
    start(f.client, &self, target, "");
    finish(f.client, &self);
    assert_int_equal(self.exchange.status, 200);
    assert_contains(test_server_request(f.server, 0)->head, "GET /ingest HTTP/1.1\r\n");
    assert_int_equal(test_server_request(f.server, 0)->body_len, 0);
    tecton_http_target_release(target);
    close_fixture(&f);
}

static void urls_that_cannot_be_used_are_refused(void **state) {
    (void)state;
    static const char *const urls[] = {"", "http://", "http://user:pw@127.0.0.1/", "http://127.0.0.1:99999/"};
    for (size_t i = 0; i < sizeof urls / sizeof urls[0]; i++) {
        tecton_http_target_options options = {
            .method = TECTON_HTTP_POST, .url = urls[i], .timeout_ms = 1, .proxy = "none"};
        tecton_http_target *target = NULL;
        beamc_error err = {{0}};
        assert_int_equal(tecton_http_target_new(&options, &target, &err), BEAMC_INVALID);
        assert_contains(err.text, "cannot be used");
    }
}

static void a_ca_file_that_is_not_there_cannot_help_itself(void **state) {
    (void)state;
    fixture f;
    open_fixture(&f, 5000);
    char url[64];
    (void)snprintf(url, sizeof url, "https://127.0.0.1:%d/", test_server_port(f.server));
    tecton_http_target_options options = {
        .method = TECTON_HTTP_POST, .url = url, .timeout_ms = 5000, .proxy = "none", .ca_file = "/no/such/ca.pem"};
    tecton_http_target *target = NULL;
    assert_int_equal(tecton_http_target_new(&options, &target, NULL), BEAMC_OK);
    call self;
    start(f.client, &self, target, "{}");
    finish(f.client, &self);
    assert_int_equal(self.exchange.result, TECTON_HTTP_MISCONFIGURED);
    assert_contains(self.exchange.problem, "/no/such/ca.pem");
    tecton_http_target_release(target);
    close_fixture(&f);
}

static void the_proxy_is_read_from_the_environment_once(void **state) {
    (void)state;
    fixture f;
    open_fixture(&f, 5000);
    char proxy[64];
    (void)snprintf(proxy, sizeof proxy, "http://127.0.0.1:%d", test_server_port(f.server));
    setenv("http_proxy", proxy, 1);
    unsetenv("no_proxy");
    unsetenv("NO_PROXY");
    tecton_http_target_options options = {
        .method = TECTON_HTTP_POST, .url = "http://tecton.invalid/ingest", .timeout_ms = 5000, .proxy = "env"};
    tecton_http_target *through = NULL;
    assert_int_equal(tecton_http_target_new(&options, &through, NULL), BEAMC_OK);
    setenv("no_proxy", "tecton.invalid", 1);
    tecton_http_target *around = NULL;
    assert_int_equal(tecton_http_target_new(&options, &around, NULL), BEAMC_OK);
    options.proxy = "none";
    tecton_http_target *none = NULL;
    assert_int_equal(tecton_http_target_new(&options, &none, NULL), BEAMC_OK);
    options.proxy = proxy;
    tecton_http_target *given = NULL;
    assert_int_equal(tecton_http_target_new(&options, &given, NULL), BEAMC_OK);
    unsetenv("http_proxy");

    call self;
    start(f.client, &self, through, "{}");
    finish(f.client, &self);
    assert_int_equal(self.exchange.status, 200);
    assert_contains(test_server_request(f.server, 0)->head, "POST http://tecton.invalid/ingest HTTP/1.1\r\n");
    start(f.client, &self, given, "{}"); /* a proxy that is given is used whatever no_proxy says */
    finish(f.client, &self);
    assert_int_equal(self.exchange.status, 200);
    start(f.client, &self, around, "{}");
    finish(f.client, &self);
    assert_int_equal(self.exchange.result, TECTON_HTTP_NOT_SENT);
    start(f.client, &self, none, "{}");
    finish(f.client, &self);
    assert_int_equal(self.exchange.result, TECTON_HTTP_NOT_SENT);
    unsetenv("no_proxy");
    tecton_http_target_release(through);
    tecton_http_target_release(around);
    tecton_http_target_release(none);
    tecton_http_target_release(given);
    close_fixture(&f);
}

static void *wake_soon(void *client) {
    (void)usleep(20000);
    tecton_http_client_wake(client);
    return NULL;
}

static void a_wake_ends_the_wait(void **state) {
    (void)state;
    fixture f;
    open_fixture(&f, 5000);
    tecton_http_client_wake(f.client); /* before the wait: not lost */
    tecton_http_client_poll(f.client, UINT64_MAX);
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, wake_soon, f.client), 0);
    tecton_http_client_poll(f.client, UINT64_MAX);
    pthread_join(thread, NULL);
    close_fixture(&f);
}

static void a_kept_connection_that_was_closed_is_not_used(void **state) {
    (void)state;
    fixture f;
    open_fixture(&f, 5000);
    test_step step = {.raw = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"}; /* closed, and did not say so */
    assert_int_equal(ask(&f, &step).exchange.status, 200);
    tecton_http_client_poll(f.client, 100); /* sees it, if it was not seen with the answer */
    call reply = ask(&f, NULL);
    assert_int_equal(reply.exchange.status, 200);
    assert_int_equal(reply.exchange.num_sends, 1);
    assert_int_equal(test_server_num_connections(f.server), 2);
    close_fixture(&f);
}

static void a_request_over_closed_kept_connections_ends_at_a_new_one(void **state) {
    (void)state;
    enum { NUM_CALLS = 8 };
    fixture f;
    open_fixture(&f, 5000);
    call calls[NUM_CALLS];
    test_server_hold(f.server);
    for (int i = 0; i < NUM_CALLS; i++)
        start(f.client, &calls[i], f.target, "{}");
    for (int i = 0; i < 1000 && test_server_num_requests(f.server) < NUM_CALLS; i++)
        tecton_http_client_poll(f.client, 10);
    test_server_release(f.server);
    for (int i = 0; i < NUM_CALLS; i++)
        finish(f.client, &calls[i]);
    test_server *old = f.server;
    const char *url = test_server_url(old);
    char kept_url[64];
    (void)snprintf(kept_url, sizeof kept_url, "%s", url);
    test_server_stop(old);
    f.server = test_server_start_at(kept_url);
    for (int i = 0; i < NUM_CALLS; i++) /* at once: nothing was heard of the old ones' end yet */
        start(f.client, &calls[i], f.target, "{}");
    for (int i = 0; i < NUM_CALLS; i++) {
        finish(f.client, &calls[i]);
        assert_int_equal(calls[i].exchange.status, 200);
        assert_in_range(calls[i].exchange.num_sends, 1, 2);
    }
    assert_int_equal(test_server_num_requests(f.server), NUM_CALLS);
    close_fixture(&f);
}

static void a_long_body_arrives_whole(void **state) {
    (void)state;
    enum { BODY_BYTES = 5 * 1000 * 1000 };
    fixture f;
    open_fixture(&f, 10000);
    char *body = beamc_alloc(BODY_BYTES + 1);
    for (size_t i = 0; i < BODY_BYTES; i++)
        body[i] = (char)('a' + i % 23);
    body[BODY_BYTES] = '\0';
    for (size_t i = 0; i < 2; i++) {
        call self;
        start(f.client, &self, f.target, body);
        finish(f.client, &self);
        assert_int_equal(self.exchange.status, 200);
        const test_request *request = test_server_request(f.server, i);
        assert_int_equal(request->body_len, BODY_BYTES);
        assert_memory_equal(request->body, body, TEST_SERVER_KEPT_BODY_BYTES - 1);
    }
    assert_int_equal(test_server_num_connections(f.server), 1);
    close_fixture(&f);
    free(body);
}

static void chunks_are_read(void **state) {
    (void)state;
    fixture f;
    open_fixture(&f, 5000);
    test_step step = {.raw = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
                             "5\r\n{\"a\":\r\n2\r\n1}\r\n0\r\n\r\n"};
    assert_string_equal(ask(&f, &step).answer, "{\"a\":1}");
    close_fixture(&f);
}

/* ---- a peer that says what no server does: sockets of the test's own ---- */

typedef struct {
    int listener;
    char url[64];
} peer;

static void open_peer(peer *self, const char *scheme) {
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof address;
    self->listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    assert_int_equal(bind(self->listener, (struct sockaddr *)&address, len), 0);
    assert_int_equal(listen(self->listener, 8), 0);
    assert_int_equal(getsockname(self->listener, (struct sockaddr *)&address, &len), 0);
    (void)snprintf(self->url, sizeof self->url, "%s://127.0.0.1:%d/", scheme, ntohs(address.sin_port));
}

/* Accepts a connection and reads the beginning of a request, while the client goes on. */
static int accept_request(const peer *self, tecton_http_client *client) {
    char some[1000];
    int fd = -1;
    for (int i = 0; i < 1000 && fd < 0; i++) {
        tecton_http_client_poll(client, 5);
        fd = accept(self->listener, NULL, NULL);
    }
    assert_true(fd >= 0);
    for (int i = 0; i < 1000 && recv(fd, some, sizeof some, MSG_DONTWAIT) <= 0; i++)
        tecton_http_client_poll(client, 5);
    return fd;
}

static void say_to(int fd, const char *text) {
    assert_int_equal(send(fd, text, strlen(text), MSG_NOSIGNAL), strlen(text));
}

static void an_answer_may_come_before_all_is_sent(void **state) {
    (void)state;
    enum { BODY_BYTES = 20 * 1000 * 1000 };
    fixture f;
    open_fixture(&f, 5000);
    peer other;
    open_peer(&other, "http");
    char *body = beamc_alloc(BODY_BYTES + 1);
    memset(body, 'x', BODY_BYTES);
    body[BODY_BYTES] = '\0';
    tecton_http_target *target = target_to(other.url, 5000);
    call self;
    start(f.client, &self, target, body);
    int fd = accept_request(&other, f.client);
    say_to(fd, "HTTP/1.1 413 Too long\r\nContent-Length: 2\r\n\r\nno");
    finish(f.client, &self);
    assert_int_equal(self.exchange.result, TECTON_HTTP_ANSWERED);
    assert_int_equal(self.exchange.status, 413);
    assert_string_equal(self.answer, "no");
    start(f.client, &self, target, "{}"); /* not over that connection */
    int second = accept_request(&other, f.client);
    say_to(second, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
    finish(f.client, &self);
    assert_int_equal(self.exchange.status, 200);
    close(fd);
    close(second);
    close(other.listener);
    tecton_http_target_release(target);
    free(body);
    close_fixture(&f);
}

static void bytes_that_nobody_asked_for_are_no_answer(void **state) {
    (void)state;
    static const char *const more[] = {"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nfalse", "x"};
    fixture f;
    open_fixture(&f, 5000);
    peer other;
    open_peer(&other, "http");
    tecton_http_target *target = target_to(other.url, 5000);
    for (size_t i = 0; i < 4; i++) { /* with the answer, or a little later */
        call self;
        start(f.client, &self, target, "{}");
        int fd = accept_request(&other, f.client);
        char text[256];
        (void)snprintf(text, sizeof text, "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\ntrue%s", i < 2 ? more[i] : "");
        say_to(fd, text);
        finish(f.client, &self);
        assert_string_equal(self.answer, "true");
        if (i >= 2)
            say_to(fd, more[i - 2]);
        tecton_http_client_poll(f.client, 100);
        char byte = 0;
        assert_int_equal(recv(fd, &byte, 1, 0), 0); /* closed by the client */
        close(fd);
    }
    close(other.listener);
    tecton_http_target_release(target);
    close_fixture(&f);
}

static void a_handshake_that_hangs_times_out_and_was_not_sent(void **state) {
    (void)state;
    fixture f;
    open_fixture(&f, 5000);
    peer other;
    open_peer(&other, "https");
    tecton_http_target *target = target_to(other.url, 100);
    call self;
    start(f.client, &self, target, "{}");
    finish(f.client, &self);
    assert_int_equal(self.exchange.result, TECTON_HTTP_NOT_SENT);
    assert_true(self.exchange.timed_out);
    assert_int_equal(self.exchange.num_sends, 0);
    assert_in_range(self.exchange.latency_ms, 99, 2000);
    tecton_http_target_release(target);
    close(other.listener);
    close_fixture(&f);
}

static void a_request_may_be_cancelled_while_it_connects(void **state) {
    (void)state;
    fixture f;
    open_fixture(&f, 5000);
    peer other;
    open_peer(&other, "https");
    tecton_http_target *target = target_to(other.url, 5000);
    for (int num_polls = 0; num_polls < 3; num_polls++) {
        call self;
        start(f.client, &self, target, "{}");
        for (int i = 0; i < num_polls; i++)
            tecton_http_client_poll(f.client, 10);
        tecton_http_client_cancel(f.client, &self.exchange);
        tecton_http_client_poll(f.client, 10);
        assert_false(self.done);
    }
    tecton_http_target_release(target);
    close(other.listener);
    close_fixture(&f);
}

static void targets_with_different_trust_share_no_connection(void **state) {
    (void)state;
    fixture f;
    open_fixture(&f, 5000);
    tecton_http_target_options options = {.method = TECTON_HTTP_GET,
                                          .url = test_server_url(f.server),
                                          .timeout_ms = 5000,
                                          .ca_file = "/some/ca.pem",
                                          .proxy = "none"};
    tecton_http_target *other = NULL;
    assert_int_equal(tecton_http_target_new(&options, &other, NULL), BEAMC_OK);
    assert_int_equal(ask(&f, NULL).exchange.status, 200);
    call self;
    start(f.client, &self, other, "");
    finish(f.client, &self);
    assert_int_equal(self.exchange.status, 200);
    assert_int_equal(test_server_num_connections(f.server), 2);
    tecton_http_target_release(other);
    close_fixture(&f);
}

static void a_header_with_a_line_break_is_refused(void **state) {
    (void)state;
    static const char *const headers[] = {"X: a\r\nAuthorization: b"};
    tecton_http_target_options options = {.method = TECTON_HTTP_GET,
                                          .url = "http://127.0.0.1/",
                                          .headers = headers,
                                          .num_headers = 1,
                                          .timeout_ms = 1,
                                          .proxy = "none"};
    tecton_http_target *target = NULL;
    beamc_error err = {{0}};
    assert_int_equal(tecton_http_target_new(&options, &target, &err), BEAMC_INVALID);
    assert_contains(err.text, "control character");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_request_carries_its_body_and_headers),
        cmocka_unit_test(connections_are_kept),
        cmocka_unit_test(a_connection_closed_by_the_server_is_replaced),
        cmocka_unit_test(many_requests_run_side_by_side),
        cmocka_unit_test(a_refused_connection_was_not_sent),
        cmocka_unit_test(a_host_without_an_address_was_not_sent_to),
        cmocka_unit_test(a_connection_cut_after_the_request_is_lost),
        cmocka_unit_test(a_kept_connection_that_is_cut_is_sent_again_and_counted),
        cmocka_unit_test(a_slow_answer_times_out),
        cmocka_unit_test(an_answer_that_breaks_off_keeps_its_status),
        cmocka_unit_test(a_long_answer_is_kept_up_to_its_bound),
        cmocka_unit_test(a_huge_answer_is_cut_off),
        cmocka_unit_test(a_flood_of_headers_is_cut_off),
        cmocka_unit_test(garbage_is_no_answer),
        cmocka_unit_test(odd_statuses_come_through),
        cmocka_unit_test(interim_answers_are_passed_over),
        cmocka_unit_test(retry_after_is_taken_whatever_its_case),
        cmocka_unit_test(compressed_answers_stay_as_they_are),
        cmocka_unit_test(cookies_are_not_kept),
        cmocka_unit_test(a_cancelled_request_is_never_done),
        cmocka_unit_test(freeing_cuts_what_is_under_way),
        cmocka_unit_test(targets_with_different_headers_do_not_mix),
        cmocka_unit_test(get_requests_have_no_body),
        cmocka_unit_test(urls_that_cannot_be_used_are_refused),
        cmocka_unit_test(a_ca_file_that_is_not_there_cannot_help_itself),
        cmocka_unit_test(the_proxy_is_read_from_the_environment_once),
        cmocka_unit_test(a_kept_connection_that_was_closed_is_not_used),
        cmocka_unit_test(a_request_over_closed_kept_connections_ends_at_a_new_one),
        cmocka_unit_test(a_long_body_arrives_whole),
        cmocka_unit_test(chunks_are_read),
        cmocka_unit_test(an_answer_may_come_before_all_is_sent),
        cmocka_unit_test(bytes_that_nobody_asked_for_are_no_answer),
        cmocka_unit_test(a_handshake_that_hangs_times_out_and_was_not_sent),
        cmocka_unit_test(a_request_may_be_cancelled_while_it_connects),
        cmocka_unit_test(targets_with_different_trust_share_no_connection),
        cmocka_unit_test(a_header_with_a_line_break_is_refused),
        cmocka_unit_test(a_wake_ends_the_wait),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
