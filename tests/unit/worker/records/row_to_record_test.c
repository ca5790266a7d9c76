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
    beamc_status status = tecton_record_encode(plan, values, 0, &out, err);
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

static beamc_value bytes_value_as_text(const void *bytes, size_t len) {
    return (beamc_value){.kind = BEAMC_VALUE_STRING, .as.bytes = {.data = bytes, .len = len}};
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
    check_value(LOGICAL(INT64, PLAIN, "int"), integer_value(5), &defaults, "5");
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

static beamc_type timestamp_type(uint8_t precision) {
    return (beamc_type){.kind = BEAMC_TYPE_ROW, .logical = BEAMC_LOGICAL_TIMESTAMP, .precision = precision};
}

static void timestamps_of_a_precision_have_as_many_digits(void **state) {
    (void)state;
    const beamc_value time = time_value(1772356500, 123456789);
    check_value(timestamp_type(0), time, &defaults, "\"2026-03-01T09:15:00Z\"");
    check_value(timestamp_type(1), time, &defaults, "\"2026-03-01T09:15:00.1Z\"");
    check_value(timestamp_type(9), time, &defaults, "\"2026-03-01T09:15:00.123456789Z\"");
    check_refused(timestamp_type(9), time_value(INT64_C(253402300800), 0), &defaults, WORDS("field x:", "9999"));
}

static void times_before_1970_count_forward_from_their_second(void **state) {
    (void)state;
    const beamc_type micros = LOGICAL(ROW, MICROS_INSTANT, "m");
    check_value(micros, time_value(-1, 999999000), &defaults, "\"1969-12-31T23:59:59.999999Z\"");
    check_value(micros, time_value(INT64_C(-62135596800), 0), &defaults, "\"0001-01-01T00:00:00.000000Z\"");
    check_refused(micros, time_value(INT64_C(-62135596801), 999999000), &defaults, WORDS("field x:", "0001 to 9999"));
}

static beamc_value row_value(beamc_value *fields, size_t count) {
    return items_value(BEAMC_VALUE_ROW, fields, count);
}

static void go_s_times_are_rewritten_in_utc(void **state) {
    (void)state;
    const beamc_type go_time = LOGICAL(ROW, GO_TIME, "time.Time");
    beamc_value go_text = text_value("2024-02-29T14:45:00.25+05:30");
    check_value(go_time, row_value(&go_text, 1), &defaults, "\"2024-02-29T09:15:00.250000000Z\"");
    static const char *const bad[] = {"yesterday", "", "2024-02-30T00:00:00Z"};
    for (size_t i = 0; i < 3; i++) {
        go_text = text_value(bad[i]);
        check_refused(go_time, row_value(&go_text, 1), &defaults, WORDS("field x:", "not RFC 3339"));
    }
    go_text = null_value();
    check_refused(go_time, row_value(&go_text, 1), &defaults, WORDS("field x:", "not RFC 3339"));
    go_text = text_value("0001-01-01T00:00:00+00:01"); /* a minute before year 1 */
    check_refused(go_time, row_value(&go_text, 1), &defaults, WORDS("field x:", "0001 to 9999"));
}

static void dates_and_times_of_day_are_text(void **state) {
    (void)state;
    const beamc_type date = LOGICAL(INT64, DATE, "d");
    const beamc_type time = LOGICAL(INT64, TIME, "t");
    const beamc_type datetime = LOGICAL(ROW, DATETIME, "dt");
    check_value(date, integer_value(19782), &defaults, "\"2024-02-29\"");
    check_value(date, integer_value(-1), &defaults, "\"1969-12-31\"");
    check_refused(date, integer_value(2932897), &defaults, WORDS("field x:", "date", "9999"));
    check_value(time, integer_value(INT64_C(33300000000000)), &defaults, "\"09:15:00\"");
    check_value(time, integer_value(1), &defaults, "\"00:00:00.000000001\"");
    check_refused(time, integer_value(INT64_C(86400000000000)), &defaults, WORDS("field x:", "within one day"));
    beamc_value parts[] = {integer_value(19782), integer_value(INT64_C(33300500000000))};
    check_value(datetime, row_value(parts, 2), &defaults, "\"2024-02-29T09:15:00.500\"");
    parts[1] = integer_value(-1);
    check_refused(datetime, row_value(parts, 2), &defaults, WORDS("field x:", "within one day"));
    parts[1] = null_value();
    check_refused(datetime, row_value(parts, 2), &defaults, WORDS("field x:"));
}

static void java_s_dates_and_times_lose_nothing(void **state) {
    (void)state;
    const beamc_type date = LOGICAL(INT64, JAVA_DATE, "d");
    const beamc_type time = LOGICAL(INT64, JAVA_TIME, "t");
    check_value(date, time_value(INT64_C(19782) * 86400, 0), &defaults, "\"2024-02-29\"");
    check_value(date, time_value(-86400, 0), &defaults, "\"1969-12-31\"");
    check_refused(date, time_value(1, 0), &defaults, WORDS("field x:", "time of day", "midnight"));
    check_refused(date, time_value(0, 1000000), &defaults, WORDS("time of day"));
    check_refused(date, time_value(INT64_C(253402300800), 0), &defaults, WORDS("field x:", "9999"));
    check_value(time, time_value(33300, 250000000), &defaults, "\"09:15:00.250\"");
    check_refused(time, time_value(86400, 0), &defaults, WORDS("field x:", "other than 1970-01-01"));
    check_refused(time, time_value(-1, 0), &defaults, WORDS("other than 1970-01-01"));
}

static beamc_value decimal_value(const char *unscaled, size_t len, int32_t scale) {
    return (beamc_value){
        .kind = BEAMC_VALUE_DECIMAL,
        .as.decimal = {.unscaled = (const uint8_t *)unscaled, .unscaled_len = (uint32_t)len, .scale = scale}};
}

static void decimals_are_strings_of_every_digit(void **state) {
    (void)state;
    const beamc_type decimal = LOGICAL(BYTES, DECIMAL, "beam:logical_type:decimal:v1");
    check_value(decimal, decimal_value("\x00\x96", 2, 2), &defaults, "\"1.50\"");
    check_value(decimal, decimal_value("\x9c", 1, -1), &defaults, "\"-1000\"");
    check_refused(decimal, decimal_value("\x01", 1, INT32_MIN), &defaults, WORDS("field x:", "1,000 digits", "Round"));
}

static void uuids_are_canonical_text(void **state) {
    (void)state;
    const beamc_type uuid = LOGICAL(ROW, UUID, "beam:logical_type:uuid:v1");
    beamc_value parts[] = {integer_value(INT64_C(0x123e4567e89b12d3)), integer_value(-1)};
    check_value(uuid, row_value(parts, 2), &defaults, "\"123e4567-e89b-12d3-ffff-ffffffffffff\"");
    parts[0] = null_value();
    check_refused(uuid, row_value(parts, 2), &defaults, WORDS("field x:", "half of the UUID is null"));
}

static void enumerations_are_names(void **state) {
    (void)state;
    static const char *const names[] = {"RED", "", "B\"LUE", "\xff"};
    const beamc_type colour = {
        .kind = BEAMC_TYPE_INT32, .logical = BEAMC_LOGICAL_ENUM, .enum_names = names, .num_enum_names = 4};
    check_value(colour, integer_value(0), &defaults, "\"RED\"");
    check_value(colour, integer_value(2), &defaults, "\"B\\\"LUE\"");
    static const int64_t nameless[] = {1, 4, -1, INT32_MIN};
    for (size_t i = 0; i < 4; i++)
        check_refused(colour, integer_value(nameless[i]), &defaults, WORDS("field x:", "has no name"));
    check_refused(colour, integer_value(3), &defaults, WORDS("field x:", "not valid UTF-8"));
}

static void a_one_of_is_a_struct_with_one_column_set(void **state) {
    (void)state;
    const beamc_field case_fields[] = {FIELD("number", NULLABLE(INT32)), FIELD("text", NULLABLE(STRING))};
    const beamc_schema cases = SCHEMA(case_fields);
    const beamc_type one_of = {.kind = BEAMC_TYPE_ROW, .logical = BEAMC_LOGICAL_ONE_OF, .row = &cases};
    beamc_value set[] = {integer_value(5), null_value()};
    check_value(one_of, row_value(set, 2), &defaults, "{\"number\":5,\"text\":null}");
    set[1] = text_value("five");
    check_refused(one_of, row_value(set, 2), &defaults, WORDS("field x:", "more than one case"));
    set[0] = set[1] = null_value();
    check_refused(one_of, row_value(set, 2), &defaults, WORDS("field x:", "or none"));
}

static void go_s_unsigned_integers_end_where_tecton_s_do(void **state) {
    (void)state;
    const tecton_sink_config number = {.int64_encoding = TECTON_INT64_NUMBER};
    check_value(LOGICAL(INT16, UNSIGNED, "uint16"), integer_value(65535), &defaults, "65535");
    check_value(LOGICAL(INT32, UNSIGNED, "uint32"), integer_value(INT64_C(4294967295)), &defaults, "4294967295");
    const beamc_type uint64 = LOGICAL(INT64, UNSIGNED, "uint64");
    check_value(uint64, integer_value(7), &defaults, "7");
    check_value(uint64, integer_value(INT64_MAX), &defaults, "\"9223372036854775807\"");
    check_refused(uint64, integer_value(INT64_MAX), &number, WORDS("field x:", "2^53-1"));
    check_refused(uint64, integer_value(-1), &defaults, WORDS("field x:", "beyond 2^63-1", "string"));
}

static void unknown_logical_types_are_written_as_what_represents_them(void **state) {
    (void)state;
    const tecton_sink_config taken = {.unknown_logical_types = TECTON_UNKNOWN_REPRESENTATION};
    beamc_type point = LOGICAL(STRING, OTHER, "org.example:point:v1");
    point.unknown_urn = point.logical_urn;
    check_value(point, text_value("1,2"), &taken, "\"1,2\"");
    beamc_type deadline = LOGICAL(INT64, DATE, "beam:logical_type:date:v1");
    deadline.unknown_urn = "org.example:deadline:v1";
    check_value(deadline, integer_value(0), &taken, "\"1970-01-01\"");
}

static void null_and_empty_are_different(void **state) {
    (void)state;
    beamc_type list = ARRAY_OF(&string_type);
    beamc_type map = MAP_OF(&string_type, &int64_type);
    const beamc_schema nothing = {.id = ""};
    beamc_type row = ROW_OF(&nothing);
    list.nullable = map.nullable = row.nullable = true;
    check_value(list, items_value(BEAMC_VALUE_ARRAY, NULL, 0), &defaults, "[]");
    check_value(map, items_value(BEAMC_VALUE_MAP, NULL, 0), &defaults, "{}");
    check_value(row, items_value(BEAMC_VALUE_ROW, NULL, 0), &defaults, "{}");
    check_value(list, null_value(), &defaults, "null");
    check_value(map, null_value(), &defaults, "null");
    check_value(row, null_value(), &defaults, "null");
    check_value(NULLABLE(STRING), text_value(""), &defaults, "\"\"");
    check_value(TYPE(BYTES), bytes_value("", 0), &defaults, "\"\"");
    /* Go marks a nil list as null where the schema says it cannot be */
    check_value(ARRAY_OF(&string_type), null_value(), &defaults, "null");
}

static void strings_are_escaped_and_must_be_utf8(void **state) {
    (void)state;
    check_value(TYPE(STRING), bytes_value_as_text("a\0b", 3), &defaults, "\"a\\u0000b\"");
    check_value(TYPE(STRING), text_value("\x01\t\n\r\x1f\x7f"), &defaults, "\"\\u0001\\t\\n\\r\\u001f\x7f\"");
    check_value(TYPE(STRING), text_value("\xe2\x80\xa8\xf0\x9f\x98\x80"), &defaults,
                "\"\xe2\x80\xa8\xf0\x9f\x98\x80\""); /* U+2028, U+1F600 */
    check_refused(TYPE(STRING), text_value("ab\xed\xa0\x80"), &defaults,
                  WORDS("field x:", "not valid UTF-8 at byte 2")); /* a lone surrogate, U+D800 */
    check_refused(TYPE(STRING), text_value("\xc0\x80"), &defaults, WORDS("not valid UTF-8 at byte 0"));
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
        cmocka_unit_test(timestamps_of_a_precision_have_as_many_digits),
        cmocka_unit_test(times_before_1970_count_forward_from_their_second),
        cmocka_unit_test(go_s_times_are_rewritten_in_utc),
        cmocka_unit_test(dates_and_times_of_day_are_text),
        cmocka_unit_test(java_s_dates_and_times_lose_nothing),
        cmocka_unit_test(decimals_are_strings_of_every_digit),
        cmocka_unit_test(uuids_are_canonical_text),
        cmocka_unit_test(enumerations_are_names),
        cmocka_unit_test(a_one_of_is_a_struct_with_one_column_set),
        cmocka_unit_test(go_s_unsigned_integers_end_where_tecton_s_do),
        cmocka_unit_test(unknown_logical_types_are_written_as_what_represents_them),
        cmocka_unit_test(null_and_empty_are_different),
        cmocka_unit_test(strings_are_escaped_and_must_be_utf8),
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
