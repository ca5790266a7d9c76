#include "worker/http/http_target.h"

#include "sdk_harness/base/alloc.h"
#include "worker/http/http_target_internal.h"

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

beamc_status tecton_http_target_new(const tecton_http_target_options *options, tecton_http_target **target,
                                    beamc_error *err) {
    if (!tecton_curl_start())
        return beamc_fail(err, BEAMC_UNAVAILABLE, "libcurl cannot be initialised");
    tecton_http_target *made = beamc_alloc_zero(1, sizeof *made);
    atomic_init(&made->references, 1);
    made->method = options->method;
    made->timeout_ms = (long)options->timeout_ms;
    made->ca_file = options->ca_file == NULL ? NULL : beamc_strdup(options->ca_file);
    made->url = curl_url();
    CURLUcode parsed = made->url == NULL ? CURLUE_OUT_OF_MEMORY
                                         : curl_url_set(made->url, CURLUPART_URL, options->url, CURLU_DISALLOW_USER);
    take_proxy(made, options->proxy, strncasecmp(options->url, "https:", 6) == 0);
    for (size_t i = 0; i < options->num_headers && parsed == CURLUE_OK; i++) {
        struct curl_slist *longer = curl_slist_append(made->headers, options->headers[i]);
        if (longer == NULL)
            parsed = CURLUE_OUT_OF_MEMORY;
        else
            made->headers = longer;
    }
    if (parsed != CURLUE_OK) {
        tecton_http_target_release(made);
        return beamc_fail(err, BEAMC_INVALID, "the URL %.200s cannot be used: %s", options->url,
                          curl_url_strerror(parsed));
    }
    *target = made;
    return BEAMC_OK;
}

tecton_http_target *tecton_http_target_retain(tecton_http_target *target) {
    atomic_fetch_add_explicit(&target->references, 1, memory_order_relaxed);
    return target;
}

void tecton_http_target_release(tecton_http_target *target) {
    if (target == NULL || atomic_fetch_sub_explicit(&target->references, 1, memory_order_acq_rel) != 1)
        return;
    for (struct curl_slist *line = target->headers; line != NULL; line = line->next)
        explicit_bzero(line->data, strlen(line->data));
    curl_slist_free_all(target->headers);
    curl_url_cleanup(target->url);
    free(target->ca_file);
    free(target->proxy);
    free(target->no_proxy);
    free(target);
}
