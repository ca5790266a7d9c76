/* The metrics of one plan: cells found by name once, updated by the bundle's thread, read by progress.
 *
 * A cell starts from zero with each bundle. Updates are relaxed atomics, so that progress may read from
 * another thread while the bundle goes on. */
#ifndef SDK_HARNESS_METRICS_METRIC_REGISTRY_H
#define SDK_HARNESS_METRICS_METRIC_REGISTRY_H

#include "sdk_harness/base/byte_buffer.h"
#include "sdk_harness/dofn.h"
#include "sdk_harness/metrics/metric_key.h"
#include "sdk_harness/metrics/short_id.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef enum {
    BEAMC_METRIC_COUNTER,      /* beam:metrics:sum_int64:v1 */
    BEAMC_METRIC_DISTRIBUTION, /* beam:metrics:distribution_int64:v1 */
    BEAMC_METRIC_DURATION,     /* a counter that is left out while it is zero */
    BEAMC_METRIC_BOUNDED_TRIE  /* beam:metrics:bounded_trie:v1, left out while nothing was added */
} beamc_metric_kind;

typedef struct beamc_metric_cell beamc_metric_cell;
typedef struct beamc_metric_registry beamc_metric_registry;

beamc_metric_registry *beamc_metric_registry_new(void);
void beamc_metric_registry_free(beamc_metric_registry *registry); /* NULL is fine */

/* beamc_metric_registry_cell finds or makes a cell; the key is copied. While the plan is built only. */
beamc_metric_cell *beamc_metric_registry_cell(beamc_metric_registry *registry, beamc_metric_kind kind,
                                              const beamc_metric_key *key);

/* beamc_metric_registry_scope gives the view of one transform, as a DoFn's setup gets it. Lives as long as the
 * registry. */
beamc_metrics *beamc_metric_registry_scope(beamc_metric_registry *registry, const char *transform_id);

void beamc_metric_cell_add(beamc_metric_cell *cell, int64_t value);
void beamc_metric_cell_set(beamc_metric_cell *cell, int64_t value); /* of a counter */
void beamc_metric_registry_reset(beamc_metric_registry *registry);

/* beamc_metric_registry_name gives every cell its short id, once. After the plan was built, before anybody reads. */
void beamc_metric_registry_name(beamc_metric_registry *registry, beamc_short_ids *ids);
size_t beamc_metric_registry_num_cells(const beamc_metric_registry *registry);

/* beamc_metric_registry_max_bytes: what the packed names of all cells, and twice their payloads, take at most. */
size_t beamc_metric_registry_max_bytes(const beamc_metric_registry *registry);

enum { BEAMC_METRIC_PAYLOAD_BYTES = 40 }; /* four varints; a trie's may be longer */

/* One cell as `visit` sees it. Names live as long as the registry, the payload for the call. */
typedef struct {
    const beamc_metric_key *key;
    const uint8_t *packed; /* the key as a MonitoringInfo without payload, packed_len bytes */
    size_t packed_len;
    const char *short_id; /* NULL: it has none */
    const uint8_t *payload;
    size_t payload_len;
} beamc_metric_value;

/* beamc_metric_registry_each calls `visit` for every counter, and for all others that have a value:
 * Flink stops reading at an empty payload, so a payload is never empty. */
typedef void (*beamc_metric_visit)(void *context, const beamc_metric_value *value);
void beamc_metric_registry_each(beamc_metric_registry *registry, beamc_metric_visit visit, void *context);

#endif
