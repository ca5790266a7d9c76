#include "tests/emulator/feature_store_memory.h"

#include "sdk_harness/base/alloc.h"

#include <stdlib.h>
#include <string.h>

enum { FIRST_SLOTS = 64, NONE = 0 };

typedef struct {
    uint64_t hash;
    char *text;
    char *row; /* of the newest event; for aggregate views borrowed from that event */
    emu_timestamp newest;
    uint32_t text_len;
    uint32_t row_len;
    uint32_t num_events;
} key_entry;

typedef struct {
    emu_timestamp at;
    uint32_t key; /* index */
    uint32_t row_len;
    char *row; /* aggregate views only */
} event_entry;

/* Entries in order of arrival, and open addressing over them: a slot holds an index plus 1, or NONE. */
typedef struct {
    uint32_t *slots;
    size_t num_slots; /* power of two, at most half filled */
    size_t num_entries;
    size_t capacity;
} hash_index;

typedef struct {
    bool aggregate;
    hash_index key_index;
    key_entry *keys;
    hash_index event_index;
    event_entry *events;
} view_store;

struct emu_store {
    view_store *views;
    uint32_t num_views;
    uint64_t num_events;
    uint64_t max_events;
    uint64_t num_bytes;
};

static uint64_t mix(uint64_t value) {
    value ^= value >> 33;
    value *= UINT64_C(0xff51afd7ed558ccd);
    value ^= value >> 33;
    value *= UINT64_C(0xc4ceb9fe1a85ec53);
    return value ^ value >> 33;
}

static uint64_t hash_text(const char *text, size_t len) {
    uint64_t hash = len;
    while (len >= 8) {
        uint64_t word;
        memcpy(&word, text, 8);
        hash = mix(hash ^ word);
        text += 8;
        len -= 8;
    }
    uint64_t rest = 0;
    memcpy(&rest, text, len);
    return mix(hash ^ rest ^ (uint64_t)len << 56);
}

static uint64_t hash_event(uint32_t key, emu_timestamp at) {
    return mix(mix((uint64_t)at.seconds) ^ (uint64_t)(uint32_t)at.nanos << 32 ^ key);
}

static uint64_t hash_of_event_entry(const event_entry *event) {
    return hash_event(event->key, event->at);
}

static void place(hash_index *index, uint64_t hash, size_t entry) {
    size_t slot = hash & (index->num_slots - 1);
    while (index->slots[slot] != NONE)
        slot = (slot + 1) & (index->num_slots - 1);
    index->slots[slot] = (uint32_t)entry + 1;
}

/* Makes room in the slots for one entry more; the caller places all entries again when this returns true. */
static bool double_slots(hash_index *index) {
    if (index->num_slots > 0 && (index->num_entries + 1) * 2 <= index->num_slots)
        return false;
    index->num_slots = index->num_slots == 0 ? FIRST_SLOTS : index->num_slots * 2;
    free(index->slots);
    index->slots = beamc_alloc_zero(index->num_slots, sizeof *index->slots);
    return true;
}

static void *grow_entries(hash_index *index, void *entries, size_t entry_size) {
    if (index->num_entries < index->capacity)
        return entries;
    index->capacity = index->capacity == 0 ? FIRST_SLOTS / 2 : index->capacity * 2;
    return beamc_realloc(entries, index->capacity * entry_size);
}

static key_entry *find_key(const view_store *view, uint64_t hash, const char *text, uint32_t len) {
    const hash_index *index = &view->key_index;
    if (index->num_slots == 0)
        return NULL;
    for (size_t slot = hash & (index->num_slots - 1); index->slots[slot] != NONE;
         slot = (slot + 1) & (index->num_slots - 1)) {
        key_entry *key = &view->keys[index->slots[slot] - 1];
        if (key->hash == hash && key->text_len == len && memcmp(key->text, text, len) == 0)
            return key;
    }
    return NULL;
}

static event_entry *find_event(const view_store *view, uint64_t hash, uint32_t key, emu_timestamp at) {
    const hash_index *index = &view->event_index;
    if (index->num_slots == 0)
        return NULL;
    for (size_t slot = hash & (index->num_slots - 1); index->slots[slot] != NONE;
         slot = (slot + 1) & (index->num_slots - 1)) {
        event_entry *event = &view->events[index->slots[slot] - 1];
        if (event->key == key && emu_timestamp_compare(event->at, at) == 0)
            return event;
    }
    return NULL;
}

static key_entry *add_key(emu_store *store, view_store *view, uint64_t hash, const emu_store_write *write) {
    hash_index *index = &view->key_index;
    if (double_slots(index))
        for (size_t i = 0; i < index->num_entries; i++)
            place(index, view->keys[i].hash, i);
    view->keys = grow_entries(index, view->keys, sizeof *view->keys);
    place(index, hash, index->num_entries);
    key_entry *key = &view->keys[index->num_entries++];
    *key = (key_entry){.hash = hash,
                       .text = beamc_strndup(write->key, write->key_len),
                       .text_len = write->key_len,
                       .newest = write->at};
    store->num_bytes += write->key_len;
    return key;
}

static event_entry *add_event(emu_store *store, view_store *view, uint64_t hash, uint32_t key, emu_timestamp at) {
    hash_index *index = &view->event_index;
    if (double_slots(index))
        for (size_t i = 0; i < index->num_entries; i++)
            place(index, hash_of_event_entry(&view->events[i]), i);
    view->events = grow_entries(index, view->events, sizeof *view->events);
    place(index, hash, index->num_entries);
    event_entry *event = &view->events[index->num_entries++];
    *event = (event_entry){.at = at, .key = key};
    store->num_events++;
    return event;
}

static void replace_row(emu_store *store, char **row, uint32_t *row_len, const emu_store_write *write) {
    if (*row == NULL || *row_len != write->row_len) {
        store->num_bytes += write->row_len;
        store->num_bytes -= *row == NULL ? 0 : *row_len;
        *row = beamc_realloc(*row, write->row_len);
    }
    memcpy(*row, write->row, write->row_len);
    *row_len = write->row_len;
}

static void write_one(emu_store *store, const emu_store_write *write) {
    view_store *view = &store->views[write->view];
    uint64_t key_hash = hash_text(write->key, write->key_len);
    key_entry *key = find_key(view, key_hash, write->key, write->key_len);
    if (key == NULL)
        key = add_key(store, view, key_hash, write);
    uint32_t key_at = (uint32_t)(key - view->keys);
    uint64_t event_hash = hash_event(key_at, write->at);
    event_entry *event = find_event(view, event_hash, key_at, write->at);
    if (event == NULL) {
        event = add_event(store, view, event_hash, key_at, write->at);
        key->num_events++;
    }
    bool not_older = emu_timestamp_compare(write->at, key->newest) >= 0;
    if (view->aggregate) {
        replace_row(store, &event->row, &event->row_len, write);
        if (not_older) {
            key->row = event->row;
            key->row_len = event->row_len;
        }
    } else if (not_older) {
        replace_row(store, &key->row, &key->row_len, write);
    }
    if (not_older)
        key->newest = write->at;
}

emu_store *emu_store_new(uint32_t num_views, const bool *aggregate, uint64_t max_events) {
    emu_store *store = beamc_alloc_zero(1, sizeof *store);
    store->views = beamc_alloc_zero(num_views, sizeof *store->views);
    store->num_views = num_views;
    store->max_events = max_events;
    for (uint32_t i = 0; i < num_views; i++)
        store->views[i].aggregate = aggregate[i];
    return store;
}

void emu_store_clear(emu_store *store) {
    for (uint32_t i = 0; i < store->num_views; i++) {
        view_store *view = &store->views[i];
        for (size_t k = 0; k < view->key_index.num_entries; k++) {
            free(view->keys[k].text);
            if (!view->aggregate)
                free(view->keys[k].row);
        }
        for (size_t e = 0; e < view->event_index.num_entries; e++)
            free(view->events[e].row);
        free(view->keys);
        free(view->events);
        free(view->key_index.slots);
        free(view->event_index.slots);
        *view = (view_store){.aggregate = view->aggregate};
    }
    store->num_events = 0;
    store->num_bytes = 0;
}

void emu_store_free(emu_store *store) {
    emu_store_clear(store);
    free(store->views);
    free(store);
}

/* How many of the writes are events not seen before; a key and time twice in the batch counts twice, which
 * errs on the side of refusing. */
static size_t count_new_events(const emu_store *store, const emu_store_write *writes, size_t num_writes) {
    size_t count = 0;
    for (size_t i = 0; i < num_writes; i++) {
        const view_store *view = &store->views[writes[i].view];
        const key_entry *key =
            find_key(view, hash_text(writes[i].key, writes[i].key_len), writes[i].key, writes[i].key_len);
        uint32_t key_at = key == NULL ? 0 : (uint32_t)(key - view->keys);
        if (key == NULL || find_event(view, hash_event(key_at, writes[i].at), key_at, writes[i].at) == NULL)
            count++;
    }
    return count;
}

bool emu_store_write_all(emu_store *store, const emu_store_write *writes, size_t num_writes) {
    uint64_t bytes = store->num_bytes;
    for (size_t i = 0; i < num_writes; i++)
        bytes += (uint64_t)writes[i].key_len + writes[i].row_len;
    if (bytes > EMU_STORE_MAX_BYTES)
        return false;
    if (store->num_events + num_writes > store->max_events &&
        store->num_events + count_new_events(store, writes, num_writes) > store->max_events)
        return false;
    for (size_t i = 0; i < num_writes; i++)
        write_one(store, &writes[i]);
    return true;
}

bool emu_store_read(const emu_store *store, uint32_t view, const char *key, uint32_t key_len, emu_store_row *out) {
    const key_entry *found = find_key(&store->views[view], hash_text(key, key_len), key, key_len);
    if (found == NULL)
        return false;
    *out = (emu_store_row){
        .at = found->newest, .num_events = found->num_events, .row = found->row, .row_len = found->row_len};
    return true;
}

void emu_store_visit(const emu_store *store, uint32_t view_at, emu_store_visitor visit, void *context) {
    const view_store *view = &store->views[view_at];
    if (view->aggregate) {
        for (size_t i = 0; i < view->event_index.num_entries; i++)
            if (!visit(context, view->events[i].at, view->events[i].row, view->events[i].row_len))
                return;
        return;
    }
    for (size_t i = 0; i < view->key_index.num_entries; i++)
        if (!visit(context, view->keys[i].newest, view->keys[i].row, view->keys[i].row_len))
            return;
}

uint64_t emu_store_num_keys(const emu_store *store, uint32_t view) {
    return store->views[view].key_index.num_entries;
}

uint64_t emu_store_num_events(const emu_store *store, uint32_t view) {
    return store->views[view].event_index.num_entries;
}
