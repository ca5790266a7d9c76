#include "sdk_harness/base/arena.h"

#include <stdlib.h>

enum {
    FIRST_BLOCK_BYTES = 16 * 1024,
    KEPT_BLOCK_BYTES = 256 * 1024 /* a larger block is given back at reset */
};

struct beamc_arena_block {
    beamc_arena_block *older;
    size_t size;
    _Alignas(16) uint8_t bytes[];
};

void beamc_arena_init(beamc_arena *arena, size_t ceiling) {
    *arena = (beamc_arena){.ceiling = ceiling};
}

void *beamc_arena_take_slow(beamc_arena *arena, size_t size) {
    if (size > arena->ceiling || size > SIZE_MAX - 16)
        return NULL;
    size_t rounded = (size + (size == 0) + 15U) & ~(size_t)15U;
    size_t in_current = arena->current == NULL ? 0 : (size_t)(arena->at - arena->current->bytes);
    size_t total = arena->used + in_current;
    if (total > arena->ceiling || rounded > arena->ceiling - total)
        return NULL;
    size_t block_size = arena->current == NULL ? FIRST_BLOCK_BYTES : arena->current->size * 2;
    if (block_size > KEPT_BLOCK_BYTES)
        block_size = KEPT_BLOCK_BYTES;
    if (block_size < rounded)
        block_size = rounded;
    beamc_arena_block *block = malloc(sizeof *block + block_size);
    if (block == NULL)
        return NULL;
    block->older = arena->current;
    block->size = block_size;
    arena->used = total;
    arena->current = block;
    arena->at = block->bytes + rounded;
    arena->end = block->bytes + block_size;
    return block->bytes;
}

void beamc_arena_reset(beamc_arena *arena) {
    beamc_arena_block *kept = arena->current;
    if (kept == NULL)
        return;
    while (kept->older != NULL) {
        beamc_arena_block *older = kept->older;
        kept->older = older->older;
        free(older);
    }
    arena->used = 0;
    if (kept->size > KEPT_BLOCK_BYTES) {
        free(kept);
        arena->current = NULL;
        arena->at = arena->end = NULL;
        return;
    }
    arena->at = kept->bytes;
}

void beamc_arena_cleanup(beamc_arena *arena) {
    while (arena->current != NULL) {
        beamc_arena_block *block = arena->current;
        arena->current = block->older;
        free(block);
    }
    arena->at = arena->end = NULL;
    arena->used = 0;
}
