#include "sdk_harness/metrics/short_id.h"

#include "sdk_harness/base/alloc.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

typedef struct {
    uint64_t hash; /* the id */
    beamc_metric_key key;
} entry;

struct beamc_short_ids {
    pthread_mutex_t lock;
    entry **slots; /* open addressing by hash; at most half full */
    size_t num_slots;
    size_t count;
};

beamc_short_ids *beamc_short_ids_new(void) {
    beamc_short_ids *ids = beamc_alloc_zero(1, sizeof *ids);
    pthread_mutex_init(&ids->lock, NULL);
    return ids;
}

void beamc_short_ids_free(beamc_short_ids *ids) {
    if (ids == NULL)
        return;
    for (size_t i = 0; i < ids->num_slots; i++) {
        entry *e = ids->slots[i];
        if (e == NULL)
            continue;
        beamc_metric_key_cleanup(&e->key);
        free(e);
    }
    free(ids->slots);
    pthread_mutex_destroy(&ids->lock);
    free(ids);
}

/* The slot that has `hash`, or the free one where it belongs. */
static size_t find_slot(const beamc_short_ids *ids, uint64_t hash) {
    size_t at = (size_t)(hash % ids->num_slots);
    while (ids->slots[at] != NULL && ids->slots[at]->hash != hash)
        at = (at + 1) % ids->num_slots;
    return at;
}

static void grow(beamc_short_ids *ids) {
    entry **old = ids->slots;
    size_t num_old = ids->num_slots;
    ids->num_slots = num_old == 0 ? 128 : num_old * 2;
    ids->slots = beamc_alloc_zero(ids->num_slots, sizeof *ids->slots);
    for (size_t i = 0; i < num_old; i++)
        if (old[i] != NULL)
            ids->slots[find_slot(ids, old[i]->hash)] = old[i];
    free(old);
}

static entry *new_entry(uint64_t hash, const beamc_metric_key *key) {
    entry *e = beamc_alloc_zero(1, sizeof *e);
    e->hash = hash;
    e->key = beamc_metric_key_copy(key);
    return e;
}

bool beamc_short_id_of(beamc_short_ids *ids, const beamc_metric_key *key, char text[BEAMC_SHORT_ID_LEN]) {
    uint64_t hash = beamc_metric_key_hash(key);
    pthread_mutex_lock(&ids->lock);
    if (ids->count * 2 >= ids->num_slots)
        grow(ids);
    size_t slot = find_slot(ids, hash);
    if (ids->slots[slot] == NULL && ids->count < BEAMC_SHORT_ID_MAX) {
        ids->slots[slot] = new_entry(hash, key);
        ids->count++;
    }
    bool known = ids->slots[slot] != NULL && beamc_metric_key_equal(&ids->slots[slot]->key, key);
    pthread_mutex_unlock(&ids->lock);
    snprintf(text, BEAMC_SHORT_ID_LEN, "c%016" PRIx64, hash);
    return known;
}

const beamc_metric_key *beamc_short_id_find(beamc_short_ids *ids, const char *text) {
    if (text[0] != 'c')
        return NULL;
    char *end = NULL;
    uint64_t hash = strtoull(text + 1, &end, 16);
    const beamc_metric_key *key = NULL;
    pthread_mutex_lock(&ids->lock);
    if (end != text + 1 && *end == '\0' && ids->num_slots > 0) {
        const entry *e = ids->slots[find_slot(ids, hash)];
        key = e == NULL ? NULL : &e->key;
    }
    pthread_mutex_unlock(&ids->lock);
    return key;
}
