#include "protos/schema.pb-c.h"
#include "sdk_harness/coders/schema.h"
#include "tests/support/check.h"

/* Messages as protobuf text would be tedious: these are serialised Schema messages, as Python 2.77 sends them. */
#define MICROS_SCHEMA                                                                                                  \
    "\n\x08\n\x02id\x1a\x02\x10\x04\n\n\n\x04name\x1a\x02\x10\x07\nv\n\x02ts\x1ap:n\n#beam:logical_type:micros_"       \
    "instant:v1\x1aG2E\nC\n\r\n\x07seconds\x1a\x02\x10\x04\n\x0c\n\x06micros\x1a\x02\x10\x04\x12$ae885140-c33b-4529-"  \
    "bcf7-ba7b51f6a488\x12$33f2c387-5450-4acf-9660-64e8d1e61d6a"

static beamc_schema *parse(const char *message, size_t len) {
    beamc_schema *schema = NULL;
    beamc_error err;
    if (beamc_schema_parse((const uint8_t *)message, len, &schema, &err) != BEAMC_OK)
        fail_msg("%s", err.text);
    return schema;
}

static void a_schema_as_python_sends_it(void **state) {
    (void)state;
    beamc_schema *schema = parse(MICROS_SCHEMA, sizeof MICROS_SCHEMA - 1);
    assert_int_equal(schema->num_fields, 3);
    assert_string_equal(schema->id, "33f2c387-5450-4acf-9660-64e8d1e61d6a");
    assert_string_equal(schema->fields[1].name, "name");
    assert_int_equal(schema->fields[0].type.kind, BEAMC_TYPE_INT64);
    assert_int_equal(schema->fields[1].type.kind, BEAMC_TYPE_STRING);
    assert_int_equal(schema->fields[2].type.logical, BEAMC_LOGICAL_MICROS_INSTANT);
    assert_null(schema->wire_order);
    assert_int_equal(beamc_schema_find(schema, "ts"), 2);
    assert_int_equal(beamc_schema_find(schema, "TS"), -1);
    beamc_schema_free(schema);
}

static void a_schema_cut_short_is_refused_or_smaller_but_never_crashes(void **state) {
    (void)state;
    for (size_t len = 0; len < sizeof MICROS_SCHEMA - 1; len++) {
        beamc_schema *schema = NULL;
        (void)beamc_schema_parse((const uint8_t *)MICROS_SCHEMA, len, &schema, NULL);
        beamc_schema_free(schema);
    }
}

/* ---- schemas built field by field ---- */

typedef struct {
    Beam__Schema schema;
    Beam__Field *pointers[4];
    Beam__Field fields[4];
    Beam__FieldType types[4];
} built;

static void build(built *b, size_t num_fields) {
    beam__schema__init(&b->schema);
    b->schema.n_fields = num_fields;
    b->schema.fields = b->pointers;
    static char names[4][2] = {"a", "b", "c", "d"};
    for (size_t i = 0; i < num_fields; i++) {
        beam__field__init(&b->fields[i]);
        beam__field_type__init(&b->types[i]);
        b->types[i].type_info_case = BEAM__FIELD_TYPE__TYPE_INFO_ATOMIC_TYPE;
        b->types[i].atomic_type = BEAM__ATOMIC_TYPE__INT64;
        b->fields[i].name = names[i];
        b->fields[i].type = &b->types[i];
        b->fields[i].encoding_position = (int32_t)i;
        b->pointers[i] = &b->fields[i];
    }
}

static void expect_refusal(const built *b, const char *words) {
    beamc_schema *schema = NULL;
    beamc_error err;
    assert_int_not_equal(beamc_schema_from_message(&b->schema, &schema, &err), BEAMC_OK);
    assert_null(schema);
    assert_contains(err.text, words);
}

static void positions_count_only_when_the_schema_says_so(void **state) {
    (void)state;
    built b;
    build(&b, 3);
    b.fields[0].encoding_position = 2;
    b.fields[1].encoding_position = 0;
    b.fields[2].encoding_position = 1;
    beamc_schema *schema = NULL;
    assert_int_equal(beamc_schema_from_message(&b.schema, &schema, NULL), BEAMC_OK);
    assert_null(schema->wire_order);
    beamc_schema_free(schema);
    b.schema.encoding_positions_set = 1;
    assert_int_equal(beamc_schema_from_message(&b.schema, &schema, NULL), BEAMC_OK);
    assert_int_equal(schema->wire_order[0], 1);
    assert_int_equal(schema->wire_order[1], 2);
    assert_int_equal(schema->wire_order[2], 0);
    beamc_schema_free(schema);
}

static void positions_that_are_no_permutation_are_refused(void **state) {
    (void)state;
    built b;
    build(&b, 3);
    b.schema.encoding_positions_set = 1;
    b.fields[1].encoding_position = 0;
    expect_refusal(&b, "field b has encoding position 0");
    b.fields[1].encoding_position = 3;
    expect_refusal(&b, "field b has encoding position 3");
    b.fields[1].encoding_position = -1;
    expect_refusal(&b, "field b has encoding position -1");
}

static void a_field_without_a_type_is_named(void **state) {
    (void)state;
    built b;
    build(&b, 2);
    b.fields[1].type = NULL;
    expect_refusal(&b, "b: has no type");
    build(&b, 2);
    b.types[1].type_info_case = BEAM__FIELD_TYPE__TYPE_INFO__NOT_SET;
    expect_refusal(&b, "b: has no type");
    build(&b, 2);
    b.types[1].atomic_type = (Beam__AtomicType)10;
    expect_refusal(&b, "b: has the unknown atomic type number 10");
}

static void types_nested_deeper_than_the_limit_are_refused(void **state) {
    (void)state;
    enum { LEVELS = BEAMC_SCHEMA_MAX_DEPTH + 10 };
    static Beam__FieldType levels[LEVELS];
    static Beam__ArrayType arrays[LEVELS];
    for (size_t i = 0; i < LEVELS; i++) {
        beam__field_type__init(&levels[i]);
        beam__array_type__init(&arrays[i]);
        levels[i].type_info_case = BEAM__FIELD_TYPE__TYPE_INFO_ARRAY_TYPE;
        levels[i].array_type = &arrays[i];
        arrays[i].element_type = i + 1 < LEVELS ? &levels[i + 1] : NULL;
    }
    built b;
    build(&b, 1);
    b.fields[0].type = &levels[0];
    expect_refusal(&b, "nested deeper than 100");
}

static void an_any_field_of_python_is_known_with_and_without_a_representation(void **state) {
    (void)state;
    built b;
    build(&b, 1);
    Beam__LogicalType logical = BEAM__LOGICAL_TYPE__INIT;
    static char urn[] = "beam:logical:pythonsdk_any:v1";
    logical.urn = urn;
    b.types[0].type_info_case = BEAM__FIELD_TYPE__TYPE_INFO_LOGICAL_TYPE;
    b.types[0].logical_type = &logical;
    b.types[0].nullable = 1;
    beamc_schema *schema = NULL;
    assert_int_equal(beamc_schema_from_message(&b.schema, &schema, NULL), BEAMC_OK);
    assert_int_equal(schema->fields[0].type.logical, BEAMC_LOGICAL_PYTHON_ANY);
    assert_int_equal(schema->fields[0].type.kind, BEAMC_TYPE_OPAQUE);
    assert_true(schema->fields[0].type.nullable);
    beamc_schema_free(schema);
}

static void an_instant_with_another_representation_is_refused(void **state) {
    (void)state;
    built b;
    build(&b, 1);
    Beam__FieldType text = BEAM__FIELD_TYPE__INIT;
    text.type_info_case = BEAM__FIELD_TYPE__TYPE_INFO_ATOMIC_TYPE;
    text.atomic_type = BEAM__ATOMIC_TYPE__STRING;
    Beam__LogicalType logical = BEAM__LOGICAL_TYPE__INIT;
    static char urn[] = "beam:logical_type:micros_instant:v1";
    logical.urn = urn;
    logical.representation = &text;
    b.types[0].type_info_case = BEAM__FIELD_TYPE__TYPE_INFO_LOGICAL_TYPE;
    b.types[0].logical_type = &logical;
    expect_refusal(&b, "a: logical type beam:logical_type:micros_instant:v1 has an unexpected representation");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_schema_as_python_sends_it),
        cmocka_unit_test(a_schema_cut_short_is_refused_or_smaller_but_never_crashes),
        cmocka_unit_test(positions_count_only_when_the_schema_says_so),
        cmocka_unit_test(positions_that_are_no_permutation_are_refused),
        cmocka_unit_test(a_field_without_a_type_is_named),
        cmocka_unit_test(types_nested_deeper_than_the_limit_are_refused),
        cmocka_unit_test(an_any_field_of_python_is_known_with_and_without_a_representation),
        cmocka_unit_test(an_instant_with_another_representation_is_refused),
    };
    return cmocka_run_group_tests_name("schema", tests, NULL, NULL);
}
