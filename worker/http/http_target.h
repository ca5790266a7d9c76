/* Where and how to send: URL, headers, trust, proxy and timeout, prepared once and shared by many requests.
 *
 * Immutable after it is made; counted; any thread may retain and release. The headers may hold a key: they are wiped
 * when the last reference goes. */
#ifndef WORKER_HTTP_HTTP_TARGET_H
#define WORKER_HTTP_HTTP_TARGET_H

#include "sdk_harness/base/status.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct tecton_http_target tecton_http_target;

typedef enum { TECTON_HTTP_POST, TECTON_HTTP_GET } tecton_http_method;

typedef struct {
    tecton_http_method method;
    const char *url;            /* http:// or https:// */
    const char *const *headers; /* num_headers lines, "Name: value"; one without a value is left out */
    size_t num_headers;
    uint32_t timeout_ms; /* of a whole request, connecting included; at least 1 */
    const char *ca_file; /* PEM; NULL: the system's */
    const char *proxy;   /* "env": as the environment says now; "none"; or a URL */
} tecton_http_target_options;

/* tecton_http_target_new copies `options`. BEAMC_INVALID when the URL cannot be parsed, or it or a header holds a
 * control character; release with
 * tecton_http_target_release. */
beamc_status tecton_http_target_new(const tecton_http_target_options *options, tecton_http_target **target,
                                    beamc_error *err);
tecton_http_target *tecton_http_target_retain(tecton_http_target *target);
void tecton_http_target_release(tecton_http_target *target); /* NULL is fine */

#endif
