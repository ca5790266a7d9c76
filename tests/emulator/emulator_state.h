/* What requests share: config, store, counters and faults. Each lock is held for one short call and never
 * together with another. */
#ifndef TESTS_EMULATOR_EMULATOR_STATE_H
#define TESTS_EMULATOR_EMULATOR_STATE_H

#include "tests/emulator/emulator_config.h"
#include "tests/emulator/fault_script.h"
#include "tests/emulator/feature_store_memory.h"
#include "tests/emulator/request_counters.h"
#include "tests/emulator/traffic_history.h"
#include "tests/emulator/traffic_model.h"
#include "tests/emulator/write_journal.h"

#include <pthread.h>
#include <stdatomic.h>

typedef struct {
    const emu_config *config;
    emu_store *store;
    pthread_mutex_t store_lock;
    const emu_journal *journal; /* the caller's; NULL: none */
    emu_counters *counters;
    emu_history *history;
    pthread_mutex_t counters_lock; /* of history too */
    emu_traffic traffic;
    pthread_mutex_t traffic_lock;
    emu_fault_script faults;
    pthread_mutex_t faults_lock;
    atomic_uint epoch; /* goes up with each reset; a connection is counted once an epoch */
} emu_state;

/* emu_state_init borrows `config` until emu_state_cleanup. */
void emu_state_init(emu_state *state, const emu_config *config);
void emu_state_cleanup(emu_state *state);

/* emu_state_reset clears store, counters, history, faults and the request ring; the traffic model is the config's
 * again. Any thread. */
void emu_state_reset(emu_state *state);

#endif
