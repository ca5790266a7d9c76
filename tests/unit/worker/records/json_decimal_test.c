#include "worker/records/json_decimal.h"

#include "tests/support/check.h"

enum { CEILING = 1 << 16 };

static char text[CEILING];

static bool write_decimal(const void *unscaled, size_t len, int32_t scale) {
    beamc_byte_buffer out;
    beamc_byte_buffer_init(&out, CEILING);
    bool fits = tecton_json_decimal(&out, unscaled, len, scale);
    assert_int_equal(out.len > 0, fits);
    if (out.len > 0)
        memcpy(text, out.data, out.len);
    text[out.len] = '\0';
    beamc_byte_buffer_cleanup(&out);
    return fits;
}

#define CHECK(bytes, scale, expected)                                                                                  \
    do {                                                                                                               \
        assert_true(write_decimal(bytes, sizeof(bytes) - 1, scale));                                                   \
        assert_string_equal(text, "\"" expected "\"");                                                                 \
    } while (0)

static void the_point_stands_where_the_scale_says(void **state) {
    (void)state;
    CHECK("\x00\x96", 2, "1.50"); /* its zeros stay */
    CHECK("\x00\x96", 0, "150");
    CHECK("\x00\x96", 3, "0.150");
    CHECK("\x00\x96", 6, "0.000150");
    CHECK("\x00\x96", -2, "15000");
    CHECK("\x01", -3, "1000");
}

static void zero_has_no_sign_and_no_zeros_in_front(void **state) {
    (void)state;
    CHECK("", 0, "0");
    CHECK("\x00", 0, "0");
    CHECK("\x00", 2, "0.00");
    CHECK("\x00", -5, "0");
    CHECK("\x00", INT32_MIN, "0");
    CHECK("\x00\x00\x00", 1, "0.0");
}

static void negative_numbers_are_two_s_complement(void **state) {
    (void)state;
    CHECK("\xff", 0, "-1");
    CHECK("\xff\xff\xff", 1, "-0.1"); /* more sign bytes than needed */
    CHECK("\x80", 0, "-128");
    CHECK("\x80\x00", 0, "-32768");
    CHECK("\xff\x00", 0, "-256");
    CHECK("\xfe\x78\xe5", 3, "-100.123");
    CHECK("\x80\x00\x00\x00\x00\x00\x00\x00", 0, "-9223372036854775808");
}

static void digits_beyond_any_integer_are_exact(void **state) {
    (void)state;
    CHECK("\x7f\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff", 10,
          "17014118346046923173168730371.5884105727"); /* 2^127 - 1 */
    CHECK("\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00", 0,
          "340282366920938463463374607431768211456");                    /* 2^128 */
    CHECK("\x0d\xe0\xb6\xb3\xa7\x64\x00\x00", 0, "1000000000000000000"); /* 10^18: zeros inside */
    CHECK("\x3b\x9a\xca\x00", 9, "1.000000000");
    CHECK("\x3b\x9a\xca\x01", 18, "0.000000001000000001");
}

static void a_thousand_digits_are_the_limit(void **state) {
    (void)state;
    assert_true(write_decimal("\x01", 1, -999));
    assert_int_equal(strlen(text), 1000 + 2);
    assert_false(write_decimal("\x01", 1, -1000));
    assert_true(write_decimal("\x01", 1, 999));
    assert_int_equal(strlen(text), 1001 + 2); /* with the point */
    assert_false(write_decimal("\x01", 1, 1000));
    assert_false(write_decimal("\x01", 1, INT32_MAX));
    assert_false(write_decimal("\x01", 1, INT32_MIN));
    assert_false(write_decimal("\x00", 1, INT32_MAX)); /* zeros behind the point are digits */
    static uint8_t large[500];
    memset(large, 0x7F, sizeof large);
    assert_true(write_decimal(large, 415, 0));
    assert_int_equal(strlen(text), 1000 + 2);
    assert_false(write_decimal(large, 416, 0));
    assert_false(write_decimal(large, sizeof large, 0));
    memset(large, 0xFF, sizeof large); /* -1, in 500 bytes */
    assert_true(write_decimal(large, sizeof large, 0));
    assert_string_equal(text, "\"-1\"");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_point_stands_where_the_scale_says),
        cmocka_unit_test(zero_has_no_sign_and_no_zeros_in_front),
        cmocka_unit_test(negative_numbers_are_two_s_complement),
        cmocka_unit_test(digits_beyond_any_integer_are_exact),
        cmocka_unit_test(a_thousand_digits_are_the_limit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
