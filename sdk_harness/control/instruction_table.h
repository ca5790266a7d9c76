/* Which bundles run, and which have ended: asked by every instruction that names a bundle.
 *
 * A request for a bundle that has just ended is normal (streams race) and gets an empty answer; a request for
 * one that never was is an error. Any thread. */
#ifndef SDK_HARNESS_CONTROL_INSTRUCTION_TABLE_H
#define SDK_HARNESS_CONTROL_INSTRUCTION_TABLE_H

#include "sdk_harness/bundle/bundle_processor.h"

#include <stddef.h>

typedef struct beamc_instruction_table beamc_instruction_table;

typedef enum { BEAMC_INSTRUCTION_UNKNOWN, BEAMC_INSTRUCTION_ACTIVE, BEAMC_INSTRUCTION_ENDED } beamc_instruction_state;

beamc_instruction_table *beamc_instruction_table_new(void);
void beamc_instruction_table_free(beamc_instruction_table *table); /* no bundle may be active */

/* beamc_instruction_table_claim makes `instruction_id` active; false when it is active already or has ended. */
bool beamc_instruction_table_claim(beamc_instruction_table *table, const char *instruction_id);

/* beamc_instruction_table_set names the processor of a claimed id; takes the caller's reference. */
void beamc_instruction_table_set(beamc_instruction_table *table, const char *instruction_id,
                                 beamc_bundle_processor *processor);

/* beamc_instruction_table_end moves an id from active to ended. */
void beamc_instruction_table_end(beamc_instruction_table *table, const char *instruction_id);

/* beamc_instruction_table_progress looks an id up and, when it is active, fills `report` with its metrics. */
beamc_instruction_state beamc_instruction_table_progress(beamc_instruction_table *table, const char *instruction_id,
                                                         beamc_metric_report *report);

/* beamc_instruction_table_split looks an id up and, when it is active, asks the bundle for a split as
 * beamc_bundle_split does; `*split` is its answer. */
beamc_instruction_state beamc_instruction_table_split(beamc_instruction_table *table, const char *instruction_id,
                                                      beamc_split_lookup lookup, void *context, bool *split,
                                                      char **transform_id, beamc_split_result *out);
beamc_instruction_state beamc_instruction_table_state(beamc_instruction_table *table, const char *instruction_id);

/* beamc_instruction_table_each calls `visit` for every active bundle, under the table's lock. */
typedef void (*beamc_instruction_visit)(void *context, const beamc_bundle_processor *processor);
void beamc_instruction_table_each(beamc_instruction_table *table, beamc_instruction_visit visit, void *context);

/* beamc_instruction_table_abort_all makes every active bundle end with `why`. */
void beamc_instruction_table_abort_all(beamc_instruction_table *table, const char *why);

/* beamc_instruction_table_wait_idle blocks until no bundle is active or timeout_ms have passed; true when idle. */
bool beamc_instruction_table_wait_idle(beamc_instruction_table *table, unsigned timeout_ms);

#endif
