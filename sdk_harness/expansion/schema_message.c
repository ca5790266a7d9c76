#include "sdk_harness/expansion/schema_message.h"

#include "sdk_harness/base/alloc.h"
#include "sdk_harness/base/fnv1a.h"
#include "sdk_harness/packing/packed_message.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

/* A UUID of version 8 (custom content, RFC 9562); two hashes give its 128 bits. */
static void set_content_id(Beam__Schema *schema) {
    ProtobufCBinaryData bytes = beamc_packed(&schema->base);
    uint64_t high = beamc_fnv1a(BEAMC_FNV1A_START, bytes.data, bytes.len);
    uint64_t low = beamc_fnv1a(high ^ UINT64_C(0x9E3779B97F4A7C15), bytes.data, bytes.len);
    free(bytes.data);
    high = (high & ~UINT64_C(0xF000)) | UINT64_C(0x8000);
    low = (low & (UINT64_MAX >> 2)) | UINT64_C(1) << 63;
    schema->id = beamc_format("%08" PRIx64 "-%04" PRIx64 "-%04" PRIx64 "-%04" PRIx64 "-%012" PRIx64, high >> 32,
                              high >> 16 & 0xFFFF, high & 0xFFFF, low >> 48, low & UINT64_C(0xFFFFFFFFFFFF));
}

static Beam__FieldType *new_type(bool nullable) {
    Beam__FieldType *type = beamc_alloc(sizeof *type);
    beam__field_type__init(type);
    type->nullable = nullable;
    return type;
}

static Beam__FieldType *atomic_type(beamc_type_kind kind, bool nullable) {
    Beam__FieldType *type = new_type(nullable);
    type->type_info_case = BEAM__FIELD_TYPE__TYPE_INFO_ATOMIC_TYPE;
    type->atomic_type = (Beam__AtomicType)kind;
    return type;
}

static Beam__FieldType *row_type(Beam__Schema *schema, bool nullable) {
    Beam__FieldType *type = new_type(nullable);
    type->type_info_case = BEAM__FIELD_TYPE__TYPE_INFO_ROW_TYPE;
    type->row_type = beamc_alloc(sizeof *type->row_type);
    beam__row_type__init(type->row_type);
    type->row_type->schema = schema;
    return type;
}

static Beam__Field *new_field(const char *name, const char *description, size_t position, Beam__FieldType *type) {
    Beam__Field *field = beamc_alloc(sizeof *field);
    beam__field__init(field);
    field->name = beamc_strdup(name);
    if (description != NULL)
        field->description = beamc_strdup(description);
    field->type = type;
    field->id = (int32_t)position;
    field->encoding_position = (int32_t)position;
    return field;
}

static Beam__Schema *new_schema(size_t num_fields) {
    Beam__Schema *schema = beamc_alloc(sizeof *schema);
    beam__schema__init(schema);
    schema->n_fields = num_fields;
    schema->fields = beamc_alloc_zero(num_fields, sizeof *schema->fields);
    return schema;
}

static Beam__FieldType *micros_instant_type(bool nullable) {
    Beam__Schema *parts = new_schema(2);
    parts->fields[0] = new_field("seconds", NULL, 0, atomic_type(BEAMC_TYPE_INT64, false));
    parts->fields[1] = new_field("micros", NULL, 1, atomic_type(BEAMC_TYPE_INT64, false));
    set_content_id(parts);
    Beam__FieldType *type = new_type(nullable);
    type->type_info_case = BEAM__FIELD_TYPE__TYPE_INFO_LOGICAL_TYPE;
    type->logical_type = beamc_alloc(sizeof *type->logical_type);
    beam__logical_type__init(type->logical_type);
    type->logical_type->urn = beamc_strdup("beam:logical_type:micros_instant:v1");
    type->logical_type->representation = row_type(parts, false);
    return type;
}

Beam__Schema *beamc_schema_of_options(const beamc_option_field *options, size_t num_options) {
    Beam__Schema *schema = new_schema(num_options);
    for (size_t i = 0; i < num_options; i++) {
        const beamc_option_field *option = &options[i];
        Beam__FieldType *type =
            option->kind == BEAMC_TYPE_ROW
                ? row_type(beamc_schema_of_options(option->fields, option->num_fields), !option->required)
                : atomic_type(option->kind, !option->required);
        schema->fields[i] = new_field(option->name, option->description, i, type);
    }
    set_content_id(schema);
    return schema;
}

static Beam__Schema *copy_schema(const Beam__Schema *schema) {
    ProtobufCBinaryData bytes = beamc_packed(&schema->base);
    Beam__Schema *copy = beam__schema__unpack(NULL, bytes.len, bytes.data);
    free(bytes.data);
    if (copy == NULL)
        abort(); /* bytes that were packed a line above */
    return copy;
}

Beam__Schema *beamc_schema_of_output(const beamc_expand_output *output, const Beam__Schema *input_schema) {
    if (output->like_input)
        return copy_schema(input_schema);
    Beam__Schema *schema = new_schema(output->num_fields);
    for (size_t i = 0; i < output->num_fields; i++) {
        const beamc_output_field *field = &output->fields[i];
        Beam__FieldType *type = NULL;
        if (field->logical == BEAMC_LOGICAL_MICROS_INSTANT)
            type = micros_instant_type(field->nullable);
        else if (field->kind == BEAMC_TYPE_ROW)
            type = row_type(copy_schema(input_schema), field->nullable);
        else
            type = atomic_type(field->kind, field->nullable);
        schema->fields[i] = new_field(field->name, NULL, i, type);
    }
    if (output->schema_id != NULL)
        schema->id = beamc_strdup(output->schema_id);
    else
        set_content_id(schema);
    return schema;
}
