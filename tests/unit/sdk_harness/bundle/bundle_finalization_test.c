#include "sdk_harness/bundle/bundle_finalization.h"
#include "tests/support/check.h"

typedef struct {
    int finalized;
    int dropped;
} told;

static void tell(void *context, bool is_finalized) {
    told *t = context;
    if (is_finalized)
        t->finalized++;
    else
        t->dropped++;
}

static void keep(beamc_finalization_table *table, const char *id, told *t, uint64_t now_ms) {
    beamc_finalizers finalizers = {0};
    assert_int_equal(beamc_finalizers_add(&finalizers, tell, t, NULL), BEAMC_OK);
    assert_int_equal(beamc_finalizers_add(&finalizers, tell, t, NULL), BEAMC_OK);
    beamc_finalization_table_keep(table, id, &finalizers, now_ms);
    assert_null(finalizers.first);
}

static void a_bundle_is_handed_out_once_and_each_callback_told_once(void **state) {
    (void)state;
    beamc_finalization_table *table = beamc_finalization_table_new();
    told a = {0};
    told b = {0};
    keep(table, "a", &a, 0);
    keep(table, "b", &b, 1);
    beamc_finalizers taken;
    assert_false(beamc_finalization_table_take(table, "c", &taken));
    assert_true(beamc_finalization_table_take(table, "b", &taken)); /* the newest: the list's end moves */
    beamc_finalizers_run(&taken, true);
    assert_false(beamc_finalization_table_take(table, "b", &taken));
    assert_int_equal(b.finalized, 2);
    keep(table, "b", &b, 2);
    beamc_finalization_table_free(table);
    assert_int_equal(a.dropped, 2);
    assert_int_equal(a.finalized, 0);
    assert_int_equal(b.dropped, 2);
}

static void what_is_too_old_or_too_many_is_given_up_oldest_first(void **state) {
    (void)state;
    beamc_finalization_table *table = beamc_finalization_table_new();
    told old = {0};
    told young = {0};
    told last = {0};
    keep(table, "old", &old, 1000);
    keep(table, "young", &young, 2000);
    keep(table, "x", &last, 1000 + BEAMC_FINALIZATION_EXPIRES_MS);
    assert_int_equal(old.dropped, 0);
    keep(table, "y", &last, 1001 + BEAMC_FINALIZATION_EXPIRES_MS);
    assert_int_equal(old.dropped, 2);
    assert_int_equal(young.dropped, 0);
    for (int i = 0; i < BEAMC_FINALIZATIONS_KEPT - 3; i++)
        keep(table, "many", &last, 1002 + BEAMC_FINALIZATION_EXPIRES_MS);
    assert_int_equal(young.dropped, 0); /* as many as are kept */
    keep(table, "one more", &last, 1002 + BEAMC_FINALIZATION_EXPIRES_MS);
    assert_int_equal(young.dropped, 2);
    assert_int_equal(last.dropped, 0);
    beamc_finalization_table_free(table);
}

static void a_bundle_may_ask_only_so_often(void **state) {
    (void)state;
    beamc_finalizers finalizers = {0};
    told t = {0};
    for (int i = 0; i < BEAMC_FINALIZERS_A_BUNDLE; i++)
        assert_int_equal(beamc_finalizers_add(&finalizers, tell, &t, NULL), BEAMC_OK);
    beamc_error err;
    assert_int_equal(beamc_finalizers_add(&finalizers, tell, &t, &err), BEAMC_LIMIT);
    assert_contains(err.text, "once a bundle");
    beamc_finalizers_run(&finalizers, false);
    assert_int_equal(t.dropped, BEAMC_FINALIZERS_A_BUNDLE);
    assert_int_equal(finalizers.count, 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_bundle_is_handed_out_once_and_each_callback_told_once),
        cmocka_unit_test(what_is_too_old_or_too_many_is_given_up_oldest_first),
        cmocka_unit_test(a_bundle_may_ask_only_so_often),
    };
    return cmocka_run_group_tests_name("bundle_finalization", tests, NULL, NULL);
}
