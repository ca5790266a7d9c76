#include "sdk_harness/bundle/state_sampler.h"

#include "sdk_harness/base/alloc.h"
#include "sdk_harness/base/clock.h"
#include "sdk_harness/base/wait_deadline.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

/* Ticks without a bundle before the thread sleeps for good: tiny bundles one after another must not each wake it. */
enum { IDLE_TICKS = 5 };

struct beamc_state_sampler {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    beamc_sampled_bundle *bundles;
    bool asleep;
    bool stopping;
    pthread_t thread;
};

beamc_execution_state beamc_execution_state_make(beamc_metric_registry *metrics, const char *transform_id,
                                                 const char *phase) {
    beamc_execution_state state = {0};
    beamc_metric_key key = {.urn = "beam:metric:ptransform_execution_time:total_msecs:v1",
                            .type = "beam:metrics:sum_int64:v1",
                            .num_labels = 1,
                            .labels = {{"PTRANSFORM", transform_id}}};
    state.total = beamc_metric_registry_cell(metrics, BEAMC_METRIC_DURATION, &key);
    if (phase != NULL) {
        char urn[80];
        snprintf(urn, sizeof urn, "beam:metric:pardo_execution_time:%s_bundle_msecs:v1", phase);
        key.urn = urn;
        state.phase = beamc_metric_registry_cell(metrics, BEAMC_METRIC_DURATION, &key);
    }
    return state;
}

static void sample(beamc_state_sampler *sampler, uint64_t elapsed_ms) { /* under the lock */
    for (beamc_sampled_bundle *bundle = sampler->bundles; bundle != NULL; bundle = bundle->next) {
        const beamc_execution_state *state = atomic_load_explicit(&bundle->state, memory_order_relaxed);
        if (state == NULL)
            continue;
        beamc_metric_cell_add(state->total, (int64_t)elapsed_ms);
        if (state->phase != NULL)
            beamc_metric_cell_add(state->phase, (int64_t)elapsed_ms);
    }
}

void beamc_state_sampler_sample(beamc_state_sampler *sampler, uint64_t elapsed_ms) {
    pthread_mutex_lock(&sampler->lock);
    sample(sampler, elapsed_ms);
    pthread_mutex_unlock(&sampler->lock);
}

static void *run(void *context) {
    beamc_state_sampler *sampler = context;
    unsigned num_idle = 0;
    pthread_mutex_lock(&sampler->lock);
    uint64_t last_ms = beamc_clock_ms();
    while (!sampler->stopping) {
        num_idle = sampler->bundles == NULL ? num_idle + 1 : 0;
        if (num_idle > IDLE_TICKS) {
            sampler->asleep = true;
            while (sampler->bundles == NULL && !sampler->stopping)
                pthread_cond_wait(&sampler->changed, &sampler->lock);
            sampler->asleep = false;
            last_ms = beamc_clock_ms();
            continue;
        }
        const struct timespec deadline = beamc_deadline_in(BEAMC_SAMPLE_EVERY_MS);
        while (!sampler->stopping && pthread_cond_timedwait(&sampler->changed, &sampler->lock, &deadline) == 0) {
        }
        uint64_t now_ms = beamc_clock_ms();
        sample(sampler, now_ms - last_ms);
        last_ms = now_ms;
    }
    pthread_mutex_unlock(&sampler->lock);
    return NULL;
}

beamc_state_sampler *beamc_state_sampler_start(void) {
    beamc_state_sampler *sampler = beamc_alloc_zero(1, sizeof *sampler);
    pthread_mutex_init(&sampler->lock, NULL);
    beamc_condition_init(&sampler->changed);
    if (pthread_create(&sampler->thread, NULL, run, sampler) != 0)
        abort(); /* at start, before any work was taken */
    pthread_setname_np(sampler->thread, "beam-sampler");
    return sampler;
}

void beamc_state_sampler_stop(beamc_state_sampler *sampler) {
    if (sampler == NULL)
        return;
    pthread_mutex_lock(&sampler->lock);
    sampler->stopping = true;
    pthread_cond_signal(&sampler->changed);
    pthread_mutex_unlock(&sampler->lock);
    pthread_join(sampler->thread, NULL);
    pthread_cond_destroy(&sampler->changed);
    pthread_mutex_destroy(&sampler->lock);
    free(sampler);
}

void beamc_state_sampler_add(beamc_state_sampler *sampler, beamc_sampled_bundle *bundle) {
    pthread_mutex_lock(&sampler->lock);
    bundle->next = sampler->bundles;
    sampler->bundles = bundle;
    if (sampler->asleep)
        pthread_cond_signal(&sampler->changed);
    pthread_mutex_unlock(&sampler->lock);
}

void beamc_state_sampler_remove(beamc_state_sampler *sampler, beamc_sampled_bundle *bundle) {
    pthread_mutex_lock(&sampler->lock);
    for (beamc_sampled_bundle **at = &sampler->bundles; *at != NULL; at = &(*at)->next)
        if (*at == bundle) {
            *at = bundle->next;
            break;
        }
    pthread_mutex_unlock(&sampler->lock);
}
