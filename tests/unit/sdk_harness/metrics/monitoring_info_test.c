#include "sdk_harness/metrics/monitoring_info.h"
#include "sdk_harness/packing/packed_message.h"
#include "tests/support/check.h"

#include <stdlib.h>

static beamc_metric_registry *registry_with_two_cells(void) {
    beamc_metric_registry *registry = beamc_metric_registry_new();
    beamc_metrics *scope = beamc_metric_registry_scope(registry, "step");
    beamc_counter_add(beamc_metrics_counter(scope, "ns", "rows"), 300);
    beamc_distribution_add(beamc_metrics_distribution(scope, "ns", "sizes"), 5);
    return registry;
}

/* What a runner reads of it. */
static Beam__ProcessBundleResponse *received(const beamc_metric_report *report) {
    Beam__ProcessBundleResponse response = BEAM__PROCESS_BUNDLE_RESPONSE__INIT;
    beamc_metric_report_put(report, &response.base);
    ProtobufCBinaryData bytes = beamc_packed(&response.base);
    Beam__ProcessBundleResponse *read = beam__process_bundle_response__unpack(NULL, bytes.len, bytes.data);
    assert_non_null(read);
    free(bytes.data);
    return read;
}

static void a_report_has_every_metric_in_full_and_by_its_short_id(void **state) {
    (void)state;
    beamc_short_ids *ids = beamc_short_ids_new();
    beamc_metric_registry *registry = registry_with_two_cells();
    beamc_metric_registry_name(registry, ids);
    beamc_metric_report report;
    beamc_metric_report_fill(&report, registry);
    Beam__ProcessBundleResponse *response = received(&report);
    assert_int_equal(response->n_monitoring_infos, 2);
    assert_int_equal(response->n_monitoring_data, 2);
    const Beam__MonitoringInfo *rows = response->monitoring_infos[0];
    assert_string_equal(rows->urn, "beam:metric:user:sum_int64:v1");
    assert_string_equal(rows->type, "beam:metrics:sum_int64:v1");
    assert_int_equal(rows->n_labels, 3);
    assert_string_equal(rows->labels[0]->key, "PTRANSFORM");
    assert_string_equal(rows->labels[0]->value, "step");
    assert_string_equal(rows->labels[2]->value, "rows");
    assert_int_equal(rows->payload.len, 2);
    assert_memory_equal(rows->payload.data, "\xac\x02", 2);
    const beamc_metric_key *key = beamc_short_id_find(ids, response->monitoring_data[0]->key);
    assert_non_null(key);
    assert_string_equal(key->labels[2].value, "rows");
    assert_int_equal(response->monitoring_data[0]->value.len, 2);
    assert_int_equal(response->monitoring_data[1]->value.len, 4);
    beam__process_bundle_response__free_unpacked(response, NULL);
    beamc_metric_report_cleanup(&report);
    beamc_metric_registry_free(registry);
    beamc_short_ids_free(ids);
}

static void progress_has_the_same_fields(void **state) {
    (void)state;
    beamc_short_ids *ids = beamc_short_ids_new();
    beamc_metric_registry *registry = registry_with_two_cells();
    beamc_metric_registry_name(registry, ids);
    beamc_metric_report report;
    beamc_metric_report_fill(&report, registry);
    Beam__ProcessBundleProgressResponse response = BEAM__PROCESS_BUNDLE_PROGRESS_RESPONSE__INIT;
    beamc_metric_report_put(&report, &response.base);
    ProtobufCBinaryData bytes = beamc_packed(&response.base);
    Beam__ProcessBundleProgressResponse *read =
        beam__process_bundle_progress_response__unpack(NULL, bytes.len, bytes.data);
    assert_non_null(read);
    assert_int_equal(read->n_monitoring_infos, 2);
    assert_int_equal(read->n_monitoring_data, 2);
    assert_string_equal(read->monitoring_infos[1]->labels[2]->value, "sizes");
    beam__process_bundle_progress_response__free_unpacked(read, NULL);
    free(bytes.data);
    beamc_metric_report_cleanup(&report);
    beamc_metric_registry_free(registry);
    beamc_short_ids_free(ids);
}

static void a_metric_without_a_short_id_stands_in_the_report_in_full(void **state) {
    (void)state;
    beamc_metric_registry *registry = registry_with_two_cells(); /* nobody named its cells */
    beamc_metric_report report;
    beamc_metric_report_fill(&report, registry);
    Beam__ProcessBundleResponse *response = received(&report);
    assert_int_equal(response->n_monitoring_infos, 2);
    assert_int_equal(response->n_monitoring_data, 0);
    beam__process_bundle_response__free_unpacked(response, NULL);
    beamc_metric_report_cleanup(&report);
    beamc_metric_registry_free(registry);
}

static void a_report_stays_as_it_was_filled_after_its_plan_has_gone(void **state) {
    (void)state;
    beamc_metric_registry *registry = registry_with_two_cells();
    beamc_metric_report report;
    beamc_metric_report_fill(&report, registry);
    beamc_metric_registry_reset(registry);
    beamc_metric_registry_free(registry);
    Beam__ProcessBundleResponse *response = received(&report);
    assert_string_equal(response->monitoring_infos[1]->labels[2]->value, "sizes");
    assert_int_equal(response->monitoring_infos[1]->payload.len, 4);
    assert_memory_equal(response->monitoring_infos[1]->payload.data, "\x01\x05\x05\x05", 4);
    beam__process_bundle_response__free_unpacked(response, NULL);
    beamc_metric_report_cleanup(&report);
}

static void the_largest_payloads_and_long_names_fit(void **state) {
    (void)state;
    char name[5000];
    memset(name, 'n', sizeof name - 1);
    name[sizeof name - 1] = '\0';
    beamc_short_ids *ids = beamc_short_ids_new();
    beamc_metric_registry *registry = beamc_metric_registry_new();
    beamc_metrics *scope = beamc_metric_registry_scope(registry, "step");
    for (int i = 0; i < 20; i++) {
        name[i] = '_';
        beamc_distribution *values = beamc_metrics_distribution(scope, "ns", name);
        beamc_distribution_add(values, INT64_MIN); /* of ten bytes, as its sum, least and greatest */
    }
    beamc_metric_registry_name(registry, ids);
    beamc_metric_report report;
    beamc_metric_report_fill(&report, registry);
    Beam__ProcessBundleResponse *response = received(&report);
    assert_int_equal(response->n_monitoring_infos, 20);
    for (size_t i = 0; i < 20; i++) {
        assert_int_equal(strlen(response->monitoring_infos[i]->labels[2]->value), sizeof name - 1);
        assert_int_equal(response->monitoring_infos[i]->payload.len, 31);
        assert_int_equal(response->monitoring_data[i]->value.len, 31);
    }
    beam__process_bundle_response__free_unpacked(response, NULL);
    beamc_metric_report_cleanup(&report);
    beamc_metric_registry_free(registry);
    beamc_short_ids_free(ids);
}

static void a_trie_of_any_length_fits(void **state) {
    (void)state;
    char segment[3000];
    memset(segment, 's', sizeof segment - 1);
    segment[sizeof segment - 1] = '\0';
    beamc_short_ids *ids = beamc_short_ids_new();
    beamc_metric_registry *registry = beamc_metric_registry_new();
    beamc_metrics *scope = beamc_metric_registry_scope(registry, "step");
    const char *const segments[] = {"tecton:", segment};
    beamc_bounded_trie_add(beamc_metrics_bounded_trie(scope, "lineage", "sinks_v2", segments, 2));
    beamc_metric_registry_name(registry, ids);
    beamc_metric_report report;
    beamc_metric_report_fill(&report, registry);
    Beam__ProcessBundleResponse *response = received(&report);
    assert_int_equal(response->n_monitoring_infos, 1);
    assert_true(response->monitoring_infos[0]->payload.len > sizeof segment);
    assert_int_equal(response->monitoring_data[0]->value.len, response->monitoring_infos[0]->payload.len);
    beam__process_bundle_response__free_unpacked(response, NULL);
    beamc_metric_report_cleanup(&report);
    beamc_metric_registry_free(registry);
    beamc_short_ids_free(ids);
}

static void a_registry_without_cells_has_an_empty_report(void **state) {
    (void)state;
    beamc_metric_registry *registry = beamc_metric_registry_new();
    beamc_metric_report report;
    beamc_metric_report_fill(&report, registry);
    assert_int_equal(report.num_fields, 0);
    beamc_metric_report_cleanup(&report);
    beamc_metric_registry_free(registry);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_report_has_every_metric_in_full_and_by_its_short_id),
        cmocka_unit_test(progress_has_the_same_fields),
        cmocka_unit_test(the_largest_payloads_and_long_names_fit),
        cmocka_unit_test(a_trie_of_any_length_fits),
        cmocka_unit_test(a_metric_without_a_short_id_stands_in_the_report_in_full),
        cmocka_unit_test(a_report_stays_as_it_was_filled_after_its_plan_has_gone),
        cmocka_unit_test(a_registry_without_cells_has_an_empty_report),
    };
    return cmocka_run_group_tests_name("monitoring_info", tests, NULL, NULL);
}
