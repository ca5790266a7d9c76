/* A file with what the gates do over time, for whoever wants to see it: comma-separated lines, one for each endpoint
 * and tenth of a second. Off unless the worker's environment has BEAM_TECTON_TRACE=/path. Engine thread only.
 *
 * Columns: wall_ms (since 1970), endpoint, limit, in_flight, queued (requests that wait for the gate), rate (requests a
 * second learned from 429s; 0: none), breaker_open (0 or 1). Holds no record and no key. */
#ifndef WORKER_DELIVERY_DELIVERY_TRACE_H
#define WORKER_DELIVERY_DELIVERY_TRACE_H

#include "worker/delivery/delivery_gate.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    TECTON_TRACE_EVERY_MS = 100,
    TECTON_TRACE_MAX_LINES = 1000000 /* then it ends: about 60 MiB, a day of one endpoint */
};

typedef struct tecton_delivery_trace tecton_delivery_trace;

/* tecton_delivery_trace_open: NULL when no trace is asked for, or with a log line when it cannot be written. */
tecton_delivery_trace *tecton_delivery_trace_open(void);
void tecton_delivery_trace_close(tecton_delivery_trace *trace); /* NULL is fine */

/* tecton_delivery_trace_due: true when it is time for lines; false for NULL. */
bool tecton_delivery_trace_due(tecton_delivery_trace *trace, uint64_t now_ms);

void tecton_delivery_trace_note(tecton_delivery_trace *trace, const char *url, const tecton_delivery_gate *gate,
                                size_t num_queued, int64_t wall_ms);

#endif
