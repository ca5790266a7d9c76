#include "worker/metrics/sink_metrics.h"

#include "sdk_harness/base/alloc.h"

#include <stdlib.h>
#include <string.h>

static const char name_space[] = "tecton_stream_ingest";

void tecton_sink_metrics_init(tecton_sink_metrics *metrics, beamc_metrics *registry, bool dry_run) {
    *metrics = (tecton_sink_metrics){.dry_run = dry_run};
    const struct {
        beamc_counter **counter;
        const char *name;
    } counters[] = {
        {&metrics->records_written, "records_written"},
        {&metrics->records_validated, "records_validated"},
        {&metrics->records_failed, "records_failed"},
        {&metrics->records_rejected, "records_rejected"},
        {&metrics->records_not_sent, "records_not_sent"},
        {&metrics->records_possibly_stored, "records_possibly_stored"},
        {&metrics->records_possibly_duplicated, "records_possibly_duplicated"},
        {&metrics->records_overwritten, "records_overwritten"},
        {&metrics->write_requests, "write_requests"},
        {&metrics->write_errors, "write_errors"},
        {&metrics->request_retries, "request_retries"},
        {&metrics->requests_throttled, "requests_throttled"},
        {&metrics->count_differences, "count_differences"},
    };
    for (size_t i = 0; i < sizeof counters / sizeof counters[0]; i++)
        *counters[i].counter = beamc_metrics_counter(registry, name_space, counters[i].name);
    metrics->throttling_msecs = beamc_metrics_counter(registry, "beam-throttling-metrics", "throttling-msecs");
    metrics->request_latency_ms = beamc_metrics_distribution(registry, name_space, "request_latency_ms");
    metrics->records_per_request = beamc_metrics_distribution(registry, name_space, "records_per_request");
    metrics->request_bytes = beamc_metrics_distribution(registry, name_space, "request_bytes");
    metrics->in_flight_limit = beamc_metrics_distribution(registry, name_space, "in_flight_limit");
    metrics->in_flight_requests = beamc_metrics_distribution(registry, name_space, "in_flight_requests");
}

void tecton_sink_metrics_name_sink(tecton_sink_metrics *metrics, beamc_metrics *registry, const char *const names[3]) {
    char *segments[4] = {beamc_strdup("tecton:")};
    for (size_t i = 0; i < 3; i++) {
        const char *quote = strpbrk(names[i], ":. \t\n\v\f\r") == NULL ? "" : "`";
        segments[i + 1] = beamc_format("%s%s%s%s", quote, names[i], quote, i < 2 ? "." : "");
    }
    metrics->lineage = beamc_metrics_bounded_trie(registry, "lineage", "sinks_v2", (const char *const *)segments, 4);
    for (size_t i = 0; i < 4; i++)
        free(segments[i]);
}

static void add(beamc_counter *counter, uint32_t n) {
    if (n > 0)
        beamc_counter_add(counter, n);
}

void tecton_sink_metrics_request(const tecton_sink_metrics *metrics, const tecton_delivery_request *request) {
    const tecton_delivery_outcome *outcome = &request->outcome;
    add(metrics->write_requests, outcome->num_tries);
    add(metrics->write_errors, outcome->num_errors);
    add(metrics->request_retries, outcome->num_retries);
    add(metrics->requests_throttled, outcome->num_throttled);
    add(metrics->count_differences, outcome->num_count_differences);
    add(metrics->records_possibly_duplicated, outcome->num_possibly_duplicated);
    for (uint32_t i = 0; i < outcome->num_results; i++) {
        const tecton_delivery_result *result = &outcome->results[i];
        if (!result->owns_request || result->num_attempts == 0)
            continue; /* another bundle's to count, or never tried */
        beamc_distribution_add(metrics->request_latency_ms, result->latency_ms);
        beamc_distribution_add(metrics->records_per_request, result->request_records);
        beamc_distribution_add(metrics->request_bytes, result->request_bytes);
        beamc_distribution_add(metrics->in_flight_limit, result->in_flight_limit);
        beamc_distribution_add(metrics->in_flight_requests, result->in_flight_requests);
    }
}

void tecton_sink_metrics_records(const tecton_sink_metrics *metrics, tecton_record_end end, uint32_t num_records) {
    switch (end) {
    case TECTON_RECORD_STORED:
        if (metrics->lineage != NULL && num_records > 0 && !metrics->dry_run)
            beamc_bounded_trie_add(metrics->lineage);
        add(metrics->dry_run ? metrics->records_validated : metrics->records_written, num_records);
        return;
    case TECTON_RECORD_REJECTED:
        add(metrics->records_rejected, num_records);
        break;
    case TECTON_RECORD_NOT_SENT:
        add(metrics->records_not_sent, num_records);
        break;
    case TECTON_RECORD_POSSIBLY_STORED:
        add(metrics->records_possibly_stored, num_records);
        break;
    case TECTON_NUM_RECORD_ENDS:
        return;
    }
    add(metrics->records_failed, num_records);
}
