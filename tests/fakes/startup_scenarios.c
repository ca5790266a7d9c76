/* From the start of the process to its first bundle. */
#include "sdk_harness/base/alloc.h"
#include "tests/fakes/scenario.h"

#include <stdlib.h>

static void check_that_it_works(fake_runner *runner) {
    fake_offer_step(runner, "works", "emit=output");
    fake_run_bundle(runner, "works-1", "works", 1, 3);
    (void)fake_await_success(runner, "works-1");
    fake_check_rows(runner, "works-1", "sink", 1, 3, 1);
}

static void the_provision_endpoint_alone_is_enough(fake_runner *runner) {
    fake_start_worker(runner);
    fake_await_streams(runner, FAKE_LOGGING, 1);
    check_that_it_works(runner);
}

static void options_alone_without_a_command_start_a_worker(fake_runner *runner) {
    char *provision = beamc_format("--provision_endpoint=%s", fake_control_url(runner));
    fake_start_worker_with(runner, "2-1", (const char *[]){"--id=2-1", provision, NULL});
    free(provision);
    check_that_it_works(runner);
}

static void quotes_around_the_id_are_not_part_of_it(fake_runner *runner) {
    char *provision = beamc_format("--provision_endpoint=%s", fake_control_url(runner));
    fake_start_worker_with(runner, "job-001[job]_external_1_env",
                           (const char *[]){"--id='job-001[job]_external_1_env'", provision, NULL});
    free(provision);
    check_that_it_works(runner);
}

static void options_that_nobody_knows_are_passed_over(fake_runner *runner) {
    char *provision = beamc_format("--provision_endpoint=%s", fake_control_url(runner));
    fake_start_worker_with(runner, FAKE_WORKER_ID,
                           (const char *[]){"worker", "--semi_persist_dir=/tmp", "--id", FAKE_WORKER_ID,
                                            "--artifact_endpoint=localhost:1", "--not_yet_invented", provision, NULL});
    free(provision);
    check_that_it_works(runner);
}

static void each_service_may_have_a_port_of_its_own(fake_runner *runner) {
    fake_listen(runner, FAKE_PORT_EACH);
    fake_start_worker(runner);
    fake_await_streams(runner, FAKE_LOGGING, 1);
    check_that_it_works(runner);
}

static void services_may_listen_on_unix_sockets(fake_runner *runner) {
    fake_listen(runner, FAKE_UNIX_SOCKETS);
    fake_start_worker(runner);
    check_that_it_works(runner);
}

static void addresses_may_be_names(fake_runner *runner) {
    const char *port = strrchr(fake_control_url(runner), ':') + 1;
    char *provision = beamc_format("--provision_endpoint=localhost:%s", port);
    fake_start_worker_with(runner, FAKE_WORKER_ID, (const char *[]){"worker", "--id=" FAKE_WORKER_ID, provision, NULL});
    free(provision);
    check_that_it_works(runner);
}

static void control_and_logging_may_come_as_options_without_provision(fake_runner *runner) {
    fake_listen(runner, FAKE_PORT_EACH);
    char *control = beamc_format("--control_endpoint=%s", fake_control_url(runner));
    char *logging = beamc_format("--logging_endpoint=%s", fake_logging_url(runner));
    fake_start_worker_with(runner, FAKE_WORKER_ID,
                           (const char *[]){"worker", "--id=" FAKE_WORKER_ID, control, logging, NULL});
    free(control);
    free(logging);
    fake_await_streams(runner, FAKE_LOGGING, 1);
    check_that_it_works(runner);
}

static void what_provision_says_counts_more_than_options(fake_runner *runner) {
    char *provision = beamc_format("--provision_endpoint=%s", fake_control_url(runner));
    fake_start_worker_with(runner, FAKE_WORKER_ID,
                           (const char *[]){"worker", "--id=" FAKE_WORKER_ID, "--control_endpoint=127.0.0.1:1",
                                            "--logging_endpoint=127.0.0.1:1", provision, NULL});
    free(provision);
    fake_await_streams(runner, FAKE_LOGGING, 1);
    check_that_it_works(runner);
}

static void a_control_endpoint_that_provision_does_not_name_is_taken_from_the_option(fake_runner *runner) {
    fake_provision_without_control(runner);
    char *provision = beamc_format("--provision_endpoint=%s", fake_control_url(runner));
    char *control = beamc_format("--control_endpoint=%s", fake_control_url(runner));
    fake_start_worker_with(runner, FAKE_WORKER_ID,
                           (const char *[]){"worker", "--id=" FAKE_WORKER_ID, provision, control, NULL});
    free(provision);
    free(control);
    check_that_it_works(runner);
}

static void without_any_control_endpoint_the_worker_says_so_and_ends(fake_runner *runner) {
    fake_provision_without_control(runner);
    fake_start_worker(runner);
    fake_await_exit(runner, 1, FAKE_WAIT_MS);
    fake_check(runner, fake_worker_prints(runner, "no control endpoint"));
}

static void without_a_logging_endpoint_lines_go_to_stderr(fake_runner *runner) {
    fake_provision_without_logging(runner);
    fake_offer_step(runner, "d1", "error=the line to look for");
    fake_start_worker(runner);
    fake_run_bundle(runner, "b1", "d1", 1, 1);
    fake_await_error(runner, "b1", "the line to look for");
    check_that_it_works(runner);
    fake_check(runner, fake_worker_prints(runner, "the line to look for"));
    fake_check(runner, fake_num_streams(runner, FAKE_LOGGING) == 0);
}

static void a_slow_provision_service_is_waited_for(fake_runner *runner) {
    fake_hold_provision(runner, true);
    fake_start_worker(runner);
    fake_pause(200);
    fake_check(runner, fake_num_streams(runner, FAKE_CONTROL) == 0);
    fake_hold_provision(runner, false);
    check_that_it_works(runner);
}

static void a_runner_that_listens_only_later_is_waited_for(fake_runner *runner) {
    char *url = fake_socket_url(runner, "control");
    char *provision = beamc_format("--provision_endpoint=%s", url);
    fake_start_worker_with(runner, FAKE_WORKER_ID, (const char *[]){"worker", "--id=" FAKE_WORKER_ID, provision, NULL});
    free(provision);
    free(url);
    fake_pause(150);
    fake_listen(runner, FAKE_UNIX_SOCKETS);
    check_that_it_works(runner);
}

static void a_provision_service_that_refuses_ends_the_worker_with_its_words(fake_runner *runner) {
    fake_provision_fails(runner, "worker_id not registered in worker pool");
    fake_start_worker(runner);
    fake_await_exit(runner, 1, FAKE_WAIT_MS);
    fake_check(runner, fake_worker_prints(runner, "worker_id not registered in worker pool"));
    fake_check(runner, fake_worker_prints(runner, "GetProvisionInfo"));
}

static void without_an_id_the_worker_says_what_is_missing(fake_runner *runner) {
    char *provision = beamc_format("--provision_endpoint=%s", fake_control_url(runner));
    fake_start_worker_with(runner, FAKE_WORKER_ID, (const char *[]){"worker", provision, NULL});
    free(provision);
    fake_await_exit(runner, 2, FAKE_WAIT_MS);
    fake_check(runner, fake_worker_prints(runner, "--id is missing"));
}

static void the_data_stream_is_opened_before_there_is_any_output(fake_runner *runner) {
    fake_offer_step(runner, "d1", "emit=output");
    fake_start_worker(runner);
    fake_process_bundle(runner, "b1", "d1");
    fake_await_streams(runner, FAKE_DATA, 1); /* Flink sends nothing before it is there */
    fake_check(runner, !fake_has_output(runner, "b1", "sink"));
    fake_send_rows(runner, "b1", 1, 2);
    fake_send_end(runner, "b1");
    (void)fake_await_success(runner, "b1");
}

static void a_stage_without_outputs_opens_the_data_stream_too(fake_runner *runner) {
    fake_offer_sink(runner, "d1", "");
    fake_start_worker(runner);
    fake_process_bundle(runner, "b1", "d1");
    fake_await_streams(runner, FAKE_DATA, 1);
    fake_send_rows(runner, "b1", 1, 2);
    fake_send_end(runner, "b1");
    fake_check(runner, fake_counter(fake_await_success(runner, "b1"), "rows", NULL) == 2);
}

static void many_bundles_of_many_stages_share_one_data_stream(fake_runner *runner) {
    char id[16];
    fake_offer_step(runner, "d1", "emit=output");
    fake_offer_step(runner, "d2", "emit=output");
    fake_offer_sink(runner, "d3", "");
    fake_start_worker(runner);
    for (int i = 0; i < 12; i++) {
        snprintf(id, sizeof id, "b%d", i);
        fake_run_bundle(runner, id, i % 3 == 0 ? "d1" : i % 3 == 1 ? "d2" : "d3", i, 5);
    }
    for (int i = 0; i < 12; i++) {
        snprintf(id, sizeof id, "b%d", i);
        (void)fake_await_success(runner, id);
    }
    fake_check(runner, fake_num_streams(runner, FAKE_DATA) == 1);
}

static void what_the_runner_says_on_the_logging_stream_does_no_harm(fake_runner *runner) {
    fake_start_worker(runner);
    fake_await_streams(runner, FAKE_LOGGING, 1);
    fake_send_log_control(runner); /* FnApiRunner sends one first */
    check_that_it_works(runner);
    fake_send_log_control(runner);
}

static void log_lines_name_their_bundle_and_carry_their_severity(fake_runner *runner) {
    fake_offer_step(runner, "d1", "error=the line to look for");
    fake_start_worker(runner);
    fake_run_bundle(runner, "b1", "d1", 1, 1);
    const Beam__LogEntry *entry = fake_await_log(runner, 6, "the line to look for");
    fake_check(runner, entry->severity == BEAM__LOG_ENTRY__SEVERITY__ENUM__ERROR);
    fake_check(runner, strstr(entry->message, "b1") != NULL || strcmp(entry->instruction_id, "b1") == 0);
    fake_check(runner, entry->timestamp != NULL && entry->timestamp->seconds > 1600000000);
    fake_check(runner, strstr(entry->log_location, ".c:") != NULL);
}

static void a_control_address_where_nobody_listens_ends_the_worker_with_an_error(fake_runner *runner) {
    char *logging = beamc_format("--logging_endpoint=%s", fake_logging_url(runner));
    fake_start_worker_with(
        runner, FAKE_WORKER_ID,
        (const char *[]){"worker", "--id=" FAKE_WORKER_ID, "--control_endpoint=127.0.0.1:1", logging, NULL});
    free(logging);
    fake_await_bad_exit(runner, FAKE_WAIT_MS);
    (void)fake_await_log(runner, 5, "control stream");
}

static void a_logging_address_where_nobody_listens_is_done_without(fake_runner *runner) {
    char *control = beamc_format("--control_endpoint=%s", fake_control_url(runner));
    fake_start_worker_with(
        runner, FAKE_WORKER_ID,
        (const char *[]){"worker", "--id=" FAKE_WORKER_ID, control, "--logging_endpoint=127.0.0.1:1", NULL});
    free(control);
    check_that_it_works(runner);
}

static void a_proxy_in_the_environment_is_not_used(fake_runner *runner) {
    static const char *const names[] = {"http_proxy", "https_proxy", "grpc_proxy", "HTTP_PROXY", "HTTPS_PROXY"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        (void)setenv(names[i], "http://127.0.0.1:1", 1);
    fake_start_worker(runner);
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        (void)unsetenv(names[i]);
    check_that_it_works(runner);
}

static void lines_that_nobody_can_read_do_not_end_the_worker(fake_runner *runner) {
    fake_provision_without_logging(runner);
    fake_drop_output(runner);
    fake_offer_step(runner, "d1", "error=a line for stderr");
    fake_start_worker(runner);
    fake_run_bundle(runner, "b1", "d1", 1, 1);
    fake_await_error(runner, "b1", "a line for stderr");
    check_that_it_works(runner);
}

static void a_runner_that_wants_nothing_gets_a_worker_that_ends(fake_runner *runner) {
    fake_start_worker(runner);
    fake_await_streams(runner, FAKE_CONTROL, 1);
    fake_close_streams(runner, FAKE_CONTROL);
    fake_await_exit(runner, 0, 3000);
}

int main(int argc, char **argv) {
    const struct CMUnitTest tests[] = {
        SCENARIO(the_provision_endpoint_alone_is_enough),
        SCENARIO(options_alone_without_a_command_start_a_worker),
        SCENARIO(quotes_around_the_id_are_not_part_of_it),
        SCENARIO(options_that_nobody_knows_are_passed_over),
        SCENARIO(each_service_may_have_a_port_of_its_own),
        SCENARIO(services_may_listen_on_unix_sockets),
        SCENARIO(addresses_may_be_names),
        SCENARIO(control_and_logging_may_come_as_options_without_provision),
        SCENARIO(what_provision_says_counts_more_than_options),
        SCENARIO(a_control_endpoint_that_provision_does_not_name_is_taken_from_the_option),
        SCENARIO(without_any_control_endpoint_the_worker_says_so_and_ends),
        SCENARIO(without_a_logging_endpoint_lines_go_to_stderr),
        SCENARIO(a_slow_provision_service_is_waited_for),
        SCENARIO(a_runner_that_listens_only_later_is_waited_for),
        SCENARIO(a_provision_service_that_refuses_ends_the_worker_with_its_words),
        SCENARIO(without_an_id_the_worker_says_what_is_missing),
        SCENARIO(the_data_stream_is_opened_before_there_is_any_output),
        SCENARIO(a_stage_without_outputs_opens_the_data_stream_too),
        SCENARIO(many_bundles_of_many_stages_share_one_data_stream),
        SCENARIO(what_the_runner_says_on_the_logging_stream_does_no_harm),
        SCENARIO(log_lines_name_their_bundle_and_carry_their_severity),
        SCENARIO(a_control_address_where_nobody_listens_ends_the_worker_with_an_error),
        SCENARIO(a_logging_address_where_nobody_listens_is_done_without),
        SCENARIO(a_proxy_in_the_environment_is_not_used),
        SCENARIO(lines_that_nobody_can_read_do_not_end_the_worker),
        SCENARIO(a_runner_that_wants_nothing_gets_a_worker_that_ends),
    };
    return SCENARIO_MAIN("startup", argc, argv, tests);
}
