#include "tests/support/check.h"
#include "tests/support/test_rows.h"
#include "worker/records/row_to_record.h"

static const tecton_sink_config defaults = {.bytes_encoding = TECTON_BYTES_BASE64};
static const beamc_type string_type = {.kind = BEAMC_TYPE_STRING};
static const beamc_type int64_type = {.kind = BEAMC_TYPE_INT64};
static const beamc_type any_type = {
    .kind = BEAMC_TYPE_BYTES, .logical = BEAMC_LOGICAL_PYTHON_ANY, .logical_urn = "beam:logical:pythonsdk_any:v1"};

static void check_accepted(const beamc_schema *schema) {
    beamc_error err = {{0}};
    if (tecton_check_schema(schema, &defaults, &err) != BEAMC_OK)
        fail_msg("%s", err.text);
}

#define WORDS(...) ((const char *const[]){__VA_ARGS__, NULL})

static void check_refused(const beamc_schema *schema, const tecton_sink_config *config, const char *const *words) {
    beamc_error err = {{0}};
    assert_int_equal(tecton_check_schema(schema, config, &err), BEAMC_INVALID);
    for (; *words != NULL; words++)
        assert_contains(err.text, *words);
}

static void check_type_refused(beamc_type type, const char *const *words) {
    beamc_field fields[] = {FIELD("ok", TYPE(STRING)), FIELD("bad", type)};
    beamc_schema schema = SCHEMA(fields);
    check_refused(&schema, &defaults, words);
}

static void check_name_refused(const char *name, const char *const *words) {
    beamc_field fields[] = {FIELD(name, TYPE(STRING))};
    beamc_schema schema = SCHEMA(fields);
    check_refused(&schema, &defaults, words);
}

static void everything_tecton_has_is_accepted(void **state) {
    (void)state;
    const beamc_field inner_fields[] = {FIELD("country", NULLABLE(STRING))};
    const beamc_schema inner = SCHEMA(inner_fields);
    const beamc_type inner_type = ROW_OF(&inner);
    const beamc_field fields[] = {
        FIELD("a_byte", TYPE(BYTE)),
        FIELD("a_short", TYPE(INT16)),
        FIELD("an_int", TYPE(INT32)),
        FIELD("a_long", NULLABLE(INT64)),
        FIELD("a_float", TYPE(FLOAT)),
        FIELD("a_double", TYPE(DOUBLE)),
        FIELD("a_string", TYPE(STRING)),
        FIELD("a_flag", TYPE(BOOLEAN)),
        FIELD("some_bytes", TYPE(BYTES)),
        FIELD("list", ARRAY_OF(&string_type)),
        FIELD("structs", ARRAY_OF(&inner_type)),
        FIELD("map", MAP_OF(&string_type, &int64_type)),
        FIELD("struct", ROW_OF(&inner)),
        FIELD("millis", LOGICAL(INT64, MILLIS_INSTANT, "beam:logical_type:millis_instant:v1")),
        FIELD("micros", LOGICAL(ROW, MICROS_INSTANT, "beam:logical_type:micros_instant:v1")),
        FIELD("nanos", LOGICAL(ROW, NANOS_INSTANT, "beam:logical_type:nanos_instant:v1")),
        FIELD("go_int", LOGICAL(INT64, OTHER, "int")),
        FIELD("chars", LOGICAL(STRING, OTHER, "beam:logical_type:var_char:v1")),
        FIELD("fixed", LOGICAL(BYTES, OTHER, "beam:logical_type:fixed_bytes:v1")),
        FIELD("_2x", TYPE(STRING)),
    };
    const beamc_schema schema = SCHEMA(fields);
    check_accepted(&schema);
}

static void an_input_without_schema_says_how_to_give_one(void **state) {
    (void)state;
    check_refused(NULL, &defaults, WORDS("the input has no schema", "NamedTuple", "schema="));
    const beamc_schema empty = {.id = ""};
    check_refused(&empty, &defaults, WORDS("the input has no schema"));
}

static void pythons_any_is_refused_with_the_cure(void **state) {
    (void)state;
    check_type_refused(any_type, WORDS("field bad:", "could only type it as Any", "NamedTuple", "schema="));
    check_type_refused(ARRAY_OF(&any_type), WORDS("field bad:", "Any"));
    check_type_refused(MAP_OF(&string_type, &any_type), WORDS("field bad:", "Any"));
}

static void the_path_leads_into_rows_lists_and_maps(void **state) {
    (void)state;
    const beamc_field deep_fields[] = {FIELD("price", any_type)};
    const beamc_schema deep = SCHEMA(deep_fields);
    const beamc_type deep_type = ROW_OF(&deep);
    const beamc_field middle_fields[] = {FIELD("lines", ARRAY_OF(&deep_type))};
    const beamc_schema middle = SCHEMA(middle_fields);
    const beamc_field fields[] = {FIELD("order", ROW_OF(&middle))};
    const beamc_schema schema = SCHEMA(fields);
    check_refused(&schema, &defaults, WORDS("field order.lines.price:"));
}

static void other_logical_types_are_named_by_their_urn(void **state) {
    (void)state;
    check_type_refused(LOGICAL(BYTES, OTHER, "beam:logical_type:decimal:v1"),
                       WORDS("field bad:", "beam:logical_type:decimal:v1", "float or to str"));
    check_type_refused(LOGICAL(INT64, OTHER, "beam:logical_type:date:v1"),
                       WORDS("beam:logical_type:date:v1", "Timestamp"));
    check_type_refused(LOGICAL(ROW, OTHER, "time.Time"), WORDS("time.Time"));
    check_type_refused(LOGICAL(INT64, OTHER, "uint64"), WORDS("uint64", "plain type"));
    check_type_refused(LOGICAL(OPAQUE, OTHER, "beam:logical_type:var_char:v1"), WORDS("var_char"));
    check_type_refused(TYPE(OPAQUE), WORDS("no representation"));
}

static void maps_have_string_keys(void **state) {
    (void)state;
    check_type_refused(MAP_OF(&int64_type, &string_type), WORDS("field bad:", "String keys only"));
}

static void bytes_can_be_refused(void **state) {
    (void)state;
    const tecton_sink_config reject = {.bytes_encoding = TECTON_BYTES_REJECT};
    const beamc_field fields[] = {FIELD("photo", TYPE(BYTES))};
    const beamc_schema schema = SCHEMA(fields);
    check_refused(&schema, &reject, WORDS("field photo:", "BYTES", "bytes_encoding"));
}

static void column_names_are_tectons(void **state) {
    (void)state;
    check_name_refused("user-id", WORDS("field user-id:", "letters, digits and single underscores", "user_id"));
    check_name_refused("user id", WORDS("user_id"));
    check_name_refused("user__id", WORDS("field user__id:", "for example to user_id"));
    check_name_refused("", WORDS("letters, digits"));
    check_name_refused("pr\xc3\xa9nom", WORDS("for example to pr_nom"));
    check_name_refused("\xc3\xa9", WORDS("letters, digits"));
    check_name_refused("a\"b", WORDS("a_b"));
}

static void a_name_given_twice_is_refused(void **state) {
    (void)state;
    const beamc_field fields[] = {FIELD("a", TYPE(STRING)), FIELD("b", TYPE(STRING)), FIELD("a", TYPE(INT64))};
    const beamc_schema schema = SCHEMA(fields);
    check_refused(&schema, &defaults, WORDS("field a:", "two fields"));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(everything_tecton_has_is_accepted),
        cmocka_unit_test(an_input_without_schema_says_how_to_give_one),
        cmocka_unit_test(pythons_any_is_refused_with_the_cure),
        cmocka_unit_test(the_path_leads_into_rows_lists_and_maps),
        cmocka_unit_test(other_logical_types_are_named_by_their_urn),
        cmocka_unit_test(maps_have_string_keys),
        cmocka_unit_test(bytes_can_be_refused),
        cmocka_unit_test(column_names_are_tectons),
        cmocka_unit_test(a_name_given_twice_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
