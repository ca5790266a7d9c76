#include "sdk_harness/coders/schema.h"

#include "protos/schema.pb-c.h"
#include "sdk_harness/base/alloc.h"
#include "sdk_harness/coders/message_nesting.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* URNs of schema.proto, of the Java SDK's SchemaTranslation and of the Go SDK's logicaltypes.go; Java's
 * "beam:logical_type:javasdk_..." are its own types under a general rule. */
static const struct {
    const char *urn;
    beamc_logical logical;
} known_logical_types[] = {
    {"beam:logical_type:micros_instant:v1", BEAMC_LOGICAL_MICROS_INSTANT},
    {"beam:logical_type:millis_instant:v1", BEAMC_LOGICAL_MILLIS_INSTANT},
    {"beam:logical_type:nanos_instant:v1", BEAMC_LOGICAL_NANOS_INSTANT},
    {"beam:logical_type:timestamp:v1", BEAMC_LOGICAL_TIMESTAMP},
    {"beam:logical_type:decimal:v1", BEAMC_LOGICAL_DECIMAL},
    {"beam:logical_type:fixed_decimal:v1", BEAMC_LOGICAL_DECIMAL},
    {"beam:logical_type:fixed_bytes:v1", BEAMC_LOGICAL_PLAIN},
    {"beam:logical_type:var_bytes:v1", BEAMC_LOGICAL_PLAIN},
    {"beam:logical_type:fixed_char:v1", BEAMC_LOGICAL_PLAIN},
    {"beam:logical_type:var_char:v1", BEAMC_LOGICAL_PLAIN},
    {"beam:logical_type:date:v1", BEAMC_LOGICAL_DATE},
    {"beam:logical_type:time:v1", BEAMC_LOGICAL_TIME},
    {"beam:logical_type:datetime:v1", BEAMC_LOGICAL_DATETIME},
    {"beam:logical_type:uuid:v1", BEAMC_LOGICAL_UUID},
    {"beam:logical_type:javasdk_enum:v1", BEAMC_LOGICAL_ENUM},
    {"beam:logical_type:javasdk_oneof:v1", BEAMC_LOGICAL_ONE_OF},
    {"beam:logical_type:javasdk_date:v1", BEAMC_LOGICAL_JAVA_DATE},
    {"beam:logical_type:javasdk_time:v1", BEAMC_LOGICAL_JAVA_TIME},
    {"int", BEAMC_LOGICAL_PLAIN},
    {"int8", BEAMC_LOGICAL_PLAIN},
    {"uint", BEAMC_LOGICAL_UNSIGNED},
    {"uint16", BEAMC_LOGICAL_UNSIGNED},
    {"uint32", BEAMC_LOGICAL_UNSIGNED},
    {"uint64", BEAMC_LOGICAL_UNSIGNED},
    {"time.Time", BEAMC_LOGICAL_GO_TIME},
    {"beam:logical:pythonsdk_any:v1", BEAMC_LOGICAL_PYTHON_ANY},
};

static void type_cleanup(beamc_type *type);

static beamc_schema *mutable_schema(const beamc_schema *schema) {
    return (beamc_schema *)(uintptr_t)schema; /* ours, made below; const for readers only */
}

void beamc_schema_free(beamc_schema *schema) {
    if (schema == NULL)
        return;
    beamc_field *fields = (beamc_field *)(uintptr_t)schema->fields;
    for (size_t i = 0; i < schema->num_fields; i++) {
        free((char *)(uintptr_t)fields[i].name);
        type_cleanup(&fields[i].type);
    }
    free(fields);
    free((uint32_t *)(uintptr_t)schema->wire_order);
    free((char *)(uintptr_t)schema->id);
    free(schema);
}

static void type_free(const beamc_type *type) {
    if (type == NULL)
        return;
    beamc_type *owned = (beamc_type *)(uintptr_t)type;
    type_cleanup(owned);
    free(owned);
}

static void type_cleanup(beamc_type *type) {
    free((char *)(uintptr_t)type->logical_urn);
    free((char *)(uintptr_t)type->unknown_urn);
    for (uint32_t i = 0; i < type->num_enum_names; i++)
        free((char *)(uintptr_t)type->enum_names[i]);
    free((void *)(uintptr_t)type->enum_names);
    type_free(type->element);
    type_free(type->key);
    beamc_schema_free(mutable_schema(type->row));
    *type = (beamc_type){0};
}

static beamc_status parse_schema(const Beam__Schema *message, unsigned depth, beamc_schema **out, beamc_error *err);
static beamc_status parse_type(const Beam__FieldType *message, unsigned depth, beamc_type *type, beamc_error *err);

static beamc_status parse_inner(const Beam__FieldType *message, unsigned depth, const beamc_type **out,
                                beamc_error *err) {
    beamc_type *inner = beamc_alloc_zero(1, sizeof *inner);
    *out = inner;
    return parse_type(message, depth + 1, inner, err);
}

static bool is_row_of(const beamc_type *type, const char *first, const char *second) {
    return type->kind == BEAMC_TYPE_ROW && type->row->num_fields == 2 &&
           strcmp(type->row->fields[0].name, first) == 0 && strcmp(type->row->fields[1].name, second) == 0 &&
           type->row->fields[0].type.kind == BEAMC_TYPE_INT64 && type->row->fields[1].type.kind >= BEAMC_TYPE_INT16 &&
           type->row->fields[1].type.kind <= BEAMC_TYPE_INT64;
}

/* The bytes of an instant are read by our own rule, so its representation must be the one the rule knows. */
static bool representation_fits(const beamc_type *type) {
    switch (type->logical) {
    case BEAMC_LOGICAL_MICROS_INSTANT:
        return is_row_of(type, "seconds", "micros");
    case BEAMC_LOGICAL_NANOS_INSTANT:
        return is_row_of(type, "seconds", "nanos");
    case BEAMC_LOGICAL_TIMESTAMP:
        return is_row_of(type, "seconds", "subseconds");
    case BEAMC_LOGICAL_MILLIS_INSTANT:
    case BEAMC_LOGICAL_DATE:
    case BEAMC_LOGICAL_TIME:
        return type->kind == BEAMC_TYPE_INT64;
    case BEAMC_LOGICAL_DECIMAL:
        return type->kind == BEAMC_TYPE_BYTES;
    case BEAMC_LOGICAL_UNSIGNED:
        return type->kind >= BEAMC_TYPE_INT16 && type->kind <= BEAMC_TYPE_INT64;
    case BEAMC_LOGICAL_ENUM:
        return type->kind == BEAMC_TYPE_INT32;
    case BEAMC_LOGICAL_ONE_OF:
        return type->kind == BEAMC_TYPE_ROW;
    case BEAMC_LOGICAL_DATETIME: /* Java calls the fields Date and Time; nobody looks at the names */
    case BEAMC_LOGICAL_UUID:
        return type->kind == BEAMC_TYPE_ROW && type->row->num_fields == 2 &&
               type->row->fields[0].type.kind == BEAMC_TYPE_INT64 && type->row->fields[1].type.kind == BEAMC_TYPE_INT64;
    case BEAMC_LOGICAL_GO_TIME:
        return type->kind == BEAMC_TYPE_ROW && type->row->num_fields == 1 &&
               type->row->fields[0].type.kind == BEAMC_TYPE_STRING;
    default:
        return true;
    }
}

/* A timestamp's argument: its precision in digits. */
static beamc_status read_precision(const Beam__LogicalType *message, beamc_type *type, beamc_error *err) {
    const Beam__AtomicTypeValue *value = NULL;
    if (message->argument != NULL && message->argument->field_value_case == BEAM__FIELD_VALUE__FIELD_VALUE_ATOMIC_VALUE)
        value = message->argument->atomic_value;
    if (value == NULL || value->value_case != BEAM__ATOMIC_TYPE_VALUE__VALUE_INT32 || value->int32 < 0 ||
        value->int32 > 9)
        return beamc_fail(err, BEAMC_INVALID, "timestamp type %s has no precision from 0 to 9", message->urn);
    type->precision = (uint8_t)value->int32;
    return BEAMC_OK;
}

enum {
    MAX_ENUM_NAMES = 100000,
    MAX_MESSAGE_DEPTH = 4 * BEAMC_SCHEMA_MAX_DEPTH + 20 /* a row is four messages deep: schema, field, type, row type */
};

/* A name's number, or -1. */
static int32_t enum_number(const Beam__MapTypeEntry *entry) {
    const Beam__FieldValue *key = entry->key;
    const Beam__FieldValue *value = entry->value;
    bool named = key != NULL && key->field_value_case == BEAM__FIELD_VALUE__FIELD_VALUE_ATOMIC_VALUE &&
                 key->atomic_value->value_case == BEAM__ATOMIC_TYPE_VALUE__VALUE_STRING;
    bool numbered = value != NULL && value->field_value_case == BEAM__FIELD_VALUE__FIELD_VALUE_ATOMIC_VALUE &&
                    value->atomic_value->value_case == BEAM__ATOMIC_TYPE_VALUE__VALUE_INT32;
    return named && numbered && value->atomic_value->int32 >= 0 ? value->atomic_value->int32 : -1;
}

/* An enumeration's argument: a map of names to numbers. Names without a number from 0 on are left out. */
static beamc_status read_enum_names(const Beam__LogicalType *message, beamc_type *type, beamc_error *err) {
    if (message->argument == NULL || message->argument->field_value_case != BEAM__FIELD_VALUE__FIELD_VALUE_MAP_VALUE)
        return BEAMC_OK; /* numbers without names */
    const Beam__MapTypeValue *map = message->argument->map_value;
    int32_t largest = -1;
    for (size_t i = 0; i < map->n_entries; i++) {
        int32_t number = enum_number(map->entries[i]);
        largest = number > largest ? number : largest;
    }
    if (largest >= MAX_ENUM_NAMES)
        return beamc_fail(err, BEAMC_LIMIT, "an enumeration has the number %d, %d is the limit", (int)largest,
                          MAX_ENUM_NAMES);
    uint32_t count = (uint32_t)(largest + 1);
    char **names = beamc_alloc_zero(count, sizeof *names);
    for (size_t i = 0; i < map->n_entries; i++) {
        int32_t number = enum_number(map->entries[i]);
        if (number >= 0 && names[number] == NULL)
            names[number] = beamc_strdup(map->entries[i]->key->atomic_value->string);
    }
    for (uint32_t i = 0; i < count; i++)
        if (names[i] == NULL)
            names[i] = beamc_strdup("");
    type->enum_names = (const char *const *)names;
    type->num_enum_names = count;
    return BEAMC_OK;
}

static const beamc_logical *find_logical(const char *urn) {
    for (size_t i = 0; i < sizeof known_logical_types / sizeof known_logical_types[0]; i++)
        if (strcmp(urn, known_logical_types[i].urn) == 0)
            return &known_logical_types[i].logical;
    return NULL;
}

static bool has_meaning(beamc_logical logical) {
    return logical != BEAMC_LOGICAL_NONE && logical != BEAMC_LOGICAL_OTHER && logical != BEAMC_LOGICAL_PLAIN;
}

/* Of two known types one around the other, these go together: fixed_decimal over decimal, Java's two over an
 * instant, and a plain one over anything. Bytes are the inner one's. */
static beamc_status combine(const Beam__LogicalType *message, beamc_logical outer, beamc_type *type, beamc_error *err) {
    bool over_millis = outer == BEAMC_LOGICAL_JAVA_DATE || outer == BEAMC_LOGICAL_JAVA_TIME;
    bool fits = over_millis ? type->logical == BEAMC_LOGICAL_MILLIS_INSTANT
                            : !has_meaning(type->logical) || outer == BEAMC_LOGICAL_PLAIN ||
                                  (outer == BEAMC_LOGICAL_DECIMAL && type->logical == BEAMC_LOGICAL_DECIMAL);
    if (!fits)
        return beamc_fail(err, BEAMC_INVALID, "logical type %s has an unexpected representation", message->urn);
    return BEAMC_OK;
}

static char *replace_text(const char *old, const char *text) {
    free((char *)(uintptr_t)old);
    return beamc_strdup(text);
}

static beamc_status parse_representation(const Beam__LogicalType *message, unsigned depth, beamc_type *type,
                                         beamc_error *err) {
    bool nullable = type->nullable;
    if (message->representation == NULL ||
        message->representation->type_info_case == BEAM__FIELD_TYPE__TYPE_INFO__NOT_SET) {
        type->kind = BEAMC_TYPE_OPAQUE;
        return BEAMC_OK;
    }
    beamc_status status = parse_type(message->representation, depth + 1, type, err);
    if (type->nullable)
        type->num_null_marks++; /* at most BEAMC_SCHEMA_MAX_DEPTH */
    type->nullable = nullable;
    return status;
}

static beamc_status parse_logical(const Beam__LogicalType *message, unsigned depth, beamc_type *type,
                                  beamc_error *err) {
    const beamc_logical *logical = find_logical(message->urn);
    BEAMC_TRY(parse_representation(message, depth, type, err));
    if (logical == NULL) {
        type->unknown_urn = replace_text(type->unknown_urn, message->urn);
        if (has_meaning(type->logical))
            return BEAMC_OK;
    } else {
        BEAMC_TRY(combine(message, *logical, type, err));
        if (*logical == BEAMC_LOGICAL_PLAIN && has_meaning(type->logical))
            return BEAMC_OK;
    }
    type->logical_urn = replace_text(type->logical_urn, message->urn);
    type->logical = logical == NULL ? BEAMC_LOGICAL_OTHER : *logical;
    if (!representation_fits(type))
        return beamc_fail(err, BEAMC_INVALID, "logical type %s has an unexpected representation", message->urn);
    if (type->logical == BEAMC_LOGICAL_TIMESTAMP)
        return read_precision(message, type, err);
    return type->logical == BEAMC_LOGICAL_ENUM ? read_enum_names(message, type, err) : BEAMC_OK;
}

static beamc_status parse_type(const Beam__FieldType *message, unsigned depth, beamc_type *type, beamc_error *err) {
    if (depth > BEAMC_SCHEMA_MAX_DEPTH)
        return beamc_fail(err, BEAMC_LIMIT, "types are nested deeper than %d", BEAMC_SCHEMA_MAX_DEPTH);
    if (message == NULL)
        return beamc_fail(err, BEAMC_INVALID, "has no type");
    type->nullable = message->nullable != 0;
    switch (message->type_info_case) {
    case BEAM__FIELD_TYPE__TYPE_INFO_ATOMIC_TYPE:
        if (message->atomic_type < BEAM__ATOMIC_TYPE__BYTE || message->atomic_type > BEAM__ATOMIC_TYPE__BYTES)
            return beamc_fail(err, BEAMC_INVALID, "has the unknown atomic type number %d", (int)message->atomic_type);
        type->kind = (beamc_type_kind)message->atomic_type;
        return BEAMC_OK;
    case BEAM__FIELD_TYPE__TYPE_INFO_ARRAY_TYPE:
        type->kind = BEAMC_TYPE_ARRAY;
        return parse_inner(message->array_type->element_type, depth, &type->element, err);
    case BEAM__FIELD_TYPE__TYPE_INFO_ITERABLE_TYPE:
        type->kind = BEAMC_TYPE_ITERABLE;
        return parse_inner(message->iterable_type->element_type, depth, &type->element, err);
    case BEAM__FIELD_TYPE__TYPE_INFO_MAP_TYPE:
        type->kind = BEAMC_TYPE_MAP;
        BEAMC_TRY(parse_inner(message->map_type->key_type, depth, &type->key, err));
        return parse_inner(message->map_type->value_type, depth, &type->element, err);
    case BEAM__FIELD_TYPE__TYPE_INFO_ROW_TYPE: {
        if (message->row_type->schema == NULL)
            return beamc_fail(err, BEAMC_INVALID, "is a row without a schema");
        type->kind = BEAMC_TYPE_ROW;
        beamc_schema *row = NULL;
        beamc_status status = parse_schema(message->row_type->schema, depth + 1, &row, err);
        type->row = row;
        return status;
    }
    case BEAM__FIELD_TYPE__TYPE_INFO_LOGICAL_TYPE:
        return parse_logical(message->logical_type, depth, type, err);
    default:
        return beamc_fail(err, BEAMC_INVALID, "has no type");
    }
}

/* Encoding positions count only when the schema says so (Java writes them always, as the same order). */
static beamc_status read_positions(const Beam__Schema *message, beamc_schema *schema, beamc_error *err) {
    beamc_field *fields = (beamc_field *)(uintptr_t)schema->fields;
    size_t n = schema->num_fields;
    bool same = true;
    for (size_t i = 0; i < n; i++)
        fields[i].encoding_position = (uint32_t)i;
    if (!message->encoding_positions_set)
        return BEAMC_OK;
    uint32_t *order = beamc_alloc_zero(n, sizeof *order);
    bool *taken = beamc_alloc_zero(n, sizeof *taken);
    beamc_status status = BEAMC_OK;
    for (size_t i = 0; i < n && status == BEAMC_OK; i++) {
        int32_t position = message->fields[i]->encoding_position;
        if (position < 0 || (size_t)position >= n || taken[position]) {
            status = beamc_fail(err, BEAMC_INVALID, "field %s has encoding position %d: not a permutation of 0..%zu",
                                fields[i].name, (int)position, n - 1);
        } else {
            taken[position] = true;
            order[position] = (uint32_t)i;
            fields[i].encoding_position = (uint32_t)position;
            same = same && (size_t)position == i;
        }
    }
    free(taken);
    if (status != BEAMC_OK || same)
        free(order);
    else
        schema->wire_order = order;
    return status;
}

static bool has_static_encoding(const Beam__Schema *message) {
    for (size_t i = 0; i < message->n_options; i++) {
        if (strcmp(message->options[i]->name, "beam:option:row:static_encoding") != 0)
            continue;
        const Beam__FieldValue *value = message->options[i]->value; /* absent: the option is a mere flag */
        return value == NULL || value->field_value_case != BEAM__FIELD_VALUE__FIELD_VALUE_ATOMIC_VALUE ||
               value->atomic_value->value_case != BEAM__ATOMIC_TYPE_VALUE__VALUE_BOOLEAN ||
               value->atomic_value->boolean;
    }
    return false;
}

static beamc_status fill_schema(const Beam__Schema *message, unsigned depth, beamc_schema *schema, beamc_error *err) {
    if (depth > BEAMC_SCHEMA_MAX_DEPTH)
        return beamc_fail(err, BEAMC_LIMIT, "types are nested deeper than %d", BEAMC_SCHEMA_MAX_DEPTH);
    if (message->n_fields > BEAMC_SCHEMA_MAX_FIELDS)
        return beamc_fail(err, BEAMC_LIMIT, "%zu fields are more than %d", message->n_fields, BEAMC_SCHEMA_MAX_FIELDS);
    schema->id = beamc_strdup(message->id);
    beamc_field *fields = beamc_alloc_zero(message->n_fields, sizeof *fields);
    schema->fields = fields;
    schema->static_encoding = has_static_encoding(message);
    for (size_t i = 0; i < message->n_fields; i++) {
        fields[i].name = beamc_strdup(message->fields[i]->name);
        schema->num_fields = i + 1;
        beamc_status status = parse_type(message->fields[i]->type, depth, &fields[i].type, err);
        if (status != BEAMC_OK)
            return beamc_fail_within(err, status, fields[i].name);
    }
    return read_positions(message, schema, err);
}

static beamc_status parse_schema(const Beam__Schema *message, unsigned depth, beamc_schema **out, beamc_error *err) {
    beamc_schema *schema = beamc_alloc_zero(1, sizeof *schema);
    beamc_status status = fill_schema(message, depth, schema, err);
    if (status != BEAMC_OK) {
        beamc_schema_free(schema);
        schema = NULL;
    }
    *out = schema;
    return status;
}

beamc_status beamc_schema_from_message(const struct Beam__Schema *message, beamc_schema **out, beamc_error *err) {
    return parse_schema(message, 0, out, err);
}

beamc_status beamc_schema_parse(const uint8_t *message, size_t len, beamc_schema **out, beamc_error *err) {
    *out = NULL;
    if (beamc_message_nests_deeper(&beam__schema__descriptor, message, len, MAX_MESSAGE_DEPTH))
        return beamc_fail(err, BEAMC_LIMIT, "types are nested deeper than %d", BEAMC_SCHEMA_MAX_DEPTH);
    Beam__Schema *unpacked = beam__schema__unpack(NULL, len, message);
    if (unpacked == NULL)
        return beamc_fail(err, BEAMC_INVALID, "the schema is not a valid message of %zu bytes", len);
    beamc_status status = parse_schema(unpacked, 0, out, err);
    beam__schema__free_unpacked(unpacked, NULL);
    return status;
}

long beamc_schema_find(const beamc_schema *schema, const char *name) {
    for (size_t i = 0; i < schema->num_fields; i++)
        if (strcmp(schema->fields[i].name, name) == 0)
            return (long)i;
    return -1;
}

const char *beamc_type_kind_name(beamc_type_kind kind) {
    static const char *const names[] = {"",        "BYTE",  "INT16", "INT32",    "INT64", "FLOAT", "DOUBLE", "STRING",
                                        "BOOLEAN", "BYTES", "ARRAY", "ITERABLE", "MAP",   "ROW",   "OPAQUE"};
    return (size_t)kind < sizeof names / sizeof names[0] ? names[kind] : "UNKNOWN";
}
