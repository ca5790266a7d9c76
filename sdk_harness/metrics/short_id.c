#include "sdk_harness/metrics/short_id.h"

#include "sdk_harness/base/alloc.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct beamc_short_ids {
    pthread_mutex_t lock;
    beamc_metric_key **keys; /* id i stands at i */
    size_t count;
    size_t capacity;
    size_t *slots; /* open addressing: 0 is free, else id + 1 */
    size_t num_slots;
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
    for (size_t i = 0; i < ids->count; i++) {
        beamc_metric_key *key = ids->keys[i];
        free_text(key->urn);
        free_text(key->type);
        for (size_t l = 0; l < key->num_labels; l++) {
            free_text(key->labels[l].key);
            free_text(key->labels[l].value);
        }
        free(key);
    }
    free(ids->keys);
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

static size_t find_slot(const beamc_short_ids *ids, const beamc_metric_key *key) {
    size_t at = (size_t)(hash_key(key) % ids->num_slots);
    while (ids->slots[at] != 0 && !same_key(ids->keys[ids->slots[at] - 1], key))
        at = (at + 1) % ids->num_slots;
    return at;
}

static void grow(beamc_short_ids *ids) {
    ids->capacity = ids->capacity == 0 ? 64 : ids->capacity * 2;
    ids->keys = beamc_realloc(ids->keys, ids->capacity * sizeof(beamc_metric_key *));
    free(ids->slots);
    ids->num_slots = ids->capacity * 2;
    ids->slots = beamc_alloc_zero(ids->num_slots, sizeof *ids->slots);
    for (size_t i = 0; i < ids->count; i++)
        ids->slots[find_slot(ids, ids->keys[i])] = i + 1;
}

static beamc_metric_key *copy_key(const beamc_metric_key *key) {
    beamc_metric_key *copy = beamc_alloc_zero(1, sizeof *copy);
    copy->urn = beamc_strdup(key->urn);
    copy->type = beamc_strdup(key->type);
    copy->num_labels = key->num_labels;
    for (size_t i = 0; i < key->num_labels; i++) {
        copy->labels[i].key = beamc_strdup(key->labels[i].key);
        copy->labels[i].value = beamc_strdup(key->labels[i].value);
    }
    return copy;
}

bool beamc_short_id_of(beamc_short_ids *ids, const beamc_metric_key *key, char text[BEAMC_SHORT_ID_LEN]) {
    pthread_mutex_lock(&ids->lock);
    if (ids->count == ids->capacity && ids->count < BEAMC_SHORT_ID_MAX)
        grow(ids);
    size_t slot = find_slot(ids, key);
    if (ids->slots[slot] == 0 && ids->count < ids->capacity) {
        ids->keys[ids->count] = copy_key(key);
        ids->slots[slot] = ++ids->count;
    }
    size_t found = ids->slots[slot];
    pthread_mutex_unlock(&ids->lock);
    if (found == 0)
        return false;
    snprintf(text, BEAMC_SHORT_ID_LEN, "%zx", found - 1);
    return true;
}

const beamc_metric_key *beamc_short_id_find(beamc_short_ids *ids, const char *text) {
    char *end = NULL;
    unsigned long long id = strtoull(text, &end, 16);
    const beamc_metric_key *key = NULL;
    pthread_mutex_lock(&ids->lock);
    if (end != text && *end == '\0' && id < ids->count)
        key = ids->keys[id];
    pthread_mutex_unlock(&ids->lock);
    return key;
}
