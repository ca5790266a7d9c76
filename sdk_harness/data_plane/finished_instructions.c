#include "sdk_harness/data_plane/finished_instructions.h"

#include "sdk_harness/base/alloc.h"

#include <stdlib.h>
#include <string.h>

void beamc_finished_add(beamc_finished_instructions *finished, const char *instruction_id) {
    free(finished->ids[finished->next]);
    finished->ids[finished->next] = beamc_strdup(instruction_id);
    finished->next = (finished->next + 1) % BEAMC_FINISHED_KEPT;
}

bool beamc_finished_has(const beamc_finished_instructions *finished, const char *instruction_id) {
    for (size_t i = 0; i < BEAMC_FINISHED_KEPT; i++)
        if (finished->ids[i] != NULL && strcmp(finished->ids[i], instruction_id) == 0)
            return true;
    return false;
}

void beamc_finished_cleanup(beamc_finished_instructions *finished) {
    for (size_t i = 0; i < BEAMC_FINISHED_KEPT; i++) {
        free(finished->ids[i]);
        finished->ids[i] = NULL;
    }
}
