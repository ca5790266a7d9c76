#include "worker/stores/tecton/ingest_request.h"

#include "tests/support/check.h"

#include <cjson/cJSON.h>
#include <stdlib.h>

static char key_text[] = "k-123";
static const tecton_secret key = {.value = key_text, .len = 5};

static tecton_sink_config config_for(const char *endpoint_url) {
    tecton_sink_config config = {0};
    config.endpoint_url = (char *)(uintptr_t)endpoint_url;
    config.tecton_instance = (char *)(uintptr_t) "acme.tecton.ai";
    config.workspace_name = (char *)(uintptr_t) "prod";
    config.stream_source_name = (char *)(uintptr_t) "payments";
    return config;
}

/* The body of a request with two records. */
static const char *body_of(const tecton_ingest_request *request) {
    static char body[2048];
    tecton_batch_limits limits = {.max_records = 10, .max_body_bytes = sizeof body - 1};
    tecton_record_batch batch;
    tecton_record_batch_init(&batch, &request->frames[0], &limits);
    assert_int_equal(tecton_record_batch_add(&batch, (const uint8_t *)"{\"a\":1}", 7, 0), TECTON_BATCH_ADDED);
    assert_int_equal(tecton_record_batch_add(&batch, (const uint8_t *)"{\"a\":2}", 7, 0), TECTON_BATCH_ADDED);
    tecton_record_batch_close(&batch);
    memcpy(body, batch.body.data, batch.body.len);
    body[batch.body.len] = '\0';
    tecton_record_batch_cleanup(&batch);
    return body;
}

static void check(const tecton_sink_config *config, const char *url, const char *body) {
    tecton_ingest_request request;
    beamc_error err = {{0}};
    if (tecton_ingest_request_init(&request, config, &key, &err) != BEAMC_OK)
        fail_msg("%s", err.text);
    assert_string_equal(request.url, url);
    assert_string_equal(body_of(&request), body);
    tecton_ingest_request_cleanup(&request);
}

static void ingest_has_snake_case_keys(void **state) {
    (void)state;
    tecton_sink_config config = config_for(NULL);
    check(&config, "https://preview.acme.tecton.ai/ingest",
          "{\"workspace_name\":\"prod\",\"dry_run\":false,\"records\":{\"payments\":[{\"record\":{\"a\":1}},"
          "{\"record\":{\"a\":2}}]}}");
    config.dry_run = true;
    check(&config, "https://preview.acme.tecton.ai/ingest",
          "{\"workspace_name\":\"prod\",\"dry_run\":true,\"records\":{\"payments\":[{\"record\":{\"a\":1}},"
          "{\"record\":{\"a\":2}}]}}");
}

static void v2_ingest_has_camel_case_keys(void **state) {
    (void)state;
    static const char *const urls[] = {"https://x.example/v2/ingest", "https://x.example/some/v2/ingest?a=b",
                                       "https://x.example/v2/ingest#f"};
    for (size_t i = 0; i < 3; i++) {
        tecton_sink_config config = config_for(urls[i]);
        check(&config, urls[i],
              "{\"workspaceName\":\"prod\",\"dryRun\":false,\"records\":{\"payments\":[{\"record\":{\"a\":1}},"
              "{\"record\":{\"a\":2}}]}}");
    }
    static const char *const not_v2[] = {"https://x.example/v2/ingest/", "https://x.example/ingest?p=/v2/ingest",
                                         "https://x.example/xv2/ingest"};
    for (size_t i = 0; i < 3; i++) {
        tecton_sink_config config = config_for(not_v2[i]);
        tecton_ingest_request request;
        assert_int_equal(tecton_ingest_request_init(&request, &config, &key, NULL), BEAMC_OK);
        assert_contains(request.heads[0], "workspace_name");
        tecton_ingest_request_cleanup(&request);
    }
}

static void names_are_escaped(void **state) {
    (void)state;
    tecton_sink_config config = config_for(NULL);
    config.workspace_name = (char *)(uintptr_t) "a\"b";
    config.stream_source_name = (char *)(uintptr_t) "caf\xc3\xa9\\";
    tecton_ingest_request request;
    assert_int_equal(tecton_ingest_request_init(&request, &config, &key, NULL), BEAMC_OK);
    cJSON *body = cJSON_Parse(body_of(&request));
    assert_non_null(body);
    assert_string_equal(cJSON_GetObjectItem(body, "workspace_name")->valuestring, "a\"b");
    assert_string_equal(cJSON_GetObjectItem(body, "records")->child->string, "caf\xc3\xa9\\");
    cJSON_Delete(body);
    tecton_ingest_request_cleanup(&request);
}

static void a_name_that_is_not_utf8_is_refused(void **state) {
    (void)state;
    tecton_sink_config config = config_for(NULL);
    config.stream_source_name = (char *)(uintptr_t) "caf\xe9";
    tecton_ingest_request request;
    beamc_error err = {{0}};
    assert_int_equal(tecton_ingest_request_init(&request, &config, &key, &err), BEAMC_INVALID);
    assert_contains(err.text, "stream_source_name is not valid UTF-8");
    tecton_ingest_request_cleanup(&request);
}

static void the_key_is_in_one_header_and_wiped(void **state) {
    (void)state;
    tecton_sink_config config = config_for(NULL);
    tecton_ingest_request request;
    assert_int_equal(tecton_ingest_request_init(&request, &config, &key, NULL), BEAMC_OK);
    assert_string_equal(request.headers[0], "Authorization: Tecton-key k-123");
    assert_string_equal(request.headers[1], "Content-Type: application/json");
    for (size_t i = 1; i < request.num_headers; i++)
        assert_lacks(request.headers[i], "k-123");
    assert_lacks(request.heads[0], "k-123");
    tecton_ingest_request_cleanup(&request);
    assert_null(request.headers[0]);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ingest_has_snake_case_keys),
        cmocka_unit_test(v2_ingest_has_camel_case_keys),
        cmocka_unit_test(names_are_escaped),
        cmocka_unit_test(a_name_that_is_not_utf8_is_refused),
        cmocka_unit_test(the_key_is_in_one_header_and_wiped),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
