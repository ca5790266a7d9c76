#include "worker/config/endpoint_url.h"

#include "tests/support/check.h"

static void check_instance(const char *instance, const char *fault) {
    const char *found = tecton_instance_fault(instance, strlen(instance));
    if (fault == NULL) {
        if (found != NULL)
            fail_msg("%s: %s", instance, found);
    } else if (found == NULL) {
        fail_msg("%s is accepted", instance);
    } else {
        assert_contains(found, fault);
    }
}

static void host_names_and_ports_are_accepted(void **state) {
    (void)state;
    check_instance("acme.tecton.ai", NULL);
    check_instance("acme-2.tecton.ai:8443", NULL);
    check_instance("localhost:1", NULL);
    check_instance("A.B", NULL);
}

static void schemes_paths_spaces_and_odd_ports_are_refused(void **state) {
    (void)state;
    check_instance("https://acme.tecton.ai", "scheme");
    check_instance("acme.tecton.ai/ingest", "path");
    check_instance("acme.tecton.ai?x", "path");
    check_instance("acme tecton.ai", "space");
    check_instance("user@acme.tecton.ai", "login");
    check_instance("acme.tecton.ai:", "port");
    check_instance("acme.tecton.ai:0", "port");
    check_instance("acme.tecton.ai:65536", "port");
    check_instance("acme.tecton.ai:99999999999999", "port");
    check_instance("acme.tecton.ai:80a", "port");
    check_instance("acme..tecton.ai", "host name");
    check_instance(".tecton.ai", "host name");
    check_instance("acme.", "host name");
    check_instance("acme_x.tecton.ai", "host name");
    check_instance("\xc3\xa9.tecton.ai", "host name");
}

static void a_label_or_name_that_is_too_long_is_refused(void **state) {
    (void)state;
    char label[65];
    memset(label, 'a', 64);
    label[64] = '\0';
    check_instance(label, "host name");
    label[63] = '\0';
    check_instance(label, NULL);
}

static void check_url(const char *url, bool allow_insecure, const char *fault) {
    beamc_error err = {{0}};
    beamc_status status = tecton_endpoint_check(url, allow_insecure, &err);
    if (fault == NULL) {
        if (status != BEAMC_OK)
            fail_msg("%s: %s", url, err.text);
        return;
    }
    if (status == BEAMC_OK)
        fail_msg("%s is accepted", url);
    assert_contains(err.text, "endpoint_url");
    assert_contains(err.text, fault);
}

static void https_urls_are_accepted(void **state) {
    (void)state;
    check_url("https://preview.acme.tecton.ai/ingest", false, NULL);
    check_url("HTTPS://us-west1.acme.tecton.ai:8443/v2/ingest?x=y", false, NULL);
    check_url("https://[2001:db8::1]:8443/ingest", false, NULL);
    check_url("https://10.1.2.3", false, NULL);
}

static void plain_http_is_for_this_machine_only(void **state) {
    (void)state;
    check_url("http://localhost:8080/ingest", false, NULL);
    check_url("http://127.0.0.1/ingest", false, NULL);
    check_url("http://127.8.9.10:80/ingest", false, NULL);
    check_url("http://[::1]:8080/ingest", false, NULL);
    check_url("http://acme.tecton.ai/ingest", false, "allow_insecure=True");
    check_url("http://127.0.0.1.evil.example/ingest", false, "allow_insecure=True");
    check_url("http://127.example.com/ingest", false, "allow_insecure=True");
    check_url("http://localhost.example/ingest", false, "allow_insecure=True");
    check_url("http://[::2]/ingest", false, "allow_insecure=True");
    check_url("http://acme.tecton.ai/ingest", true, NULL);
}

static void urls_that_are_none_are_refused(void **state) {
    (void)state;
    check_url("acme.tecton.ai/ingest", false, "https://");
    check_url("ftp://acme.tecton.ai", true, "https://");
    check_url("file:///etc/passwd", true, "https://");
    check_url("https://", false, "host");
    check_url("https:///ingest", false, "host");
    check_url("https://key@acme.tecton.ai/ingest", false, "login");
    check_url("https://acme.tecton.ai/in gest", false, "space");
    check_url("https://acme.tecton.ai/ingest\r\nX: y", false, "control");
    check_url("https://acme.tecton.ai/ingest#top", false, "fragment");
    check_url("https://acme.tecton.ai:0/ingest", false, "port");
    check_url("https://acme.tecton.ai:/ingest", false, "port");
    check_url("https://[2001:db8::1/ingest", false, "bracket");
}

static void a_proxy_is_env_none_or_a_url(void **state) {
    (void)state;
    assert_null(tecton_proxy_fault("env", 3));
    assert_null(tecton_proxy_fault("none", 4));
    assert_null(tecton_proxy_fault("http://proxy:3128", 17));
    assert_null(tecton_proxy_fault("https://p", 9));
    assert_non_null(tecton_proxy_fault("proxy:3128", 10));
    assert_non_null(tecton_proxy_fault("http://", 7));
    assert_non_null(tecton_proxy_fault("http://a b", 10));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(host_names_and_ports_are_accepted),
        cmocka_unit_test(schemes_paths_spaces_and_odd_ports_are_refused),
        cmocka_unit_test(a_label_or_name_that_is_too_long_is_refused),
        cmocka_unit_test(https_urls_are_accepted),
        cmocka_unit_test(plain_http_is_for_this_machine_only),
        cmocka_unit_test(urls_that_are_none_are_refused),
        cmocka_unit_test(a_proxy_is_env_none_or_a_url),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
