/* Writes what stands before a request's body, the same for all requests to one target.
 *
 * Pure; any thread. */
#ifndef WORKER_HTTP_REQUEST_HEAD_H
#define WORKER_HTTP_REQUEST_HEAD_H

#include "sdk_harness/base/byte_buffer.h"

#include <stdbool.h>
#include <stddef.h>

typedef struct {
    const char *method;
    const char *scheme; /* "http" */
    const char *host;   /* an IPv6 address in its brackets */
    const char *port;   /* NULL: the scheme's own */
    const char *path;   /* begins with '/' */
    const char *query;  /* NULL: none */
    bool to_proxy;      /* the request line names the whole URL */
    const char *proxy_user;
    const char *proxy_password;
    const char *const *headers; /* num_headers lines, "Name: value"; one without a value is left out */
    size_t num_headers;
} tecton_request_head;

/* tecton_request_head_write appends the request line and all header lines but Content-Length, without the empty line
 * that ends them. False when a part holds a control character or memory runs out. */
bool tecton_request_head_write(const tecton_request_head *head, beamc_byte_buffer *out);

#endif
