/* A file with how long rows stay in the worker, for whoever wants to tell its part of a row's way from the runner's.
 * Comma-separated lines of microseconds on CLOCK_MONOTONIC. Off unless the worker's environment has
 * BEAM_TECTON_ROW_TRACE=/path. Holds nothing of a row.
 *
 *   row,RECEIVED,ENDED,TRY   when the runner's message with the row was here, when its end was known; milliseconds of
 *                            the last request for it
 *
 *   bundle,RECEIVED,ENDED    when the message with the input's end mark was here, when the bundle had ended
 *
 * A bundle waits for its lines to be written: name a file in memory (/dev/shm), or a slow disk is in the figures.
 * Of rows that are acknowledged and bundles that succeed. One for each DoFn instance, for its thread: instances append
 * whole lines to one file. */
#ifndef WORKER_ROW_TRACE_H
#define WORKER_ROW_TRACE_H

#include "worker/delivery/delivery_request.h"

#include <stdint.h>

enum { TECTON_ROW_TRACE_MAX_LINES = 1000000 /* then it ends: about 40 MiB */ };

typedef struct tecton_row_trace tecton_row_trace;

/* tecton_row_trace_open: NULL when no trace is asked for, or with a log line when it cannot be written. The other
 * functions take NULL, and do nothing then. */
tecton_row_trace *tecton_row_trace_open(void);
void tecton_row_trace_close(tecton_row_trace *trace);

/* tecton_row_trace_rows: the records of `result` were acknowledged.
 *   received_us   of each record of the request */
void tecton_row_trace_rows(tecton_row_trace *trace, const uint64_t *received_us, const tecton_delivery_result *result);

void tecton_row_trace_bundle(tecton_row_trace *trace, uint64_t received_us, uint64_t ended_us);

#endif
