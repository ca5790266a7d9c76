#include "sdk_harness/coders/coder_registry.h"
#include "tests/support/check.h"
#include "tests/support/test_coders.h"

#define WINDOWED "beam:coder:windowed_value:v1"
#define ROW      "beam:coder:row:v1"
#define PREFIX   "beam:coder:length_prefix:v1"
#define GLOBAL   "beam:coder:global_window:v1"
#define INTERVAL "beam:coder:interval_window:v1"
#define CUSTOM   "beam:coder:custom_window:v1"

static void add_row(test_coders *set) {
    static const char schema[] = "\n\x08\n\x02id\x1a\x02\x10\x04"; /* id: INT64 */
    test_coders_add(set, ROW, NULL, NULL);
    set->specs[set->num_coders - 1].payload =
        (ProtobufCBinaryData){.len = sizeof schema - 1, .data = (uint8_t *)(uintptr_t)schema};
}

static beamc_edge_coder resolve(test_coders *set) {
    beamc_edge_coder edge;
    beamc_error err = {{0}};
    if (beamc_edge_coder_resolve("0", test_coders_find, set, &edge, &err) != BEAMC_OK)
        fail_msg("%s", err.text);
    return edge;
}

static void check_refused(test_coders *set, const char *words) {
    beamc_edge_coder edge;
    beamc_error err = {{0}};
    assert_int_equal(beamc_edge_coder_resolve("0", test_coders_find, set, &edge, &err), BEAMC_INVALID);
    assert_contains(err.text, words);
    assert_null(edge.schema);
    assert_null(edge.custom_inner);
}

static void a_bare_row_in_global_windows(void **state) {
    (void)state;
    test_coders set = {0};
    test_coders_add(&set, WINDOWED, "1", "2");
    add_row(&set);
    test_coders_add(&set, GLOBAL, NULL, NULL);
    beamc_edge_coder edge = resolve(&set);
    assert_int_equal(edge.windowed.window, BEAMC_WINDOW_GLOBAL);
    assert_false(edge.windowed.length_prefixed);
    assert_int_equal(edge.windowed.schema->num_fields, 1);
    assert_string_equal(edge.element_urn, ROW);
    beamc_edge_coder_cleanup(&edge);
}

static void a_row_behind_a_length_in_interval_windows(void **state) {
    (void)state;
    test_coders set = {0};
    test_coders_add(&set, WINDOWED, "1", "3");
    test_coders_add(&set, PREFIX, "2", NULL);
    add_row(&set);
    test_coders_add(&set, INTERVAL, NULL, NULL);
    beamc_edge_coder edge = resolve(&set);
    assert_int_equal(edge.windowed.window, BEAMC_WINDOW_INTERVAL);
    assert_true(edge.windowed.length_prefixed);
    beamc_edge_coder_cleanup(&edge);
}

static void custom_windows_with_and_without_a_length(void **state) {
    (void)state;
    test_coders set = {0};
    test_coders_add(&set, WINDOWED, "1", "2");
    add_row(&set);
    test_coders_add(&set, CUSTOM, "3", NULL);
    test_coders_add(&set, PREFIX, "4", NULL);
    test_coders_add(&set, "beam:coder:pickled_python:v1", NULL, NULL);
    beamc_edge_coder edge = resolve(&set);
    assert_int_equal(edge.windowed.window, BEAMC_WINDOW_CUSTOM);
    assert_null(edge.windowed.custom_inner);
    beamc_edge_coder_cleanup(&edge);

    set.specs[3].urn = (char *)(uintptr_t)INTERVAL;
    set.coders[3].n_component_coder_ids = 0;
    edge = resolve(&set);
    assert_int_equal(edge.windowed.window, BEAMC_WINDOW_CUSTOM);
    assert_non_null(edge.windowed.custom_inner);
    beamc_edge_coder_cleanup(&edge);

    set.specs[3].urn = (char *)(uintptr_t) "beam:coder:pickled_python:v1";
    check_refused(&set, "2: coder 3 has the unknown URN beam:coder:pickled_python:v1");
}

static void an_element_that_is_no_row_is_left_to_who_needs_rows(void **state) {
    (void)state;
    test_coders set = {0};
    test_coders_add(&set, WINDOWED, "1", "2");
    test_coders_add(&set, "beam:coder:bytes:v1", NULL, NULL);
    test_coders_add(&set, GLOBAL, NULL, NULL);
    beamc_edge_coder edge = resolve(&set);
    assert_null(edge.schema);
    assert_string_equal(edge.element_urn, "beam:coder:bytes:v1");
    beamc_edge_coder_cleanup(&edge);
}

static void what_a_data_port_cannot_carry_is_named(void **state) {
    (void)state;
    test_coders set = {0};
    check_refused(&set, "coder 0 is not in the descriptor");
    add_row(&set);
    check_refused(&set, "coder 0 of a data port is beam:coder:row:v1, not beam:coder:windowed_value:v1");
    set = (test_coders){0};
    test_coders_add(&set, WINDOWED, "1", "2");
    add_row(&set);
    check_refused(&set, "coder 2 is not in the descriptor");
    test_coders_add(&set, "beam:coder:session_window:v1", NULL, NULL);
    check_refused(&set, "window coder 2 has the unknown URN beam:coder:session_window:v1");
    set.specs[2].urn = (char *)(uintptr_t)CUSTOM;
    check_refused(&set, "window coder 2");
    set.specs[2].urn = (char *)(uintptr_t)GLOBAL;
    set.specs[1].payload = (ProtobufCBinaryData){.len = 1, .data = (uint8_t *)(uintptr_t) "\n"};
    check_refused(&set, "1: the schema is not a valid message");
}

static void a_row_behind_two_lengths_is_refused(void **state) {
    (void)state;
    test_coders set = {0};
    test_coders_add(&set, WINDOWED, "1", "4");
    test_coders_add(&set, PREFIX, "2", NULL);
    test_coders_add(&set, PREFIX, "3", NULL);
    add_row(&set);
    test_coders_add(&set, GLOBAL, NULL, NULL);
    check_refused(&set, "coder 0 has 2 length prefixes");
    set = (test_coders){0};
    test_coders_add(&set, WINDOWED, "1", "2");
    test_coders_add(&set, PREFIX, "1", NULL); /* of itself */
    test_coders_add(&set, GLOBAL, NULL, NULL);
    check_refused(&set, "nested deeper than 16");
}

static void the_schema_of_a_pcollection_is_found_behind_length_prefixes(void **state) {
    (void)state;
    test_coders set = {0};
    test_coders_add(&set, PREFIX, "1", NULL);
    add_row(&set);
    beamc_schema *schema = NULL;
    const char *urn = NULL;
    assert_int_equal(beamc_row_schema_resolve("0", test_coders_find, &set, &schema, &urn, NULL), BEAMC_OK);
    assert_int_equal(schema->num_fields, 1);
    beamc_schema_free(schema);
    set.specs[1].urn = (char *)(uintptr_t) "beam:coder:varint:v1";
    assert_int_equal(beamc_row_schema_resolve("0", test_coders_find, &set, &schema, &urn, NULL), BEAMC_OK);
    assert_null(schema);
    assert_string_equal(urn, "beam:coder:varint:v1");
}

static void every_coder_that_is_announced_can_be_resolved(void **state) {
    (void)state;
    for (const char *const *urn = beamc_coder_urns; *urn != NULL; urn++) {
        bool resolved = false;
        for (size_t components = 0; components <= 2 && !resolved; components++) {
            test_coders set = {0};
            test_coders_add(&set, *urn, components > 0 ? "1" : NULL, components > 1 ? "1" : NULL);
            test_coders_add(&set, "beam:coder:varint:v1", NULL, NULL);
            beamc_coder *coder = NULL;
            resolved = beamc_coder_resolve("0", test_coders_find, &set, &coder, NULL) == BEAMC_OK;
            beamc_coder_free(coder);
        }
        if (!resolved)
            fail_msg("%s is announced and unknown", *urn);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_bare_row_in_global_windows),
        cmocka_unit_test(a_row_behind_a_length_in_interval_windows),
        cmocka_unit_test(custom_windows_with_and_without_a_length),
        cmocka_unit_test(an_element_that_is_no_row_is_left_to_who_needs_rows),
        cmocka_unit_test(what_a_data_port_cannot_carry_is_named),
        cmocka_unit_test(a_row_behind_two_lengths_is_refused),
        cmocka_unit_test(the_schema_of_a_pcollection_is_found_behind_length_prefixes),
        cmocka_unit_test(every_coder_that_is_announced_can_be_resolved),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
