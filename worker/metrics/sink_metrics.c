#include "worker/metrics/sink_metrics.h"

static const char name_space[] = "tecton_stream_ingest";

void tecton_sink_metrics_init(tecton_sink_metrics *metrics, beamc_metrics *registry, bool dry_run) {
    metrics->dry_run = dry_run;
    metrics->records_written = beamc_metrics_counter(registry, name_space, "records_written");
    metrics->write_requests = beamc_metrics_counter(registry, name_space, "write_requests");
    metrics->write_errors = beamc_metrics_counter(registry, name_space, "write_errors");
    metrics->request_latency_ms = beamc_metrics_distribution(registry, name_space, "request_latency_ms");
    metrics->records_per_request = beamc_metrics_distribution(registry, name_space, "records_per_request");
    metrics->request_bytes = beamc_metrics_distribution(registry, name_space, "request_bytes");
}

void tecton_sink_metrics_count(const tecton_sink_metrics *metrics, const tecton_delivery_request *request) {
    const tecton_delivery_outcome *outcome = &request->outcome;
    if (outcome->num_attempts == 0)
        return; /* never tried: the worker shuts down */
    if (outcome->verdict == TECTON_VERDICT_STORED && !metrics->dry_run)
        beamc_counter_add(metrics->records_written, request->num_records);
    beamc_counter_add(metrics->write_requests, outcome->num_attempts);
    if (outcome->num_errors > 0)
        beamc_counter_add(metrics->write_errors, outcome->num_errors);
    beamc_distribution_add(metrics->request_latency_ms, outcome->latency_ms);
    beamc_distribution_add(metrics->records_per_request, request->num_records);
    beamc_distribution_add(metrics->request_bytes, (int64_t)request->body_len);
}
