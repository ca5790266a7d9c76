#include "worker/http/request_head.h"

#include "tests/support/check.h"

/* The head as text; NULL when it is refused. */
static const char *write_head(const tecton_request_head *head) {
    static char text[1024];
    beamc_byte_buffer out;
    beamc_byte_buffer_init(&out, sizeof text - 1);
    bool written = tecton_request_head_write(head, &out);
    memcpy(text, out.data, out.len);
    text[out.len] = '\0';
    beamc_byte_buffer_cleanup(&out);
    return written ? text : NULL;
}

static tecton_request_head head_of(const char *const *headers, size_t num_headers) {
    return (tecton_request_head){.method = "POST",
                                 .scheme = "http",
                                 .host = "tecton.example",
                                 .path = "/ingest",
                                 .headers = headers,
                                 .num_headers = num_headers};
}

static void a_head_has_its_host_and_the_headers_with_a_value(void **state) {
    (void)state;
    static const char *const headers[] = {"Authorization: Tecton-key k", "Accept:", "X-Blank: ", "User-Agent: us"};
    tecton_request_head head = head_of(headers, 4);
    assert_string_equal(write_head(&head), "POST /ingest HTTP/1.1\r\nHost: tecton.example\r\n"
                                           "Authorization: Tecton-key k\r\nUser-Agent: us\r\n");
    head.host = "[::1]";
    head.port = "8443";
    head.query = "a=b&c";
    head.num_headers = 0;
    assert_string_equal(write_head(&head), "POST /ingest?a=b&c HTTP/1.1\r\nHost: [::1]:8443\r\n");
}

static void a_proxy_is_told_the_whole_url_and_its_login(void **state) {
    (void)state;
    tecton_request_head head = head_of(NULL, 0);
    head.port = "81";
    head.to_proxy = true;
    assert_string_equal(write_head(&head), "POST http://tecton.example:81/ingest HTTP/1.1\r\n"
                                           "Host: tecton.example:81\r\nProxy-Connection: Keep-Alive\r\n");
    static const struct {
        const char *user;
        const char *password;
        const char *header;
    } logins[] = {{"Aladdin", "open sesame", "\r\nProxy-Authorization: Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==\r\n"},
                  {"a", NULL, "\r\nProxy-Authorization: Basic YTo=\r\n"},
                  {"a", "b", "\r\nProxy-Authorization: Basic YTpi\r\n"}}; /* the first is RFC 7617's */
    for (size_t i = 0; i < sizeof logins / sizeof logins[0]; i++) {
        head.proxy_user = logins[i].user;
        head.proxy_password = logins[i].password;
        assert_contains(write_head(&head), logins[i].header);
    }
}

static void control_characters_are_refused(void **state) {
    (void)state;
    static const char *const headers[] = {"X: a\r\nY: b"};
    tecton_request_head head = head_of(headers, 1);
    assert_null(write_head(&head));
    head.num_headers = 0;
    head.path = "/a\nb";
    assert_null(write_head(&head));
    head.path = "/";
    head.host = "a\x7f";
    assert_null(write_head(&head));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_head_has_its_host_and_the_headers_with_a_value),
        cmocka_unit_test(a_proxy_is_told_the_whole_url_and_its_login),
        cmocka_unit_test(control_characters_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
