/* One JSON value against one declared type, strictly, and its stored form.
 *
 * The stored form is the JSON text that the read API answers with: integers as decimal strings, timestamps in
 * UTC, everything else as it was sent; equal values of join keys have equal stored forms. Pure. */
#ifndef TESTS_EMULATOR_VALUE_CHECK_H
#define TESTS_EMULATOR_VALUE_CHECK_H

#include "tests/emulator/column_type.h"
#include "tests/emulator/emulator_config.h"
#include "tests/emulator/iso_timestamp.h"
#include "tests/emulator/strict_json.h"

#include <stdbool.h>

/* Where a value stands; built on the stack while descending, read only to word an error. */
typedef struct emu_value_path {
    const struct emu_value_path *outer; /* NULL for the column itself */
    const char *name;                   /* of the column or field; "[]" for elements of arrays and maps */
} emu_value_path;

typedef struct {
    emu_int64_form int64; /* in: how Int64 may be spelled */
    emu_timestamp at;     /* out: of the last Timestamp that was read */
    char why[512];        /* out: on failure, the path and what is wrong, without contents of the record */
} emu_value_check_state;

/* emu_value_check appends the stored form of `value` to `stored`; null is good for every type. False: not of
 * the type; state->why says where and why, and `stored` holds rubbish. */
bool emu_value_check(emu_value_check_state *state, const emu_type *type, const emu_json *value,
                     const emu_value_path *path, beamc_byte_buffer *stored);

#endif
