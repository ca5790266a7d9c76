/* Where bundles spend their time, by looking every 200 ms at what each is doing, as the Go and Python harnesses do
 * (sampler_hook.go, statesampler.py).
 *
 * A bundle says which transform it is in by one pointer: an unordered load and store for each call of a DoFn, about a
 * nanosecond. Reading a clock there instead would cost 20 to 25 ns each time. What is shorter than a sample shows only
 * on average over bundles, and what never meets one is reported as nothing. */
#ifndef SDK_HARNESS_BUNDLE_STATE_SAMPLER_H
#define SDK_HARNESS_BUNDLE_STATE_SAMPLER_H

#include "sdk_harness/metrics/metric_registry.h"

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

enum { BEAMC_SAMPLE_EVERY_MS = 200 };

/* A transform, and which of its calls is made. Filled while the plan is built, constant from then on. */
typedef struct {
    beamc_metric_cell *phase; /* NULL: only the total is counted */
    beamc_metric_cell *total;
} beamc_execution_state;

/* What one bundle is doing. Zeroed; part of what runs the bundle. */
typedef struct beamc_sampled_bundle {
    struct beamc_sampled_bundle *next;            /* the sampler's */
    _Atomic(const beamc_execution_state *) state; /* NULL: in no transform */
} beamc_sampled_bundle;

typedef struct beamc_state_sampler beamc_state_sampler;

/* beamc_execution_state_make finds the cells of a transform.
 *   phase   "start", "process" or "finish"; NULL for nodes that are no DoFn */
beamc_execution_state beamc_execution_state_make(beamc_metric_registry *metrics, const char *transform_id,
                                                 const char *phase);

/* beamc_state_enter says what the bundle does from now on and returns what it did. The bundle's thread. */
static inline const beamc_execution_state *beamc_state_enter(beamc_sampled_bundle *bundle,
                                                             const beamc_execution_state *state) {
    const beamc_execution_state *before = atomic_load_explicit(&bundle->state, memory_order_relaxed);
    atomic_store_explicit(&bundle->state, state, memory_order_relaxed);
    return before;
}

/* beamc_state_sampler_start: new; one thread, which sleeps while there is no bundle. */
beamc_state_sampler *beamc_state_sampler_start(void);
void beamc_state_sampler_stop(beamc_state_sampler *sampler); /* no bundle may be left; NULL is fine */

/* beamc_state_sampler_add: from now on the bundle is looked at. beamc_state_sampler_remove: its states are not touched
 * any more. Any thread. */
void beamc_state_sampler_add(beamc_state_sampler *sampler, beamc_sampled_bundle *bundle);
void beamc_state_sampler_remove(beamc_state_sampler *sampler, beamc_sampled_bundle *bundle);

/* beamc_state_sampler_sample adds elapsed_ms to the state that each bundle is in; what the thread does. */
void beamc_state_sampler_sample(beamc_state_sampler *sampler, uint64_t elapsed_ms);

#endif
