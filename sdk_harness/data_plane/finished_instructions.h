/* A small memory of ended bundles, so that data which comes late is dropped and does not start them anew.
 *
 * Not thread-safe; its owner has a lock. */
#ifndef SDK_HARNESS_DATA_PLANE_FINISHED_INSTRUCTIONS_H
#define SDK_HARNESS_DATA_PLANE_FINISHED_INSTRUCTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    BEAMC_FINISHED_KEPT = 1000, /* as many as the Go and Python harnesses keep */
    BEAMC_FINISHED_BUCKETS = 1024
};

typedef struct {
    char *ids[BEAMC_FINISHED_KEPT]; /* ring; NULL where empty */
    uint64_t hashes[BEAMC_FINISHED_KEPT];
    /* Every bundle asks several times, so ids are found by hash: the first place of each bucket and the next one of
     * each place, both plus one; 0 ends. */
    uint16_t buckets[BEAMC_FINISHED_BUCKETS];
    uint16_t links[BEAMC_FINISHED_KEPT];
    size_t next;
} beamc_finished_instructions;

void beamc_finished_add(beamc_finished_instructions *finished, const char *instruction_id); /* copied */
bool beamc_finished_has(const beamc_finished_instructions *finished, const char *instruction_id);
void beamc_finished_cleanup(beamc_finished_instructions *finished);

#endif
