#include "tests/simulation/simulation.h"

#include "sdk_harness/base/alloc.h"
#include "tests/simulation/sim_random.h"

#include <assert.h>
#include <stdlib.h>

simulation *sim_new(uint64_t seed) {
    simulation *sim = beamc_alloc_zero(1, sizeof *sim);
    sim->random = seed;
    return sim;
}

void sim_free(simulation *sim) {
    for (uint32_t i = 0; i < sim->num_senders; i++) {
        sim_sender_cleanup(sim->senders[i]);
        free(sim->senders[i]);
    }
    for (uint32_t i = 0; i < sim->num_servers; i++)
        free(sim->servers[i]);
    sim_event_queue_cleanup(&sim->events);
    free(sim);
}

sim_server *sim_add_server(simulation *sim) {
    assert(sim->num_servers < SIM_MAX_SERVERS);
    sim_server *server = beamc_alloc_zero(1, sizeof *server);
    server->network_us = 10000;
    server->service_us = 40000;
    server->refusal_us = 1000;
    server->events = &sim->events;
    server->random = sim_random_bits(&sim->random);
    sim->servers[sim->num_servers++] = server;
    return server;
}

sim_sender *sim_add_sender(simulation *sim, sim_server *server) {
    assert(sim->num_senders < SIM_MAX_SENDERS);
    sim_sender *sender = beamc_alloc_zero(1, sizeof *sender);
    sender->server = server;
    sender->max_in_flight = TECTON_LIMIT_DEFAULT_CEILING;
    sender->timeout_ms = 30000;
    sender->retry_limits = (tecton_retry_limits){.max_retries = 3, .max_retry_ms = 300000};
    sender->random = sim_random_bits(&sim->random);
    sim->senders[sim->num_senders++] = sender;
    return sender;
}

void sim_start(simulation *sim, sim_sender *sender) {
    sim_sender_start(sender, &sim->events, sim->now_ms * 1000);
}

void sim_run(simulation *sim, uint64_t ms) {
    sim->now_ms += ms;
    sim_run_until(&sim->events, sim->now_ms * 1000);
}

sim_figures sim_figures_of(const sim_sender *sender, uint64_t from_ms, uint64_t until_ms) {
    sim_figures sum = {.least_limit = UINT32_MAX};
    uint64_t num_retries = 0, num_throttled = 0, num_failed = 0, limits = 0;
    uint64_t first = from_ms / SIM_SLOT_MS, end = until_ms / SIM_SLOT_MS;
    uint32_t limit = 0;
    for (uint64_t i = first; i < end; i++) {
        const sim_slot *slot = &sender->slots[i];
        sum.num_offered += slot->num_offered;
        sum.num_attempts += slot->num_attempts;
        sum.num_stored += slot->num_stored;
        sum.num_given_up += slot->num_given_up;
        num_retries += slot->num_retries;
        num_throttled += slot->num_throttled;
        num_failed += slot->num_failed;
        if (slot->limit != 0)
            limit = slot->limit;
        limits += limit;
        if (limit != 0 && limit < sum.least_limit)
            sum.least_limit = limit;
        if (limit > sum.greatest_limit)
            sum.greatest_limit = limit;
        if (slot->most_in_flight > sum.most_in_flight)
            sum.most_in_flight = slot->most_in_flight;
    }
    double seconds = (double)(until_ms - from_ms) / 1000;
    sum.offered_per_second = sum.num_offered / seconds;
    sum.attempts_per_second = sum.num_attempts / seconds;
    sum.stored_per_second = sum.num_stored / seconds;
    if (sum.num_attempts > 0) {
        sum.throttled_share = (double)num_throttled / sum.num_attempts;
        sum.failed_share = (double)num_failed / sum.num_attempts;
    }
    if (sum.num_attempts > num_retries)
        sum.amplification = (double)sum.num_attempts / (double)(sum.num_attempts - num_retries);
    sum.mean_limit = (double)limits / (double)(end - first);
    return sum;
}

uint64_t sim_ms_until_rate(const sim_sender *sender, uint64_t from_ms, uint64_t until_ms, double stored_per_second) {
    for (uint64_t at_ms = from_ms; at_ms + 1000 <= until_ms; at_ms += SIM_SLOT_MS)
        if (sim_figures_of(sender, at_ms, at_ms + 1000).stored_per_second >= stored_per_second)
            return at_ms - from_ms;
    return UINT64_MAX;
}
