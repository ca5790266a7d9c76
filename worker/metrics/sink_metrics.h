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

/* How one record ended: each in exactly one of these. */
typedef enum {
    TECTON_RECORD_STORED,
    TECTON_RECORD_REJECTED,        /* the service refuses it, or it cannot be sent at all */
    TECTON_RECORD_NOT_SENT,        /* given up, and no try reached the service */
    TECTON_RECORD_POSSIBLY_STORED, /* given up, and a try was sent whose end is unknown */
    TECTON_NUM_RECORD_ENDS
} tecton_record_end;

typedef struct {
    bool dry_run;
    beamc_counter *records_written;   /* acknowledged by the service; none under dry_run ... */
    beamc_counter *records_validated; /* ... but these */
    beamc_counter *records_failed;    /* went to the output of refused rows: the sum of the next three */
    beamc_counter *records_rejected;
    beamc_counter *records_not_sent;
    beamc_counter *records_possibly_stored;
    beamc_counter *records_possibly_duplicated; /* acknowledged, after a try that may have stored them */
    beamc_counter *records_overwritten;         /* same key and time as another record of the bundle */
    beamc_counter *write_requests;              /* tries to send a request, retries and halves included */
    beamc_counter *write_errors;                /* of those, the ones that were not answered with 2xx */
    beamc_counter *request_retries;
    beamc_counter *requests_throttled; /* answered with 429, or with Retry-After */
    beamc_counter *count_differences;  /* answers whose own count of records is not ours */
    beamc_bounded_trie *lineage;       /* sinks_v2: tecton:instance.workspace.source; NULL until the sink is named */
    beamc_counter *throttling_msecs;   /* namespace beam-throttling-metrics: runners that scale by load read it */
    beamc_distribution *request_latency_ms; /* of each request's last try */
    beamc_distribution *records_per_request;
    beamc_distribution *request_bytes; /* of the body */
    beamc_distribution *in_flight_limit;
    beamc_distribution *in_flight_requests;
} tecton_sink_metrics;

/* tecton_sink_metrics_init gets the handles; in the DoFn's setup. */
void tecton_sink_metrics_init(tecton_sink_metrics *metrics, beamc_metrics *registry, bool dry_run);

/* tecton_sink_metrics_name_sink makes the lineage's path.
 *   names   three: the instance or the endpoint's host, the workspace, the source; those with a dot, colon or space are
 *           put between backticks, as Beam does */
void tecton_sink_metrics_name_sink(tecton_sink_metrics *metrics, beamc_metrics *registry, const char *const names[3]);

/* tecton_sink_metrics_request adds the HTTP requests of one request that came back. */
void tecton_sink_metrics_request(const tecton_sink_metrics *metrics, const tecton_delivery_request *request);

/* tecton_sink_metrics_records adds `num_records` that ended in the same way. */
void tecton_sink_metrics_records(const tecton_sink_metrics *metrics, tecton_record_end end, uint32_t num_records);

#endif
