/* The harness's side of dofn.h for tests of DoFns: a bundle whose waker, metrics and outputs can be looked at.
 *
 * fake_harness_run_* drive a DoFn as the harness does: a callback that answers BEAMC_AGAIN is called again after a
 * wake, and a test fails when no wake comes in FAKE_WAKE_TIMEOUT_MS. */
#ifndef TESTS_SUPPORT_FAKE_BUNDLE_H
#define TESTS_SUPPORT_FAKE_BUNDLE_H

#include "sdk_harness/dofn.h"

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    FAKE_MAX_METRICS = 32,
    FAKE_MAX_EMITTED = 4096,
    FAKE_MAX_FIELDS = 8,
    FAKE_TEXT_BYTES = 512,
    FAKE_WAKE_TIMEOUT_MS = 10 * 1000
};

struct beamc_counter {
    char name[64];
    int64_t value;
};

struct beamc_distribution {
    char name[64];
    int64_t count;
    int64_t sum;
    int64_t min;
    int64_t max;
};

struct beamc_bounded_trie {
    char path[256];
    unsigned num_added;
};

struct beamc_metrics {
    struct beamc_bounded_trie lineage; /* the one there is */
    struct beamc_counter counters[FAKE_MAX_METRICS];
    size_t num_counters;
    struct beamc_distribution distributions[FAKE_MAX_METRICS];
    size_t num_distributions;
};

/* One emitted row: its integers, and a time's seconds; its texts, and of a nested row the first field's. */
typedef struct {
    size_t output;
    int64_t fields[FAKE_MAX_FIELDS];
    char texts[FAKE_MAX_FIELDS][FAKE_TEXT_BYTES];
    int64_t timestamp_ms;
    uint8_t windows[32];
    size_t windows_len;
    uint32_t num_windows;
} fake_emitted;

struct beamc_bundle {
    bool input_waiting;   /* what beamc_bundle_input_waiting says */
    uint64_t received_us; /* what beamc_bundle_received_us says */
    beamc_waker *waker;
    size_t num_emitted_fields; /* of each output row */
    fake_emitted emitted[FAKE_MAX_EMITTED];
    size_t num_emitted;
};

beamc_metrics *fake_metrics_new(void);
void fake_metrics_free(beamc_metrics *metrics);
int64_t fake_counter(const beamc_metrics *metrics, const char *name); /* -1: there is none */
const beamc_distribution *fake_distribution(const beamc_metrics *metrics, const char *name);

beamc_bundle *fake_bundle_new(size_t num_emitted_fields);
void fake_bundle_free(beamc_bundle *bundle);

/* True when a wake came in time; consumes it. */
bool fake_bundle_await_wake(beamc_bundle *bundle, unsigned timeout_ms);

/* As the harness: call again after each wake. `num_agains` may be NULL. */
beamc_status fake_run_process(const beamc_dofn *dofn, void *instance, beamc_bundle *bundle,
                              const beamc_element *element, unsigned *num_agains, beamc_error *err);
beamc_status fake_run_finish(const beamc_dofn *dofn, void *instance, beamc_bundle *bundle, unsigned *num_agains,
                             beamc_error *err);

#endif
