/* Services that say 429, and the user's own cap. Figures are of what happens after the first ten seconds, if not said
 * otherwise; README.md has them in a table. */
#include "tests/simulation/scenario.h"

/* A service that takes 300 requests a second and `burst` at once. */
static void hidden_rate(scenario *scene, uint64_t service_us, double burst, uint64_t seed, uint64_t from_ms,
                        double least) {
    simulation *sim = sim_new(seed);
    sim_server *server = sim_add_server(sim);
    server->network_us = service_us / 4;
    server->service_us = service_us;
    server->jitter = 0.3;
    server->max_per_second = 300;
    server->burst = burst;
    sim_sender *sender = sim_add_sender(sim, server);
    sim_start(sim, sender);
    sim_run(sim, from_ms + 30000);
    sim_figures figures = sim_figures_of(sender, from_ms, from_ms + 30000);
    scenario_figure_is(scene, "goodput of 300/s", figures.stored_per_second, least, 312);
    scenario_figure_is(scene, "429 share", figures.throttled_share, 0, 0.03);
    scenario_figure_is(scene, "given up", sim_figures_of(sender, 0, from_ms + 30000).num_given_up, 0, 0);
    sim_free(sim);
}

static void a_hidden_rate_is_found_and_kept(void **state) {
    SCENARIO(scene);
    FOR_EACH_SEED(seed) {
        for (double burst = 10; burst < 1000; burst *= 5) {
            hidden_rate(&scene, 4000, burst, seed, 10000, 285);
            hidden_rate(&scene, 40000, burst, seed, 10000, 285);
            hidden_rate(&scene, 90000, burst, seed, 10000, 285);
        }
    }
    scenario_end(&scene);
}

/* The first 429 comes while only a few are under way, and each step takes a quarter of a second. */
static void a_hidden_rate_far_away_is_found_within_twenty_seconds(void **state) {
    SCENARIO(scene);
    FOR_EACH_SEED(seed) {
        for (double burst = 10; burst < 1000; burst *= 5)
            hidden_rate(&scene, 190000, burst, seed, 20000, 260);
    }
    scenario_end(&scene);
}

static void small_and_large_rates_are_found_too(void **state) {
    SCENARIO(scene);
    static const double rates[] = {5, 20, 100, 2000};
    static const char *const labels[] = {"goodput, share of 5/s", "goodput, share of 20/s", "goodput, share of 100/s",
                                         "goodput, share of 2000/s"};
    for (size_t i = 0; i < 4; i++) {
        FOR_EACH_SEED(seed) {
            simulation *sim = sim_new(seed);
            sim_server *server = sim_add_server(sim);
            server->jitter = 0.3;
            server->max_per_second = rates[i];
            server->burst = rates[i] < 25 ? 5 : rates[i] / 5;
            sim_sender *sender = sim_add_sender(sim, server);
            sim_start(sim, sender);
            sim_run(sim, 60000);
            sim_figures figures = sim_figures_of(sender, 20000, 60000);
            scenario_figure_is(&scene, labels[i], figures.stored_per_second / rates[i], rates[i] < 20 ? 0.85 : 0.93,
                               1.05);
            if (rates[i] < 20)
                scenario_figure_is(&scene, "429 share at 5/s", figures.throttled_share, 0, 0.1);
            else
                scenario_figure_is(&scene, "429 share", figures.throttled_share, 0, 0.05);
            sim_free(sim);
        }
    }
    scenario_end(&scene);
}

static void retry_after_on_some_429s_costs_no_goodput(void **state) {
    SCENARIO(scene);
    FOR_EACH_SEED(seed) {
        simulation *sim = sim_new(seed);
        sim_server *server = sim_add_server(sim);
        server->jitter = 0.3;
        server->max_per_second = 300;
        server->burst = 30;
        server->retry_after_ms = 1000 * (seed % 5 + 1);
        sim_sender *sender = sim_add_sender(sim, server);
        sim_start(sim, sender);
        sim_run(sim, 60000);
        sim_figures figures = sim_figures_of(sender, 20000, 60000);
        scenario_figure_is(&scene, "goodput of 300/s", figures.stored_per_second, 285, 312);
        scenario_figure_is(&scene, "429 share", figures.throttled_share, 0, 0.03);
        sim_free(sim);
    }
    scenario_end(&scene);
}

static void a_rate_that_changes_is_followed(void **state) {
    SCENARIO(scene);
    FOR_EACH_SEED(seed) {
        simulation *sim = sim_new(seed);
        sim_server *server = sim_add_server(sim);
        server->jitter = 0.3;
        server->max_per_second = 300;
        server->burst = 60;
        sim_sender *sender = sim_add_sender(sim, server);
        sim_start(sim, sender);
        sim_run(sim, 20000);
        server->max_per_second = 900;
        sim_run(sim, 20000);
        server->max_per_second = 150;
        sim_run(sim, 20000);
        scenario_figure_is(&scene, "300 to 900: s to 90 %", (double)sim_ms_until_rate(sender, 20000, 40000, 810) / 1000,
                           0, 12);
        sim_figures fall = sim_figures_of(sender, 40000, 43000);
        sim_figures down = sim_figures_of(sender, 45000, 60000);
        scenario_figure_is(&scene, "to 150: 429 share, 3 s", fall.throttled_share, 0, 0.6);
        scenario_figure_is(&scene, "at 150, after 5 s: goodput", down.stored_per_second, 140, 155);
        scenario_figure_is(&scene, "at 150, after 5 s: 429 share", down.throttled_share, 0, 0.05);
        sim_free(sim);
    }
    scenario_end(&scene);
}

/* As Tecton describes itself: 429 during sudden load until it has scaled out. */
static void a_service_that_scales_out_under_load_is_followed(void **state) {
    SCENARIO(scene);
    FOR_EACH_SEED(seed) {
        simulation *sim = sim_new(seed);
        sim_server *server = sim_add_server(sim);
        server->service_us = 90000;
        server->jitter = 0.3;
        server->max_per_second = 100;
        server->burst = 50;
        sim_sender *sender = sim_add_sender(sim, server);
        sim_start(sim, sender);
        double used = 0;
        double possible = 0;
        for (int i = 0; i < 5; i++) {
            sim_run(sim, 30000);
            used += sim_figures_of(sender, sim->now_ms - 30000, sim->now_ms).stored_per_second;
            possible += server->max_per_second;
            server->max_per_second *= 2;
        }
        sim_figures all = sim_figures_of(sender, 10000, 150000);
        scenario_figure_is(&scene, "goodput, share of what it took", used / possible, 0.85, 1.02);
        scenario_figure_is(&scene, "429 share", all.throttled_share, 0, 0.05);
        scenario_figure_is(&scene, "given up", all.num_given_up, 0, 0);
        sim_free(sim);
    }
    scenario_end(&scene);
}

/* Every answer is 429 for a minute. */
static void a_used_up_quota_is_left_alone_and_used_again_at_once(void **state) {
    SCENARIO(scene);
    static const uint64_t retry_after_ms[] = {0, 3000};
    for (size_t i = 0; i < 2; i++) {
        FOR_EACH_SEED(seed) {
            simulation *sim = sim_new(seed);
            sim_server *server = sim_add_server(sim);
            server->jitter = 0.2;
            server->max_per_second = 500;
            server->burst = 50;
            server->retry_after_ms = retry_after_ms[i];
            sim_sender *sender = sim_add_sender(sim, server);
            sim_start(sim, sender);
            sim_run(sim, 20000);
            server->max_per_second = 0.001;
            server->tokens = 0;
            sim_run(sim, 60000);
            server->max_per_second = 500;
            sim_run(sim, 40000);
            sim_figures during = sim_figures_of(sender, 25000, 80000);
            scenario_figure_is(&scene, i == 0 ? "attempts/s, no Retry-After" : "attempts/s, Retry-After 3",
                               during.attempts_per_second, 0.1, i == 0 ? 1.5 : 0.7);
            scenario_figure_is(&scene, i == 0 ? "s to 90 %, no Retry-After" : "s to 90 %, Retry-After 3",
                               (double)sim_ms_until_rate(sender, 80000, 120000, 450) / 1000, 0, i == 0 ? 8 : 11);
            scenario_figure_is(&scene, "given up", sim_figures_of(sender, 0, 120000).num_given_up, 0, 0);
            sim_free(sim);
        }
    }
    scenario_end(&scene);
}

static void workers_that_share_a_rate_use_it_up_and_each_gets_some(void **state) {
    SCENARIO(scene);
    FOR_EACH_SEED(seed) {
        simulation *sim = sim_new(seed);
        sim_server *server = sim_add_server(sim);
        server->jitter = 0.3;
        server->max_per_second = 400;
        server->burst = 40;
        for (int i = 0; i < 4; i++) {
            sim_start(sim, sim_add_sender(sim, server));
            sim_run(sim, 700); /* they do not start together */
        }
        sim_run(sim, 60000);
        double goodput = 0;
        double least = 400;
        double num_throttled = 0;
        double num_attempts = 0;
        for (uint32_t i = 0; i < 4; i++) {
            sim_figures figures = sim_figures_of(sim->senders[i], 20000, 60000);
            goodput += figures.stored_per_second;
            least = figures.stored_per_second < least ? figures.stored_per_second : least;
            num_throttled += figures.throttled_share * figures.num_attempts;
            num_attempts += figures.num_attempts;
        }
        scenario_figure_is(&scene, "goodput of 400/s", goodput, 380, 412);
        scenario_figure_is(&scene, "429 share", num_throttled / num_attempts, 0, 0.05);
        scenario_figure_is(&scene, "the least worker's", least, 15, 100);
        sim_free(sim);
    }
    scenario_end(&scene);
}

static void the_users_cap_is_reached_in_a_minute_and_never_passed(void **state) {
    SCENARIO(scene);
    FOR_EACH_SEED(seed) {
        simulation *sim = sim_new(seed);
        sim_server *server = sim_add_server(sim);
        server->jitter = 0.3;
        sim_sender *sender = sim_add_sender(sim, server);
        sim_start(sim, sender);
        tecton_rate_cap_join(&sender->gate.rate_cap, 1000); /* 100 requests a second */
        sim_run(sim, 80000);
        scenario_figure_is(&scene, "records/s in second 1 to 2",
                           sim_figures_of(sender, 1000, 2000).attempts_per_second * SIM_RECORDS, 250, 290);
        scenario_figure_is(&scene, "records/s in second 30",
                           sim_figures_of(sender, 30000, 31000).attempts_per_second * SIM_RECORDS, 600, 650);
        for (uint64_t at_ms = 61000; at_ms < 80000; at_ms += 1000)
            scenario_figure_is(&scene, "records/s after a minute",
                               sim_figures_of(sender, at_ms, at_ms + 1000).attempts_per_second * SIM_RECORDS, 980,
                               1010);
        sim_free(sim);
    }
    scenario_end(&scene);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_hidden_rate_is_found_and_kept),
        cmocka_unit_test(a_hidden_rate_far_away_is_found_within_twenty_seconds),
        cmocka_unit_test(small_and_large_rates_are_found_too),
        cmocka_unit_test(retry_after_on_some_429s_costs_no_goodput),
        cmocka_unit_test(a_rate_that_changes_is_followed),
        cmocka_unit_test(a_service_that_scales_out_under_load_is_followed),
        cmocka_unit_test(a_used_up_quota_is_left_alone_and_used_again_at_once),
        cmocka_unit_test(workers_that_share_a_rate_use_it_up_and_each_gets_some),
        cmocka_unit_test(the_users_cap_is_reached_in_a_minute_and_never_passed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
