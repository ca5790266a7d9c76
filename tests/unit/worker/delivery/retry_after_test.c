#include "worker/delivery/retry_after.h"

#include "tests/support/check.h"

#define NOW_MS INT64_C(1445412480000) /* Wed, 21 Oct 2015 07:28:00 GMT */

static void check(const char *value, uint64_t ms) {
    if (tecton_retry_after_ms(value, NOW_MS) != ms)
        fail_msg("\"%s\" is read as %llu, not %llu", value, (unsigned long long)tecton_retry_after_ms(value, NOW_MS),
                 (unsigned long long)ms);
}

static void seconds_are_read_and_capped(void **state) {
    (void)state;
    check("0", 0);
    check("1", 1000);
    check("59", 59000);
    check("60", 60000);
    check("61", 60000);
    check("86400", 60000);
    check("99999999999999999999999999", 60000);
    check("0000000000000000000000000000002", 2000);
}

static void dates_of_all_three_forms_are_read(void **state) {
    (void)state;
    check("Wed, 21 Oct 2015 07:28:05 GMT", 5000);
    check("Wednesday, 21-Oct-15 07:28:05 GMT", 5000);
    check("Wed Oct 21 07:28:05 2015", 5000);
    check("Wed, 21 Oct 2015 07:27:00 GMT", 0); /* has passed */
    check("Thu, 01 Jan 1970 00:00:00 GMT", 0);
    check("Fri, 31 Dec 9999 23:59:59 GMT", 60000);
    check("Wed, 21 Oct 2015 07:28:59 GMT", 59000);
    check("Wed, 21 Oct 2015 07:29:01 GMT", 60000);
    check("Sunday, 06-Nov-94 08:49:37 GMT", 0); /* RFC 9110's own examples */
    check("Sun Nov  6 08:49:37 1994", 0);
    check("Thu Nov  5 08:49:37 2015", 60000); /* a day of one digit */
    check("Mon, 01 Jan 0001 00:00:00 GMT", 0);
}

static void negative_numbers_are_garbage(void **state) {
    (void)state;
    check("-1", TECTON_NO_RETRY_AFTER);
    check("-60", TECTON_NO_RETRY_AFTER);
    check("-99999999999999999999", TECTON_NO_RETRY_AFTER);
}

static void huge_numbers_are_the_cap(void **state) {
    (void)state;
    check("4294967296", 60000);           /* 2^32 */
    check("18446744073709551616", 60000); /* 2^64 */
    check("18446744073709551617", 60000);
    char digits[64];
    memset(digits, '9', sizeof digits);
    digits[sizeof digits - 1] = '\0';
    check(digits, 60000);
    digits[sizeof digits - 2] = 'x';
    check(digits, TECTON_NO_RETRY_AFTER);
}

static void years_of_more_than_four_digits_are_garbage(void **state) {
    (void)state;
    check("Fri, 31 Dec 99999 23:59:59 GMT", TECTON_NO_RETRY_AFTER);
    check("Fri, 31 Dec -1 23:59:59 GMT", TECTON_NO_RETRY_AFTER);
}

static void garbage_is_as_if_absent(void **state) {
    (void)state;
    static const char *const values[] = {"",
                                         "-1",
                                         "1.5",
                                         "5s",
                                         "soon",
                                         "1 2",
                                         "0x10",
                                         "Wed, 21 Oct 2015",
                                         "Wed, 99 Oct 2015 07:28:05 GMT",
                                         "Wed, 21 Oct 2015 07:28:05 GMT!",
                                         "+5",
                                         " ",
                                         "1,2",
                                         "1;q=2",
                                         "1e3",
                                         "\x31\xff",
                                         "\xff\xfe",
                                         "Wed, 21 Oct 2015 07:28:05 PST",
                                         "Wed, 21 Oct 2015 07:28:05 +0000",
                                         "Wed, 21 Oct 2015 25:28:05 GMT",
                                         "Wed, 21 Foo 2015 07:28:05 GMT",
                                         "2015-10-21T07:28:05Z",
                                         "Wed"};
    for (size_t i = 0; i < sizeof values / sizeof values[0]; i++)
        check(values[i], TECTON_NO_RETRY_AFTER);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(seconds_are_read_and_capped),
        cmocka_unit_test(dates_of_all_three_forms_are_read),
        cmocka_unit_test(negative_numbers_are_garbage),
        cmocka_unit_test(huge_numbers_are_the_cap),
        cmocka_unit_test(years_of_more_than_four_digits_are_garbage),
        cmocka_unit_test(garbage_is_as_if_absent),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
