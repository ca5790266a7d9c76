#include "sdk_harness/base/clean_text.h"

#include "tests/support/check.h"

static void check(const char *from, size_t text_size, const char *expected) {
    char text[64];
    size_t len = beamc_clean_text(from, strlen(from), text, text_size);
    assert_string_equal(text, expected);
    assert_int_equal(len, strlen(expected));
}

static void proper_text_stays(void **state) {
    (void)state;
    check("", 64, "");
    check("plain", 64, "plain");
    check("d\xc3\xa9j\xc3\xa0 \xe2\x82\xac \xf0\x9f\x98\x80", 64, "d\xc3\xa9j\xc3\xa0 \xe2\x82\xac \xf0\x9f\x98\x80");
}

static void line_ends_are_spaces_and_the_rest_dots(void **state) {
    (void)state;
    check("a\r\nb\tc", 64, "a  b c");
    check("a\x01"
          "b\x7f"
          "c\x1b[31m",
          64, "a.b.c.[31m");
    check("\xff\xfe", 64, "..");
    check("\xc0\xaf", 64, "..");           /* overlong */
    check("\xed\xa0\x80", 64, "...");      /* a surrogate */
    check("\xf4\x90\x80\x80", 64, "...."); /* past U+10FFFF */
    check("ok\xe2\x82", 64, "ok..");       /* cut short */
    char text[8];
    assert_int_equal(beamc_clean_text("a\0b", 3, text, sizeof text), 3);
    assert_string_equal(text, "a.b");
}

static void a_cut_never_splits_a_character(void **state) {
    (void)state;
    check("ab\xc3\xa9", 5, "ab\xc3\xa9");
    check("ab\xc3\xa9", 4, "ab");
    check("ab\xc3\xa9", 3, "ab");
    check("\xf0\x9f\x98\x80x", 4, "");
    check("abc", 1, "");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(proper_text_stays),
        cmocka_unit_test(line_ends_are_spaces_and_the_rest_dots),
        cmocka_unit_test(a_cut_never_splits_a_character),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
