#include "worker/http/http_client.h"

#include "sdk_harness/base/alloc.h"
#include "sdk_harness/base/byte_buffer.h"
#include "sdk_harness/base/clock.h"
#include "worker/http/event_poll.h"
#include "worker/http/http_target_internal.h"

#include <curl/curl.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
    KEPT_ANSWER_BYTES = 4096, /* a slot's buffer that grew beyond is given back */
    RECEIVE_BYTES = 8192,     /* libcurl's buffer for one connection; answers are short */
    KEPT_CONNECTIONS = 1024   /* idle ones, at most */
};

/* One easy handle with what belongs to the request it carries. Slots are kept and used again. */
typedef struct http_slot {
    tecton_http_client *client;
    CURL *easy;
    tecton_http_target *target; /* what `easy` is set up for; counted */
    tecton_http_exchange *exchange;
    beamc_byte_buffer answer;
    size_t dropped_bytes;
    size_t header_bytes;
    bool headers_ended;
    bool overlong; /* we cut the transfer ourselves */
    char problem[CURL_ERROR_SIZE];
    struct http_slot *next_idle;
    struct http_slot *next; /* of all */
} http_slot;

/* A connection's descriptor. libcurl takes its interest away after each request and gives it back with the next; the
 * registration is left in place between the two, which saves two system calls a request. */
typedef struct {
    bool opened_here; /* by open_socket: we will see it closed */
    bool watched;     /* epoll knows it */
    bool readable;    /* what epoll reports */
    bool writable;
    bool wanted; /* libcurl wants events */
} http_socket;

struct tecton_http_client {
    CURLM *multi;
    tecton_event_poll *poll;
    http_slot *slots;
    http_slot *idle;
    size_t num_transfers;
    uint64_t timer_ms;    /* when libcurl wants to be called; UINT64_MAX: not */
    http_socket *sockets; /* by descriptor */
    size_t num_sockets;
};

static http_socket *socket_of(tecton_http_client *client, int fd) {
    size_t index = (size_t)fd;
    if (index >= client->num_sockets) {
        size_t num_sockets = index + 64;
        client->sockets = beamc_realloc(client->sockets, num_sockets * sizeof *client->sockets);
        memset(client->sockets + client->num_sockets, 0, (num_sockets - client->num_sockets) * sizeof *client->sockets);
        client->num_sockets = num_sockets;
    }
    return &client->sockets[index];
}

static curl_socket_t open_socket(void *context, curlsocktype purpose, struct curl_sockaddr *address) {
    (void)purpose;
    int fd = socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
    if (fd >= 0)
        *socket_of(context, fd) = (http_socket){.opened_here = true};
    return fd < 0 ? CURL_SOCKET_BAD : fd;
}

static int close_socket(void *context, curl_socket_t fd) {
    *socket_of(context, fd) = (http_socket){0};
    return close(fd);
}

static int socket_changed(CURL *easy, curl_socket_t fd, int what, void *context, void *unused) {
    (void)easy;
    (void)unused;
    tecton_http_client *client = context;
    http_socket *state = socket_of(client, fd);
    if (what == CURL_POLL_REMOVE) {
        state->wanted = false;
        if (!state->opened_here) { /* the resolver's: may be closed behind our back */
            tecton_event_poll_forget(client->poll, fd);
            *state = (http_socket){0};
        }
        return 0;
    }
    bool readable = (what & CURL_POLL_IN) != 0;
    bool writable = (what & CURL_POLL_OUT) != 0;
    state->wanted = true;
    if (!state->watched || state->readable != readable || state->writable != writable) {
        tecton_event_poll_watch(client->poll, fd, readable, writable);
        state->watched = true;
        state->readable = readable;
        state->writable = writable;
    }
    return 0;
}

static int timer_changed(CURLM *multi, long timeout_ms, void *context) {
    (void)multi;
    tecton_http_client *client = context;
    client->timer_ms = timeout_ms < 0 ? UINT64_MAX : beamc_clock_ms() + (uint64_t)timeout_ms;
    return 0;
}

static size_t take_body(char *data, size_t one, size_t len, void *context) {
    (void)one;
    http_slot *slot = context;
    size_t room = TECTON_HTTP_MAX_ANSWER_BYTES - slot->answer.len;
    size_t kept = len < room ? len : room;
    beamc_byte_buffer_append(&slot->answer, data, kept);
    slot->dropped_bytes += len - kept;
    if (slot->dropped_bytes > TECTON_HTTP_MAX_DROPPED_BYTES) {
        slot->overlong = true;
        return 0; /* fewer than len: libcurl cuts the connection */
    }
    return len;
}

static void take_retry_after(http_slot *slot, const char *line, size_t len) {
    static const char name[] = "retry-after:";
    size_t name_len = sizeof name - 1;
    if (len <= name_len || strncasecmp(line, name, name_len) != 0)
        return;
    line += name_len;
    len -= name_len;
    while (len > 0 && (*line == ' ' || *line == '\t')) {
        line++;
        len--;
    }
    while (len > 0 && (unsigned char)line[len - 1] <= ' ')
        len--;
    char *to = slot->exchange->retry_after;
    if (len >= sizeof slot->exchange->retry_after)
        len = 0; /* no date is that long */
    memcpy(to, line, len);
    to[len] = '\0';
}

static size_t take_header(char *line, size_t one, size_t len, void *context) {
    (void)one;
    http_slot *slot = context;
    slot->header_bytes += len;
    if (slot->header_bytes > TECTON_HTTP_MAX_HEADER_BYTES) {
        slot->overlong = true;
        return 0;
    }
    if (len >= 5 && memcmp(line, "HTTP/", 5) == 0) { /* a first line; an earlier answer was 1xx */
        slot->exchange->retry_after[0] = '\0';
        slot->headers_ended = false;
    } else if (line[0] == '\r' || line[0] == '\n') {
        slot->headers_ended = true;
    } else {
        take_retry_after(slot, line, len);
    }
    return len;
}

/* Called before each sending of a request, also when libcurl repeats it because a kept connection was closed meanwhile.
 */
static int count_send(void *context, char *primary_ip, char *local_ip, int primary_port, int local_port) {
    (void)primary_ip;
    (void)local_ip;
    (void)primary_port;
    (void)local_port;
    http_slot *slot = context;
    slot->exchange->num_sends++;
    return CURL_PREREQFUNC_OK;
}

static bool set_up(http_slot *slot, tecton_http_target *target) {
    CURL *easy = slot->easy;
    curl_easy_reset(easy); /* keeps connections and TLS sessions */
    tecton_http_target_release(slot->target);
    slot->target = tecton_http_target_retain(target);
    long connect_ms =
        target->timeout_ms < TECTON_HTTP_CONNECT_TIMEOUT_MS ? target->timeout_ms : TECTON_HTTP_CONNECT_TIMEOUT_MS;
    bool done = true;
#define SET(option, value) done = curl_easy_setopt(easy, option, value) == CURLE_OK && done
    SET(CURLOPT_CURLU, target->url);
    SET(CURLOPT_PROTOCOLS_STR, "http,https");
    SET(CURLOPT_HTTPHEADER, target->headers);
    SET(CURLOPT_HEADEROPT, (long)CURLHEADER_SEPARATE); /* the key is not for the proxy */
    SET(CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
    SET(CURLOPT_FOLLOWLOCATION, 0L);
    SET(CURLOPT_NETRC, (long)CURL_NETRC_IGNORED);
    SET(CURLOPT_NOSIGNAL, 1L);
    SET(CURLOPT_TIMEOUT_MS, target->timeout_ms);
    SET(CURLOPT_CONNECTTIMEOUT_MS, connect_ms);
    SET(CURLOPT_PROXY, target->proxy);
    SET(CURLOPT_NOPROXY, target->no_proxy);
    SET(CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
    SET(CURLOPT_SSL_VERIFYPEER, 1L);
    SET(CURLOPT_SSL_VERIFYHOST, 2L);
    SET(CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
    SET(CURLOPT_CAPATH, NULL); /* the distribution's default turns off libcurl's cache of the CA store: 15 ms and 0.9 MB
                                  a connection */
    if (target->ca_file != NULL)
        SET(CURLOPT_CAINFO, target->ca_file);
    SET(CURLOPT_ERRORBUFFER, slot->problem);
    SET(CURLOPT_PRIVATE, slot);
    SET(CURLOPT_WRITEFUNCTION, take_body);
    SET(CURLOPT_WRITEDATA, slot);
    SET(CURLOPT_HEADERFUNCTION, take_header);
    SET(CURLOPT_HEADERDATA, slot);
    SET(CURLOPT_PREREQFUNCTION, count_send);
    SET(CURLOPT_PREREQDATA, slot);
    SET(CURLOPT_OPENSOCKETFUNCTION, open_socket);
    SET(CURLOPT_OPENSOCKETDATA, slot->client);
    SET(CURLOPT_CLOSESOCKETFUNCTION, close_socket);
    SET(CURLOPT_CLOSESOCKETDATA, slot->client);
    if (target->method == TECTON_HTTP_POST)
        SET(CURLOPT_POST, 1L);
    else
        SET(CURLOPT_HTTPGET, 1L);
#undef SET
    /* Only a matter of memory; refused on a handle whose last transfer failed before it had a connection. */
    (void)curl_easy_setopt(easy, CURLOPT_BUFFERSIZE, (long)RECEIVE_BYTES);
    return done;
}

static void drop_target(http_slot *slot) {
    curl_easy_reset(slot->easy);
    tecton_http_target_release(slot->target);
    slot->target = NULL;
}

static http_slot *take_slot(tecton_http_client *client) {
    http_slot *slot = client->idle;
    if (slot != NULL) {
        client->idle = slot->next_idle;
        return slot;
    }
    CURL *easy = curl_easy_init();
    if (easy == NULL)
        return NULL;
    slot = beamc_alloc_zero(1, sizeof *slot);
    slot->client = client;
    slot->easy = easy;
    beamc_byte_buffer_init(&slot->answer, TECTON_HTTP_MAX_ANSWER_BYTES);
    slot->next = client->slots;
    client->slots = slot;
    return slot;
}

static void give_back(tecton_http_client *client, http_slot *slot) {
    slot->exchange = NULL;
    if (slot->answer.capacity > KEPT_ANSWER_BYTES)
        beamc_byte_buffer_cleanup(&slot->answer);
    beamc_byte_buffer_clear(&slot->answer);
    slot->next_idle = client->idle;
    client->idle = slot;
}

beamc_status tecton_http_client_new(tecton_http_client **client, beamc_error *err) {
    if (!tecton_curl_start())
        return beamc_fail(err, BEAMC_UNAVAILABLE, "libcurl cannot be initialised");
    tecton_http_client *made = beamc_alloc_zero(1, sizeof *made);
    made->timer_ms = UINT64_MAX;
    beamc_status status = tecton_event_poll_new(&made->poll, err);
    if (status == BEAMC_OK && (made->multi = curl_multi_init()) == NULL)
        status = beamc_fail(err, BEAMC_NO_MEMORY, "libcurl cannot make a client");
    if (status != BEAMC_OK) {
        tecton_http_client_free(made);
        return status;
    }
    curl_multi_setopt(made->multi, CURLMOPT_SOCKETFUNCTION, socket_changed);
    curl_multi_setopt(made->multi, CURLMOPT_SOCKETDATA, made);
    curl_multi_setopt(made->multi, CURLMOPT_TIMERFUNCTION, timer_changed);
    curl_multi_setopt(made->multi, CURLMOPT_TIMERDATA, made);
    curl_multi_setopt(made->multi, CURLMOPT_PIPELINING, (long)CURLPIPE_NOTHING);
    curl_multi_setopt(made->multi, CURLMOPT_MAXCONNECTS, (long)KEPT_CONNECTIONS);
    *client = made;
    return BEAMC_OK;
}

void tecton_http_client_free(tecton_http_client *client) {
    if (client == NULL)
        return;
    for (http_slot *slot = client->slots; slot != NULL; slot = slot->next) {
        if (slot->exchange != NULL)
            curl_multi_remove_handle(client->multi, slot->easy);
    }
    /* Connections go with the multi handle and call back into the socket table: it goes last, the slots after it
     * because connections remember their callbacks' arguments, not the slot's. */
    if (client->multi != NULL)
        curl_multi_cleanup(client->multi);
    while (client->slots != NULL) {
        http_slot *slot = client->slots;
        client->slots = slot->next;
        curl_easy_cleanup(slot->easy);
        tecton_http_target_release(slot->target);
        beamc_byte_buffer_cleanup(&slot->answer);
        free(slot);
    }
    tecton_event_poll_free(client->poll);
    free(client->sockets);
    free(client);
}

beamc_status tecton_http_client_submit(tecton_http_client *client, tecton_http_exchange *exchange, beamc_error *err) {
    if (client->num_transfers >= TECTON_HTTP_MAX_TRANSFERS)
        return beamc_fail(err, BEAMC_LIMIT, "%d requests are under way already", TECTON_HTTP_MAX_TRANSFERS);
    http_slot *slot = take_slot(client);
    if (slot == NULL)
        return beamc_fail(err, BEAMC_NO_MEMORY, "libcurl has no memory for a request");
    if (slot->target != exchange->target && !set_up(slot, exchange->target)) {
        drop_target(slot);
        give_back(client, slot);
        return beamc_fail(err, BEAMC_NO_MEMORY, "libcurl refuses to set up a request");
    }
    slot->exchange = exchange;
    slot->dropped_bytes = 0;
    slot->header_bytes = 0;
    slot->headers_ended = false;
    slot->overlong = false;
    slot->problem[0] = '\0';
    exchange->slot = slot;
    exchange->retry_after[0] = '\0';
    exchange->num_sends = 0;
    if (exchange->secret_answer) /* no growth, which would leave copies behind */
        (void)beamc_byte_buffer_reserve(&slot->answer, TECTON_HTTP_MAX_ANSWER_BYTES);
    if (exchange->target->method == TECTON_HTTP_POST) {
        curl_easy_setopt(slot->easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)exchange->body_len);
        curl_easy_setopt(slot->easy, CURLOPT_POSTFIELDS, (const char *)exchange->body);
    }
    if (curl_multi_add_handle(client->multi, slot->easy) != CURLM_OK) {
        give_back(client, slot);
        return beamc_fail(err, BEAMC_NO_MEMORY, "libcurl refuses to start a request");
    }
    client->num_transfers++;
    return BEAMC_OK;
}

void tecton_http_client_cancel(tecton_http_client *client, tecton_http_exchange *exchange) {
    http_slot *slot = exchange->slot;
    curl_multi_remove_handle(client->multi, slot->easy);
    client->num_transfers--;
    give_back(client, slot);
}

static bool cannot_help_itself(CURLcode code) {
    switch (code) {
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_CACERT_BADFILE:
    case CURLE_SSL_CERTPROBLEM:
    case CURLE_SSL_ISSUER_ERROR:
    case CURLE_URL_MALFORMAT:
    case CURLE_UNSUPPORTED_PROTOCOL:
        return true;
    default:
        return false;
    }
}

static void describe(http_slot *slot, CURLcode code) {
    tecton_http_exchange *exchange = slot->exchange;
    long status = 0;
    curl_off_t uploaded = 0;
    curl_off_t total_us = 0;
    curl_easy_getinfo(slot->easy, CURLINFO_RESPONSE_CODE, &status);
    curl_easy_getinfo(slot->easy, CURLINFO_SIZE_UPLOAD_T, &uploaded);
    curl_easy_getinfo(slot->easy, CURLINFO_TOTAL_TIME_T, &total_us);
    exchange->latency_ms = (uint32_t)(total_us / 1000);
    exchange->latency_us = (uint64_t)total_us;
    exchange->timed_out = code == CURLE_OPERATION_TIMEDOUT;
    exchange->answer = slot->answer.data;
    exchange->answer_len = slot->answer.len;
    exchange->status = 0;
    exchange->problem[0] = '\0';
    exchange->answer_cut = false;
    bool answered = slot->headers_ended && status >= 200;
    if (code == CURLE_OK && answered) {
        exchange->result = TECTON_HTTP_ANSWERED;
        exchange->status = (int)status;
        exchange->answer_cut = slot->dropped_bytes > 0 || slot->answer.failed;
        return;
    }
    const char *words = slot->overlong             ? "the answer is longer than is read"
                        : slot->problem[0] != '\0' ? slot->problem
                                                   : curl_easy_strerror(code);
    size_t len = strnlen(words, sizeof exchange->problem - 1);
    memcpy(exchange->problem, words, len);
    exchange->problem[len] = '\0';
    if (answered) { /* the body broke off */
        exchange->result = TECTON_HTTP_ANSWERED;
        exchange->status = (int)status;
        exchange->answer_cut = true;
    } else if (uploaded > 0 || slot->header_bytes > 0 || exchange->num_sends > 1) {
        exchange->result = TECTON_HTTP_LOST;
    } else {
        exchange->result = cannot_help_itself(code) ? TECTON_HTTP_MISCONFIGURED : TECTON_HTTP_NOT_SENT;
    }
}

/* Ends what libcurl has finished; returns how many. */
static size_t complete(tecton_http_client *client) {
    size_t num_done = 0;
    int left = 0;
    CURLMsg *message = NULL;
    while ((message = curl_multi_info_read(client->multi, &left)) != NULL) {
        if (message->msg != CURLMSG_DONE)
            continue;
        CURLcode code = message->data.result; /* the message goes with the handle */
        char *private = NULL;
        curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &private);
        http_slot *slot = (http_slot *)(void *)private;
        tecton_http_exchange *exchange = slot->exchange;
        describe(slot, code);
        curl_multi_remove_handle(client->multi, slot->easy);
        client->num_transfers--;
        num_done++;
        bool wipe = exchange->secret_answer;
        exchange->done(exchange); /* the exchange may be gone after this */
        if (wipe && slot->answer.data != NULL)
            explicit_bzero(slot->answer.data, slot->answer.capacity);
        give_back(client, slot);
    }
    return num_done;
}

static void run_timer(tecton_http_client *client) {
    if (client->timer_ms > beamc_clock_ms())
        return;
    int running = 0;
    client->timer_ms = UINT64_MAX; /* set again from inside, if needed */
    curl_multi_socket_action(client->multi, CURL_SOCKET_TIMEOUT, 0, &running);
}

void tecton_http_client_poll(tecton_http_client *client, uint64_t timeout_ms) {
    if (client->timer_ms != UINT64_MAX)
        run_timer(client); /* starts what was just submitted */
    if (complete(client) > 0)
        timeout_ms = 0;
    if (client->timer_ms != UINT64_MAX && timeout_ms > 0) {
        uint64_t now_ms = beamc_clock_ms();
        uint64_t left_ms = client->timer_ms > now_ms ? client->timer_ms - now_ms : 0;
        timeout_ms = left_ms < timeout_ms ? left_ms : timeout_ms;
    }
    tecton_poll_event events[TECTON_POLL_MAX_EVENTS];
    size_t num_events = tecton_event_poll_wait(client->poll, events, timeout_ms);
    for (size_t i = 0; i < num_events; i++) {
        http_socket *state = socket_of(client, events[i].fd);
        if (!state->wanted) { /* an idle connection says something, most likely that it is closed */
            tecton_event_poll_forget(client->poll, events[i].fd);
            state->watched = false;
            continue;
        }
        int mask = (events[i].readable ? CURL_CSELECT_IN : 0) | (events[i].writable ? CURL_CSELECT_OUT : 0) |
                   (events[i].broken ? CURL_CSELECT_ERR : 0);
        int running = 0;
        curl_multi_socket_action(client->multi, events[i].fd, mask, &running);
    }
    if (client->timer_ms != UINT64_MAX)
        run_timer(client);
    (void)complete(client);
}

void tecton_http_client_forget(tecton_http_client *client, const tecton_http_target *target) {
    for (http_slot *slot = client->idle; slot != NULL; slot = slot->next_idle) {
        if (slot->target == target)
            drop_target(slot);
    }
}

void tecton_http_client_wake(tecton_http_client *client) {
    tecton_event_poll_wake(client->poll);
}
