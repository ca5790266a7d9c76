#include "tests/support/fake_bundle.h"

#include "sdk_harness/base/alloc.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static void must(bool works, const char *what) {
    if (!works) {
        (void)fprintf(stderr, "fake bundle: %s\n", what);
        abort();
    }
}

struct beamc_waker {
    atomic_uint references;
    pthread_mutex_t lock;
    pthread_cond_t woken_changed;
    bool woken;
};

beamc_waker *beamc_waker_retain(beamc_waker *waker) {
    atomic_fetch_add(&waker->references, 1);
    return waker;
}

void beamc_waker_wake(beamc_waker *waker) {
    pthread_mutex_lock(&waker->lock);
    waker->woken = true;
    pthread_cond_broadcast(&waker->woken_changed);
    pthread_mutex_unlock(&waker->lock);
}

void beamc_waker_release(beamc_waker *waker) {
    if (atomic_fetch_sub(&waker->references, 1) != 1)
        return;
    pthread_cond_destroy(&waker->woken_changed);
    pthread_mutex_destroy(&waker->lock);
    free(waker);
}

beamc_bundle *fake_bundle_new(size_t num_emitted_fields) {
    beamc_bundle *bundle = beamc_alloc_zero(1, sizeof *bundle);
    bundle->num_emitted_fields = num_emitted_fields;
    bundle->waker = beamc_alloc_zero(1, sizeof *bundle->waker);
    atomic_init(&bundle->waker->references, 1);
    pthread_mutex_init(&bundle->waker->lock, NULL);
    pthread_condattr_t clock;
    pthread_condattr_init(&clock);
    pthread_condattr_setclock(&clock, CLOCK_MONOTONIC);
    pthread_cond_init(&bundle->waker->woken_changed, &clock);
    pthread_condattr_destroy(&clock);
    return bundle;
}

void fake_bundle_free(beamc_bundle *bundle) {
    beamc_waker_release(bundle->waker);
    free(bundle);
}

bool fake_bundle_await_wake(beamc_bundle *bundle, unsigned timeout_ms) {
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += timeout_ms / 1000;
    until.tv_nsec += (long)(timeout_ms % 1000) * 1000000;
    if (until.tv_nsec >= 1000000000) {
        until.tv_nsec -= 1000000000;
        until.tv_sec++;
    }
    beamc_waker *waker = bundle->waker;
    pthread_mutex_lock(&waker->lock);
    int waited = 0;
    while (!waker->woken && waited == 0)
        waited = pthread_cond_timedwait(&waker->woken_changed, &waker->lock, &until);
    bool woken = waker->woken;
    waker->woken = false;
    pthread_mutex_unlock(&waker->lock);
    return woken;
}

beamc_status fake_run_process(const beamc_dofn *dofn, void *instance, beamc_bundle *bundle,
                              const beamc_element *element, unsigned *num_agains, beamc_error *err) {
    for (;;) {
        beamc_status status = dofn->process(instance, element, err);
        if (status != BEAMC_AGAIN)
            return status;
        if (num_agains != NULL)
            (*num_agains)++;
        if (!fake_bundle_await_wake(bundle, FAKE_WAKE_TIMEOUT_MS))
            return beamc_fail(err, BEAMC_AGAIN, "process waits and nobody wakes it");
    }
}

beamc_status fake_run_finish(const beamc_dofn *dofn, void *instance, beamc_bundle *bundle, unsigned *num_agains,
                             beamc_error *err) {
    for (;;) {
        beamc_status status = dofn->finish_bundle(instance, err);
        if (status != BEAMC_AGAIN)
            return status;
        if (num_agains != NULL)
            (*num_agains)++;
        if (!fake_bundle_await_wake(bundle, FAKE_WAKE_TIMEOUT_MS))
            return beamc_fail(err, BEAMC_AGAIN, "finish_bundle waits and nobody wakes it");
    }
}

const char *beamc_bundle_instruction_id(const beamc_bundle *bundle) {
    (void)bundle;
    return "fake-bundle";
}

beamc_status beamc_bundle_emit(beamc_bundle *bundle, size_t output, const beamc_value *fields, int64_t timestamp_ms,
                               const beamc_element *like, beamc_error *err) {
    if (bundle->num_emitted == FAKE_MAX_EMITTED)
        return beamc_fail(err, BEAMC_LIMIT, "the fake keeps %d rows", FAKE_MAX_EMITTED);
    fake_emitted *row = &bundle->emitted[bundle->num_emitted++];
    *row = (fake_emitted){.output = output,
                          .timestamp_ms = timestamp_ms,
                          .windows_len = like->windows_len,
                          .num_windows = like->num_windows};
    must(like->windows_len <= sizeof row->windows, "the windows are too long");
    if (like->windows_len > 0)
        memcpy(row->windows, like->windows, like->windows_len);
    for (size_t i = 0; i < bundle->num_emitted_fields; i++) {
        const beamc_value *value = fields[i].kind == BEAMC_VALUE_ROW ? fields[i].as.items.data : &fields[i];
        if (value->kind == BEAMC_VALUE_STRING)
            (void)snprintf(row->texts[i], sizeof row->texts[i], "%.*s", (int)value->as.bytes.len,
                           (const char *)value->as.bytes.data);
        else if (value->kind == BEAMC_VALUE_BOOLEAN)
            row->fields[i] = value->as.boolean ? 1 : 0;
        else
            row->fields[i] = value->as.integer;
    }
    return BEAMC_OK;
}

uint64_t beamc_bundle_received_us(const beamc_bundle *bundle) {
    return bundle->received_us;
}

bool beamc_bundle_input_waiting(const beamc_bundle *bundle) {
    return bundle->input_waiting;
}

beamc_waker *beamc_bundle_waker(beamc_bundle *bundle) {
    return beamc_waker_retain(bundle->waker);
}

beamc_metrics *fake_metrics_new(void) {
    return beamc_alloc_zero(1, sizeof(beamc_metrics));
}

void fake_metrics_free(beamc_metrics *metrics) {
    free(metrics);
}

/* Metrics are known by "namespace:name". */
static void full_name(char *text, size_t text_size, const char *name_space, const char *name) {
    (void)snprintf(text, text_size, "%s:%s", name_space, name);
}

beamc_counter *beamc_metrics_counter(beamc_metrics *metrics, const char *name_space, const char *name) {
    char wanted[64];
    full_name(wanted, sizeof wanted, name_space, name);
    for (size_t i = 0; i < metrics->num_counters; i++) {
        if (strcmp(metrics->counters[i].name, wanted) == 0)
            return &metrics->counters[i];
    }
    must(metrics->num_counters < FAKE_MAX_METRICS, "too many counters");
    beamc_counter *counter = &metrics->counters[metrics->num_counters++];
    memcpy(counter->name, wanted, sizeof wanted);
    return counter;
}

beamc_distribution *beamc_metrics_distribution(beamc_metrics *metrics, const char *name_space, const char *name) {
    char wanted[64];
    full_name(wanted, sizeof wanted, name_space, name);
    for (size_t i = 0; i < metrics->num_distributions; i++) {
        if (strcmp(metrics->distributions[i].name, wanted) == 0)
            return &metrics->distributions[i];
    }
    must(metrics->num_distributions < FAKE_MAX_METRICS, "too many distributions");
    beamc_distribution *distribution = &metrics->distributions[metrics->num_distributions++];
    memcpy(distribution->name, wanted, sizeof wanted);
    return distribution;
}

beamc_bounded_trie *beamc_metrics_bounded_trie(beamc_metrics *metrics, const char *name_space, const char *name,
                                               const char *const *segments, size_t num_segments) {
    must(strcmp(name_space, "lineage") == 0 && strcmp(name, "sinks_v2") == 0, "another trie than the lineage's");
    size_t len = 0;
    for (size_t i = 0; i < num_segments; i++)
        len += (size_t)snprintf(metrics->lineage.path + len, sizeof metrics->lineage.path - len, "%s", segments[i]);
    return &metrics->lineage;
}

void beamc_bounded_trie_add(beamc_bounded_trie *trie) {
    trie->num_added++;
}

void beamc_counter_add(beamc_counter *counter, int64_t n) {
    counter->value += n;
}

void beamc_distribution_add(beamc_distribution *distribution, int64_t value) {
    if (distribution->count == 0 || value < distribution->min)
        distribution->min = value;
    if (distribution->count == 0 || value > distribution->max)
        distribution->max = value;
    distribution->count++;
    distribution->sum += value;
}

int64_t fake_counter(const beamc_metrics *metrics, const char *name) {
    for (size_t i = 0; i < metrics->num_counters; i++) {
        if (strcmp(metrics->counters[i].name, name) == 0)
            return metrics->counters[i].value;
    }
    return -1;
}

const beamc_distribution *fake_distribution(const beamc_metrics *metrics, const char *name) {
    for (size_t i = 0; i < metrics->num_distributions; i++) {
        if (strcmp(metrics->distributions[i].name, name) == 0)
            return &metrics->distributions[i];
    }
    return NULL;
}
