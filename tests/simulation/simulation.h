/* One run in simulated time: servers, senders, and figures of what happened. Every scenario begins here. */
#ifndef TESTS_SIMULATION_SIMULATION_H
#define TESTS_SIMULATION_SIMULATION_H

#include "tests/simulation/sender_model.h"
#include "tests/simulation/server_model.h"

#include <stdint.h>

enum { SIM_MAX_SERVERS = 8, SIM_MAX_SENDERS = 8 };

typedef struct {
    sim_event_queue events;
    uint64_t now_ms;
    uint64_t random;
    uint32_t num_servers;
    uint32_t num_senders;
    sim_server *servers[SIM_MAX_SERVERS];
    sim_sender *senders[SIM_MAX_SENDERS];
} simulation;

/* sim_new: end it with sim_free. */
simulation *sim_new(uint64_t seed);
void sim_free(simulation *sim);

/* sim_add_server: one that answers after 50 ms: 10 ms on the way, 40 ms of service; refusals are quick: 1 ms. */
sim_server *sim_add_server(simulation *sim);

/* sim_add_sender: a backlog without end, the sink's default options. Change it before it is started. */
sim_sender *sim_add_sender(simulation *sim, sim_server *server);

/* sim_start starts a sender now. */
void sim_start(simulation *sim, sim_sender *sender);

/* sim_run lets `ms` pass. */
void sim_run(simulation *sim, uint64_t ms);

/* What happened from `from_ms` until `until_ms`, multiples of SIM_SLOT_MS. */
typedef struct {
    double offered_per_second;
    double attempts_per_second;
    double stored_per_second;
    double throttled_share; /* of the attempts */
    double failed_share;    /* of the attempts */
    double amplification;   /* attempts for each request offered */
    double mean_limit;
    uint32_t least_limit;
    uint32_t greatest_limit;
    uint32_t most_in_flight;
    uint32_t num_given_up;
    uint32_t num_stored;
    uint32_t num_attempts;
    uint32_t num_offered;
} sim_figures;

sim_figures sim_figures_of(const sim_sender *sender, uint64_t from_ms, uint64_t until_ms);

/* sim_ms_until_rate: from `from_ms` on, after how many milliseconds a second begins in which at least
 * `stored_per_second` are stored; UINT64_MAX when there is none. */
uint64_t sim_ms_until_rate(const sim_sender *sender, uint64_t from_ms, uint64_t until_ms, double stored_per_second);

#endif
