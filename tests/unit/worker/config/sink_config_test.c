#include "worker/config/sink_config.h"

#include "tests/support/check.h"
#include "tests/support/test_rows.h"

#include <math.h>
#include <stdlib.h>

enum { MAX_GIVEN = 16 };

/* A configuration row that grows field by field. */
typedef struct {
    beamc_field fields[MAX_GIVEN];
    beamc_value values[MAX_GIVEN];
    size_t num_fields;
} given_row;

static void give(given_row *row, const char *name, beamc_value value) {
    assert_true(row->num_fields < MAX_GIVEN);
    row->fields[row->num_fields] = (beamc_field){.name = name};
    row->values[row->num_fields++] = value;
}

static given_row required(void) {
    given_row row = {.num_fields = 0};
    give(&row, "tecton_instance", text_value("acme.tecton.ai"));
    give(&row, "api_key", text_value("s3cret-key"));
    give(&row, "workspace_name", text_value("prod"));
    give(&row, "stream_source_name", text_value("payments"));
    return row;
}

static beamc_status parse(const given_row *row, tecton_sink_config *config, beamc_error *err) {
    beamc_schema schema = {.id = "", .num_fields = row->num_fields, .fields = row->fields};
    return tecton_sink_config_parse(&schema, row->values, config, err);
}

static tecton_sink_config must_parse(const given_row *row) {
    tecton_sink_config config;
    beamc_error err = {{0}};
    if (parse(row, &config, &err) != BEAMC_OK)
        fail_msg("%s", err.text);
    return config;
}

/* The required options and one more are refused; the message has all of `words`, up to a NULL. */
static void check_refused(const char *name, beamc_value value, const char *const *words) {
    given_row row = required();
    for (size_t i = 0; i < row.num_fields; i++) {
        if (strcmp(row.fields[i].name, name) == 0) {
            row.values[i] = value;
            name = NULL;
            break;
        }
    }
    if (name != NULL)
        give(&row, name, value);
    tecton_sink_config config;
    beamc_error err = {{0}};
    assert_int_equal(parse(&row, &config, &err), BEAMC_INVALID);
    for (; *words != NULL; words++)
        assert_contains(err.text, *words);
    assert_lacks(err.text, "s3cret");
    tecton_sink_config_cleanup(&config);
}

#define WORDS(...) ((const char *const[]){__VA_ARGS__, NULL})

static void what_is_not_given_has_its_default(void **state) {
    (void)state;
    given_row row = required();
    give(&row, "timeout", null_value());
    tecton_sink_config config = must_parse(&row);
    assert_string_equal(config.tecton_instance, "acme.tecton.ai");
    assert_string_equal(config.api_key, "s3cret-key");
    assert_int_equal(config.batch_size, 10);
    assert_int_equal(config.max_retries, 3);
    assert_true(config.timeout == 30.0);
    assert_null(config.endpoint_url);
    assert_false(config.dry_run);
    assert_int_equal(config.linger_ms, 10);
    assert_int_equal(config.max_in_flight, 200);
    assert_int_equal(config.max_retry_seconds, 300);
    assert_int_equal(config.int64_encoding, TECTON_INT64_AUTO);
    assert_int_equal(config.non_finite, TECTON_NON_FINITE_REJECT);
    assert_int_equal(config.bytes_encoding, TECTON_BYTES_BASE64);
    assert_int_equal(config.unknown_logical_types, TECTON_UNKNOWN_REFUSE);
    assert_null(config.ca_file);
    assert_string_equal(config.proxy, "env");
    assert_false(config.allow_insecure);
    assert_int_equal(config.environment_type, TECTON_ENVIRONMENT_DEFAULT);
    tecton_sink_config_cleanup(&config);
}

static void names_are_taken_as_go_and_yaml_spell_them(void **state) {
    (void)state;
    given_row row = {.num_fields = 0};
    give(&row, "TectonInstance", text_value("acme.tecton.ai"));
    give(&row, "ApiKey", text_value("s3cret-key"));
    give(&row, "WorkspaceName", text_value("prod"));
    give(&row, "STREAM_SOURCE_NAME", text_value("payments"));
    give(&row, "BatchSize", integer_value(7));
    give(&row, "Timeout", float_value(2.5F));
    give(&row, "DryRun", boolean_value(true));
    give(&row, "NonFinite", text_value("NULL"));
    give(&row, "EnvironmentType", text_value("process"));
    tecton_sink_config config = must_parse(&row);
    assert_int_equal(config.batch_size, 7);
    assert_true(config.timeout == 2.5);
    assert_true(config.dry_run);
    assert_int_equal(config.non_finite, TECTON_NON_FINITE_NULL);
    assert_int_equal(config.environment_type, TECTON_ENVIRONMENT_PROCESS);
    tecton_sink_config_cleanup(&config);
}

static void a_whole_timeout_is_a_number_too(void **state) {
    (void)state;
    given_row row = required();
    give(&row, "timeout", integer_value(5));
    tecton_sink_config config = must_parse(&row);
    assert_true(config.timeout == 5.0);
    tecton_sink_config_cleanup(&config);
}

static void an_unknown_option_names_the_nearest(void **state) {
    (void)state;
    check_refused("batch_sise", integer_value(10), WORDS("'batch_sise'", "did you mean batch_size", "batch_size=10"));
    check_refused("StreamSource", text_value("x"), WORDS("'StreamSource'", "stream_source_name"));
    check_refused("colour", text_value("x"), WORDS("'colour'", "the options are tecton_instance, api_key"));
    check_refused("colour", null_value(), WORDS("'colour'")); /* null does not hide a wrong name */
}

static void the_same_option_twice_is_refused(void **state) {
    (void)state;
    given_row row = required();
    give(&row, "batch_size", integer_value(3));
    give(&row, "BatchSize", integer_value(3));
    tecton_sink_config config;
    beamc_error err = {{0}};
    assert_int_equal(parse(&row, &config, &err), BEAMC_INVALID);
    assert_contains(err.text, "option batch_size is given twice");
    tecton_sink_config_cleanup(&config);
}

static void a_missing_option_says_what_it_is_for(void **state) {
    (void)state;
    static const char *const names[] = {"tecton_instance", "api_key", "workspace_name", "stream_source_name"};
    for (size_t i = 0; i < 4; i++) {
        check_refused(names[i], null_value(), WORDS("option", names[i], "is missing", "Write for example"));
        check_refused(names[i], text_value(""), WORDS(names[i], "empty"));
        check_refused(names[i], text_value("  "), WORDS(names[i]));
        check_refused(names[i], integer_value(3), WORDS(names[i], "not text"));
    }
}

static void values_out_of_range_say_what_is_accepted(void **state) {
    (void)state;
    check_refused("batch_size", integer_value(0), WORDS("batch_size is 0", "from 1 to 10 (records)", "batch_size=10"));
    check_refused("batch_size", integer_value(11), WORDS("batch_size is 11", "from 1 to 10"));
    check_refused("batch_size", integer_value(INT64_MIN), WORDS("batch_size is -9223372036854775808"));
    check_refused("max_retries", integer_value(-1), WORDS("max_retries is -1", "from 0 to 100"));
    check_refused("max_retries", integer_value(101), WORDS("max_retries is 101"));
    check_refused("timeout", double_value(0), WORDS("timeout is 0", "above 0 and up to 3600 (s)", "timeout=30.0"));
    check_refused("timeout", double_value(-1), WORDS("timeout is -1"));
    check_refused("timeout", double_value(NAN), WORDS("timeout is", "nan", "above 0"));
    check_refused("timeout", double_value(INFINITY), WORDS("timeout is inf"));
    check_refused("timeout", double_value(3600.5), WORDS("timeout is 3600.5"));
    check_refused("linger_ms", integer_value(60001), WORDS("linger_ms is 60001", "from 0 to 60000 (ms)"));
    check_refused("max_in_flight", integer_value(0), WORDS("max_in_flight is 0", "from 1 to 1000"));
    check_refused("max_in_flight", integer_value(1001), WORDS("max_in_flight is 1001"));
    check_refused("max_retry_seconds", integer_value(0), WORDS("max_retry_seconds is 0", "from 1 to 86400"));
    check_refused("int64_encoding", text_value("hex"), WORDS("\"hex\"", "auto, number, string"));
    check_refused("non_finite", text_value(""), WORDS("reject, null, string"));
    check_refused("bytes_encoding", text_value("hex"), WORDS("base64, reject"));
    check_refused("unknown_logical_types", text_value("drop"), WORDS("refuse, representation"));
    check_refused("environment_type", text_value("LOOPBACK"), WORDS("DOCKER, PROCESS, EXTERNAL"));
}

static void the_ends_of_each_range_are_accepted(void **state) {
    (void)state;
    static const struct {
        const char *name;
        int64_t value;
    } ends[] = {{"batch_size", 1},        {"batch_size", 10},           {"max_retries", 0},   {"max_retries", 100},
                {"linger_ms", 0},         {"linger_ms", 60000},         {"max_in_flight", 1}, {"max_in_flight", 1000},
                {"max_retry_seconds", 1}, {"max_retry_seconds", 86400}, {"timeout", 3600}};
    for (size_t i = 0; i < sizeof ends / sizeof ends[0]; i++) {
        given_row row = required();
        give(&row, ends[i].name, integer_value(ends[i].value));
        tecton_sink_config config = must_parse(&row);
        tecton_sink_config_cleanup(&config);
    }
    given_row row = required();
    give(&row, "timeout", double_value(0.001));
    tecton_sink_config config = must_parse(&row);
    tecton_sink_config_cleanup(&config);
}

static void values_of_a_wrong_type_are_refused(void **state) {
    (void)state;
    check_refused("batch_size", text_value("10"), WORDS("batch_size is \"10\"", "not a whole number"));
    check_refused("batch_size", double_value(2.5), WORDS("batch_size is 2.5", "not a whole number"));
    check_refused("timeout", boolean_value(true), WORDS("timeout is true", "not a number"));
    check_refused("dry_run", integer_value(1), WORDS("dry_run is 1", "neither true nor false"));
    check_refused("proxy", items_value(BEAMC_VALUE_ARRAY, NULL, 0), WORDS("proxy is a list", "not text"));
    check_refused("endpoint_url", bytes_value("x", 1), WORDS("endpoint_url is bytes"));
    check_refused("endpoint_url", items_value(BEAMC_VALUE_ROW, NULL, 0), WORDS("endpoint_url is a row"));
    check_refused("api_key", integer_value(12345), WORDS("api_key is *** (not shown)"));
}

static void an_instance_is_a_host_name_only(void **state) {
    (void)state;
    check_refused("tecton_instance", text_value("https://acme.tecton.ai"),
                  WORDS("\"https://acme.tecton.ai\"", "scheme", "tecton_instance=\"acme.tecton.ai\""));
    check_refused("tecton_instance", text_value("acme.tecton.ai/ingest"), WORDS("path"));
    check_refused("tecton_instance", text_value("acme tecton"), WORDS("space"));
    check_refused("tecton_instance", text_value("acme.tecton.ai:x"), WORDS("port"));
}

static void a_key_that_cannot_be_a_header_is_refused_unseen(void **state) {
    (void)state;
    check_refused("api_key", text_value("s3cret\r\nX-Evil: 1"), WORDS("api_key is *** (not shown)", "control"));
    check_refused("api_key", text_value("s3cret key"), WORDS("space"));
    check_refused("api_key", text_value("env:"), WORDS("env:NAME"));
    check_refused("workspace_name", text_value("a\nb"), WORDS("\"a b\"", "control"));
}

static void text_that_is_not_utf8_is_refused(void **state) {
    (void)state;
    check_refused("workspace_name", text_value("caf\xe9"), WORDS("\"caf.\"", "not valid UTF-8"));
}

static void long_values_are_cut_in_messages(void **state) {
    (void)state;
    char text[5000];
    memset(text, 'a', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    check_refused("workspace_name", text_value(text), WORDS("aaa\"...", "longer than 4096"));
}

static void a_proxys_password_is_not_shown(void **state) {
    (void)state;
    check_refused("proxy", text_value("socks9://user:s3cret@proxy"), WORDS("proxy is \"***\""));
}

static void endpoint_url_replaces_the_instance(void **state) {
    (void)state;
    given_row row = required();
    row.values[0] = null_value();
    give(&row, "endpoint_url", text_value("http://localhost:8080/ingest"));
    tecton_sink_config config = must_parse(&row);
    char *endpoint = tecton_sink_config_endpoint(&config);
    assert_string_equal(endpoint, "http://localhost:8080/ingest");
    free(endpoint);
    tecton_sink_config_cleanup(&config);

    row = required();
    config = must_parse(&row);
    endpoint = tecton_sink_config_endpoint(&config);
    assert_string_equal(endpoint, "https://preview.acme.tecton.ai/ingest");
    free(endpoint);
    tecton_sink_config_cleanup(&config);

    check_refused("endpoint_url", text_value("http://acme.tecton.ai/ingest"), WORDS("allow_insecure"));
    row = required();
    give(&row, "endpoint_url", text_value("http://acme.tecton.ai/ingest"));
    give(&row, "allow_insecure", boolean_value(true));
    config = must_parse(&row);
    tecton_sink_config_cleanup(&config);
}

static void the_payload_brings_everything_the_worker_needs(void **state) {
    (void)state;
    given_row row = required();
    give(&row, "batch_size", integer_value(3));
    give(&row, "timeout", double_value(0.1));
    give(&row, "dry_run", boolean_value(true));
    give(&row, "endpoint_url", text_value("https://x.example/\"quoted\""));
    give(&row, "int64_encoding", text_value("string"));
    give(&row, "proxy", text_value("none"));
    give(&row, "max_retry_seconds", integer_value(86400));
    give(&row, "environment_type", text_value("EXTERNAL"));
    give(&row, "container_image", text_value("image:1"));
    tecton_sink_config config = must_parse(&row);
    beamc_byte_buffer payload;
    beamc_byte_buffer_init(&payload, TECTON_MAX_PAYLOAD_BYTES);
    assert_int_equal(tecton_sink_config_to_payload(&config, &payload, NULL), BEAMC_OK);
    tecton_sink_config_cleanup(&config);

    beamc_error err = {{0}};
    if (tecton_sink_config_from_payload(payload.data, payload.len, &config, &err) != BEAMC_OK)
        fail_msg("%s", err.text);
    assert_string_equal(config.tecton_instance, "acme.tecton.ai");
    assert_string_equal(config.api_key, "s3cret-key");
    assert_string_equal(config.endpoint_url, "https://x.example/\"quoted\"");
    assert_int_equal(config.batch_size, 3);
    assert_true(config.timeout == 0.1);
    assert_true(config.dry_run);
    assert_int_equal(config.int64_encoding, TECTON_INT64_STRING);
    assert_int_equal(config.max_retry_seconds, 86400);
    assert_string_equal(config.proxy, "none");
    assert_null(config.container_image); /* used up at expansion */
    assert_int_equal(config.environment_type, TECTON_ENVIRONMENT_DEFAULT);
    tecton_sink_config_cleanup(&config);
    beamc_byte_buffer_cleanup(&payload);
}

static void a_payload_that_is_none_is_refused(void **state) {
    (void)state;
    static const char *const payloads[] = {
        "",
        "null",
        "[]",
        "{",
        "{\"api_key\":\"s3cret\"}",
        "{\"batch_size\":11,\"api_key\":\"k\",\"workspace_name\":\"w\",\"stream_source_name\":\"s\",\"tecton_"
        "instance\":\"i\"}",
        "{\"batch_size\":1.5,\"api_key\":\"k\",\"workspace_name\":\"w\",\"stream_source_name\":\"s\",\"tecton_"
        "instance\":\"i\"}",
        "{\"nonsense\":1}",
        "{} trailing",
        "{\"api_key\":{}}",
    };
    for (size_t i = 0; i < sizeof payloads / sizeof payloads[0]; i++) {
        tecton_sink_config config;
        beamc_error err = {{0}};
        const uint8_t *bytes = (const uint8_t *)payloads[i];
        assert_int_equal(tecton_sink_config_from_payload(bytes, strlen(payloads[i]), &config, &err), BEAMC_INVALID);
        assert_true(err.text[0] != '\0');
        assert_lacks(err.text, "s3cret");
        tecton_sink_config_cleanup(&config);
    }
}

static void a_payload_past_the_ceiling_is_refused(void **state) {
    (void)state;
    given_row row = required();
    tecton_sink_config config = must_parse(&row);
    beamc_byte_buffer payload;
    beamc_byte_buffer_init(&payload, 20);
    assert_int_equal(tecton_sink_config_to_payload(&config, &payload, NULL), BEAMC_LIMIT);
    beamc_byte_buffer_cleanup(&payload);
    tecton_sink_config_cleanup(&config);
    assert_int_equal(tecton_sink_config_from_payload((const uint8_t *)"{", TECTON_MAX_PAYLOAD_BYTES + 1, &config, NULL),
                     BEAMC_LIMIT);
    tecton_sink_config_cleanup(&config);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_not_given_has_its_default),
        cmocka_unit_test(names_are_taken_as_go_and_yaml_spell_them),
        cmocka_unit_test(a_whole_timeout_is_a_number_too),
        cmocka_unit_test(an_unknown_option_names_the_nearest),
        cmocka_unit_test(the_same_option_twice_is_refused),
        cmocka_unit_test(a_missing_option_says_what_it_is_for),
        cmocka_unit_test(values_out_of_range_say_what_is_accepted),
        cmocka_unit_test(the_ends_of_each_range_are_accepted),
        cmocka_unit_test(values_of_a_wrong_type_are_refused),
        cmocka_unit_test(an_instance_is_a_host_name_only),
        cmocka_unit_test(a_key_that_cannot_be_a_header_is_refused_unseen),
        cmocka_unit_test(text_that_is_not_utf8_is_refused),
        cmocka_unit_test(long_values_are_cut_in_messages),
        cmocka_unit_test(a_proxys_password_is_not_shown),
        cmocka_unit_test(endpoint_url_replaces_the_instance),
        cmocka_unit_test(the_payload_brings_everything_the_worker_needs),
        cmocka_unit_test(a_payload_that_is_none_is_refused),
        cmocka_unit_test(a_payload_past_the_ceiling_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
