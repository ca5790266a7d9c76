/* Reads one JSON text (RFC 8259) into a tree, refusing everything the grammar does not allow.
 *
 * cJSON reads what the tester writes (config, fault scripts); what the client under test sends is read here,
 * because cJSON takes leading zeros, raw control characters and broken UTF-8, cuts strings at U+0000 and
 * keeps numbers as doubles only, and would so hide faults of a hand-made JSON writer. Not thread-safe as far
 * as one arena goes. */
#ifndef TESTS_EMULATOR_STRICT_JSON_H
#define TESTS_EMULATOR_STRICT_JSON_H

#include "sdk_harness/base/arena.h"
#include "sdk_harness/base/status.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef enum {
    EMU_JSON_NULL,
    EMU_JSON_FALSE,
    EMU_JSON_TRUE,
    EMU_JSON_NUMBER,
    EMU_JSON_STRING,
    EMU_JSON_ARRAY,
    EMU_JSON_OBJECT
} emu_json_kind;

typedef struct emu_json emu_json;
struct emu_json {
    emu_json *next;    /* the following element or member */
    emu_json *first;   /* of an array or object */
    const char *text;  /* STRING: decoded; NUMBER: as it stands in the input. Not terminated */
    const char *name;  /* decoded name of a member, not terminated; NULL outside objects */
    uint32_t text_len; /* bytes */
    uint32_t name_len;
    uint32_t name_hash;
    uint32_t num_children;
    emu_json_kind kind;
    bool escaped; /* STRING: the input held an escape, so `text` differs from it */
};

enum { EMU_JSON_MAX_DEPTH = 64 /* nested arrays and objects; deeper is an error */ };

/* emu_json_read reads all of `text`. Nodes lie in `arena`; strings borrow from `text` where they can.
 * BEAMC_INVALID: not JSON, broken UTF-8, a lone surrogate, a name twice in one object, or too deep; the error
 * names the byte and never the contents. BEAMC_LIMIT: the arena is full. */
beamc_status emu_json_read(const char *text, size_t len, beamc_arena *arena, emu_json **out, beamc_error *err);

/* emu_json_member finds a member by name, or returns NULL. Linear: for small objects. */
const emu_json *emu_json_member(const emu_json *object, const char *name);

/* emu_json_is compares a string's decoded text. */
bool emu_json_is(const emu_json *value, const char *text);

/* emu_json_kind_name: "a string", "null", ... for messages. */
const char *emu_json_kind_name(emu_json_kind kind);

#endif
