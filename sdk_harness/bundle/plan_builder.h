/* From a bundle descriptor to a plan: nodes in the order of data flow, joined by edges.
 *
 * Only what is reachable from the sources is built; runners put unrelated coders and PCollections into the
 * same descriptor. */
#ifndef SDK_HARNESS_BUNDLE_PLAN_BUILDER_H
#define SDK_HARNESS_BUNDLE_PLAN_BUILDER_H

#include "sdk_harness/bundle/operator.h"

#include <stddef.h>

struct Beam__ProcessBundleDescriptor;

enum { BEAMC_PLAN_MAX_NODES = 1000 };

/* A plan runs one bundle at a time. */
typedef struct beamc_plan {
    struct beamc_plan *next; /* the cache's */
    beamc_metric_registry *metrics;
    beamc_operator **operators; /* producers before consumers */
    size_t num_operators;
    beamc_operator **sources; /* also in operators */
    size_t num_sources;
    beamc_operator **sinks; /* also in operators */
    size_t num_sinks;
    beamc_edge *edges;
    size_t num_edges;
    beamc_schema **schemas; /* of the edges, owned */
} beamc_plan;

typedef struct {
    const beamc_dofn *dofns;
    size_t num_dofns;
} beamc_dofn_table;

/* beamc_plan_build: new; borrows the descriptor, which must outlive the plan. Calls the setup of each DoFn.
 * BEAMC_INVALID names the transform and the URN that this harness does not run. */
beamc_status beamc_plan_build(const struct Beam__ProcessBundleDescriptor *descriptor, const beamc_dofn_table *dofns,
                              beamc_plan **out, beamc_error *err);

/* beamc_plan_each_source calls `visit` with the data stream's address of every source node, also of a descriptor
 * that no plan can be made of. */
typedef void (*beamc_source_visit)(void *context, const char *url);
void beamc_plan_each_source(const struct Beam__ProcessBundleDescriptor *descriptor, beamc_source_visit visit,
                            void *context);

/* beamc_plan_free tears the DoFns down. */
void beamc_plan_free(beamc_plan *plan);

#endif
