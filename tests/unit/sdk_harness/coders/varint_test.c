#include "sdk_harness/coders/varint.h"
#include "tests/support/check.h"

static void check(uint64_t value, const char *bytes, size_t len) {
    uint8_t encoded[BEAMC_VARINT_MAX_BYTES];
    assert_int_equal(beamc_varint_put(encoded, value), len);
    assert_memory_equal(encoded, bytes, len);
    beamc_byte_reader in;
    uint64_t decoded = 0;
    beamc_byte_reader_init(&in, bytes, len, NULL);
    assert_int_equal(beamc_read_varint(&in, &decoded, NULL), BEAMC_OK);
    assert_true(decoded == value);
    assert_true(beamc_byte_reader_at_end(&in));
    for (size_t cut = 0; cut < len; cut++) {
        beamc_byte_reader_init(&in, bytes, cut, NULL);
        assert_int_equal(beamc_read_varint(&in, &decoded, NULL), BEAMC_INVALID);
    }
}

static void values_are_groups_of_seven_bits_without_zig_zag(void **state) {
    (void)state;
    check(0, "\x00", 1);
    check(1, "\x01", 1);
    check(127, "\x7f", 1);
    check(128, "\x80\x01", 2);
    check(300, "\xac\x02", 2);
    check((uint64_t)-1, "\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", 10);
    check((uint64_t)INT64_MIN, "\x80\x80\x80\x80\x80\x80\x80\x80\x80\x01", 10);
}

/* With and without bytes behind it: where eight can be read at once, another way is taken. */
static void a_value_of_any_length_is_the_same_wherever_it_stands(void **state) {
    (void)state;
    for (unsigned bits = 0; bits < 64; bits++) {
        const uint64_t around = UINT64_C(1) << bits;
        const uint64_t values[] = {around - 1, around, around | UINT64_C(0x5A5A5A5A5A5A5A5A) >> (63 - bits)};
        for (size_t i = 0; i < 3; i++) {
            uint8_t bytes[3 * BEAMC_VARINT_MAX_BYTES];
            memset(bytes, 0xFF, sizeof bytes);
            size_t len = beamc_varint_put(bytes, values[i]);
            for (size_t behind = 0; behind <= BEAMC_VARINT_MAX_BYTES; behind++) {
                beamc_byte_reader in;
                uint64_t decoded = 0;
                beamc_byte_reader_init(&in, bytes, len + behind, NULL);
                assert_int_equal(beamc_read_varint(&in, &decoded, NULL), BEAMC_OK);
                assert_true(decoded == values[i]);
                assert_int_equal(beamc_byte_reader_position(&in), len);
            }
        }
    }
}

static void a_varint_of_more_than_64_bits_is_refused(void **state) {
    (void)state;
    const char *bad[] = {"\xff\xff\xff\xff\xff\xff\xff\xff\xff\x02", "\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x01"};
    for (size_t i = 0; i < 2; i++) {
        beamc_byte_reader in;
        uint64_t value = 0;
        beamc_error err;
        beamc_byte_reader_init(&in, bad[i], strlen(bad[i]), NULL);
        assert_int_equal(beamc_read_varint(&in, &value, &err), BEAMC_INVALID);
        assert_contains(err.text, "longer than 64 bits");
    }
}

static void a_length_past_two_gibibytes_is_refused(void **state) {
    (void)state;
    beamc_byte_reader in;
    size_t len = 0;
    beamc_error err;
    beamc_byte_reader_init(&in, "\x80\x80\x80\x80\x08", 5, NULL);
    assert_int_equal(beamc_read_length(&in, "a length", &len, &err), BEAMC_INVALID);
    assert_contains(err.text, "a length of 2147483648");
    beamc_byte_reader_init(&in, "\xff\xff\xff\xff\x07", 5, NULL);
    assert_int_equal(beamc_read_length(&in, "a length", &len, &err), BEAMC_OK);
    assert_int_equal(len, INT32_MAX);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(values_are_groups_of_seven_bits_without_zig_zag),
        cmocka_unit_test(a_value_of_any_length_is_the_same_wherever_it_stands),
        cmocka_unit_test(a_varint_of_more_than_64_bits_is_refused),
        cmocka_unit_test(a_length_past_two_gibibytes_is_refused),
    };
    return cmocka_run_group_tests_name("varint", tests, NULL, NULL);
}
