/* What a row's record needs to be written, decided once from its schema and the configuration. Private to this folder;
 * immutable after it is made. */
#ifndef WORKER_RECORDS_RECORD_PLAN_H
#define WORKER_RECORDS_RECORD_PLAN_H

#include "worker/records/row_to_record.h"

enum {
    TECTON_PREFIX_STEP = 16 /* bytes copied at once: one instruction, where a copy of the exact length is a call */
};

typedef enum {
    OP_BOOLEAN,
    OP_BYTE,
    OP_INTEGER,
    OP_INT64_AUTO,
    OP_INT64_NUMBER,
    OP_INT64_STRING,
    OP_UINT64,
    OP_FLOAT,
    OP_DOUBLE,
    OP_STRING,
    OP_BASE64,
    OP_TIMESTAMP,
    OP_GO_TIME,
    OP_DATE,
    OP_TIME,
    OP_DATETIME,
    OP_JAVA_DATE,
    OP_JAVA_TIME,
    OP_DECIMAL,
    OP_UUID,
    OP_ENUM,
    OP_ONE_OF,
    OP_ARRAY,
    OP_MAP,
    OP_ROW
} tecton_plan_op;

typedef struct tecton_row_plan tecton_row_plan;

typedef struct tecton_type_plan {
    tecton_plan_op op;
    uint8_t fraction_digits;          /* TIMESTAMP */
    struct tecton_type_plan *element; /* ARRAY, MAP */
    tecton_row_plan *row;             /* ROW, ONE_OF */
    const char *const *enum_names;    /* ENUM: the schema's */
    uint32_t num_enum_names;
} tecton_type_plan;

typedef struct {
    tecton_type_plan type;
    char *prefix; /* `{"name":` for the first field, `,"name":` for the others; padded to whole steps */
    size_t prefix_len;
    const char *name; /* the schema's */
} tecton_field_plan;

struct tecton_row_plan {
    size_t num_fields;
    tecton_field_plan *fields;
};

struct tecton_record_plan {
    tecton_non_finite non_finite;
    tecton_plan_op int64_op; /* one of the three */
    tecton_row_plan *row;
    char *event_time_prefix; /* `,"name":` of the column that timestamp_from_element adds, or NULL */
};

static inline size_t tecton_padded_prefix_len(size_t len) {
    return (len + TECTON_PREFIX_STEP - 1) / TECTON_PREFIX_STEP * TECTON_PREFIX_STEP;
}

#endif
