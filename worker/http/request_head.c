#include "worker/http/request_head.h"

#include <string.h>

static bool is_clean(const char *text) {
    for (; *text != '\0'; text++) {
        if (((unsigned char)*text < ' ' && *text != '\t') || *text == 0x7f)
            return false;
    }
    return true;
}

static bool put(beamc_byte_buffer *out, const char *text) {
    return is_clean(text) && beamc_byte_buffer_append_text(out, text);
}

static bool put_host(const tecton_request_head *head, beamc_byte_buffer *out) {
    bool good = put(out, head->host);
    if (head->port != NULL)
        good = good && put(out, ":") && put(out, head->port);
    return good;
}

/* RFC 4648, section 4. */
static bool put_base64(beamc_byte_buffer *out, const uint8_t *bytes, size_t len) {
    static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    bool good = true;
    for (size_t i = 0; i < len; i += 3) {
        uint32_t word = (uint32_t)bytes[i] << 16;
        word |= i + 1 < len ? (uint32_t)bytes[i + 1] << 8 : 0;
        word |= i + 2 < len ? (uint32_t)bytes[i + 2] : 0;
        char group[4] = {letters[word >> 18], letters[(word >> 12) & 63], i + 1 < len ? letters[(word >> 6) & 63] : '=',
                         i + 2 < len ? letters[word & 63] : '='};
        good = good && beamc_byte_buffer_append(out, group, sizeof group);
    }
    return good;
}

/* RFC 7617. */
static bool put_proxy_login(const tecton_request_head *head, beamc_byte_buffer *out) {
    const char *password = head->proxy_password == NULL ? "" : head->proxy_password;
    beamc_byte_buffer login;
    beamc_byte_buffer_init(&login, strlen(head->proxy_user) + strlen(password) + 1);
    bool good = beamc_byte_buffer_reserve(&login, login.ceiling) != NULL &&
                beamc_byte_buffer_append_text(&login, head->proxy_user) && beamc_byte_buffer_append_byte(&login, ':') &&
                beamc_byte_buffer_append_text(&login, password);
    good = good && put(out, "Proxy-Authorization: Basic ") && put_base64(out, login.data, login.len) &&
           beamc_byte_buffer_append_text(out, "\r\n");
    if (login.data != NULL)
        explicit_bzero(login.data, login.capacity);
    beamc_byte_buffer_cleanup(&login);
    return good;
}

static bool has_value(const char *line) {
    const char *colon = strchr(line, ':');
    return colon != NULL && colon[1 + strspn(colon + 1, " \t")] != '\0';
}

bool tecton_request_head_write(const tecton_request_head *head, beamc_byte_buffer *out) {
    bool good = put(out, head->method) && put(out, " ");
    if (head->to_proxy)
        good = good && put(out, head->scheme) && put(out, "://") && put_host(head, out);
    good = good && put(out, head->path);
    if (head->query != NULL)
        good = good && put(out, "?") && put(out, head->query);
    good = good && beamc_byte_buffer_append_text(out, " HTTP/1.1\r\nHost: ") && put_host(head, out) &&
           beamc_byte_buffer_append_text(out, "\r\n");
    if (head->to_proxy && head->proxy_user != NULL)
        good = good && put_proxy_login(head, out);
    if (head->to_proxy) /* what old proxies know */
        good = good && beamc_byte_buffer_append_text(out, "Proxy-Connection: Keep-Alive\r\n");
    for (size_t i = 0; i < head->num_headers && good; i++) {
        if (has_value(head->headers[i]))
            good = put(out, head->headers[i]) && beamc_byte_buffer_append_text(out, "\r\n");
    }
    return good;
}
