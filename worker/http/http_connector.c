#include "worker/http/http_connector.h"

#include "sdk_harness/base/alloc.h"
#include "sdk_harness/base/clock.h"
#include "worker/http/http_target_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
    KEPT_HANDLES = 64,            /* libcurl's, without a connection; they remember TLS sessions */
    MAX_CONNECTIONS = 1000 * 1000 /* which are kept is not libcurl's to choose */
};

struct tecton_http_connector {
    CURLM *multi;
    tecton_event_poll *poll;
    CURL *spares[KEPT_HANDLES];
    size_t num_spares;
    size_t num_under_way; /* started, and not yet given out by tecton_http_connector_next */
    uint64_t timer_ms;    /* when libcurl wants to be called; UINT64_MAX: not */
};

static curl_socket_t open_socket(void *context, curlsocktype purpose, struct curl_sockaddr *address) {
    (void)context;
    (void)purpose;
    int fd = socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
    return fd < 0 ? CURL_SOCKET_BAD : fd;
}

static int socket_changed(CURL *easy, curl_socket_t fd, int what, void *context, void *unused) {
    (void)easy;
    (void)unused;
    tecton_http_connector *connector = context;
    if (what == CURL_POLL_REMOVE)
        tecton_event_poll_forget(connector->poll, fd);
    else
        tecton_event_poll_watch(connector->poll, fd, (what & CURL_POLL_IN) != 0, (what & CURL_POLL_OUT) != 0);
    return 0;
}

static int timer_changed(CURLM *multi, long timeout_ms, void *context) {
    (void)multi;
    tecton_http_connector *connector = context;
    connector->timer_ms = timeout_ms < 0 ? UINT64_MAX : beamc_clock_ms() + (uint64_t)timeout_ms;
    return 0;
}

beamc_status tecton_http_connector_new(tecton_event_poll *poll, tecton_http_connector **connector, beamc_error *err) {
    CURLM *multi = curl_multi_init();
    if (multi == NULL)
        return beamc_fail(err, BEAMC_NO_MEMORY, "libcurl cannot make a client");
    tecton_http_connector *made = beamc_alloc_zero(1, sizeof *made);
    made->multi = multi;
    made->poll = poll;
    made->timer_ms = UINT64_MAX;
    curl_multi_setopt(multi, CURLMOPT_SOCKETFUNCTION, socket_changed);
    curl_multi_setopt(multi, CURLMOPT_SOCKETDATA, made);
    curl_multi_setopt(multi, CURLMOPT_TIMERFUNCTION, timer_changed);
    curl_multi_setopt(multi, CURLMOPT_TIMERDATA, made);
    curl_multi_setopt(multi, CURLMOPT_PIPELINING, (long)CURLPIPE_NOTHING);
    curl_multi_setopt(multi, CURLMOPT_MAXCONNECTS, (long)MAX_CONNECTIONS);
    *connector = made;
    return BEAMC_OK;
}

void tecton_http_connector_free(tecton_http_connector *connector) {
    if (connector == NULL)
        return;
    for (size_t i = 0; i < connector->num_spares; i++)
        curl_easy_cleanup(connector->spares[i]);
    curl_multi_cleanup(connector->multi);
    free(connector);
}

static bool set_up(CURL *easy, tecton_http_connection *connection, const tecton_http_target *target,
                   uint32_t timeout_ms) {
    long connect_ms = timeout_ms < TECTON_HTTP_CONNECT_TIMEOUT_MS ? (long)timeout_ms : TECTON_HTTP_CONNECT_TIMEOUT_MS;
    bool done = true;
#define SET(option, value) done = curl_easy_setopt(easy, option, value) == CURLE_OK && done
    SET(CURLOPT_CONNECT_ONLY, 1L);
    SET(CURLOPT_CURLU, target->url);
    SET(CURLOPT_PROTOCOLS_STR, "http,https");
    SET(CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
    SET(CURLOPT_NETRC, (long)CURL_NETRC_IGNORED);
    SET(CURLOPT_NOSIGNAL, 1L);
    SET(CURLOPT_TIMEOUT_MS, (long)timeout_ms);
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
    SET(CURLOPT_ERRORBUFFER, connection->problem);
    SET(CURLOPT_PRIVATE, connection);
    SET(CURLOPT_OPENSOCKETFUNCTION, open_socket);
#undef SET
    return done;
}

static void let_go_of_target(tecton_http_connection *connection) {
    if (connection->target == NULL)
        return;
    (void)curl_easy_setopt(connection->easy, CURLOPT_CURLU, NULL);
    tecton_http_target_release(connection->target);
    connection->target = NULL;
}

/* Takes libcurl's half away; libcurl closes its descriptor. */
static void drop_handle(tecton_http_connector *connector, tecton_http_connection *connection) {
    CURL *easy = connection->easy;
    curl_multi_remove_handle(connector->multi, easy);
    let_go_of_target(connection);
    connection->easy = NULL;
    curl_easy_reset(easy); /* keeps TLS sessions; forgets where to write errors */
    if (connector->num_spares < KEPT_HANDLES)
        connector->spares[connector->num_spares++] = easy;
    else
        curl_easy_cleanup(easy);
}

bool tecton_http_connector_start(tecton_http_connector *connector, tecton_http_connection *connection,
                                 tecton_http_target *target, uint32_t timeout_ms) {
    CURL *easy = connector->num_spares > 0 ? connector->spares[--connector->num_spares] : curl_easy_init();
    if (easy == NULL)
        return false;
    *connection = (tecton_http_connection){.fd = -1, .easy = easy, .target = tecton_http_target_retain(target)};
    if (!set_up(easy, connection, target, timeout_ms) || curl_multi_add_handle(connector->multi, easy) != CURLM_OK) {
        drop_handle(connector, connection);
        return false;
    }
    connector->num_under_way++;
    return true;
}

void tecton_http_connector_close(tecton_http_connector *connector, tecton_http_connection *connection) {
    if (connection->easy != NULL) {
        connector->num_under_way -= connection->target != NULL; /* not given out yet */
        drop_handle(connector, connection);
    } else if (connection->fd >= 0) {
        (void)close(connection->fd);
    }
    connection->fd = -1;
}

void tecton_http_connector_on_event(tecton_http_connector *connector, const tecton_poll_event *event) {
    if (connector->num_under_way == 0)
        return;
    int mask = (event->readable ? CURL_CSELECT_IN : 0) | (event->writable ? CURL_CSELECT_OUT : 0) |
               (event->broken ? CURL_CSELECT_ERR : 0);
    int running = 0;
    curl_multi_socket_action(connector->multi, event->fd, mask, &running);
}

uint64_t tecton_http_connector_due_ms(const tecton_http_connector *connector) {
    return connector->timer_ms;
}

void tecton_http_connector_run_due(tecton_http_connector *connector) {
    int running = 0;
    connector->timer_ms = UINT64_MAX; /* set again from inside, if needed */
    curl_multi_socket_action(connector->multi, CURL_SOCKET_TIMEOUT, 0, &running);
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

/* Makes a connection its owner's. In clear text libcurl is done with it: a second descriptor of the socket outlives the
 * one that libcurl closes. */
static bool hand_over(tecton_http_connector *connector, tecton_http_connection *connection) {
    bool is_secure = connection->target->is_secure;
    curl_socket_t fd = CURL_SOCKET_BAD;
    if (curl_easy_getinfo(connection->easy, CURLINFO_ACTIVESOCKET, &fd) != CURLE_OK || fd == CURL_SOCKET_BAD) {
        (void)snprintf(connection->problem, sizeof connection->problem, "the connection was closed at once");
    } else if (is_secure) {
        connection->fd = fd;
        let_go_of_target(connection);
        connection->problem[0] = '\0';
        return true;
    } else if ((connection->fd = fcntl(fd, F_DUPFD_CLOEXEC, 0)) < 0) {
        (void)snprintf(connection->problem, sizeof connection->problem, "no socket: %s",
                       errno == EMFILE ? "too many open files" : "the system refuses");
    }
    drop_handle(connector, connection);
    return connection->fd >= 0;
}

bool tecton_http_connector_next(tecton_http_connector *connector, tecton_http_connect_result *result) {
    if (connector->num_under_way == 0)
        return false;
    int left = 0;
    CURLMsg *message = curl_multi_info_read(connector->multi, &left);
    while (message != NULL && message->msg != CURLMSG_DONE)
        message = curl_multi_info_read(connector->multi, &left);
    if (message == NULL)
        return false;
    CURLcode code = message->data.result; /* the message goes with the handle */
    char *private = NULL;
    curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &private);
    tecton_http_connection *connection = (tecton_http_connection *)(void *)private;
    connector->num_under_way--;
    *result = (tecton_http_connect_result){.connection = connection,
                                           .timed_out = code == CURLE_OPERATION_TIMEDOUT,
                                           .cannot_help_itself = cannot_help_itself(code)};
    if (code == CURLE_OK) {
        result->connected = hand_over(connector, connection);
        return true;
    }
    if (connection->problem[0] == '\0')
        (void)snprintf(connection->problem, sizeof connection->problem, "%s", curl_easy_strerror(code));
    drop_handle(connector, connection);
    return true;
}
