/* Short ids of metrics: the runner learns once what an id stands for, then only payloads travel.
 *
 * An id is made from its metric's own name: Prism keeps one table for all workers of a job, whatever their SDK,
 * so ids that are counted up in each process would collide. One table a process. Any thread. */
#ifndef SDK_HARNESS_METRICS_SHORT_ID_H
#define SDK_HARNESS_METRICS_SHORT_ID_H

#include "sdk_harness/metrics/metric_key.h"

#include <stdbool.h>
#include <stddef.h>

typedef struct beamc_short_ids beamc_short_ids;

enum {
    BEAMC_SHORT_ID_LEN = 20 /* 'c', 16 hex digits and the terminator */,
    BEAMC_SHORT_ID_MAX = 100000
}; /* metrics of one worker; more get no id */

beamc_short_ids *beamc_short_ids_new(void);
void beamc_short_ids_free(beamc_short_ids *ids);

/* beamc_short_id_of writes the id of `key` (found or made) as text. False when the table is full or, once in
 * 2^64, another metric has the id. */
bool beamc_short_id_of(beamc_short_ids *ids, const beamc_metric_key *key, char text[BEAMC_SHORT_ID_LEN]);

/* beamc_short_id_find returns the key of an id, or NULL. Valid as long as the table. */
const beamc_metric_key *beamc_short_id_find(beamc_short_ids *ids, const char *text);

#endif
