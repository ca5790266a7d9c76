#include "tests/support/http_server.h"

#include "sdk_harness/base/alloc.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { MAX_CONNECTIONS = 1024, MAX_HEAD_BYTES = 16 * 1024, WAIT_SECONDS = 10 };

typedef struct {
    test_server *server;
    pthread_t thread;
    int fd;
    bool used;
} connection;

struct test_server {
    int listener;
    int port;
    char url[64];
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    bool stopping;
    bool held;
    const char *refused_part; /* NULL: none is refused for what is in it */
    test_step refusal;
    size_t longest_body; /* 0: any */
    test_step too_long;
    test_step steps[TEST_SERVER_MAX_STEPS];
    size_t num_steps;
    size_t step;
    unsigned times_taken;
    test_request *requests[TEST_SERVER_MAX_REQUESTS];
    size_t num_requests;
    size_t num_at_once;
    size_t max_at_once;
    connection connections[MAX_CONNECTIONS];
    size_t num_connections;
};

static void must(bool works, const char *what) {
    if (!works) {
        (void)fprintf(stderr, "test server: %s\n", what);
        abort();
    }
}

static bool send_all(int fd, const char *data, size_t len) {
    while (len > 0) {
        ssize_t sent = send(fd, data, len, MSG_NOSIGNAL);
        if (sent <= 0)
            return false;
        data += sent;
        len -= (size_t)sent;
    }
    return true;
}

/* Reads one request; NULL when the peer is gone. */
static test_request *read_request(int fd, char *buffer, size_t *have) {
    size_t head_len = 0;
    for (;;) {
        char *end = memmem(buffer, *have, "\r\n\r\n", 4);
        if (end != NULL) {
            head_len = (size_t)(end - buffer) + 4;
            break;
        }
        ssize_t got = *have == MAX_HEAD_BYTES ? 0 : recv(fd, buffer + *have, MAX_HEAD_BYTES - *have, 0);
        if (got <= 0)
            return NULL;
        *have += (size_t)got;
    }
    test_request *request = beamc_alloc_zero(1, sizeof *request);
    size_t kept = head_len < sizeof request->head - 1 ? head_len : sizeof request->head - 1;
    memcpy(request->head, buffer, kept);
    const char *length = strcasestr(request->head, "\r\ncontent-length:");
    size_t body_len = length == NULL ? 0 : strtoul(length + 17, NULL, 10);
    request->body_len = body_len;
    size_t at = 0;
    size_t in_buffer = *have - head_len;
    if (in_buffer > body_len)
        in_buffer = body_len;
    while (at < body_len) {
        char chunk[4096];
        const char *from = chunk;
        ssize_t got = 0;
        if (at < in_buffer) {
            from = buffer + head_len + at;
            got = (ssize_t)(in_buffer - at);
        } else {
            got = recv(fd, chunk, body_len - at < sizeof chunk ? body_len - at : sizeof chunk, 0);
        }
        if (got <= 0) {
            free(request);
            return NULL;
        }
        for (ssize_t i = 0; i < got; i++) {
            if (at + (size_t)i < sizeof request->body - 1)
                request->body[at + (size_t)i] = from[i];
        }
        at += (size_t)got;
    }
    memmove(buffer, buffer + head_len + in_buffer, *have - head_len - in_buffer);
    *have -= head_len + in_buffer;
    return request;
}

static test_step take_step(test_server *server, test_request *request) {
    test_step step = {.status = 200};
    pthread_mutex_lock(&server->lock);
    must(server->num_requests < TEST_SERVER_MAX_REQUESTS, "too many requests");
    server->requests[server->num_requests++] = request;
    server->num_at_once++;
    if (server->num_at_once > server->max_at_once)
        server->max_at_once = server->num_at_once;
    bool has_part = server->refused_part != NULL && (strstr(request->head, server->refused_part) != NULL ||
                                                     strstr(request->body, server->refused_part) != NULL);
    if (has_part) {
        step = server->refusal;
    } else if (server->longest_body > 0 && request->body_len > server->longest_body) {
        step = server->too_long;
    } else if (server->step < server->num_steps) {
        step = server->steps[server->step];
        unsigned times = step.times == 0 ? 1 : step.times;
        if (++server->times_taken >= times) {
            server->step++;
            server->times_taken = 0;
        }
    }
    pthread_cond_broadcast(&server->changed);
    while (server->held && !server->stopping)
        pthread_cond_wait(&server->changed, &server->lock);
    if (step.delay_ms > 0 && !server->stopping) { /* ends early when the server stops */
        struct timespec until;
        clock_gettime(CLOCK_MONOTONIC, &until);
        uint64_t nanos = (uint64_t)until.tv_nsec + (uint64_t)step.delay_ms * 1000000U;
        until.tv_sec += (time_t)(nanos / 1000000000U);
        until.tv_nsec = (long)(nanos % 1000000000U);
        while (!server->stopping && pthread_cond_timedwait(&server->changed, &server->lock, &until) == 0)
            continue;
    }
    server->num_at_once--;
    pthread_mutex_unlock(&server->lock);
    return step;
}

static bool answer(int fd, const test_step *step) {
    if (step->cut)
        return false;
    if (step->raw != NULL) {
        (void)send_all(fd, step->raw, strlen(step->raw));
        return false;
    }
    const char *body = step->body == NULL ? "{}" : step->body;
    char head[4096];
    int len = snprintf(head, sizeof head, "HTTP/1.1 %d X\r\nContent-Length: %zu\r\n%s%s\r\n", step->status,
                       strlen(body) + step->filler_bytes, step->headers == NULL ? "" : step->headers,
                       step->close ? "Connection: close\r\n" : "");
    must(len > 0 && (size_t)len < sizeof head, "the headers are too long");
    if (!send_all(fd, head, (size_t)len) || !send_all(fd, body, strlen(body)))
        return false;
    char filler[4096];
    memset(filler, 'x', sizeof filler);
    for (size_t left = step->filler_bytes; left > 0;) {
        size_t part = left < sizeof filler ? left : sizeof filler;
        if (!send_all(fd, filler, part))
            return false;
        left -= part;
    }
    return !step->close;
}

static void *serve_connection(void *context) {
    connection *self = context;
    char *buffer = beamc_alloc(MAX_HEAD_BYTES);
    size_t have = 0;
    test_request *request = NULL;
    while ((request = read_request(self->fd, buffer, &have)) != NULL) {
        test_step step = take_step(self->server, request);
        if (!answer(self->fd, &step))
            break;
    }
    free(buffer);
    shutdown(self->fd, SHUT_RDWR); /* closed at stop, so that the number stays ours */
    return NULL;
}

static void *accept_all(void *context) {
    test_server *server = context;
    for (;;) {
        int fd = accept(server->listener, NULL, NULL);
        if (fd < 0)
            return NULL;
        int one = 1;
        (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
        pthread_mutex_lock(&server->lock);
        bool stopping = server->stopping;
        must(server->num_connections < MAX_CONNECTIONS, "too many connections");
        if (!stopping) {
            connection *made = &server->connections[server->num_connections++];
            *made = (connection){.server = server, .fd = fd, .used = true};
            pthread_create(&made->thread, NULL, serve_connection, made);
        }
        pthread_mutex_unlock(&server->lock);
        if (stopping)
            close(fd);
    }
}

/* `*port` 0: any. */
static int listen_loopback(int *port) {
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    int one = 1;
    (void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    struct sockaddr_in address = {
        .sin_family = AF_INET, .sin_port = htons((uint16_t)*port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof address;
    int bound = bind(fd, (struct sockaddr *)&address, len);
    int listening = listen(fd, 512);
    int named = getsockname(fd, (struct sockaddr *)&address, &len);
    must(fd >= 0 && bound == 0 && listening == 0 && named == 0, "cannot listen");
    *port = ntohs(address.sin_port);
    return fd;
}

int test_closed_port(void) {
    int port = 0;
    close(listen_loopback(&port));
    return port;
}

static test_server *start_at(int port) {
    test_server *server = beamc_alloc_zero(1, sizeof *server);
    pthread_mutex_init(&server->lock, NULL);
    pthread_condattr_t clock;
    pthread_condattr_init(&clock);
    pthread_condattr_setclock(&clock, CLOCK_MONOTONIC);
    pthread_cond_init(&server->changed, &clock);
    pthread_condattr_destroy(&clock);
    server->port = port;
    server->listener = listen_loopback(&server->port);
    (void)snprintf(server->url, sizeof server->url, "http://127.0.0.1:%d/ingest", server->port);
    pthread_create(&server->thread, NULL, accept_all, server);
    return server;
}

test_server *test_server_start(void) {
    return start_at(0);
}

test_server *test_server_start_at(const char *url) {
    const char *colon = strrchr(url, ':');
    return start_at(colon == NULL ? 0 : atoi(colon + 1));
}

void test_server_stop(test_server *server) {
    pthread_mutex_lock(&server->lock);
    server->stopping = true;
    pthread_cond_broadcast(&server->changed);
    for (size_t i = 0; i < server->num_connections; i++)
        shutdown(server->connections[i].fd, SHUT_RDWR);
    pthread_mutex_unlock(&server->lock);
    shutdown(server->listener, SHUT_RDWR);
    pthread_join(server->thread, NULL);
    for (size_t i = 0; i < server->num_connections; i++) {
        shutdown(server->connections[i].fd, SHUT_RDWR);
        pthread_join(server->connections[i].thread, NULL);
        close(server->connections[i].fd);
    }
    close(server->listener);
    for (size_t i = 0; i < server->num_requests; i++)
        free(server->requests[i]);
    pthread_cond_destroy(&server->changed);
    pthread_mutex_destroy(&server->lock);
    free(server);
}

int test_server_port(const test_server *server) {
    return server->port;
}

const char *test_server_url(const test_server *server) {
    return server->url;
}

void test_server_script(test_server *server, const test_step *steps, size_t num_steps) {
    pthread_mutex_lock(&server->lock);
    must(num_steps <= TEST_SERVER_MAX_STEPS, "the script is too long");
    memcpy(server->steps, steps, num_steps * sizeof *steps);
    server->num_steps = num_steps;
    server->step = 0;
    server->times_taken = 0;
    pthread_mutex_unlock(&server->lock);
}

void test_server_refuse(test_server *server, const char *part, int status, const char *body) {
    pthread_mutex_lock(&server->lock);
    server->refused_part = part;
    server->refusal = (test_step){.status = status, .body = body};
    pthread_mutex_unlock(&server->lock);
}

void test_server_refuse_longer_than(test_server *server, size_t body_bytes, int status) {
    pthread_mutex_lock(&server->lock);
    server->longest_body = body_bytes;
    server->too_long = (test_step){.status = status};
    pthread_mutex_unlock(&server->lock);
}

void test_server_hold(test_server *server) {
    pthread_mutex_lock(&server->lock);
    server->held = true;
    pthread_mutex_unlock(&server->lock);
}

void test_server_release(test_server *server) {
    pthread_mutex_lock(&server->lock);
    server->held = false;
    pthread_cond_broadcast(&server->changed);
    pthread_mutex_unlock(&server->lock);
}

static size_t read_locked(test_server *server, const size_t *number) {
    pthread_mutex_lock(&server->lock);
    size_t value = *number;
    pthread_mutex_unlock(&server->lock);
    return value;
}

size_t test_server_num_requests(test_server *server) {
    return read_locked(server, &server->num_requests);
}

size_t test_server_num_connections(test_server *server) {
    return read_locked(server, &server->num_connections);
}

size_t test_server_max_at_once(test_server *server) {
    return read_locked(server, &server->max_at_once);
}

const test_request *test_server_request(test_server *server, size_t i) {
    pthread_mutex_lock(&server->lock);
    const test_request *request = i < server->num_requests ? server->requests[i] : NULL;
    pthread_mutex_unlock(&server->lock);
    must(request != NULL, "there was no such request");
    return request;
}

bool test_server_await(test_server *server, size_t num_requests) {
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += WAIT_SECONDS;
    pthread_mutex_lock(&server->lock);
    int waited = 0;
    while (server->num_requests < num_requests && waited == 0)
        waited = pthread_cond_timedwait(&server->changed, &server->lock, &until);
    bool reached = server->num_requests >= num_requests;
    pthread_mutex_unlock(&server->lock);
    return reached;
}
