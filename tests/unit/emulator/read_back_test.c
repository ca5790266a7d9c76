#include "tests/emulator/read_back.h"

#include "tests/unit/emulator/sample_config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define PARAMS(ws, view, keys)                                                                                         \
    "{\"params\":{\"workspace_name\":\"" ws "\",\"feature_view_name\":\"" view "\",\"join_key_map\":" keys "}}"
#define METADATA(view)                                                                                                 \
    "\"metadata\":{\"features\":[{\"name\":\"" view ".card\",\"dataType\":{\"type\":\"string\"}},"                     \
    "{\"name\":\"" view ".n\",\"dataType\":{\"type\":\"int64\"}},"                                                     \
    "{\"name\":\"" view ".at\",\"dataType\":{\"type\":\"timestamp\"}}]"

static emu_config config;
static emu_state shared;
static emu_answer answer;

static void put(uint32_t view, const char *key, int64_t seconds, const char *row) {
    emu_store_write write = {.view = view,
                             .at = {.seconds = seconds},
                             .key = key,
                             .key_len = (uint32_t)strlen(key),
                             .row = row,
                             .row_len = (uint32_t)strlen(row)};
    assert_true(emu_store_write_all(shared.store, &write, 1));
}

static int open_state(void **state) {
    (void)state;
    sample_config_read(&config, NULL, NULL);
    emu_state_init(&shared, &config);
    return 0;
}

static int close_state(void **state) {
    (void)state;
    emu_answer_cleanup(&answer);
    emu_state_cleanup(&shared);
    emu_config_cleanup(&config);
    return 0;
}

static const char *read_features(const char *authorization, const char *body) {
    emu_answer_cleanup(&answer);
    emu_answer_init(&answer);
    emu_read_back_features(&shared, authorization, body, strlen(body), &answer);
    return buffer_text(&answer.body);
}

static void a_row_comes_back_by_its_join_keys(void **state) {
    (void)state;
    put(0, "\"c1\",", 0, "[\"c1\",\"7\",\"1970-01-01T00:00:00Z\"]");
    assert_string_equal(read_features("Tecton-key view", PARAMS("prod", "last_swipe", "{\"card\":\"c1\"}")),
                        "{\"result\":{\"features\":[\"c1\",\"7\",\"1970-01-01T00:00:00Z\"]}," METADATA(
                            "last_swipe") ",\"effective_time\":\"1970-01-01T00:00:00Z\"}}");
    assert_int_equal(answer.status, 200);
}

static void an_unknown_key_is_all_nulls(void **state) {
    (void)state;
    assert_string_equal(read_features("Tecton-key ed", PARAMS("prod", "last_swipe", "{\"card\":\"c1\"}")),
                        "{\"result\":{\"features\":[null,null,null]}," METADATA("last_swipe") "}}");
    assert_int_equal(answer.status, 200);
}

static void an_aggregate_view_tells_its_number_of_events(void **state) {
    (void)state;
    put(1, "\"c1\",\"7\",", 5, "[1,2,3]");
    put(1, "\"c1\",\"7\",", 6, "[4,5,6]");
    static const char *const spellings[] = {PARAMS("prod", "swipes_per_card", "{\"card\":\"c1\",\"n\":7}"),
                                            PARAMS("prod", "swipes_per_card", "{\"n\":\"7\",\"card\":\"c1\"}")};
    for (size_t i = 0; i < 2; i++) {
        const char *text = read_features("Tecton-key ed", spellings[i]);
        assert_non_null(strstr(text, "{\"features\":[4,5,6]}"));
        assert_non_null(strstr(text, ",\"effective_time\":\"1970-01-01T00:00:06Z\",\"num_events\":2}}"));
    }
}

static void a_row_older_than_the_ttl_is_not_served(void **state) {
    (void)state;
    put(2, "\"old\",", 1000, "[1,2,3]");
    put(2, "\"new\",", 32503680000, "[1,2,3]");
    assert_non_null(strstr(read_features("Tecton-key ed", PARAMS("prod", "fresh_swipe", "{\"card\":\"old\"}")),
                           "[null,null,null]"));
    assert_non_null(
        strstr(read_features("Tecton-key ed", PARAMS("prod", "fresh_swipe", "{\"card\":\"new\"}")), "[1,2,3]"));
}

static void wrong_requests_are_refused_in_order(void **state) {
    (void)state;
    static const struct {
        int status;
        const char *authorization;
        const char *body;
    } cases[] = {
        {401, NULL, "rubbish"},
        {401, "Tecton-key who", "rubbish"},
        {400, "Tecton-key ed", "rubbish"},
        {400, "Tecton-key ed", "[]"},
        {400, "Tecton-key ed", "{\"params\":1}"},
        {400, "Tecton-key ed", "{\"params\":{\"workspace_name\":\"prod\"}}"},
        {404, "Tecton-key none", PARAMS("nowhere", "last_swipe", "{\"card\":\"c\"}")},
        {403, "Tecton-key none", PARAMS("prod", "last_swipe", "{\"card\":\"c\"}")},
        {404, "Tecton-key ed", PARAMS("prod", "last_dev", "{\"card\":\"c\"}")},
        {400, "Tecton-key ed", PARAMS("prod", "last_swipe", "{}")},
        {400, "Tecton-key ed", PARAMS("prod", "last_swipe", "[\"c\"]")},
        {400, "Tecton-key ed", PARAMS("prod", "last_swipe", "{\"n\":\"c\"}")},
        {400, "Tecton-key ed", PARAMS("prod", "last_swipe", "{\"card\":null}")},
        {400, "Tecton-key ed", PARAMS("prod", "last_swipe", "{\"card\":1}")},
        {400, "Tecton-key ed", PARAMS("prod", "last_swipe", "{\"card\":\"c\",\"n\":1}")},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const char *text = read_features(cases[i].authorization, cases[i].body);
        if (answer.status != cases[i].status)
            fail_msg("case %zu: %d %s", i, answer.status, text);
        assert_memory_equal(text, "{\"error\":\"", 10);
        assert_non_null(strstr(text, ",\"message\":\""));
    }
}

static void a_workspace_tells_whether_it_is_live(void **state) {
    (void)state;
    static const struct {
        int status;
        const char *authorization;
        const char *name;
        const char *words;
    } cases[] = {
        {200, "Tecton-key view", "prod",
         "{\"workspace\":{\"name\":\"prod\",\"capabilities\":{\"materializable\":true}}}"},
        {200, "Tecton-key ed", "dev", "{\"workspace\":{\"name\":\"dev\",\"capabilities\":{\"materializable\":false}}}"},
        {401, NULL, "prod", "\"code\":16"},
        {403, "Tecton-key view", "dev", "\"code\":7"},
        {404, "Tecton-key ed", "", "\"code\":5"},
        {404, "Tecton-key ed", "prod/x", "\"code\":5"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        emu_answer_cleanup(&answer);
        emu_answer_init(&answer);
        emu_read_back_workspace(&shared, cases[i].authorization, cases[i].name, &answer);
        assert_int_equal(answer.status, cases[i].status);
        assert_non_null(strstr(buffer_text(&answer.body), cases[i].words));
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_row_comes_back_by_its_join_keys, open_state, close_state),
        cmocka_unit_test_setup_teardown(an_unknown_key_is_all_nulls, open_state, close_state),
        cmocka_unit_test_setup_teardown(an_aggregate_view_tells_its_number_of_events, open_state, close_state),
        cmocka_unit_test_setup_teardown(a_row_older_than_the_ttl_is_not_served, open_state, close_state),
        cmocka_unit_test_setup_teardown(wrong_requests_are_refused_in_order, open_state, close_state),
        cmocka_unit_test_setup_teardown(a_workspace_tells_whether_it_is_live, open_state, close_state),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
