#include "tests/emulator/emulator_state.h"

#include "sdk_harness/base/alloc.h"
#include "sdk_harness/base/clock.h"

#include <stdlib.h>

void emu_state_init(emu_state *state, const emu_config *config) {
    *state = (emu_state){.config = config};
    bool *aggregate = beamc_alloc_zero(config->num_views, sizeof *aggregate);
    for (uint32_t i = 0; i < config->num_views; i++)
        aggregate[i] = config->views[i].aggregate;
    state->store = emu_store_new(config->num_views, aggregate, config->strictness.max_rows);
    free(aggregate);
    state->counters = emu_counters_new();
    state->history = emu_history_new();
    emu_traffic_set(&state->traffic, &config->traffic, beamc_clock_us());
    pthread_mutex_init(&state->traffic_lock, NULL);
    pthread_mutex_init(&state->store_lock, NULL);
    pthread_mutex_init(&state->counters_lock, NULL);
    pthread_mutex_init(&state->faults_lock, NULL);
    atomic_init(&state->epoch, 1);
}

void emu_state_cleanup(emu_state *state) {
    emu_store_free(state->store);
    emu_counters_free(state->counters);
    emu_history_free(state->history);
    emu_fault_script_cleanup(&state->faults);
    pthread_mutex_destroy(&state->traffic_lock);
    pthread_mutex_destroy(&state->store_lock);
    pthread_mutex_destroy(&state->counters_lock);
    pthread_mutex_destroy(&state->faults_lock);
}

void emu_state_reset(emu_state *state) {
    pthread_mutex_lock(&state->faults_lock);
    emu_fault_script_cleanup(&state->faults);
    pthread_mutex_unlock(&state->faults_lock);
    pthread_mutex_lock(&state->traffic_lock);
    emu_traffic_set(&state->traffic, &state->config->traffic, beamc_clock_us());
    pthread_mutex_unlock(&state->traffic_lock);
    pthread_mutex_lock(&state->store_lock);
    emu_store_clear(state->store);
    pthread_mutex_unlock(&state->store_lock);
    pthread_mutex_lock(&state->counters_lock);
    emu_counters_reset(state->counters);
    emu_history_reset(state->history);
    pthread_mutex_unlock(&state->counters_lock);
    atomic_fetch_add(&state->epoch, 1);
}
