#include "worker/delivery/due_heap.h"

#include "sdk_harness/base/alloc.h"

#include <stdlib.h>

static void put(tecton_due_heap *heap, tecton_due_entry *entry, size_t index) {
    heap->entries[index] = entry;
    entry->index = index;
}

static void rise(tecton_due_heap *heap, tecton_due_entry *entry) {
    size_t index = entry->index;
    while (index > 0 && heap->entries[(index - 1) / 2]->due_ms > entry->due_ms) {
        put(heap, heap->entries[(index - 1) / 2], index);
        index = (index - 1) / 2;
    }
    put(heap, entry, index);
}

static void sink(tecton_due_heap *heap, tecton_due_entry *entry) {
    size_t index = entry->index;
    for (;;) {
        size_t child = 2 * index + 1;
        if (child >= heap->num_entries)
            break;
        if (child + 1 < heap->num_entries && heap->entries[child + 1]->due_ms < heap->entries[child]->due_ms)
            child++;
        if (heap->entries[child]->due_ms >= entry->due_ms)
            break;
        put(heap, heap->entries[child], index);
        index = child;
    }
    put(heap, entry, index);
}

void tecton_due_heap_add(tecton_due_heap *heap, tecton_due_entry *entry, uint64_t due_ms) {
    if (heap->num_entries == heap->capacity) {
        heap->capacity = heap->capacity == 0 ? 64 : heap->capacity * 2;
        heap->entries = beamc_realloc(heap->entries, heap->capacity * sizeof(tecton_due_entry *));
    }
    entry->due_ms = due_ms;
    put(heap, entry, heap->num_entries++);
    rise(heap, entry);
}

void tecton_due_heap_remove(tecton_due_heap *heap, tecton_due_entry *entry) {
    size_t index = entry->index;
    tecton_due_entry *last = heap->entries[--heap->num_entries];
    if (last == entry)
        return;
    put(heap, last, index);
    rise(heap, last);
    sink(heap, last);
}

tecton_due_entry *tecton_due_heap_first(const tecton_due_heap *heap) {
    return heap->num_entries == 0 ? NULL : heap->entries[0];
}

uint64_t tecton_due_heap_next_ms(const tecton_due_heap *heap) {
    return heap->num_entries == 0 ? UINT64_MAX : heap->entries[0]->due_ms;
}

void tecton_due_heap_cleanup(tecton_due_heap *heap) {
    free(heap->entries);
    *heap = (tecton_due_heap){0};
}
