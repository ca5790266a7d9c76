#include "worker/records/row_to_record.h"

#include "tests/support/check.h"
#include "tests/support/test_rows.h"

#include <math.h>

enum { CEILING = 4096, MAX_TEXT = 4096 };

static const beamc_type string_type = {.kind = BEAMC_TYPE_STRING};
static const beamc_type nullable_string_type = {.kind = BEAMC_TYPE_STRING, .nullable = true};
static const beamc_type int64_type = {.kind = BEAMC_TYPE_INT64};
static const beamc_type double_type = {.kind = BEAMC_TYPE_DOUBLE};

static char text[MAX_TEXT + 1];

static beamc_status encode(const beamc_schema *schema, const beamc_value *values, const tecton_sink_config *config,
                           beamc_error *err) {
    tecton_record_plan *plan = NULL;
    beamc_byte_buffer out;
    beamc_byte_buffer_init(&out, CEILING);
    if (tecton_record_plan_new(schema, config, &plan, err) != BEAMC_OK)
        fail_msg("%s", err->text);
    beamc_status status = tecton_record_encode(plan, values, &out, err);
    if (status == BEAMC_OK) {
        memcpy(text, out.data, out.len);
        text[out.len] = '\0';
    }
    tecton_record_plan_free(plan);
    beamc_byte_buffer_cleanup(&out);
    return status;
}

static void check_row(const beamc_schema *schema, const beamc_value *values, const tecton_sink_config *config,
                      const char *json) {
    beamc_error err = {{0}};
    if (encode(schema, values, config, &err) != BEAMC_OK)
        fail_msg("%s", err.text);
    assert_string_equal(text, json);
}

static const tecton_sink_config defaults = {0};

static void check_value(beamc_type type, beamc_value value, const tecton_sink_config *config, const char *json) {
    const beamc_field fields[] = {FIELD("x", type)};
    const beamc_schema schema = SCHEMA(fields);
    char expected[MAX_TEXT];
    (void)snprintf(expected, sizeof expected, "{\"x\":%s}", json);
    check_row(&schema, &value, config, expected);
}

#define WORDS(...) ((const char *const[]){__VA_ARGS__, NULL})

static void check_refused(beamc_type type, beamc_value value, const tecton_sink_config *config,
                          const char *const *words) {
    const beamc_field fields[] = {FIELD("x", type)};
    const beamc_schema schema = SCHEMA(fields);
    beamc_error err = {{0}};
    assert_int_equal(encode(&schema, &value, config, &err), BEAMC_INVALID);
    for (; *words != NULL; words++)
        assert_contains(err.text, *words);
}

static void every_column_is_there_with_null_where_it_has_none(void **state) {
    (void)state;
    const beamc_field fields[] = {FIELD("id", TYPE(STRING)), FIELD("amount", NULLABLE(DOUBLE)),
                                  FIELD("items", NULLABLE(INT64))};
    const beamc_schema schema = SCHEMA(fields);
    const beamc_value values[] = {text_value("c-1"), null_value(), null_value()};
    check_row(&schema, values, &defaults, "{\"id\":\"c-1\",\"amount\":null,\"items\":null}");
}

static void scalars_are_written_by_their_type(void **state) {
    (void)state;
    check_value(TYPE(BOOLEAN), boolean_value(true), &defaults, "true");
    check_value(TYPE(BOOLEAN), boolean_value(false), &defaults, "false");
    check_value(TYPE(BYTE), integer_value(7), &defaults, "7");
    check_value(TYPE(BYTE), integer_value(253), &defaults, "-3"); /* a signed byte in Java and Python */
    check_value(TYPE(INT16), integer_value(-32768), &defaults, "-32768");
    check_value(TYPE(INT32), integer_value(2147483647), &defaults, "2147483647");
    check_value(TYPE(FLOAT), float_value(0.1F), &defaults, "0.1");
    check_value(TYPE(DOUBLE), double_value(-0.0), &defaults, "-0.0");
    check_value(TYPE(STRING), text_value("a \"b\""), &defaults, "\"a \\\"b\\\"\"");
    check_value(TYPE(BYTES), bytes_value("\xff\x00", 2), &defaults, "\"/wA=\"");
    check_value(LOGICAL(INT64, OTHER, "int"), integer_value(5), &defaults, "5");
}

static void timestamps_have_the_digits_of_their_type(void **state) {
    (void)state;
    const beamc_value time = time_value(1772356500, 123456789);
    check_value(LOGICAL(INT64, MILLIS_INSTANT, "m"), time, &defaults, "\"2026-03-01T09:15:00.123Z\"");
    check_value(LOGICAL(ROW, MICROS_INSTANT, "m"), time, &defaults, "\"2026-03-01T09:15:00.123456Z\"");
    check_value(LOGICAL(ROW, NANOS_INSTANT, "m"), time, &defaults, "\"2026-03-01T09:15:00.123456789Z\"");
    check_refused(LOGICAL(INT64, MILLIS_INSTANT, "m"), time_value(INT64_C(-9223372036854776), 0), &defaults,
                  WORDS("field x:", "0001 to 9999"));
}

static void large_integers_follow_int64_encoding(void **state) {
    (void)state;
    const tecton_sink_config number = {.int64_encoding = TECTON_INT64_NUMBER};
    const tecton_sink_config string = {.int64_encoding = TECTON_INT64_STRING};
    const int64_t safe = INT64_C(9007199254740991);
    check_value(TYPE(INT64), integer_value(safe), &defaults, "9007199254740991");
    check_value(TYPE(INT64), integer_value(safe + 1), &defaults, "\"9007199254740992\"");
    check_value(TYPE(INT64), integer_value(-safe), &defaults, "-9007199254740991");
    check_value(TYPE(INT64), integer_value(-safe - 1), &defaults, "\"-9007199254740992\"");
    check_value(TYPE(INT64), integer_value(INT64_MIN), &defaults, "\"-9223372036854775808\"");
    check_value(TYPE(INT64), integer_value(safe), &number, "9007199254740991");
    check_refused(TYPE(INT64), integer_value(safe + 1), &number, WORDS("field x:", "2^53-1", "int64_encoding='auto'"));
    check_value(TYPE(INT64), integer_value(1), &string, "\"1\"");
    check_value(TYPE(INT32), integer_value(1), &string, "1"); /* INT64 only */
}

static void non_finite_numbers_follow_their_option(void **state) {
    (void)state;
    const tecton_sink_config null = {.non_finite = TECTON_NON_FINITE_NULL};
    const tecton_sink_config string = {.non_finite = TECTON_NON_FINITE_STRING};
    check_refused(TYPE(DOUBLE), double_value(NAN), &defaults,
                  WORDS("field x:", "NaN", "pandas", "None", "non_finite='null'"));
    check_refused(TYPE(DOUBLE), double_value(-INFINITY), &defaults, WORDS("field x:", "infinite"));
    check_refused(TYPE(FLOAT), float_value(NAN), &defaults, WORDS("field x:", "NaN"));
    check_value(TYPE(DOUBLE), double_value(NAN), &null, "null");
    check_value(TYPE(FLOAT), float_value(INFINITY), &null, "null");
    check_value(TYPE(DOUBLE), double_value(NAN), &string, "\"NaN\"");
    check_value(TYPE(DOUBLE), double_value(INFINITY), &string, "\"Infinity\"");
    check_value(TYPE(FLOAT), float_value(-INFINITY), &string, "\"-Infinity\"");
}

static void lists_maps_and_rows_nest(void **state) {
    (void)state;
    beamc_value tags[] = {text_value("pos"), null_value()};
    check_value(ARRAY_OF(&nullable_string_type), items_value(BEAMC_VALUE_ARRAY, tags, 2), &defaults, "[\"pos\",null]");
    check_value(ARRAY_OF(&string_type), items_value(BEAMC_VALUE_ARRAY, NULL, 0), &defaults, "[]");
    beamc_value scores[] = {text_value("velocity"), double_value(0.4), text_value("n\"x"), double_value(2)};
    check_value(MAP_OF(&string_type, &double_type), items_value(BEAMC_VALUE_MAP, scores, 2), &defaults,
                "{\"velocity\":0.4,\"n\\\"x\":2.0}");
    check_value(MAP_OF(&string_type, &double_type), items_value(BEAMC_VALUE_MAP, NULL, 0), &defaults, "{}");
    const beamc_field merchant_fields[] = {FIELD("id", TYPE(STRING)), FIELD("country", NULLABLE(STRING))};
    const beamc_schema merchant = SCHEMA(merchant_fields);
    beamc_value merchant_values[] = {text_value("m-9"), null_value()};
    check_value(ROW_OF(&merchant), items_value(BEAMC_VALUE_ROW, merchant_values, 2), &defaults,
                "{\"id\":\"m-9\",\"country\":null}");
    const beamc_schema nothing = {.id = ""};
    check_value(ROW_OF(&nothing), items_value(BEAMC_VALUE_ROW, NULL, 0), &defaults, "{}");
}

static void a_map_with_a_key_twice_is_refused(void **state) {
    (void)state;
    beamc_value items[200];
    char keys[100][8];
    for (size_t i = 0; i < 100; i++) {
        (void)snprintf(keys[i], sizeof keys[i], "k%zu", i);
        items[2 * i] = text_value(keys[i]);
        items[2 * i + 1] = integer_value((int64_t)i);
    }
    const beamc_type map = MAP_OF(&string_type, &int64_type);
    const beamc_field fields[] = {FIELD("x", map)};
    const beamc_schema schema = SCHEMA(fields);
    beamc_error err = {{0}};
    beamc_value value = items_value(BEAMC_VALUE_MAP, items, 100);
    assert_int_equal(encode(&schema, &value, &defaults, &err), BEAMC_OK);
    items[2 * 99] = text_value("k3");
    check_refused(map, value, &defaults, WORDS("field x:", "same key twice"));
    items[2 * 1] = text_value("k0");
    check_refused(map, items_value(BEAMC_VALUE_MAP, items, 2), &defaults, WORDS("same key twice"));
    items[0] = null_value();
    check_refused(map, items_value(BEAMC_VALUE_MAP, items, 2), &defaults, WORDS("field x:", "key of the map is null"));
}

static void a_refusal_names_the_path_to_the_value(void **state) {
    (void)state;
    const beamc_field item_fields[] = {FIELD("name", TYPE(STRING)), FIELD("price", TYPE(DOUBLE))};
    const beamc_schema item = SCHEMA(item_fields);
    const beamc_type item_type = ROW_OF(&item);
    beamc_value rows[3][2] = {
        {text_value("a"), double_value(1)}, {text_value("b"), double_value(2)}, {text_value("c"), double_value(NAN)}};
    beamc_value items[3];
    for (size_t i = 0; i < 3; i++)
        items[i] = items_value(BEAMC_VALUE_ROW, rows[i], 2);
    check_refused(ARRAY_OF(&item_type), items_value(BEAMC_VALUE_ARRAY, items, 3), &defaults,
                  WORDS("field x[2].price:", "NaN"));
    rows[1][0] = text_value("b\xff");
    check_refused(ARRAY_OF(&item_type), items_value(BEAMC_VALUE_ARRAY, items, 3), &defaults,
                  WORDS("field x[1].name:", "UTF-8 at byte 1"));
    beamc_value map[] = {text_value("secret-key"), double_value(NAN)};
    beamc_error err = {{0}};
    const beamc_field fields[] = {FIELD("x", MAP_OF(&string_type, &double_type))};
    const beamc_schema schema = SCHEMA(fields);
    beamc_value value = items_value(BEAMC_VALUE_MAP, map, 1);
    assert_int_equal(encode(&schema, &value, &defaults, &err), BEAMC_INVALID);
    assert_contains(err.text, "field x[entry 0]:");
    assert_lacks(err.text, "secret-key"); /* keys are data */
}

static void a_path_longer_than_its_room_is_cut(void **state) {
    (void)state;
    enum { DEPTH = 60 };
    static beamc_field fields[DEPTH];
    static beamc_schema schemas[DEPTH];
    static beamc_value values[DEPTH];
    for (size_t i = DEPTH; i-- > 0;) {
        fields[i] = (beamc_field){.name = "a_rather_long_name"};
        if (i == DEPTH - 1) {
            fields[i].type = TYPE(DOUBLE);
            values[i] = double_value(NAN);
        } else {
            fields[i].type = ROW_OF(&schemas[i + 1]);
            values[i] = items_value(BEAMC_VALUE_ROW, &values[i + 1], 1);
        }
        schemas[i] = (beamc_schema){.id = "", .num_fields = 1, .fields = &fields[i]};
    }
    beamc_error err = {{0}};
    assert_int_equal(encode(&schemas[0], values, &defaults, &err), BEAMC_INVALID);
    assert_contains(err.text, "field a_rather_long_name.a_rather_long_name.");
    assert_contains(err.text, "NaN");
}

static void a_row_past_the_ceiling_says_so(void **state) {
    (void)state;
    static char long_text[CEILING + 1];
    memset(long_text, 'x', CEILING);
    const beamc_field fields[] = {FIELD("x", TYPE(STRING))};
    const beamc_schema schema = SCHEMA(fields);
    beamc_value value = text_value(long_text);
    beamc_error err = {{0}};
    assert_int_equal(encode(&schema, &value, &defaults, &err), BEAMC_LIMIT);
    assert_contains(err.text, "longer than 4096 bytes");
    assert_contains(err.text, "shorter");
}

static void a_value_of_another_kind_is_refused(void **state) {
    (void)state;
    check_refused(TYPE(STRING), integer_value(1), &defaults, WORDS("field x:", "not of the type"));
    check_refused(TYPE(DOUBLE), text_value("1"), &defaults, WORDS("not of the type"));
    check_refused(LOGICAL(INT64, MILLIS_INSTANT, "m"), integer_value(1), &defaults, WORDS("not of the type"));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_column_is_there_with_null_where_it_has_none),
        cmocka_unit_test(scalars_are_written_by_their_type),
        cmocka_unit_test(timestamps_have_the_digits_of_their_type),
        cmocka_unit_test(large_integers_follow_int64_encoding),
        cmocka_unit_test(non_finite_numbers_follow_their_option),
        cmocka_unit_test(lists_maps_and_rows_nest),
        cmocka_unit_test(a_map_with_a_key_twice_is_refused),
        cmocka_unit_test(a_refusal_names_the_path_to_the_value),
        cmocka_unit_test(a_path_longer_than_its_room_is_cut),
        cmocka_unit_test(a_row_past_the_ceiling_says_so),
        cmocka_unit_test(a_value_of_another_kind_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
