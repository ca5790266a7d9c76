/* An ingest request from its checks to its answer, and the state that requests share. */
#ifndef TESTS_EMULATOR_INGEST_H
#define TESTS_EMULATOR_INGEST_H

#include "tests/emulator/emulator_config.h"
#include "tests/emulator/fault_script.h"
#include "tests/emulator/feature_store_memory.h"
#include "tests/emulator/ingest_check.h"
#include "tests/emulator/request_counters.h"

#include <pthread.h>
#include <stdatomic.h>

/* Each lock is held for one short call and never together with another. */
typedef struct {
    const emu_config *config;
    emu_store *store;
    pthread_mutex_t store_lock;
    emu_counters *counters;
    pthread_mutex_t counters_lock;
    emu_fault_script faults;
    pthread_mutex_t faults_lock;
    atomic_uint epoch; /* goes up with each reset; a connection is counted once an epoch */
} emu_state;

void emu_state_init(emu_state *state, const emu_config *config);
void emu_state_cleanup(emu_state *state);

/* emu_state_reset clears store, counters, faults and the request ring. */
void emu_state_reset(emu_state *state);

/* What is sent back. */
typedef struct {
    int status; /* EMU_STATUS_CUT: close the connection without an answer */
    beamc_byte_buffer body;
    const char *content_type;              /* NULL: application/json */
    const char *allow;                     /* Allow header or NULL */
    char retry_after[EMU_RETRY_AFTER_MAX]; /* "": no such header */
    bool truncated;                        /* send only half of the body, then close */
} emu_answer;

void emu_answer_init(emu_answer *answer);
void emu_answer_cleanup(emu_answer *answer);

/* emu_ingest_run handles one request, under `fault` unless that is NULL, fills the answer and completes `log`,
 * whose at_ms and body_bytes the caller has set. The fault's delay is the caller's business. Any thread. */
void emu_ingest_run(emu_state *state, const emu_ingest_request *request, const emu_fault *fault, emu_answer *answer,
                    emu_request_log *log);

#endif
