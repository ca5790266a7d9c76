/* The identity of a metric: as in MonitoringInfo. */
#ifndef SDK_HARNESS_METRICS_METRIC_KEY_H
#define SDK_HARNESS_METRICS_METRIC_KEY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { BEAMC_METRIC_MAX_LABELS = 4 };

typedef struct {
    const char *key;
    const char *value;
} beamc_metric_label;

typedef struct {
    const char *urn;
    const char *type;
    size_t num_labels;
    beamc_metric_label labels[BEAMC_METRIC_MAX_LABELS];
} beamc_metric_key;

/* beamc_metric_key_copy copies all texts; release them with beamc_metric_key_cleanup. */
beamc_metric_key beamc_metric_key_copy(const beamc_metric_key *key);
void beamc_metric_key_cleanup(beamc_metric_key *key);

/* beamc_metric_key_equal compares URN and labels, in order; the type follows from the URN. */
bool beamc_metric_key_equal(const beamc_metric_key *a, const beamc_metric_key *b);
uint64_t beamc_metric_key_hash(const beamc_metric_key *key);

#endif
