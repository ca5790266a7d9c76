#include "worker/http/http_target.h"

#include "sdk_harness/base/alloc.h"
#include "worker/http/http_target_internal.h"
#include "worker/http/no_proxy.h"
#include "worker/http/request_head.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

static pthread_once_t curl_once = PTHREAD_ONCE_INIT;
static bool curl_works;

static void start_curl(void) {
    curl_works = curl_global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK;
}

bool tecton_curl_start(void) {
    (void)pthread_once(&curl_once, start_curl);
    return curl_works;
}

static const char *first_set(const char *const *names) {
    for (; *names != NULL; names++) {
        const char *value = getenv(*names);
        if (value != NULL && value[0] != '\0')
            return value;
    }
    return "";
}

/* The names that curl reads, in its order; HTTP_PROXY in capitals is left out as it does, because CGI servers set that
 * from a request's header. Read once here rather than for each request. */
static void take_proxy(tecton_http_target *target, const char *proxy, bool https) {
    static const char *const for_https[] = {"https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY", NULL};
    static const char *const for_http[] = {"http_proxy", "all_proxy", "ALL_PROXY", NULL};
    static const char *const for_none[] = {"no_proxy", "NO_PROXY", NULL};
    bool env = strcmp(proxy, "env") == 0;
    if (env)
        target->proxy = beamc_strdup(first_set(https ? for_https : for_http));
    else
        target->proxy = beamc_strdup(strcmp(proxy, "none") == 0 ? "" : proxy);
    target->no_proxy = beamc_strdup(env ? first_set(for_none) : "");
}

/* The parts of a URL, as libcurl gives them out. */
typedef struct {
    char *scheme;
    char *host;
    char *port; /* NULL: the scheme's own */
    char *path;
    char *query; /* NULL: none */
} url_parts;

#ifndef CURLU_PUNYCODE /* since 7.88 */
#define CURLU_PUNYCODE 0
#endif

static CURLUcode read_url(CURLU *url, url_parts *parts) {
    *parts = (url_parts){0};
    CURLUcode code = curl_url_get(url, CURLUPART_SCHEME, &parts->scheme, 0);
    if (code == CURLUE_OK)
        code = curl_url_get(url, CURLUPART_HOST, &parts->host, CURLU_PUNYCODE);
    if (code == CURLUE_OK)
        code = curl_url_get(url, CURLUPART_PATH, &parts->path, 0);
    if (code == CURLUE_OK)
        code = curl_url_get(url, CURLUPART_PORT, &parts->port, CURLU_NO_DEFAULT_PORT);
    if (code == CURLUE_OK || code == CURLUE_NO_PORT)
        code = curl_url_get(url, CURLUPART_QUERY, &parts->query, 0);
    return code == CURLUE_NO_QUERY ? CURLUE_OK : code;
}

static void free_url(url_parts *parts) {
    curl_free(parts->scheme);
    curl_free(parts->host);
    curl_free(parts->port);
    curl_free(parts->path);
    curl_free(parts->query);
}

static void take_login(const char *proxy, char **user, char **password) {
    CURLU *url = curl_url();
    if (url != NULL &&
        curl_url_set(url, CURLUPART_URL, proxy, CURLU_NON_SUPPORT_SCHEME | CURLU_GUESS_SCHEME) == CURLUE_OK) {
        (void)curl_url_get(url, CURLUPART_USER, user, CURLU_URLDECODE);
        (void)curl_url_get(url, CURLUPART_PASSWORD, password, CURLU_URLDECODE);
    }
    curl_url_cleanup(url);
}

static void free_login(char *text) {
    if (text != NULL)
        explicit_bzero(text, strlen(text));
    curl_free(text);
}

static bool has_scheme(const char *url, const char *scheme) {
    size_t len = strlen(scheme);
    return strncasecmp(url, scheme, len) == 0 && strncmp(url + len, "://", 3) == 0;
}

/* How requests travel. libcurl makes a tunnel through a proxy for https://, and looks into no_proxy itself; http:// is
 * said to the proxy, so that we have to know whether there is one. */
static bool goes_to_proxy(tecton_http_target *target, const url_parts *parts) {
    bool https = strcasecmp(parts->scheme, "https") == 0;
    if (!https && target->proxy[0] != '\0' && tecton_no_proxy_covers(target->no_proxy, parts->host))
        target->proxy[0] = '\0';
    if (!https)
        target->no_proxy[0] = '\0'; /* decided */
    target->is_secure = https || has_scheme(target->proxy, "https");
    return !https && target->proxy[0] != '\0' && strncasecmp(target->proxy, "socks", 5) != 0;
}

static bool write_head(tecton_http_target *target, const tecton_http_target_options *options, const url_parts *parts) {
    tecton_request_head head = {.method = options->method == TECTON_HTTP_POST ? "POST" : "GET",
                                .scheme = parts->scheme,
                                .host = parts->host,
                                .port = parts->port,
                                .path = parts->path,
                                .query = parts->query,
                                .to_proxy = goes_to_proxy(target, parts),
                                .headers = options->headers,
                                .num_headers = options->num_headers};
    char *user = NULL;
    char *password = NULL;
    if (head.to_proxy)
        take_login(target->proxy, &user, &password);
    head.proxy_user = user;
    head.proxy_password = password;
    size_t ceiling = strlen(options->url) * 4 + strlen(target->proxy) * 2 + 256; /* a host grows when it is encoded */
    for (size_t i = 0; i < options->num_headers; i++)
        ceiling += strlen(options->headers[i]) + 2;
    beamc_byte_buffer_init(&target->head, ceiling);
    /* All at once: growing would leave copies of the key behind. */
    bool written =
        beamc_byte_buffer_reserve(&target->head, ceiling) != NULL && tecton_request_head_write(&head, &target->head);
    free_login(user);
    free_login(password);
    return written;
}

static const char *or_none(const char *text) {
    return text == NULL ? "" : text;
}

beamc_status tecton_http_target_new(const tecton_http_target_options *options, tecton_http_target **target,
                                    beamc_error *err) {
    if (!tecton_curl_start())
        return beamc_fail(err, BEAMC_UNAVAILABLE, "libcurl cannot be initialised");
    tecton_http_target *made = beamc_alloc_zero(1, sizeof *made);
    atomic_init(&made->references, 1);
    made->method = options->method;
    made->timeout_ms = options->timeout_ms;
    made->ca_file = options->ca_file == NULL ? NULL : beamc_strdup(options->ca_file);
    made->url = curl_url();
    url_parts parts = {0};
    CURLUcode parsed = made->url == NULL ? CURLUE_OUT_OF_MEMORY
                                         : curl_url_set(made->url, CURLUPART_URL, options->url, CURLU_DISALLOW_USER);
    if (parsed == CURLUE_OK)
        parsed = read_url(made->url, &parts);
    take_proxy(made, options->proxy, strncasecmp(options->url, "https:", 6) == 0);
    beamc_status status = BEAMC_OK;
    if (parsed != CURLUE_OK)
        status = beamc_fail(err, BEAMC_INVALID, "the URL %.200s cannot be used: %s", options->url,
                            curl_url_strerror(parsed));
    else if (!write_head(made, options, &parts))
        status = beamc_fail(err, BEAMC_INVALID,
                            "requests to %.200s cannot be written: the URL or a header holds a control character",
                            options->url);
    else
        made->origin = beamc_format("%s://%s:%s %s %s %s", parts.scheme, parts.host, or_none(parts.port), made->proxy,
                                    made->no_proxy, or_none(made->ca_file));
    free_url(&parts);
    if (status == BEAMC_OK)
        *target = made;
    else
        tecton_http_target_release(made);
    return status;
}

tecton_http_target *tecton_http_target_retain(tecton_http_target *target) {
    atomic_fetch_add_explicit(&target->references, 1, memory_order_relaxed);
    return target;
}

void tecton_http_target_release(tecton_http_target *target) {
    if (target == NULL || atomic_fetch_sub_explicit(&target->references, 1, memory_order_acq_rel) != 1)
        return;
    if (target->head.data != NULL)
        explicit_bzero(target->head.data, target->head.capacity);
    beamc_byte_buffer_cleanup(&target->head);
    curl_url_cleanup(target->url);
    free(target->ca_file);
    free(target->proxy);
    free(target->no_proxy);
    free(target->origin);
    free(target);
}
