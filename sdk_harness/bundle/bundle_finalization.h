/* What DoFns want to do once the runner has made a bundle's outcome durable: kept from the bundle's answer until the
 * runner's FinalizeBundle. Source: FinalizeBundleRequest in beam_fn_api.proto.
 *
 * Each callback is called exactly once: with true for a finalized bundle, with false when that will not happen any
 * more. Never on the completion thread. */
#ifndef SDK_HARNESS_BUNDLE_BUNDLE_FINALIZATION_H
#define SDK_HARNESS_BUNDLE_BUNDLE_FINALIZATION_H

#include "sdk_harness/dofn.h"

#include <stdbool.h>
#include <stdint.h>

enum {
    BEAMC_FINALIZATIONS_KEPT = 1000,                /* bundles; then the oldest is given up */
    BEAMC_FINALIZATION_EXPIRES_MS = 30 * 60 * 1000, /* after the bundle's end; longer than checkpoints take */
    BEAMC_FINALIZERS_A_BUNDLE = 10000
};

typedef struct beamc_finalizer {
    struct beamc_finalizer *next;
    beamc_finalized finalized;
    void *context;
} beamc_finalizer;

/* The callbacks of one bundle, in the order they were given. Zeroed. */
typedef struct {
    beamc_finalizer *first;
    beamc_finalizer *last;
    unsigned count;
} beamc_finalizers;

/* beamc_finalizers_add: BEAMC_LIMIT past BEAMC_FINALIZERS_A_BUNDLE. */
beamc_status beamc_finalizers_add(beamc_finalizers *finalizers, beamc_finalized finalized, void *context,
                                  beamc_error *err);
/* beamc_finalizers_run calls them all and empties the list. */
void beamc_finalizers_run(beamc_finalizers *finalizers, bool is_finalized);

/* Bundles that have been answered and may be finalized. Any thread. */
typedef struct beamc_finalization_table beamc_finalization_table;

beamc_finalization_table *beamc_finalization_table_new(void);
void beamc_finalization_table_free(beamc_finalization_table *table); /* gives up what is left */

/* beamc_finalization_table_keep takes the list, and gives up what has expired. */
void beamc_finalization_table_keep(beamc_finalization_table *table, const char *instruction_id,
                                   beamc_finalizers *finalizers, uint64_t now_ms);

/* beamc_finalization_table_take hands the callbacks of a bundle out; false when there are none (any more). */
bool beamc_finalization_table_take(beamc_finalization_table *table, const char *instruction_id, beamc_finalizers *out);

#endif
