/* Metrics as they stand in responses: short ids with payloads, and the full MonitoringInfos.
 *
 * Prism reads only the first, Flink and FnApiRunner only the second, and none counts twice, so a bundle's
 * response carries both. */
#ifndef SDK_HARNESS_METRICS_MONITORING_INFO_H
#define SDK_HARNESS_METRICS_MONITORING_INFO_H

#include "protos/fn_api.pb-c.h"
#include "sdk_harness/metrics/metric_registry.h"

/* The metrics of a bundle, packed. Names are packed once, when a plan is built: as messages of their own, they were an
 * eighth of the instructions of a small bundle. */
typedef struct {
    ProtobufCMessageUnknownField *fields; /* each with its length and its bytes, as protobuf-c writes fields it does not
                                             know: as they are */
    unsigned num_fields;
} beamc_metric_report;

/* beamc_metric_report_fill collects every cell of `registry`; another thread may be counting. Release with
 * beamc_metric_report_cleanup. */
void beamc_metric_report_fill(beamc_metric_report *report, beamc_metric_registry *registry);
void beamc_metric_report_cleanup(beamc_metric_report *report);

/* beamc_metric_report_put makes the report part of a message that has `monitoring_infos = 3` and `monitoring_data = 5`:
 * a ProcessBundleResponse or a ProcessBundleProgressResponse. Borrowed until the message is packed. */
void beamc_metric_report_put(const beamc_metric_report *report, ProtobufCMessage *response);

/* beamc_monitoring_info_new: a message of `key` without a payload.
 * Free with beam__monitoring_info__free_unpacked(info, NULL). */
Beam__MonitoringInfo *beamc_monitoring_info_new(const beamc_metric_key *key);

/* beamc_monitoring_info_packed: the same message packed; new, `*len` bytes. */
uint8_t *beamc_monitoring_info_packed(const beamc_metric_key *key, size_t *len);

#endif
