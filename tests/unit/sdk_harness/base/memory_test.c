/* The two kinds of bounded memory: byte_buffer and arena. */
#include "sdk_harness/base/arena.h"
#include "sdk_harness/base/byte_buffer.h"
#include "tests/support/check.h"

static void a_buffer_grows_up_to_its_ceiling_and_not_past_it(void **state) {
    (void)state;
    beamc_byte_buffer buffer;
    beamc_byte_buffer_init(&buffer, 100);
    for (int i = 0; i < 100; i++)
        assert_true(beamc_byte_buffer_append_byte(&buffer, (uint8_t)i));
    assert_false(beamc_byte_buffer_append_byte(&buffer, 1));
    assert_true(buffer.failed);
    assert_int_equal(buffer.len, 100);
    assert_int_equal(buffer.data[99], 99);
    beamc_byte_buffer_cleanup(&buffer);
}

static void after_a_failed_append_nothing_more_is_written_until_clear(void **state) {
    (void)state;
    beamc_byte_buffer buffer;
    beamc_byte_buffer_init(&buffer, 8);
    assert_true(beamc_byte_buffer_append_text(&buffer, "1234"));
    assert_false(beamc_byte_buffer_append_text(&buffer, "56789"));
    assert_false(beamc_byte_buffer_append_text(&buffer, "5"));
    assert_int_equal(buffer.len, 4);
    beamc_byte_buffer_clear(&buffer);
    assert_true(beamc_byte_buffer_append_text(&buffer, "12345678"));
    beamc_byte_buffer_cleanup(&buffer);
}

static void nothing_may_be_appended_to_a_buffer_that_has_no_memory_yet(void **state) {
    (void)state;
    beamc_byte_buffer buffer;
    beamc_byte_buffer_init(&buffer, 1);
    assert_true(beamc_byte_buffer_append(&buffer, NULL, 0));
    assert_true(beamc_byte_buffer_append_text(&buffer, ""));
    assert_int_equal(buffer.len, 0);
    assert_false(beamc_byte_buffer_append(&buffer, "ab", 2));
    assert_false(beamc_byte_buffer_append(&buffer, NULL, 0)); /* after a failure nothing more is taken */
    beamc_byte_buffer_cleanup(&buffer);
}

static void an_arena_hands_out_aligned_memory_that_does_not_overlap(void **state) {
    (void)state;
    beamc_arena arena;
    beamc_arena_init(&arena, 1024 * 1024);
    uint8_t *earlier = NULL;
    for (size_t size = 0; size < 3000; size += 7) {
        uint8_t *memory = beamc_arena_take(&arena, size);
        assert_non_null(memory);
        assert_int_equal((uintptr_t)memory % 16, 0);
        memset(memory, 0xAB, size);
        assert_ptr_not_equal(memory, earlier);
        earlier = memory;
    }
    beamc_arena_cleanup(&arena);
}

static void an_arena_refuses_what_passes_its_ceiling_and_gives_again_after_reset(void **state) {
    (void)state;
    beamc_arena arena;
    beamc_arena_init(&arena, 1000);
    assert_non_null(beamc_arena_take(&arena, 900));
    assert_null(beamc_arena_take(&arena, 20000));
    assert_null(beamc_arena_take(&arena, SIZE_MAX));
    assert_null(beamc_arena_take(&arena, SIZE_MAX - 5));
    beamc_arena_reset(&arena);
    assert_non_null(beamc_arena_take(&arena, 900));
    beamc_arena_cleanup(&arena);
}

static void an_arena_does_not_keep_a_huge_block(void **state) {
    (void)state;
    beamc_arena arena;
    beamc_arena_init(&arena, 64 * 1024 * 1024);
    assert_non_null(beamc_arena_take(&arena, 32 * 1024 * 1024));
    beamc_arena_reset(&arena);
    assert_null(arena.current);
    beamc_arena_cleanup(&arena);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_buffer_grows_up_to_its_ceiling_and_not_past_it),
        cmocka_unit_test(after_a_failed_append_nothing_more_is_written_until_clear),
        cmocka_unit_test(nothing_may_be_appended_to_a_buffer_that_has_no_memory_yet),
        cmocka_unit_test(an_arena_hands_out_aligned_memory_that_does_not_overlap),
        cmocka_unit_test(an_arena_refuses_what_passes_its_ceiling_and_gives_again_after_reset),
        cmocka_unit_test(an_arena_does_not_keep_a_huge_block),
    };
    return cmocka_run_group_tests_name("memory", tests, NULL, NULL);
}
