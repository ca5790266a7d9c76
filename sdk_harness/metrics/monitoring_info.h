/* Metrics as they stand in responses: short ids with payloads, and the full MonitoringInfos.
 *
 * Prism reads only the first, Flink and FnApiRunner only the second, and none counts twice, so a bundle's
 * response carries both. */
#ifndef SDK_HARNESS_METRICS_MONITORING_INFO_H
#define SDK_HARNESS_METRICS_MONITORING_INFO_H

#include "protos/fn_api.pb-c.h"
#include "sdk_harness/metrics/metric_registry.h"

typedef struct {
    beamc_metric_registry *registry; /* whose names the messages point to */
    void *memory;                    /* of all the rest */
    size_t num_infos;
    Beam__MonitoringInfo **infos;
    size_t num_data;
    Beam__ProcessBundleResponse__MonitoringDataEntry **data; /* same layout in all three responses */
} beamc_metric_report;

/* beamc_metric_report_fill collects every cell of `registry`; it may be filled while a bundle counts, and outlives the
 * plan. Release with beamc_metric_report_cleanup. */
void beamc_metric_report_fill(beamc_metric_report *report, beamc_metric_registry *registry);
void beamc_metric_report_cleanup(beamc_metric_report *report);

/* beamc_monitoring_info_new: a message of `key` without a payload.
 * Free with beam__monitoring_info__free_unpacked(info, NULL). */
Beam__MonitoringInfo *beamc_monitoring_info_new(const beamc_metric_key *key);

#endif
