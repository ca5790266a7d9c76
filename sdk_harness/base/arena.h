/* Memory that is dropped all at once: what is decoded for one element lives here until the next element.
 *
 * Not thread-safe; one arena belongs to one bundle. */
#ifndef SDK_HARNESS_BASE_ARENA_H
#define SDK_HARNESS_BASE_ARENA_H

#include <stddef.h>
#include <stdint.h>

typedef struct beamc_arena_block beamc_arena_block;

typedef struct {
    beamc_arena_block *current; /* newest first */
    uint8_t *at;
    uint8_t *end;
    size_t used;    /* bytes in all blocks but the current one */
    size_t ceiling; /* bytes; a request past it returns NULL */
} beamc_arena;

/* beamc_arena_init: `ceiling` bounds the bytes handed out between two resets. Allocates nothing yet. */
void beamc_arena_init(beamc_arena *arena, size_t ceiling);

/* beamc_arena_take returns `size` bytes aligned for any type, or NULL past the ceiling. Borrowed until reset. */
void *beamc_arena_take_slow(beamc_arena *arena, size_t size);
static inline void *beamc_arena_take(beamc_arena *arena, size_t size) {
    size_t rounded = (size + (size == 0) + 15U) & ~(size_t)15U;
    if (rounded >= size && rounded <= (size_t)(arena->end - arena->at)) {
        void *memory = arena->at;
        arena->at += rounded;
        return memory;
    }
    return beamc_arena_take_slow(arena, size);
}

/* beamc_arena_reset drops everything but keeps one block of moderate size for the next use. */
void beamc_arena_reset(beamc_arena *arena);

/* beamc_arena_cleanup frees all; the arena may be used again after another init. */
void beamc_arena_cleanup(beamc_arena *arena);

#endif
