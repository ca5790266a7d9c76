/* The bytes of one connection: through the socket itself in clear text, through libcurl where there is TLS.
 *
 * Never blocks. A connection belongs to one thread. */
#ifndef WORKER_HTTP_HTTP_CONNECTION_H
#define WORKER_HTTP_HTTP_CONNECTION_H

#include "worker/http/http_target.h"

#include <curl/curl.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct {
    int fd;                     /* -1: not connected */
    CURL *easy;                 /* libcurl's half; NULL: the socket is all */
    tecton_http_target *target; /* while it is being made; counted */
    char problem[CURL_ERROR_SIZE];
} tecton_http_connection;

typedef enum {
    TECTON_IO_DONE,   /* some bytes went */
    TECTON_IO_AGAIN,  /* none now; the poll tells when */
    TECTON_IO_CLOSED, /* the peer sends no more */
    TECTON_IO_FAILED  /* `problem` says why */
} tecton_io;

/* tecton_http_connection_send sends the beginning of `data`. After AGAIN the same bytes, at the same place in memory,
 * are to be given again: TLS may have begun a record with them. sent   out, after DONE: how many of len */
tecton_io tecton_http_connection_send(tecton_http_connection *connection, const uint8_t *data, size_t len,
                                      size_t *sent);

/* tecton_http_connection_receive writes at most `size` bytes to `data`.
 *   received   out, after DONE: how many, at least 1 */
tecton_io tecton_http_connection_receive(tecton_http_connection *connection, uint8_t *data, size_t size,
                                         size_t *received);

#endif
