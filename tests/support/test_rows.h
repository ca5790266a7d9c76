/* Schemas and values written by hand: what a decoder would have made. */
#ifndef TESTS_SUPPORT_TEST_ROWS_H
#define TESTS_SUPPORT_TEST_ROWS_H

#include "sdk_harness/coders/schema.h"
#include "sdk_harness/coders/value.h"

#include <string.h>

#define TYPE(of)     ((beamc_type){.kind = BEAMC_TYPE_##of})
#define NULLABLE(of) ((beamc_type){.kind = BEAMC_TYPE_##of, .nullable = true})
#define LOGICAL(of, what, urn)                                                                                         \
    ((beamc_type){.kind = BEAMC_TYPE_##of, .logical = BEAMC_LOGICAL_##what, .logical_urn = urn})
#define ARRAY_OF(pointer) ((beamc_type){.kind = BEAMC_TYPE_ARRAY, .element = pointer})
#define MAP_OF(key_pointer, value_pointer)                                                                             \
    ((beamc_type){.kind = BEAMC_TYPE_MAP, .key = key_pointer, .element = value_pointer})
#define ROW_OF(pointer) ((beamc_type){.kind = BEAMC_TYPE_ROW, .row = pointer})
#define FIELD(called, of)                                                                                              \
    { .name = called, .type = of }
#define SCHEMA(of_fields)                                                                                              \
    { .id = "", .num_fields = sizeof(of_fields) / sizeof((of_fields)[0]), .fields = of_fields }

static inline beamc_value null_value(void) {
    return (beamc_value){.kind = BEAMC_VALUE_NULL};
}

static inline beamc_value text_value(const char *text) {
    return (beamc_value){.kind = BEAMC_VALUE_STRING, .as.bytes = {.data = (const uint8_t *)text, .len = strlen(text)}};
}

static inline beamc_value bytes_value(const void *bytes, size_t len) {
    return (beamc_value){.kind = BEAMC_VALUE_BYTES, .as.bytes = {.data = bytes, .len = len}};
}

static inline beamc_value integer_value(int64_t integer) {
    return (beamc_value){.kind = BEAMC_VALUE_INTEGER, .as.integer = integer};
}

static inline beamc_value double_value(double real) {
    return (beamc_value){.kind = BEAMC_VALUE_DOUBLE, .as.real = real};
}

static inline beamc_value float_value(float real) {
    return (beamc_value){.kind = BEAMC_VALUE_FLOAT, .as.real = (double)real};
}

static inline beamc_value boolean_value(bool boolean) {
    return (beamc_value){.kind = BEAMC_VALUE_BOOLEAN, .as.boolean = boolean};
}

static inline beamc_value time_value(int64_t seconds, uint32_t nanos) {
    return (beamc_value){.kind = BEAMC_VALUE_TIMESTAMP, .as.time = {.seconds = seconds, .nanos = nanos}};
}

static inline beamc_value items_value(beamc_value_kind kind, beamc_value *items, size_t count) {
    return (beamc_value){.kind = kind, .as.items = {.data = items, .count = count}};
}

#endif
