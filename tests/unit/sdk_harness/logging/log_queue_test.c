#include "sdk_harness/logging/log_queue.h"

#include "tests/support/check.h"

#include <pthread.h>

static int make_queue(void **state) {
    *state = beamc_log_queue_new(3);
    return 0;
}

static int free_queue(void **state) {
    beamc_log_queue_free(*state);
    return 0;
}

static bool add(beamc_log_queue *queue, const char *text) {
    const beamc_log_line line = {.level = BEAMC_LOG_WARN, .location = "here.c:1", .text = text};
    return beamc_log_queue_add(queue, &line, 1234);
}

/* Takes at most `max_lines`; the texts, each with a space behind it. */
static char *take(beamc_log_queue *queue, size_t max_lines, uint64_t *dropped) {
    static char texts[256];
    texts[0] = '\0';
    beamc_queued_line *line = beamc_log_queue_take(queue, max_lines, dropped);
    while (line != NULL) {
        beamc_queued_line *next = line->next;
        size_t len = strlen(texts);
        snprintf(texts + len, sizeof texts - len, "%s ", line->text);
        beamc_queued_line_free(line);
        line = next;
    }
    return texts;
}

static void lines_come_out_in_order_and_no_more_at_once_than_asked(void **state) {
    uint64_t dropped = 99;
    assert_true(add(*state, "a") && add(*state, "b") && add(*state, "c"));
    assert_string_equal(take(*state, 2, &dropped), "a b ");
    assert_true(add(*state, "d"));
    assert_string_equal(take(*state, 5, &dropped), "c d ");
    assert_int_equal(dropped, 0);
}

static void a_full_queue_drops_new_lines_and_says_how_many_once(void **state) {
    uint64_t dropped = 0;
    assert_true(add(*state, "a") && add(*state, "b") && add(*state, "c"));
    assert_false(add(*state, "d"));
    assert_false(add(*state, "e"));
    assert_string_equal(take(*state, 9, &dropped), "a b c ");
    assert_int_equal(dropped, 2);
    assert_true(add(*state, "f"));
    assert_string_equal(take(*state, 9, &dropped), "f ");
    assert_int_equal(dropped, 0);
}

static void a_line_is_copied_with_all_that_it_names(void **state) {
    char text[] = "text", location[] = "file.c:7", instruction[] = "b1", transform[] = "step";
    const beamc_log_line line = {.level = BEAMC_LOG_ERROR,
                                 .location = location,
                                 .instruction_id = instruction,
                                 .transform_id = transform,
                                 .text = text};
    uint64_t dropped = 0;
    assert_true(beamc_log_queue_add(*state, &line, 1234));
    text[0] = location[0] = instruction[0] = transform[0] = '#';
    beamc_queued_line *taken = beamc_log_queue_take(*state, 1, &dropped);
    assert_int_equal(taken->level, BEAMC_LOG_ERROR);
    assert_int_equal(taken->wall_ms, 1234);
    assert_string_equal(taken->text, "text");
    assert_string_equal(taken->location, "file.c:7");
    assert_string_equal(taken->instruction_id, "b1");
    assert_string_equal(taken->transform_id, "step");
    beamc_queued_line_free(taken);
}

static void a_line_of_no_bundle_names_none(void **state) {
    uint64_t dropped = 0;
    assert_true(add(*state, "a"));
    beamc_queued_line *taken = beamc_log_queue_take(*state, 1, &dropped);
    assert_null(taken->instruction_id);
    assert_null(taken->transform_id);
    beamc_queued_line_free(taken);
}

static void a_closed_queue_gives_what_is_left_and_takes_nothing_more(void **state) {
    uint64_t dropped = 0;
    assert_true(add(*state, "a"));
    beamc_log_queue_close(*state);
    assert_false(add(*state, "b"));
    assert_string_equal(take(*state, 9, &dropped), "a ");
    assert_null(beamc_log_queue_take(*state, 9, &dropped));
    assert_int_equal(dropped, 0); /* after the end nothing counts as lost */
}

static void *add_later(void *queue) {
    (void)add(queue, "later");
    return NULL;
}

static void a_taker_waits_for_the_next_line(void **state) {
    uint64_t dropped = 0;
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, add_later, *state), 0);
    assert_string_equal(take(*state, 9, &dropped), "later ");
    pthread_join(thread, NULL);
}

static void *close_later(void *queue) {
    beamc_log_queue_close(queue);
    return NULL;
}

static void a_taker_that_waits_is_released_by_the_close(void **state) {
    uint64_t dropped = 0;
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, close_later, *state), 0);
    assert_null(beamc_log_queue_take(*state, 9, &dropped));
    pthread_join(thread, NULL);
}

static void lines_nobody_took_go_with_the_queue(void **state) {
    assert_true(add(*state, "a") && add(*state, "b")); /* a leak checker would tell */
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, make_queue, free_queue)

int main(void) {
    const struct CMUnitTest tests[] = {
        CASE(lines_come_out_in_order_and_no_more_at_once_than_asked),
        CASE(a_full_queue_drops_new_lines_and_says_how_many_once),
        CASE(a_line_is_copied_with_all_that_it_names),
        CASE(a_line_of_no_bundle_names_none),
        CASE(a_closed_queue_gives_what_is_left_and_takes_nothing_more),
        CASE(a_taker_waits_for_the_next_line),
        CASE(a_taker_that_waits_is_released_by_the_close),
        CASE(lines_nobody_took_go_with_the_queue),
    };
    return cmocka_run_group_tests_name("log_queue", tests, NULL, NULL);
}
