#include "worker/http/no_proxy.h"

#include "tests/support/check.h"

static void check(const char *list, const char *host, bool covered) {
    if (tecton_no_proxy_covers(list, host) != covered)
        fail_msg("%s in \"%s\"", host, list);
}

static void a_name_stands_for_itself_and_all_below(void **state) {
    (void)state;
    check("example.com", "example.com", true);
    check("example.com", "EXAMPLE.com.", true);
    check(".example.com", "www.example.com", true);
    check("example.com.", "www.example.com", true);
    check("example.com", "nonexample.com", false);
    check("www.example.com", "example.com", false);
    check("", "example.com", false);
    check(".", "example.com", false);
}

static void entries_stand_between_commas_and_blanks(void **state) {
    (void)state;
    check(" a.example,b.example  c.example,,\td.example ", "a.example", true);
    check(" a.example,b.example  c.example,,\td.example ", "c.example", true);
    check(" a.example,b.example  c.example,,\td.example ", "d.example", true);
    check("a.example,b.example", "example", false);
    check("*", "anything", true);
    check("a,*", "anything", false);
}

static void addresses_are_compared_as_numbers(void **state) {
    (void)state;
    check("127.0.0.1", "127.0.0.1", true);
    check("127.0.0.1", "127.0.0.10", false);
    check("0.0.1", "127.0.0.1", false);
    check("10.0.0.0/8", "10.200.3.4", true);
    check("10.0.0.0/8", "11.0.0.1", false);
    check("10.32.0.0/11", "10.63.255.255", true);
    check("10.32.0.0/11", "10.64.0.0", false);
    check("10.0.0.0/33", "10.0.0.0", false);
    check("10.1.2.3/0", "10.1.2.3", true);
    check("[::1]", "[::1]", false);
    check("::1", "[0:0::1]", true);
    check("fd00::/9", "[fd7f::1]", true);
    check("fd00::/9", "[fdff::1]", false);
    check("fd00::/129", "[fd00::]", false);
    check("10.0.0.0/8", "[::1]", false);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_name_stands_for_itself_and_all_below),
        cmocka_unit_test(entries_stand_between_commas_and_blanks),
        cmocka_unit_test(addresses_are_compared_as_numbers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
