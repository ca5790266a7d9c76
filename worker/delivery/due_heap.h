/* Things that are due at some time, soonest first. Entries live inside what they stand for. Not thread-safe. */
#ifndef WORKER_DELIVERY_DUE_HEAP_H
#define WORKER_DELIVERY_DUE_HEAP_H

#include <stddef.h>
#include <stdint.h>

typedef struct {
    uint64_t due_ms;
    size_t index; /* the heap's */
} tecton_due_entry;

/* Zero is empty. */
typedef struct {
    tecton_due_entry **entries;
    size_t num_entries;
    size_t capacity;
} tecton_due_heap;

void tecton_due_heap_add(tecton_due_heap *heap, tecton_due_entry *entry, uint64_t due_ms);
void tecton_due_heap_remove(tecton_due_heap *heap, tecton_due_entry *entry);

/* tecton_due_heap_first returns the soonest entry, or NULL. */
tecton_due_entry *tecton_due_heap_first(const tecton_due_heap *heap);

/* tecton_due_heap_next_ms returns when the soonest entry is due; UINT64_MAX when there is none. */
uint64_t tecton_due_heap_next_ms(const tecton_due_heap *heap);

void tecton_due_heap_cleanup(tecton_due_heap *heap);

#endif
