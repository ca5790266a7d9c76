#include "tests/emulator/emulator_config.h"

#include "tests/unit/emulator/sample_config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void the_sample_is_read(void **state) {
    (void)state;
    emu_config config;
    sample_config_read(&config, NULL, NULL);
    assert_int_equal(config.num_workspaces, 2);
    assert_true(config.workspaces[0].live);
    assert_false(config.workspaces[1].live);
    const emu_workspace *prod = emu_config_workspace(&config, "prod", 4);
    const emu_workspace *dev = emu_config_workspace(&config, "dev", 3);
    assert_null(emu_config_workspace(&config, "production", 4 + 2));
    const emu_stream_source *swipes = emu_config_source(&config, prod, "swipes", 6);
    assert_int_equal(swipes->num_columns, 3);
    assert_int_equal(swipes->timestamp_column, 2);
    assert_int_equal(swipes->num_views, 3);
    assert_null(emu_config_source(&config, dev, "swipes", 6));
    const emu_feature_view *view = emu_config_view(&config, prod, "swipes_per_card", 15);
    assert_true(view->aggregate && view->online);
    assert_int_equal(view->num_join_columns, 2);
    assert_int_equal(view->join_columns[1], 1);
    assert_int_equal(view->ttl_seconds, EMU_NO_TTL);
    assert_int_equal(emu_config_view(&config, prod, "fresh_swipe", 11)->ttl_seconds, 60);
    assert_null(emu_config_view(&config, dev, "fresh_swipe", 11));
    emu_config_cleanup(&config);
}

static void roles_are_a_matter_of_key_and_workspace(void **state) {
    (void)state;
    emu_config config;
    sample_config_read(&config, NULL, NULL);
    const emu_api_key *editor = emu_config_authorize(&config, "Tecton-key ed");
    const emu_api_key *viewer = emu_config_authorize(&config, "Tecton-key view");
    assert_int_equal(emu_config_role(&config, editor, &config.workspaces[0]), EMU_ROLE_EDITOR);
    assert_int_equal(emu_config_role(&config, viewer, &config.workspaces[0]), EMU_ROLE_VIEWER);
    assert_int_equal(emu_config_role(&config, viewer, &config.workspaces[1]), EMU_ROLE_NONE);
    assert_null(emu_config_authorize(&config, "Tecton-key "));
    emu_config_cleanup(&config);
}

static void strictness_is_the_strictest_unless_set(void **state) {
    (void)state;
    emu_config config;
    sample_config_read(&config, ",\"strictness\":{\"max_rows\":1000}", "");
    assert_false(config.strictness.lenient_keys || config.strictness.partial_write || config.strictness.emit_zeros);
    assert_int_equal(config.strictness.max_body_bytes, 1048576);
    assert_int_equal(config.strictness.max_rows, 5000000);
    assert_int_equal(config.strictness.int64, EMU_INT64_NUMBER_OR_STRING);
    assert_false(config.body_sha256);
    emu_config_cleanup(&config);
    sample_config_read(&config, "{\"max_rows\":1000}",
                       "{\"lenient_keys\":true,\"partial_write\":true,\"emit_zeros\":true,\"max_body_bytes\":99,"
                       "\"max_rows\":7,\"int64\":\"string\"},\"observe\":{\"body_sha256\":true},"
                       "\"traffic\":{\"capacity\":{\"max_in_progress\":9}}");
    assert_int_equal(config.traffic.capacity.max_in_progress, 9);
    assert_true(config.strictness.lenient_keys && config.strictness.partial_write && config.strictness.emit_zeros);
    assert_int_equal(config.strictness.max_body_bytes, 99);
    assert_int_equal(config.strictness.max_rows, 7);
    assert_int_equal(config.strictness.int64, EMU_INT64_STRING);
    assert_true(config.body_sha256);
    emu_config_cleanup(&config);
}

static void a_wrong_config_is_refused_with_its_place(void **state) {
    (void)state;
    static const struct {
        const char *from;
        const char *to;
        const char *words;
    } cases[] = {
        {"{\"api_keys\"", "{,\"api_keys\"", "not JSON from byte"},
        {"\"strictness\"", "\"strict\"", "unknown name \"strict\""},
        {"\"api_keys\":{\"ed\"", "\"api_keys\":{},\"workspaces\":{\"ed\"", "\"workspaces\" occurs twice"},
        {"\"editor\",", "\"admin\",", "api_keys: entry 0: roles: expected viewer, editor or owner"},
        {"{\"prod\":\"editor\"", "{\"prdo\":\"editor\"", "api_keys: entry 0: roles: expected names that are in"},
        {"{\"live\":true}", "{\"live\":1}", "workspaces: prod: live: expected true or false"},
        {"{\"live\":true}", "{\"live\":true,\"live\":true}", "\"live\" occurs twice"},
        {"\"swipes\":{\"workspace\":\"prod\"", "\"swipes\":{\"workspace\":\"x\"", "stream_sources: swipes: workspace"},
        {"\"n\":\"Int64\"", "\"n\":\"int64\"", "stream_sources: swipes: schema: n: \"int64\" is no type"},
        {"\"n\":\"Int64\"", "\"n__x\":\"Int64\"", "single underscores"},
        {"\"n\":\"Int64\"", "\"n-x\":\"Int64\"", "single underscores"},
        {"\"n\":\"Int64\"", "\"card\":\"Int64\"", "\"card\" occurs twice"},
        {"\"n\":\"Int64\"", "\"n\":{\"list\":\"Int64\"}", "neither array, map nor struct"},
        {"\"n\":\"Int64\"", "\"n\":{\"struct\":{}}", "expected an object of 1 to"},
        {"\"n\":\"Int64\"", "\"n\":7", "expected a type's name"},
        {"\"timestamp\":\"at\"", "\"timestamp\":\"card\"", "\"card\" is no Timestamp column"},
        {"\"timestamp\":\"at\"", "\"timestamp\":\"\"", "timestamp: expected a text"},
        {"\"source\":\"swipes\"", "\"source\":\"swipes_dev\"", "feature_views: last_swipe: source: \"swipes_dev\""},
        {"[\"card\"]", "[]", "join_keys: expected an array"},
        {"[\"card\"]", "[\"cart\"]", "join_keys: expected columns of the source"},
        {"[\"card\"]", "[\"at\"]", "\"at\" is neither String nor an integer"},
        {"[\"card\"]", "[\"card\",\"card\"]", "occurs twice"},
        {"\"ttl_seconds\":60", "\"ttl_seconds\":0", "ttl_seconds: expected a whole number"},
        {"\"ttl_seconds\":60", "\"ttl\":60", "unknown name \"ttl\""},
        {"\"max_rows\":1000", "\"max_rows\":5000001", "strictness: max_rows"},
        {"\"max_rows\":1000", "\"max_body_bytes\":1.5", "strictness: max_body_bytes"},
        {"\"max_rows\":1000", "\"int64\":\"both\"", "strictness: int64"},
        {"\"max_rows\":1000}", "\"max_rows\":1000},\"observe\":{\"body\":true}", "observe: unknown name"},
        {"\"max_rows\":1000}", "\"max_rows\":1000},\"traffic\":{\"latency\":1}", "traffic: latency: expected"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char *json = sample_config_replace(cases[i].from, cases[i].to);
        emu_config config;
        beamc_error err = {""};
        if (emu_config_read(json, strlen(json), &config, &err) != BEAMC_INVALID)
            fail_msg("accepted with %s", cases[i].to);
        if (strstr(err.text, cases[i].words) == NULL)
            fail_msg("%s: got \"%s\", wanted \"%s\"", cases[i].to, err.text, cases[i].words);
        assert_null(config.workspaces);
        free(json);
    }
}

static void keys_appear_in_no_message(void **state) {
    (void)state;
    char *json = sample_config_replace("\"ed\":{\"roles\":{\"prod\":\"editor\"", "\"hush\":{\"roles\":{\"prod\":\"x\"");
    emu_config config;
    beamc_error err = {""};
    assert_int_equal(emu_config_read(json, strlen(json), &config, &err), BEAMC_INVALID);
    assert_null(strstr(err.text, "hush"));
    free(json);
}

static void the_configs_beside_the_sources_are_good(void **state) {
    (void)state;
    static const char *const paths[] = {"tests/emulator/configs/flights.json",
                                        "tests/emulator/configs/integration.json"};
    for (size_t i = 0; i < sizeof paths / sizeof paths[0]; i++) {
        emu_config config;
        beamc_error err = {""};
        if (emu_config_load(paths[i], &config, &err) != BEAMC_OK)
            fail_msg("%s", err.text);
        emu_config_cleanup(&config);
    }
    emu_config config;
    beamc_error err = {""};
    assert_int_equal(emu_config_load("tests/emulator/configs/none.json", &config, &err), BEAMC_UNAVAILABLE);
    assert_non_null(strstr(err.text, "none.json"));
}

static void types_are_described_as_the_read_api_does(void **state) {
    (void)state;
    emu_config config;
    sample_config_read(&config, "\"n\":\"Int64\"",
                       "\"n\":\"Int32\",\"t\":{\"array\":{\"map\":{\"struct\":{\"x\":\"Bool\",\"y\":\"Float32\"}}}}");
    beamc_byte_buffer out;
    beamc_byte_buffer_init(&out, 4096);
    emu_type_describe(&out, &config.sources[0].columns[1].type);
    emu_type_describe(&out, &config.sources[0].columns[2].type);
    assert_string_equal(buffer_text(&out),
                        "{\"type\":\"int64\"}{\"type\":\"array\",\"elementType\":{\"type\":\"map\","
                        "\"keyType\":{\"type\":\"string\"},\"valueType\":{\"type\":\"struct\",\"fields\":["
                        "{\"name\":\"x\",\"dataType\":{\"type\":\"boolean\"}},"
                        "{\"name\":\"y\",\"dataType\":{\"type\":\"float32\"}}]}}}");
    beamc_byte_buffer_cleanup(&out);
    emu_config_cleanup(&config);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_sample_is_read),
        cmocka_unit_test(roles_are_a_matter_of_key_and_workspace),
        cmocka_unit_test(strictness_is_the_strictest_unless_set),
        cmocka_unit_test(a_wrong_config_is_refused_with_its_place),
        cmocka_unit_test(keys_appear_in_no_message),
        cmocka_unit_test(the_configs_beside_the_sources_are_good),
        cmocka_unit_test(types_are_described_as_the_read_api_does),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
