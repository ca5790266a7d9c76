#include "worker/sink_outputs.h"

#include "sdk_harness/base/alloc.h"
#include "sdk_harness/base/byte_reader.h"
#include "sdk_harness/coders/row_coder.h"
#include "worker/sink_names.h"
#include "worker/sink_output_fields.h"

#include <stdlib.h>
#include <string.h>

enum { ROW_ARENA_BYTES = 64 * 1024 * 1024 };

static beamc_status check_columns(const char *tag, const beamc_schema *schema, const beamc_output_field *fields,
                                  size_t num_fields, beamc_error *err) {
    bool same = schema->num_fields == num_fields;
    for (size_t i = 0; i < num_fields && same; i++)
        same = strcmp(schema->fields[i].name, fields[i].name) == 0;
    if (same)
        return BEAMC_OK;
    return beamc_fail(err, BEAMC_INVALID,
                      "the output %s has other columns than this version of beam-tecton writes; expand the pipeline "
                      "again with the version that runs it",
                      tag);
}

beamc_status tecton_sink_outputs_init(tecton_sink_outputs *outputs, const beamc_dofn_setup *setup,
                                      const char *failed_tag, beamc_error *err) {
    *outputs = (tecton_sink_outputs){
        .written = -1, .failed = -1, .has_failed = failed_tag != NULL, .input_schema = setup->input_schema};
    beamc_arena_init(&outputs->arena, ROW_ARENA_BYTES);
    outputs->row = beamc_alloc_zero(setup->input_schema->num_fields + 1, sizeof *outputs->row);
    for (size_t i = 0; i < setup->num_outputs; i++) {
        const char *tag = setup->output_tags[i];
        const beamc_schema *schema = setup->output_schemas[i];
        if (schema == NULL)
            continue;
        if (strcmp(tag, TECTON_SINK_WRITTEN_TAG) == 0) {
            BEAMC_TRY(check_columns(tag, schema, tecton_written_fields, TECTON_NUM_WRITTEN_FIELDS, err));
            outputs->written = (long)i;
        } else if (failed_tag != NULL && strcmp(tag, failed_tag) == 0) {
            BEAMC_TRY(check_columns(tag, schema, tecton_failed_fields, TECTON_NUM_FAILED_FIELDS, err));
            outputs->failed = (long)i;
        }
    }
    return BEAMC_OK;
}

void tecton_sink_outputs_cleanup(tecton_sink_outputs *outputs) {
    beamc_arena_cleanup(&outputs->arena);
    free(outputs->row);
    *outputs = (tecton_sink_outputs){0};
}

static beamc_value integer(int64_t value) {
    return (beamc_value){.kind = BEAMC_VALUE_INTEGER, .as.integer = value};
}

static beamc_value text(const char *value) {
    return (beamc_value){.kind = BEAMC_VALUE_STRING,
                         .as.bytes = {.data = (const uint8_t *)value, .len = strlen(value)}};
}

static beamc_value instant(int64_t ms) {
    int64_t seconds = ms / 1000 - (ms % 1000 < 0 ? 1 : 0);
    return (beamc_value){.kind = BEAMC_VALUE_TIMESTAMP,
                         .as.time = {.seconds = seconds, .nanos = (uint32_t)(ms - seconds * 1000) * 1000000}};
}

/* One row for the records of `result` that are in `group`. */
static beamc_status emit_window(const tecton_sink_outputs *outputs, beamc_bundle *bundle,
                                const tecton_sink_batch *batch, const tecton_delivery_result *result, uint32_t group,
                                beamc_error *err) {
    int64_t num_records = 0;
    int64_t first_ms = INT64_MAX;
    int64_t last_ms = INT64_MIN;
    for (uint32_t i = result->first_record; i < result->first_record + result->num_records; i++) {
        if (batch->record_groups[i] != group)
            continue;
        num_records++;
        first_ms = batch->timestamps_ms[i] < first_ms ? batch->timestamps_ms[i] : first_ms;
        last_ms = batch->timestamps_ms[i] > last_ms ? batch->timestamps_ms[i] : last_ms;
    }
    if (num_records == 0)
        return BEAMC_OK;
    const beamc_value fields[TECTON_NUM_WRITTEN_FIELDS] = {integer(num_records),    integer(result->num_attempts),
                                                           integer(result->status), integer(result->latency_ms),
                                                           instant(first_ms),       instant(last_ms)};
    beamc_element like = tecton_sink_batch_like(batch, group);
    return beamc_bundle_emit(bundle, (size_t)outputs->written, fields, last_ms, &like, err);
}

beamc_status tecton_emit_written(tecton_sink_outputs *outputs, beamc_bundle *bundle, const tecton_sink_batch *batch,
                                 const tecton_delivery_result *result, beamc_error *err) {
    if (outputs->written < 0)
        return BEAMC_OK;
    for (uint32_t group = 0; group < batch->num_groups; group++)
        BEAMC_TRY(emit_window(outputs, bundle, batch, result, group, err));
    return BEAMC_OK;
}

static const char *class_of(const tecton_delivery_result *result) {
    switch (result->verdict) {
    case TECTON_VERDICT_RECORD_ERROR:
        return "record_rejected";
    case TECTON_VERDICT_REQUEST_ERROR:
        return "request_rejected";
    case TECTON_VERDICT_TOO_LARGE:
        return "too_large";
    case TECTON_VERDICT_STORED:
    case TECTON_VERDICT_UNAUTHORIZED:
    case TECTON_VERDICT_NOT_FOUND:
    case TECTON_VERDICT_NOT_YET:
    case TECTON_VERDICT_FATAL:
    case TECTON_VERDICT_THROTTLED:
    case TECTON_VERDICT_RETRYABLE:
    case TECTON_VERDICT_OTHER:
        break;
    }
    return "retries_exhausted";
}

static beamc_status emit_dead(const tecton_sink_outputs *outputs, beamc_bundle *bundle, const beamc_value *row,
                              const tecton_delivery_result *result, const char *error_class, int64_t timestamp_ms,
                              const beamc_element *like, beamc_error *err) {
    const beamc_value fields[TECTON_NUM_FAILED_FIELDS] = {
        {.kind = BEAMC_VALUE_ROW,
         .as.items = {.data = (beamc_value *)(uintptr_t)row, .count = outputs->input_schema->num_fields}},
        text(result->text),
        integer(result->status),
        text(error_class),
        integer(result->num_attempts),
        {.kind = BEAMC_VALUE_BOOLEAN, .as.boolean = result->possibly_stored}};
    return beamc_bundle_emit(bundle, (size_t)outputs->failed, fields, timestamp_ms, like, err);
}

beamc_status tecton_emit_failed(tecton_sink_outputs *outputs, beamc_bundle *bundle, const tecton_sink_batch *batch,
                                const tecton_delivery_result *result, beamc_error *err) {
    if (outputs->failed < 0)
        return BEAMC_OK;
    for (uint32_t i = result->first_record; i < result->first_record + result->num_records; i++) {
        size_t start = batch->row_starts[i];
        beamc_byte_reader in;
        beamc_byte_reader_init(&in, batch->rows.data + start, batch->rows.len - start, &outputs->arena);
        beamc_arena_reset(&outputs->arena);
        BEAMC_TRY(beamc_row_decode(outputs->input_schema, &in, &outputs->arena, outputs->row, err));
        beamc_element like = tecton_sink_batch_like(batch, batch->record_groups[i]);
        BEAMC_TRY(
            emit_dead(outputs, bundle, outputs->row, result, class_of(result), batch->timestamps_ms[i], &like, err));
    }
    return BEAMC_OK;
}

beamc_status tecton_emit_refused(tecton_sink_outputs *outputs, beamc_bundle *bundle, const beamc_element *element,
                                 const char *why, beamc_error *err) {
    if (outputs->failed < 0)
        return BEAMC_OK;
    tecton_delivery_result result = {.text = (char *)(uintptr_t)why};
    return emit_dead(outputs, bundle, element->fields, &result, "not_sendable", element->timestamp_ms, element, err);
}
