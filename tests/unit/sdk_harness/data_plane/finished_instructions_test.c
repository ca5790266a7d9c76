#include "sdk_harness/data_plane/finished_instructions.h"
#include "tests/support/check.h"

#include <stdio.h>

static void add_from_to(beamc_finished_instructions *finished, int from, int to) {
    char id[32];
    for (int i = from; i < to; i++) {
        snprintf(id, sizeof id, "bundle-%d", i);
        beamc_finished_add(finished, id);
    }
}

static int count_known(const beamc_finished_instructions *finished, int from, int to) {
    char id[32];
    int known = 0;
    for (int i = from; i < to; i++) {
        snprintf(id, sizeof id, "bundle-%d", i);
        known += beamc_finished_has(finished, id) ? 1 : 0;
    }
    return known;
}

static void the_last_thousand_are_known_and_no_older_ones(void **state) {
    (void)state;
    static beamc_finished_instructions finished;
    const int kept = BEAMC_FINISHED_KEPT;
    assert_int_equal(count_known(&finished, 0, 10), 0);
    add_from_to(&finished, 0, kept);
    assert_int_equal(count_known(&finished, 0, kept), kept);
    add_from_to(&finished, kept, 5 * kept + 17); /* several times round */
    assert_int_equal(count_known(&finished, 0, 4 * kept + 17), 0);
    assert_int_equal(count_known(&finished, 4 * kept + 17, 5 * kept + 17), kept);
    beamc_finished_cleanup(&finished);
}

static void an_id_that_ended_twice_is_known_until_its_second_end_is_forgotten(void **state) {
    (void)state;
    static beamc_finished_instructions finished;
    add_from_to(&finished, 0, 1);
    add_from_to(&finished, 1, 500);
    add_from_to(&finished, 0, 1);
    add_from_to(&finished, 500, 500 + BEAMC_FINISHED_KEPT - 1);
    assert_int_equal(count_known(&finished, 0, 1), 1);
    add_from_to(&finished, 10000, 10001);
    assert_int_equal(count_known(&finished, 0, 1), 0);
    beamc_finished_cleanup(&finished);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_last_thousand_are_known_and_no_older_ones),
        cmocka_unit_test(an_id_that_ended_twice_is_known_until_its_second_end_is_forgotten),
    };
    return cmocka_run_group_tests_name("finished_instructions", tests, NULL, NULL);
}
