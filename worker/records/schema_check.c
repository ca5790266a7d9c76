/* Which Beam types Tecton can take, decided once, before any row. */
#include "sdk_harness/base/alloc.h"
#include "worker/records/field_path.h"
#include "worker/records/row_to_record.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const untyped_cure = "Give the rows a type: a typing.NamedTuple registered with "
                                        "beam.coders.RowCoder, beam.Row(name=str(x), ...) with typed "
                                        "values, or schema= of WriteToTectonStream";

static beamc_status refuse(const tecton_field_path *path, beamc_error *err, const char *why) {
    char where[512];
    tecton_field_path_text(path, where, sizeof where);
    return beamc_fail(err, BEAMC_INVALID, "field %s: %s", where, why);
}

/* Column names hold letters, digits and single underscores: Tecton's documentation of feature names. */
static bool is_column_name(const char *name) {
    if (name[0] == '\0')
        return false;
    for (const char *c = name; *c != '\0'; c++) {
        bool letter = (*c >= 'a' && *c <= 'z') || (*c >= 'A' && *c <= 'Z') || (*c >= '0' && *c <= '9');
        if (!letter && (*c != '_' || c[1] == '_'))
            return false;
    }
    return true;
}

static beamc_status refuse_name(const tecton_field_path *path, beamc_error *err) {
    char near[64];
    size_t len = 0;
    for (const char *c = path->field; *c != '\0' && len + 2 < sizeof near; c++) {
        bool letter = (*c >= 'a' && *c <= 'z') || (*c >= 'A' && *c <= 'Z') || (*c >= '0' && *c <= '9');
        if (letter)
            near[len++] = *c;
        else if (len > 0 && near[len - 1] != '_')
            near[len++] = '_';
    }
    near[len] = '\0';
    char why[256];
    (void)snprintf(why, sizeof why,
                   "Tecton's column names have only letters, digits and single underscores. Rename the field%s%s%s",
                   len == 0 ? "" : ", for example to ", near, len == 0 ? "" : ", before the sink");
    return refuse(path, err, why);
}

/* Logical types that mean what their representation says. */
static bool is_read_as_is(const char *urn) {
    static const char *const urns[] = {
        "beam:logical_type:fixed_char:v1",
        "beam:logical_type:var_char:v1",
        "beam:logical_type:fixed_bytes:v1",
        "beam:logical_type:var_bytes:v1",
        "int", /* the Go SDK's own; its unsigned ones wrap around in their representation and are not taken */
        "int8",
    };
    for (size_t i = 0; i < sizeof urns / sizeof urns[0]; i++) {
        if (strcmp(urn, urns[i]) == 0)
            return true;
    }
    return false;
}

static beamc_status check_logical(const beamc_type *type, const tecton_field_path *path, beamc_error *err) {
    char why[512];
    switch (type->logical) {
    case BEAMC_LOGICAL_NONE:
    case BEAMC_LOGICAL_MICROS_INSTANT:
    case BEAMC_LOGICAL_MILLIS_INSTANT:
    case BEAMC_LOGICAL_NANOS_INSTANT:
        return BEAMC_OK;
    case BEAMC_LOGICAL_PYTHON_ANY:
        (void)snprintf(why, sizeof why, "Beam could only type it as Any, which no other language can read. %s",
                       untyped_cure);
        return refuse(path, err, why);
    default: /* looked at by URN */
        break;
    }
    const char *urn = type->logical_urn == NULL ? "" : type->logical_urn;
    if (is_read_as_is(urn) && type->kind != BEAMC_TYPE_OPAQUE)
        return BEAMC_OK;
    const char *cure =
        strstr(urn, "decimal") != NULL ? "Convert it to float or to str before the sink"
        : strstr(urn, "date") != NULL || strstr(urn, "time") != NULL
            ? "Convert it to beam.utils.timestamp.Timestamp (Beam's instant types) or to str before the sink"
            : "Convert it to a plain type before the sink";
    (void)snprintf(why, sizeof why, "Tecton has no type for Beam's logical type %.120s. %s", urn, cure);
    return refuse(path, err, why);
}

static beamc_status check_row(const beamc_schema *schema, const tecton_sink_config *config,
                              const tecton_field_path *outer, beamc_error *err);

static beamc_status check_type(const beamc_type *type, const tecton_sink_config *config, const tecton_field_path *path,
                               beamc_error *err) {
    BEAMC_TRY(check_logical(type, path, err));
    if (type->logical == BEAMC_LOGICAL_MICROS_INSTANT || type->logical == BEAMC_LOGICAL_MILLIS_INSTANT ||
        type->logical == BEAMC_LOGICAL_NANOS_INSTANT)
        return BEAMC_OK;
    switch (type->kind) {
    case BEAMC_TYPE_BYTE:
    case BEAMC_TYPE_INT16:
    case BEAMC_TYPE_INT32:
    case BEAMC_TYPE_INT64:
    case BEAMC_TYPE_FLOAT:
    case BEAMC_TYPE_DOUBLE:
    case BEAMC_TYPE_STRING:
    case BEAMC_TYPE_BOOLEAN:
        return BEAMC_OK;
    case BEAMC_TYPE_BYTES:
        if (config->bytes_encoding == TECTON_BYTES_REJECT)
            return refuse(
                path, err,
                "Tecton has no type for BYTES, and bytes_encoding is reject. Leave bytes_encoding at base64 to "
                "write it as a String, or drop the field");
        return BEAMC_OK;
    case BEAMC_TYPE_ARRAY:
    case BEAMC_TYPE_ITERABLE:
        return check_type(type->element, config, path, err);
    case BEAMC_TYPE_MAP:
        if (type->key->kind != BEAMC_TYPE_STRING)
            return refuse(path, err, "Tecton's maps have String keys only. Convert the keys to str before the sink");
        return check_type(type->element, config, path, err);
    case BEAMC_TYPE_ROW:
        return check_row(type->row, config, path, err);
    case BEAMC_TYPE_OPAQUE:
        break;
    }
    return refuse(path, err,
                  "its type has no representation that can be read. Convert it to a plain type before the sink");
}

static int compare_names(const void *a, const void *b) {
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static beamc_status check_duplicates(const beamc_schema *schema, const tecton_field_path *outer, beamc_error *err) {
    const char **names = beamc_alloc(schema->num_fields * sizeof *names);
    for (size_t i = 0; i < schema->num_fields; i++)
        names[i] = schema->fields[i].name;
    qsort(names, schema->num_fields, sizeof *names, compare_names);
    beamc_status status = BEAMC_OK;
    for (size_t i = 1; i < schema->num_fields && status == BEAMC_OK; i++) {
        if (strcmp(names[i - 1], names[i]) == 0) {
            tecton_field_path path = {.outer = outer, .kind = TECTON_PATH_FIELD, .field = names[i]};
            status = refuse(&path, err, "two fields have this name; a Tecton record has each column once");
        }
    }
    free(names);
    return status;
}

static beamc_status check_row(const beamc_schema *schema, const tecton_sink_config *config,
                              const tecton_field_path *outer, beamc_error *err) {
    for (size_t i = 0; i < schema->num_fields; i++) {
        tecton_field_path path = {.outer = outer, .kind = TECTON_PATH_FIELD, .field = schema->fields[i].name};
        if (!is_column_name(schema->fields[i].name))
            return refuse_name(&path, err);
        BEAMC_TRY(check_type(&schema->fields[i].type, config, &path, err));
    }
    return check_duplicates(schema, outer, err);
}

beamc_status tecton_check_schema(const beamc_schema *schema, const tecton_sink_config *config, beamc_error *err) {
    if (schema == NULL || schema->num_fields == 0)
        return beamc_fail(err, BEAMC_INVALID, "the input has no schema, so its columns have no names and types. %s",
                          untyped_cure);
    return check_row(schema, config, NULL, err);
}
