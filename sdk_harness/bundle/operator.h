/* The contract of a node in a bundle's plan, and the edges between nodes.
 *
 * A plan runs one bundle at a time: start on every node (consumers first), process for each element,
 * finish (producers first), end on every node that was started. process and finish may answer BEAMC_AGAIN:
 * they are called again, with the same element, when the bundle has been woken. Executor threads only. */
#ifndef SDK_HARNESS_BUNDLE_OPERATOR_H
#define SDK_HARNESS_BUNDLE_OPERATOR_H

#include "sdk_harness/base/status.h"
#include "sdk_harness/bundle/bundle_finalization.h"
#include "sdk_harness/bundle/state_sampler.h"
#include "sdk_harness/coders/schema.h"
#include "sdk_harness/data_plane/data_stream.h"
#include "sdk_harness/data_plane/inbound_elements.h"
#include "sdk_harness/dofn.h"
#include "sdk_harness/metrics/metric_registry.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct beamc_operator beamc_operator;

/* What the nodes see of the bundle that runs. Owned by the bundle processor. */
typedef struct {
    const char *instruction_id;
    beamc_inbound_bundle *inbound;
    beamc_data_streams *data_streams;
    beamc_waker *waker;         /* borrowed */
    const atomic_bool *aborted; /* true: the bundle ends as soon as it can; borrowed */
    bool input_here;            /* the run of elements being read has more behind the one that is processed */
    uint64_t received_us;       /* when the message with that run, or the input's end mark, came; monotonic */
    bool holds_output;          /* sink nodes keep what they have until it is known whether the answer takes it */
    beamc_finalizers finalizers;
    beamc_sampled_bundle sampled;
    const beamc_execution_state *waits_in; /* of the DoFn that has answered BEAMC_AGAIN last */
} beamc_run;

typedef struct {
    beamc_status (*start)(beamc_operator *op, beamc_run *run, beamc_error *err);
    beamc_status (*process)(beamc_operator *op, beamc_run *run, const beamc_element *element, beamc_error *err);
    beamc_status (*finish)(beamc_operator *op, beamc_run *run, beamc_error *err);
    void (*end)(beamc_operator *op, beamc_run *run);
    void (*destroy)(beamc_operator *op);
} beamc_operator_methods;

/* Every node's structure starts with this. */
struct beamc_operator {
    const beamc_operator_methods *methods;
    char *transform_id;
};

typedef struct beamc_pending beamc_pending;

/* One PCollection inside the plan: who reads it, and what its readers could not take yet. */
typedef struct {
    char *pcollection_id;
    const beamc_schema *schema; /* of its elements, where they are rows; borrowed */
    beamc_operator **consumers;
    size_t num_consumers;
    size_t next_consumer; /* where a delivery goes on after BEAMC_AGAIN */
    beamc_metric_cell *element_count;
    beamc_pending *first_pending;
    beamc_pending **last_pending;
    size_t pending_bytes;
} beamc_edge;

/* What one call of a DoFn may emit into a reader that cannot take it yet. */
enum { BEAMC_EDGE_MAX_PENDING_BYTES = 64 * 1024 * 1024 };

/* beamc_edge_push delivers an element to every consumer. BEAMC_AGAIN: some could not take it; push the same
 * element again. */
beamc_status beamc_edge_push(beamc_edge *edge, beamc_run *run, const beamc_element *element, beamc_error *err);

/* beamc_edge_emit delivers an element that cannot be offered twice: what consumers cannot take now is copied. */
beamc_status beamc_edge_emit(beamc_edge *edge, beamc_run *run, const beamc_element *element, beamc_error *err);

/* beamc_edge_drain delivers what was copied, in order. BEAMC_AGAIN while some is left. */
beamc_status beamc_edge_drain(beamc_edge *edge, beamc_run *run, beamc_error *err);

/* beamc_edge_clear drops what was copied; for the end of a bundle. */
void beamc_edge_clear(beamc_edge *edge);

#endif
