#include "sdk_harness/status/status_page.h"
#include "tests/support/check.h"

#include <stdlib.h>

static void the_page_says_what_runs_and_how_much_of_each_limit_is_used(void **state) {
    (void)state;
    const beamc_status_bundle bundles[] = {{"b1", "stage-1", "PROCESSING", 1500}, {"b2", "stage-1", "STARTING", 0}};
    beamc_status_facts facts = {.worker_id = "w1",
                                .version = "1.2",
                                .up_ms = 61000,
                                .bundles = bundles,
                                .num_bundles = 2,
                                .num_active = 2,
                                .input_bytes = 3 * 1024 * 1024,
                                .input_cap_bytes = 64 * 1024 * 1024,
                                .num_tasks_queued = 7,
                                .num_executors = 2,
                                .num_threads = 9,
                                .rss_bytes = 20 * 1024 * 1024,
                                .peak_rss_bytes = 30 * 1024 * 1024};
    char *page = beamc_status_page(&facts);
    assert_string_equal(page, "Worker w1, version 1.2, up 61 s\n"
                              "\nActive bundles: 2\n"
                              "  b1 of stage stage-1: PROCESSING, 1.5 s\n"
                              "  b2 of stage stage-1: STARTING, 0.0 s\n"
                              "\nQueues\n"
                              "  input waiting: 3.0 of 64.0 MiB\n"
                              "  bundles waiting for a thread: 7\n"
                              "\nThreads: 9, of them 2 run bundles\n"
                              "Memory: 20.0 MiB resident, 30.0 MiB at most\n");
    free(page);
}

static void many_bundles_are_counted_and_not_all_shown(void **state) {
    (void)state;
    beamc_status_bundle bundles[BEAMC_STATUS_BUNDLES_SHOWN];
    for (size_t i = 0; i < BEAMC_STATUS_BUNDLES_SHOWN; i++)
        bundles[i] = (beamc_status_bundle){"b", "s", "PROCESSING", 0};
    beamc_status_facts facts = {.worker_id = "w1",
                                .bundles = bundles,
                                .num_bundles = BEAMC_STATUS_BUNDLES_SHOWN,
                                .num_active = BEAMC_STATUS_BUNDLES_SHOWN + 23};
    char *page = beamc_status_page(&facts);
    assert_contains(page, "Active bundles: 123\n");
    assert_contains(page, "  and 23 more\n");
    assert_contains(page, "version not known");
    free(page);
}

static void ids_of_any_bytes_leave_the_page_valid_text(void **state) {
    (void)state;
    char long_id[1000];
    memset(long_id, 'x', sizeof long_id - 1);
    long_id[sizeof long_id - 1] = '\0';
    const beamc_status_bundle bundles[] = {{"a\xff\nb", long_id, "STARTING", 0}};
    beamc_status_facts facts = {.worker_id = "\x80", .bundles = bundles, .num_bundles = 1, .num_active = 1};
    char *page = beamc_status_page(&facts);
    assert_contains(page, "Worker ., ");
    assert_contains(page, "  a. b of stage x");
    assert_true(strlen(page) < 1000);
    free(page);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_page_says_what_runs_and_how_much_of_each_limit_is_used),
        cmocka_unit_test(many_bundles_are_counted_and_not_all_shown),
        cmocka_unit_test(ids_of_any_bytes_leave_the_page_valid_text),
    };
    return cmocka_run_group_tests_name("status_page", tests, NULL, NULL);
}
