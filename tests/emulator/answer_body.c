#include "tests/emulator/answer_body.h"

#include "tests/emulator/json_text.h"

void emu_answer_request_error(beamc_byte_buffer *out, const char *message) {
    beamc_byte_buffer_append_text(out, "{\"requestError\":{\"errorMessage\":");
    emu_json_text_quoted(out, message);
    beamc_byte_buffer_append_text(out, ",\"errorType\":\"RequestValidationError\"}}");
}

void emu_record_errors_open(emu_record_errors *errors, beamc_byte_buffer *out, const char *workspace) {
    *errors = (emu_record_errors){.out = out};
    beamc_byte_buffer_append_text(out, "{\"workspaceName\":");
    emu_json_text_quoted(out, workspace);
    beamc_byte_buffer_append_text(out, ",\"recordErrors\":[");
}

void emu_record_errors_add(emu_record_errors *errors, const char *view, const char *source, const char *message) {
    beamc_byte_buffer *out = errors->out;
    if (errors->num_errors++ >= EMU_MAX_RECORD_ERRORS)
        return;
    if (errors->num_errors > 1)
        beamc_byte_buffer_append_byte(out, ',');
    beamc_byte_buffer_append_byte(out, '{');
    if (view != NULL) {
        beamc_byte_buffer_append_text(out, "\"featureViewName\":");
        emu_json_text_quoted(out, view);
        beamc_byte_buffer_append_byte(out, ',');
    }
    beamc_byte_buffer_append_text(out, "\"pushSourceName\":");
    emu_json_text_quoted(out, source);
    beamc_byte_buffer_append_text(out, ",\"errorType\":\"TectonObjectValidationError\",\"errorMessage\":");
    emu_json_text_quoted(out, message);
    beamc_byte_buffer_append_byte(out, '}');
}

void emu_record_errors_close(emu_record_errors *errors) {
    beamc_byte_buffer_append_text(errors->out, "]}");
}

static void append_count(beamc_byte_buffer *out, const emu_config *config, const char *name, uint32_t count) {
    if (count == 0 && !config->strictness.emit_zeros)
        return;
    emu_json_text_format(out, ",\"%s\":\"%u\"", name, count);
}

static void append_view(beamc_byte_buffer *out, const emu_config *config, const emu_feature_view *view, bool first,
                        uint32_t count) {
    beamc_byte_buffer_append_text(out, first ? "{\"featureViewName\":" : ",{\"featureViewName\":");
    emu_json_text_quoted(out, view->name);
    append_count(out, config, "onlineRecordIngestCount", view->online ? count : 0);
    append_count(out, config, "offlineRecordIngestCount", count);
    emu_json_text_format(out, ",\"featureViewId\":\"%s\"}", view->id);
}

void emu_answer_success(beamc_byte_buffer *out, const emu_config *config, const emu_workspace *workspace,
                        const emu_source_count *sources, uint32_t num_sources, bool dry_run) {
    beamc_byte_buffer_append_text(out, "{\"workspaceName\":");
    emu_json_text_quoted(out, workspace->name);
    beamc_byte_buffer_append_text(out, ",\"ingestMetrics\":{\"featureViewIngestMetrics\":[");
    bool first = true;
    for (uint32_t s = 0; s < num_sources; s++) {
        for (uint32_t v = 0; v < sources[s].source->num_views; v++) {
            const emu_feature_view *view = &config->views[sources[s].source->views[v]];
            append_view(out, config, view, first, dry_run ? 0 : sources[s].num_records);
            first = false;
        }
    }
    beamc_byte_buffer_append_text(out, "]}}");
}

void emu_answer_read_error(beamc_byte_buffer *out, int code, const char *message) {
    beamc_byte_buffer_append_text(out, "{\"error\":");
    emu_json_text_quoted(out, message);
    emu_json_text_format(out, ",\"code\":%d,\"message\":", code);
    emu_json_text_quoted(out, message);
    beamc_byte_buffer_append_byte(out, '}');
}
