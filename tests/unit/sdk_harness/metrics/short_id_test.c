#include "sdk_harness/metrics/short_id.h"
#include "tests/support/check.h"

static beamc_metric_key key_named(const char *transform, const char *name) {
    return (beamc_metric_key){.urn = "beam:metric:user:sum_int64:v1",
                              .type = "beam:metrics:sum_int64:v1",
                              .num_labels = 3,
                              .labels = {{"PTRANSFORM", transform}, {"NAMESPACE", "ns"}, {"NAME", name}}};
}

static void one_metric_has_one_id_in_every_process(void **state) {
    (void)state;
    beamc_short_ids *here = beamc_short_ids_new();
    beamc_short_ids *there = beamc_short_ids_new();
    char first[BEAMC_SHORT_ID_LEN];
    char second[BEAMC_SHORT_ID_LEN];
    const beamc_metric_key other = key_named("step", "other");
    const beamc_metric_key key = key_named("step", "rows");
    assert_true(beamc_short_id_of(there, &other, second)); /* what else was asked for makes no difference */
    assert_true(beamc_short_id_of(here, &key, first));
    assert_true(beamc_short_id_of(there, &key, second));
    assert_string_equal(first, second);
    beamc_short_ids_free(here);
    beamc_short_ids_free(there);
}

static void thousands_of_metrics_have_different_ids_and_are_found_again(void **state) {
    (void)state;
    beamc_short_ids *ids = beamc_short_ids_new();
    char transform[32];
    char id[BEAMC_SHORT_ID_LEN];
    for (int i = 0; i < 5000; i++) {
        snprintf(transform, sizeof transform, "step-%d", i);
        const beamc_metric_key key = key_named(transform, "rows");
        assert_true(beamc_short_id_of(ids, &key, id));
        const beamc_metric_key *found = beamc_short_id_find(ids, id);
        assert_non_null(found);
        assert_string_equal(found->labels[0].value, transform);
    }
    beamc_short_ids_free(ids);
}

static void ids_of_other_workers_are_not_found(void **state) {
    (void)state;
    beamc_short_ids *ids = beamc_short_ids_new();
    assert_null(beamc_short_id_find(ids, "c0000000000000001"));
    const beamc_metric_key key = key_named("step", "rows");
    char id[BEAMC_SHORT_ID_LEN];
    assert_true(beamc_short_id_of(ids, &key, id));
    const char *foreign[] = {"", "1", "metric:1", "c", "cxyz", "c0000000000000001"};
    for (size_t i = 0; i < sizeof foreign / sizeof foreign[0]; i++)
        assert_null(beamc_short_id_find(ids, foreign[i]));
    beamc_short_ids_free(ids);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_metric_has_one_id_in_every_process),
        cmocka_unit_test(thousands_of_metrics_have_different_ids_and_are_found_again),
        cmocka_unit_test(ids_of_other_workers_are_not_found),
    };
    return cmocka_run_group_tests_name("short_id", tests, NULL, NULL);
}
