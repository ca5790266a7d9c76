#include "worker/config/sink_options.h"

#include "tests/support/check.h"
#include "worker/config/option_name.h"
#include "worker/config/sink_config.h"

#include <cjson/cJSON.h>
#include <stdlib.h>

static void every_row_of_the_table_is_complete(void **state) {
    (void)state;
    size_t num_options = 0;
    const tecton_option *options = tecton_options(&num_options);
    assert_true(num_options >= 20);
    for (size_t i = 0; i < num_options; i++) {
        const tecton_option *option = &options[i];
        assert_true(option->sentence[strlen(option->sentence) - 1] == '.');
        assert_null(strchr(option->sentence, '\n'));
        size_t name_len = strcspn(option->name, "."); /* a group's member is written inside its group */
        assert_true(strncmp(option->example, option->name, name_len) == 0);
        assert_true(option->example[name_len] == '=');
        assert_ptr_equal(tecton_option_find(option->name), option);
        if (option->type == TECTON_OPTION_INTEGER)
            assert_in_range((uint64_t)option->default_integer, (uint64_t)option->min, (uint64_t)option->max);
        if (option->type == TECTON_OPTION_REAL)
            assert_true(option->default_real > option->above && option->default_real <= option->at_most);
        for (size_t j = 0; j < i; j++) {
            assert_false(tecton_option_name_equal(option->name, options[j].name));
            assert_int_not_equal(option->offset, options[j].offset);
        }
    }
}

static void only_the_key_is_secret(void **state) {
    (void)state;
    size_t num_options = 0;
    const tecton_option *options = tecton_options(&num_options);
    for (size_t i = 0; i < num_options; i++)
        assert_int_equal(options[i].secret, strcmp(options[i].name, "api_key") == 0);
}

static void discovery_shows_the_table(void **state) {
    (void)state;
    size_t num_options = 0;
    size_t num_fields = 0;
    const tecton_option *options = tecton_options(&num_options);
    const beamc_option_field *fields = tecton_option_fields(&num_fields);
    const beamc_option_field *group = NULL;
    size_t at = 0;
    for (size_t i = 0; i < num_options; i++) {
        const char *member = tecton_option_group_member(options[i].name);
        const beamc_option_field *field = NULL;
        if (member == NULL) {
            field = &fields[at++];
        } else {
            group = group == NULL ? &fields[at++] : group;
            field = &group->fields[group == &fields[at - 1] && strcmp(member, "output") == 0 ? 0 : 1];
        }
        assert_string_equal(field->name, member == NULL ? options[i].name : member);
        assert_string_equal(field->description, options[i].sentence);
        assert_int_equal(field->required, options[i].required);
    }
    assert_int_equal(at, num_fields);
    assert_non_null(group);
    assert_string_equal(group->name, "error_handling");
    assert_int_equal(group->kind, BEAMC_TYPE_ROW);
    assert_int_equal(group->num_fields, 2);
    assert_int_equal(fields[4].kind, BEAMC_TYPE_INT64); /* batch_size */
    assert_string_equal(fields[4].name, "batch_size");
}

static void markdown_has_one_line_an_option(void **state) {
    (void)state;
    beamc_byte_buffer out;
    beamc_byte_buffer_init(&out, 1 << 20);
    tecton_options_markdown(&out);
    beamc_byte_buffer_append_byte(&out, '\0');
    const char *text = (const char *)out.data;
    assert_contains(text, "| `batch_size` | integer | `10` | whole numbers from 1 to 10 (records) | Records in one");
    assert_contains(text, "| `timeout` | number | `30.0` | numbers above 0 and up to 3600 (s) |");
    assert_contains(text, "| `api_key` | text | **required** |");
    assert_contains(text, "| `tecton_instance` | text |  |");
    assert_contains(text, "| `int64_encoding` | choice | `auto` | auto, number, string |");
    size_t num_options = 0;
    size_t num_lines = 0;
    (void)tecton_options(&num_options);
    for (const char *c = text; *c != '\0'; c++)
        num_lines += *c == '\n' ? 1 : 0;
    assert_int_equal(num_lines, num_options + 2);
    beamc_byte_buffer_cleanup(&out);
}

static void json_can_be_read_back(void **state) {
    (void)state;
    beamc_byte_buffer out;
    beamc_byte_buffer_init(&out, 1 << 20);
    tecton_options_json(&out);
    cJSON *rows = cJSON_ParseWithLength((const char *)out.data, out.len);
    beamc_byte_buffer_cleanup(&out);
    size_t num_options = 0;
    (void)tecton_options(&num_options);
    assert_int_equal(cJSON_GetArraySize(rows), num_options);
    const cJSON *batch_size = cJSON_GetArrayItem(rows, 4);
    assert_string_equal(cJSON_GetObjectItem(batch_size, "name")->valuestring, "batch_size");
    assert_int_equal(cJSON_GetObjectItem(batch_size, "default")->valueint, 10);
    assert_int_equal(cJSON_GetObjectItem(batch_size, "max")->valueint, 10);
    assert_true(cJSON_IsFalse(cJSON_GetObjectItem(batch_size, "required")));
    assert_true(cJSON_IsNull(cJSON_GetObjectItem(cJSON_GetArrayItem(rows, 0), "default")));
    cJSON_Delete(rows);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_row_of_the_table_is_complete),
        cmocka_unit_test(only_the_key_is_secret),
        cmocka_unit_test(discovery_shows_the_table),
        cmocka_unit_test(markdown_has_one_line_an_option),
        cmocka_unit_test(json_can_be_read_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
