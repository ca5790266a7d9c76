#include "worker/records/seen_keys.h"

#include "tests/support/check.h"
#include "tests/support/test_rows.h"

static const beamc_field fields[] = {FIELD("user", TYPE(STRING)), FIELD("shop", NULLABLE(INT64)),
                                     FIELD("amount", TYPE(DOUBLE)), FIELD("at", TYPE(STRING))};
static const beamc_schema schema = SCHEMA(fields);

static tecton_seen_keys *made(char *key_fields, char *timestamp_field, char *timestamp_from_element) {
    tecton_sink_config config = {
        .key_fields = key_fields, .timestamp_field = timestamp_field, .timestamp_from_element = timestamp_from_element};
    return tecton_seen_keys_new(&schema, &config);
}

static bool add(tecton_seen_keys *seen, const char *user, beamc_value shop, double amount, const char *at, int64_t ms) {
    const beamc_value row[] = {text_value(user), shop, double_value(amount), text_value(at)};
    return tecton_seen_keys_add(seen, row, ms);
}

static void rows_are_compared_only_where_keys_and_time_are_named(void **state) {
    (void)state;
    assert_null(made(NULL, "at", NULL));
    assert_null(made("user", NULL, NULL));
    assert_null(made(" , ", "at", NULL));
    tecton_seen_keys *seen = made("user", NULL, "event_time");
    assert_non_null(seen);
    tecton_seen_keys_free(seen);
    tecton_seen_keys_free(NULL);
}

static void equal_keys_at_an_equal_time_are_seen_whatever_else_is_in_the_row(void **state) {
    (void)state;
    tecton_seen_keys *seen = made("user, shop", "at", NULL);
    assert_false(add(seen, "u", integer_value(1), 1, "t1", 0));
    assert_true(add(seen, "u", integer_value(1), 2, "t1", 99)); /* another amount and element time */
    assert_false(add(seen, "u", integer_value(1), 1, "t2", 0));
    assert_false(add(seen, "u", integer_value(2), 1, "t1", 0));
    assert_false(add(seen, "u", null_value(), 1, "t1", 0));
    assert_true(add(seen, "u", null_value(), 1, "t1", 0));
    assert_false(add(seen, "", integer_value(1), 1, "ut1", 0)); /* texts do not run into one another */
    tecton_seen_keys_clear(seen);
    assert_false(add(seen, "u", integer_value(1), 1, "t1", 0));
    tecton_seen_keys_free(seen);
}

static void the_elements_time_counts_where_no_field_holds_it(void **state) {
    (void)state;
    tecton_seen_keys *seen = made("user", NULL, "event_time");
    assert_false(add(seen, "u", null_value(), 1, "x", 5));
    assert_false(add(seen, "u", null_value(), 1, "x", 6));
    assert_true(add(seen, "u", null_value(), 1, "y", 5));
    tecton_seen_keys_free(seen);
}

static void many_keys_are_told_apart_and_past_the_bound_rows_are_not_looked_at(void **state) {
    (void)state;
    tecton_seen_keys *seen = made("shop", NULL, "event_time");
    for (int64_t i = 0; i < TECTON_SEEN_KEYS; i++)
        assert_false(add(seen, "u", integer_value(i), 1, "x", 0));
    assert_false(add(seen, "u", integer_value(0), 1, "x", 0)); /* it was there, but nobody looks any more */
    tecton_seen_keys_clear(seen);
    assert_false(add(seen, "u", integer_value(7), 1, "x", 0));
    assert_true(add(seen, "u", integer_value(7), 1, "x", 0));
    tecton_seen_keys_free(seen);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rows_are_compared_only_where_keys_and_time_are_named),
        cmocka_unit_test(equal_keys_at_an_equal_time_are_seen_whatever_else_is_in_the_row),
        cmocka_unit_test(the_elements_time_counts_where_no_field_holds_it),
        cmocka_unit_test(many_keys_are_told_apart_and_past_the_bound_rows_are_not_looked_at),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
