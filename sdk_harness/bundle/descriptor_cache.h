/* Bundle descriptors by id, fetched once each, and the plans made from them.
 *
 * A plan that ran a bundle well is kept for the next one; a plan whose bundle failed is thrown away. Entries
 * live as long as the worker: there is one for each stage of a job. Any thread. */
#ifndef SDK_HARNESS_BUNDLE_DESCRIPTOR_CACHE_H
#define SDK_HARNESS_BUNDLE_DESCRIPTOR_CACHE_H

#include "sdk_harness/base/status.h"
#include "sdk_harness/bundle/plan_builder.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { BEAMC_IDLE_PLANS_KEPT = 16 }; /* of one descriptor */

typedef struct beamc_descriptor_cache beamc_descriptor_cache;

/* Asks the runner for a descriptor; the answer comes through beamc_descriptor_cache_put or _fail. */
typedef void (*beamc_descriptor_fetch)(void *context, const char *descriptor_id);

/* Called when a descriptor that was waited for has come or failed. Must not block. */
typedef void (*beamc_descriptor_wake)(void *context);

beamc_descriptor_cache *beamc_descriptor_cache_new(const beamc_dofn_table *dofns, beamc_descriptor_fetch fetch,
                                                   void *fetch_context);
void beamc_descriptor_cache_free(beamc_descriptor_cache *cache); /* all plans must be given back */

/* beamc_descriptor_cache_put adds a serialised ProcessBundleDescriptor under its id, or under `id` when given. */
beamc_status beamc_descriptor_cache_put(beamc_descriptor_cache *cache, const char *id, const uint8_t *message,
                                        size_t len, beamc_error *err);

/* beamc_descriptor_cache_fail ends the waiting for `id`; the next bundle that needs it asks again. */
void beamc_descriptor_cache_fail(beamc_descriptor_cache *cache, const char *id, const char *why);

/* beamc_plan_acquire gives an idle plan of the descriptor or builds one.
 *   asked   false at a bundle's first call; then BEAMC_AGAIN starts the look-up
 * BEAMC_AGAIN: `wake` will be called; call again with asked = true. */
beamc_status beamc_plan_acquire(beamc_descriptor_cache *cache, const char *descriptor_id, bool asked,
                                beamc_descriptor_wake wake, void *context, beamc_plan **out, beamc_error *err);

/* beamc_plan_is_idle: true when a plan of the descriptor waits for its next bundle. */
bool beamc_plan_is_idle(beamc_descriptor_cache *cache, const char *descriptor_id);

/* beamc_descriptor_cache_forget: `context` waits no longer for the descriptor; no wake comes after it has returned. */
void beamc_descriptor_cache_forget(beamc_descriptor_cache *cache, const char *descriptor_id, const void *context);

/* beamc_descriptor_cache_each_source is beamc_plan_each_source for a descriptor that has come; for another, nothing. */
void beamc_descriptor_cache_each_source(beamc_descriptor_cache *cache, const char *descriptor_id,
                                        beamc_source_visit visit, void *context);

/* beamc_plan_release gives a plan back for the next bundle. */
void beamc_plan_release(beamc_descriptor_cache *cache, const char *descriptor_id, beamc_plan *plan);

#endif
