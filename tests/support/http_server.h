/* A small HTTP/1.1 server on 127.0.0.1 that answers as a script says: for tests of the sending side.
 *
 * Blocking sockets, one thread a connection. Each request takes the next step of the script; past its end the answer is
 * 200 with an empty JSON object. */
#ifndef TESTS_SUPPORT_HTTP_SERVER_H
#define TESTS_SUPPORT_HTTP_SERVER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { TEST_SERVER_MAX_STEPS = 64, TEST_SERVER_MAX_REQUESTS = 8192, TEST_SERVER_KEPT_BODY_BYTES = 4096 };

typedef struct {
    int status;
    const char *headers; /* more header lines, each with its CRLF; may be NULL */
    const char *body;    /* NULL: "{}" */
    unsigned delay_ms;   /* before the answer */
    bool cut;            /* no answer: the connection is closed when the request has been read */
    bool close;          /* the connection is closed after the answer */
    const char *raw;     /* sent as it is in place of an answer, then closed */
    size_t filler_bytes; /* so many more body bytes, 'x' */
    unsigned times;      /* how many requests take this step; 0 means 1 */
} test_step;

typedef struct {
    char head[2048]; /* request line and headers, terminated, cut at its size */
    char body[TEST_SERVER_KEPT_BODY_BYTES];
    size_t body_len; /* as sent, also when not all is kept */
} test_request;

typedef struct test_server test_server;

test_server *test_server_start(void);

/* As start, on the port of an earlier server's `url`, which is stopped. */
test_server *test_server_start_at(const char *url);
void test_server_stop(test_server *server); /* closes all connections and waits for its threads */

int test_server_port(const test_server *server);

/* "http://127.0.0.1:PORT/ingest", borrowed. */
const char *test_server_url(const test_server *server);

/* Replaces the script; strings are borrowed. */
void test_server_script(test_server *server, const test_step *steps, size_t num_steps);

/* Requests with `part` in their head or kept body are answered with `status` and `body` and take no step. Borrowed. */
void test_server_refuse(test_server *server, const char *part, int status, const char *body);

/* Likewise those whose body is longer than `body_bytes`. */
void test_server_refuse_longer_than(test_server *server, size_t body_bytes, int status);

/* Every answer is held back until test_server_release. */
void test_server_hold(test_server *server);
void test_server_release(test_server *server);

size_t test_server_num_requests(test_server *server);
size_t test_server_num_connections(test_server *server);
size_t test_server_max_at_once(test_server *server); /* requests being answered at one time */

/* The i-th request in the order they were read, borrowed until stop. */
const test_request *test_server_request(test_server *server, size_t i);

/* Waits until so many requests have been read; false after 10 s. */
bool test_server_await(test_server *server, size_t num_requests);

/* A port on which nobody listens. */
int test_closed_port(void);

#endif
