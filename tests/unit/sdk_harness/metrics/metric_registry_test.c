#include "sdk_harness/metrics/metric_registry.h"
#include "tests/support/check.h"

typedef struct {
    size_t num_cells;
    uint8_t payload[64];
    size_t payload_len;
    bool has_short_id;
    char name[64];
} seen;

static void remember(void *context, const beamc_metric_value *value) {
    seen *s = context;
    s->num_cells++;
    memcpy(s->payload, value->payload, value->payload_len);
    s->payload_len = value->payload_len;
    s->has_short_id = value->short_id != NULL;
    snprintf(s->name, sizeof s->name, "%s/%s/%s", value->key->labels[0].value, value->key->labels[1].value,
             value->key->labels[2].value);
}

static void a_counter_is_its_sum_as_a_varint_and_starts_over_with_each_bundle(void **state) {
    (void)state;
    beamc_metric_registry *registry = beamc_metric_registry_new();
    beamc_metrics *scope = beamc_metric_registry_scope(registry, "step");
    beamc_counter *rows = beamc_metrics_counter(scope, "ns", "rows");
    assert_ptr_equal(rows, beamc_metrics_counter(scope, "ns", "rows"));
    assert_ptr_not_equal(rows, beamc_metrics_counter(scope, "ns", "other"));
    beamc_metric_registry_release(registry);

    registry = beamc_metric_registry_new();
    scope = beamc_metric_registry_scope(registry, "step");
    rows = beamc_metrics_counter(scope, "ns", "rows");
    beamc_counter_add(rows, 100);
    beamc_counter_add(rows, 200);
    seen s = {0};
    beamc_metric_registry_each(registry, remember, &s);
    assert_int_equal(s.num_cells, 1);
    assert_string_equal(s.name, "step/ns/rows");
    assert_int_equal(s.payload_len, 2);
    assert_memory_equal(s.payload, "\xac\x02", 2);
    beamc_metric_registry_reset(registry);
    s = (seen){0};
    beamc_metric_registry_each(registry, remember, &s);
    assert_int_equal(s.payload_len, 1); /* never empty: Flink stops reading at an empty payload */
    assert_int_equal(s.payload[0], 0);
    beamc_metric_registry_release(registry);
}

static void a_distribution_is_count_sum_least_and_greatest_and_absent_when_empty(void **state) {
    (void)state;
    beamc_metric_registry *registry = beamc_metric_registry_new();
    beamc_metrics *scope = beamc_metric_registry_scope(registry, "step");
    beamc_distribution *sizes = beamc_metrics_distribution(scope, "ns", "sizes");
    seen s = {0};
    beamc_metric_registry_each(registry, remember, &s);
    assert_int_equal(s.num_cells, 0);
    beamc_distribution_add(sizes, 5);
    beamc_distribution_add(sizes, 3);
    beamc_distribution_add(sizes, 7);
    beamc_metric_registry_each(registry, remember, &s);
    assert_int_equal(s.payload_len, 4);
    assert_memory_equal(s.payload, "\x03\x0f\x03\x07", 4);
    beamc_metric_registry_release(registry);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_counter_is_its_sum_as_a_varint_and_starts_over_with_each_bundle),
        cmocka_unit_test(a_distribution_is_count_sum_least_and_greatest_and_absent_when_empty),
    };
    return cmocka_run_group_tests_name("metric_registry", tests, NULL, NULL);
}
