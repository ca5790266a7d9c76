#include "tests/fakes/scenario.h"

static void rows_go_in_and_come_out(fake_runner *runner) {
    fake_offer_step(runner, "d1", "emit=output");
    fake_start_worker(runner);
    fake_run_bundle(runner, "b1", "d1", 1, 3);
    const Beam__ProcessBundleResponse *response = fake_await_success(runner, "b1");
    fake_check_rows(runner, "b1", "sink", 1, 3, 1);
    fake_check(runner, fake_counter(response, "rows", NULL) == 3);
}

int main(int argc, char **argv) {
    const struct CMUnitTest tests[] = {
        SCENARIO(rows_go_in_and_come_out),
    };
    return SCENARIO_MAIN("bundles", argc, argv, tests);
}
