#include "worker/metrics/sink_metrics.h"

#include "tests/support/check.h"
#include "tests/support/fake_bundle.h"

#define NAMED(name) "tecton_stream_ingest:" name

static void check_counters(const beamc_metrics *registry, int64_t written, int64_t requests, int64_t errors) {
    assert_int_equal(fake_counter(registry, NAMED("records_written")), written);
    assert_int_equal(fake_counter(registry, NAMED("write_requests")), requests);
    assert_int_equal(fake_counter(registry, NAMED("write_errors")), errors);
}

static void stored_failed_and_retried_requests_add_up(void **state) {
    (void)state;
    beamc_metrics *registry = fake_metrics_new();
    tecton_sink_metrics metrics;
    tecton_sink_metrics_init(&metrics, registry, false);
    check_counters(registry, 0, 0, 0); /* they exist from the start */
    tecton_delivery_request request = {.num_records = 10, .body_len = 1500};
    request.outcome =
        (tecton_delivery_outcome){.verdict = TECTON_VERDICT_STORED, .num_attempts = 1, .num_sent = 1, .latency_ms = 80};
    tecton_sink_metrics_count(&metrics, &request);
    check_counters(registry, 10, 1, 0);
    request.num_records = 3;
    request.outcome = (tecton_delivery_outcome){
        .verdict = TECTON_VERDICT_STORED, .num_attempts = 4, .num_sent = 3, .num_errors = 3, .latency_ms = 20};
    tecton_sink_metrics_count(&metrics, &request);
    check_counters(registry, 13, 5, 3);
    request.outcome = (tecton_delivery_outcome){
        .verdict = TECTON_VERDICT_REJECTED, .num_attempts = 1, .num_sent = 1, .num_errors = 1, .latency_ms = 5};
    tecton_sink_metrics_count(&metrics, &request);
    check_counters(registry, 13, 6, 4);
    const beamc_distribution *latency = fake_distribution(registry, NAMED("request_latency_ms"));
    assert_int_equal(latency->count, 3);
    assert_int_equal(latency->sum, 105);
    assert_int_equal(latency->min, 5);
    assert_int_equal(latency->max, 80);
    assert_int_equal(fake_distribution(registry, NAMED("records_per_request"))->sum, 16);
    assert_int_equal(fake_distribution(registry, NAMED("request_bytes"))->max, 1500);
    fake_metrics_free(registry);
}

static void a_dry_run_writes_no_records(void **state) {
    (void)state;
    beamc_metrics *registry = fake_metrics_new();
    tecton_sink_metrics metrics;
    tecton_sink_metrics_init(&metrics, registry, true);
    tecton_delivery_request request = {.num_records = 10, .body_len = 1};
    request.outcome = (tecton_delivery_outcome){.verdict = TECTON_VERDICT_STORED, .num_attempts = 1};
    tecton_sink_metrics_count(&metrics, &request);
    check_counters(registry, 0, 1, 0);
    fake_metrics_free(registry);
}

static void what_was_never_tried_is_not_counted(void **state) {
    (void)state;
    beamc_metrics *registry = fake_metrics_new();
    tecton_sink_metrics metrics;
    tecton_sink_metrics_init(&metrics, registry, false);
    tecton_delivery_request request = {.num_records = 10, .body_len = 1};
    request.outcome = (tecton_delivery_outcome){.verdict = TECTON_VERDICT_OTHER};
    tecton_sink_metrics_count(&metrics, &request);
    check_counters(registry, 0, 0, 0);
    assert_int_equal(fake_distribution(registry, NAMED("request_latency_ms"))->count, 0);
    fake_metrics_free(registry);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(stored_failed_and_retried_requests_add_up),
        cmocka_unit_test(a_dry_run_writes_no_records),
        cmocka_unit_test(what_was_never_tried_is_not_counted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
