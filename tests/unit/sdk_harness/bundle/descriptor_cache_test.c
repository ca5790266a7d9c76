#include "sdk_harness/bundle/descriptor_cache.h"

#include "tests/unit/sdk_harness/bundle/test_stage.h"

typedef struct {
    beamc_descriptor_cache *cache;
    int num_fetches;
    char fetched[64]; /* the last one */
} fixture;

static void fetch(void *context, const char *descriptor_id) {
    fixture *f = context;
    f->num_fetches++;
    snprintf(f->fetched, sizeof f->fetched, "%s", descriptor_id);
}

static void wake(void *context) {
    ++*(int *)context;
}

static int make_fixture(void **state) {
    static fixture f;
    f = (fixture){0};
    f.cache = beamc_descriptor_cache_new(&test_dofns, fetch, &f);
    test_dofn_reset();
    *state = &f;
    return 0;
}

static int free_fixture(void **state) {
    beamc_descriptor_cache_free(((fixture *)*state)->cache);
    assert_int_equal(test_dofn_seen.num_setups, test_dofn_seen.num_teardowns);
    return 0;
}

static void put(fixture *f, const char *id, const char *payload) {
    beamc_error err;
    fake_pipeline pipeline;
    test_stage_init(&pipeline, id, payload, "");
    if (beamc_descriptor_cache_put(f->cache, NULL, pipeline.bytes.data, pipeline.bytes.len, &err) != BEAMC_OK)
        fail_msg("%s", err.text);
    fake_pipeline_cleanup(&pipeline);
}

static beamc_plan *acquire(fixture *f, const char *id) {
    int woken = 0;
    beamc_plan *plan = NULL;
    beamc_error err;
    if (beamc_plan_acquire(f->cache, id, false, wake, &woken, &plan, &err) != BEAMC_OK)
        fail_msg("%s", err.text);
    return plan;
}

static void one_look_up_serves_all_who_wait_and_wakes_each_once(void **state) {
    fixture *f = *state;
    int woken[3] = {0};
    beamc_plan *plans[3] = {NULL};
    for (int i = 0; i < 3; i++)
        assert_int_equal(beamc_plan_acquire(f->cache, "d1", false, wake, &woken[i], &plans[i], NULL), BEAMC_AGAIN);
    assert_int_equal(f->num_fetches, 1);
    assert_string_equal(f->fetched, "d1");
    put(f, "d1", "");
    for (int i = 0; i < 3; i++) {
        assert_int_equal(woken[i], 1);
        assert_int_equal(beamc_plan_acquire(f->cache, "d1", true, wake, &woken[i], &plans[i], NULL), BEAMC_OK);
        assert_int_equal(woken[i], 1);
    }
    for (int i = 0; i < 3; i++)
        beamc_plan_release(f->cache, "d1", plans[i]);
    assert_int_equal(test_dofn_seen.num_setups, 3);
}

static void one_who_asks_again_before_the_answer_goes_on_waiting(void **state) {
    fixture *f = *state;
    int woken = 0;
    beamc_plan *plan = NULL;
    for (int i = 0; i < 3; i++) /* woken for another reason */
        assert_int_equal(beamc_plan_acquire(f->cache, "d1", i > 0, wake, &woken, &plan, NULL), BEAMC_AGAIN);
    assert_int_equal(f->num_fetches, 1);
    put(f, "d1", "");
    assert_int_equal(woken, 1);
}

static void a_plan_that_is_given_back_is_used_again(void **state) {
    fixture *f = *state;
    put(f, "d1", "");
    beamc_plan *plan = acquire(f, "d1");
    assert_false(beamc_plan_is_idle(f->cache, "d1"));
    beamc_plan_release(f->cache, "d1", plan);
    assert_true(beamc_plan_is_idle(f->cache, "d1"));
    assert_ptr_equal(acquire(f, "d1"), plan);
    beamc_plan_release(f->cache, "d1", plan);
    assert_int_equal(test_dofn_seen.num_setups, 1);
}

static void no_more_plans_are_kept_than_the_limit(void **state) {
    fixture *f = *state;
    beamc_plan *plans[BEAMC_IDLE_PLANS_KEPT + 5];
    put(f, "d1", "");
    for (size_t i = 0; i < BEAMC_IDLE_PLANS_KEPT + 5; i++)
        plans[i] = acquire(f, "d1");
    for (size_t i = 0; i < BEAMC_IDLE_PLANS_KEPT + 5; i++)
        beamc_plan_release(f->cache, "d1", plans[i]);
    assert_int_equal(test_dofn_seen.num_teardowns, 5);
}

static void a_look_up_that_fails_fails_those_who_wait_and_the_next_one_asks_anew(void **state) {
    fixture *f = *state;
    int woken = 0;
    beamc_plan *plan = NULL;
    beamc_error err;
    assert_int_equal(beamc_plan_acquire(f->cache, "d1", false, wake, &woken, &plan, NULL), BEAMC_AGAIN);
    beamc_descriptor_cache_fail(f->cache, "d1", "the runner said no");
    assert_int_equal(woken, 1);
    assert_int_equal(beamc_plan_acquire(f->cache, "d1", true, wake, &woken, &plan, &err), BEAMC_UNAVAILABLE);
    assert_contains(err.text, "the runner said no");
    assert_contains(err.text, "d1");
    assert_int_equal(beamc_plan_acquire(f->cache, "d1", false, wake, &woken, &plan, NULL), BEAMC_AGAIN);
    assert_int_equal(f->num_fetches, 2);
    put(f, "d1", "");
    assert_int_equal(woken, 2);
}

static void one_who_has_been_forgotten_is_not_woken(void **state) {
    fixture *f = *state;
    int gone = 0;
    int stays = 0;
    beamc_plan *plan = NULL;
    assert_int_equal(beamc_plan_acquire(f->cache, "d1", false, wake, &gone, &plan, NULL), BEAMC_AGAIN);
    assert_int_equal(beamc_plan_acquire(f->cache, "d1", false, wake, &stays, &plan, NULL), BEAMC_AGAIN);
    beamc_descriptor_cache_forget(f->cache, "d1", &gone);
    beamc_descriptor_cache_forget(f->cache, "another", &gone);
    put(f, "d1", "");
    assert_int_equal(gone, 0);
    assert_int_equal(stays, 1);
}

static void the_first_descriptor_of_an_id_stays(void **state) {
    fixture *f = *state;
    put(f, "d1", "first");
    beamc_plan *plan = acquire(f, "d1");
    put(f, "d1", "second"); /* the plan points into the first */
    beamc_plan *other = acquire(f, "d1");
    assert_string_equal(test_dofn_seen.payload, "first");
    beamc_plan_release(f->cache, "d1", plan);
    beamc_plan_release(f->cache, "d1", other);
}

static void a_failure_after_the_answer_changes_nothing(void **state) {
    fixture *f = *state;
    put(f, "d1", "");
    beamc_descriptor_cache_fail(f->cache, "d1", "too late");
    beamc_plan_release(f->cache, "d1", acquire(f, "d1"));
}

static void descriptors_are_kept_apart(void **state) {
    fixture *f = *state;
    put(f, "d1", "of the first");
    put(f, "d2", "of the second");
    beamc_plan *first = acquire(f, "d1");
    assert_string_equal(test_dofn_seen.payload, "of the first");
    beamc_plan *second = acquire(f, "d2");
    assert_string_equal(test_dofn_seen.payload, "of the second");
    beamc_plan_release(f->cache, "d1", first);
    beamc_plan_release(f->cache, "d2", second);
    assert_ptr_equal(acquire(f, "d2"), second);
    beamc_plan_release(f->cache, "d2", second);
    assert_int_equal(f->num_fetches, 0);
}

static void bytes_that_are_no_descriptor_are_refused_with_the_id(void **state) {
    fixture *f = *state;
    beamc_error err;
    assert_int_equal(beamc_descriptor_cache_put(f->cache, "d1", (const uint8_t *)"\xff\xff", 2, &err), BEAMC_INVALID);
    assert_contains(err.text, "d1");
}

static void count_address(void *context, const char *url) {
    assert_string_equal(url, TEST_URL);
    ++*(int *)context;
}

static void a_stage_that_cannot_be_planned_is_an_error_each_time_and_its_addresses_are_known(void **state) {
    fixture *f = *state;
    int num_addresses = 0;
    beamc_plan *plan = NULL;
    beamc_error err;
    put(f, "d1", "fail");
    for (int i = 0; i < 2; i++) {
        assert_int_equal(beamc_plan_acquire(f->cache, "d1", false, wake, &num_addresses, &plan, &err), BEAMC_INVALID);
        assert_contains(err.text, "setup fails");
    }
    test_dofn_seen.num_teardowns = test_dofn_seen.num_setups; /* what failed to start is not torn down */
    beamc_descriptor_cache_each_source(f->cache, "d1", count_address, &num_addresses);
    beamc_descriptor_cache_each_source(f->cache, "never put", count_address, &num_addresses);
    assert_int_equal(num_addresses, 1);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, make_fixture, free_fixture)

int main(void) {
    const struct CMUnitTest tests[] = {
        CASE(one_look_up_serves_all_who_wait_and_wakes_each_once),
        CASE(one_who_asks_again_before_the_answer_goes_on_waiting),
        CASE(a_plan_that_is_given_back_is_used_again),
        CASE(no_more_plans_are_kept_than_the_limit),
        CASE(a_look_up_that_fails_fails_those_who_wait_and_the_next_one_asks_anew),
        CASE(one_who_has_been_forgotten_is_not_woken),
        CASE(the_first_descriptor_of_an_id_stays),
        CASE(a_failure_after_the_answer_changes_nothing),
        CASE(descriptors_are_kept_apart),
        CASE(bytes_that_are_no_descriptor_are_refused_with_the_id),
        CASE(a_stage_that_cannot_be_planned_is_an_error_each_time_and_its_addresses_are_known),
    };
    return cmocka_run_group_tests_name("descriptor_cache", tests, NULL, NULL);
}
