/* What the files of the standard coders share. */
#ifndef SDK_HARNESS_CODERS_CODER_INTERNAL_H
#define SDK_HARNESS_CODERS_CODER_INTERNAL_H

#include "sdk_harness/coders/coder.h"

enum { BEAMC_CODER_MAX_COMPONENTS = 2 };

typedef struct {
    const char *urn; /* NULL ends a table */
    unsigned num_components;
    enum { PAYLOAD_IGNORED, PAYLOAD_SCHEMA, PAYLOAD_VALUE } payload;
    bool component_may_be_unknown; /* then its value is opaque bytes */
    beamc_status (*decode)(const beamc_coder *coder, beamc_byte_reader *in, bool nested, beamc_arena *arena,
                           beamc_value *out, beamc_error *err);
    beamc_status (*encode)(const beamc_coder *coder, const beamc_value *value, bool nested, beamc_byte_buffer *out,
                           beamc_error *err);
} beamc_coder_kind;

struct beamc_coder {
    const beamc_coder_kind *kind;
    beamc_coder *components[BEAMC_CODER_MAX_COMPONENTS];
    beamc_schema *schema; /* row */
    uint8_t *payload;     /* param_windowed_value: what every element has but its value */
    size_t payload_len;
};

extern const beamc_coder_kind beamc_value_coder_kinds[];
extern const beamc_coder_kind beamc_window_coder_kinds[];

/* A list of values that grows in the arena as they come: counts on the wire may lie. */
typedef struct {
    beamc_value *data;
    size_t count;
    size_t capacity;
} beamc_value_list;

beamc_status beamc_value_list_next(beamc_value_list *list, beamc_byte_reader *in, beamc_arena *arena, beamc_value **out,
                                   beamc_error *err);

/* beamc_decode_items appends `count` values of `element`, nested. */
beamc_status beamc_decode_items(const beamc_coder *element, uint64_t count, beamc_byte_reader *in, beamc_arena *arena,
                                beamc_value_list *list, beamc_error *err);

static inline beamc_value beamc_list_value(const beamc_value_list *list) {
    return (beamc_value){.kind = BEAMC_VALUE_ARRAY, .as.items = {.data = list->data, .count = list->count}};
}

beamc_status beamc_new_items(beamc_byte_reader *in, beamc_arena *arena, size_t count, beamc_value **out,
                             beamc_error *err);

static inline beamc_value beamc_tuple_value(beamc_value *items, size_t count) {
    return (beamc_value){.kind = BEAMC_VALUE_TUPLE, .as.items = {.data = items, .count = count}};
}

static inline bool beamc_is_tuple(const beamc_value *value, size_t count) {
    return value->kind == BEAMC_VALUE_TUPLE && value->as.items.count == count;
}

beamc_status beamc_wrong_kind(const beamc_coder *coder, const beamc_value *value, beamc_error *err);

/* Bytes or a string, as `kind` says: behind a length, or all that is left. */
beamc_status beamc_decode_text(beamc_byte_reader *in, bool nested, beamc_arena *arena, beamc_value_kind kind,
                               beamc_value *out, beamc_error *err);
beamc_status beamc_encode_text(const beamc_coder *coder, const beamc_value *value, bool nested, beamc_value_kind kind,
                               beamc_byte_buffer *out, beamc_error *err);

#endif
