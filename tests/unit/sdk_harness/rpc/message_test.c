#include "sdk_harness/rpc/message.h"

#include "tests/support/check.h"

static void bytes_are_cut_into_slices_of_the_length_asked_for(void **state) {
    (void)state;
    beamc_message *message = beamc_message_from_bytes((const uint8_t *)"abcdefg", 7, 3);
    size_t len = 0;
    assert_int_equal(beamc_message_len(message), 7);
    assert_int_equal(beamc_message_num_slices(message), 3);
    assert_memory_equal(beamc_message_slice(message, 1, &len), "def", 3);
    assert_int_equal(len, 3);
    assert_memory_equal(beamc_message_slice(message, 2, &len), "g", 1);
    assert_int_equal(len, 1);
    beamc_message_release(message);
}

static void flattening_joins_the_slices_behind_what_is_there(void **state) {
    (void)state;
    beamc_message *message = beamc_message_from_bytes((const uint8_t *)"abcdefg", 7, 2);
    beamc_byte_buffer out;
    beamc_byte_buffer_init(&out, 100);
    assert_true(beamc_byte_buffer_append(&out, ">", 1));
    assert_true(beamc_message_flatten(message, &out));
    assert_int_equal(out.len, 8);
    assert_memory_equal(out.data, ">abcdefg", 8);
    beamc_byte_buffer_cleanup(&out);
    beamc_message_release(message);
}

static void a_message_past_the_ceiling_is_not_flattened(void **state) {
    (void)state;
    beamc_message *message = beamc_message_from_bytes((const uint8_t *)"abcdefg", 7, 2);
    beamc_byte_buffer out;
    beamc_byte_buffer_init(&out, 6);
    assert_false(beamc_message_flatten(message, &out));
    beamc_byte_buffer_cleanup(&out);
    beamc_message_release(message);
}

static void a_message_of_no_bytes_is_flattened_to_none(void **state) {
    (void)state;
    beamc_message *message = beamc_message_from_bytes(NULL, 0, 8);
    beamc_byte_buffer out;
    beamc_byte_buffer_init(&out, 6);
    assert_true(beamc_message_flatten(message, &out));
    assert_int_equal(out.len, 0);
    assert_int_equal(beamc_message_num_slices(message), 0);
    beamc_byte_buffer_cleanup(&out);
    beamc_message_release(message);
}

static void a_slice_goes_with_its_last_reference_and_the_others_stay(void **state) {
    (void)state;
    beamc_message *message = beamc_message_from_bytes((const uint8_t *)"abcdef", 6, 2);
    size_t len = 99;
    beamc_message_retain_slice(message, 1);
    beamc_message_release_slice(message, 1);
    assert_memory_equal(beamc_message_slice(message, 1, &len), "cd", 2);
    beamc_message_release_slice(message, 1);
    (void)beamc_message_slice(message, 1, &len);
    assert_int_equal(len, 0);
    assert_memory_equal(beamc_message_slice(message, 0, &len), "ab", 2);
    assert_memory_equal(beamc_message_slice(message, 2, &len), "ef", 2);
    assert_int_equal(beamc_message_len(message), 6); /* what it was when it came */
    beamc_message_release(message);
}

static void a_message_lives_as_long_as_one_holds_it(void **state) {
    (void)state;
    beamc_message *message = beamc_message_from_bytes((const uint8_t *)"abcdef", 6, 2);
    size_t len = 0;
    beamc_message_retain(message);
    beamc_message_release(message);
    assert_memory_equal(beamc_message_slice(message, 0, &len), "ab", 2);
    beamc_message_release(message);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bytes_are_cut_into_slices_of_the_length_asked_for),
        cmocka_unit_test(flattening_joins_the_slices_behind_what_is_there),
        cmocka_unit_test(a_message_past_the_ceiling_is_not_flattened),
        cmocka_unit_test(a_message_of_no_bytes_is_flattened_to_none),
        cmocka_unit_test(a_slice_goes_with_its_last_reference_and_the_others_stay),
        cmocka_unit_test(a_message_lives_as_long_as_one_holds_it),
    };
    return cmocka_run_group_tests_name("message", tests, NULL, NULL);
}
