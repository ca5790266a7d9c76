#include "worker/config/endpoint_url.h"

#include <stdint.h>
#include <string.h>
#include <strings.h>

enum { MAX_HOST_BYTES = 253, MAX_LABEL_BYTES = 63 }; /* RFC 1035 */

static bool is_host_letter(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-';
}

/* Up to five digits, 1 to 65535. */
static bool is_port(const char *text, size_t len) {
    uint32_t port = 0;
    if (len == 0 || len > 5)
        return false;
    for (size_t i = 0; i < len; i++) {
        if (text[i] < '0' || text[i] > '9')
            return false;
        port = port * 10 + (uint32_t)(text[i] - '0');
    }
    return port >= 1 && port <= 65535;
}

static bool is_host(const char *host, size_t len) {
    if (len == 0 || len > MAX_HOST_BYTES)
        return false;
    size_t label = 0;
    for (size_t i = 0; i < len; i++) {
        if (host[i] == '.') {
            if (label == 0)
                return false;
            label = 0;
        } else {
            if (!is_host_letter(host[i]) || ++label > MAX_LABEL_BYTES)
                return false;
        }
    }
    return label > 0;
}

const char *tecton_instance_fault(const char *instance, size_t len) {
    for (size_t i = 0; i + 2 < len; i++) {
        if (memcmp(instance + i, "://", 3) == 0)
            return "which has a scheme in it: give the host name alone, or the whole URL as endpoint_url";
    }
    if (memchr(instance, '/', len) != NULL || memchr(instance, '?', len) != NULL || memchr(instance, '#', len) != NULL)
        return "which has a path in it: give the host name alone, or the whole URL as endpoint_url";
    if (memchr(instance, ' ', len) != NULL)
        return "which has a space in it: give the host name alone";
    if (memchr(instance, '@', len) != NULL)
        return "which has a login in it: give the host name alone";
    const char *colon = memchr(instance, ':', len);
    size_t host_len = colon == NULL ? len : (size_t)(colon - instance);
    if (colon != NULL && !is_port(colon + 1, len - host_len - 1))
        return "whose port is not a number from 1 to 65535";
    if (!is_host(instance, host_len))
        return "which is not a host name";
    return NULL;
}

const char *tecton_proxy_fault(const char *proxy, size_t len) {
    if ((len == 3 && memcmp(proxy, "env", 3) == 0) || (len == 4 && memcmp(proxy, "none", 4) == 0))
        return NULL;
    bool http = len > 7 && strncasecmp(proxy, "http://", 7) == 0;
    bool https = len > 8 && strncasecmp(proxy, "https://", 8) == 0;
    if (!http && !https)
        return "which is neither env, none, nor a URL that starts with http:// or https://";
    if (memchr(proxy, ' ', len) != NULL)
        return "which has a space in it";
    return NULL;
}

static bool is_loopback(const char *host, size_t len) {
    if (len == 9 && strncasecmp(host, "localhost", 9) == 0)
        return true;
    if (len == 5 && memcmp(host, "[::1]", 5) == 0)
        return true;
    if (len < 7 || len > 15 || memcmp(host, "127.", 4) != 0)
        return false;
    size_t dots = 0;
    for (size_t i = 0; i < len; i++) {
        if (host[i] == '.')
            dots++;
        else if (host[i] < '0' || host[i] > '9')
            return false; /* 127.example.com is a name like any other */
    }
    return dots == 3;
}

beamc_status tecton_endpoint_check(const char *url, bool allow_insecure, beamc_error *err) {
    static const char *const right = "Write for example endpoint_url=\"https://us-west1.acme.tecton.ai/ingest\"";
    bool https = strncasecmp(url, "https://", 8) == 0;
    bool http = strncasecmp(url, "http://", 7) == 0;
    if (!https && !http)
        return beamc_fail(err, BEAMC_INVALID, "option endpoint_url does not start with https://. %s", right);
    const char *host = url + (https ? 8 : 7);
    size_t authority_len = strcspn(host, "/?#");
    if (memchr(host, '@', authority_len) != NULL)
        return beamc_fail(
            err, BEAMC_INVALID,
            "option endpoint_url has a login in it: the key goes into api_key, nothing before the host. %s", right);
    for (const char *c = url; *c != '\0'; c++) {
        if ((unsigned char)*c <= ' ' || (unsigned char)*c >= 0x7f)
            return beamc_fail(
                err, BEAMC_INVALID,
                "option endpoint_url has a space, a control character or a non-ASCII letter at byte %zu. %s",
                (size_t)(c - url), right);
    }
    if (strchr(url, '#') != NULL)
        return beamc_fail(err, BEAMC_INVALID, "option endpoint_url has a fragment (#). %s", right);
    size_t host_len = authority_len;
    const char *bracket = host[0] == '[' ? memchr(host, ']', authority_len) : NULL;
    const char *after = bracket == NULL ? host : bracket;
    const char *colon = memchr(after, ':', authority_len - (size_t)(after - host));
    if (host[0] == '[' && bracket == NULL)
        return beamc_fail(err, BEAMC_INVALID, "option endpoint_url has an address without its closing bracket. %s",
                          right);
    if (colon != NULL) {
        host_len = (size_t)(colon - host);
        if (!is_port(colon + 1, authority_len - host_len - 1))
            return beamc_fail(err, BEAMC_INVALID,
                              "option endpoint_url has a port that is not a number from 1 to 65535. %s", right);
    }
    if (host[0] != '[' && !is_host(host, host_len))
        return beamc_fail(err, BEAMC_INVALID, "option endpoint_url has no host name. %s", right);
    if (http && !allow_insecure && !is_loopback(host, host_len))
        return beamc_fail(
            err, BEAMC_INVALID,
            "option endpoint_url is http:// for the host %.*s, which would send the key readable over the "
            "network. Use https://, or say allow_insecure=True",
            (int)(host_len > 100 ? 100 : host_len), host);
    return BEAMC_OK;
}
