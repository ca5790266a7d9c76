#include "tests/conformance/value_text.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static void put(beamc_byte_buffer *out, const char *format, ...) __attribute__((format(printf, 2, 3)));

static void put(beamc_byte_buffer *out, const char *format, ...) {
    char text[128];
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    (void)beamc_byte_buffer_append_text(out, text);
}

static void put_hex(beamc_byte_buffer *out, const uint8_t *bytes, size_t len) {
    put(out, "\"");
    for (size_t i = 0; i < len; i++)
        put(out, "%02x", bytes[i]);
    put(out, "\"");
}

static void put_items(beamc_byte_buffer *out, const beamc_value *items, size_t count, size_t step) {
    put(out, "[");
    for (size_t i = 0; i < count; i++) {
        put(out, "%s%s", i == 0 ? "" : ",", step == 2 ? "[" : "");
        value_text(&items[i * step], out);
        if (step == 2) {
            put(out, ",");
            value_text(&items[i * step + 1], out);
            put(out, "]");
        }
    }
    put(out, "]");
}

void value_text(const beamc_value *value, beamc_byte_buffer *out) {
    static const char *const names[] = {
        [BEAMC_VALUE_NULL] = "null",
        [BEAMC_VALUE_BOOLEAN] = "boolean",
        [BEAMC_VALUE_INTEGER] = "integer",
        [BEAMC_VALUE_FLOAT] = "float",
        [BEAMC_VALUE_DOUBLE] = "double",
        [BEAMC_VALUE_STRING] = "string",
        [BEAMC_VALUE_BYTES] = "bytes",
        [BEAMC_VALUE_ARRAY] = "array",
        [BEAMC_VALUE_MAP] = "map",
        [BEAMC_VALUE_ROW] = "row",
        [BEAMC_VALUE_TUPLE] = "tuple",
        [BEAMC_VALUE_WINDOW] = "window",
        [BEAMC_VALUE_TIMESTAMP] = "timestamp",
        [BEAMC_VALUE_DECIMAL] = "decimal",
    };
    put(out, "[\"%s\",", names[value->kind]);
    uint64_t bits = 0;
    switch (value->kind) {
    case BEAMC_VALUE_NULL:
        put(out, "null");
        break;
    case BEAMC_VALUE_BOOLEAN:
        put(out, "%s", value->as.boolean ? "true" : "false");
        break;
    case BEAMC_VALUE_INTEGER:
        put(out, "%" PRId64, value->as.integer);
        break;
    case BEAMC_VALUE_FLOAT:
    case BEAMC_VALUE_DOUBLE:
        memcpy(&bits, &value->as.real, sizeof bits);
        put(out, "\"%016" PRIx64 "\"", bits);
        break;
    case BEAMC_VALUE_STRING:
    case BEAMC_VALUE_BYTES:
        put_hex(out, value->as.bytes.data, value->as.bytes.len);
        break;
    case BEAMC_VALUE_ARRAY:
    case BEAMC_VALUE_ROW:
    case BEAMC_VALUE_TUPLE:
        put_items(out, value->as.items.data, value->as.items.count, 1);
        break;
    case BEAMC_VALUE_MAP:
        put_items(out, value->as.items.data, value->as.items.count, 2);
        break;
    case BEAMC_VALUE_TIMESTAMP:
        put(out, "[%" PRId64 ",%" PRIu32 "]", value->as.time.seconds, value->as.time.nanos);
        break;
    case BEAMC_VALUE_DECIMAL:
        put(out, "[");
        put_hex(out, value->as.decimal.unscaled, value->as.decimal.unscaled_len);
        put(out, ",%" PRId32 "]", value->as.decimal.scale);
        break;
    case BEAMC_VALUE_WINDOW:
        put(out, "[%" PRId64 ",%" PRIu64 "]", value->as.window.end_ms, value->as.window.span_ms);
        break;
    }
    put(out, "]");
}
