#include "sdk_harness/base/byte_reader.h"
#include "tests/support/check.h"

static const uint8_t ten_bytes[] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9};

/* Hands out `bytes` in slices of `slice_len`, with an empty slice between any two. */
typedef struct {
    const uint8_t *bytes;
    size_t len;
    size_t slice_len;
    size_t at;
    bool empty_next;
} slicer;

static bool next_slice(void *context, const uint8_t **data, size_t *len) {
    slicer *s = context;
    if (s->at == s->len)
        return false;
    s->empty_next = !s->empty_next;
    *data = s->bytes + s->at;
    *len = 0;
    if (s->empty_next)
        return true;
    *len = s->len - s->at < s->slice_len ? s->len - s->at : s->slice_len;
    s->at += *len;
    return true;
}

static void bytes_inside_a_slice_are_borrowed(void **state) {
    (void)state;
    beamc_byte_reader in;
    const uint8_t *out = NULL;
    beamc_byte_reader_init(&in, ten_bytes, 10, NULL);
    assert_int_equal(beamc_read_bytes(&in, 4, &out, NULL), BEAMC_OK);
    assert_ptr_equal(out, ten_bytes);
    assert_int_equal(beamc_byte_reader_position(&in), 4);
}

static void bytes_that_cross_slices_are_gathered_for_every_slice_length(void **state) {
    (void)state;
    for (size_t slice_len = 1; slice_len <= 10; slice_len++) {
        beamc_arena arena;
        beamc_arena_init(&arena, 1024);
        slicer s = {.bytes = ten_bytes, .len = 10, .slice_len = slice_len};
        beamc_byte_reader in;
        beamc_byte_reader_init_slices(&in, next_slice, &s, &arena);
        const uint8_t *out = NULL;
        uint8_t byte = 0;
        assert_int_equal(beamc_read_byte(&in, &byte, NULL), BEAMC_OK);
        assert_int_equal(byte, 0);
        assert_int_equal(beamc_read_bytes(&in, 7, &out, NULL), BEAMC_OK);
        assert_memory_equal(out, ten_bytes + 1, 7);
        assert_int_equal(beamc_byte_reader_position(&in), 8);
        assert_false(beamc_byte_reader_at_end(&in));
        assert_int_equal(beamc_skip_bytes(&in, 2, NULL), BEAMC_OK);
        assert_true(beamc_byte_reader_at_end(&in));
        beamc_arena_cleanup(&arena);
    }
}

static void a_read_past_the_end_names_the_byte(void **state) {
    (void)state;
    for (size_t slice_len = 1; slice_len <= 10; slice_len++) {
        beamc_arena arena;
        beamc_arena_init(&arena, 1024);
        slicer s = {.bytes = ten_bytes, .len = 10, .slice_len = slice_len};
        beamc_byte_reader in;
        beamc_byte_reader_init_slices(&in, next_slice, &s, &arena);
        const uint8_t *out = NULL;
        beamc_error err;
        assert_int_equal(beamc_read_bytes(&in, 11, &out, &err), BEAMC_INVALID);
        assert_contains(err.text, "ends at byte 10, 1 more expected");
        beamc_arena_cleanup(&arena);
    }
}

static void a_value_larger_than_the_arena_is_refused(void **state) {
    (void)state;
    beamc_arena arena;
    beamc_arena_init(&arena, 4);
    slicer s = {.bytes = ten_bytes, .len = 10, .slice_len = 3};
    beamc_byte_reader in;
    beamc_byte_reader_init_slices(&in, next_slice, &s, &arena);
    const uint8_t *out = NULL;
    beamc_error err;
    assert_int_equal(beamc_read_bytes(&in, 8, &out, &err), BEAMC_LIMIT);
    assert_contains(err.text, "8 bytes");
    beamc_arena_cleanup(&arena);
}

static void big_endian_integers_are_read_across_slices(void **state) {
    (void)state;
    for (size_t slice_len = 1; slice_len <= 10; slice_len++) {
        beamc_arena arena;
        beamc_arena_init(&arena, 16);
        slicer s = {.bytes = ten_bytes, .len = 10, .slice_len = slice_len};
        beamc_byte_reader in;
        beamc_byte_reader_init_slices(&in, next_slice, &s, &arena);
        uint16_t two = 0;
        uint64_t eight = 0;
        assert_int_equal(beamc_read_be16(&in, &two, NULL), BEAMC_OK);
        assert_int_equal(two, 0x0001);
        assert_int_equal(beamc_read_be64(&in, &eight, NULL), BEAMC_OK);
        assert_true(eight == UINT64_C(0x0203040506070809));
        beamc_error err;
        uint32_t four = 0;
        assert_int_equal(beamc_read_be32(&in, &four, &err), BEAMC_INVALID);
        beamc_arena_cleanup(&arena);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bytes_inside_a_slice_are_borrowed),
        cmocka_unit_test(bytes_that_cross_slices_are_gathered_for_every_slice_length),
        cmocka_unit_test(a_read_past_the_end_names_the_byte),
        cmocka_unit_test(a_value_larger_than_the_arena_is_refused),
        cmocka_unit_test(big_endian_integers_are_read_across_slices),
    };
    return cmocka_run_group_tests_name("byte_reader", tests, NULL, NULL);
}
