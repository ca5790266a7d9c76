#include "worker/stores/tecton/ingest_response.h"

#include "tests/support/check.h"

#include <stdlib.h>

static const tecton_ingest_context context = {.url = "https://preview.acme.tecton.ai/ingest",
                                              .workspace_name = "prod",
                                              .stream_source_name = "payments",
                                              .key = "s3cret-key"};

static tecton_store_judgement judgement;
static char text[TECTON_VERDICT_TEXT_BYTES];

static tecton_verdict classify_bytes(int status, const void *body, size_t body_len, bool cut) {
    tecton_store_answer answer = {.status = status, .body = body, .body_len = body_len, .body_cut = cut};
    tecton_ingest_classify(&context, &answer, &judgement);
    memcpy(text, judgement.text, sizeof text);
    return judgement.verdict;
}

static tecton_verdict classify(int status, const char *body) {
    return classify_bytes(status, body, strlen(body), false);
}

static const char *words_of(const char *body) {
    static char words[TECTON_SERVER_WORDS_BYTES + 1];
    tecton_store_answer answer = {.status = 400, .body = (const uint8_t *)body, .body_len = strlen(body)};
    tecton_server_words(&answer, context.key, words, sizeof words);
    return words;
}

static void a_json_object_with_2xx_is_stored(void **state) {
    (void)state;
    assert_int_equal(classify(200, "{\"workspaceName\":\"prod\",\"ingestMetrics\":{}}"), TECTON_VERDICT_STORED);
    assert_int_equal(classify(200, "{}"), TECTON_VERDICT_STORED);
    assert_int_equal(classify(202, " {\"unknown\":[1,2,{}]} \r\n"), TECTON_VERDICT_STORED);
}

static void anything_else_with_2xx_may_or_may_not_be_stored(void **state) {
    (void)state;
    static const char *const bodies[] = {"", "<html>Welcome to the hotel</html>", "[]", "null", "{\"cut\":", "{}x"};
    for (size_t i = 0; i < 6; i++) {
        assert_int_equal(classify(200, bodies[i]), TECTON_VERDICT_RETRYABLE);
        assert_contains(text, "HTTP 200 from https://preview.acme.tecton.ai/ingest");
        assert_contains(text, "may or may not be written");
        assert_contains(text, "endpoint_url");
    }
    assert_int_equal(classify(204, ""), TECTON_VERDICT_RETRYABLE);
    assert_int_equal(classify_bytes(200, "{}", 2, true), TECTON_VERDICT_RETRYABLE);
}

static void the_services_own_counts_are_read(void **state) {
    (void)state;
    assert_int_equal(classify(200, "{\"ingestMetrics\":{}}"), TECTON_VERDICT_STORED);
    assert_false(judgement.has_count);
    (void)classify(200,
                   "{\"ingestMetrics\":{\"featureViewIngestMetrics\":["
                   "{\"featureViewName\":\"a\",\"onlineRecordIngestCount\":\"7\"},"
                   "{\"featureViewName\":\"b\",\"offlineRecordIngestCount\":10,\"onlineRecordIngestCount\":\"x\"}]}}");
    assert_true(judgement.has_count);
    assert_int_equal(judgement.count, 10);
}

static void record_errors_are_told_apart_and_counted(void **state) {
    (void)state;
    assert_int_equal(classify(400, "{\"recordErrors\":[{\"featureViewName\":\"a\",\"errorMessage\":\"x\"},"
                                   "{\"featureViewName\":\"b\",\"errorMessage\":\"x\"},"
                                   "{\"featureViewName\":\"a\",\"errorMessage\":\"y\"}]}"),
                     TECTON_VERDICT_RECORD_ERROR);
    assert_int_equal(judgement.num_bad, 2); /* as view a has it */
    assert_int_equal(classify(400, "{\"recordErrors\":[{\"errorMessage\":\"x\"}]}"), TECTON_VERDICT_RECORD_ERROR);
    assert_int_equal(judgement.num_bad, 1);
    assert_int_equal(classify(400, "{\"recordErrors\":[]}"), TECTON_VERDICT_REQUEST_ERROR);
    assert_int_equal(classify(400, "{\"requestError\":{\"errorMessage\":\"x\"}}"), TECTON_VERDICT_REQUEST_ERROR);
    assert_int_equal(judgement.num_bad, 0);
}

static void each_status_has_its_verdict(void **state) {
    (void)state;
    static const struct {
        int status;
        tecton_verdict verdict;
    } table[] = {
        {400, TECTON_VERDICT_REQUEST_ERROR}, {413, TECTON_VERDICT_TOO_LARGE}, {422, TECTON_VERDICT_REQUEST_ERROR},
        {401, TECTON_VERDICT_UNAUTHORIZED},  {403, TECTON_VERDICT_FATAL},     {404, TECTON_VERDICT_NOT_FOUND},
        {408, TECTON_VERDICT_RETRYABLE},     {425, TECTON_VERDICT_RETRYABLE}, {429, TECTON_VERDICT_THROTTLED},
        {500, TECTON_VERDICT_RETRYABLE},     {502, TECTON_VERDICT_RETRYABLE}, {503, TECTON_VERDICT_RETRYABLE},
        {504, TECTON_VERDICT_RETRYABLE},     {599, TECTON_VERDICT_RETRYABLE}, {301, TECTON_VERDICT_OTHER},
        {307, TECTON_VERDICT_OTHER},         {405, TECTON_VERDICT_OTHER},     {407, TECTON_VERDICT_OTHER},
        {415, TECTON_VERDICT_OTHER},         {418, TECTON_VERDICT_OTHER},     {600, TECTON_VERDICT_OTHER},
        {999, TECTON_VERDICT_OTHER},
    };
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        if (classify(table[i].status, "{}") != table[i].verdict)
            fail_msg("status %d is judged wrongly", table[i].status);
        char status[32];
        (void)snprintf(status, sizeof status, "HTTP %d from https://", table[i].status);
        assert_contains(text, status);
    }
}

static void the_setting_at_fault_is_named(void **state) {
    (void)state;
    (void)classify(401, "{\"message\":\"invalid key\"}");
    assert_contains(text, "\"invalid key\"");
    assert_contains(text, "Setting at fault: api_key");
    (void)classify(403, "{}");
    assert_contains(text, "role Editor");
    assert_contains(text, "workspace_name \"prod\"");
    (void)classify(404, "{}");
    assert_contains(text, "workspace_name \"prod\"");
    assert_contains(text, "stream_source_name \"payments\"");
    (void)classify(400, "{}");
    assert_contains(text, "\"payments\"");
    assert_contains(text, "schema");
    (void)classify(413, "{}");
    assert_contains(text, "batch_size");
    (void)classify(429, "{}");
    assert_contains(text, "max_in_flight");
    (void)classify(407, "{}");
    assert_contains(text, "proxy");
    (void)classify(302, "{}");
    assert_contains(text, "endpoint_url");
    (void)classify(503, "{}");
    assert_contains(text, "max_retries");
}

static void words_are_found_in_tectons_order(void **state) {
    (void)state;
    assert_string_equal(words_of("{\"requestError\":{\"errorMessage\":\"one\"},\"recordErrors\":[{\"errorMessage\":"
                                 "\"two\"}],\"message\":\"three\",\"error\":\"four\"}"),
                        "one");
    assert_string_equal(words_of("{\"recordErrors\":[{\"errorMessage\":\"two\"}],\"message\":\"three\"}"), "two");
    assert_string_equal(words_of("{\"message\":\"three\",\"error\":\"four\",\"code\":5}"), "three");
    assert_string_equal(words_of("{\"error\":\"four\"}"), "four");
    assert_string_equal(words_of("{\"requestError\":{\"errorMessage\":\"\"},\"error\":\"four\"}"), "four");
    assert_string_equal(words_of("{\"other\":1}"), "{\"other\":1}");
    assert_string_equal(words_of("<html>\r\n busy\t\n</html>\n"), "<html>   busy  </html>");
    assert_string_equal(words_of(""), "");
}

static void record_errors_are_named_once_and_not_all(void **state) {
    (void)state;
    assert_string_equal(
        words_of("{\"recordErrors\":[{\"errorMessage\":\"bad time\"},{\"errorMessage\":\"bad time\"},"
                 "{\"errorMessage\":\"no key\"},{\"featureViewName\":\"v\"},{\"errorMessage\":\"third\"},"
                 "{\"errorMessage\":\"fourth\"}]}"),
        "bad time; no key; third");
    assert_string_equal(words_of("{\"recordErrors\":[],\"message\":\"m\"}"), "m");
    assert_string_equal(words_of("{\"recordErrors\":\"odd\",\"message\":\"m\"}"), "m");
    assert_string_equal(words_of("{\"recordErrors\":[1,null,{}],\"message\":\"m\"}"), "m");
}

static void the_key_never_shows_even_when_the_server_echoes_it(void **state) {
    (void)state;
    assert_string_equal(words_of("{\"message\":\"key s3cret-key is not valid: s3cret-key\"}"),
                        "key *** is not valid: ***");
    assert_string_equal(words_of("key s3cret-key!"), "key ***!");
    assert_string_equal(words_of("{\"message\":\"s3cret\\u002dkey\"}"), "***"); /* escaped in the JSON */
    char body[2000];
    for (size_t before = TECTON_SERVER_WORDS_BYTES - 12; before < TECTON_SERVER_WORDS_BYTES + 2; before++) {
        memset(body, 'x', before);
        (void)snprintf(body + before, sizeof body - before, "s3cret-key and more");
        assert_lacks(words_of(body), "s3");
    }
}

static void words_are_clean_whole_characters(void **state) {
    (void)state;
    assert_string_equal(words_of("a\x01"
                                 "b\x7f"
                                 "c\xff"
                                 "d\xc3(e\xed\xa0\x80"),
                        "a.b.c.d.(e...");
    assert_string_equal(words_of("{\"message\":\"d\xc3\xa9j\xc3\xa0 vu\"}"), "d\xc3\xa9j\xc3\xa0 vu");
    char body[TECTON_SERVER_WORDS_BYTES + 10];
    memset(body, 'x', TECTON_SERVER_WORDS_BYTES - 1);
    memcpy(body + TECTON_SERVER_WORDS_BYTES - 1, "\xc3\xa9z", 4);
    assert_int_equal(strlen(words_of(body)), TECTON_SERVER_WORDS_BYTES - 1); /* no half character */
}

static void bytes_of_any_kind_never_harm(void **state) {
    (void)state;
    uint64_t random = 7;
    for (int round = 0; round < 3000; round++) {
        char body[300];
        size_t len = (size_t)(random >> 40) % sizeof body;
        for (size_t i = 0; i < len; i++) {
            random = random * 6364136223846793005ULL + 1442695040888963407ULL;
            static const char letters[] = "{}[]\":,\\u0012\"errorMessage\"recordErrors\xc3\xff\x00 truenull";
            body[i] = letters[(random >> 33) % (sizeof letters - 1)];
        }
        random = random * 6364136223846793005ULL + 1442695040888963407ULL;
        (void)classify_bytes(400, body, len, false);
        (void)classify_bytes(200, body, len, false);
        assert_true(strlen(text) < sizeof text);
    }
}

static void a_json_bomb_is_only_bytes(void **state) {
    (void)state;
    enum { DEPTH = 60000 };
    char *body = malloc(DEPTH);
    assert_non_null(body);
    memset(body, '[', DEPTH);
    assert_int_equal(classify_bytes(400, body, DEPTH, false), TECTON_VERDICT_REQUEST_ERROR);
    assert_contains(text, "[[[[");
    free(body);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_json_object_with_2xx_is_stored),
        cmocka_unit_test(anything_else_with_2xx_may_or_may_not_be_stored),
        cmocka_unit_test(each_status_has_its_verdict),
        cmocka_unit_test(the_services_own_counts_are_read),
        cmocka_unit_test(record_errors_are_told_apart_and_counted),
        cmocka_unit_test(the_setting_at_fault_is_named),
        cmocka_unit_test(words_are_found_in_tectons_order),
        cmocka_unit_test(record_errors_are_named_once_and_not_all),
        cmocka_unit_test(the_key_never_shows_even_when_the_server_echoes_it),
        cmocka_unit_test(words_are_clean_whole_characters),
        cmocka_unit_test(bytes_of_any_kind_never_harm),
        cmocka_unit_test(a_json_bomb_is_only_bytes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
