/* One worker process in simulated time: a queue of requests, the real gate and the real retry policy. It does what the
 * delivery engine does with them, and counts what came of it. */
#ifndef TESTS_SIMULATION_SENDER_MODEL_H
#define TESTS_SIMULATION_SENDER_MODEL_H

#include "tests/simulation/event_queue.h"
#include "tests/simulation/server_model.h"
#include "worker/delivery/delivery_gate.h"
#include "worker/delivery/due_heap.h"
#include "worker/delivery/retry_policy.h"

#include <stdbool.h>
#include <stdint.h>

enum {
    SIM_SLOT_MS = 100,        /* figures are kept for slots of so long */
    SIM_MAX_SLOTS = 10 * 600, /* ten minutes */
    SIM_MAX_CONNECTIONS = 2048,
    SIM_LOOP_US = 20, /* one turn of the engine's loop: answers that come within it are read together */
    SIM_RECORDS = 10  /* of each request */
};

/* What happened in one slot. */
typedef struct {
    uint32_t num_offered;
    uint32_t num_attempts;
    uint32_t num_retries; /* of the attempts, those that were not the first */
    uint32_t num_stored;
    uint32_t num_throttled;
    uint32_t num_failed;
    uint32_t num_given_up;
    uint32_t limit; /* at its end */
    uint32_t most_in_flight;
} sim_slot;

typedef struct sim_request {
    tecton_due_entry due; /* waiting for its next try; first, so that a pointer to it is one to the request */
    struct sim_request *next;
    struct sim_request *next_of_all;
    struct sim_sender *sender;
    tecton_retry_state retry;
    tecton_try kind;
    tecton_gate_ticket ticket;
    uint32_t num_attempts;
    uint32_t connection;
    uint64_t started_us;
    sim_answer answer;
} sim_request;

typedef struct sim_sender {
    sim_server *server;
    uint32_t max_in_flight;
    double offered_per_second; /* 0: a backlog without end: twice the ceiling are always there */
    bool in_bundles;           /* nothing new until all of a backlog is back */
    uint64_t timeout_ms;
    tecton_retry_limits retry_limits;

    /* The model's own. */
    sim_event_queue *events;
    uint64_t random;
    tecton_delivery_gate gate;
    tecton_fatal_verdicts verdicts;
    sim_request *queue_first;
    sim_request *queue_last;
    sim_request *unused;
    sim_request *all; /* ever made */
    tecton_due_heap waiting;
    uint32_t num_held; /* offered and not yet at their end */
    uint64_t wake_us;
    bool pump_posted;
    bool connections[SIM_MAX_CONNECTIONS];
    sim_slot slots[SIM_MAX_SLOTS];
} sim_sender;

/* sim_sender_start: begins to send; `server`, `max_in_flight`, `offered_per_second`, `timeout_ms`, `retry_limits` and
 * `random` are set. */
void sim_sender_start(sim_sender *sender, sim_event_queue *events, uint64_t now_us);

/* sim_sender_cleanup: nothing may happen to it any more. */
void sim_sender_cleanup(sim_sender *sender);

#endif
