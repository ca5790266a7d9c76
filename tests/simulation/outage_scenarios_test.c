/* Endpoints that fail, for a while or in part. README.md has the figures in a table. */
#include "tests/simulation/scenario.h"

static const sim_health quick_outages[] = {SIM_ANSWERS_503, SIM_REFUSES};

static void an_outage_is_left_alone_and_over_within_five_seconds(void **state) {
    SCENARIO(scene);
    for (size_t i = 0; i < 2; i++) {
        FOR_EACH_SEED(seed) {
            simulation *sim = sim_new(seed);
            sim_server *server = sim_add_server(sim);
            server->jitter = 0.2;
            sim_sender *sender = sim_add_sender(sim, server);
            sim_start(sim, sender);
            sim_run(sim, 10000);
            server->health = quick_outages[i];
            sim_run(sim, 60000);
            server->health = SIM_WORKS;
            sim_run(sim, 20000);
            double before = sim_figures_of(sender, 5000, 10000).stored_per_second;
            scenario_figure_is(&scene, "attempts during 60 s", sim_figures_of(sender, 10000, 70000).num_attempts, 200,
                               1000);
            scenario_figure_is(&scene, "attempts in its last 30 s", sim_figures_of(sender, 40000, 70000).num_attempts,
                               8, 12);
            scenario_figure_is(&scene, "s to 90 %",
                               (double)sim_ms_until_rate(sender, 70000, 90000, 0.9 * before) / 1000, 0, 5);
            sim_free(sim);
        }
    }
    scenario_end(&scene);
}

static void an_outage_of_any_length_amplifies_nothing(void **state) {
    SCENARIO(scene);
    static const uint64_t lengths_ms[] = {5000, 60000, 400000};
    for (size_t i = 0; i < 6; i++) {
        FOR_EACH_SEED(seed) {
            simulation *sim = sim_new(seed);
            sim_server *server = sim_add_server(sim);
            server->jitter = 0.2;
            sim_sender *sender = sim_add_sender(sim, server);
            sender->offered_per_second = 40;
            sim_start(sim, sender);
            sim_run(sim, 10000);
            server->health = quick_outages[i / 3];
            sim_run(sim, lengths_ms[i % 3]);
            sim_figures figures = sim_figures_of(sender, 10000, 10000 + lengths_ms[i % 3]);
            scenario_figure_is(&scene, "(attempts - 100) for each offered",
                               ((double)figures.num_attempts - 100) / figures.num_offered, -1, 1.1);
            sim_free(sim);
        }
    }
    scenario_end(&scene);
}

/* 408 is a sign of life: the breaker stays closed. */
static void where_the_breaker_stays_closed_the_budget_holds_retries_back(void **state) {
    SCENARIO(scene);
    static const uint64_t lengths_ms[] = {20000, 120000};
    for (size_t i = 0; i < 2; i++) {
        FOR_EACH_SEED(seed) {
            simulation *sim = sim_new(seed);
            sim_server *server = sim_add_server(sim);
            sim_sender *sender = sim_add_sender(sim, server);
            sender->offered_per_second = 40;
            sim_start(sim, sender);
            sim_run(sim, 10000);
            server->health = SIM_ANSWERS_408;
            sim_run(sim, lengths_ms[i]);
            server->health = SIM_WORKS;
            sim_run(sim, 20000);
            sim_figures during = sim_figures_of(sender, 10000, 10000 + lengths_ms[i]);
            scenario_figure_is(&scene, "(attempts - 100) for each offered",
                               ((double)during.num_attempts - 100) / during.num_offered, 0.9, 1.1);
            scenario_figure_is(
                &scene, "s to 90 %",
                (double)sim_ms_until_rate(sender, 10000 + lengths_ms[i], 30000 + lengths_ms[i], 36) / 1000, 0, 5);
            sim_free(sim);
        }
    }
    scenario_end(&scene);
}

/* Requests that hang hold their places until their timeout; the trials do not wait for them. */
static void a_service_that_hangs_is_used_again_within_five_seconds_of_the_timeouts(void **state) {
    SCENARIO(scene);
    FOR_EACH_SEED(seed) {
        simulation *sim = sim_new(seed);
        sim_server *server = sim_add_server(sim);
        server->jitter = 0.2;
        sim_sender *sender = sim_add_sender(sim, server);
        sender->timeout_ms = 5000;
        sim_start(sim, sender);
        sim_run(sim, 10000);
        double before = sim_figures_of(sender, 5000, 10000).stored_per_second;
        server->health = SIM_HANGS;
        sim_run(sim, 30000);
        server->health = SIM_WORKS;
        sim_run(sim, 20000);
        scenario_figure_is(&scene, "attempts in its last 20 s", sim_figures_of(sender, 20000, 40000).num_attempts, 5,
                           9);
        scenario_figure_is(&scene, "s to 90 %", (double)sim_ms_until_rate(sender, 40000, 60000, 0.9 * before) / 1000, 0,
                           5);
        sim_free(sim);
    }
    scenario_end(&scene);
}

static void a_short_outage_costs_no_records(void **state) {
    SCENARIO(scene);
    FOR_EACH_SEED(seed) {
        simulation *sim = sim_new(seed);
        sim_server *server = sim_add_server(sim);
        server->jitter = 0.2;
        sim_sender *sender = sim_add_sender(sim, server);
        sender->offered_per_second = 100;
        sim_start(sim, sender);
        sim_run(sim, 10000);
        server->health = SIM_REFUSES;
        sim_run(sim, 120000);
        server->health = SIM_WORKS;
        sim_run(sim, 60000);
        sim_figures figures = sim_figures_of(sender, 0, 190000);
        scenario_figure_is(&scene, "given up", figures.num_given_up, 0, 0);
        scenario_figure_is(&scene, "stored or under way, share",
                           (double)(figures.num_stored + sender->num_held) / figures.num_offered, 1, 1);
        scenario_figure_is(&scene, "stored, share", (double)figures.num_stored / figures.num_offered, 0.999, 1);
        sim_free(sim);
    }
    scenario_end(&scene);
}

static void a_flapping_service_is_used_while_it_works(void **state) {
    SCENARIO(scene);
    FOR_EACH_SEED(seed) {
        simulation *sim = sim_new(seed);
        sim_server *server = sim_add_server(sim);
        server->jitter = 0.2;
        sim_sender *sender = sim_add_sender(sim, server);
        sender->retry_limits.max_retries = 10;
        sim_start(sim, sender);
        sim_run(sim, 10000);
        double before = sim_figures_of(sender, 5000, 10000).stored_per_second;
        for (int i = 0; i < 10; i++) {
            server->health = SIM_ANSWERS_503;
            sim_run(sim, 5000);
            server->health = SIM_WORKS;
            sim_run(sim, 5000);
        }
        sim_figures figures = sim_figures_of(sender, 10000, 110000);
        scenario_figure_is(&scene, "goodput, share of the half", figures.stored_per_second / (before / 2), 0.6, 1);
        scenario_figure_is(&scene, "attempts a request", figures.amplification, 1, 1.05);
        scenario_figure_is(&scene, "given up", figures.num_given_up, 0, 0);
        sim_free(sim);
    }
    scenario_end(&scene);
}

/* After a restart: two workers at first, one more each second. */
static void a_service_that_comes_back_slowly_is_not_overrun(void **state) {
    SCENARIO(scene);
    FOR_EACH_SEED(seed) {
        simulation *sim = sim_new(seed);
        sim_server *server = sim_add_server(sim);
        server->jitter = 0.2;
        server->num_workers = 40;
        sim_sender *sender = sim_add_sender(sim, server);
        sender->timeout_ms = 5000;
        sender->retry_limits.max_retries = 10;
        sim_start(sim, sender);
        sim_run(sim, 10000);
        server->health = SIM_REFUSES;
        sim_run(sim, 10000);
        server->health = SIM_WORKS;
        double possible = 0;
        for (uint32_t i = 2; i <= 40; i++) {
            server->num_workers = i;
            sim_run(sim, 1000);
            possible += i / (0.04 * exp(0.02));
        }
        sim_figures figures = sim_figures_of(sender, 20000, 59000);
        scenario_figure_is(&scene, "goodput, share of what it took", figures.num_stored / possible, 0.85, 1.02);
        scenario_figure_is(&scene, "failed share", figures.failed_share, 0, 0.02);
        scenario_figure_is(&scene, "given up", figures.num_given_up, 0, 0);
        sim_free(sim);
    }
    scenario_end(&scene);
}

/* Beyond one failure in ten it is taken for load: less is sent, and retries stay within what successes pay for. */
static void a_partial_failure_is_met_with_less_traffic(void **state) {
    SCENARIO(scene);
    FOR_EACH_SEED(seed) {
        simulation *sim = sim_new(seed);
        sim_server *server = sim_add_server(sim);
        server->jitter = 0.2;
        sim_sender *sender = sim_add_sender(sim, server);
        sender->retry_limits.max_retries = 10;
        sim_start(sim, sender);
        sim_run(sim, 10000);
        double before = sim_figures_of(sender, 5000, 10000).stored_per_second;
        server->failing_share = 0.4;
        sim_run(sim, 60000);
        server->failing_share = 0;
        sim_run(sim, 30000);
        sim_figures during = sim_figures_of(sender, 20000, 70000);
        scenario_figure_is(&scene, "limit, mean", during.mean_limit, 1, 40);
        scenario_figure_is(&scene, "attempts, for each stored", (double)during.num_attempts / during.num_stored, 1,
                           1.9);
        scenario_figure_is(&scene, "goodput", during.stored_per_second, 5, 800);
        scenario_figure_is(&scene, "s to 90 %", (double)sim_ms_until_rate(sender, 70000, 100000, 0.9 * before) / 1000,
                           0, 15);
        sim_free(sim);
    }
    scenario_end(&scene);
}

static void one_dead_endpoint_of_eight_slows_no_other(void **state) {
    SCENARIO(scene);
    simulation *sim = sim_new(1);
    for (uint32_t i = 0; i < 8; i++) {
        sim_server *server = sim_add_server(sim);
        server->jitter = 0.2;
        if (i == 3)
            server->health = SIM_HANGS;
        sim_sender *sender = sim_add_sender(sim, server);
        sender->offered_per_second = 200;
        sim_start(sim, sender);
    }
    sim_run(sim, 30000);
    for (uint32_t i = 0; i < 8; i++) {
        sim_figures figures = sim_figures_of(sim->senders[i], 10000, 30000);
        if (i == 3)
            scenario_figure_is(&scene, "the dead one: attempts/s", figures.attempts_per_second, 0, 1);
        else
            scenario_figure_is(&scene, "another: goodput of 200/s", figures.stored_per_second, 198, 202);
    }
    sim_free(sim);
    scenario_end(&scene);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_outage_is_left_alone_and_over_within_five_seconds),
        cmocka_unit_test(an_outage_of_any_length_amplifies_nothing),
        cmocka_unit_test(where_the_breaker_stays_closed_the_budget_holds_retries_back),
        cmocka_unit_test(a_service_that_hangs_is_used_again_within_five_seconds_of_the_timeouts),
        cmocka_unit_test(a_short_outage_costs_no_records),
        cmocka_unit_test(a_flapping_service_is_used_while_it_works),
        cmocka_unit_test(a_service_that_comes_back_slowly_is_not_overrun),
        cmocka_unit_test(a_partial_failure_is_met_with_less_traffic),
        cmocka_unit_test(one_dead_endpoint_of_eight_slows_no_other),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
