#include "sdk_harness/metrics/metric_registry.h"

#include "sdk_harness/base/alloc.h"
#include "sdk_harness/coders/varint.h"
#include "sdk_harness/metrics/monitoring_info.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

_Static_assert(BEAMC_METRIC_PAYLOAD_BYTES >= 4 * BEAMC_VARINT_MAX_BYTES, "a distribution is four varints");

struct beamc_metric_cell {
    beamc_metric_cell *next;
    beamc_metric_kind kind;
    beamc_metric_key key;
    uint8_t *packed;
    size_t packed_len;
    bool has_short_id;
    char short_id[BEAMC_SHORT_ID_LEN];
    _Atomic int64_t sum;
    _Atomic int64_t count;
    _Atomic int64_t min;
    _Atomic int64_t max;
    beamc_byte_buffer trie; /* BOUNDED_TRIE: the message, made once */
};

struct beamc_metrics {
    beamc_metrics *next;
    beamc_metric_registry *registry;
    char *transform_id;
};

struct beamc_metric_registry {
    bool is_named;
    size_t num_cells;
    size_t max_bytes;
    beamc_metric_cell *cells;
    beamc_metric_cell **last;
    beamc_metrics *scopes;
};

beamc_metric_registry *beamc_metric_registry_new(void) {
    beamc_metric_registry *registry = beamc_alloc_zero(1, sizeof *registry);
    registry->last = &registry->cells;
    return registry;
}

void beamc_metric_registry_free(beamc_metric_registry *registry) {
    if (registry == NULL)
        return;
    while (registry->cells != NULL) {
        beamc_metric_cell *cell = registry->cells;
        registry->cells = cell->next;
        beamc_metric_key_cleanup(&cell->key);
        beamc_byte_buffer_cleanup(&cell->trie);
        free(cell->packed);
        free(cell);
    }
    while (registry->scopes != NULL) {
        beamc_metrics *scope = registry->scopes;
        registry->scopes = scope->next;
        free(scope->transform_id);
        free(scope);
    }
    free(registry);
}

static void clear_cell(beamc_metric_cell *cell) {
    atomic_store_explicit(&cell->sum, 0, memory_order_relaxed);
    atomic_store_explicit(&cell->count, 0, memory_order_relaxed);
    atomic_store_explicit(&cell->min, INT64_MAX, memory_order_relaxed);
    atomic_store_explicit(&cell->max, INT64_MIN, memory_order_relaxed);
}

beamc_metric_cell *beamc_metric_registry_cell(beamc_metric_registry *registry, beamc_metric_kind kind,
                                              const beamc_metric_key *key) {
    for (beamc_metric_cell *cell = registry->cells; cell != NULL; cell = cell->next)
        if (cell->kind == kind && beamc_metric_key_equal(&cell->key, key))
            return cell;
    beamc_metric_cell *cell = beamc_alloc_zero(1, sizeof *cell);
    cell->kind = kind;
    cell->key = beamc_metric_key_copy(key);
    cell->packed = beamc_monitoring_info_packed(key, &cell->packed_len);
    registry->max_bytes += cell->packed_len + 2 * BEAMC_METRIC_PAYLOAD_BYTES;
    clear_cell(cell);
    *registry->last = cell;
    registry->last = &cell->next;
    registry->num_cells++;
    return cell;
}

void beamc_metric_registry_name(beamc_metric_registry *registry, beamc_short_ids *ids) {
    if (registry->is_named)
        return;
    for (beamc_metric_cell *cell = registry->cells; cell != NULL; cell = cell->next)
        cell->has_short_id = beamc_short_id_of(ids, &cell->key, cell->short_id);
    registry->is_named = true;
}

size_t beamc_metric_registry_num_cells(const beamc_metric_registry *registry) {
    return registry->num_cells;
}

size_t beamc_metric_registry_max_bytes(const beamc_metric_registry *registry) {
    return registry->max_bytes;
}

beamc_metrics *beamc_metric_registry_scope(beamc_metric_registry *registry, const char *transform_id) {
    beamc_metrics *scope = beamc_alloc_zero(1, sizeof *scope);
    scope->registry = registry;
    scope->transform_id = beamc_strdup(transform_id);
    scope->next = registry->scopes;
    registry->scopes = scope;
    return scope;
}

static beamc_metric_cell *user_cell(beamc_metrics *metrics, beamc_metric_kind kind, const char *urn, const char *type,
                                    const char *name_space, const char *name) {
    beamc_metric_key key = {
        .urn = urn,
        .type = type,
        .num_labels = 3,
        .labels = {{"PTRANSFORM", metrics->transform_id}, {"NAMESPACE", name_space}, {"NAME", name}}};
    return beamc_metric_registry_cell(metrics->registry, kind, &key);
}

beamc_counter *beamc_metrics_counter(beamc_metrics *metrics, const char *name_space, const char *name) {
    return (beamc_counter *)user_cell(metrics, BEAMC_METRIC_COUNTER, "beam:metric:user:sum_int64:v1",
                                      "beam:metrics:sum_int64:v1", name_space, name);
}

beamc_distribution *beamc_metrics_distribution(beamc_metrics *metrics, const char *name_space, const char *name) {
    return (beamc_distribution *)user_cell(metrics, BEAMC_METRIC_DISTRIBUTION, "beam:metric:user:distribution_int64:v1",
                                           "beam:metrics:distribution_int64:v1", name_space, name);
}

enum { MAX_TRIE_BYTES = 64 * 1024, TRIE_BOUND = 100 /* paths that the SDKs keep apart */ };

/* A BoundedTrie message with one path: 1: bound, 3: each segment. Source: metrics.proto. */
static void encode_trie(beamc_byte_buffer *out, const char *const *segments, size_t num_segments) {
    beamc_byte_buffer_init(out, MAX_TRIE_BYTES);
    (void)beamc_byte_buffer_append(out, (uint8_t[]){1 << 3, TRIE_BOUND}, 2);
    for (size_t i = 0; i < num_segments; i++) {
        size_t len = strlen(segments[i]);
        (void)beamc_byte_buffer_append_byte(out, 3 << 3 | 2);
        (void)beamc_append_varint(out, len);
        (void)beamc_byte_buffer_append(out, segments[i], len);
    }
}

beamc_bounded_trie *beamc_metrics_bounded_trie(beamc_metrics *metrics, const char *name_space, const char *name,
                                               const char *const *segments, size_t num_segments) {
    beamc_metric_cell *cell = user_cell(metrics, BEAMC_METRIC_BOUNDED_TRIE, "beam:metric:user:bounded_trie:v1",
                                        "beam:metrics:bounded_trie:v1", name_space, name);
    if (cell->trie.len == 0) {
        encode_trie(&cell->trie, segments, num_segments);
        metrics->registry->max_bytes += 2 * cell->trie.len;
    }
    return (beamc_bounded_trie *)cell;
}

/* One thread writes at a time, so a plain load and store is enough. */
static void bump(_Atomic int64_t *cell, int64_t by) {
    atomic_store_explicit(cell, atomic_load_explicit(cell, memory_order_relaxed) + by, memory_order_relaxed);
}

void beamc_metric_cell_add(beamc_metric_cell *cell, int64_t value) {
    bump(&cell->sum, value);
    bump(&cell->count, 1);
    if (cell->kind != BEAMC_METRIC_DISTRIBUTION)
        return;
    if (value < atomic_load_explicit(&cell->min, memory_order_relaxed))
        atomic_store_explicit(&cell->min, value, memory_order_relaxed);
    if (value > atomic_load_explicit(&cell->max, memory_order_relaxed))
        atomic_store_explicit(&cell->max, value, memory_order_relaxed);
}

void beamc_metric_cell_set(beamc_metric_cell *cell, int64_t value) {
    atomic_store_explicit(&cell->sum, value, memory_order_relaxed);
}

void beamc_counter_add(beamc_counter *counter, int64_t n) {
    beamc_metric_cell_add((beamc_metric_cell *)counter, n);
}

void beamc_distribution_add(beamc_distribution *distribution, int64_t value) {
    beamc_metric_cell_add((beamc_metric_cell *)distribution, value);
}

void beamc_bounded_trie_add(beamc_bounded_trie *trie) {
    beamc_metric_cell_set((beamc_metric_cell *)trie, 1);
}

void beamc_metric_registry_reset(beamc_metric_registry *registry) {
    for (beamc_metric_cell *cell = registry->cells; cell != NULL; cell = cell->next)
        clear_cell(cell);
}

/* The payload of a number or a distribution; 0: it is left out. */
static size_t put_payload(const beamc_metric_cell *cell, uint8_t payload[BEAMC_METRIC_PAYLOAD_BYTES]) {
    int64_t count = atomic_load_explicit(&cell->count, memory_order_relaxed);
    int64_t sum = atomic_load_explicit(&cell->sum, memory_order_relaxed);
    if (cell->kind == BEAMC_METRIC_DURATION && sum == 0)
        return 0;
    if (cell->kind != BEAMC_METRIC_DISTRIBUTION)
        return beamc_varint_put(payload, (uint64_t)sum);
    if (count == 0)
        return 0; /* a distribution of nothing has no least and no greatest */
    const int64_t parts[] = {count, sum, atomic_load_explicit(&cell->min, memory_order_relaxed),
                             atomic_load_explicit(&cell->max, memory_order_relaxed)};
    size_t len = 0;
    for (size_t i = 0; i < 4; i++)
        len += beamc_varint_put(payload + len, (uint64_t)parts[i]);
    return len;
}

void beamc_metric_registry_each(beamc_metric_registry *registry, beamc_metric_visit visit, void *context) {
    for (beamc_metric_cell *cell = registry->cells; cell != NULL; cell = cell->next) {
        uint8_t payload[BEAMC_METRIC_PAYLOAD_BYTES];
        beamc_metric_value value = {.key = &cell->key,
                                    .packed = cell->packed,
                                    .packed_len = cell->packed_len,
                                    .short_id = cell->has_short_id ? cell->short_id : NULL,
                                    .payload = payload};
        if (cell->kind != BEAMC_METRIC_BOUNDED_TRIE) {
            value.payload_len = put_payload(cell, payload);
        } else if (atomic_load_explicit(&cell->sum, memory_order_relaxed) != 0 && !cell->trie.failed) {
            value.payload = cell->trie.data;
            value.payload_len = cell->trie.len;
        }
        if (value.payload_len > 0)
            visit(context, &value);
    }
}
