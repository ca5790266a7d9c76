#include "worker/metrics/sink_metrics.h"

#include "tests/support/check.h"
#include "tests/support/fake_bundle.h"

#define NAMED(name) "tecton_stream_ingest:" name

static void check_counters(const beamc_metrics *registry, int64_t written, int64_t requests, int64_t errors) {
    assert_int_equal(fake_counter(registry, NAMED("records_written")), written);
    assert_int_equal(fake_counter(registry, NAMED("write_requests")), requests);
    assert_int_equal(fake_counter(registry, NAMED("write_errors")), errors);
}

/* A request whose single result is `result`. */
static void count(const tecton_sink_metrics *metrics, tecton_delivery_result result, uint32_t num_tries,
                  uint32_t num_errors) {
    tecton_delivery_request request = {.num_records = result.num_records};
    result.owns_request = true;
    tecton_delivery_request_add_result(&request, &result);
    request.outcome.num_tries = num_tries;
    request.outcome.num_errors = num_errors;
    request.outcome.num_retries = num_tries > 0 ? num_tries - 1 : 0;
    tecton_sink_metrics_request(metrics, &request);
    tecton_delivery_request_reset(&request);
}

static void tries_errors_and_retries_add_up(void **state) {
    (void)state;
    beamc_metrics *registry = fake_metrics_new();
    tecton_sink_metrics metrics;
    tecton_sink_metrics_init(&metrics, registry, false);
    check_counters(registry, 0, 0, 0); /* they exist from the start */
    tecton_delivery_result result = {.num_records = 10,
                                     .verdict = TECTON_VERDICT_STORED,
                                     .num_attempts = 1,
                                     .latency_ms = 80,
                                     .request_records = 10,
                                     .request_bytes = 1500,
                                     .in_flight_limit = 7,
                                     .in_flight_requests = 3};
    count(&metrics, result, 1, 0);
    result.latency_ms = 20;
    result.num_attempts = 4;
    count(&metrics, result, 4, 3);
    check_counters(registry, 0, 5, 3);
    assert_int_equal(fake_counter(registry, NAMED("request_retries")), 3);
    const beamc_distribution *latency = fake_distribution(registry, NAMED("request_latency_ms"));
    assert_int_equal(latency->count, 2);
    assert_int_equal(latency->sum, 100);
    assert_int_equal(fake_distribution(registry, NAMED("records_per_request"))->sum, 20);
    assert_int_equal(fake_distribution(registry, NAMED("request_bytes"))->max, 1500);
    assert_int_equal(fake_distribution(registry, NAMED("in_flight_limit"))->max, 7);
    assert_int_equal(fake_distribution(registry, NAMED("in_flight_requests"))->min, 3);
    fake_metrics_free(registry);
}

static void each_record_is_counted_by_how_it_ended(void **state) {
    (void)state;
    beamc_metrics *registry = fake_metrics_new();
    tecton_sink_metrics metrics;
    tecton_sink_metrics_init(&metrics, registry, false);
    tecton_sink_metrics_records(&metrics, TECTON_RECORD_STORED, 10);
    tecton_sink_metrics_records(&metrics, TECTON_RECORD_REJECTED, 1);
    tecton_sink_metrics_records(&metrics, TECTON_RECORD_NOT_SENT, 2);
    tecton_sink_metrics_records(&metrics, TECTON_RECORD_POSSIBLY_STORED, 4);
    assert_int_equal(fake_counter(registry, NAMED("records_written")), 10);
    assert_int_equal(fake_counter(registry, NAMED("records_failed")), 7);
    assert_int_equal(fake_counter(registry, NAMED("records_rejected")), 1);
    assert_int_equal(fake_counter(registry, NAMED("records_not_sent")), 2);
    assert_int_equal(fake_counter(registry, NAMED("records_possibly_stored")), 4);
    fake_metrics_free(registry);
}

static void a_dry_run_validates_and_writes_no_records(void **state) {
    (void)state;
    beamc_metrics *registry = fake_metrics_new();
    tecton_sink_metrics metrics;
    tecton_sink_metrics_init(&metrics, registry, true);
    tecton_sink_metrics_records(&metrics, TECTON_RECORD_STORED, 10);
    assert_int_equal(fake_counter(registry, NAMED("records_written")), 0);
    assert_int_equal(fake_counter(registry, NAMED("records_validated")), 10);
    fake_metrics_free(registry);
}

static void what_another_bundle_counts_or_nobody_tried_is_not_counted(void **state) {
    (void)state;
    beamc_metrics *registry = fake_metrics_new();
    tecton_sink_metrics metrics;
    tecton_sink_metrics_init(&metrics, registry, false);
    count(&metrics, (tecton_delivery_result){.num_records = 10, .verdict = TECTON_VERDICT_OTHER}, 0, 0);
    tecton_delivery_request request = {.num_records = 1};
    const tecton_delivery_result shared = {
        .num_records = 1, .verdict = TECTON_VERDICT_STORED, .num_attempts = 1, .request_records = 8};
    tecton_delivery_request_add_result(&request, &shared);
    tecton_sink_metrics_request(&metrics, &request);
    check_counters(registry, 0, 0, 0);
    assert_int_equal(fake_distribution(registry, NAMED("request_latency_ms"))->count, 0);
    fake_metrics_free(registry);
}

static void the_sink_is_in_the_lineage_once_something_was_stored(void **state) {
    (void)state;
    beamc_metrics *registry = fake_metrics_new();
    tecton_sink_metrics metrics;
    tecton_sink_metrics_init(&metrics, registry, false);
    tecton_sink_metrics_name_sink(&metrics, registry, (const char *const[3]){"acme.tecton.ai", "prod", "user events"});
    assert_string_equal(registry->lineage.path, "tecton:`acme.tecton.ai`.prod.`user events`");
    tecton_sink_metrics_records(&metrics, TECTON_RECORD_REJECTED, 1);
    assert_int_equal(registry->lineage.num_added, 0);
    tecton_sink_metrics_records(&metrics, TECTON_RECORD_STORED, 1);
    assert_int_equal(registry->lineage.num_added, 1);
    fake_metrics_free(registry);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tries_errors_and_retries_add_up),
        cmocka_unit_test(each_record_is_counted_by_how_it_ended),
        cmocka_unit_test(a_dry_run_validates_and_writes_no_records),
        cmocka_unit_test(the_sink_is_in_the_lineage_once_something_was_stored),
        cmocka_unit_test(what_another_bundle_counts_or_nobody_tried_is_not_counted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
