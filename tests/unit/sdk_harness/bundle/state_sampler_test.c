#include "sdk_harness/bundle/state_sampler.h"
#include "tests/support/check.h"

enum { MAX_SEEN = 8 };

typedef struct {
    size_t num_cells;
    char urns[MAX_SEEN][80];
    uint8_t values[MAX_SEEN]; /* of one byte */
} seen;

static void remember(void *context, const beamc_metric_value *value) {
    seen *s = context;
    assert_true(s->num_cells < MAX_SEEN && value->payload_len == 1);
    assert_string_equal(value->key->labels[0].key, "PTRANSFORM");
    snprintf(s->urns[s->num_cells], sizeof s->urns[0], "%s/%s", value->key->labels[0].value, value->key->urn);
    s->values[s->num_cells++] = value->payload[0];
}

static int value_of(beamc_metric_registry *registry, const char *urn) {
    seen s = {0};
    beamc_metric_registry_each(registry, remember, &s);
    for (size_t i = 0; i < s.num_cells; i++)
        if (strcmp(s.urns[i], urn) == 0)
            return s.values[i];
    return -1;
}

#define TOTAL   "step/beam:metric:ptransform_execution_time:total_msecs:v1"
#define START   "step/beam:metric:pardo_execution_time:start_bundle_msecs:v1"
#define PROCESS "step/beam:metric:pardo_execution_time:process_bundle_msecs:v1"
#define FINISH  "step/beam:metric:pardo_execution_time:finish_bundle_msecs:v1"

static void a_sample_counts_for_the_state_the_bundle_is_in(void **state) {
    (void)state;
    beamc_metric_registry *registry = beamc_metric_registry_new();
    const beamc_execution_state start = beamc_execution_state_make(registry, "step", "start");
    const beamc_execution_state process = beamc_execution_state_make(registry, "step", "process");
    const beamc_execution_state finish = beamc_execution_state_make(registry, "step", "finish");
    const beamc_execution_state source = beamc_execution_state_make(registry, "source", NULL);
    beamc_state_sampler *sampler = beamc_state_sampler_start();
    beamc_sampled_bundle bundle = {0};
    beamc_sampled_bundle other = {0};
    (void)beamc_state_enter(&bundle, &start);
    beamc_state_sampler_sample(sampler, 100); /* not added yet */
    assert_int_equal(value_of(registry, START), -1);
    assert_int_equal(value_of(registry, TOTAL), -1);
    /* The thread may take samples of its own in between, of a few milliseconds at most; they count as well. */
    beamc_state_sampler_add(sampler, &other);
    beamc_state_sampler_add(sampler, &bundle);
    beamc_state_sampler_sample(sampler, 10);
    assert_ptr_equal(beamc_state_enter(&bundle, &source), &start);
    beamc_state_sampler_sample(sampler, 20);
    assert_ptr_equal(beamc_state_enter(&bundle, &process), &source);
    beamc_state_sampler_sample(sampler, 30);
    assert_ptr_equal(beamc_state_enter(&bundle, NULL), &process);
    beamc_state_sampler_sample(sampler, 40); /* it waits for input */
    beamc_state_sampler_remove(sampler, &bundle);
    (void)beamc_state_enter(&bundle, &process);
    beamc_state_sampler_sample(sampler, 50);
    beamc_state_sampler_remove(sampler, &other);
    beamc_state_sampler_stop(sampler);
    assert_in_range(value_of(registry, START), 10, 15);
    assert_in_range(value_of(registry, PROCESS), 30, 35);
    assert_int_equal(value_of(registry, FINISH), -1);
    assert_in_range(value_of(registry, TOTAL), 40, 45);
    assert_in_range(value_of(registry, "source/beam:metric:ptransform_execution_time:total_msecs:v1"), 20, 25);
    (void)finish;
    beamc_metric_registry_release(registry);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_sample_counts_for_the_state_the_bundle_is_in),
    };
    return cmocka_run_group_tests_name("state_sampler", tests, NULL, NULL);
}
