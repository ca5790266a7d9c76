#include "sdk_harness/coders/row_coder.h"
#include "tests/support/check.h"
#include "tests/support/test_rows.h"

enum { MAX_FIELDS = 16, ARENA_BYTES = 1024 * 1024 };

typedef struct {
    const uint8_t *bytes;
    size_t len;
    size_t at;
    size_t slice_len;
} slicer;

static bool next_slice(void *context, const uint8_t **data, size_t *len) {
    slicer *s = context;
    if (s->at == s->len)
        return false;
    *data = s->bytes + s->at;
    *len = s->len - s->at < s->slice_len ? s->len - s->at : s->slice_len;
    s->at += *len;
    return true;
}

/* Decodes, encodes again, and does the same with the bytes in slices of every length and cut at every byte. */
static void round_trip(const beamc_schema *schema, const char *bytes, size_t len, beamc_value *values,
                       beamc_arena *arena) {
    beamc_byte_buffer again;
    beamc_byte_buffer_init(&again, ARENA_BYTES);
    for (size_t slice_len = len; slice_len > 0; slice_len--) {
        slicer s = {.bytes = (const uint8_t *)bytes, .len = len, .slice_len = slice_len};
        beamc_byte_reader in;
        beamc_error err;
        beamc_arena_reset(arena);
        beamc_byte_reader_init_slices(&in, next_slice, &s, arena);
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

static void fields_a_newer_writer_added_are_left_unread(void **state) {
    const beamc_field fields[] = {FIELD("a", TYPE(INT64))};
    const beamc_schema schema = SCHEMA(fields);
    beamc_value values[1];
    beamc_byte_reader in;
    beamc_byte_reader_init(&in, "\x02\x00\x09\x0a", 4, *state);
    assert_int_equal(beamc_row_decode(&schema, &in, *state, values, NULL), BEAMC_OK);
    assert_true(values[0].as.integer == 9);
    assert_int_equal(beamc_byte_reader_position(&in), 3);
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
        CASE(fields_a_newer_writer_added_are_left_unread),
        CASE(fields_are_read_in_encoding_order),
        CASE(a_static_row_has_no_count_and_no_bitmap),
        CASE(a_false_item_count_ends_in_an_error_and_little_memory),
        CASE(booleans_and_null_marks_must_be_zero_or_one),
        CASE(a_value_of_another_kind_is_not_encoded),
        CASE(a_row_past_the_buffer_s_ceiling_is_refused),
    };
    return cmocka_run_group_tests_name("row_coder", tests, NULL, NULL);
}
