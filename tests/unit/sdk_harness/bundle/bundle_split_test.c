#include "sdk_harness/bundle/bundle_split.h"
#include "tests/support/check.h"

#include <math.h>

typedef struct {
    int64_t index;
    int64_t stop;
    double fraction;
    int64_t estimated;
    int64_t first_residual; /* -1: no split */
    int64_t allowed[4];     /* -1: no more */
} vector;

static void check(const vector *v) {
    beamc_split_wish wish = {.fraction = v->fraction, .estimated_elements = v->estimated, .allowed = v->allowed};
    while (wish.num_allowed < 4 && v->allowed[wish.num_allowed] > 0)
        wish.num_allowed++;
    beamc_split_result result = {-7, -7};
    bool split = beamc_split_decide(v->index, v->stop, &wish, &result);
    if (split != (v->first_residual >= 0) || (split && result.first_residual != v->first_residual))
        fail_msg("index %lld stop %lld fraction %f estimated %lld: %s at %lld, not %lld", (long long)v->index,
                 (long long)v->stop, v->fraction, (long long)v->estimated, split ? "split" : "no split",
                 (long long)result.first_residual, (long long)v->first_residual);
    assert_int_equal(result.last_primary, split ? result.first_residual - 1 : -7);
}

static void the_remainder_after_the_current_element_is_cut_at_the_fraction(void **state) {
    (void)state;
    /* The same numbers come out of _compute_split of the Python harness 2.77, but for the second line: Python would cut
     * before the first element, Go and we do not. */
    static const vector vectors[] = {
        {-1, INT64_MAX, 0.5, 10, 5, {0}}, /* not begun */
        {-1, INT64_MAX, 0, 10, 1, {0}},   /* never before the first element */
        {0, INT64_MAX, 0, 16, 1, {0}},    {0, INT64_MAX, 0.24, 16, 4, {0}}, {0, INT64_MAX, 0.25, 16, 4, {0}},
        {0, INT64_MAX, 0.5, 16, 8, {0}},  {2, INT64_MAX, 0.6, 16, 11, {0}}, {6, INT64_MAX, 0.9, 15, 14, {0}},
        {3, INT64_MAX, 0.5, 10, 7, {0}},  {9, INT64_MAX, 0.5, 10, 10, {0}}, {9, 10, 0.5, 10, -1, {0}},
        {9, INT64_MAX, 0.5, 3, 10, {0}},  {0, INT64_MAX, 0.5, 0, 1, {0}},   {0, 8, 0.5, 16, 4, {0}},
        {3, 8, 0.5, 16, 6, {0}},          {7, 8, 0.5, 16, -1, {0}},         {6, 8, 0, 16, 7, {0}},
        {0, INT64_MAX, 1.0, 16, 16, {0}}, {0, 16, 1.0, 16, -1, {0}},
    };
    for (size_t i = 0; i < sizeof vectors / sizeof vectors[0]; i++)
        check(&vectors[i]);
}

static void only_allowed_points_are_taken_and_the_nearest_of_them(void **state) {
    (void)state;
    static const vector vectors[] = {
        {0, INT64_MAX, 0.5, 16, 7, {2, 3, 7, 12}},   {0, INT64_MAX, 0.5, 16, 12, {12, 2, 0, 0}},
        {0, INT64_MAX, 0.25, 16, 5, {1, 5, 0, 0}},   {5, INT64_MAX, 0, 16, 7, {2, 5, 7, 12}},
        {12, INT64_MAX, 0.5, 16, -1, {2, 3, 7, 12}}, /* all of them have been begun */
        {1, 7, 0.5, 16, 3, {2, 3, 7, 12}},           {4, 7, 0.5, 16, -1, {2, 3, 7, 12}},
    };
    for (size_t i = 0; i < sizeof vectors / sizeof vectors[0]; i++)
        check(&vectors[i]);
}

static void odd_wishes_do_no_harm(void **state) {
    (void)state;
    static const double fractions[] = {-3, 7, NAN, INFINITY, -INFINITY};
    for (size_t i = 0; i < sizeof fractions / sizeof fractions[0]; i++)
        for (int64_t index = -1; index < 6; index++)
            for (int64_t stop = 1; stop < 7; stop++) {
                beamc_split_wish wish = {.fraction = fractions[i], .estimated_elements = INT64_MAX};
                beamc_split_result result;
                if (beamc_split_decide(index, stop, &wish, &result)) {
                    assert_true(result.first_residual > (index < 0 ? 0 : index) && result.first_residual < stop);
                    assert_int_equal(result.last_primary + 1, result.first_residual);
                }
            }
    beamc_split_wish wish = {.fraction = 1, .estimated_elements = INT64_MAX};
    beamc_split_result result;
    (void)beamc_split_decide(INT64_MAX - 1, INT64_MAX, &wish, &result);
    wish.estimated_elements = INT64_MIN;
    assert_true(beamc_split_decide(4, INT64_MAX, &wish, &result));
    assert_int_equal(result.first_residual, 5);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_remainder_after_the_current_element_is_cut_at_the_fraction),
        cmocka_unit_test(only_allowed_points_are_taken_and_the_nearest_of_them),
        cmocka_unit_test(odd_wishes_do_no_harm),
    };
    return cmocka_run_group_tests_name("bundle_split", tests, NULL, NULL);
}
