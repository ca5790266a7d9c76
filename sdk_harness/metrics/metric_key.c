#include "sdk_harness/metrics/metric_key.h"

#include "sdk_harness/base/alloc.h"
#include "sdk_harness/base/fnv1a.h"

#include <stdlib.h>
#include <string.h>

beamc_metric_key beamc_metric_key_copy(const beamc_metric_key *key) {
    beamc_metric_key copy = {
        .urn = beamc_strdup(key->urn), .type = beamc_strdup(key->type), .num_labels = key->num_labels};
    for (size_t i = 0; i < key->num_labels; i++) {
        copy.labels[i].key = beamc_strdup(key->labels[i].key);
        copy.labels[i].value = beamc_strdup(key->labels[i].value);
    }
    return copy;
}

static void free_text(const char *text) {
    free((char *)(uintptr_t)text);
}

void beamc_metric_key_cleanup(beamc_metric_key *key) {
    free_text(key->urn);
    free_text(key->type);
    for (size_t i = 0; i < key->num_labels; i++) {
        free_text(key->labels[i].key);
        free_text(key->labels[i].value);
    }
    *key = (beamc_metric_key){0};
}

bool beamc_metric_key_equal(const beamc_metric_key *a, const beamc_metric_key *b) {
    if (strcmp(a->urn, b->urn) != 0 || a->num_labels != b->num_labels)
        return false;
    for (size_t i = 0; i < a->num_labels; i++)
        if (strcmp(a->labels[i].key, b->labels[i].key) != 0 || strcmp(a->labels[i].value, b->labels[i].value) != 0)
            return false;
    return true;
}

/* With the terminator, so that "ab" + "c" and "a" + "bc" differ. */
static uint64_t hash_text(uint64_t hash, const char *text) {
    return beamc_fnv1a(hash, text, strlen(text) + 1);
}

uint64_t beamc_metric_key_hash(const beamc_metric_key *key) {
    uint64_t hash = hash_text(BEAMC_FNV1A_START, key->urn);
    for (size_t i = 0; i < key->num_labels; i++)
        hash = hash_text(hash_text(hash, key->labels[i].key), key->labels[i].value);
    return hash;
}
