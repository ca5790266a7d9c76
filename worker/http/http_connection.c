#include "worker/http/http_connection.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

static tecton_io of_errno(tecton_http_connection *connection, const char *what) {
    if (errno == EAGAIN || errno == EWOULDBLOCK)
        return TECTON_IO_AGAIN;
    char text[128];
    (void)snprintf(connection->problem, sizeof connection->problem, "%s failure: %s", what,
                   strerror_r(errno, text, sizeof text));
    return TECTON_IO_FAILED;
}

static tecton_io of_curl(tecton_http_connection *connection, CURLcode code) {
    if (code == CURLE_AGAIN)
        return TECTON_IO_AGAIN;
    if (connection->problem[0] == '\0')
        (void)snprintf(connection->problem, sizeof connection->problem, "%s", curl_easy_strerror(code));
    return TECTON_IO_FAILED;
}

tecton_io tecton_http_connection_send(tecton_http_connection *connection, const uint8_t *data, size_t len,
                                      size_t *sent) {
    if (connection->easy != NULL) {
        CURLcode code = curl_easy_send(connection->easy, data, len, sent);
        return code == CURLE_OK ? TECTON_IO_DONE : of_curl(connection, code);
    }
    ssize_t num = 0;
    do
        num = send(connection->fd, data, len, MSG_NOSIGNAL);
    while (num < 0 && errno == EINTR);
    if (num < 0)
        return of_errno(connection, "Send");
    *sent = (size_t)num;
    return TECTON_IO_DONE;
}

tecton_io tecton_http_connection_receive(tecton_http_connection *connection, uint8_t *data, size_t size,
                                         size_t *received) {
    if (connection->easy != NULL) {
        CURLcode code = curl_easy_recv(connection->easy, data, size, received);
        if (code != CURLE_OK)
            return of_curl(connection, code);
        return *received == 0 ? TECTON_IO_CLOSED : TECTON_IO_DONE;
    }
    ssize_t num = 0;
    do
        num = recv(connection->fd, data, size, 0);
    while (num < 0 && errno == EINTR);
    if (num < 0)
        return of_errno(connection, "Recv");
    *received = (size_t)num;
    return num == 0 ? TECTON_IO_CLOSED : TECTON_IO_DONE;
}
