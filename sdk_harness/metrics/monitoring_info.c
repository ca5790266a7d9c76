#include "sdk_harness/metrics/monitoring_info.h"

#include "sdk_harness/base/alloc.h"

#include <stdlib.h>
#include <string.h>

static ProtobufCBinaryData copy_bytes(const uint8_t *bytes, size_t len) {
    ProtobufCBinaryData copy = {.len = len, .data = NULL};
    if (len > 0) {
        copy.data = beamc_alloc(len);
        memcpy(copy.data, bytes, len);
    }
    return copy;
}

Beam__MonitoringInfo *beamc_monitoring_info_new(const beamc_metric_key *key, const uint8_t *payload, size_t len) {
    Beam__MonitoringInfo *info = beamc_alloc(sizeof *info);
    beam__monitoring_info__init(info);
    info->urn = beamc_strdup(key->urn);
    info->type = beamc_strdup(key->type);
    info->payload = copy_bytes(payload, len);
    info->n_labels = key->num_labels;
    info->labels = beamc_alloc_zero(key->num_labels, sizeof(Beam__MonitoringInfo__LabelsEntry *));
    for (size_t i = 0; i < key->num_labels; i++) {
        info->labels[i] = beamc_alloc(sizeof *info->labels[i]);
        beam__monitoring_info__labels_entry__init(info->labels[i]);
        info->labels[i]->key = beamc_strdup(key->labels[i].key);
        info->labels[i]->value = beamc_strdup(key->labels[i].value);
    }
    return info;
}

static void add_cell(void *context, const beamc_metric_key *key, const uint8_t *payload, size_t payload_len) {
    beamc_metric_report *report = context;
    report->infos = beamc_realloc(report->infos, (report->num_infos + 1) * sizeof(Beam__MonitoringInfo *));
    report->infos[report->num_infos++] = beamc_monitoring_info_new(key, payload, payload_len);
    char id[BEAMC_SHORT_ID_LEN];
    if (!beamc_short_id_of(report->ids, key, id))
        return;
    Beam__ProcessBundleResponse__MonitoringDataEntry *entry = beamc_alloc(sizeof *entry);
    beam__process_bundle_response__monitoring_data_entry__init(entry);
    entry->key = beamc_strdup(id);
    entry->value = copy_bytes(payload, payload_len);
    report->data = beamc_realloc(report->data, (report->num_data + 1) * sizeof entry);
    report->data[report->num_data++] = entry;
}

void beamc_metric_report_fill(beamc_metric_report *report, beamc_short_ids *ids, beamc_metric_registry *registry) {
    *report = (beamc_metric_report){.ids = ids};
    beamc_metric_registry_each(registry, add_cell, report);
}

void beamc_metric_report_cleanup(beamc_metric_report *report) {
    for (size_t i = 0; i < report->num_infos; i++)
        beam__monitoring_info__free_unpacked(report->infos[i], NULL);
    for (size_t i = 0; i < report->num_data; i++) {
        free(report->data[i]->key);
        free(report->data[i]->value.data);
        free(report->data[i]);
    }
    free(report->infos);
    free(report->data);
    *report = (beamc_metric_report){0};
}
