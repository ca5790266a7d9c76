#include "worker/sink_transform.h"

#include "tests/support/check.h"
#include "tests/support/test_rows.h"
#include "worker/config/sink_config.h"

#include <stdlib.h>

enum { MAX_GIVEN = 12 };

static const beamc_field input_fields[] = {FIELD("user_id", TYPE(STRING)), FIELD("amount", NULLABLE(DOUBLE))};
static const beamc_schema input_schema = SCHEMA(input_fields);

/* One use: its options, and what expansion made of it. */
typedef struct {
    beamc_field fields[MAX_GIVEN];
    beamc_value values[MAX_GIVEN];
    size_t num_fields;
    const beamc_schema *input;
    bool dataflow;
    beamc_expand_answer answer;
    beamc_error err;
} use;

static void give(use *self, const char *name, beamc_value value) {
    for (size_t i = 0; i < self->num_fields; i++) {
        if (strcmp(self->fields[i].name, name) == 0) {
            self->values[i] = value;
            return;
        }
    }
    self->fields[self->num_fields] = (beamc_field){.name = name};
    self->values[self->num_fields++] = value;
}

static use usual(void) {
    use self = {.input = &input_schema};
    give(&self, "tecton_instance", text_value("acme.tecton.ai"));
    give(&self, "api_key", text_value("env:TECTON_API_KEY"));
    give(&self, "workspace_name", text_value("prod"));
    give(&self, "stream_source_name", text_value("payments"));
    return self;
}

static beamc_status expand(use *self) {
    beamc_schema schema = {.id = "", .num_fields = self->num_fields, .fields = self->fields};
    beamc_expand_request request = {
        .config_schema = &schema, .config = self->values, .input_schema = self->input, .dataflow = self->dataflow};
    beamc_byte_buffer_init(&self->answer.dofn_payload, 1 << 20);
    beamc_external_transform transform = tecton_sink_transform();
    return transform.expand(transform.context, &request, &self->answer, &self->err);
}

static void must_expand(use *self) {
    if (expand(self) != BEAMC_OK)
        fail_msg("%s", self->err.text);
    beamc_byte_buffer_append_byte(&self->answer.dofn_payload, '\0'); /* so that tests may search it */
}

static void cleanup(use *self) {
    beamc_byte_buffer_cleanup(&self->answer.dofn_payload);
    for (size_t i = 0; i < self->answer.num_outputs; i++)
        free(self->answer.outputs[i].tag);
    for (size_t i = 0; i < self->answer.num_display; i++) {
        free(self->answer.display[i].key);
        free(self->answer.display[i].label);
        free(self->answer.display[i].value);
    }
    free(self->answer.environment_type);
    free(self->answer.environment_config);
    free(self->answer.container_image);
    free(self->answer.worker_command);
}

static void check_refused(use *self, const char *words, const char *more_words) {
    assert_int_equal(expand(self), BEAMC_INVALID);
    assert_contains(self->err.text, words);
    assert_contains(self->err.text, more_words);
    cleanup(self);
}

static void a_use_becomes_one_step_with_one_output(void **state) {
    (void)state;
    use self = usual();
    must_expand(&self);
    assert_string_equal(self.answer.step_name, "ParDo");
    assert_string_equal(self.answer.dofn_urn, "beam_tecton:dofn:stream_write:v1");
    assert_int_equal(self.answer.num_outputs, 1);
    assert_string_equal(self.answer.outputs[0].tag, "written");
    assert_int_equal(self.answer.outputs[0].num_fields, 6);
    assert_string_equal(self.answer.outputs[0].fields[0].name, "records");
    assert_int_equal(self.answer.outputs[0].fields[0].kind, BEAMC_TYPE_INT64);
    assert_null(self.answer.environment_type);
    assert_null(self.answer.container_image);
    tecton_sink_config config;
    size_t payload_len = self.answer.dofn_payload.len - 1;
    assert_int_equal(tecton_sink_config_from_payload(self.answer.dofn_payload.data, payload_len, &config, NULL),
                     BEAMC_OK);
    assert_string_equal(config.workspace_name, "prod");
    tecton_sink_config_cleanup(&config);
    cleanup(&self);
}

/* FNV-1a of 128 bits by long multiplication with its prime, 2^88 + 0x13B, over 16 bytes, the highest first. */
static void fnv1a_128(const char *text, uint8_t hash[16]) {
    static const uint8_t basis[16] = {0x6c, 0x62, 0x27, 0x2e, 0x07, 0xbb, 0x01, 0x42,
                                      0x62, 0xb8, 0x21, 0x75, 0x62, 0x95, 0xc5, 0x8d};
    memcpy(hash, basis, sizeof basis);
    for (; *text != '\0'; text++) {
        hash[15] ^= (uint8_t)*text;
        uint8_t product[16];
        uint32_t carry = 0;
        for (int i = 15; i >= 0; i--) {
            uint32_t digit = carry + hash[i] * 0x13Bu;
            if (i + 11 <= 15)
                digit += hash[i + 11];
            product[i] = (uint8_t)digit;
            carry = digit >> 8;
        }
        memcpy(hash, product, sizeof product);
    }
}

static void written_has_the_id_that_go_gives_its_type(void **state) {
    (void)state;
    uint8_t id[16];
    char text[37];
    fnv1a_128("tectonio.Written", id);
    id[6] = (uint8_t)((id[6] & 0x0F) | 0x40);
    id[8] = (uint8_t)((id[8] & 0x3F) | 0x80);
    size_t len = 0;
    for (size_t i = 0; i < sizeof id; i++)
        len += (size_t)snprintf(text + len, sizeof text - len, i == 4 || i == 6 || i == 8 || i == 10 ? "-%02x" : "%02x",
                                id[i]);
    use self = usual();
    must_expand(&self);
    assert_string_equal(self.answer.outputs[0].schema_id, text);
    cleanup(&self);
}

static void an_output_for_refused_rows_is_there_when_it_is_asked_for(void **state) {
    (void)state;
    static const beamc_field group_fields[] = {FIELD("output", TYPE(STRING)), FIELD("threshold", NULLABLE(DOUBLE))};
    static const beamc_schema group = SCHEMA(group_fields);
    beamc_value members[2] = {text_value("bad rows"), null_value()};
    use self = usual();
    give(&self, "error_handling", items_value(BEAMC_VALUE_ROW, members, 2));
    self.fields[self.num_fields - 1].type = ROW_OF(&group);
    must_expand(&self);
    assert_int_equal(self.answer.num_outputs, 2);
    assert_string_equal(self.answer.outputs[1].tag, "bad rows");
    assert_string_equal(self.answer.outputs[1].fields[0].name, "failed_row");
    assert_null(self.answer.outputs[1].fields[0].row); /* the input's */
    assert_null(self.answer.outputs[1].schema_id);     /* which is why its fields differ from use to use */
    cleanup(&self);
    members[0] = text_value("written");
    self = usual();
    give(&self, "error_handling", items_value(BEAMC_VALUE_ROW, members, 2));
    self.fields[self.num_fields - 1].type = ROW_OF(&group);
    check_refused(&self, "error_handling.output", "\"written\"");
    self = usual();
    give(&self, "error_handling", text_value("errors"));
    check_refused(&self, "error_handling", "output");
    self = usual();
    give(&self, "on_exhausted", text_value("dead_letter"));
    check_refused(&self, "on_exhausted", "error_handling=");
}

static void a_reference_stays_one_and_its_value_is_nowhere(void **state) {
    (void)state;
    setenv("TECTON_API_KEY", "the-real-key", 1);
    use self = usual();
    must_expand(&self);
    assert_contains((const char *)self.answer.dofn_payload.data, "env:TECTON_API_KEY");
    assert_lacks((const char *)self.answer.dofn_payload.data, "the-real-key");
    cleanup(&self);
    unsetenv("TECTON_API_KEY");
}

static void a_literal_key_is_in_the_payload_and_nowhere_else(void **state) {
    (void)state;
    use self = usual();
    give(&self, "api_key", text_value("the-real-key"));
    must_expand(&self);
    assert_contains((const char *)self.answer.dofn_payload.data, "the-real-key");
    for (size_t i = 0; i < self.answer.num_display; i++)
        assert_lacks(self.answer.display[i].value, "the-real-key");
    cleanup(&self);
}

static void display_data_shows_where_the_rows_go(void **state) {
    (void)state;
    use self = usual();
    give(&self, "batch_size", integer_value(5));
    must_expand(&self);
    bool seen_size = false;
    bool seen_source = false;
    for (size_t i = 0; i < self.answer.num_display; i++) {
        const beamc_display_item *item = &self.answer.display[i];
        assert_true(item->label[0] != '\0');
        if (strcmp(item->key, "batch_size") == 0) {
            seen_size = true;
            assert_string_equal(item->value, "5");
            assert_true(item->is_integer);
        }
        if (strcmp(item->key, "stream_source_name") == 0) {
            seen_source = true;
            assert_string_equal(item->value, "payments");
        }
        assert_string_not_equal(item->key, "api_key");
    }
    assert_true(seen_size && seen_source);
    cleanup(&self);
}

static void wrong_options_and_inputs_are_refused(void **state) {
    (void)state;
    use self = usual();
    give(&self, "batchsize_", integer_value(11));
    check_refused(&self, "batch_size is 11", "from 1 to 10");
    self = usual();
    give(&self, "stream_name", text_value("x"));
    check_refused(&self, "'stream_name'", "stream_source_name");
    self = usual();
    self.input = NULL;
    check_refused(&self, "the input has no schema", "NamedTuple");
    static const beamc_field any_fields[] = {FIELD("user_id", LOGICAL(BYTES, PYTHON_ANY, "any"))};
    static const beamc_schema any_schema = SCHEMA(any_fields);
    self = usual();
    self.input = &any_schema;
    check_refused(&self, "field user_id", "Any");
}

static void the_environment_is_handed_on(void **state) {
    (void)state;
    use self = usual();
    give(&self, "environment_type", text_value("PROCESS"));
    give(&self, "environment_config", text_value("/opt/beam-tecton"));
    must_expand(&self);
    assert_string_equal(self.answer.environment_type, "PROCESS");
    assert_string_equal(self.answer.environment_config, "/opt/beam-tecton");
    assert_lacks((const char *)self.answer.dofn_payload.data, "/opt/beam-tecton");
    cleanup(&self);
    self = usual();
    give(&self, "environment_config", text_value("/opt/beam-tecton"));
    check_refused(&self, "environment_config", "environment_type");
    self = usual();
    give(&self, "environment_type", text_value("DOCKER"));
    check_refused(&self, "no image", "container_image=");
    self = usual();
    give(&self, "environment_type", text_value("DOCKER"));
    give(&self, "container_image", text_value("image:1"));
    must_expand(&self);
    assert_string_equal(self.answer.container_image, "image:1");
    cleanup(&self);
}

static void a_command_of_the_worker_goes_with_processes_only(void **state) {
    (void)state;
    static const char *const with_processes[] = {"DEFAULT", "PROCESS"};
    for (size_t i = 0; i < 2; i++) {
        use self = usual();
        give(&self, "environment_type", text_value(with_processes[i]));
        give(&self, "worker_command", text_value("/opt/beam-tecton"));
        must_expand(&self);
        assert_string_equal(self.answer.worker_command, "/opt/beam-tecton");
        assert_lacks((const char *)self.answer.dofn_payload.data, "/opt/beam-tecton");
        cleanup(&self);
    }
    use self = usual();
    give(&self, "environment_type", text_value("PROCESS"));
    give(&self, "environment_config", text_value("/usr/bin/beam-tecton"));
    give(&self, "worker_command", text_value("/opt/beam-tecton"));
    check_refused(&self, "worker_command", "environment_config");
    self = usual();
    give(&self, "environment_type", text_value("EXTERNAL"));
    give(&self, "worker_command", text_value("/opt/beam-tecton"));
    check_refused(&self, "worker_command", "environment_type=");
    self = usual();
    give(&self, "environment_type", text_value("DOCKER"));
    give(&self, "container_image", text_value("image:1"));
    give(&self, "worker_command", text_value("/opt/beam-tecton"));
    check_refused(&self, "worker_command", "environment_type=");
}

static void dataflow_needs_an_image(void **state) {
    (void)state;
    use self = usual();
    self.dataflow = true;
    check_refused(&self, "Dataflow", "container_image=");
    self = usual();
    self.dataflow = true;
    give(&self, "container_image", text_value("image:1"));
    must_expand(&self);
    cleanup(&self);
}

static void it_is_found_under_its_names(void **state) {
    (void)state;
    beamc_external_transform transform = tecton_sink_transform();
    assert_string_equal(transform.identifier, "beam:schematransform:org.apache.beam:tecton_stream_write:v1");
    assert_string_equal(transform.urn, "beam_tecton:transform:stream_write:v1");
    assert_null(strstr(transform.identifier, transform.urn));
    assert_true(transform.num_options > 20);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_use_becomes_one_step_with_one_output),
        cmocka_unit_test(written_has_the_id_that_go_gives_its_type),
        cmocka_unit_test(an_output_for_refused_rows_is_there_when_it_is_asked_for),
        cmocka_unit_test(a_reference_stays_one_and_its_value_is_nowhere),
        cmocka_unit_test(a_literal_key_is_in_the_payload_and_nowhere_else),
        cmocka_unit_test(display_data_shows_where_the_rows_go),
        cmocka_unit_test(wrong_options_and_inputs_are_refused),
        cmocka_unit_test(the_environment_is_handed_on),
        cmocka_unit_test(a_command_of_the_worker_goes_with_processes_only),
        cmocka_unit_test(dataflow_needs_an_image),
        cmocka_unit_test(it_is_found_under_its_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
