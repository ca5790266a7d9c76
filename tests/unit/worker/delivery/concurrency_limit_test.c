#include "worker/delivery/concurrency_limit.h"

#include "tests/support/check.h"

static void no_more_start_than_the_ceiling(void **state) {
    (void)state;
    tecton_concurrency_limit limit = {.ceiling = 2};
    assert_true(tecton_concurrency_may_start(&limit));
    tecton_concurrency_started(&limit);
    assert_true(tecton_concurrency_may_start(&limit));
    tecton_concurrency_started(&limit);
    assert_false(tecton_concurrency_may_start(&limit));
    tecton_concurrency_finished(&limit);
    assert_true(tecton_concurrency_may_start(&limit));
}

static void a_lowered_ceiling_holds_until_enough_have_finished(void **state) {
    (void)state;
    tecton_concurrency_limit limit = {.ceiling = 4, .num_in_flight = 4};
    limit.ceiling = 2;
    tecton_concurrency_finished(&limit);
    assert_false(tecton_concurrency_may_start(&limit));
    tecton_concurrency_finished(&limit);
    assert_false(tecton_concurrency_may_start(&limit));
    tecton_concurrency_finished(&limit);
    assert_true(tecton_concurrency_may_start(&limit));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(no_more_start_than_the_ceiling),
        cmocka_unit_test(a_lowered_ceiling_holds_until_enough_have_finished),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
