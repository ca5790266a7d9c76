/* Which Beam types Tecton can take, decided once, before any row. */
#include "sdk_harness/base/alloc.h"
#include "sdk_harness/base/clean_text.h"
#include "worker/records/field_path.h"
#include "worker/records/row_to_record.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const untyped_cure = "Give the rows a type: a typing.NamedTuple registered with "
                                        "beam.coders.RowCoder, beam.Row(name=str(x), ...) with typed "
                                        "values, or schema= of WriteToTectonStream";

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
    return tecton_field_refuse(path, err, why);
}

enum { MAX_URN_TEXT = 160 };

static beamc_status refuse_any(const tecton_field_path *path, beamc_error *err) {
    char why[512];
    (void)snprintf(why, sizeof why, "Beam could only type it as Any, which no other language can read. %s",
                   untyped_cure);
    return tecton_field_refuse(path, err, why);
}

static beamc_status refuse_unknown(const beamc_type *type, const tecton_field_path *path, beamc_error *err) {
    char urn[MAX_URN_TEXT];
    char why[512];
    (void)beamc_clean_text(type->unknown_urn, strlen(type->unknown_urn), urn, sizeof urn);
    (void)snprintf(why, sizeof why,
                   "Beam's logical type %s is not known here. Convert it to a plain type before the sink, or write "
                   "unknown_logical_types='representation' to send it as the %s that stands for it",
                   urn, beamc_type_kind_name(type->kind));
    return tecton_field_refuse(path, err, why);
}

static beamc_status refuse_opaque(const beamc_type *type, const tecton_field_path *path, beamc_error *err) {
    char urn[MAX_URN_TEXT];
    char why[512];
    const char *known = type->unknown_urn != NULL ? type->unknown_urn : type->logical_urn;
    (void)beamc_clean_text(known == NULL ? "" : known, known == NULL ? 0 : strlen(known), urn, sizeof urn);
    (void)snprintf(why, sizeof why,
                   "its logical type %s has no representation that can be read. Convert it to a plain type before the "
                   "sink",
                   urn);
    return tecton_field_refuse(path, err, why);
}

static beamc_status check_row(const beamc_schema *schema, const tecton_sink_config *config,
                              const tecton_field_path *outer, beamc_error *err);
static beamc_status check_type(const beamc_type *type, const tecton_sink_config *config, const tecton_field_path *path,
                               beamc_error *err);

static beamc_status check_map_key(const beamc_type *key, const tecton_sink_config *config,
                                  const tecton_field_path *path, beamc_error *err) {
    if (key->kind != BEAMC_TYPE_STRING)
        return tecton_field_refuse(path, err,
                                   "Tecton's maps have String keys only. Convert the keys to str before the sink");
    return check_type(key, config, path, err);
}

static beamc_status check_kind(const beamc_type *type, const tecton_sink_config *config, const tecton_field_path *path,
                               beamc_error *err) {
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
            return tecton_field_refuse(
                path, err,
                "Tecton has no type for BYTES, and bytes_encoding is reject. Leave bytes_encoding at base64 to "
                "write it as a String, or drop the field");
        return BEAMC_OK;
    case BEAMC_TYPE_ARRAY:
    case BEAMC_TYPE_ITERABLE:
        return check_type(type->element, config, path, err);
    case BEAMC_TYPE_MAP:
        BEAMC_TRY(check_map_key(type->key, config, path, err));
        return check_type(type->element, config, path, err);
    case BEAMC_TYPE_ROW:
        return check_row(type->row, config, path, err);
    case BEAMC_TYPE_OPAQUE:
        break;
    }
    return refuse_opaque(type, path, err);
}

static beamc_status check_type(const beamc_type *type, const tecton_sink_config *config, const tecton_field_path *path,
                               beamc_error *err) {
    if (type->unknown_urn != NULL && type->kind != BEAMC_TYPE_OPAQUE &&
        config->unknown_logical_types == TECTON_UNKNOWN_REFUSE)
        return refuse_unknown(type, path, err);
    switch (type->logical) {
    case BEAMC_LOGICAL_NONE:
    case BEAMC_LOGICAL_PLAIN:
    case BEAMC_LOGICAL_OTHER:
        return check_kind(type, config, path, err);
    case BEAMC_LOGICAL_PYTHON_ANY:
        return refuse_any(path, err);
    case BEAMC_LOGICAL_ENUM:
        if (type->num_enum_names == 0)
            return tecton_field_refuse(
                path, err, "its enumeration's names are not in the schema. Convert it to str before the sink");
        return BEAMC_OK;
    case BEAMC_LOGICAL_ONE_OF:
        return check_row(type->row, config, path, err);
    case BEAMC_LOGICAL_UNSIGNED:
    case BEAMC_LOGICAL_MICROS_INSTANT:
    case BEAMC_LOGICAL_MILLIS_INSTANT:
    case BEAMC_LOGICAL_NANOS_INSTANT:
    case BEAMC_LOGICAL_TIMESTAMP:
    case BEAMC_LOGICAL_GO_TIME:
    case BEAMC_LOGICAL_DECIMAL:
    case BEAMC_LOGICAL_DATE:
    case BEAMC_LOGICAL_TIME:
    case BEAMC_LOGICAL_DATETIME:
    case BEAMC_LOGICAL_UUID:
    case BEAMC_LOGICAL_JAVA_DATE:
    case BEAMC_LOGICAL_JAVA_TIME:
        return BEAMC_OK;
    }
    return refuse_opaque(type, path, err);
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
            status = tecton_field_refuse(&path, err, "two fields have this name; a Tecton record has each column once");
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

static bool can_be_event_time(const beamc_type *type) {
    switch (type->logical) {
    case BEAMC_LOGICAL_MICROS_INSTANT:
    case BEAMC_LOGICAL_MILLIS_INSTANT:
    case BEAMC_LOGICAL_NANOS_INSTANT:
    case BEAMC_LOGICAL_TIMESTAMP:
    case BEAMC_LOGICAL_GO_TIME:
        return true;
    default:
        return type->kind == BEAMC_TYPE_STRING;
    }
}

static beamc_status check_timestamp_field(const beamc_schema *schema, const tecton_sink_config *config,
                                          beamc_error *err) {
    const char *added = config->timestamp_from_element;
    const char *name = config->timestamp_field;
    if (added != NULL && !is_column_name(added))
        return beamc_fail(err, BEAMC_INVALID,
                          "option timestamp_from_element is not a name that Tecton's columns can have: letters, digits "
                          "and single underscores. Write for example timestamp_from_element=\"event_time\"");
    if (added != NULL && beamc_schema_find(schema, added) >= 0)
        return beamc_fail(
            err, BEAMC_INVALID,
            "option timestamp_from_element names the column %.100s, which the rows have already. Leave the "
            "option out, or drop the field before the sink",
            added);
    if (name == NULL || (added != NULL && strcmp(name, added) == 0))
        return BEAMC_OK;
    long index = beamc_schema_find(schema, name);
    if (index < 0)
        return beamc_fail(
            err, BEAMC_INVALID,
            "option timestamp_field names the column %.100s, which the rows do not have. Name a field of the "
            "rows, or write timestamp_from_element to fill it with Beam's event time",
            name);
    tecton_field_path path = {.kind = TECTON_PATH_FIELD, .field = name};
    if (!can_be_event_time(&schema->fields[index].type))
        return tecton_field_refuse(&path, err,
                                   "timestamp_field must be a timestamp or a text in ISO 8601. Convert it before the "
                                   "sink");
    return BEAMC_OK;
}

/* Each name between commas, spaces around it left out. */
static beamc_status check_key_fields(const beamc_schema *schema, const tecton_sink_config *config, beamc_error *err) {
    size_t index[TECTON_MAX_KEY_FIELDS];
    size_t num_keys = 0;
    return config->key_fields == NULL ? BEAMC_OK
                                      : tecton_find_key_fields(schema, config->key_fields, index, &num_keys, err);
}

beamc_status tecton_find_key_fields(const beamc_schema *schema, const char *names, size_t *indexes, size_t *num_keys,
                                    beamc_error *err) {
    *num_keys = 0;
    for (const char *at = names; *at != '\0';) {
        at += strspn(at, " ,");
        size_t len = strcspn(at, ",");
        const char *next = at + len;
        while (len > 0 && at[len - 1] == ' ')
            len--;
        if (len == 0)
            break;
        char *name = beamc_strndup(at, len);
        long index = beamc_schema_find(schema, name);
        beamc_status status = BEAMC_OK;
        if (index < 0)
            status =
                beamc_fail(err, BEAMC_INVALID,
                           "option key_fields names the column %.100s, which the rows do not have. Write the names of "
                           "the join keys, separated by commas",
                           name);
        else if (*num_keys == TECTON_MAX_KEY_FIELDS)
            status =
                beamc_fail(err, BEAMC_LIMIT, "option key_fields names more than %d columns", TECTON_MAX_KEY_FIELDS);
        else
            indexes[(*num_keys)++] = (size_t)index;
        free(name);
        BEAMC_TRY(status);
        at = next;
    }
    return BEAMC_OK;
}

beamc_status tecton_check_schema(const beamc_schema *schema, const tecton_sink_config *config, beamc_error *err) {
    if (schema == NULL || schema->num_fields == 0)
        return beamc_fail(err, BEAMC_INVALID, "the input has no schema, so its columns have no names and types. %s",
                          untyped_cure);
    BEAMC_TRY(check_timestamp_field(schema, config, err));
    BEAMC_TRY(check_key_fields(schema, config, err));
    return check_row(schema, config, NULL, err);
}
