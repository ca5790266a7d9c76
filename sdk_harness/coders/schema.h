/* The type of a row, turned once from Beam's Schema message into a table that coders and sinks read.
 *
 * A schema is immutable after parsing; any thread may read it. Wire source: schema.proto. */
#ifndef SDK_HARNESS_CODERS_SCHEMA_H
#define SDK_HARNESS_CODERS_SCHEMA_H

#include "sdk_harness/base/status.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    BEAMC_SCHEMA_MAX_DEPTH = 100,   /* rows, arrays and maps inside one another */
    BEAMC_SCHEMA_MAX_FIELDS = 10000 /* of one row */
};

/* Kinds 1 to 9 carry the numbers of AtomicType in schema.proto. */
typedef enum {
    BEAMC_TYPE_BYTE = 1,
    BEAMC_TYPE_INT16 = 2,
    BEAMC_TYPE_INT32 = 3,
    BEAMC_TYPE_INT64 = 4,
    BEAMC_TYPE_FLOAT = 5,
    BEAMC_TYPE_DOUBLE = 6,
    BEAMC_TYPE_STRING = 7,
    BEAMC_TYPE_BOOLEAN = 8,
    BEAMC_TYPE_BYTES = 9,
    BEAMC_TYPE_ARRAY = 10,
    BEAMC_TYPE_ITERABLE = 11,
    BEAMC_TYPE_MAP = 12,
    BEAMC_TYPE_ROW = 13,
    BEAMC_TYPE_OPAQUE = 14 /* a logical type without a representation: its bytes cannot be read */
} beamc_type_kind;

/* Logical types that we know. All others keep BEAMC_LOGICAL_OTHER, or what they stand for: their bytes are their
 * representation's. The value is the representation's too, unless the comment says otherwise. */
typedef enum {
    BEAMC_LOGICAL_NONE,
    BEAMC_LOGICAL_PLAIN,          /* means what its representation means: var_char, Go's int, ... */
    BEAMC_LOGICAL_UNSIGNED,       /* Go's uint16 (INT16), uint32 (INT32), uint and uint64 (INT64): always varints. The
                                     value is an INTEGER of the same 64 bits */
    BEAMC_LOGICAL_MICROS_INSTANT, /* Row<seconds INT64, micros INT64>; a TIMESTAMP value */
    BEAMC_LOGICAL_MILLIS_INSTANT, /* 8 bytes, shifted big-endian milliseconds; a TIMESTAMP value */
    BEAMC_LOGICAL_NANOS_INSTANT,  /* Row<seconds INT64, nanos INT32>; a TIMESTAMP value */
    BEAMC_LOGICAL_TIMESTAMP,  /* Row<seconds INT64, subseconds INT16 or INT32>, precision digits; a TIMESTAMP value */
    BEAMC_LOGICAL_DECIMAL,    /* varint scale, varint length, unscaled bytes; a DECIMAL value */
    BEAMC_LOGICAL_DATE,       /* INT64 days since 1970 */
    BEAMC_LOGICAL_TIME,       /* INT64 nanoseconds of the day */
    BEAMC_LOGICAL_DATETIME,   /* Row<Date INT64, Time INT64>, as the two above */
    BEAMC_LOGICAL_ENUM,       /* INT32; the names are in enum_names */
    BEAMC_LOGICAL_ONE_OF,     /* a row of nullable fields of which one is set */
    BEAMC_LOGICAL_UUID,       /* Row<most significant INT64, least significant INT64> */
    BEAMC_LOGICAL_JAVA_DATE,  /* Java's JDBC date: a millis instant at midnight; a TIMESTAMP value */
    BEAMC_LOGICAL_JAVA_TIME,  /* Java's JDBC time: a millis instant on 1970-01-01; a TIMESTAMP value */
    BEAMC_LOGICAL_GO_TIME,    /* Go's time.Time: Row<EncodedBeamData STRING>, RFC 3339 text */
    BEAMC_LOGICAL_PYTHON_ANY, /* Python's Any: pickled bytes no other language can read */
    BEAMC_LOGICAL_OTHER
} beamc_logical;

typedef struct beamc_schema beamc_schema;
typedef struct beamc_type beamc_type;

struct beamc_type {
    beamc_type_kind kind; /* of the representation, where the type is logical */
    bool nullable;
    beamc_logical logical;
    const char *logical_urn;       /* NULL unless logical */
    const char *unknown_urn;       /* of a logical type that is not in the list above; NULL: none */
    const beamc_type *element;     /* ARRAY, ITERABLE: the element; MAP: the value */
    const beamc_type *key;         /* MAP */
    const beamc_schema *row;       /* ROW */
    const char *const *enum_names; /* ENUM: num_enum_names names by number, "" where a number has none */
    uint32_t num_enum_names;
    uint8_t precision;      /* TIMESTAMP: digits after the second, 0 to 9 */
    uint8_t num_null_marks; /* of a logical type's representations: each may be null, and has a byte for it */
};

typedef struct {
    const char *name; /* UTF-8 as sent, terminated */
    beamc_type type;
    uint32_t encoding_position; /* where the field stands on the wire */
} beamc_field;

struct beamc_schema {
    const char *id; /* UUID text, "" when absent */
    size_t num_fields;
    const beamc_field *fields;
    const uint32_t *wire_order; /* num_fields field indexes in the order of encoding; NULL: the same order */
    bool static_encoding;       /* option beam:option:row:static_encoding: no count and no null bitmap */
};

/* beamc_schema_parse reads a serialised Schema message.
 *   out   new; free with beamc_schema_free
 * BEAMC_INVALID names the field's path. */
beamc_status beamc_schema_parse(const uint8_t *message, size_t len, beamc_schema **out, beamc_error *err);

/* beamc_schema_from_message does the same for an unpacked message (Beam__Schema of protobuf-c), which is copied. */
struct Beam__Schema;
beamc_status beamc_schema_from_message(const struct Beam__Schema *message, beamc_schema **out, beamc_error *err);

void beamc_schema_free(beamc_schema *schema); /* NULL is fine */

/* beamc_schema_find returns the index of the field called `name`, or -1. */
long beamc_schema_find(const beamc_schema *schema, const char *name);

/* beamc_type_name: "INT64", "ARRAY", ...; for messages. */
const char *beamc_type_kind_name(beamc_type_kind kind);

#endif
