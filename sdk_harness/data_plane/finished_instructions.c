#include "sdk_harness/data_plane/finished_instructions.h"

#include "sdk_harness/base/alloc.h"
#include "sdk_harness/base/fnv1a.h"

#include <stdlib.h>
#include <string.h>

void beamc_finished_add(beamc_finished_instructions *finished, const char *instruction_id) {
    free(finished->ids[finished->next]);
    finished->ids[finished->next] = beamc_strdup(instruction_id);
    finished->hashes[finished->next] = beamc_fnv1a(BEAMC_FNV1A_START, instruction_id, strlen(instruction_id));
    finished->next = (finished->next + 1) % BEAMC_FINISHED_KEPT;
}

bool beamc_finished_has(const beamc_finished_instructions *finished, const char *instruction_id) {
    uint64_t hash = beamc_fnv1a(BEAMC_FNV1A_START, instruction_id, strlen(instruction_id));
    for (size_t i = 0; i < BEAMC_FINISHED_KEPT; i++)
        if (finished->hashes[i] == hash && finished->ids[i] != NULL && strcmp(finished->ids[i], instruction_id) == 0)
            return true;
    return false;
}

void beamc_finished_cleanup(beamc_finished_instructions *finished) {
    for (size_t i = 0; i < BEAMC_FINISHED_KEPT; i++) {
        free(finished->ids[i]);
        finished->ids[i] = NULL;
    }
}
