#include "worker/config/gcp_secret.h"

#include "tests/support/check.h"
#include "tests/support/http_server.h"

#include <stdlib.h>

static const char *const reference = "type:GcpSecret;version_name:projects/p-1/secrets/tecton_key/versions/latest";

static test_server *server;

static int start(void **state) {
    (void)state;
    server = test_server_start();
    char text[64];
    (void)snprintf(text, sizeof text, "127.0.0.1:%d", test_server_port(server));
    setenv("GCE_METADATA_HOST", text, 1);
    (void)snprintf(text, sizeof text, "http://127.0.0.1:%d", test_server_port(server));
    setenv("BEAM_TECTON_SECRET_MANAGER_URL", text, 1);
    return 0;
}

static int stop(void **state) {
    (void)state;
    test_server_stop(server);
    return 0;
}

static const test_step token = {.status = 200,
                                .body = "{\"access_token\":\"tok-1\",\"expires_in\":3599,\"token_type\":\"Bearer\"}"};

static beamc_status resolve(const test_step *first, const test_step *second, tecton_secret *secret, beamc_error *err) {
    test_step steps[2] = {*first};
    if (second != NULL)
        steps[1] = *second;
    test_server_script(server, steps, second == NULL ? 1 : 2);
    *err = (beamc_error){{0}};
    return tecton_secret_resolve(reference, secret, err); /* the way the sink calls it */
}

static void a_secret_is_fetched_with_the_machines_token(void **state) {
    (void)state;
    tecton_secret secret;
    beamc_error err;
    test_step value = {.status = 200,
                       .body = "{\"name\":\"projects/1/secrets/tecton_key/versions/3\",\"payload\":{\"data\":"
                               "\"czNjcmV0LWtleQ==\",\"dataCrc32c\":\"123\"}}"};
    if (resolve(&token, &value, &secret, &err) != BEAMC_OK)
        fail_msg("%s", err.text);
    assert_string_equal(secret.value, "s3cret-key");
    assert_int_equal(secret.len, 10);
    tecton_secret_release(&secret);
    const test_request *first = test_server_request(server, 0);
    assert_contains(first->head, "GET /computeMetadata/v1/instance/service-accounts/default/token HTTP/1.1\r\n");
    assert_contains(first->head, "\r\nMetadata-Flavor: Google\r\n");
    const test_request *second = test_server_request(server, 1);
    assert_contains(second->head, "GET /v1/projects/p-1/secrets/tecton_key/versions/latest:access HTTP/1.1\r\n");
    assert_contains(second->head, "\r\nAuthorization: Bearer tok-1\r\n");
}

static void a_line_end_is_taken_off(void **state) {
    (void)state;
    tecton_secret secret;
    beamc_error err;
    test_step value = {.status = 200, .body = "{\"payload\":{\"data\":\"a2V5Cg==\"}}"};
    assert_int_equal(resolve(&token, &value, &secret, &err), BEAMC_OK);
    assert_string_equal(secret.value, "key");
    tecton_secret_release(&secret);
}

static void check_refused(const test_step *first, const test_step *second, const char *words) {
    tecton_secret secret;
    beamc_error err;
    assert_int_not_equal(resolve(first, second, &secret, &err), BEAMC_OK);
    assert_null(secret.value);
    assert_contains(err.text, words);
    assert_contains(err.text, "projects/p-1/secrets/tecton_key/versions/latest");
    assert_lacks(err.text, "tok-1");
    assert_lacks(err.text, "s3cret");
}

static void what_the_servers_refuse_says_what_to_do(void **state) {
    (void)state;
    check_refused(&(test_step){.status = 404}, NULL, "gives no token (HTTP 404)");
    check_refused(&(test_step){.status = 200, .body = "<html>"}, NULL, "not a token");
    check_refused(&(test_step){.status = 200, .body = "{\"access_token\":\"a\\r\\nX: y\"}"}, NULL, "not a token");
    check_refused(&token, &(test_step){.status = 403, .body = "s3cret words"}, "Secret Manager Secret Accessor");
    check_refused(&token, &(test_step){.status = 404}, "the version is enabled");
    check_refused(&token, &(test_step){.status = 503}, "HTTP 503");
    check_refused(&token, &(test_step){.cut = true}, "does not answer");
}

static void values_that_cannot_be_keys_are_refused_unseen(void **state) {
    (void)state;
    check_refused(&token, &(test_step){.status = 200, .body = "{}"}, "is empty");
    check_refused(&token, &(test_step){.status = 200, .body = "{\"payload\":{\"data\":\"\"}}"}, "is empty");
    check_refused(&token, &(test_step){.status = 200, .body = "{\"payload\":{\"data\":\"not base64!\"}}"},
                  "not base64");
    check_refused(&token, &(test_step){.status = 200, .body = "{\"payload\":{\"data\":\"abc\"}}"}, "not base64");
    check_refused(&token, &(test_step){.status = 200, .body = "{\"payload\":{\"data\":\"=AAA\"}}"}, "not base64");
    /* "s3cret\nkey": a line break inside */
    check_refused(&token, &(test_step){.status = 200, .body = "{\"payload\":{\"data\":\"czNjcmV0CmtleQ==\"}}"},
                  "byte 6");
}

static void without_google_cloud_it_says_so(void **state) {
    (void)state;
    char text[64];
    (void)snprintf(text, sizeof text, "127.0.0.1:%d", test_closed_port());
    setenv("GCE_METADATA_HOST", text, 1);
    tecton_secret secret;
    beamc_error err = {{0}};
    assert_int_equal(tecton_secret_resolve(reference, &secret, &err), BEAMC_UNAVAILABLE);
    assert_contains(err.text, "does not seem to run on Google Cloud");
    assert_contains(err.text, "env:NAME");
}

static void the_token_goes_to_https_or_this_machine_only(void **state) {
    (void)state;
    setenv("BEAM_TECTON_SECRET_MANAGER_URL", "http://secrets.example", 1);
    tecton_secret secret;
    beamc_error err = {{0}};
    assert_int_equal(tecton_secret_resolve(reference, &secret, &err), BEAMC_INVALID);
    assert_contains(err.text, "BEAM_TECTON_SECRET_MANAGER_URL");
    assert_int_equal(test_server_num_requests(server), 0);
}

static void only_whole_version_names_of_gcp_secrets_are_taken(void **state) {
    (void)state;
    static const struct {
        const char *text;
        bool taken;
    } table[] = {
        {"type:GcpSecret;version_name:projects/p/secrets/s/versions/1", true},
        {"type:gcpsecret;version_name:projects/p/secrets/s-_9/versions/latest", true},
        {"type:GcpSecret;version_name:projects/p/secrets/s/versions/", false},
        {"type:GcpSecret;version_name:projects/p/secrets/s", false},
        {"type:GcpSecret;version_name:projects/p/secrets/s/versions/1/x", false},
        {"type:GcpSecret;version_name:projects//secrets/s/versions/1", false},
        {"type:GcpSecret;version_name:projects/p/secrets/s/versions/1?x=y", false},
        {"type:GcpSecret;version_name:projects/../secrets/s/versions/1", false},
        {"type:GcpSecret;version_name:", false},
        {"type:GcpSecret", false},
        {"type:GcpHsmGeneratedSecret;project_id:p", false},
        {"type:", false},
    };
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        const char *name = NULL;
        size_t name_len = 0;
        if (tecton_gcp_secret_name(table[i].text, strlen(table[i].text), &name, &name_len) != table[i].taken)
            fail_msg("%s", table[i].text);
        const char *fault = tecton_secret_fault(table[i].text, strlen(table[i].text));
        if (table[i].taken)
            assert_null(fault);
        else
            assert_contains(fault, "type:GcpSecret;version_name:projects/PROJECT");
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_secret_is_fetched_with_the_machines_token, start, stop),
        cmocka_unit_test_setup_teardown(a_line_end_is_taken_off, start, stop),
        cmocka_unit_test_setup_teardown(what_the_servers_refuse_says_what_to_do, start, stop),
        cmocka_unit_test_setup_teardown(values_that_cannot_be_keys_are_refused_unseen, start, stop),
        cmocka_unit_test_setup_teardown(without_google_cloud_it_says_so, start, stop),
        cmocka_unit_test_setup_teardown(the_token_goes_to_https_or_this_machine_only, start, stop),
        cmocka_unit_test(only_whole_version_names_of_gcp_secrets_are_taken),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
