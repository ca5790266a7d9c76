#include "sdk_harness/metrics/monitoring_info.h"
#include "tests/support/check.h"

static beamc_metric_registry *registry_with_two_cells(void) {
    beamc_metric_registry *registry = beamc_metric_registry_new();
    beamc_metrics *scope = beamc_metric_registry_scope(registry, "step");
    beamc_counter_add(beamc_metrics_counter(scope, "ns", "rows"), 300);
    beamc_distribution_add(beamc_metrics_distribution(scope, "ns", "sizes"), 5);
    return registry;
}

static void a_report_has_every_metric_in_full_and_by_its_short_id(void **state) {
    (void)state;
    beamc_short_ids *ids = beamc_short_ids_new();
    beamc_metric_registry *registry = registry_with_two_cells();
    beamc_metric_registry_name(registry, ids);
    beamc_metric_report report;
    beamc_metric_report_fill(&report, registry);
    assert_int_equal(report.num_infos, 2);
    assert_int_equal(report.num_data, 2);
    const Beam__MonitoringInfo *rows = report.infos[0];
    assert_string_equal(rows->urn, "beam:metric:user:sum_int64:v1");
    assert_string_equal(rows->type, "beam:metrics:sum_int64:v1");
    assert_int_equal(rows->n_labels, 3);
    assert_string_equal(rows->labels[0]->key, "PTRANSFORM");
    assert_string_equal(rows->labels[0]->value, "step");
    assert_string_equal(rows->labels[2]->value, "rows");
    assert_int_equal(rows->payload.len, 2);
    assert_memory_equal(rows->payload.data, "\xac\x02", 2);
    const beamc_metric_key *key = beamc_short_id_find(ids, report.data[0]->key);
    assert_non_null(key);
    assert_string_equal(key->labels[2].value, "rows");
    assert_int_equal(report.data[0]->value.len, 2);
    assert_int_equal(report.data[1]->value.len, 4);
    beamc_metric_report_cleanup(&report);
    beamc_metric_registry_release(registry);
    beamc_short_ids_free(ids);
}

static void a_metric_without_a_short_id_stands_in_the_report_in_full(void **state) {
    (void)state;
    beamc_metric_registry *registry = registry_with_two_cells(); /* nobody named its cells */
    beamc_metric_report report;
    beamc_metric_report_fill(&report, registry);
    assert_int_equal(report.num_infos, 2);
    assert_int_equal(report.num_data, 0);
    beamc_metric_report_cleanup(&report);
    beamc_metric_registry_release(registry);
}

static void a_report_stays_as_it_was_filled_after_its_plan_has_gone(void **state) {
    (void)state;
    beamc_metric_registry *registry = registry_with_two_cells();
    beamc_metric_report report;
    beamc_metric_report_fill(&report, registry);
    beamc_metric_registry_reset(registry);
    beamc_metric_registry_release(registry);
    assert_string_equal(report.infos[1]->labels[2]->value, "sizes");
    assert_int_equal(report.infos[1]->payload.len, 4);
    assert_memory_equal(report.infos[1]->payload.data, "\x01\x05\x05\x05", 4);
    beamc_metric_report_cleanup(&report);
}

static void a_registry_without_cells_has_an_empty_report(void **state) {
    (void)state;
    beamc_metric_registry *registry = beamc_metric_registry_new();
    beamc_metric_report report;
    beamc_metric_report_fill(&report, registry);
    assert_int_equal(report.num_infos, 0);
    assert_int_equal(report.num_data, 0);
    beamc_metric_report_cleanup(&report);
    beamc_metric_registry_release(registry);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_report_has_every_metric_in_full_and_by_its_short_id),
        cmocka_unit_test(a_metric_without_a_short_id_stands_in_the_report_in_full),
        cmocka_unit_test(a_report_stays_as_it_was_filled_after_its_plan_has_gone),
        cmocka_unit_test(a_registry_without_cells_has_an_empty_report),
    };
    return cmocka_run_group_tests_name("monitoring_info", tests, NULL, NULL);
}
