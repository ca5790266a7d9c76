#include "worker/records/record_plan.h"

#include "sdk_harness/base/alloc.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static tecton_row_plan *plan_row(const tecton_record_plan *whole, const beamc_schema *schema);

static tecton_plan_op plan_int64(const tecton_sink_config *config) {
    switch ((tecton_int64_encoding)config->int64_encoding) {
    case TECTON_INT64_NUMBER:
        return OP_INT64_NUMBER;
    case TECTON_INT64_STRING:
        return OP_INT64_STRING;
    case TECTON_INT64_AUTO:
        break;
    }
    return OP_INT64_AUTO;
}

/* The schema has been checked: every type that is left has an op. */
static tecton_type_plan plan_kind(const tecton_record_plan *whole, const beamc_type *type) {
    tecton_type_plan plan = {.op = OP_INTEGER};
    switch (type->kind) {
    case BEAMC_TYPE_BYTE:
        plan.op = OP_BYTE;
        break;
    case BEAMC_TYPE_INT16:
    case BEAMC_TYPE_INT32:
    case BEAMC_TYPE_OPAQUE:
        break;
    case BEAMC_TYPE_INT64:
        plan.op = whole->int64_op;
        break;
    case BEAMC_TYPE_FLOAT:
        plan.op = OP_FLOAT;
        break;
    case BEAMC_TYPE_DOUBLE:
        plan.op = OP_DOUBLE;
        break;
    case BEAMC_TYPE_STRING:
        plan.op = OP_STRING;
        break;
    case BEAMC_TYPE_BOOLEAN:
        plan.op = OP_BOOLEAN;
        break;
    case BEAMC_TYPE_BYTES:
        plan.op = OP_BASE64;
        break;
    case BEAMC_TYPE_ARRAY:
    case BEAMC_TYPE_ITERABLE:
    case BEAMC_TYPE_MAP:
        plan.op = type->kind == BEAMC_TYPE_MAP ? OP_MAP : OP_ARRAY;
        break;
    case BEAMC_TYPE_ROW:
        plan.op = OP_ROW;
        plan.row = plan_row(whole, type->row);
        break;
    }
    return plan;
}

static tecton_type_plan plan_one(const tecton_record_plan *whole, const beamc_type *type) {
    switch (type->logical) {
    case BEAMC_LOGICAL_NONE:
    case BEAMC_LOGICAL_PLAIN:
    case BEAMC_LOGICAL_PYTHON_ANY:
    case BEAMC_LOGICAL_OTHER:
        break;
    case BEAMC_LOGICAL_UNSIGNED:
        return (tecton_type_plan){.op = type->kind == BEAMC_TYPE_INT64 ? OP_UINT64 : OP_INTEGER};
    case BEAMC_LOGICAL_MILLIS_INSTANT:
        return (tecton_type_plan){.op = OP_TIMESTAMP, .fraction_digits = 3};
    case BEAMC_LOGICAL_MICROS_INSTANT:
        return (tecton_type_plan){.op = OP_TIMESTAMP, .fraction_digits = 6};
    case BEAMC_LOGICAL_NANOS_INSTANT:
        return (tecton_type_plan){.op = OP_TIMESTAMP, .fraction_digits = 9};
    case BEAMC_LOGICAL_TIMESTAMP:
        return (tecton_type_plan){.op = OP_TIMESTAMP, .fraction_digits = type->precision};
    case BEAMC_LOGICAL_GO_TIME:
        return (tecton_type_plan){.op = OP_GO_TIME};
    case BEAMC_LOGICAL_DATE:
        return (tecton_type_plan){.op = OP_DATE};
    case BEAMC_LOGICAL_TIME:
        return (tecton_type_plan){.op = OP_TIME};
    case BEAMC_LOGICAL_DATETIME:
        return (tecton_type_plan){.op = OP_DATETIME};
    case BEAMC_LOGICAL_JAVA_DATE:
        return (tecton_type_plan){.op = OP_JAVA_DATE};
    case BEAMC_LOGICAL_JAVA_TIME:
        return (tecton_type_plan){.op = OP_JAVA_TIME};
    case BEAMC_LOGICAL_DECIMAL:
        return (tecton_type_plan){.op = OP_DECIMAL};
    case BEAMC_LOGICAL_UUID:
        return (tecton_type_plan){.op = OP_UUID};
    case BEAMC_LOGICAL_ENUM:
        return (tecton_type_plan){
            .op = OP_ENUM, .enum_names = type->enum_names, .num_enum_names = type->num_enum_names};
    case BEAMC_LOGICAL_ONE_OF:
        return (tecton_type_plan){.op = OP_ONE_OF, .row = plan_row(whole, type->row)};
    }
    return plan_kind(whole, type);
}

static tecton_type_plan plan_type(const tecton_record_plan *whole, const beamc_type *type) {
    tecton_type_plan plan = plan_one(whole, type);
    if (plan.op == OP_ARRAY || plan.op == OP_MAP) {
        plan.element = beamc_alloc(sizeof *plan.element);
        *plan.element = plan_type(whole, type->element);
    }
    return plan;
}

static tecton_row_plan *plan_row(const tecton_record_plan *whole, const beamc_schema *schema) {
    tecton_row_plan *plan = beamc_alloc_zero(1, sizeof *plan);
    plan->num_fields = schema->num_fields;
    plan->fields = beamc_alloc_zero(schema->num_fields, sizeof *plan->fields);
    for (size_t i = 0; i < schema->num_fields; i++) {
        tecton_field_plan *field = &plan->fields[i];
        field->name = schema->fields[i].name;
        field->prefix_len = strlen(field->name) + 4;
        field->prefix = beamc_alloc_zero(1, tecton_padded_prefix_len(field->prefix_len) + 1);
        (void)sprintf(field->prefix, "%c\"%s\":", i == 0 ? '{' : ',', field->name); /* names need no escape */
        field->type = plan_type(whole, &schema->fields[i].type);
    }
    return plan;
}

static void free_row(tecton_row_plan *plan);

static void free_type(tecton_type_plan *plan) {
    if (plan->element != NULL) {
        free_type(plan->element);
        free(plan->element);
    }
    if (plan->row != NULL)
        free_row(plan->row);
}

static void free_row(tecton_row_plan *plan) {
    for (size_t i = 0; i < plan->num_fields; i++) {
        free(plan->fields[i].prefix);
        free_type(&plan->fields[i].type);
    }
    free(plan->fields);
    free(plan);
}

beamc_status tecton_record_plan_new(const beamc_schema *schema, const tecton_sink_config *config,
                                    tecton_record_plan **plan, beamc_error *err) {
    BEAMC_TRY(tecton_check_schema(schema, config, err));
    tecton_record_plan *made = beamc_alloc_zero(1, sizeof *made);
    made->non_finite = (tecton_non_finite)config->non_finite;
    made->int64_op = plan_int64(config);
    made->row = plan_row(made, schema);
    if (config->timestamp_from_element != NULL)
        made->event_time_prefix = beamc_format(",\"%s\":", config->timestamp_from_element);
    *plan = made;
    return BEAMC_OK;
}

void tecton_record_plan_free(tecton_record_plan *plan) {
    if (plan == NULL)
        return;
    free_row(plan->row);
    free(plan->event_time_prefix);
    free(plan);
}
