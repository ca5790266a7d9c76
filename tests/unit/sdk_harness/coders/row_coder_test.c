#include "sdk_harness/coders/row_coder.h"
#include "tests/support/check.h"
#include "tests/support/slices.h"
#include "tests/support/test_rows.h"

enum { MAX_FIELDS = 16, ARENA_BYTES = 1024 * 1024 };

/* Decodes, encodes again, and does the same with the bytes in slices of every length and cut at every byte. */
static void round_trip(const beamc_schema *schema, const char *bytes, size_t len, beamc_value *values,
                       beamc_arena *arena) {
    beamc_byte_buffer again;
    beamc_byte_buffer_init(&again, ARENA_BYTES);
    for (size_t slice_len = len; slice_len > 0; slice_len--) {
        test_slices s = {.bytes = (const uint8_t *)bytes, .len = len, .slice_len = slice_len};
        beamc_byte_reader in;
        beamc_error err;
        beamc_arena_reset(arena);
        beamc_byte_reader_init_slices(&in, test_next_slice, &s, arena);
        beamc_status status = beamc_row_decode(schema, &in, arena, values, &err);
        if (status != BEAMC_OK)
            fail_msg("slices of %zu bytes: %s", slice_len, err.text);
        assert_true(beamc_byte_reader_at_end(&in));
        beamc_byte_buffer_clear(&again);
        assert_int_equal(beamc_row_encode(schema, values, &again, &err), BEAMC_OK);
        assert_int_equal(again.len, len);
        assert_memory_equal(again.data, bytes, len);
    }
    for (size_t cut = 0; cut < len; cut++) {
        beamc_byte_reader in;
        beamc_value ignored[MAX_FIELDS];
        beamc_error err = {{0}};
        beamc_byte_reader_init(&in, bytes, cut, arena);
        assert_int_equal(beamc_row_decode(schema, &in, arena, ignored, &err), BEAMC_INVALID);
        assert_contains(err.text, "byte");
    }
    beamc_byte_buffer_cleanup(&again);
    /* the caller looks at values, which borrow from the last decoding: do it once more over the whole bytes */
    beamc_byte_reader in;
    beamc_arena_reset(arena);
    beamc_byte_reader_init(&in, bytes, len, arena);
    assert_int_equal(beamc_row_decode(schema, &in, arena, values, NULL), BEAMC_OK);
}

static int make_arena(void **state) {
    static beamc_arena arena;
    beamc_arena_init(&arena, ARENA_BYTES);
    *state = &arena;
    return 0;
}

static int free_arena(void **state) {
    beamc_arena_cleanup(*state);
    return 0;
}

static void a_row_of_a_negative_integer_and_a_text(void **state) {
    const beamc_field fields[] = {FIELD("id", TYPE(INT64)), FIELD("name", TYPE(STRING))};
    const beamc_schema schema = SCHEMA(fields);
    beamc_value values[2];
    round_trip(&schema,
               "\x02\x00\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01\x02"
               "ab",
               15, values, *state);
    assert_true(values[0].as.integer == -1);
    assert_int_equal(values[1].as.bytes.len, 2);
    assert_memory_equal(values[1].as.bytes.data, "ab", 2);
}

static void nulls_are_bits_counted_from_the_lowest(void **state) {
    const beamc_field fields[] = {FIELD("a", NULLABLE(STRING)), FIELD("b", NULLABLE(STRING)),
                                  FIELD("c", NULLABLE(STRING))};
    const beamc_schema schema = SCHEMA(fields);
    beamc_value values[3];
    round_trip(&schema, "\x03\x01\x05\x01x", 5, values, *state);
    assert_int_equal(values[0].kind, BEAMC_VALUE_NULL);
    assert_memory_equal(values[1].as.bytes.data, "x", 1);
    assert_int_equal(values[2].kind, BEAMC_VALUE_NULL);
}

static void every_atomic_type(void **state) {
    const beamc_field fields[] = {FIELD("byte", TYPE(BYTE)),     FIELD("int16", TYPE(INT16)),
                                  FIELD("int32", TYPE(INT32)),   FIELD("float", TYPE(FLOAT)),
                                  FIELD("double", TYPE(DOUBLE)), FIELD("bool", TYPE(BOOLEAN)),
                                  FIELD("bytes", TYPE(BYTES))};
    const beamc_schema schema = SCHEMA(fields);
    beamc_value values[7];
    round_trip(&schema,
               "\x07\x00"
               "\xfd"
               "\xff\xfe"
               "\xff\xff\xff\xff\x0f"
               "\x3f\x80\x00\x00"
               "\xbf\xe0\x00\x00\x00\x00\x00\x00"
               "\x01"
               "\x02\x00\xff",
               26, values, *state);
    assert_true(values[0].as.integer == 253);
    assert_true(values[1].as.integer == -2);
    assert_true(values[2].as.integer == -1);
    assert_true(values[3].as.real == 1.0);
    assert_true(values[4].as.real == -0.5);
    assert_true(values[5].as.boolean);
    assert_memory_equal(values[6].as.bytes.data, "\x00\xff", 2);
}

static void a_negative_int32_in_go_s_ten_bytes_is_the_same_value(void **state) {
    const beamc_field fields[] = {FIELD("n", TYPE(INT32))};
    const beamc_schema schema = SCHEMA(fields);
    beamc_value values[1];
    beamc_byte_reader in;
    beamc_byte_reader_init(&in, "\x01\x00\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", 12, *state);
    assert_int_equal(beamc_row_decode(&schema, &in, *state, values, NULL), BEAMC_OK);
    assert_true(values[0].as.integer == -1);
}

static void collections_and_nested_rows(void **state) {
    const beamc_type nullable_text = NULLABLE(STRING);
    const beamc_type text = TYPE(STRING);
    const beamc_type number = TYPE(INT64);
    const beamc_field inner_fields[] = {FIELD("price", TYPE(INT64))};
    const beamc_schema inner = SCHEMA(inner_fields);
    const beamc_type inner_row = ROW_OF(&inner);
    const beamc_field fields[] = {FIELD("tags", ARRAY_OF(&nullable_text)), FIELD("scores", MAP_OF(&text, &number)),
                                  FIELD("items", ARRAY_OF(&inner_row)), FIELD("one", ROW_OF(&inner))};
    const beamc_schema schema = SCHEMA(fields);
    beamc_value values[4];
    round_trip(&schema,
               "\x04\x00"
               "\x00\x00\x00\x02\x01\x01p\x00"
               "\x00\x00\x00\x01\x01k\x07"
               "\x00\x00\x00\x02\x01\x00\x05\x01\x00\x06"
               "\x01\x00\x09",
               30, values, *state);
    assert_int_equal(values[0].as.items.count, 2);
    assert_int_equal(values[0].as.items.data[1].kind, BEAMC_VALUE_NULL);
    assert_int_equal(values[1].as.items.count, 1);
    assert_true(values[1].as.items.data[1].as.integer == 7);
    assert_true(values[2].as.items.data[1].as.items.data[0].as.integer == 6);
    assert_true(values[3].as.items.data[0].as.integer == 9);
}

static void an_iterable_of_unknown_length_comes_in_blocks(void **state) {
    const beamc_type number = TYPE(INT64);
    const beamc_type list = {.kind = BEAMC_TYPE_ITERABLE, .element = &number};
    const beamc_field fields[] = {FIELD("n", list)};
    const beamc_schema schema = SCHEMA(fields);
    beamc_value values[1];
    beamc_byte_reader in;
    beamc_byte_reader_init(&in, "\x01\x00\xff\xff\xff\xff\x02\x07\x08\x01\x09\x00", 12, *state);
    assert_int_equal(beamc_row_decode(&schema, &in, *state, values, NULL), BEAMC_OK);
    assert_int_equal(values[0].as.items.count, 3);
    assert_true(values[0].as.items.data[2].as.integer == 9);
}

static void an_iterable_in_the_runner_s_state_is_refused_with_the_cure(void **state) {
    const beamc_type number = TYPE(INT64);
    const beamc_type list = {.kind = BEAMC_TYPE_ITERABLE, .element = &number};
    const beamc_field fields[] = {FIELD("n", list)};
    const beamc_schema schema = SCHEMA(fields);
    beamc_value values[1];
    beamc_byte_reader in;
    beamc_error err;
    beamc_byte_reader_init(&in, "\x01\x00\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", 16, *state);
    assert_int_equal(beamc_row_decode(&schema, &in, *state, values, &err), BEAMC_INVALID);
    assert_contains(err.text, "n: ");
    assert_contains(err.text, "Reshuffle");
}

static void instants_of_micro_and_milliseconds_before_1970(void **state) {
    const beamc_field part_fields[] = {FIELD("seconds", TYPE(INT64)), FIELD("micros", TYPE(INT64))};
    const beamc_schema parts = SCHEMA(part_fields);
    const beamc_type micros = {.kind = BEAMC_TYPE_ROW,
                               .logical = BEAMC_LOGICAL_MICROS_INSTANT,
                               .logical_urn = "beam:logical_type:micros_instant:v1",
                               .row = &parts};
    const beamc_type millis = LOGICAL(INT64, MILLIS_INSTANT, "beam:logical_type:millis_instant:v1");
    const beamc_field fields[] = {FIELD("a", micros), FIELD("b", millis)};
    const beamc_schema schema = SCHEMA(fields);
    beamc_value values[2];
    round_trip(&schema,
               "\x02\x00"
               "\x02\x00\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01\xbf\x84\x3d"
               "\x7f\xff\xff\xff\xff\xff\xff\xff",
               25, values, *state);
    assert_true(values[0].as.time.seconds == -1);
    assert_int_equal(values[0].as.time.nanos, 999999000);
    assert_true(values[1].as.time.seconds == -1);
    assert_int_equal(values[1].as.time.nanos, 999000000);
}

static void an_instant_with_a_million_microseconds_is_refused(void **state) {
    const beamc_field part_fields[] = {FIELD("seconds", TYPE(INT64)), FIELD("micros", TYPE(INT64))};
    const beamc_schema parts = SCHEMA(part_fields);
    const beamc_type micros = {.kind = BEAMC_TYPE_ROW, .logical = BEAMC_LOGICAL_MICROS_INSTANT, .row = &parts};
    const beamc_field fields[] = {FIELD("at", micros)};
    const beamc_schema schema = SCHEMA(fields);
    beamc_value values[1];
    beamc_byte_reader in;
    beamc_error err;
    beamc_byte_reader_init(&in, "\x01\x00\x02\x00\x05\xc0\x84\x3d", 8, *state);
    assert_int_equal(beamc_row_decode(&schema, &in, *state, values, &err), BEAMC_INVALID);
    assert_contains(err.text, "at: an instant");
}

static void fields_an_older_writer_did_not_have_are_null(void **state) {
    const beamc_field fields[] = {FIELD("a", TYPE(INT64)), FIELD("b", NULLABLE(INT64)), FIELD("c", NULLABLE(INT64))};
    const beamc_schema schema = SCHEMA(fields);
    beamc_value values[3];
    beamc_byte_reader in;
    beamc_byte_reader_init(&in, "\x01\x00\x09", 3, *state);
    assert_int_equal(beamc_row_decode(&schema, &in, *state, values, NULL), BEAMC_OK);
    assert_true(values[0].as.integer == 9);
    assert_int_equal(values[1].kind, BEAMC_VALUE_NULL);
    assert_int_equal(values[2].kind, BEAMC_VALUE_NULL);
}

static void fields_a_newer_writer_added_are_passed_over_where_the_row_is_all_there_is(void **state) {
    const beamc_field fields[] = {FIELD("a", TYPE(INT64))};
    const beamc_schema schema = SCHEMA(fields);
    beamc_value values[1];
    beamc_byte_reader in;
    beamc_error err;
    for (size_t slice_len = 1; slice_len <= 4; slice_len++) {
        test_slices s = {.bytes = (const uint8_t *)"\x02\x00\x09\x0a", .len = 4, .slice_len = slice_len};
        beamc_byte_reader_init_slices(&in, test_next_slice, &s, *state);
        assert_int_equal(beamc_row_decode_all(&schema, &in, *state, values, NULL), BEAMC_OK);
        assert_true(values[0].as.integer == 9);
        assert_true(beamc_byte_reader_at_end(&in));
    }
    beamc_byte_reader_init(&in, "\x02\x00\x09\x0a", 4, *state);
    assert_int_equal(beamc_row_decode(&schema, &in, *state, values, &err), BEAMC_INVALID);
    assert_contains(err.text, "before byte 3 has 1 fields more than its schema");
}

static void a_nested_row_of_a_newer_writer_is_refused_by_its_path(void **state) {
    const beamc_field inner_fields[] = {FIELD("b", TYPE(INT64))};
    const beamc_schema inner = SCHEMA(inner_fields);
    const beamc_field fields[] = {FIELD("a", ROW_OF(&inner))};
    const beamc_schema schema = SCHEMA(fields);
    beamc_value values[1];
    beamc_byte_reader in;
    beamc_error err;
    beamc_byte_reader_init(&in, "\x01\x00\x02\x00\x09\x0a", 6, *state);
    assert_int_equal(beamc_row_decode_all(&schema, &in, *state, values, &err), BEAMC_INVALID);
    assert_contains(err.text, "a: the row before byte 5 has 1 fields more than its schema");
}

static void bytes_left_over_after_a_row_are_refused(void **state) {
    const beamc_field fields[] = {FIELD("a", TYPE(INT64))};
    const beamc_schema schema = SCHEMA(fields);
    beamc_value values[1];
    beamc_byte_reader in;
    beamc_error err;
    beamc_byte_reader_init(&in, "\x01\x00\x09\x0a", 4, *state);
    assert_int_equal(beamc_row_decode_all(&schema, &in, *state, values, &err), BEAMC_INVALID);
    assert_contains(err.text, "left over after the row that ends at byte 3");
}

static void an_int32_of_more_bits_is_refused(void **state) {
    const beamc_field fields[] = {FIELD("n", TYPE(INT32))};
    const beamc_schema schema = SCHEMA(fields);
    beamc_value values[1];
    beamc_byte_reader in;
    beamc_error err;
    beamc_byte_reader_init(&in, "\x01\x00\x80\x80\x80\x80\x10", 7, *state); /* 2^32 */
    assert_int_equal(beamc_row_decode(&schema, &in, *state, values, &err), BEAMC_INVALID);
    assert_contains(err.text, "n: an INT32 before byte 7 is longer than 32 bits");
}

static void go_s_unsigned_types_are_varints(void **state) {
    const beamc_field fields[] = {FIELD("a", LOGICAL(INT16, UNSIGNED, "uint16")),
                                  FIELD("b", LOGICAL(INT32, UNSIGNED, "uint32")),
                                  FIELD("c", LOGICAL(INT64, UNSIGNED, "uint64"))};
    const beamc_schema schema = SCHEMA(fields);
    beamc_value values[3];
    round_trip(&schema,
               "\x03\x00\xff\xff\x03\xff\xff\xff\xff\x0f"
               "\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01",
               20, values, *state);
    assert_true(values[0].as.integer == UINT16_MAX);
    assert_true(values[1].as.integer == UINT32_MAX);
    assert_true((uint64_t)values[2].as.integer == UINT64_MAX);
    beamc_byte_reader in;
    beamc_error err;
    beamc_byte_reader_init(&in, "\x03\x00\x80\x80\x04\x00\x00", 7, *state); /* 65536 */
    assert_int_equal(beamc_row_decode(&schema, &in, *state, values, &err), BEAMC_INVALID);
    assert_contains(err.text, "a: an unsigned integer before byte 5 is too large for uint16");
}

static void decimals_keep_the_width_of_their_scale(void **state) {
    const beamc_field fields[] = {FIELD("price", LOGICAL(BYTES, DECIMAL, "beam:logical_type:decimal:v1"))};
    const beamc_schema schema = SCHEMA(fields);
    beamc_value values[1];
    round_trip(&schema, "\x01\x00\x02\x02\x00\x96", 6, values, *state); /* 1.50 */
    assert_int_equal(values[0].as.decimal.scale, 2);
    assert_int_equal(values[0].as.decimal.unscaled_len, 2);
    round_trip(&schema, "\x01\x00\xfd\xff\xff\xff\x0f\x01\x01", 9, values, *state); /* 1E+3 as Java writes it */
    assert_int_equal(values[0].as.decimal.scale, -3);
    round_trip(&schema, "\x01\x00\xfd\xff\xff\xff\xff\xff\xff\xff\xff\x01\x01\x01", 14, values, *state); /* Python */
    assert_int_equal(values[0].as.decimal.scale, -3);
    beamc_byte_reader in;
    beamc_error err;
    beamc_byte_reader_init(&in, "\x01\x00\x80\x80\x80\x80\x20\x01\x01", 9, *state); /* a scale of 2^33 */
    assert_int_equal(beamc_row_decode(&schema, &in, *state, values, &err), BEAMC_INVALID);
    assert_contains(err.text, "price: a decimal's scale before byte");
}

static void timestamps_have_the_unit_of_their_precision(void **state) {
    const beamc_field short_fields[] = {FIELD("seconds", TYPE(INT64)), FIELD("subseconds", TYPE(INT16))};
    const beamc_schema short_parts = SCHEMA(short_fields);
    const beamc_type tenths = {
        .kind = BEAMC_TYPE_ROW, .logical = BEAMC_LOGICAL_TIMESTAMP, .row = &short_parts, .precision = 1};
    const beamc_field fields[] = {FIELD("at", tenths)};
    const beamc_schema schema = SCHEMA(fields);
    beamc_value values[1];
    round_trip(&schema, "\x01\x00\x02\x00\x05\x00\x09", 7, values, *state);
    assert_true(values[0].as.time.seconds == 5);
    assert_int_equal(values[0].as.time.nanos, 900000000);
    beamc_byte_reader in;
    beamc_error err;
    beamc_byte_reader_init(&in, "\x01\x00\x02\x00\x05\x00\x0a", 7, *state);
    assert_int_equal(beamc_row_decode(&schema, &in, *state, values, &err), BEAMC_INVALID);
    assert_contains(err.text, "at: an instant that ends at byte 7 has parts out of range");
    const beamc_value finer = time_value(5, 950000000);
    beamc_byte_buffer out;
    beamc_byte_buffer_init(&out, 100);
    assert_int_equal(beamc_row_encode(&schema, &finer, &out, &err), BEAMC_INVALID);
    assert_contains(err.text, "at: the value is out of the range");
    beamc_byte_buffer_cleanup(&out);
}

static void the_earliest_and_the_latest_millisecond(void **state) {
    const beamc_field fields[] = {FIELD("a", LOGICAL(INT64, MILLIS_INSTANT, "m")),
                                  FIELD("b", LOGICAL(INT64, MILLIS_INSTANT, "m"))};
    const beamc_schema schema = SCHEMA(fields);
    beamc_value values[2];
    round_trip(&schema, "\x02\x00\x00\x00\x00\x00\x00\x00\x00\x00\xff\xff\xff\xff\xff\xff\xff\xff", 18, values, *state);
    assert_true(values[0].as.time.seconds == INT64_C(-9223372036854776));
    assert_int_equal(values[0].as.time.nanos, 192000000);
    assert_true(values[1].as.time.seconds == INT64_C(9223372036854775));
    beamc_byte_buffer out;
    beamc_error err;
    beamc_byte_buffer_init(&out, 100);
    static const int64_t beyond[] = {INT64_MIN, INT64_MAX, INT64_C(-9223372036854777), INT64_C(9223372036854776)};
    for (size_t i = 0; i < sizeof beyond / sizeof beyond[0]; i++) {
        values[0] = time_value(beyond[i], 0);
        assert_int_equal(beamc_row_encode(&schema, values, &out, &err), BEAMC_INVALID);
        assert_contains(err.text, "a: the value is out of the range of m");
    }
    beamc_byte_buffer_cleanup(&out);
}

static void a_representation_that_may_be_null_has_a_mark_of_its_own(void **state) {
    const beamc_type marked = {
        .kind = BEAMC_TYPE_STRING, .logical = BEAMC_LOGICAL_PLAIN, .logical_urn = "u", .num_null_marks = 1};
    const beamc_field fields[] = {FIELD("a", ARRAY_OF(&marked)), FIELD("b", marked)};
    const beamc_schema schema = SCHEMA(fields);
    beamc_value values[2];
    round_trip(&schema, "\x02\x00\x00\x00\x00\x02\x01\x01x\x00\x01\x01y", 13, values, *state);
    assert_int_equal(values[0].as.items.data[1].kind, BEAMC_VALUE_NULL);
    assert_memory_equal(values[1].as.bytes.data, "y", 1);
}

static void integers_past_their_type_are_not_encoded(void **state) {
    (void)state;
    static const struct {
        beamc_type type;
        int64_t value;
        bool fits;
    } cases[] = {
        {{.kind = BEAMC_TYPE_BYTE}, -128, true},       {{.kind = BEAMC_TYPE_BYTE}, 255, true},
        {{.kind = BEAMC_TYPE_BYTE}, -129, false},      {{.kind = BEAMC_TYPE_BYTE}, 256, false},
        {{.kind = BEAMC_TYPE_INT16}, -32768, true},    {{.kind = BEAMC_TYPE_INT16}, 32768, false},
        {{.kind = BEAMC_TYPE_INT32}, INT32_MIN, true}, {{.kind = BEAMC_TYPE_INT32}, INT64_C(2147483648), false},
        {{.kind = BEAMC_TYPE_INT64}, INT64_MIN, true},
    };
    beamc_byte_buffer out;
    beamc_byte_buffer_init(&out, 1000);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const beamc_field fields[] = {FIELD("n", cases[i].type)};
        const beamc_schema schema = SCHEMA(fields);
        const beamc_value value = integer_value(cases[i].value);
        beamc_error err = {{0}};
        assert_int_equal(beamc_row_encode(&schema, &value, &out, &err), cases[i].fits ? BEAMC_OK : BEAMC_INVALID);
        if (!cases[i].fits)
            assert_contains(err.text, "n: the value is out of the range of ");
    }
    beamc_byte_buffer_cleanup(&out);
}

static void null_bitmaps_are_trimmed_or_padded(void **state) {
    (void)state;
    beamc_field fields[17];
    beamc_value values[17];
    for (size_t i = 0; i < 17; i++) {
        fields[i] = (beamc_field)FIELD("f", NULLABLE(BOOLEAN));
        values[i] = i == 3 || i == 8 ? null_value() : boolean_value(false);
    }
    const beamc_schema schema = SCHEMA(fields);
    beamc_byte_buffer out;
    beamc_byte_buffer_init(&out, 100);
    assert_int_equal(beamc_row_encode(&schema, values, &out, NULL), BEAMC_OK);
    assert_int_equal(out.len, 1 + 3 + 15);
    assert_memory_equal(out.data, "\x11\x02\x08\x01", 4);
    beamc_byte_buffer_clear(&out);
    assert_int_equal(beamc_row_encode_as(&schema, values, BEAMC_NULLS_PADDED, &out, NULL), BEAMC_OK);
    assert_int_equal(out.len, 1 + 4 + 15);
    assert_memory_equal(out.data, "\x11\x03\x08\x01\x00", 5);
    beamc_byte_buffer_clear(&out);
    values[3] = values[8] = boolean_value(true);
    assert_int_equal(beamc_row_encode_as(&schema, values, BEAMC_NULLS_PADDED, &out, NULL), BEAMC_OK);
    assert_int_equal(out.data[1], 0);
    beamc_byte_buffer_cleanup(&out);
}

static void fields_are_read_in_encoding_order(void **state) {
    const beamc_field fields[] = {FIELD("a", TYPE(INT64)), FIELD("b", TYPE(STRING))};
    const uint32_t wire_order[] = {1, 0};
    const beamc_schema schema = {.id = "", .num_fields = 2, .fields = fields, .wire_order = wire_order};
    beamc_value values[2];
    round_trip(&schema, "\x02\x00\x01x\x07", 5, values, *state);
    assert_true(values[0].as.integer == 7);
    assert_memory_equal(values[1].as.bytes.data, "x", 1);
}

static void a_static_row_has_no_count_and_no_bitmap(void **state) {
    const beamc_field fields[] = {FIELD("tag", TYPE(BYTE)), FIELD("payload", TYPE(BYTES))};
    const beamc_schema schema = {.id = "", .num_fields = 2, .fields = fields, .static_encoding = true};
    beamc_value values[2];
    round_trip(&schema, "\xff\x03\x80\x05.", 5, values, *state);
    assert_int_equal(values[0].as.integer, 0xFF);
    assert_int_equal(values[1].as.bytes.len, 3);
}

static void a_false_item_count_ends_in_an_error_and_little_memory(void **state) {
    const beamc_type number = TYPE(INT64);
    const beamc_field fields[] = {FIELD("n", ARRAY_OF(&number))};
    const beamc_schema schema = SCHEMA(fields);
    beamc_value values[1];
    beamc_byte_reader in;
    beamc_error err;
    beamc_byte_reader_init(&in, "\x01\x00\x7f\xff\xff\xff\x01\x02", 8, *state);
    assert_int_equal(beamc_row_decode(&schema, &in, *state, values, &err), BEAMC_INVALID);
    assert_contains(err.text, "n: [2]: the input ends at byte 8");
}

static void booleans_and_null_marks_must_be_zero_or_one(void **state) {
    const beamc_field flag[] = {FIELD("ok", TYPE(BOOLEAN))};
    const beamc_schema schema = SCHEMA(flag);
    const beamc_type nullable_number = NULLABLE(INT64);
    const beamc_field list[] = {FIELD("n", ARRAY_OF(&nullable_number))};
    const beamc_schema list_schema = SCHEMA(list);
    beamc_value values[1];
    beamc_byte_reader in;
    beamc_error err;
    beamc_byte_reader_init(&in, "\x01\x00\x02", 3, *state);
    assert_int_equal(beamc_row_decode(&schema, &in, *state, values, &err), BEAMC_INVALID);
    assert_contains(err.text, "ok: a boolean of 2");
    beamc_byte_reader_init(&in, "\x01\x00\x00\x00\x00\x01\x07", 7, *state);
    assert_int_equal(beamc_row_decode(&list_schema, &in, *state, values, &err), BEAMC_INVALID);
    assert_contains(err.text, "n: [0]: a null mark of 7");
}

static void a_value_of_another_kind_is_not_encoded(void **state) {
    (void)state;
    const beamc_field fields[] = {FIELD("id", TYPE(INT64))};
    const beamc_schema schema = SCHEMA(fields);
    beamc_byte_buffer out;
    beamc_error err;
    beamc_byte_buffer_init(&out, 100);
    const beamc_value wrong = text_value("x");
    assert_int_equal(beamc_row_encode(&schema, &wrong, &out, &err), BEAMC_INVALID);
    assert_contains(err.text, "id: ");
    assert_contains(err.text, "INT64");
    beamc_byte_buffer_cleanup(&out);
}

static void a_row_past_the_buffer_s_ceiling_is_refused(void **state) {
    (void)state;
    const beamc_field fields[] = {FIELD("text", TYPE(STRING))};
    const beamc_schema schema = SCHEMA(fields);
    beamc_byte_buffer out;
    beamc_error err;
    beamc_byte_buffer_init(&out, 10);
    const beamc_value text = text_value("longer than ten bytes");
    assert_int_equal(beamc_row_encode(&schema, &text, &out, &err), BEAMC_LIMIT);
    assert_contains(err.text, "10 bytes");
    beamc_byte_buffer_cleanup(&out);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, make_arena, free_arena)

int main(void) {
    const struct CMUnitTest tests[] = {
        CASE(a_row_of_a_negative_integer_and_a_text),
        CASE(nulls_are_bits_counted_from_the_lowest),
        CASE(every_atomic_type),
        CASE(a_negative_int32_in_go_s_ten_bytes_is_the_same_value),
        CASE(collections_and_nested_rows),
        CASE(an_iterable_of_unknown_length_comes_in_blocks),
        CASE(an_iterable_in_the_runner_s_state_is_refused_with_the_cure),
        CASE(instants_of_micro_and_milliseconds_before_1970),
        CASE(an_instant_with_a_million_microseconds_is_refused),
        CASE(fields_an_older_writer_did_not_have_are_null),
        CASE(fields_a_newer_writer_added_are_passed_over_where_the_row_is_all_there_is),
        CASE(a_nested_row_of_a_newer_writer_is_refused_by_its_path),
        CASE(bytes_left_over_after_a_row_are_refused),
        CASE(an_int32_of_more_bits_is_refused),
        CASE(go_s_unsigned_types_are_varints),
        CASE(decimals_keep_the_width_of_their_scale),
        CASE(timestamps_have_the_unit_of_their_precision),
        CASE(the_earliest_and_the_latest_millisecond),
        CASE(a_representation_that_may_be_null_has_a_mark_of_its_own),
        CASE(integers_past_their_type_are_not_encoded),
        CASE(null_bitmaps_are_trimmed_or_padded),
        CASE(fields_are_read_in_encoding_order),
        CASE(a_static_row_has_no_count_and_no_bitmap),
        CASE(a_false_item_count_ends_in_an_error_and_little_memory),
        CASE(booleans_and_null_marks_must_be_zero_or_one),
        CASE(a_value_of_another_kind_is_not_encoded),
        CASE(a_row_past_the_buffer_s_ceiling_is_refused),
    };
    return cmocka_run_group_tests_name("row_coder", tests, NULL, NULL);
}
