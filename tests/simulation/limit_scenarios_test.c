/* How the limit finds what an endpoint takes. Figures are of what happens after the first ten seconds, if not said
 * otherwise; README.md has them in a table. */
#include "tests/simulation/scenario.h"

/* Round trips until `limit` is reached, by looking after each; at most `most`. */
static double round_trips_until(simulation *sim, const sim_sender *sender, uint32_t limit, uint64_t rtt_us,
                                uint32_t most) {
    uint64_t start_us = sim->now_ms * 1000;
    for (uint32_t i = 1; i <= most; i++) {
        sim_run_until(&sim->events, start_us + i * rtt_us + 1);
        if (sender->gate.limit.limit >= limit)
            return i;
    }
    return most + 1;
}

static void a_steady_service_is_used_to_the_ceiling_within_ten_round_trips(void **state) {
    SCENARIO(scene);
    static const uint64_t rtts_us[] = {100, 1000, 5000, 50000, 200000, 2000000};
    for (size_t i = 0; i < sizeof rtts_us / sizeof rtts_us[0]; i++) {
        simulation *sim = sim_new(i);
        sim_server *server = sim_add_server(sim);
        server->network_us = 0;
        server->service_us = rtts_us[i];
        sim_sender *sender = sim_add_sender(sim, server);
        sim_start(sim, sender);
        scenario_figure_is(&scene, "round trips to 200", round_trips_until(sim, sender, 200, rtts_us[i], 20), 1, 10);
        for (int round_trips = 0; round_trips < 200; round_trips++) {
            sim_run_until(&sim->events, (30 + (uint64_t)round_trips) * rtts_us[i]);
            scenario_figure_is(&scene, "limit later", sender->gate.limit.limit, 200, 200);
        }
        sim_free(sim);
    }
    scenario_end(&scene);
}

static void jitter_does_not_hold_the_limit_down(void **state) {
    SCENARIO(scene);
    static const double sigmas[] = {0.1, 0.3, 0.4}; /* Tecton's published times fit 0.3 */
    for (size_t i = 0; i < sizeof sigmas / sizeof sigmas[0]; i++) {
        FOR_EACH_SEED(seed) {
            simulation *sim = sim_new(seed);
            sim_server *server = sim_add_server(sim);
            server->service_us = 100000;
            server->jitter = sigmas[i];
            sim_sender *sender = sim_add_sender(sim, server);
            sim_start(sim, sender);
            sim_run(sim, 30000);
            double mean_s = 0.01 + 0.1 * exp(sigmas[i] * sigmas[i] / 2);
            sim_figures figures = sim_figures_of(sender, 10000, 30000);
            scenario_figure_is(&scene, "limit, mean", figures.mean_limit, 190, 200);
            scenario_figure_is(&scene, "goodput, share", figures.stored_per_second * mean_s / 200, 0.95, 1.02);
            sim_free(sim);
        }
    }
    scenario_end(&scene);
}

static void heavy_jitter_does_not_either(void **state) {
    SCENARIO(scene);
    FOR_EACH_SEED(seed) {
        simulation *sim = sim_new(seed);
        sim_server *server = sim_add_server(sim);
        server->jitter = 0.8;
        sim_sender *sender = sim_add_sender(sim, server);
        sim_start(sim, sender);
        sim_run(sim, 40000);
        double mean_s = 0.01 + 0.04 * exp(0.8 * 0.8 / 2);
        sim_figures figures = sim_figures_of(sender, 10000, 40000);
        scenario_figure_is(&scene, "limit, mean", figures.mean_limit, 180, 200);
        scenario_figure_is(&scene, "goodput, share", figures.stored_per_second * mean_s / 200, 0.95, 1.02);
        sim_free(sim);
    }
    scenario_end(&scene);
}

static void on_loopback_noise_does_not_collapse_the_limit(void **state) {
    SCENARIO(scene);
    FOR_EACH_SEED(seed) {
        simulation *sim = sim_new(seed);
        sim_server *server = sim_add_server(sim);
        server->network_us = 60;
        server->service_us = 40;
        server->jitter = 1; /* of 40 us, now and then 400 */
        server->num_workers = 2;
        sim_sender *sender = sim_add_sender(sim, server);
        sim_start(sim, sender);
        sim_run(sim, 4000);
        double capacity = 2 / (40e-6 * exp(0.5));
        sim_figures figures = sim_figures_of(sender, 1000, 4000);
        scenario_figure_is(&scene, "limit, least", figures.least_limit, 100, 200);
        scenario_figure_is(&scene, "goodput, share of capacity", figures.stored_per_second / capacity, 0.98, 1.02);
        sim_free(sim);
    }
    scenario_end(&scene);
}

static void behind_a_knee_the_limit_stays_within_three_times(void **state) {
    SCENARIO(scene);
    static const double sigmas[] = {0, 0.3};
    for (size_t i = 0; i < sizeof sigmas / sizeof sigmas[0]; i++) {
        FOR_EACH_SEED(seed) {
            simulation *sim = sim_new(seed);
            sim_server *server = sim_add_server(sim);
            server->num_workers = 40; /* 1000 requests a second */
            server->jitter = sigmas[i];
            sim_sender *sender = sim_add_sender(sim, server);
            sim_start(sim, sender);
            sim_run(sim, 60000);
            double capacity = 40 / (0.04 * exp(sigmas[i] * sigmas[i] / 2));
            sim_figures figures = sim_figures_of(sender, 10000, 60000);
            scenario_figure_is(&scene, "limit, least", figures.least_limit, 50, 120);
            scenario_figure_is(&scene, "limit, greatest", figures.greatest_limit, 50, 120);
            scenario_figure_is(&scene, "goodput, share of capacity", figures.stored_per_second / capacity, 0.97, 1.02);
            sim_free(sim);
        }
    }
    scenario_end(&scene);
}

static void a_hidden_bound_on_concurrency_is_found_and_kept(void **state) {
    SCENARIO(scene);
    static const uint32_t bounds[] = {5, 40, 150};
    static const double sigmas[] = {0, 0.3};
    for (size_t i = 0; i < 6; i++) {
        FOR_EACH_SEED(seed) {
            simulation *sim = sim_new(seed);
            sim_server *server = sim_add_server(sim);
            server->network_us = 0; /* so that who is under way is also inside */
            server->service_us = 50000;
            server->max_concurrent = bounds[i / 2];
            server->jitter = sigmas[i % 2];
            sim_sender *sender = sim_add_sender(sim, server);
            sim_start(sim, sender);
            sim_run(sim, 40000);
            double capacity = bounds[i / 2] / (0.05 * exp(sigmas[i % 2] * sigmas[i % 2] / 2));
            sim_figures figures = sim_figures_of(sender, 10000, 40000);
            scenario_figure_is(&scene, "goodput, share of bound", figures.stored_per_second / capacity, 0.95, 1.02);
            scenario_figure_is(&scene, "429 share", figures.throttled_share, 0, 0.02);
            scenario_figure_is(&scene, "limit, share of bound", figures.mean_limit / bounds[i / 2], 0.9, 1.1);
            sim_free(sim);
        }
    }
    scenario_end(&scene);
}

static void the_limit_follows_capacity_up_and_down(void **state) {
    SCENARIO(scene);
    FOR_EACH_SEED(seed) {
        simulation *sim = sim_new(seed);
        sim_server *server = sim_add_server(sim);
        server->network_us = 0;
        server->service_us = 50000;
        server->jitter = 0.2;
        server->max_concurrent = 40;
        sim_sender *sender = sim_add_sender(sim, server);
        sim_start(sim, sender);
        sim_run(sim, 20000);
        server->max_concurrent = 100;
        sim_run(sim, 20000);
        server->max_concurrent = 20;
        sim_run(sim, 20000);
        double mean_s = 0.05 * exp(0.02);
        double after_up = (double)sim_ms_until_rate(sender, 20000, 40000, 0.95 * 100 / mean_s) / 1000;
        sim_figures up = sim_figures_of(sender, 30000, 40000);
        sim_figures down = sim_figures_of(sender, 45000, 60000);
        scenario_figure_is(&scene, "40 to 100: s to 95 %", after_up, 0, 8);
        scenario_figure_is(&scene, "at 100: goodput, share", up.stored_per_second * mean_s / 100, 0.94, 1.02);
        scenario_figure_is(&scene, "at 20, after 5 s: goodput, share", down.stored_per_second * mean_s / 20, 0.9, 1.02);
        scenario_figure_is(&scene, "429 share", down.throttled_share, 0, 0.03);
        scenario_figure_is(&scene, "limit at 20", down.mean_limit, 17, 22);
        sim_free(sim);
    }
    scenario_end(&scene);
}

static void a_service_that_becomes_twice_as_slow_keeps_its_limit(void **state) {
    SCENARIO(scene);
    FOR_EACH_SEED(seed) {
        simulation *sim = sim_new(seed);
        sim_server *server = sim_add_server(sim);
        server->jitter = 0.2;
        sim_sender *sender = sim_add_sender(sim, server);
        sim_start(sim, sender);
        sim_run(sim, 10000);
        server->service_us = 90000;
        sim_run(sim, 30000);
        double mean_s = 0.01 + 0.09 * exp(0.02);
        sim_figures dip = sim_figures_of(sender, 10000, 12000);
        sim_figures after = sim_figures_of(sender, 15000, 40000);
        scenario_figure_is(&scene, "limit, least", dip.least_limit, 120, 200);
        scenario_figure_is(&scene, "goodput, share", after.stored_per_second * mean_s / 200, 0.75, 1.02);
        sim_free(sim);
    }
    scenario_end(&scene);
}

static void one_slow_connection_costs_no_more_than_itself(void **state) {
    SCENARIO(scene);
    FOR_EACH_SEED(seed) {
        simulation *sim = sim_new(seed);
        sim_server *server = sim_add_server(sim);
        server->jitter = 0.2;
        server->slow_connection = 3;
        server->slow_us = 2000000;
        sim_sender *sender = sim_add_sender(sim, server);
        sim_start(sim, sender);
        sim_run(sim, 30000);
        double mean_s = 0.01 + 0.04 * exp(0.02);
        sim_figures figures = sim_figures_of(sender, 10000, 30000);
        scenario_figure_is(&scene, "limit, mean", figures.mean_limit, 190, 200);
        scenario_figure_is(&scene, "goodput, share", figures.stored_per_second * mean_s / 200, 0.95, 1.02);
        sim_free(sim);
    }
    scenario_end(&scene);
}

static void chance_losses_do_not_lower_the_limit(void **state) {
    SCENARIO(scene);
    static const double shares[] = {0.01, 0.05};
    for (size_t i = 0; i < sizeof shares / sizeof shares[0]; i++) {
        FOR_EACH_SEED(seed) {
            simulation *sim = sim_new(seed);
            sim_server *server = sim_add_server(sim);
            server->jitter = 0.2;
            server->lost_share = shares[i];
            server->hanging_share = shares[i] / 10;
            sim_sender *sender = sim_add_sender(sim, server);
            sender->timeout_ms = 2000;
            sim_start(sim, sender);
            sim_run(sim, 30000);
            sim_figures figures = sim_figures_of(sender, 10000, 30000);
            scenario_figure_is(&scene, "limit, mean", figures.mean_limit, 170, 200);
            scenario_figure_is(&scene, "attempts a request", figures.amplification, 1, 1.07);
            scenario_figure_is(&scene, "given up, share", (double)figures.num_given_up / figures.num_offered, 0,
                               0.0001);
            sim_free(sim);
        }
    }
    scenario_end(&scene);
}

static void light_traffic_leaves_the_limit_where_it_is(void **state) {
    SCENARIO(scene);
    FOR_EACH_SEED(seed) {
        simulation *sim = sim_new(seed);
        sim_server *server = sim_add_server(sim);
        server->jitter = 0.3;
        sim_sender *sender = sim_add_sender(sim, server);
        sender->offered_per_second = 50; /* 2.5 under way */
        sim_start(sim, sender);
        sim_run(sim, 60000);
        sim_figures figures = sim_figures_of(sender, 10000, 60000);
        scenario_figure_is(&scene, "limit", figures.greatest_limit, 3, 12);
        scenario_figure_is(&scene, "goodput", figures.stored_per_second, 49, 51);
        sim_free(sim);
    }
    scenario_end(&scene);
}

static void bundles_with_pauses_between_them_do_not_wear_the_limit_down(void **state) {
    SCENARIO(scene);
    FOR_EACH_SEED(seed) {
        simulation *sim = sim_new(seed);
        sim_server *server = sim_add_server(sim);
        server->jitter = 0.2;
        sim_sender *sender = sim_add_sender(sim, server);
        sender->in_bundles = true; /* of 400 requests, one after the other */
        sim_start(sim, sender);
        sim_run(sim, 30000);
        sim_figures figures = sim_figures_of(sender, 10000, 30000);
        scenario_figure_is(&scene, "limit, least", figures.least_limit, 100, 200);
        sim_free(sim);
    }
    scenario_end(&scene);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_steady_service_is_used_to_the_ceiling_within_ten_round_trips),
        cmocka_unit_test(jitter_does_not_hold_the_limit_down),
        cmocka_unit_test(heavy_jitter_does_not_either),
        cmocka_unit_test(on_loopback_noise_does_not_collapse_the_limit),
        cmocka_unit_test(behind_a_knee_the_limit_stays_within_three_times),
        cmocka_unit_test(a_hidden_bound_on_concurrency_is_found_and_kept),
        cmocka_unit_test(the_limit_follows_capacity_up_and_down),
        cmocka_unit_test(a_service_that_becomes_twice_as_slow_keeps_its_limit),
        cmocka_unit_test(one_slow_connection_costs_no_more_than_itself),
        cmocka_unit_test(chance_losses_do_not_lower_the_limit),
        cmocka_unit_test(light_traffic_leaves_the_limit_where_it_is),
        cmocka_unit_test(bundles_with_pauses_between_them_do_not_wear_the_limit_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
