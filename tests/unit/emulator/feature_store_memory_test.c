#include "tests/emulator/feature_store_memory.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { PLAIN, AGGREGATE };

static emu_store *store;

static int open_store(void **state) {
    (void)state;
    static const bool aggregate[] = {false, true};
    store = emu_store_new(2, aggregate, 100000);
    return 0;
}

static int close_store(void **state) {
    (void)state;
    emu_store_free(store);
    return 0;
}

static emu_store_write write_of(uint32_t view, const char *key, int64_t seconds, int32_t nanos, const char *row) {
    return (emu_store_write){.view = view,
                             .at = {.seconds = seconds, .nanos = nanos},
                             .key = key,
                             .key_len = (uint32_t)strlen(key),
                             .row = row,
                             .row_len = (uint32_t)strlen(row)};
}

static void put(uint32_t view, const char *key, int64_t seconds, int32_t nanos, const char *row) {
    emu_store_write write = write_of(view, key, seconds, nanos, row);
    assert_true(emu_store_write_all(store, &write, 1));
}

static void assert_row(uint32_t view, const char *key, const char *row, uint32_t num_events) {
    emu_store_row found;
    assert_true(emu_store_read(store, view, key, (uint32_t)strlen(key), &found));
    assert_int_equal(found.row_len, strlen(row));
    assert_memory_equal(found.row, row, found.row_len);
    assert_int_equal(found.num_events, num_events);
}

static void a_newer_row_replaces_and_an_older_one_does_not(void **state) {
    (void)state;
    for (uint32_t view = PLAIN; view <= AGGREGATE; view++) {
        put(view, "k", 10, 5, "[1]");
        put(view, "k", 10, 6, "[\"newer\"]");
        assert_row(view, "k", "[\"newer\"]", 2);
        put(view, "k", 9, 999, "[\"older and longer\"]");
        assert_row(view, "k", "[\"newer\"]", 3);
        assert_int_equal(emu_store_num_keys(store, view), 1);
        assert_int_equal(emu_store_num_events(store, view), 3);
    }
}

static void the_last_write_wins_for_equal_key_and_timestamp(void **state) {
    (void)state;
    for (uint32_t view = PLAIN; view <= AGGREGATE; view++) {
        put(view, "k", 10, 5, "[1]");
        put(view, "k", 10, 5, "[\"again\"]");
        assert_row(view, "k", "[\"again\"]", 1);
        put(view, "k", 20, 0, "[2]");
        put(view, "k", 10, 5, "[\"once more, and longer\"]");
        assert_row(view, "k", "[2]", 2);
    }
}

static void views_and_keys_are_kept_apart(void **state) {
    (void)state;
    put(PLAIN, "a", 1, 0, "[1]");
    put(PLAIN, "ab", 1, 0, "[2]");
    put(AGGREGATE, "a", 1, 0, "[3]");
    assert_row(PLAIN, "a", "[1]", 1);
    assert_row(PLAIN, "ab", "[2]", 1);
    assert_row(AGGREGATE, "a", "[3]", 1);
    emu_store_row none;
    assert_false(emu_store_read(store, AGGREGATE, "ab", 2, &none));
    assert_false(emu_store_read(store, PLAIN, "", 0, &none));
}

typedef struct {
    char text[256];
    int left;
} visited;

static bool note(void *context, emu_timestamp at, const char *row, uint32_t row_len) {
    visited *v = context;
    size_t len = strlen(v->text);
    snprintf(v->text + len, sizeof v->text - len, "%lld%.*s ", (long long)at.seconds, (int)row_len, row);
    return --v->left > 0;
}

static void a_plain_view_shows_keys_and_an_aggregate_view_events(void **state) {
    (void)state;
    for (uint32_t view = PLAIN; view <= AGGREGATE; view++) {
        put(view, "k", 2, 0, "[a]");
        put(view, "l", 1, 0, "[b]");
        put(view, "k", 3, 0, "[c]");
    }
    visited plain = {.left = 9};
    emu_store_visit(store, PLAIN, note, &plain);
    assert_string_equal(plain.text, "3[c] 1[b] ");
    visited aggregate = {.left = 9};
    emu_store_visit(store, AGGREGATE, note, &aggregate);
    assert_string_equal(aggregate.text, "2[a] 1[b] 3[c] ");
    visited first = {.left = 1};
    emu_store_visit(store, AGGREGATE, note, &first);
    assert_string_equal(first.text, "2[a] ");
}

static void many_keys_and_events_are_found_again(void **state) {
    (void)state;
    char key[32];
    char row[32];
    for (int i = 0; i < 20000; i++) {
        snprintf(key, sizeof key, "\"key number %d\",", i % 7000);
        snprintf(row, sizeof row, "[%d]", i);
        put(PLAIN, key, i / 7000, i % 3, row);
        put(AGGREGATE, key, i, 0, row);
    }
    assert_int_equal(emu_store_num_keys(store, PLAIN), 7000);
    assert_int_equal(emu_store_num_events(store, PLAIN), 20000);
    assert_int_equal(emu_store_num_events(store, AGGREGATE), 20000);
    for (int i = 0; i < 7000; i++) {
        int last = i < 6000 ? i + 14000 : i + 7000;
        snprintf(key, sizeof key, "\"key number %d\",", i);
        snprintf(row, sizeof row, "[%d]", last);
        assert_row(PLAIN, key, row, (uint32_t)(last / 7000 + 1));
        assert_row(AGGREGATE, key, row, (uint32_t)(last / 7000 + 1));
    }
}

static void a_batch_that_would_pass_the_ceiling_is_refused_whole(void **state) {
    (void)state;
    static const bool aggregate[] = {false, true};
    emu_store *small = emu_store_new(2, aggregate, 3);
    emu_store_write batch[] = {write_of(PLAIN, "a", 1, 0, "[1]"), write_of(AGGREGATE, "a", 1, 0, "[1]"),
                               write_of(PLAIN, "b", 1, 0, "[1]"), write_of(PLAIN, "c", 1, 0, "[1]")};
    assert_false(emu_store_write_all(small, batch, 4));
    assert_int_equal(emu_store_num_events(small, PLAIN) + emu_store_num_events(small, AGGREGATE), 0);
    assert_true(emu_store_write_all(small, batch, 3));
    assert_true(emu_store_write_all(small, batch, 3)); /* nothing new: the full store takes it */
    assert_false(emu_store_write_all(small, batch + 3, 1));
    emu_store_clear(small);
    assert_int_equal(emu_store_num_keys(small, PLAIN), 0);
    assert_true(emu_store_write_all(small, batch + 3, 1));
    emu_store_free(small);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_newer_row_replaces_and_an_older_one_does_not, open_store, close_store),
        cmocka_unit_test_setup_teardown(the_last_write_wins_for_equal_key_and_timestamp, open_store, close_store),
        cmocka_unit_test_setup_teardown(views_and_keys_are_kept_apart, open_store, close_store),
        cmocka_unit_test_setup_teardown(a_plain_view_shows_keys_and_an_aggregate_view_events, open_store, close_store),
        cmocka_unit_test_setup_teardown(many_keys_and_events_are_found_again, open_store, close_store),
        cmocka_unit_test(a_batch_that_would_pass_the_ceiling_is_refused_whole),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
