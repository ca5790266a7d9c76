/* What the sink counts, under the namespace `tecton_stream_ingest`. The names are part of the product: dashboards use
 * them.
 *
 * Handles belong to one DoFn instance; use them inside its callbacks only. */
#ifndef WORKER_METRICS_SINK_METRICS_H
#define WORKER_METRICS_SINK_METRICS_H

#include "sdk_harness/dofn.h"
#include "worker/delivery/delivery_request.h"

#include <stdbool.h>
#include <stddef.h>

typedef struct {
    bool dry_run;
    beamc_counter *records_written;         /* acknowledged by the service; none under dry_run */
    beamc_counter *write_requests;          /* tries to send a request, retries included */
    beamc_counter *write_errors;            /* of those, the ones that were not answered with 2xx */
    beamc_distribution *request_latency_ms; /* of each request's last try */
    beamc_distribution *records_per_request;
    beamc_distribution *request_bytes; /* of the body */
} tecton_sink_metrics;

/* tecton_sink_metrics_init gets the handles; in the DoFn's setup. */
void tecton_sink_metrics_init(tecton_sink_metrics *metrics, beamc_metrics *registry, bool dry_run);

/* tecton_sink_metrics_count adds one request that came back. */
void tecton_sink_metrics_count(const tecton_sink_metrics *metrics, const tecton_delivery_request *request);

#endif
