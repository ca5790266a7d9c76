#include "sdk_harness/metrics/short_id.h"

#include "sdk_harness/base/alloc.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

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

static void free_text(const char *text) {
    free((char *)(uintptr_t)text);
}

void beamc_short_ids_free(beamc_short_ids *ids) {
    if (ids == NULL)
        return;
    for (size_t i = 0; i < ids->num_slots; i++) {
        entry *e = ids->slots[i];
        if (e == NULL)
            continue;
        free_text(e->key.urn);
        free_text(e->key.type);
        for (size_t l = 0; l < e->key.num_labels; l++) {
            free_text(e->key.labels[l].key);
            free_text(e->key.labels[l].value);
        }
        free(e);
    }
    free(ids->slots);
    pthread_mutex_destroy(&ids->lock);
    free(ids);
}

/* FNV-1a, 64 bits: offset basis and prime as published by Fowler, Noll and Vo. */
static uint64_t hash_text(uint64_t hash, const char *text) {
    for (; *text != '\0'; text++)
        hash = (hash ^ (uint8_t)*text) * UINT64_C(1099511628211);
    return (hash ^ 0xFF) * UINT64_C(1099511628211);
}

static uint64_t hash_key(const beamc_metric_key *key) {
    uint64_t hash = hash_text(UINT64_C(14695981039346656037), key->urn);
    for (size_t i = 0; i < key->num_labels; i++)
        hash = hash_text(hash_text(hash, key->labels[i].key), key->labels[i].value);
    return hash;
}

static bool same_key(const beamc_metric_key *a, const beamc_metric_key *b) {
    if (strcmp(a->urn, b->urn) != 0 || a->num_labels != b->num_labels)
        return false;
    for (size_t i = 0; i < a->num_labels; i++)
        if (strcmp(a->labels[i].key, b->labels[i].key) != 0 || strcmp(a->labels[i].value, b->labels[i].value) != 0)
            return false;
    return true;
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
    e->key.urn = beamc_strdup(key->urn);
    e->key.type = beamc_strdup(key->type);
    e->key.num_labels = key->num_labels;
    for (size_t i = 0; i < key->num_labels; i++) {
        e->key.labels[i].key = beamc_strdup(key->labels[i].key);
        e->key.labels[i].value = beamc_strdup(key->labels[i].value);
    }
    return e;
}

bool beamc_short_id_of(beamc_short_ids *ids, const beamc_metric_key *key, char text[BEAMC_SHORT_ID_LEN]) {
    uint64_t hash = hash_key(key);
    pthread_mutex_lock(&ids->lock);
    if (ids->count * 2 >= ids->num_slots)
        grow(ids);
    size_t slot = find_slot(ids, hash);
    if (ids->slots[slot] == NULL && ids->count < BEAMC_SHORT_ID_MAX) {
        ids->slots[slot] = new_entry(hash, key);
        ids->count++;
    }
    bool known = ids->slots[slot] != NULL && same_key(&ids->slots[slot]->key, key);
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
