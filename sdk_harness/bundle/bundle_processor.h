/* One bundle from its ProcessBundle instruction to its answer: finds a plan, runs it, tells the outcome.
 *
 * Runs as a task of the executor pool and holds no thread while it waits for a descriptor, for input or for a
 * DoFn. Exactly one outcome is told. */
#ifndef SDK_HARNESS_BUNDLE_BUNDLE_PROCESSOR_H
#define SDK_HARNESS_BUNDLE_BUNDLE_PROCESSOR_H

#include "sdk_harness/base/status.h"
#include "sdk_harness/bundle/bundle_split.h"
#include "sdk_harness/bundle/descriptor_cache.h"
#include "sdk_harness/bundle/executor_pool.h"
#include "sdk_harness/data_plane/data_stream.h"
#include "sdk_harness/metrics/monitoring_info.h"

typedef struct beamc_bundle_processor beamc_bundle_processor;

/* What all bundles of a worker share; outlives them. */
typedef struct {
    beamc_descriptor_cache *descriptors;
    beamc_inbound *inbound;
    beamc_data_streams *data_streams;
    beamc_executor_pool *executors;
    beamc_short_ids *short_ids;
    beamc_state_sampler *sampler;
    beamc_finalization_table *finalizations;
    bool embed_output; /* the runner reads elements in ProcessBundle responses */
} beamc_bundle_services;

typedef struct {
    const char *error;                 /* NULL for success; else the rest is empty */
    const beamc_metric_report *report; /* the bundle's metrics */
    Beam__Elements *elements;          /* the whole output; NULL when it was sent on data streams */
    bool requires_finalization;
} beamc_bundle_outcome;

/* Told once, on an executor thread, before the processor is freed. All is borrowed. */
typedef void (*beamc_bundle_done)(void *context, beamc_bundle_processor *processor,
                                  const beamc_bundle_outcome *outcome);

/* beamc_bundle_processor_start claims the bundle's input and queues the bundle. NULL when the instruction id is
 * in use or has ended: then nothing will be told. Any thread.
 * The caller holds a reference, given back with beamc_bundle_processor_release. */
beamc_bundle_processor *beamc_bundle_processor_start(const beamc_bundle_services *services, const char *instruction_id,
                                                     const char *descriptor_id, beamc_bundle_done done, void *context);
void beamc_bundle_processor_release(beamc_bundle_processor *processor);

const char *beamc_bundle_processor_instruction_id(const beamc_bundle_processor *processor);

const char *beamc_bundle_processor_descriptor_id(const beamc_bundle_processor *processor);
/* beamc_bundle_processor_state names what the bundle does; a constant. Any thread, as is _age_ms. */
const char *beamc_bundle_processor_state(const beamc_bundle_processor *processor);
uint64_t beamc_bundle_processor_age_ms(const beamc_bundle_processor *processor, uint64_t now_ms);

/* beamc_bundle_processor_abort makes the bundle end soon, with `why` as its error. Any thread. */
void beamc_bundle_processor_abort(beamc_bundle_processor *processor, const char *why);

/* beamc_bundle_progress fills a report with the metrics so far; empty before the plan runs and after its end.
 * Never waits for the bundle. Any thread. Release with beamc_metric_report_cleanup. */
void beamc_bundle_progress(beamc_bundle_processor *processor, beamc_metric_report *report);

/* Says what the runner wants of the source node `transform_id`; false: nothing. */
typedef bool (*beamc_split_lookup)(void *context, const char *transform_id, beamc_split_wish *wish);

/* beamc_bundle_split gives the end of the bundle's input back. False when it does not split: not started yet or ended,
 * near its end, or with more sources than one, which would each be cut at another place. Never waits for the bundle,
 * and works while a DoFn has answered BEAMC_AGAIN. Any thread.
 *   transform_id   the source's; new, free it */
bool beamc_bundle_split(beamc_bundle_processor *processor, beamc_split_lookup lookup, void *context,
                        char **transform_id, beamc_split_result *out);

#endif
