#include "sdk_harness/coders/windowed_value.h"
#include "tests/support/check.h"
#include "tests/support/slices.h"
#include "tests/support/test_coders.h"
#include "tests/support/test_rows.h"

#define TIMESTAMP_0 "\x80\x00\x00\x00\x00\x00\x00\x00"
#define ROW                                                                                                            \
    "\x02\x00\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01\x02"                                                             \
    "ab"                                                        /* 15 bytes: id -1, name ab */
#define INTERVAL "\x80\x00\x00\x00\x00\x00\xea\x60\xe0\xd4\x03" /* [0, 60 s) */

static const beamc_field fields_of_row[] = {FIELD("id", TYPE(INT64)), FIELD("name", TYPE(STRING))};
static const beamc_schema row_schema = SCHEMA(fields_of_row);

typedef struct {
    beamc_windowed_value_coder coder;
    const char *bytes;
    size_t len;
    int64_t timestamp_ms;
    uint32_t num_windows;
    bool has_metadata; /* it is not handed on, so the bytes do not come out again */
} sample;

/* Every slice length, every cut; the row is checked each time, and what is written again equals what was read. */
static void check(const sample *s) {
    beamc_arena arena;
    beamc_arena_init(&arena, 64 * 1024);
    beamc_byte_buffer out;
    beamc_byte_buffer scratch;
    beamc_byte_buffer_init(&out, 64 * 1024);
    beamc_byte_buffer_init(&scratch, 64 * 1024);
    for (size_t slice_len = 1; slice_len <= s->len + 64; slice_len++) {
        /* longer than the bytes: a second copy follows, so that the fast path has room to look ahead */
        uint8_t twice[512];
        assert_true(2 * s->len <= sizeof twice);
        memcpy(twice, s->bytes, s->len);
        memcpy(twice + s->len, s->bytes, s->len);
        test_slices slices = {
            .bytes = twice, .len = 2 * s->len, .slice_len = slice_len > s->len ? 2 * s->len : slice_len};
        beamc_byte_reader in;
        beamc_element element;
        beamc_value values[2];
        beamc_error err;
        beamc_arena_reset(&arena);
        beamc_byte_reader_init_slices(&in, test_next_slice, &slices, &arena);
        if (beamc_windowed_value_decode(&s->coder, &in, &arena, values, &element, &err) != BEAMC_OK)
            fail_msg("slices of %zu: %s", slice_len, err.text);
        assert_int_equal(beamc_byte_reader_position(&in), s->len);
        assert_true(element.timestamp_ms == s->timestamp_ms);
        assert_int_equal(element.num_windows, s->num_windows);
        assert_int_equal(element.encoded_len, 15);
        assert_true(values[0].as.integer == -1);
        assert_memory_equal(values[1].as.bytes.data, "ab", 2);
        beamc_byte_buffer_clear(&out);
        assert_int_equal(
            beamc_windowed_value_encode(&s->coder, values, element.timestamp_ms, &element, &scratch, &out, &err),
            BEAMC_OK);
        if (!s->has_metadata) {
            assert_int_equal(out.len, s->len);
            assert_memory_equal(out.data, s->bytes, s->len);
        }
    }
    for (size_t cut = 0; cut < s->len; cut++) {
        beamc_byte_reader in;
        beamc_element element;
        beamc_value values[2];
        beamc_error err;
        beamc_byte_reader_init(&in, s->bytes, cut, &arena);
        assert_int_equal(beamc_windowed_value_decode(&s->coder, &in, &arena, values, &element, &err), BEAMC_INVALID);
        assert_contains(err.text, "byte");
    }
    beamc_byte_buffer_cleanup(&out);
    beamc_byte_buffer_cleanup(&scratch);
    beamc_arena_cleanup(&arena);
}

static void a_bare_row_in_the_global_window(void **state) {
    (void)state;
    check(&(sample){.coder = {.window = BEAMC_WINDOW_GLOBAL, .schema = &row_schema},
                    .bytes = TIMESTAMP_0 "\x00\x00\x00\x01\x0f" ROW,
                    .len = 8 + 5 + 15,
                    .num_windows = 1});
}

static void a_length_prefixed_row_at_beam_s_earliest_time(void **state) {
    (void)state;
    check(&(sample){.coder = {.window = BEAMC_WINDOW_GLOBAL, .length_prefixed = true, .schema = &row_schema},
                    .bytes = "\x7f\xdf\x3b\x64\x5a\x1c\xac\x09\x00\x00\x00\x01\x0f\x0f" ROW,
                    .len = 8 + 6 + 15,
                    .timestamp_ms = -9223372036854775,
                    .num_windows = 1});
}

static void a_row_in_two_interval_windows_is_one_element(void **state) {
    (void)state;
    check(&(sample){.coder = {.window = BEAMC_WINDOW_INTERVAL, .length_prefixed = true, .schema = &row_schema},
                    .bytes = "\x80\x00\x00\x00\x00\x00\x03\xe8\x00\x00\x00\x02" INTERVAL INTERVAL "\x0f\x0f" ROW,
                    .len = 8 + 4 + 22 + 2 + 15,
                    .timestamp_ms = 1000,
                    .num_windows = 2});
}

static void a_row_in_a_custom_window_behind_a_length(void **state) {
    (void)state;
    check(&(sample){.coder = {.window = BEAMC_WINDOW_CUSTOM, .schema = &row_schema},
                    .bytes = "\x80\x00\x00\x00\x00\x00\x03\xe8\x00\x00\x00\x01"
                             "\x80\x00\x00\x00\x00\x00\xea\x5f\x0b" INTERVAL "\x0f" ROW,
                    .len = 8 + 4 + 9 + 11 + 1 + 15,
                    .timestamp_ms = 1000,
                    .num_windows = 1});
}

static void a_row_in_custom_windows_of_a_coder_we_know(void **state) {
    (void)state;
    test_coders set = {0};
    test_coders_add(&set, "beam:coder:kv:v1", "1", "2");
    test_coders_add(&set, "beam:coder:string_utf8:v1", NULL, NULL);
    test_coders_add(&set, "beam:coder:interval_window:v1", NULL, NULL);
    for (size_t i = 0; i < 2; i++) {
        beamc_coder *inner = NULL;
        assert_int_equal(beamc_coder_resolve(i == 0 ? "2" : "0", test_coders_find, &set, &inner, NULL), BEAMC_OK);
        const char *bytes[] = {"\x80\x00\x00\x00\x00\x00\x03\xe8\x00\x00\x00\x02"
                               "\x80\x00\x00\x00\x00\x00\xea\x5f" INTERVAL "\x80\x00\x00\x00\x00\x00\xea\x5f" INTERVAL
                               "\x0f" ROW,
                               "\x80\x00\x00\x00\x00\x00\x03\xe8\x00\x00\x00\x01"
                               "\x80\x00\x00\x00\x00\x00\xea\x5f\x07session" INTERVAL "\x0f" ROW};
        check(&(sample){.coder = {.window = BEAMC_WINDOW_CUSTOM, .custom_inner = inner, .schema = &row_schema},
                        .bytes = bytes[i],
                        .len = 8 + 4 + (i == 0 ? 2 * 19 : 8 + 8 + 11) + 1 + 15,
                        .timestamp_ms = 1000,
                        .num_windows = i == 0 ? 2 : 1});
        beamc_coder_free(inner);
    }
}

static void custom_windows_past_the_arena_s_ceiling_are_refused(void **state) {
    (void)state;
    test_coders set = {0};
    test_coders_add(&set, "beam:coder:string_utf8:v1", NULL, NULL);
    beamc_coder *inner = NULL;
    assert_int_equal(beamc_coder_resolve("0", test_coders_find, &set, &inner, NULL), BEAMC_OK);
    const beamc_windowed_value_coder coder = {
        .window = BEAMC_WINDOW_CUSTOM, .custom_inner = inner, .schema = &row_schema};
    static uint8_t bytes[8 + 4 + 8 + 2 + 5000] = {[11] = 1, [20] = 0x88, [21] = 0x27}; /* a text of 5,000 bytes */
    for (size_t slice_len = 16; slice_len <= sizeof bytes; slice_len *= 8) {
        test_slices slices = {.bytes = bytes, .len = sizeof bytes, .slice_len = slice_len};
        beamc_arena arena;
        beamc_arena_init(&arena, 1024);
        beamc_byte_reader in;
        beamc_element element;
        beamc_value values[2];
        beamc_error err = {{0}};
        beamc_byte_reader_init_slices(&in, test_next_slice, &slices, &arena);
        assert_int_equal(beamc_windowed_value_decode(&coder, &in, &arena, values, &element, &err), BEAMC_LIMIT);
        assert_contains(err.text, "limit for one element");
        beamc_arena_cleanup(&arena);
    }
    beamc_coder_free(inner);
}

static void panes_with_one_and_two_indexes(void **state) {
    (void)state;
    check(&(sample){.coder = {.window = BEAMC_WINDOW_GLOBAL, .schema = &row_schema},
                    .bytes = TIMESTAMP_0 "\x00\x00\x00\x01\x14\x80\x01" ROW,
                    .len = 8 + 7 + 15,
                    .num_windows = 1});
    check(&(sample){.coder = {.window = BEAMC_WINDOW_GLOBAL, .schema = &row_schema},
                    .bytes = TIMESTAMP_0 "\x00\x00\x00\x01\x28\x05\xff\x01" ROW,
                    .len = 8 + 8 + 15,
                    .num_windows = 1});
}

static void element_metadata_behind_the_pane_is_passed_over(void **state) {
    (void)state;
    check(&(sample){.coder = {.window = BEAMC_WINDOW_GLOBAL, .schema = &row_schema},
                    .bytes = TIMESTAMP_0 "\x00\x00\x00\x01\x8f\x02\x20\x04" ROW,
                    .len = 8 + 8 + 15,
                    .num_windows = 1,
                    .has_metadata = true});
}

static void fields_behind_the_known_ones_stay_inside_the_prefix(void **state) {
    (void)state;
    const beamc_windowed_value_coder coder = {
        .window = BEAMC_WINDOW_GLOBAL, .length_prefixed = true, .schema = &row_schema};
    beamc_arena arena;
    beamc_arena_init(&arena, 1024);
    beamc_byte_reader in;
    beamc_element element;
    beamc_value values[2];
    beamc_byte_reader_init(&in, TIMESTAMP_0 "\x00\x00\x00\x01\x0f\x07\x03\x00\x01\x01x\x63\x63!", 8 + 14, &arena);
    assert_int_equal(beamc_windowed_value_decode(&coder, &in, &arena, values, &element, NULL), BEAMC_OK);
    assert_true(values[0].as.integer == 1);
    assert_int_equal(*in.at, '!');
    beamc_arena_cleanup(&arena);
}

static void bytes_left_over_inside_the_prefix_are_refused(void **state) {
    (void)state;
    const beamc_windowed_value_coder coder = {
        .window = BEAMC_WINDOW_GLOBAL, .length_prefixed = true, .schema = &row_schema};
    beamc_arena arena;
    beamc_arena_init(&arena, 1024);
    beamc_byte_reader in;
    beamc_element element;
    beamc_value values[2];
    beamc_error err;
    beamc_byte_reader_init(&in, TIMESTAMP_0 "\x00\x00\x00\x01\x0f\x07\x02\x00\x01\x01x\x63\x63", 8 + 13, &arena);
    assert_int_equal(beamc_windowed_value_decode(&coder, &in, &arena, values, &element, &err), BEAMC_INVALID);
    assert_contains(err.text, "left over after the row that ends at byte 19");
    beamc_arena_cleanup(&arena);
}

static void impossible_windows_and_panes_are_refused(void **state) {
    (void)state;
    const beamc_windowed_value_coder coder = {.window = BEAMC_WINDOW_INTERVAL, .schema = &row_schema};
    const char *bad[] = {TIMESTAMP_0 "\xff\xff\xff\xff" INTERVAL INTERVAL INTERVAL INTERVAL,
                         TIMESTAMP_0 "\x00\x00\x00\x00\x3f" INTERVAL INTERVAL INTERVAL INTERVAL};
    const char *words[] = {"window count of -1", "pane of unknown form 3"};
    for (size_t i = 0; i < 2; i++) {
        beamc_arena arena;
        beamc_arena_init(&arena, 1024);
        beamc_byte_reader in;
        beamc_element element;
        beamc_value values[2];
        beamc_error err;
        beamc_byte_reader_init(&in, bad[i], 50, &arena);
        assert_int_equal(beamc_windowed_value_decode(&coder, &in, &arena, values, &element, &err), BEAMC_INVALID);
        assert_contains(err.text, words[i]);
        beamc_arena_cleanup(&arena);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_bare_row_in_the_global_window),
        cmocka_unit_test(a_length_prefixed_row_at_beam_s_earliest_time),
        cmocka_unit_test(a_row_in_two_interval_windows_is_one_element),
        cmocka_unit_test(a_row_in_a_custom_window_behind_a_length),
        cmocka_unit_test(a_row_in_custom_windows_of_a_coder_we_know),
        cmocka_unit_test(custom_windows_past_the_arena_s_ceiling_are_refused),
        cmocka_unit_test(panes_with_one_and_two_indexes),
        cmocka_unit_test(element_metadata_behind_the_pane_is_passed_over),
        cmocka_unit_test(fields_behind_the_known_ones_stay_inside_the_prefix),
        cmocka_unit_test(bytes_left_over_inside_the_prefix_are_refused),
        cmocka_unit_test(impossible_windows_and_panes_are_refused),
    };
    return cmocka_run_group_tests_name("windowed_value", tests, NULL, NULL);
}
