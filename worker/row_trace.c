#include "worker/row_trace.h"

#include "sdk_harness/base/alloc.h"
#include "worker/delivery/trace_file.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

struct tecton_row_trace {
    FILE *file;
    uint32_t num_lines;
};

tecton_row_trace *tecton_row_trace_open(void) {
    FILE *file = tecton_trace_file_open("BEAM_TECTON_ROW_TRACE");
    if (file == NULL)
        return NULL;
    tecton_row_trace *trace = beamc_alloc_zero(1, sizeof *trace);
    trace->file = file;
    return trace;
}

void tecton_row_trace_close(tecton_row_trace *trace) {
    if (trace == NULL)
        return;
    (void)fclose(trace->file);
    free(trace);
}

static bool may_write(tecton_row_trace *trace) {
    if (trace == NULL || trace->num_lines >= TECTON_ROW_TRACE_MAX_LINES)
        return false;
    trace->num_lines++;
    return true;
}

void tecton_row_trace_rows(tecton_row_trace *trace, const uint64_t *received_us, const tecton_delivery_result *result) {
    for (uint32_t i = 0; i < result->num_records && may_write(trace); i++)
        (void)fprintf(trace->file, "row,%" PRIu64 ",%" PRIu64 ",%" PRIu32 "\n", received_us[result->first_record + i],
                      result->ended_us, result->latency_ms);
}

void tecton_row_trace_bundle(tecton_row_trace *trace, uint64_t received_us, uint64_t ended_us) {
    if (may_write(trace))
        (void)fprintf(trace->file, "bundle,%" PRIu64 ",%" PRIu64 "\n", received_us, ended_us);
}
