#include "worker/records/logical_values.h"

#include "worker/records/json_decimal.h"
#include "worker/records/json_time.h"
#include "worker/records/json_writer.h"
#include "worker/records/rfc3339.h"

#include <string.h>

enum { SECONDS_A_DAY = 86400 };
#define NANOS_A_SECOND INT64_C(1000000000)

static beamc_status encode_timestamp(unsigned digits, int64_t seconds, uint32_t nanos, const tecton_field_path *path,
                                     beamc_byte_buffer *out, beamc_error *err) {
    if (tecton_json_timestamp(out, seconds, nanos, digits))
        return BEAMC_OK;
    return tecton_field_refuse(
        path, err, "the timestamp is outside the years 0001 to 9999, which is all that Tecton's text form can say");
}

static beamc_status encode_go_time(const beamc_value *value, const tecton_field_path *path, beamc_byte_buffer *out,
                                   beamc_error *err) {
    const beamc_value *text = &value->as.items.data[0];
    int64_t seconds = 0;
    uint32_t nanos = 0;
    if (value->as.items.count != 1 || text->kind != BEAMC_VALUE_STRING ||
        !tecton_parse_rfc3339(text->as.bytes.data, text->as.bytes.len, &seconds, &nanos))
        return tecton_field_refuse(path, err,
                                   "the time is not RFC 3339 text, as Go's time.Time writes it. Was the row made by "
                                   "another program than a Go pipeline?");
    return encode_timestamp(9, seconds, nanos, path, out, err);
}

static beamc_status encode_date(int64_t days, const tecton_field_path *path, beamc_byte_buffer *out, beamc_error *err) {
    if (tecton_json_date(out, days))
        return BEAMC_OK;
    return tecton_field_refuse(path, err, "the date is outside the years 0001 to 9999. Correct it before the sink");
}

static beamc_status encode_time(int64_t nanos_of_day, const tecton_field_path *path, beamc_byte_buffer *out,
                                beamc_error *err) {
    if (tecton_json_time(out, nanos_of_day))
        return BEAMC_OK;
    return tecton_field_refuse(path, err, "the time is not within one day. Correct it before the sink");
}

static beamc_status encode_datetime(const beamc_value *value, const tecton_field_path *path, beamc_byte_buffer *out,
                                    beamc_error *err) {
    const beamc_value *parts = value->as.items.data;
    if (value->as.items.count != 2 || parts[0].kind != BEAMC_VALUE_INTEGER || parts[1].kind != BEAMC_VALUE_INTEGER ||
        !tecton_json_datetime(out, parts[0].as.integer, parts[1].as.integer))
        return tecton_field_refuse(path, err,
                                   "the date is outside the years 0001 to 9999, or the time is not within one day. "
                                   "Correct it before the sink");
    return BEAMC_OK;
}

/* Java's JDBC types are instants with one half left empty: whatever stands in that half would be lost. */
static beamc_status encode_java_date(const beamc_value *value, const tecton_field_path *path, beamc_byte_buffer *out,
                                     beamc_error *err) {
    int64_t seconds = value->as.time.seconds;
    if (seconds % SECONDS_A_DAY != 0 || value->as.time.nanos != 0)
        return tecton_field_refuse(path, err,
                                   "the date has a time of day, which a date cannot hold. Set it to midnight in UTC "
                                   "before the sink, or make the field a DATETIME");
    return encode_date(seconds / SECONDS_A_DAY, path, out, err);
}

static beamc_status encode_java_time(const beamc_value *value, const tecton_field_path *path, beamc_byte_buffer *out,
                                     beamc_error *err) {
    int64_t seconds = value->as.time.seconds;
    if (seconds < 0 || seconds >= SECONDS_A_DAY)
        return tecton_field_refuse(path, err,
                                   "the time of day has a date other than 1970-01-01, which a time cannot hold. Leave "
                                   "the date out before the sink, or make the field a DATETIME");
    return encode_time(seconds * NANOS_A_SECOND + value->as.time.nanos, path, out, err);
}

static beamc_status encode_decimal(const beamc_value *value, const tecton_field_path *path, beamc_byte_buffer *out,
                                   beamc_error *err) {
    if (tecton_json_decimal(out, value->as.decimal.unscaled, value->as.decimal.unscaled_len, value->as.decimal.scale))
        return BEAMC_OK;
    return tecton_field_refuse(
        path, err, "the decimal has more than 1,000 digits when it is written out. Round it before the sink");
}

static beamc_status encode_uuid(const beamc_value *value, const tecton_field_path *path, beamc_byte_buffer *out,
                                beamc_error *err) {
    const beamc_value *parts = value->as.items.data;
    if (value->as.items.count != 2 || parts[0].kind != BEAMC_VALUE_INTEGER || parts[1].kind != BEAMC_VALUE_INTEGER)
        return tecton_field_refuse(path, err, "a half of the UUID is null");
    tecton_json_uuid(out, (uint64_t)parts[0].as.integer, (uint64_t)parts[1].as.integer);
    return BEAMC_OK;
}

static beamc_status encode_enum(const tecton_type_plan *type, const beamc_value *value, const tecton_field_path *path,
                                beamc_byte_buffer *out, beamc_error *err) {
    int64_t number = value->as.integer;
    const char *name = number >= 0 && number < type->num_enum_names ? type->enum_names[number] : "";
    if (*name == '\0')
        return tecton_field_refuse(path, err,
                                   "the value is a number for which the enumeration has no name. Submit the pipeline "
                                   "again, so that its schema has every name");
    size_t bad_byte = 0;
    if (!tecton_json_string(out, (const uint8_t *)name, strlen(name), &bad_byte))
        return tecton_field_refuse(path, err, "the enumeration's name for the value is not valid UTF-8");
    return BEAMC_OK;
}

beamc_status tecton_encode_logical(const tecton_type_plan *type, const beamc_value *value,
                                   const tecton_field_path *path, beamc_byte_buffer *out, beamc_error *err) {
    switch (type->op) {
    case OP_TIMESTAMP:
        return encode_timestamp(type->fraction_digits, value->as.time.seconds, value->as.time.nanos, path, out, err);
    case OP_GO_TIME:
        return encode_go_time(value, path, out, err);
    case OP_DATE:
        return encode_date(value->as.integer, path, out, err);
    case OP_TIME:
        return encode_time(value->as.integer, path, out, err);
    case OP_DATETIME:
        return encode_datetime(value, path, out, err);
    case OP_JAVA_DATE:
        return encode_java_date(value, path, out, err);
    case OP_JAVA_TIME:
        return encode_java_time(value, path, out, err);
    case OP_DECIMAL:
        return encode_decimal(value, path, out, err);
    case OP_UUID:
        return encode_uuid(value, path, out, err);
    case OP_ENUM:
        return encode_enum(type, value, path, out, err);
    default:
        return BEAMC_INVALID; /* not ours */
    }
}
