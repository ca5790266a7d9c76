#include "worker/records/seen_keys.h"

#include "sdk_harness/base/alloc.h"
#include "sdk_harness/base/fnv1a.h"

#include <stdlib.h>
#include <string.h>

enum { NUM_SLOTS = 2 * TECTON_SEEN_KEYS, FIRST_SLOTS = 256 };

struct tecton_seen_keys {
    size_t indexes[TECTON_MAX_KEY_FIELDS + 1]; /* of the keys, then of the time where a field holds it */
    size_t num_indexes;
    bool time_from_element;
    uint64_t *slots; /* open addressing; 0 is empty */
    size_t num_slots;
    size_t num_keys;
};

tecton_seen_keys *tecton_seen_keys_new(const beamc_schema *schema, const tecton_sink_config *config) {
    const char *time = config->timestamp_field;
    if (config->key_fields == NULL || (time == NULL && config->timestamp_from_element == NULL))
        return NULL;
    tecton_seen_keys *seen = beamc_alloc_zero(1, sizeof *seen);
    if (tecton_find_key_fields(schema, config->key_fields, seen->indexes, &seen->num_indexes, NULL) != BEAMC_OK ||
        seen->num_indexes == 0) {
        free(seen);
        return NULL;
    }
    long index = time == NULL ? -1 : beamc_schema_find(schema, time);
    seen->time_from_element = index < 0;
    if (index >= 0)
        seen->indexes[seen->num_indexes++] = (size_t)index;
    seen->num_slots = FIRST_SLOTS;
    seen->slots = beamc_alloc_zero(seen->num_slots, sizeof *seen->slots);
    return seen;
}

void tecton_seen_keys_free(tecton_seen_keys *seen) {
    if (seen == NULL)
        return;
    free(seen->slots);
    free(seen);
}

static uint64_t sum_value(uint64_t sum, const beamc_value *value) {
    sum = beamc_fnv1a(sum, &value->kind, sizeof value->kind);
    switch (value->kind) {
    case BEAMC_VALUE_NULL:
        return sum;
    case BEAMC_VALUE_BOOLEAN:
        return beamc_fnv1a(sum, &value->as.boolean, sizeof value->as.boolean);
    case BEAMC_VALUE_INTEGER:
        return beamc_fnv1a(sum, &value->as.integer, sizeof value->as.integer);
    case BEAMC_VALUE_FLOAT:
    case BEAMC_VALUE_DOUBLE:
        return beamc_fnv1a(sum, &value->as.real, sizeof value->as.real);
    case BEAMC_VALUE_STRING:
    case BEAMC_VALUE_BYTES:
        sum = beamc_fnv1a(sum, &value->as.bytes.len, sizeof value->as.bytes.len);
        return beamc_fnv1a(sum, value->as.bytes.data, value->as.bytes.len);
    case BEAMC_VALUE_TIMESTAMP:
        sum = beamc_fnv1a(sum, &value->as.time.seconds, sizeof value->as.time.seconds);
        return beamc_fnv1a(sum, &value->as.time.nanos, sizeof value->as.time.nanos);
    case BEAMC_VALUE_DECIMAL:
        sum = beamc_fnv1a(sum, &value->as.decimal.scale, sizeof value->as.decimal.scale);
        return beamc_fnv1a(sum, value->as.decimal.unscaled, value->as.decimal.unscaled_len);
    case BEAMC_VALUE_ARRAY:
    case BEAMC_VALUE_ROW:
    case BEAMC_VALUE_TUPLE:
        for (size_t i = 0; i < value->as.items.count; i++)
            sum = sum_value(sum, &value->as.items.data[i]);
        return sum;
    case BEAMC_VALUE_MAP:
        for (size_t i = 0; i < 2 * value->as.items.count; i++)
            sum = sum_value(sum, &value->as.items.data[i]);
        return sum;
    case BEAMC_VALUE_WINDOW:
        return beamc_fnv1a(sum, &value->as.window.end_ms, sizeof value->as.window.end_ms);
    }
    return sum;
}

/* True when `sum` was there. */
static bool put(uint64_t *slots, size_t num_slots, uint64_t sum) {
    size_t at = (size_t)(sum ^ sum >> 32) & (num_slots - 1);
    while (slots[at] != 0 && slots[at] != sum)
        at = (at + 1) & (num_slots - 1);
    bool there = slots[at] == sum;
    slots[at] = sum;
    return there;
}

static void grow(tecton_seen_keys *seen) {
    size_t num_slots = seen->num_slots * 4 < NUM_SLOTS ? seen->num_slots * 4 : NUM_SLOTS;
    uint64_t *slots = beamc_alloc_zero(num_slots, sizeof *slots);
    for (size_t i = 0; i < seen->num_slots; i++) {
        if (seen->slots[i] != 0)
            (void)put(slots, num_slots, seen->slots[i]);
    }
    free(seen->slots);
    seen->slots = slots;
    seen->num_slots = num_slots;
}

bool tecton_seen_keys_add(tecton_seen_keys *seen, const beamc_value *fields, int64_t event_time_ms) {
    if (seen->num_keys == TECTON_SEEN_KEYS)
        return false;
    uint64_t sum = BEAMC_FNV1A_START;
    for (size_t i = 0; i < seen->num_indexes; i++)
        sum = sum_value(sum, &fields[seen->indexes[i]]);
    if (seen->time_from_element)
        sum = beamc_fnv1a(sum, &event_time_ms, sizeof event_time_ms);
    if (sum == 0)
        sum = 1;
    if (seen->num_keys * 2 >= seen->num_slots)
        grow(seen);
    if (put(seen->slots, seen->num_slots, sum))
        return true;
    seen->num_keys++;
    return false;
}

void tecton_seen_keys_clear(tecton_seen_keys *seen) {
    if (seen->num_keys > 0)
        memset(seen->slots, 0, seen->num_slots * sizeof *seen->slots);
    seen->num_keys = 0;
}
