/* What the client sees of a target. */
#ifndef WORKER_HTTP_HTTP_TARGET_INTERNAL_H
#define WORKER_HTTP_HTTP_TARGET_INTERNAL_H

#include "worker/http/http_target.h"

#include <curl/curl.h>
#include <stdatomic.h>

struct tecton_http_target {
    atomic_uint references;
    tecton_http_method method;
    CURLU *url; /* parsed once: curl would do it for each request */
    struct curl_slist *headers;
    long timeout_ms;
    char *ca_file;
    char *proxy;    /* "" for none */
    char *no_proxy; /* hosts, as curl reads them */
};

/* tecton_curl_start initialises libcurl, once for the process. False when that fails. Any thread. */
bool tecton_curl_start(void);

#endif
