#include "sdk_harness/coders/message_nesting.h"

#include "protos/schema.pb-c.h"
#include "tests/support/check.h"

#include <stdlib.h>

/* A FieldType of arrays of arrays: `levels` types inside one another, written from the inside out. */
static uint8_t *nested_arrays(size_t levels, size_t *len) {
    size_t room = 16 * (levels + 1);
    uint8_t *bytes = malloc(room);
    uint8_t *at = bytes + room;
    for (size_t i = 0; i < levels; i++) {
        const uint8_t tags[] = {0x0a, 0x1a}; /* ArrayType.element_type, FieldType.array_type */
        for (size_t t = 0; t < 2; t++) {
            uint8_t head[8] = {tags[t]};
            size_t head_len = 1;
            size_t rest = (size_t)(bytes + room - at);
            for (; rest >= 0x80; rest >>= 7)
                head[head_len++] = (uint8_t)(rest | 0x80);
            head[head_len++] = (uint8_t)rest;
            at -= head_len;
            memcpy(at, head, head_len);
        }
    }
    *len = (size_t)(bytes + room - at);
    memmove(bytes, at, *len);
    return bytes;
}

static bool deeper(const uint8_t *bytes, size_t len, unsigned limit) {
    return beamc_message_nests_deeper(&beam__field_type__descriptor, bytes, len, limit);
}

static void nesting_is_counted_in_messages(void **state) {
    (void)state;
    size_t len = 0;
    uint8_t *bytes = nested_arrays(3, &len); /* six messages below the first */
    assert_false(deeper(bytes, len, 6));
    assert_true(deeper(bytes, len, 5));
    assert_false(deeper(NULL, 0, 0));
    free(bytes);
}

static void bytes_that_would_use_up_the_stack_are_found_without_using_it(void **state) {
    (void)state;
    size_t len = 0;
    uint8_t *bytes = nested_arrays(400000, &len);
    assert_true(deeper(bytes, len, 400));
    free(bytes);
}

static void text_that_looks_like_a_message_does_not_count(void **state) {
    (void)state;
    /* LogicalType.urn and .payload hold what would be a nested FieldType */
    static const uint8_t bytes[] = "\x3a\x0c\x0a\x04\x3a\x02\x0a\x00\x12\x04\x3a\x02\x0a\x00";
    assert_false(deeper(bytes, sizeof bytes - 1, 1));
    assert_true(deeper(bytes, sizeof bytes - 1, 0));
}

static void bytes_that_are_no_message_are_left_to_the_unpacker(void **state) {
    (void)state;
    static const char *const bad[] = {"\x3a\x7f\x0a", "\x0b", "\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff",
                                      "\x09\x01",     "\x3a", "\x08"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_false(deeper((const uint8_t *)bad[i], strlen(bad[i]), 0));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nesting_is_counted_in_messages),
        cmocka_unit_test(bytes_that_would_use_up_the_stack_are_found_without_using_it),
        cmocka_unit_test(text_that_looks_like_a_message_does_not_count),
        cmocka_unit_test(bytes_that_are_no_message_are_left_to_the_unpacker),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
