/* An endpoint in simulated time: how long it takes, what it refuses, how it fails. Tests set its members and may change
 * them while it runs. */
#ifndef TESTS_SIMULATION_SERVER_MODEL_H
#define TESTS_SIMULATION_SERVER_MODEL_H

#include "tests/simulation/event_queue.h"
#include "worker/delivery/delivery_gate.h"

#include <stdint.h>

typedef enum {
    SIM_WORKS,
    SIM_ANSWERS_503,
    SIM_ANSWERS_408, /* to be tried again, yet a sign of life */
    SIM_REFUSES,     /* no connection */
    SIM_HANGS        /* never answers */
} sim_health;

enum { SIM_MAX_WORKERS = 1024 };

typedef struct {
    uint64_t network_us;  /* there and back */
    uint64_t service_us;  /* of one request */
    double jitter;        /* sigma of the lognormal that multiplies the service time */
    uint32_t num_workers; /* 0: no end of them; beyond, requests wait in line: the knee */

    uint32_t max_concurrent; /* 0: no bound; beyond it, 429 */
    double max_per_second;   /* 0: no bound; beyond it, 429 */
    double burst;            /* requests that may come at once before max_per_second applies */
    uint64_t refusal_us;     /* how long the service takes to say 429 or 503 */
    uint64_t retry_after_ms; /* in 429s; 0: none */
    sim_health health;
    double lost_share;        /* of the requests, whose connection breaks */
    double hanging_share;     /* of the requests, that are never answered */
    double failing_share;     /* of the requests, that are answered with 503 */
    uint32_t slow_connection; /* 0: none; else requests over this one ... */
    uint64_t slow_us;         /* ... take so much longer */

    /* The model's own. */
    sim_event_queue *events;
    uint64_t random;
    uint32_t num_inside;
    double tokens;
    uint64_t tokens_us;
    uint64_t worker_free_us[SIM_MAX_WORKERS];
} sim_server;

typedef struct {
    tecton_attempt_end end; /* TIMED_OUT: no answer ever comes */
    uint64_t answer_us;     /* when the answer reaches the sender */
    uint64_t retry_after_ms;
} sim_answer;

/* sim_server_receive: a request was sent at `now_us` over `connection` (1 ..). */
sim_answer sim_server_receive(sim_server *server, uint32_t connection, uint64_t now_us);

#endif
