#include "sdk_harness/metrics/monitoring_info.h"

#include "sdk_harness/base/alloc.h"

#include <stdlib.h>
#include <string.h>

typedef Beam__MonitoringInfo__LabelsEntry label_entry;
typedef Beam__ProcessBundleResponse__MonitoringDataEntry data_entry;

/* What one cell takes in a report. All cells of a report are one allocation, and names are the registry's: every bundle
 * makes a report, and copies of names were a tenth of a small bundle's instructions. */
typedef struct {
    Beam__MonitoringInfo info;
    label_entry labels[BEAMC_METRIC_MAX_LABELS];
    label_entry *label_pointers[BEAMC_METRIC_MAX_LABELS];
    data_entry datum;
    uint8_t payload[BEAMC_METRIC_PAYLOAD_BYTES];
} reported_cell;

typedef struct {
    beamc_metric_report *report;
    reported_cell *cells;
} filling;

static char *unconst(const char *text) { /* messages that are packed are not written to */
    return (char *)(uintptr_t)text;
}

Beam__MonitoringInfo *beamc_monitoring_info_new(const beamc_metric_key *key) {
    Beam__MonitoringInfo *info = beamc_alloc(sizeof *info);
    beam__monitoring_info__init(info);
    info->urn = beamc_strdup(key->urn);
    info->type = beamc_strdup(key->type);
    info->n_labels = key->num_labels;
    info->labels = beamc_alloc_zero(key->num_labels, sizeof *info->labels);
    for (size_t i = 0; i < key->num_labels; i++) {
        info->labels[i] = beamc_alloc(sizeof *info->labels[i]);
        beam__monitoring_info__labels_entry__init(info->labels[i]);
        info->labels[i]->key = beamc_strdup(key->labels[i].key);
        info->labels[i]->value = beamc_strdup(key->labels[i].value);
    }
    return info;
}

static void add_cell(void *context, const beamc_metric_value *value) {
    filling *fill = context;
    beamc_metric_report *report = fill->report;
    reported_cell *cell = &fill->cells[report->num_infos];
    ProtobufCBinaryData payload = {.len = value->payload_len, .data = cell->payload};
    if (value->payload_stays)
        payload.data = (uint8_t *)(uintptr_t)value->payload;
    else
        memcpy(cell->payload, value->payload, value->payload_len);
    beam__monitoring_info__init(&cell->info);
    cell->info.urn = unconst(value->key->urn);
    cell->info.type = unconst(value->key->type);
    cell->info.payload = payload;
    cell->info.n_labels = value->key->num_labels;
    cell->info.labels = cell->label_pointers;
    for (size_t i = 0; i < value->key->num_labels; i++) {
        beam__monitoring_info__labels_entry__init(&cell->labels[i]);
        cell->labels[i].key = unconst(value->key->labels[i].key);
        cell->labels[i].value = unconst(value->key->labels[i].value);
        cell->label_pointers[i] = &cell->labels[i];
    }
    report->infos[report->num_infos++] = &cell->info;
    if (value->short_id == NULL)
        return;
    beam__process_bundle_response__monitoring_data_entry__init(&cell->datum);
    cell->datum.key = unconst(value->short_id);
    cell->datum.value = payload;
    report->data[report->num_data++] = &cell->datum;
}

void beamc_metric_report_fill(beamc_metric_report *report, beamc_metric_registry *registry) {
    size_t num_cells = beamc_metric_registry_num_cells(registry);
    filling fill = {.report = report};
    fill.cells = beamc_alloc(num_cells * (sizeof *fill.cells + sizeof *report->infos + sizeof *report->data));
    *report = (beamc_metric_report){.registry = beamc_metric_registry_retain(registry), .memory = fill.cells};
    report->infos = (Beam__MonitoringInfo **)(void *)(fill.cells + num_cells);
    report->data = (data_entry **)(void *)(report->infos + num_cells);
    beamc_metric_registry_each(registry, add_cell, &fill);
}

void beamc_metric_report_cleanup(beamc_metric_report *report) {
    beamc_metric_registry_release(report->registry);
    free(report->memory);
    *report = (beamc_metric_report){0};
}
