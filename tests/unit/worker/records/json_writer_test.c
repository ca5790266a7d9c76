#include "worker/records/json_writer.h"

#include "tests/support/check.h"

#include <cjson/cJSON.h>
#include <float.h>
#include <math.h>
#include <stdlib.h>

enum { CEILING = 1 << 20 };

static beamc_byte_buffer out;

static int open_buffer(void **state) {
    (void)state;
    beamc_byte_buffer_init(&out, CEILING);
    return 0;
}

static int close_buffer(void **state) {
    (void)state;
    beamc_byte_buffer_cleanup(&out);
    return 0;
}

/* What was written since the last call, terminated. */
static const char *written(void) {
    beamc_byte_buffer_append_byte(&out, '\0');
    assert_false(out.failed);
    out.len = 0;
    return (const char *)out.data;
}

static const char *string_of(const void *text, size_t len) {
    size_t bad_byte = 0;
    assert_true(tecton_json_string(&out, text, len, &bad_byte));
    return written();
}

static void plain_text_is_quoted(void **state) {
    (void)state;
    assert_string_equal(string_of("", 0), "\"\"");
    assert_string_equal(string_of("a", 1), "\"a\"");
    assert_string_equal(string_of("12345678", 8), "\"12345678\"");
    assert_string_equal(string_of("a longer text, over two words of eight", 38),
                        "\"a longer text, over two words of eight\"");
    assert_string_equal(string_of("\x7f~}{ !#[]^", 10), "\"\x7f~}{ !#[]^\"");
}

static void what_json_forbids_is_escaped(void **state) {
    (void)state;
    assert_string_equal(string_of("\"\\/", 3), "\"\\\"\\\\/\"");
    assert_string_equal(string_of("\b\t\n\f\r", 5), "\"\\b\\t\\n\\f\\r\"");
    assert_string_equal(string_of("\0\x01\x0b\x1f", 4), "\"\\u0000\\u0001\\u000b\\u001f\"");
    assert_string_equal(string_of("\xe2\x80\xa8", 3), "\"\xe2\x80\xa8\""); /* U+2028 needs no escape */
}

/* Every byte value at every place of a word, so that no place of the eight-byte scan is special. */
static void every_ascii_byte_reads_back_at_every_place(void **state) {
    (void)state;
    for (unsigned byte = 1; byte < 128; byte++) {
        for (size_t place = 0; place < 20; place++) {
            char text[21];
            memset(text, 'x', 20);
            text[20] = '\0';
            text[place] = (char)byte;
            const char *json = string_of(text, 20);
            cJSON *read = cJSON_Parse(json);
            assert_non_null(read);
            assert_string_equal(read->valuestring, text);
            cJSON_Delete(read);
        }
    }
}

static void proper_utf8_is_copied(void **state) {
    (void)state;
    static const char *const texts[] = {"\xc2\x80",
                                        "\xdf\xbf",
                                        "\xe0\xa0\x80",
                                        "\xed\x9f\xbf",
                                        "\xee\x80\x80",
                                        "\xef\xbf\xbf",
                                        "\xf0\x90\x80\x80",
                                        "\xf4\x8f\xbf\xbf",
                                        "pi\xc3\xb1"
                                        "ata",
                                        "1234567\xc3\xa9"};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        char expected[32];
        (void)snprintf(expected, sizeof expected, "\"%s\"", texts[i]);
        assert_string_equal(string_of(texts[i], strlen(texts[i])), expected);
    }
}

static void check_bad(const char *text, size_t len, size_t bad_byte) {
    size_t found = 999;
    out.len = 0;
    assert_false(tecton_json_string(&out, (const uint8_t *)text, len, &found));
    assert_int_equal(found, bad_byte);
    out.len = 0;
}

static void improper_utf8_is_refused_with_its_place(void **state) {
    (void)state;
    check_bad("\x80", 1, 0);              /* a continuation alone */
    check_bad("abcdefghij\xff", 11, 10);  /* no such byte */
    check_bad("\xc0\xaf", 2, 0);          /* overlong slash */
    check_bad("\xc1\xbf", 2, 0);          /* overlong */
    check_bad("\xe0\x9f\xbf", 3, 0);      /* overlong */
    check_bad("\xf0\x8f\xbf\xbf", 4, 0);  /* overlong */
    check_bad("ok\xed\xa0\x80", 5, 2);    /* a surrogate */
    check_bad("\xed\xbf\xbf", 3, 0);      /* a surrogate */
    check_bad("\xf4\x90\x80\x80", 4, 0);  /* past U+10FFFF */
    check_bad("\xf5\x80\x80\x80", 4, 0);  /* past U+10FFFF */
    check_bad("12345678\xc3", 9, 8);      /* cut short */
    check_bad("\xe2\x82", 2, 0);          /* cut short */
    check_bad("\xf0\x9f\x92", 3, 0);      /* cut short */
    check_bad("\xc3(", 2, 0);             /* no continuation */
    check_bad("\xe2(\xa1", 3, 0);         /* no continuation */
    check_bad("\xf0\x90(\xbc", 4, 0);     /* no continuation */
    check_bad("quote\"then\xfe", 11, 10); /* after an escape */
}

static void a_text_of_escapes_grows_beyond_its_length(void **state) {
    (void)state;
    char text[1000];
    memset(text, 1, sizeof text);
    (void)string_of(text, sizeof text);
    size_t bad_byte = 0;
    beamc_byte_buffer small;
    beamc_byte_buffer_init(&small, 2000); /* enough for the text, not for its escapes */
    assert_true(tecton_json_string(&small, (const uint8_t *)text, sizeof text, &bad_byte));
    assert_true(small.failed);
    beamc_byte_buffer_cleanup(&small);
}

static const char *integer_of(int64_t value) {
    tecton_json_integer(&out, value);
    return written();
}

static void integers_are_decimal(void **state) {
    (void)state;
    assert_string_equal(integer_of(0), "0");
    assert_string_equal(integer_of(7), "7");
    assert_string_equal(integer_of(10), "10");
    assert_string_equal(integer_of(99), "99");
    assert_string_equal(integer_of(100), "100");
    assert_string_equal(integer_of(-1), "-1");
    assert_string_equal(integer_of(INT64_MAX), "9223372036854775807");
    assert_string_equal(integer_of(INT64_MIN), "-9223372036854775808");
    for (int64_t i = -12345; i < 12345; i += 7) {
        char expected[32];
        (void)snprintf(expected, sizeof expected, "%lld", (long long)i);
        assert_string_equal(integer_of(i), expected);
    }
}

static const char *double_of(double value) {
    tecton_json_double(&out, value);
    return written();
}

static const char *float_of(float value) {
    tecton_json_float(&out, value);
    return written();
}

static void doubles_are_short(void **state) {
    (void)state;
    assert_string_equal(double_of(0.0), "0.0");
    assert_string_equal(double_of(-0.0), "-0.0");
    assert_string_equal(double_of(1.0), "1.0");
    assert_string_equal(double_of(-80.0), "-80.0");
    assert_string_equal(double_of(12.75), "12.75");
    assert_string_equal(double_of(0.1), "0.1");
    assert_string_equal(double_of(-0.001), "-0.001");
    assert_string_equal(double_of(0.1 + 0.2), "0.30000000000000004");
    assert_string_equal(double_of(1.0 / 3.0), "0.3333333333333333");
    assert_string_equal(double_of(999999999999999.0), "999999999999999.0");
    assert_string_equal(double_of(123456789012.345), "123456789012.345");
    assert_string_equal(double_of(9007199254740993.0), "9007199254740992.0");
    assert_string_equal(double_of(1e22), "1e22");
    assert_string_equal(double_of(5e-324), "5e-324");
    assert_string_equal(double_of(1.7976931348623157e308), "1.7976931348623157e308");
    assert_string_equal(double_of(DBL_MIN), "2.2250738585072014e-308");
    assert_string_equal(double_of(1e-9), "1e-9");
    assert_string_equal(double_of(1.5e-9), "1.5e-9");
    assert_string_equal(double_of(-0.00000123), "-0.00000123");
    assert_string_equal(double_of(0.000000123), "1.23e-7");
    assert_string_equal(double_of(1e16), "10000000000000000.0");
    assert_string_equal(double_of(12345678901234567.0), "12345678901234568.0");
    assert_string_equal(double_of(1e17), "1e17");
    assert_string_equal(double_of(-1.2e300), "-1.2e300");
    assert_string_equal(double_of(2.2250738585072011e-308), "2.225073858507201e-308"); /* a subnormal */
    assert_string_equal(double_of(9007199254740991.0), "9007199254740991.0");
    assert_string_equal(double_of(2251799813685249.5), "2251799813685249.5");
}

static void floats_are_short(void **state) {
    (void)state;
    assert_string_equal(float_of(0.1F), "0.1");
    assert_string_equal(float_of(-0.0F), "-0.0");
    assert_string_equal(float_of(16777216.0F), "16777216.0");
    assert_string_equal(float_of(3.14159274F), "3.1415927");
    assert_string_equal(float_of(1e-45F), "1e-45");
    assert_string_equal(float_of(FLT_MAX), "3.4028235e38");
    assert_string_equal(float_of(1.0F / 3.0F), "0.33333334");
    assert_string_equal(float_of(123.456F), "123.456");
}

static uint64_t random_state = 88172645463325252ULL;

static uint64_t next_random(void) {
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    random_state ^= random_state << 17;
    return random_state;
}

/* Digits that matter: without sign, point, exponent, leading and trailing zeros. */
static size_t significant_digits(const char *text) {
    char digits[64];
    size_t len = 0;
    for (; *text != '\0' && *text != 'e'; text++) {
        if (*text >= '0' && *text <= '9' && (len > 0 || *text != '0'))
            digits[len++] = *text;
    }
    while (len > 0 && digits[len - 1] == '0')
        len--;
    return len;
}

/* No shorter decimal reads back as the same value: checked against printf with one digit less. */
static void check_double(double value) {
    const char *text = double_of(value);
    char *end = NULL;
    double read = strtod(text, &end);
    assert_true(*end == '\0');
    assert_memory_equal(&read, &value, sizeof value);
    size_t digits = significant_digits(text);
    assert_true(digits <= 17);
    if (digits > 1) {
        char shorter[64];
        (void)snprintf(shorter, sizeof shorter, "%.*e", (int)digits - 2, value);
        if (strtod(shorter, NULL) == value)
            fail_msg("%s could be %s", text, shorter);
    }
}

static void random_doubles_read_back_and_are_shortest(void **state) {
    (void)state;
    for (int i = 0; i < 40000; i++) {
        uint64_t bits = next_random();
        double value = 0;
        memcpy(&value, &bits, sizeof value);
        if (isfinite(value))
            check_double(value);
        check_double((double)(int64_t)next_random() / 1e4);
        check_double((double)(next_random() % 100000000) / 100.0);
        check_double((double)(next_random() % 1000000007) / 1e9);
    }
}

static void random_floats_read_back_and_are_shortest(void **state) {
    (void)state;
    for (int i = 0; i < 40000; i++) {
        uint32_t bits = (uint32_t)next_random();
        float value = 0;
        memcpy(&value, &bits, sizeof value);
        if (i % 2 == 0)
            value = (float)(next_random() % 10000000) / 1000.0F;
        if (!isfinite(value))
            continue;
        const char *text = float_of(value);
        float read = strtof(text, NULL);
        assert_memory_equal(&read, &value, sizeof value);
        read = (float)strtod(text, NULL); /* a reader that goes through double */
        assert_memory_equal(&read, &value, sizeof value);
        size_t digits = significant_digits(text);
        assert_true(digits <= 9);
        if (digits > 1) {
            char shorter[64];
            (void)snprintf(shorter, sizeof shorter, "%.*e", (int)digits - 2, (double)value);
            if (strtof(shorter, NULL) == value)
                fail_msg("%s could be %s", text, shorter);
        }
    }
}

static void base64_has_rfc_4648_vectors(void **state) {
    (void)state;
    static const char *const vectors[][2] = {{"", ""},
                                             {"f", "Zg=="},
                                             {"fo", "Zm8="},
                                             {"foo", "Zm9v"},
                                             {"foob", "Zm9vYg=="},
                                             {"fooba", "Zm9vYmE="},
                                             {"foobar", "Zm9vYmFy"}};
    for (size_t i = 0; i < 7; i++) {
        char expected[32];
        (void)snprintf(expected, sizeof expected, "\"%s\"", vectors[i][1]);
        tecton_json_base64(&out, (const uint8_t *)vectors[i][0], strlen(vectors[i][0]));
        assert_string_equal(written(), expected);
    }
    tecton_json_base64(&out, (const uint8_t *)"\xff\xfe\xfb\x00", 4);
    assert_string_equal(written(), "\"//77AA==\"");
}

static void uuids_are_canonical(void **state) {
    (void)state;
    tecton_json_uuid(&out, UINT64_C(0x123e4567e89b12d3), UINT64_C(0xa456426614174000));
    assert_string_equal(written(), "\"123e4567-e89b-12d3-a456-426614174000\"");
    tecton_json_uuid(&out, 0, 0);
    assert_string_equal(written(), "\"00000000-0000-0000-0000-000000000000\"");
    tecton_json_uuid(&out, UINT64_MAX, UINT64_MAX);
    assert_string_equal(written(), "\"ffffffff-ffff-ffff-ffff-ffffffffffff\"");
}

static void the_ceiling_is_never_passed(void **state) {
    (void)state;
    for (size_t ceiling = 64; ceiling < 128; ceiling++) {
        beamc_byte_buffer small;
        beamc_byte_buffer_init(&small, ceiling);
        size_t bad_byte = 0;
        while (small.len < ceiling / 2)
            tecton_json_integer(&small, 1234567890);
        tecton_json_integer(&small, 1234567890);
        (void)tecton_json_string(&small, (const uint8_t *)"a \"text\", long enough to leave no room", 38, &bad_byte);
        tecton_json_double(&small, 0.1);
        tecton_json_uuid(&small, 0, 0);
        tecton_json_base64(&small, (const uint8_t *)"abc", 3);
        assert_true(small.len <= ceiling);
        assert_true(small.failed);
        beamc_byte_buffer_cleanup(&small);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(plain_text_is_quoted),
        cmocka_unit_test(what_json_forbids_is_escaped),
        cmocka_unit_test(every_ascii_byte_reads_back_at_every_place),
        cmocka_unit_test(proper_utf8_is_copied),
        cmocka_unit_test(improper_utf8_is_refused_with_its_place),
        cmocka_unit_test(a_text_of_escapes_grows_beyond_its_length),
        cmocka_unit_test(integers_are_decimal),
        cmocka_unit_test(doubles_are_short),
        cmocka_unit_test(floats_are_short),
        cmocka_unit_test(random_doubles_read_back_and_are_shortest),
        cmocka_unit_test(random_floats_read_back_and_are_shortest),
        cmocka_unit_test(base64_has_rfc_4648_vectors),
        cmocka_unit_test(uuids_are_canonical),
        cmocka_unit_test(the_ceiling_is_never_passed),
    };
    return cmocka_run_group_tests(tests, open_buffer, close_buffer);
}
