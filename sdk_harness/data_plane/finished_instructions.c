#include "sdk_harness/data_plane/finished_instructions.h"

#include "sdk_harness/base/alloc.h"
#include "sdk_harness/base/fnv1a.h"

#include <stdlib.h>
#include <string.h>

static uint64_t hash_of(const char *instruction_id) {
    return beamc_fnv1a(BEAMC_FNV1A_START, instruction_id, strlen(instruction_id));
}

static uint16_t *bucket_of(beamc_finished_instructions *finished, uint64_t hash) {
    return &finished->buckets[hash % BEAMC_FINISHED_BUCKETS];
}

static void drop(beamc_finished_instructions *finished, size_t place) {
    uint16_t *at = bucket_of(finished, finished->hashes[place]);
    while (*at != place + 1)
        at = &finished->links[*at - 1];
    *at = finished->links[place];
    free(finished->ids[place]);
}

void beamc_finished_add(beamc_finished_instructions *finished, const char *instruction_id) {
    size_t place = finished->next;
    finished->next = (place + 1) % BEAMC_FINISHED_KEPT;
    if (finished->ids[place] != NULL)
        drop(finished, place);
    uint64_t hash = hash_of(instruction_id);
    uint16_t *bucket = bucket_of(finished, hash);
    finished->ids[place] = beamc_strdup(instruction_id);
    finished->hashes[place] = hash;
    finished->links[place] = *bucket;
    *bucket = (uint16_t)(place + 1);
}

bool beamc_finished_has(const beamc_finished_instructions *finished, const char *instruction_id) {
    uint64_t hash = hash_of(instruction_id);
    for (uint16_t at = finished->buckets[hash % BEAMC_FINISHED_BUCKETS]; at != 0; at = finished->links[at - 1])
        if (finished->hashes[at - 1] == hash && strcmp(finished->ids[at - 1], instruction_id) == 0)
            return true;
    return false;
}

void beamc_finished_cleanup(beamc_finished_instructions *finished) {
    for (size_t i = 0; i < BEAMC_FINISHED_KEPT; i++) {
        free(finished->ids[i]);
        finished->ids[i] = NULL;
    }
}
