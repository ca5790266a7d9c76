#include "tests/simulation/server_model.h"

#include "tests/simulation/sim_random.h"
#include "worker/delivery/retry_after.h"

static void leave(void *context, uint64_t now_us) {
    (void)now_us;
    sim_server *server = context;
    server->num_inside--;
}

/* Takes a token of the rate, if there is one. */
static bool within_rate(sim_server *server, uint64_t now_us) {
    if (server->max_per_second <= 0)
        return true;
    double most = server->burst > 1 ? server->burst : 1;
    if (server->tokens_us == 0)
        server->tokens = most;
    server->tokens += (double)(now_us - server->tokens_us) * 1e-6 * server->max_per_second;
    server->tokens_us = now_us;
    if (server->tokens > most)
        server->tokens = most;
    if (server->tokens < 1)
        return false;
    server->tokens -= 1;
    return true;
}

/* When a request that comes in now is done. */
static uint64_t serve(sim_server *server, uint64_t now_us) {
    uint64_t service_us = (uint64_t)((double)server->service_us * sim_random_factor(&server->random, server->jitter));
    if (server->num_workers == 0)
        return now_us + service_us;
    uint32_t next = 0;
    for (uint32_t i = 1; i < server->num_workers && i < SIM_MAX_WORKERS; i++)
        if (server->worker_free_us[i] < server->worker_free_us[next])
            next = i;
    uint64_t start_us = server->worker_free_us[next] > now_us ? server->worker_free_us[next] : now_us;
    server->worker_free_us[next] = start_us + service_us;
    return start_us + service_us;
}

/* A request reaches the server. Requests come in the order they are sent, since the way there takes equally long. */
sim_answer sim_server_receive(sim_server *server, uint32_t connection, uint64_t now_us) {
    uint64_t way_us = server->network_us / 2;
    uint64_t refused_us = now_us + server->refusal_us + 2 * way_us;
    double chance = sim_random_share(&server->random);
    if (server->health == SIM_REFUSES)
        return (sim_answer){.end = TECTON_END_NOT_SENT, .answer_us = now_us + 2 * way_us};
    if (server->health == SIM_HANGS || chance < server->hanging_share)
        return (sim_answer){.end = TECTON_END_TIMED_OUT, .answer_us = UINT64_MAX};
    chance -= server->hanging_share;
    if (server->health == SIM_ANSWERS_503 || chance < server->failing_share)
        return (sim_answer){.end = TECTON_END_FAILED, .answer_us = refused_us};
    chance -= server->failing_share;
    if (server->health == SIM_ANSWERS_408)
        return (sim_answer){.end = TECTON_END_NOT_NOW, .answer_us = refused_us};
    bool full = server->max_concurrent != 0 && server->num_inside >= server->max_concurrent;
    if (full || !within_rate(server, now_us))
        return (sim_answer){.end = TECTON_END_THROTTLED,
                            .answer_us = refused_us,
                            .retry_after_ms =
                                server->retry_after_ms == 0 ? TECTON_NO_RETRY_AFTER : server->retry_after_ms};
    uint64_t done_us = serve(server, now_us) + (connection == server->slow_connection ? server->slow_us : 0);
    server->num_inside++;
    sim_post(server->events, done_us, leave, server);
    return (sim_answer){.end = chance < server->lost_share ? TECTON_END_FAILED : TECTON_END_STORED,
                        .answer_us = done_us + 2 * way_us};
}
