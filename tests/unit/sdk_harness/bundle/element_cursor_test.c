#include "sdk_harness/bundle/element_cursor.h"
#include "tests/support/check.h"

#include <pthread.h>

static void a_split_moves_the_end_and_no_element_past_it_is_taken(void **state) {
    (void)state;
    beamc_element_cursor cursor;
    beamc_element_cursor_init(&cursor);
    beamc_split_wish wish = {.fraction = 0.5, .estimated_elements = 10};
    beamc_split_result result;
    assert_false(beamc_element_cursor_split(&cursor, &wish, &result)); /* no bundle */
    beamc_element_cursor_start(&cursor);
    for (int64_t i = 0; i < 4; i++)
        assert_true(beamc_element_cursor_next(&cursor));
    assert_int_equal(beamc_element_cursor_index(&cursor), 3);
    assert_true(beamc_element_cursor_split(&cursor, &wish, &result));
    assert_int_equal(result.last_primary, 6);
    assert_int_equal(result.first_residual, 7);
    assert_true(beamc_element_cursor_split(&cursor, &wish, &result)); /* again, of what is left */
    assert_int_equal(result.first_residual, 5);
    assert_true(beamc_element_cursor_next(&cursor));
    assert_false(beamc_element_cursor_split(&cursor, &wish, &result));
    assert_false(beamc_element_cursor_next(&cursor));
    assert_false(beamc_element_cursor_next(&cursor));
    assert_int_equal(beamc_element_cursor_index(&cursor), 4);
    beamc_element_cursor_finish(&cursor);
    assert_false(beamc_element_cursor_split(&cursor, &wish, &result));
    beamc_element_cursor_start(&cursor); /* the next bundle starts over */
    assert_true(beamc_element_cursor_next(&cursor));
    assert_int_equal(beamc_element_cursor_index(&cursor), 0);
    beamc_element_cursor_finish(&cursor);
    beamc_element_cursor_cleanup(&cursor);
}

enum { NUM_ELEMENTS = 3000, NUM_ROUNDS = 300 };

static void *read_all(void *context) {
    beamc_element_cursor *cursor = context;
    int64_t taken = 0;
    while (taken < NUM_ELEMENTS && beamc_element_cursor_next(cursor))
        taken++;
    return (void *)(uintptr_t)taken;
}

/* Fraction 0 asks for the place right behind the reader, where they meet most often. */
static void what_a_racing_reader_takes_is_exactly_what_the_last_split_left_it(void **state) {
    (void)state;
    beamc_element_cursor cursor;
    beamc_element_cursor_init(&cursor);
    for (int round = 0; round < NUM_ROUNDS; round++) {
        beamc_element_cursor_start(&cursor);
        pthread_t reader;
        assert_int_equal(pthread_create(&reader, NULL, read_all, &cursor), 0);
        int64_t end = NUM_ELEMENTS;
        for (int i = 0; i < 50; i++) {
            beamc_split_wish wish = {.fraction = i % 2 == 0 ? 0.9 : 0, .estimated_elements = end};
            beamc_split_result result;
            if (beamc_element_cursor_split(&cursor, &wish, &result) && result.first_residual < end) {
                assert_int_equal(result.last_primary + 1, result.first_residual);
                end = result.first_residual;
            }
        }
        void *taken = NULL;
        pthread_join(reader, &taken);
        assert_int_equal((int64_t)(uintptr_t)taken, end);
        beamc_element_cursor_finish(&cursor);
    }
    beamc_element_cursor_cleanup(&cursor);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_split_moves_the_end_and_no_element_past_it_is_taken),
        cmocka_unit_test(what_a_racing_reader_takes_is_exactly_what_the_last_split_left_it),
    };
    return cmocka_run_group_tests_name("element_cursor", tests, NULL, NULL);
}
