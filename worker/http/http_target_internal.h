/* What the client sees of a target. */
#ifndef WORKER_HTTP_HTTP_TARGET_INTERNAL_H
#define WORKER_HTTP_HTTP_TARGET_INTERNAL_H

#include "sdk_harness/base/byte_buffer.h"
#include "worker/http/http_target.h"

#include <curl/curl.h>
#include <stdatomic.h>

struct tecton_http_target {
    atomic_uint references;
    tecton_http_method method;
    CURLU *url;
    beamc_byte_buffer head; /* as request_head.h writes it */
    uint32_t timeout_ms;
    char *ca_file;
    char *proxy;    /* "" for none */
    char *no_proxy; /* hosts, as curl reads them */
    char *origin;   /* targets for which this is equal may use the same connections */
    bool is_secure; /* bytes are to go through libcurl's TLS, with the server or with the proxy */
};

/* tecton_curl_start initialises libcurl, once for the process. False when that fails. Any thread. */
bool tecton_curl_start(void);

#endif
