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
        FIELD("go_int", LOGICAL(INT64, PLAIN, "int")),
        FIELD("chars", LOGICAL(STRING, PLAIN, "beam:logical_type:var_char:v1")),
        FIELD("fixed", LOGICAL(BYTES, PLAIN, "beam:logical_type:fixed_bytes:v1")),
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

static void every_logical_type_that_has_a_form_is_accepted(void **state) {
    (void)state;
    const beamc_field case_fields[] = {FIELD("number", NULLABLE(INT32)), FIELD("text", NULLABLE(STRING))};
    const beamc_schema cases = SCHEMA(case_fields);
    static const char *const names[] = {"RED", "BLUE"};
    const beamc_type one_of = {.kind = BEAMC_TYPE_ROW, .logical = BEAMC_LOGICAL_ONE_OF, .row = &cases};
    const beamc_type colour = {
        .kind = BEAMC_TYPE_INT32, .logical = BEAMC_LOGICAL_ENUM, .enum_names = names, .num_enum_names = 2};
    const beamc_field fields[] = {
        FIELD("decimal", LOGICAL(BYTES, DECIMAL, "beam:logical_type:decimal:v1")),
        FIELD("date", LOGICAL(INT64, DATE, "beam:logical_type:date:v1")),
        FIELD("time", LOGICAL(INT64, TIME, "beam:logical_type:time:v1")),
        FIELD("datetime", LOGICAL(ROW, DATETIME, "beam:logical_type:datetime:v1")),
        FIELD("uuid", LOGICAL(ROW, UUID, "beam:logical_type:uuid:v1")),
        FIELD("precise", LOGICAL(ROW, TIMESTAMP, "beam:logical_type:timestamp:v1")),
        FIELD("java_date", LOGICAL(INT64, JAVA_DATE, "beam:logical_type:javasdk_date:v1")),
        FIELD("java_time", LOGICAL(INT64, JAVA_TIME, "beam:logical_type:javasdk_time:v1")),
        FIELD("go_time", LOGICAL(ROW, GO_TIME, "time.Time")),
        FIELD("go_uint16", LOGICAL(INT16, UNSIGNED, "uint16")),
        FIELD("go_uint64", LOGICAL(INT64, UNSIGNED, "uint64")),
        FIELD("colour", colour),
        FIELD("variant", one_of),
    };
    const beamc_schema schema = SCHEMA(fields);
    check_accepted(&schema);
}

static void an_enumeration_without_names_is_refused(void **state) {
    (void)state;
    check_type_refused(LOGICAL(INT32, ENUM, "beam:logical_type:javasdk_enum:v1"),
                       WORDS("field bad:", "names are not in the schema", "str"));
}

static void the_cases_of_a_one_of_are_columns(void **state) {
    (void)state;
    const beamc_field case_fields[] = {FIELD("a-number", NULLABLE(INT32))};
    const beamc_schema cases = SCHEMA(case_fields);
    check_type_refused((beamc_type){.kind = BEAMC_TYPE_ROW, .logical = BEAMC_LOGICAL_ONE_OF, .row = &cases},
                       WORDS("field bad.a-number:", "single underscores"));
}

static void unknown_logical_types_are_refused_by_their_urn_or_taken_on_request(void **state) {
    (void)state;
    const beamc_type point = {.kind = BEAMC_TYPE_STRING,
                              .logical = BEAMC_LOGICAL_OTHER,
                              .logical_urn = "org.example:point:v1",
                              .unknown_urn = "org.example:point:v1"};
    const beamc_field inner_fields[] = {FIELD("at", ARRAY_OF(&point))};
    const beamc_schema inner = SCHEMA(inner_fields);
    const beamc_field fields[] = {FIELD("place", ROW_OF(&inner))};
    const beamc_schema schema = SCHEMA(fields);
    const tecton_sink_config taken = {.unknown_logical_types = TECTON_UNKNOWN_REPRESENTATION};
    check_refused(&schema, &defaults,
                  WORDS("field place.at:", "org.example:point:v1 is not known here",
                        "unknown_logical_types='representation'", "as the STRING"));
    beamc_error err = {{0}};
    assert_int_equal(tecton_check_schema(&schema, &taken, &err), BEAMC_OK);

    /* around a type we know, and as a map's key */
    beamc_type deadline = LOGICAL(INT64, DATE, "beam:logical_type:date:v1");
    deadline.unknown_urn = "org.example:deadline:v1";
    check_type_refused(deadline, WORDS("field bad:", "org.example:deadline:v1"));
    check_type_refused(MAP_OF(&point, &string_type), WORDS("field bad:", "org.example:point:v1"));

    /* what has no representation has nothing to be taken by */
    beamc_type opaque = point;
    opaque.kind = BEAMC_TYPE_OPAQUE;
    const beamc_field opaque_fields[] = {FIELD("bad", opaque)};
    const beamc_schema opaque_schema = SCHEMA(opaque_fields);
    check_refused(&opaque_schema, &taken, WORDS("field bad:", "org.example:point:v1 has no representation"));
    check_refused(&opaque_schema, &defaults, WORDS("no representation"));
    check_type_refused(TYPE(OPAQUE), WORDS("no representation"));
}

static void python_s_any_stays_refused_when_unknown_types_are_taken(void **state) {
    (void)state;
    const tecton_sink_config taken = {.unknown_logical_types = TECTON_UNKNOWN_REPRESENTATION};
    const beamc_field fields[] = {FIELD("bad", any_type)};
    const beamc_schema schema = SCHEMA(fields);
    check_refused(&schema, &taken, WORDS("field bad:", "Any", "NamedTuple"));
}

static void an_urn_that_is_no_text_is_shown_as_text(void **state) {
    (void)state;
    beamc_type type = TYPE(STRING);
    type.logical = BEAMC_LOGICAL_OTHER;
    type.unknown_urn = "\xff\n";
    check_type_refused(type, WORDS("logical type .  is not known here"));
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
        cmocka_unit_test(every_logical_type_that_has_a_form_is_accepted),
        cmocka_unit_test(an_enumeration_without_names_is_refused),
        cmocka_unit_test(the_cases_of_a_one_of_are_columns),
        cmocka_unit_test(unknown_logical_types_are_refused_by_their_urn_or_taken_on_request),
        cmocka_unit_test(python_s_any_stays_refused_when_unknown_types_are_taken),
        cmocka_unit_test(an_urn_that_is_no_text_is_shown_as_text),
        cmocka_unit_test(maps_have_string_keys),
        cmocka_unit_test(bytes_can_be_refused),
        cmocka_unit_test(column_names_are_tectons),
        cmocka_unit_test(a_name_given_twice_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
