/* The seam for authors: implement these callbacks, hand them to beamc_harness_run, and any portable Beam
 * runner feeds your code rows.
 *
 * Life of one instance: setup, then bundles one after another (start_bundle, process for each element,
 * finish_bundle, end_bundle), then teardown. Several instances live at once, one for each bundle that runs
 * at the same time; an instance is never on two threads at once, but may move between threads.
 *
 * Waiting without a thread: process and finish_bundle may return BEAMC_AGAIN after taking a waker
 * (beamc_bundle_waker). The harness then leaves the thread to other bundles and calls the same callback again,
 * with the same element, once beamc_waker_wake has been called. A wake that comes early is not lost. As with a
 * condition variable it may be called sooner too, since input that arrives wakes the bundle: look whether what you wait
 * for is there, and answer BEAMC_AGAIN again if not; the waker that was taken still counts. */
#ifndef SDK_HARNESS_DOFN_H
#define SDK_HARNESS_DOFN_H

#include "sdk_harness/base/status.h"
#include "sdk_harness/coders/schema.h"
#include "sdk_harness/coders/value.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct beamc_bundle beamc_bundle; /* one running bundle; valid between start_bundle and end_bundle */
typedef struct beamc_waker beamc_waker;   /* outlives its bundle; counted */
typedef struct beamc_counter beamc_counter;
typedef struct beamc_distribution beamc_distribution;
typedef struct beamc_bounded_trie beamc_bounded_trie;
typedef struct beamc_metrics beamc_metrics;

/* One element. All pointers are borrowed until process returns. */
typedef struct {
    const beamc_value *fields; /* input_schema->num_fields values */
    int64_t timestamp_ms;      /* event time; may be Beam's minimum, -9223372036854775 */
    const uint8_t *windows;    /* the encoded windows and pane as they came, to be handed on */
    size_t windows_len;        /* bytes */
    uint32_t num_windows;
    uint8_t pane;       /* first byte of the pane */
    size_t encoded_len; /* bytes of the row on the wire */
} beamc_element;

/* What an instance learns when it is made. Schemas and metrics live as long as the instance; all else is
 * borrowed until setup returns. */
typedef struct {
    const char *transform_id; /* key in the bundle descriptor: the label of metrics */
    const char *unique_name;
    const uint8_t *payload; /* of the do_fn's FunctionSpec */
    size_t payload_len;
    const beamc_schema *input_schema;
    size_t num_outputs;
    const char *const *output_tags;            /* sorted by tag */
    const beamc_schema *const *output_schemas; /* NULL where nobody reads the output */
    beamc_metrics *metrics;
} beamc_dofn_setup;

typedef struct {
    const char *urn; /* of the do_fn's FunctionSpec */
    void *context;   /* the author's, handed to setup */

    /* setup makes an instance: `*instance` is the author's until teardown. */
    beamc_status (*setup)(void *context, const beamc_dofn_setup *setup, void **instance, beamc_error *err);
    /* start_bundle may keep `bundle` until end_bundle. */
    beamc_status (*start_bundle)(void *instance, beamc_bundle *bundle, beamc_error *err);
    beamc_status (*process)(void *instance, const beamc_element *element, beamc_error *err);
    /* finish_bundle returns BEAMC_OK only when everything the bundle stands for is done. */
    beamc_status (*finish_bundle)(void *instance, beamc_error *err);
    /* end_bundle is called exactly once after start_bundle was called, also after a failure anywhere. It must
     * not wait: what is still under way is cancelled or left to end by itself. */
    void (*end_bundle)(void *instance);
    void (*teardown)(void *instance);
} beamc_dofn;

/* beamc_bundle_instruction_id: the runner's name of the bundle. Borrowed until end_bundle. */
const char *beamc_bundle_instruction_id(const beamc_bundle *bundle);

/* beamc_bundle_emit sends one row to output `output` (index into output_tags); nothing happens where nobody
 * reads it. The row takes the windows of `like`, and its pane.
 *   fields         the output schema's num_fields values, copied
 *   timestamp_ms   event time of the new element
 * Only inside process or finish_bundle. */
beamc_status beamc_bundle_emit(beamc_bundle *bundle, size_t output, const beamc_value *fields, int64_t timestamp_ms,
                               const beamc_element *like, beamc_error *err);

/* beamc_bundle_input_waiting: true while encoded input of the bundle is already here and not yet processed. */
bool beamc_bundle_input_waiting(const beamc_bundle *bundle);

/* beamc_bundle_received_us: monotonic time (beamc_clock_us) at which the worker received the message that holds the
 * element being processed; inside finish_bundle and end_bundle, the message that said that the input ends. */
uint64_t beamc_bundle_received_us(const beamc_bundle *bundle);

/* Called exactly once for each request: with true once the runner has made the bundle's outcome durable, with false
 * when that will not happen (any more): the bundle failed, the runner never finalized it, the worker ends. The context
 * is then the author's to free. On one of the harness's threads; other bundles wait, so do not wait for anything. */
typedef void (*beamc_finalized)(void *context, bool is_finalized);

/* beamc_bundle_request_finalization asks for a call of `finalized` after the bundle. Only inside start_bundle, process
 * or finish_bundle. Only where the pipeline's ParDo says that it requests finalization: a runner that does not expect
 * it refuses the bundle (Flink in batch mode) or never finalizes. BEAMC_LIMIT past 10,000 requests a bundle. */
beamc_status beamc_bundle_request_finalization(beamc_bundle *bundle, beamc_finalized finalized, void *context,
                                               beamc_error *err);

/* beamc_bundle_waker: a new reference; release it. Any thread may wake, also after the bundle has ended. */
beamc_waker *beamc_bundle_waker(beamc_bundle *bundle);
beamc_waker *beamc_waker_retain(beamc_waker *waker);
void beamc_waker_wake(beamc_waker *waker);
void beamc_waker_release(beamc_waker *waker);

/* Metrics live with the instance and start from zero with each bundle. Get them in setup; the same namespace
 * and name give the same cell. Update them only inside callbacks of the instance. */
beamc_counter *beamc_metrics_counter(beamc_metrics *metrics, const char *name_space, const char *name);
beamc_distribution *beamc_metrics_distribution(beamc_metrics *metrics, const char *name_space, const char *name);
/* beamc_metrics_bounded_trie: a trie that holds one path, which is in a bundle's report once _add was called in it. For
 * lineage: namespace "lineage", name "sources_v2" or "sinks_v2", segments with their delimiters ("bigquery:", "a.",
 * "b"). segments   num_segments texts, copied */
beamc_bounded_trie *beamc_metrics_bounded_trie(beamc_metrics *metrics, const char *name_space, const char *name,
                                               const char *const *segments, size_t num_segments);
void beamc_bounded_trie_add(beamc_bounded_trie *trie);
void beamc_counter_add(beamc_counter *counter, int64_t n);
void beamc_distribution_add(beamc_distribution *distribution, int64_t value);

#endif
