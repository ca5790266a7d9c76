/* The type of a column of a stream source, as the config file declares it: "Int64", {"array": TYPE},
 * {"map": TYPE} (string keys) or {"struct": {"<name>": TYPE}}. Read-only once read. */
#ifndef TESTS_EMULATOR_COLUMN_TYPE_H
#define TESTS_EMULATOR_COLUMN_TYPE_H

#include "sdk_harness/base/byte_buffer.h"
#include "sdk_harness/base/status.h"

#include <stdint.h>

struct cJSON;

typedef enum {
    EMU_INT32,
    EMU_INT64,
    EMU_FLOAT32,
    EMU_FLOAT64,
    EMU_STRING,
    EMU_BOOL,
    EMU_TIMESTAMP,
    EMU_ARRAY,
    EMU_MAP,
    EMU_STRUCT
} emu_type_kind;

typedef struct emu_column emu_column;

typedef struct emu_type {
    emu_type_kind kind;
    struct emu_type *element; /* ARRAY, MAP */
    emu_column *fields;       /* STRUCT, in the order of the config */
    uint32_t num_fields;
} emu_type;

/* A column of a source or a field of a struct. */
struct emu_column {
    char *name;
    uint32_t name_len;
    emu_type type;
};

enum {
    EMU_MAX_TYPE_DEPTH = 32, /* types inside types */
    EMU_MAX_COLUMNS = 1024   /* of one source or struct */
};

/* emu_type_read fills `out`, which emu_type_cleanup releases whatever came of it. BEAMC_INVALID says what is
 * not a type. */
beamc_status emu_type_read(const struct cJSON *json, emu_type *out, beamc_error *err);
void emu_type_cleanup(emu_type *type);

/* emu_columns_read reads {"<name>": TYPE, ...}; free each with emu_columns_free. Names are letters, digits and
 * single underscores, as Tecton demands. */
beamc_status emu_columns_read(const struct cJSON *json, emu_column **out, uint32_t *num_out, beamc_error *err);
void emu_columns_free(emu_column *columns, uint32_t num_columns);

/* emu_type_name: "Int64", "array", ... for messages. */
const char *emu_type_name(emu_type_kind kind);

/* emu_type_describe appends the type as the read API's metadata spells it: {"type":"int64"}, and for arrays
 * {"type":"array","elementType":{...}}. Int32 is stored as int64. */
void emu_type_describe(beamc_byte_buffer *out, const emu_type *type);

#endif
