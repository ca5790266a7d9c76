#include "sdk_harness/coders/schema.h"

#include "protos/schema.pb-c.h"
#include "sdk_harness/base/alloc.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct {
    const char *urn;
    beamc_logical logical;
} known_logical_types[] = {
    {"beam:logical_type:micros_instant:v1", BEAMC_LOGICAL_MICROS_INSTANT},
    {"beam:logical_type:millis_instant:v1", BEAMC_LOGICAL_MILLIS_INSTANT},
    {"beam:logical_type:nanos_instant:v1", BEAMC_LOGICAL_NANOS_INSTANT},
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
           type->row->fields[0].type.kind == BEAMC_TYPE_INT64 &&
           (type->row->fields[1].type.kind == BEAMC_TYPE_INT64 || type->row->fields[1].type.kind == BEAMC_TYPE_INT32);
}

/* The bytes of an instant are read by our own rule, so its representation must be the one the rule knows. */
static bool representation_fits(const beamc_type *type) {
    switch (type->logical) {
    case BEAMC_LOGICAL_MICROS_INSTANT:
        return is_row_of(type, "seconds", "micros");
    case BEAMC_LOGICAL_NANOS_INSTANT:
        return is_row_of(type, "seconds", "nanos");
    case BEAMC_LOGICAL_MILLIS_INSTANT:
        return type->kind == BEAMC_TYPE_INT64;
    default:
        return true;
    }
}

static beamc_status parse_logical(const Beam__LogicalType *message, unsigned depth, beamc_type *type,
                                  beamc_error *err) {
    bool nullable = type->nullable;
    if (message->representation == NULL ||
        message->representation->type_info_case == BEAM__FIELD_TYPE__TYPE_INFO__NOT_SET) {
        type->kind = BEAMC_TYPE_OPAQUE;
    } else {
        BEAMC_TRY(parse_type(message->representation, depth + 1, type, err));
        if (type->logical != BEAMC_LOGICAL_NONE && type->logical != BEAMC_LOGICAL_OTHER) {
            /* A logical type over an instant, such as Java's JDBC date: bytes and meaning are the instant's. */
            type->nullable = nullable;
            return BEAMC_OK;
        }
    }
    type->nullable = nullable;
    free((char *)(uintptr_t)type->logical_urn);
    type->logical_urn = beamc_strdup(message->urn);
    type->logical = BEAMC_LOGICAL_OTHER;
    for (size_t i = 0; i < sizeof known_logical_types / sizeof known_logical_types[0]; i++)
        if (strcmp(message->urn, known_logical_types[i].urn) == 0)
            type->logical = known_logical_types[i].logical;
    if (!representation_fits(type))
        return beamc_fail(err, BEAMC_INVALID, "logical type %s has an unexpected representation", message->urn);
    return BEAMC_OK;
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
    for (size_t i = 0; i < message->n_options; i++)
        if (strcmp(message->options[i]->name, "beam:option:row:static_encoding") == 0)
            return true;
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
