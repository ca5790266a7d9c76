#include "tests/fakes/fake_runner.h"

#include "sdk_harness/base/alloc.h"
#include "sdk_harness/base/clock.h"
#include "tests/fakes/fake_runner_internal.h"
#include "tests/fakes/wire_message.h"
#include "tests/support/check.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum {
    LOOK_AT_WORKER_MS = 50,        /* while waiting for something else */
    LAST_MESSAGES_MS = 500,        /* what a worker that has ended may still have on the wire */
    SHOWN_OUTPUT_BYTES = 16 * 1024 /* of the worker, when a test fails: the last ones */
};

/* ---- life ---- */

fake_server *fake_add_server(fake_runner *runner, const char *address) {
    fake_server *server = fake_server_start(address, &fake_runner_events, runner);
    if (server == NULL || runner->num_servers == MAX_SERVERS) {
        fprintf(stderr, "the fake runner cannot listen on %s\n", address);
        abort();
    }
    runner->servers[runner->num_servers++] = server;
    return server;
}

static void stop_servers(fake_runner *runner) {
    for (size_t i = 0; i < runner->num_servers; i++)
        fake_server_stop(runner->servers[i]);
    runner->num_servers = 0;
}

fake_runner *fake_runner_new(const fake_programs *programs) {
    fake_runner *runner = beamc_alloc_zero(1, sizeof *runner);
    runner->programs = programs;
    runner->folder = beamc_strdup("/tmp/fake-runner.XXXXXX"); /* short: a socket's path has at most 107 characters */
    if (mkdtemp(runner->folder) == NULL)
        abort(); /* nothing can be tested without */
    runner->gate = beamc_format("%s/gate", runner->folder);
    runner->worker_id = beamc_strdup(FAKE_WORKER_ID);
    runner->shape = (element_shape){.length_prefixed = true, .timestamp_ms = ELEMENT_MIN_TIMESTAMP_MS};
    runner->started_us = beamc_clock_us();
    runner->last_response = &runner->responses;
    runner->last_log = &runner->logs;
    pthread_mutex_init(&runner->lock, NULL);
    pthread_condattr_t attributes;
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(&runner->changed, &attributes);
    pthread_condattr_destroy(&attributes);
    fake_listen(runner, FAKE_ONE_PORT);
    return runner;
}

static void free_lists(fake_runner *runner) {
    while (runner->calls != NULL) {
        served_call *served = runner->calls;
        runner->calls = served->next;
        free(served->argument);
        free(served);
    }
    while (runner->offers != NULL) {
        offered *offer = runner->offers;
        runner->offers = offer->next;
        free(offer->id);
        free(offer->bytes);
        free(offer);
    }
    while (runner->requests != NULL) {
        sent_request *request = runner->requests;
        runner->requests = request->next;
        free(request->id);
        free(request);
    }
    while (runner->responses != NULL) {
        got_response *response = runner->responses;
        runner->responses = response->next;
        beam__instruction_response__free_unpacked(response->message, NULL);
        free(response);
    }
    while (runner->outputs != NULL) {
        got_output *got = runner->outputs;
        runner->outputs = got->next;
        beamc_byte_buffer_cleanup(&got->output.bytes);
        free(got->bundle_id);
        free(got->node);
        free(got);
    }
    while (runner->logs != NULL) {
        got_log *log = runner->logs;
        runner->logs = log->next;
        protobuf_c_message_free_unpacked(&log->list->base, NULL);
        free(log);
    }
}

static void free_status(fake_runner *runner) {
    if (runner->status != NULL)
        beam__worker_status_response__free_unpacked(runner->status, NULL);
}

static void remove_folder(const fake_runner *runner) {
    static const char *const names[] = {"worker.out", "gate", "control.sock", "data.sock", "logging.sock"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        char *path = beamc_format("%s/%s", runner->folder, names[i]);
        (void)unlink(path);
        free(path);
    }
    (void)rmdir(runner->folder);
}

void fake_runner_free(fake_runner *runner) {
    worker_cleanup(&runner->worker);
    stop_servers(runner);
    remove_folder(runner);
    free_lists(runner);
    free_status(runner);
    free(runner->provision_error);
    free(runner->descriptor_error);
    free(runner->worker_id);
    free(runner->gate);
    free(runner->folder);
    pthread_cond_destroy(&runner->changed);
    pthread_mutex_destroy(&runner->lock);
    free(runner);
}

/* ---- what happened ---- */

void fake_note(fake_runner *runner, const char *format, ...) {
    char *line = runner->transcript[runner->num_lines++ % TRANSCRIPT_LINES];
    int len =
        snprintf(line, TRANSCRIPT_LINE_BYTES, "%9.3f ms  ", (double)(beamc_clock_us() - runner->started_us) / 1000);
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(line + len, TRANSCRIPT_LINE_BYTES - (size_t)len, format, arguments);
    va_end(arguments);
}

void fake_violation(fake_runner *runner, const char *format, ...) {
    size_t len = strlen(runner->violations);
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(runner->violations + len, VIOLATION_BYTES - len, format, arguments);
    va_end(arguments);
    len = strlen(runner->violations);
    snprintf(runner->violations + len, VIOLATION_BYTES - len, "; ");
}

static void print_transcript(fake_runner *runner) {
    pthread_mutex_lock(&runner->lock);
    size_t first = runner->num_lines > TRANSCRIPT_LINES ? runner->num_lines - TRANSCRIPT_LINES : 0;
    for (size_t i = first; i < runner->num_lines; i++)
        print_error("  %s\n", runner->transcript[i % TRANSCRIPT_LINES]);
    if (runner->violations[0] != '\0')
        print_error("  against the rules: %s\n", runner->violations);
    pthread_mutex_unlock(&runner->lock);
    char *output = worker_output(&runner->worker);
    size_t len = strlen(output);
    char state[64] = "was not started";
    if (runner->worker.started && worker_has_ended(&runner->worker))
        snprintf(state, sizeof state, "has ended with exit code %d", runner->worker.exit_code);
    else if (runner->worker.started)
        snprintf(state, sizeof state, "still runs");
    print_error("  the worker %s, and has printed:\n%s\n", state,
                output + (len > SHOWN_OUTPUT_BYTES ? len - SHOWN_OUTPUT_BYTES : 0));
    free(output);
}

void fake_runner_fail(fake_runner *runner, const char *format, ...) {
    char text[1024];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    print_error("%s\n", text);
    print_transcript(runner);
    fail();
    abort(); /* fail() does not return; the compiler cannot know */
}

bool fake_wait(fake_runner *runner, uint64_t deadline_ms) {
    uint64_t now_ms = beamc_clock_ms();
    if (runner->worker.started && !runner->exit_expected && worker_has_ended(&runner->worker)) {
        if (runner->end_seen_ms == 0)
            runner->end_seen_ms = now_ms;
        if (deadline_ms > runner->end_seen_ms + LAST_MESSAGES_MS)
            deadline_ms = runner->end_seen_ms + LAST_MESSAGES_MS;
    }
    if (now_ms >= deadline_ms)
        return false;
    uint64_t wait_ms = deadline_ms - now_ms < LOOK_AT_WORKER_MS ? deadline_ms - now_ms : LOOK_AT_WORKER_MS;
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_nsec += (long)wait_ms * 1000000L;
    if (until.tv_nsec >= 1000000000L) {
        until.tv_sec++;
        until.tv_nsec -= 1000000000L;
    }
    (void)pthread_cond_timedwait(&runner->changed, &runner->lock, &until);
    return true;
}

/* ---- before the worker starts ---- */

static fake_server *listen_on(fake_runner *runner, fake_ports ports, const char *name) {
    char *address = ports == FAKE_UNIX_SOCKETS ? fake_socket_url(runner, name) : beamc_strdup("127.0.0.1:0");
    fake_server *server = fake_add_server(runner, address);
    free(address);
    return server;
}

void fake_listen(fake_runner *runner, fake_ports ports) {
    stop_servers(runner);
    runner->control_server = listen_on(runner, ports, "control");
    runner->data_server = ports == FAKE_ONE_PORT ? runner->control_server : listen_on(runner, ports, "data");
    runner->logging_server = ports == FAKE_ONE_PORT ? runner->control_server : listen_on(runner, ports, "logging");
}

const char *fake_control_url(const fake_runner *runner) {
    return fake_server_url(runner->control_server);
}

const char *fake_data_url(const fake_runner *runner) {
    return fake_server_url(runner->data_server);
}

const char *fake_logging_url(const fake_runner *runner) {
    return fake_server_url(runner->logging_server);
}

const char *fake_second_data_url(fake_runner *runner) {
    if (runner->second_data_server == NULL)
        runner->second_data_server = fake_add_server(runner, "127.0.0.1:0");
    return fake_server_url(runner->second_data_server);
}

void fake_provision_without_control(fake_runner *runner) {
    pthread_mutex_lock(&runner->lock);
    runner->provision_without_control = true;
    pthread_mutex_unlock(&runner->lock);
}

void fake_provision_without_logging(fake_runner *runner) {
    pthread_mutex_lock(&runner->lock);
    runner->provision_without_logging = true;
    pthread_mutex_unlock(&runner->lock);
}

void fake_provision_fails(fake_runner *runner, const char *text) {
    pthread_mutex_lock(&runner->lock);
    runner->provision_error = beamc_strdup(text);
    pthread_mutex_unlock(&runner->lock);
}

void fake_provision_capability(fake_runner *runner, const char *urn) {
    pthread_mutex_lock(&runner->lock);
    runner->provision_capability = urn;
    pthread_mutex_unlock(&runner->lock);
}

const char *fake_gate(fake_runner *runner) {
    return runner->gate;
}

void fake_open_gate(fake_runner *runner) {
    int file = open(runner->gate, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    fake_check(runner, file >= 0);
    (void)close(file);
}

char *fake_socket_url(const fake_runner *runner, const char *name) {
    return beamc_format("unix:%s/%s.sock", runner->folder, name);
}

void fake_pause(unsigned ms) {
    const struct timespec pause = {.tv_sec = ms / 1000, .tv_nsec = (long)(ms % 1000) * 1000000L};
    nanosleep(&pause, NULL);
}

void fake_vanish(fake_runner *runner) {
    pthread_mutex_lock(&runner->lock);
    for (served_call *served = runner->calls; served != NULL; served = served->next)
        served->broken = true;
    pthread_mutex_unlock(&runner->lock);
    stop_servers(runner);
}

element_shape *fake_shape(fake_runner *runner) {
    return &runner->shape;
}

/* ---- the worker ---- */

static void start_worker(fake_runner *runner, const char *program, const char *const *arguments) {
    if (!worker_start(&runner->worker, program, runner->folder, runner->output_kind, arguments))
        fake_runner_fail(runner, "the worker %s cannot be started", program);
}

static void start_as_runners_do(fake_runner *runner, const char *program) {
    char *id = beamc_format("--id=%s", runner->worker_id);
    char *provision = beamc_format("--provision_endpoint=%s", fake_control_url(runner));
    start_worker(runner, program, (const char *[]){"worker", id, provision, NULL});
    free(id);
    free(provision);
}

void fake_start_worker(fake_runner *runner) {
    start_as_runners_do(runner, runner->programs->scripted_dofn);
}

void fake_start_null_sink(fake_runner *runner) {
    start_as_runners_do(runner, runner->programs->null_sink);
}

void fake_start_worker_with(fake_runner *runner, const char *worker_id, const char *const *arguments) {
    pthread_mutex_lock(&runner->lock);
    free(runner->worker_id);
    runner->worker_id = beamc_strdup(worker_id);
    pthread_mutex_unlock(&runner->lock);
    start_worker(runner, runner->programs->scripted_dofn, arguments);
}

void fake_signal_worker(fake_runner *runner, int signal) {
    worker_signal(&runner->worker, signal);
}

size_t fake_worker_status_kib(fake_runner *runner, const char *name) {
    return worker_status_kib(&runner->worker, name);
}

void fake_drop_output(fake_runner *runner) {
    runner->output_kind = WORKER_OUTPUT_UNREADABLE;
}

static void await_end(fake_runner *runner, unsigned within_ms) {
    runner->exit_expected = true;
    if (!worker_await_end(&runner->worker, within_ms))
        fake_runner_fail(runner, "the worker does not end within %u ms", within_ms);
}

void fake_await_exit(fake_runner *runner, int exit_code, unsigned within_ms) {
    await_end(runner, within_ms);
    if (runner->worker.exit_code != exit_code)
        fake_runner_fail(runner, "the worker's exit code is %d, not %d", runner->worker.exit_code, exit_code);
}

void fake_await_bad_exit(fake_runner *runner, unsigned within_ms) {
    await_end(runner, within_ms);
    if (runner->worker.exit_code == 0 || runner->worker.exit_code > 127)
        fake_runner_fail(runner, "the worker's exit code is %d", runner->worker.exit_code);
}

bool fake_worker_prints(fake_runner *runner, const char *text) {
    char *output = worker_output(&runner->worker);
    bool prints = strstr(output, text) != NULL;
    free(output);
    return prints;
}

/* ---- the end ---- */

static void check_rules(fake_runner *runner) {
    pthread_mutex_lock(&runner->lock);
    bool broken = runner->violations[0] != '\0';
    pthread_mutex_unlock(&runner->lock);
    if (broken)
        fake_runner_fail(runner, "the worker broke a rule that holds in every scenario");
    if (fake_worker_prints(runner, "Sanitizer") || fake_worker_prints(runner, "runtime error:"))
        fake_runner_fail(runner, "a sanitizer found something in the worker");
}

void fake_finish(fake_runner *runner) {
    if (runner->worker.started && !worker_has_ended(&runner->worker)) {
        fake_close_streams(runner, FAKE_CONTROL);
        fake_await_exit(runner, 0, FAKE_WAIT_MS);
        fake_check_ended_in_order(runner, FAKE_DATA);
        fake_check_ended_in_order(runner, FAKE_LOGGING);
    } else if (runner->worker.started && !runner->exit_expected) {
        fake_runner_fail(runner, "the worker ended by itself, with exit code %d", runner->worker.exit_code);
    }
    check_rules(runner);
}
