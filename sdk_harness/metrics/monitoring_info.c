#include "sdk_harness/metrics/monitoring_info.h"

#include "sdk_harness/base/alloc.h"
#include "sdk_harness/coders/varint.h"
#include "sdk_harness/packing/packed_message.h"

#include <stdlib.h>
#include <string.h>

/* Field numbers of fn_api.proto and metrics.proto. */
enum { RESPONSE_INFOS = 3, RESPONSE_DATA = 5, INFO_PAYLOAD = 3, ENTRY_KEY = 1, ENTRY_VALUE = 2 };

/* What a field takes beside names and payloads: its own length, and a number and a length for each part. */
enum { FRAMING_BYTES = 3 * (1 + BEAMC_VARINT_MAX_BYTES) };

typedef struct {
    beamc_metric_report *report;
    uint8_t *at;
} filling;

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

uint8_t *beamc_monitoring_info_packed(const beamc_metric_key *key, size_t *len) {
    Beam__MonitoringInfo *info = beamc_monitoring_info_new(key);
    ProtobufCBinaryData bytes = beamc_packed(&info->base);
    beam__monitoring_info__free_unpacked(info, NULL);
    *len = bytes.len;
    return bytes.data;
}

static void put_bytes(filling *fill, const void *bytes, size_t len) {
    memcpy(fill->at, bytes, len);
    fill->at += len;
}

/* A field of bytes inside of a message; numbers are below 16, so number and type are one byte. */
static void put_part(filling *fill, uint8_t number, const void *bytes, size_t len) {
    *fill->at++ = (uint8_t)(number << 3 | PROTOBUF_C_WIRE_TYPE_LENGTH_PREFIXED);
    fill->at += beamc_varint_put(fill->at, len);
    put_bytes(fill, bytes, len);
}

static size_t part_len(size_t len) {
    uint8_t length[BEAMC_VARINT_MAX_BYTES];
    return 1 + beamc_varint_put(length, len) + len;
}

static ProtobufCMessageUnknownField *begin_field(filling *fill, uint32_t number, size_t len) {
    ProtobufCMessageUnknownField *field = &fill->report->fields[fill->report->num_fields++];
    *field = (ProtobufCMessageUnknownField){
        .tag = number, .wire_type = PROTOBUF_C_WIRE_TYPE_LENGTH_PREFIXED, .data = fill->at};
    fill->at += beamc_varint_put(fill->at, len);
    return field;
}

static void end_field(const filling *fill, ProtobufCMessageUnknownField *field) {
    field->len = (size_t)(fill->at - field->data);
}

static void add_cell(void *context, const beamc_metric_value *value) {
    filling *fill = context;
    ProtobufCMessageUnknownField *info =
        begin_field(fill, RESPONSE_INFOS, value->packed_len + part_len(value->payload_len));
    put_bytes(fill, value->packed, value->packed_len);
    put_part(fill, INFO_PAYLOAD, value->payload, value->payload_len);
    end_field(fill, info);
    if (value->short_id == NULL)
        return;
    size_t id_len = strlen(value->short_id);
    ProtobufCMessageUnknownField *datum =
        begin_field(fill, RESPONSE_DATA, part_len(id_len) + part_len(value->payload_len));
    put_part(fill, ENTRY_KEY, value->short_id, id_len);
    put_part(fill, ENTRY_VALUE, value->payload, value->payload_len);
    end_field(fill, datum);
}

void beamc_metric_report_fill(beamc_metric_report *report, beamc_metric_registry *registry) {
    size_t num_fields = 2 * beamc_metric_registry_num_cells(registry);
    size_t a_field = sizeof *report->fields + FRAMING_BYTES + BEAMC_SHORT_ID_LEN;
    *report = (beamc_metric_report){0};
    report->fields = beamc_alloc(num_fields * a_field + beamc_metric_registry_max_bytes(registry));
    filling fill = {.report = report, .at = (uint8_t *)(report->fields + num_fields)};
    beamc_metric_registry_each(registry, add_cell, &fill);
}

void beamc_metric_report_cleanup(beamc_metric_report *report) {
    free(report->fields);
    *report = (beamc_metric_report){0};
}

void beamc_metric_report_put(const beamc_metric_report *report, ProtobufCMessage *response) {
    response->unknown_fields = report->fields;
    response->n_unknown_fields = report->num_fields;
}
