#include "worker/delivery/delivery_trace.h"

#include "sdk_harness/base/alloc.h"
#include "worker/delivery/trace_file.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

struct tecton_delivery_trace {
    FILE *file;
    uint64_t next_ms;
    uint32_t num_lines;
};

tecton_delivery_trace *tecton_delivery_trace_open(void) {
    FILE *file = tecton_trace_file_open("BEAM_TECTON_TRACE");
    if (file == NULL)
        return NULL;
    tecton_delivery_trace *trace = beamc_alloc_zero(1, sizeof *trace);
    trace->file = file;
    return trace;
}

void tecton_delivery_trace_close(tecton_delivery_trace *trace) {
    if (trace == NULL)
        return;
    (void)fclose(trace->file);
    free(trace);
}

bool tecton_delivery_trace_due(tecton_delivery_trace *trace, uint64_t now_ms) {
    if (trace == NULL || now_ms < trace->next_ms || trace->num_lines >= TECTON_TRACE_MAX_LINES)
        return false;
    trace->next_ms = now_ms + TECTON_TRACE_EVERY_MS;
    return true;
}

void tecton_delivery_trace_note(tecton_delivery_trace *trace, const char *url, const tecton_delivery_gate *gate,
                                size_t num_queued, int64_t wall_ms) {
    trace->num_lines++;
    (void)fprintf(trace->file, "%" PRId64 ",%s,%" PRIu32 ",%" PRIu32 ",%zu,%.0f,%d\n", wall_ms, url, gate->limit.limit,
                  gate->limit.num_in_flight, num_queued, gate->learned_rate.per_second, gate->breaker.open ? 1 : 0);
}
