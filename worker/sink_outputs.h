/* The sink's outputs: a row for each acknowledged request and window, and a row for each refused one. Their fields
 * stand here, for expansion and for the worker. */
#ifndef WORKER_SINK_OUTPUTS_H
#define WORKER_SINK_OUTPUTS_H

#include "sdk_harness/base/arena.h"
#include "sdk_harness/dofn.h"
#include "worker/sink_batch.h"

/* Of one DoFn instance. */
typedef struct {
    long written;                     /* index of the output; -1: nobody reads it */
    long failed;                      /* likewise */
    bool has_failed;                  /* the pipeline has an output for refused rows */
    const beamc_schema *input_schema; /* the instance's */
    beamc_arena arena;                /* for rows that are decoded again */
    beamc_value *row;                 /* input_schema->num_fields values */
} tecton_sink_outputs;

/* tecton_sink_outputs_init finds the outputs.
 *   failed_tag   NULL: the pipeline has no output for refused rows
 * BEAMC_INVALID: an output has other columns than this version's. */
beamc_status tecton_sink_outputs_init(tecton_sink_outputs *outputs, const beamc_dofn_setup *setup,
                                      const char *failed_tag, beamc_error *err);
void tecton_sink_outputs_cleanup(tecton_sink_outputs *outputs); /* the zero state is safe */

/* tecton_emit_written emits, for the acknowledged records of one HTTP request, a row for each of their windows, at the
 * latest event time among them. */
beamc_status tecton_emit_written(tecton_sink_outputs *outputs, beamc_bundle *bundle, const tecton_sink_batch *batch,
                                 const tecton_delivery_result *result, beamc_error *err);

/* tecton_emit_failed emits a row for each record of `result`, in its element's windows and with its time. The batch has
 * kept the rows. */
beamc_status tecton_emit_failed(tecton_sink_outputs *outputs, beamc_bundle *bundle, const tecton_sink_batch *batch,
                                const tecton_delivery_result *result, beamc_error *err);

/* tecton_emit_refused emits the row for an element that was never sent; `why` says what is wrong with it. */
beamc_status tecton_emit_refused(tecton_sink_outputs *outputs, beamc_bundle *bundle, const beamc_element *element,
                                 const char *why, beamc_error *err);

#endif
