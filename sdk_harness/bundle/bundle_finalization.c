#include "sdk_harness/bundle/bundle_finalization.h"

#include "sdk_harness/base/alloc.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

typedef struct kept_bundle {
    struct kept_bundle *next;
    char *instruction_id;
    uint64_t ended_ms;
    beamc_finalizers finalizers;
} kept_bundle;

struct beamc_finalization_table {
    pthread_mutex_t lock;
    kept_bundle *first; /* oldest first */
    kept_bundle **last;
    unsigned count;
};

beamc_status beamc_finalizers_add(beamc_finalizers *finalizers, beamc_finalized finalized, void *context,
                                  beamc_error *err) {
    if (finalizers->count >= BEAMC_FINALIZERS_A_BUNDLE)
        return beamc_fail(err, BEAMC_LIMIT, "a bundle asks for more than %d finalizations: ask once a bundle",
                          BEAMC_FINALIZERS_A_BUNDLE);
    beamc_finalizer *finalizer = beamc_alloc_zero(1, sizeof *finalizer);
    finalizer->finalized = finalized;
    finalizer->context = context;
    if (finalizers->last == NULL)
        finalizers->first = finalizer;
    else
        finalizers->last->next = finalizer;
    finalizers->last = finalizer;
    finalizers->count++;
    return BEAMC_OK;
}

void beamc_finalizers_run(beamc_finalizers *finalizers, bool is_finalized) {
    beamc_finalizer *finalizer = finalizers->first;
    *finalizers = (beamc_finalizers){0};
    while (finalizer != NULL) {
        beamc_finalizer *next = finalizer->next;
        finalizer->finalized(finalizer->context, is_finalized);
        free(finalizer);
        finalizer = next;
    }
}

beamc_finalization_table *beamc_finalization_table_new(void) {
    beamc_finalization_table *table = beamc_alloc_zero(1, sizeof *table);
    pthread_mutex_init(&table->lock, NULL);
    table->last = &table->first;
    return table;
}

static kept_bundle *unlink_at(beamc_finalization_table *table, kept_bundle **at) { /* under the lock */
    kept_bundle *bundle = *at;
    *at = bundle->next;
    if (*at == NULL)
        table->last = at;
    table->count--;
    return bundle;
}

static void free_bundle(kept_bundle *bundle) {
    free(bundle->instruction_id);
    free(bundle);
}

/* One bundle that must go; NULL when there is none. Its callbacks run without the lock. */
static kept_bundle *take_expired(beamc_finalization_table *table, unsigned max_count, uint64_t now_ms) {
    pthread_mutex_lock(&table->lock);
    kept_bundle *oldest = table->first;
    if (oldest != NULL && (table->count > max_count || now_ms - oldest->ended_ms > BEAMC_FINALIZATION_EXPIRES_MS))
        (void)unlink_at(table, &table->first);
    else
        oldest = NULL;
    pthread_mutex_unlock(&table->lock);
    return oldest;
}

static void give_up(beamc_finalization_table *table, unsigned max_count, uint64_t now_ms) {
    for (kept_bundle *bundle = take_expired(table, max_count, now_ms); bundle != NULL;
         bundle = take_expired(table, max_count, now_ms)) {
        beamc_finalizers_run(&bundle->finalizers, false);
        free_bundle(bundle);
    }
}

void beamc_finalization_table_free(beamc_finalization_table *table) {
    if (table == NULL)
        return;
    give_up(table, 0, 0);
    pthread_mutex_destroy(&table->lock);
    free(table);
}

void beamc_finalization_table_keep(beamc_finalization_table *table, const char *instruction_id,
                                   beamc_finalizers *finalizers, uint64_t now_ms) {
    kept_bundle *bundle = beamc_alloc_zero(1, sizeof *bundle);
    bundle->instruction_id = beamc_strdup(instruction_id);
    bundle->ended_ms = now_ms;
    bundle->finalizers = *finalizers;
    *finalizers = (beamc_finalizers){0};
    pthread_mutex_lock(&table->lock);
    *table->last = bundle;
    table->last = &bundle->next;
    table->count++;
    pthread_mutex_unlock(&table->lock);
    give_up(table, BEAMC_FINALIZATIONS_KEPT, now_ms);
}

bool beamc_finalization_table_take(beamc_finalization_table *table, const char *instruction_id, beamc_finalizers *out) {
    pthread_mutex_lock(&table->lock);
    kept_bundle **at = &table->first;
    while (*at != NULL && strcmp((*at)->instruction_id, instruction_id) != 0)
        at = &(*at)->next;
    kept_bundle *bundle = *at == NULL ? NULL : unlink_at(table, at);
    pthread_mutex_unlock(&table->lock);
    if (bundle == NULL)
        return false;
    *out = bundle->finalizers;
    free_bundle(bundle);
    return true;
}
