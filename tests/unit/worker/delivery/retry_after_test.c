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
                                         " "};
    for (size_t i = 0; i < sizeof values / sizeof values[0]; i++)
        check(values[i], TECTON_NO_RETRY_AFTER);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(seconds_are_read_and_capped),
        cmocka_unit_test(dates_of_all_three_forms_are_read),
        cmocka_unit_test(garbage_is_as_if_absent),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
