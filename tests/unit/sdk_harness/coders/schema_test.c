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

/* ---- logical types, in field a ---- */

typedef struct {
    built schema;
    Beam__LogicalType logicals[2]; /* the outer one first */
    Beam__FieldType representations[2];
} built_logical;

static void build_logical(built_logical *b, const char *urn, Beam__AtomicType representation) {
    build(&b->schema, 1);
    for (size_t i = 0; i < 2; i++) {
        beam__logical_type__init(&b->logicals[i]);
        beam__field_type__init(&b->representations[i]);
        b->logicals[i].representation = &b->representations[i];
        b->representations[i].type_info_case = BEAM__FIELD_TYPE__TYPE_INFO_ATOMIC_TYPE;
        b->representations[i].atomic_type = representation;
    }
    b->logicals[0].urn = (char *)(uintptr_t)urn;
    b->schema.types[0].type_info_case = BEAM__FIELD_TYPE__TYPE_INFO_LOGICAL_TYPE;
    b->schema.types[0].logical_type = &b->logicals[0];
}

/* `urn` around a logical type `inner_urn`. */
static void build_nested(built_logical *b, const char *urn, const char *inner_urn, Beam__AtomicType representation) {
    build_logical(b, urn, representation);
    b->logicals[1].urn = (char *)(uintptr_t)inner_urn;
    b->representations[0].type_info_case = BEAM__FIELD_TYPE__TYPE_INFO_LOGICAL_TYPE;
    b->representations[0].logical_type = &b->logicals[1];
}

static void represent_by_row(built_logical *b, built *row, const char *first, const char *second) {
    build(row, second == NULL ? 1 : 2);
    row->fields[0].name = (char *)(uintptr_t)first;
    row->fields[1].name = (char *)(uintptr_t)second;
    static Beam__RowType row_type;
    beam__row_type__init(&row_type);
    row_type.schema = &row->schema;
    b->representations[0].type_info_case = BEAM__FIELD_TYPE__TYPE_INFO_ROW_TYPE;
    b->representations[0].row_type = &row_type;
}

static beamc_schema *accept(const built_logical *b) {
    beamc_schema *schema = NULL;
    beamc_error err;
    if (beamc_schema_from_message(&b->schema.schema, &schema, &err) != BEAMC_OK)
        fail_msg("%s", err.text);
    return schema;
}

static void a_logical_type_we_do_not_know_keeps_its_urn(void **state) {
    (void)state;
    built_logical b;
    build_logical(&b, "org.example:point:v1", BEAM__ATOMIC_TYPE__STRING);
    beamc_schema *schema = accept(&b);
    assert_int_equal(schema->fields[0].type.logical, BEAMC_LOGICAL_OTHER);
    assert_int_equal(schema->fields[0].type.kind, BEAMC_TYPE_STRING);
    assert_string_equal(schema->fields[0].type.unknown_urn, "org.example:point:v1");
    beamc_schema_free(schema);

    /* around a known one: read as that, and still unknown */
    build_nested(&b, "org.example:deadline:v1", "beam:logical_type:date:v1", BEAM__ATOMIC_TYPE__INT64);
    schema = accept(&b);
    assert_int_equal(schema->fields[0].type.logical, BEAMC_LOGICAL_DATE);
    assert_string_equal(schema->fields[0].type.unknown_urn, "org.example:deadline:v1");
    beamc_schema_free(schema);

    /* around another unknown one: the outer one is what the user wrote */
    build_nested(&b, "org.example:a:v1", "org.example:b:v1", BEAM__ATOMIC_TYPE__INT64);
    schema = accept(&b);
    assert_string_equal(schema->fields[0].type.unknown_urn, "org.example:a:v1");
    beamc_schema_free(schema);

    build_logical(&b, "beam:logical_type:var_char:v1", BEAM__ATOMIC_TYPE__STRING);
    schema = accept(&b);
    assert_null(schema->fields[0].type.unknown_urn);
    beamc_schema_free(schema);
}

static void logical_types_around_one_another_must_go_together(void **state) {
    (void)state;
    built_logical b;
    build_nested(&b, "beam:logical_type:fixed_decimal:v1", "beam:logical_type:decimal:v1", BEAM__ATOMIC_TYPE__BYTES);
    beamc_schema *schema = accept(&b);
    assert_int_equal(schema->fields[0].type.logical, BEAMC_LOGICAL_DECIMAL);
    beamc_schema_free(schema);
    build_nested(&b, "beam:logical_type:javasdk_date:v1", "beam:logical_type:millis_instant:v1",
                 BEAM__ATOMIC_TYPE__INT64);
    schema = accept(&b);
    assert_int_equal(schema->fields[0].type.logical, BEAMC_LOGICAL_JAVA_DATE);
    beamc_schema_free(schema);
    build_nested(&b, "beam:logical_type:date:v1", "beam:logical_type:millis_instant:v1", BEAM__ATOMIC_TYPE__INT64);
    expect_refusal(&b.schema, "a: logical type beam:logical_type:date:v1 has an unexpected representation");
    build_logical(&b, "beam:logical_type:javasdk_time:v1", BEAM__ATOMIC_TYPE__INT64);
    expect_refusal(&b.schema, "a: logical type beam:logical_type:javasdk_time:v1 has an unexpected representation");
}

static void each_logical_type_has_its_representation(void **state) {
    (void)state;
    static const struct {
        const char *urn;
        Beam__AtomicType right;
        beamc_logical logical;
    } cases[] = {
        {"beam:logical_type:date:v1", BEAM__ATOMIC_TYPE__INT64, BEAMC_LOGICAL_DATE},
        {"beam:logical_type:time:v1", BEAM__ATOMIC_TYPE__INT64, BEAMC_LOGICAL_TIME},
        {"beam:logical_type:millis_instant:v1", BEAM__ATOMIC_TYPE__INT64, BEAMC_LOGICAL_MILLIS_INSTANT},
        {"beam:logical_type:decimal:v1", BEAM__ATOMIC_TYPE__BYTES, BEAMC_LOGICAL_DECIMAL},
        {"beam:logical_type:javasdk_enum:v1", BEAM__ATOMIC_TYPE__INT32, BEAMC_LOGICAL_ENUM},
        {"uint16", BEAM__ATOMIC_TYPE__INT16, BEAMC_LOGICAL_UNSIGNED},
        {"uint32", BEAM__ATOMIC_TYPE__INT32, BEAMC_LOGICAL_UNSIGNED},
        {"uint64", BEAM__ATOMIC_TYPE__INT64, BEAMC_LOGICAL_UNSIGNED},
        {"int", BEAM__ATOMIC_TYPE__INT64, BEAMC_LOGICAL_PLAIN},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        built_logical b;
        build_logical(&b, cases[i].urn, cases[i].right);
        beamc_schema *schema = accept(&b);
        assert_int_equal(schema->fields[0].type.logical, cases[i].logical);
        assert_string_equal(schema->fields[0].type.logical_urn, cases[i].urn);
        beamc_schema_free(schema);
        if (cases[i].logical == BEAMC_LOGICAL_PLAIN)
            continue;
        build_logical(&b, cases[i].urn, BEAM__ATOMIC_TYPE__DOUBLE);
        expect_refusal(&b.schema, "has an unexpected representation");
    }
}

static void logical_types_of_rows_have_their_fields(void **state) {
    (void)state;
    static const struct {
        const char *urn;
        const char *first;
        const char *second;
        beamc_logical logical;
    } cases[] = {
        {"beam:logical_type:micros_instant:v1", "seconds", "micros", BEAMC_LOGICAL_MICROS_INSTANT},
        {"beam:logical_type:nanos_instant:v1", "seconds", "nanos", BEAMC_LOGICAL_NANOS_INSTANT},
        {"beam:logical_type:datetime:v1", "Date", "Time", BEAMC_LOGICAL_DATETIME},
        {"beam:logical_type:uuid:v1", "MostSignificantBits", "LeastSignificantBits", BEAMC_LOGICAL_UUID},
        {"beam:logical_type:javasdk_oneof:v1", "number", "text", BEAMC_LOGICAL_ONE_OF},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        built_logical b;
        built row;
        build_logical(&b, cases[i].urn, BEAM__ATOMIC_TYPE__INT64);
        expect_refusal(&b.schema, "has an unexpected representation");
        represent_by_row(&b, &row, cases[i].first, cases[i].second);
        beamc_schema *schema = accept(&b);
        assert_int_equal(schema->fields[0].type.logical, cases[i].logical);
        beamc_schema_free(schema);
    }
    built_logical b;
    built row;
    build_logical(&b, "time.Time", BEAM__ATOMIC_TYPE__STRING);
    represent_by_row(&b, &row, "EncodedBeamData", NULL);
    expect_refusal(&b.schema, "logical type time.Time has an unexpected representation");
    row.types[0].atomic_type = BEAM__ATOMIC_TYPE__STRING;
    beamc_schema *schema = accept(&b);
    assert_int_equal(schema->fields[0].type.logical, BEAMC_LOGICAL_GO_TIME);
    beamc_schema_free(schema);
}

static void a_timestamp_needs_its_precision(void **state) {
    (void)state;
    built_logical b;
    built row;
    build_logical(&b, "beam:logical_type:timestamp:v1", BEAM__ATOMIC_TYPE__INT64);
    represent_by_row(&b, &row, "seconds", "subseconds");
    expect_refusal(&b.schema, "a: timestamp type beam:logical_type:timestamp:v1 has no precision from 0 to 9");
    Beam__AtomicTypeValue digits = BEAM__ATOMIC_TYPE_VALUE__INIT;
    Beam__FieldValue argument = BEAM__FIELD_VALUE__INIT;
    digits.value_case = BEAM__ATOMIC_TYPE_VALUE__VALUE_INT32;
    argument.field_value_case = BEAM__FIELD_VALUE__FIELD_VALUE_ATOMIC_VALUE;
    argument.atomic_value = &digits;
    b.logicals[0].argument = &argument;
    digits.int32 = 10;
    expect_refusal(&b.schema, "no precision from 0 to 9");
    digits.int32 = 9;
    beamc_schema *schema = accept(&b);
    assert_int_equal(schema->fields[0].type.precision, 9);
    beamc_schema_free(schema);
}

static void an_enumeration_has_its_names_by_number(void **state) {
    (void)state;
    enum { ENTRIES = 4 };
    static const char *const names[ENTRIES] = {"RED", "BLUE", "NEGATIVE", "BLUE_AGAIN"};
    const int32_t numbers[ENTRIES] = {0, 2, -1, 2};
    Beam__AtomicTypeValue atoms[2 * ENTRIES];
    Beam__FieldValue values[2 * ENTRIES];
    Beam__MapTypeEntry entries[ENTRIES];
    Beam__MapTypeEntry *pointers[ENTRIES];
    for (size_t i = 0; i < ENTRIES; i++) {
        for (size_t part = 0; part < 2; part++) {
            beam__atomic_type_value__init(&atoms[2 * i + part]);
            beam__field_value__init(&values[2 * i + part]);
            values[2 * i + part].field_value_case = BEAM__FIELD_VALUE__FIELD_VALUE_ATOMIC_VALUE;
            values[2 * i + part].atomic_value = &atoms[2 * i + part];
        }
        atoms[2 * i].value_case = BEAM__ATOMIC_TYPE_VALUE__VALUE_STRING;
        atoms[2 * i].string = (char *)(uintptr_t)names[i];
        atoms[2 * i + 1].value_case = BEAM__ATOMIC_TYPE_VALUE__VALUE_INT32;
        atoms[2 * i + 1].int32 = numbers[i];
        beam__map_type_entry__init(&entries[i]);
        entries[i].key = &values[2 * i];
        entries[i].value = &values[2 * i + 1];
        pointers[i] = &entries[i];
    }
    Beam__MapTypeValue map = BEAM__MAP_TYPE_VALUE__INIT;
    map.n_entries = ENTRIES;
    map.entries = pointers;
    Beam__FieldValue argument = BEAM__FIELD_VALUE__INIT;
    argument.field_value_case = BEAM__FIELD_VALUE__FIELD_VALUE_MAP_VALUE;
    argument.map_value = &map;
    built_logical b;
    build_logical(&b, "beam:logical_type:javasdk_enum:v1", BEAM__ATOMIC_TYPE__INT32);
    b.logicals[0].argument = &argument;
    beamc_schema *schema = accept(&b);
    const beamc_type *type = &schema->fields[0].type;
    assert_int_equal(type->num_enum_names, 3);
    assert_string_equal(type->enum_names[0], "RED");
    assert_string_equal(type->enum_names[1], "");
    assert_string_equal(type->enum_names[2], "BLUE");
    beamc_schema_free(schema);
    atoms[1].int32 = 100000;
    expect_refusal(&b.schema, "a: an enumeration has the number 100000, 100000 is the limit");
    atoms[1].value_case = BEAM__ATOMIC_TYPE_VALUE__VALUE_INT64; /* no INT32: no number */
    beamc_schema_free(accept(&b));
}

static void a_representation_that_may_be_null_is_counted(void **state) {
    (void)state;
    built_logical b;
    build_logical(&b, "beam:logical_type:var_char:v1", BEAM__ATOMIC_TYPE__STRING);
    b.schema.types[0].nullable = 1;
    beamc_schema *schema = accept(&b);
    assert_true(schema->fields[0].type.nullable);
    assert_int_equal(schema->fields[0].type.num_null_marks, 0);
    beamc_schema_free(schema);
    b.schema.types[0].nullable = 0;
    b.representations[0].nullable = 1;
    schema = accept(&b);
    assert_false(schema->fields[0].type.nullable);
    assert_int_equal(schema->fields[0].type.num_null_marks, 1);
    beamc_schema_free(schema);
}

static void a_schema_is_static_unless_its_option_says_false(void **state) {
    (void)state;
    built b;
    build(&b, 1);
    Beam__Option option = BEAM__OPTION__INIT;
    Beam__Option *options[] = {&option};
    option.name = (char *)(uintptr_t) "beam:option:row:static_encoding";
    b.schema.n_options = 1;
    b.schema.options = options;
    Beam__AtomicTypeValue atom = BEAM__ATOMIC_TYPE_VALUE__INIT;
    Beam__FieldValue value = BEAM__FIELD_VALUE__INIT;
    value.field_value_case = BEAM__FIELD_VALUE__FIELD_VALUE_ATOMIC_VALUE;
    value.atomic_value = &atom;
    atom.value_case = BEAM__ATOMIC_TYPE_VALUE__VALUE_BOOLEAN;
    for (int i = 0; i < 3; i++) {
        option.value = i == 0 ? NULL : &value;
        atom.boolean = i == 1;
        beamc_schema *schema = NULL;
        assert_int_equal(beamc_schema_from_message(&b.schema, &schema, NULL), BEAMC_OK);
        assert_int_equal(schema->static_encoding, i < 2);
        beamc_schema_free(schema);
    }
}

static uint8_t *put_around(uint8_t *at, const uint8_t *end, uint8_t tag) {
    uint8_t head[8] = {tag};
    size_t head_len = 1;
    size_t len = (size_t)(end - at);
    for (; len >= 0x80; len >>= 7)
        head[head_len++] = (uint8_t)(len | 0x80);
    head[head_len++] = (uint8_t)len;
    memcpy(at - head_len, head, head_len);
    return at - head_len;
}

static void bytes_of_nothing_but_nesting_are_refused(void **state) {
    (void)state;
    enum { LEVELS = 50000, ROOM = 16 * LEVELS, SCHEMA_FIELDS = 0x0a, FIELD_TYPE = 0x1a, ARRAY = 0x1a, ELEMENT = 0x0a };
    static uint8_t bytes[ROOM];
    const uint8_t *end = bytes + ROOM;
    uint8_t *at = bytes + ROOM;
    for (size_t i = 0; i < LEVELS; i++)
        at = put_around(put_around(at, end, ELEMENT), end, ARRAY);
    at = put_around(put_around(at, end, FIELD_TYPE), end, SCHEMA_FIELDS);
    beamc_schema *schema = NULL;
    beamc_error err;
    assert_int_equal(beamc_schema_parse(at, (size_t)(end - at), &schema, &err), BEAMC_LIMIT);
    assert_contains(err.text, "nested deeper than 100");
    assert_null(schema);
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
        cmocka_unit_test(a_logical_type_we_do_not_know_keeps_its_urn),
        cmocka_unit_test(logical_types_around_one_another_must_go_together),
        cmocka_unit_test(each_logical_type_has_its_representation),
        cmocka_unit_test(logical_types_of_rows_have_their_fields),
        cmocka_unit_test(a_timestamp_needs_its_precision),
        cmocka_unit_test(an_enumeration_has_its_names_by_number),
        cmocka_unit_test(a_representation_that_may_be_null_is_counted),
        cmocka_unit_test(a_schema_is_static_unless_its_option_says_false),
        cmocka_unit_test(bytes_of_nothing_but_nesting_are_refused),
    };
    return cmocka_run_group_tests_name("schema", tests, NULL, NULL);
}
