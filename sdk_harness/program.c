#include "sdk_harness/program.h"

#include "sdk_harness/base/alloc.h"
#include "sdk_harness/base/clock.h"
#include "sdk_harness/base/log.h"
#include "sdk_harness/expansion/expansion_service.h"
#include "sdk_harness/harness.h"
#include "sdk_harness/worker_pool/worker_pool.h"
#include "sdk_harness/worker_pool/worker_process.h"

#include <limits.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

enum { TICK_MS = 200, DEFAULT_POOL_PORT = 50000 /* Go's and Python's pools listen there */ };

/* ---- arguments ---- */

static const char *option(int argc, char **argv, const char *name) {
    size_t len = strlen(name);
    for (int i = 0; i < argc; i++) {
        if (strncmp(argv[i], name, len) != 0)
            continue;
        if (argv[i][len] == '=')
            return argv[i] + len + 1;
        if (argv[i][len] == '\0' && i + 1 < argc)
            return argv[i + 1];
    }
    return NULL;
}

static bool flag(int argc, char **argv, const char *name) {
    for (int i = 0; i < argc; i++)
        if (strcmp(argv[i], name) == 0)
            return true;
    return false;
}

static bool port_option(int argc, char **argv, int default_port, int *out) {
    const char *text = option(argc, argv, "--port");
    if (text == NULL) {
        *out = default_port;
        return true;
    }
    char *end = NULL;
    long port = strtol(text, &end, 10);
    if (end == text || *end != '\0' || port < 0 || port > 65535) {
        fprintf(stderr, "--port is \"%s\"; it is a number from 0 (any free port) to 65535\n", text);
        return false;
    }
    *out = (int)port;
    return true;
}

/* ---- services ---- */

static int block_signals(void) {
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGCHLD);
    pthread_sigmask(SIG_BLOCK, &set, NULL); /* before any thread starts, so that all inherit it */
    return signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
}

/* True when a signal asks the program to end. */
static bool handle_signals(int signals, beamc_worker_pool *pool) {
    struct signalfd_siginfo info;
    bool end = false;
    while (read(signals, &info, sizeof info) == sizeof info) {
        if (info.ssi_signo == SIGCHLD)
            beamc_worker_pool_reap(pool);
        else
            end = true;
    }
    return end;
}

static bool stdin_ended(void) {
    char ignored[256];
    return read(STDIN_FILENO, ignored, sizeof ignored) <= 0;
}

static void wait_for_end(int signals, bool watch_stdin, beamc_worker_pool *pool) {
    struct pollfd waits[2] = {{.fd = signals, .events = POLLIN},
                              {.fd = watch_stdin ? STDIN_FILENO : -1, .events = POLLIN}};
    bool watching = false;
    for (;;) {
        (void)poll(waits, 2, watching ? TICK_MS : -1);
        if ((waits[0].revents & POLLIN) != 0 && handle_signals(signals, pool))
            return;
        if (waits[1].revents != 0 && stdin_ended())
            return;
        /* A stop arrives on the server's thread; until the child has ended it is looked at now and then. */
        watching = beamc_worker_pool_tick(pool, beamc_clock_ms());
    }
}

static char *own_path(void) {
    char path[PATH_MAX];
    ssize_t len = readlink("/proc/self/exe", path, sizeof path - 1);
    return len < 0 ? NULL : beamc_strndup(path, (size_t)len);
}

static int serve(const beamc_program *program, int port, bool with_expansion, bool watch_stdin) {
    int signals = block_signals();
    char *path = own_path();
    if (signals < 0 || path == NULL) {
        fprintf(stderr, "%s: cannot find its own executable or signals: is /proc mounted?\n", program->name);
        free(path);
        return 1;
    }
    beamc_worker_pool *pool = beamc_worker_pool_new(path);
    beamc_expansion_service expansion = {.transforms = program->transforms,
                                         .num_transforms = program->num_transforms,
                                         .environment = {.worker_program = path}};
    beamc_rpc_method methods[BEAMC_WORKER_POOL_METHODS + BEAMC_EXPANSION_METHODS];
    beamc_worker_pool_methods(pool, methods);
    beamc_expansion_methods(&expansion, methods + BEAMC_WORKER_POOL_METHODS);
    size_t num_methods = BEAMC_WORKER_POOL_METHODS + (with_expansion ? BEAMC_EXPANSION_METHODS : 0U);
    beamc_rpc_server *server = NULL;
    beamc_error err;
    int exit_code = 1;
    char address[32] = "";
    expansion.environment.pool_address = address;
    if (beamc_rpc_server_start(port, methods, num_methods, &server, &err) == BEAMC_OK) {
        snprintf(address, sizeof address, "localhost:%d", beamc_rpc_server_port(server));
        printf("listening on %s\n", address);
        fflush(stdout);
        wait_for_end(signals, watch_stdin, pool);
        beamc_rpc_server_stop(server);
        exit_code = 0;
    } else {
        fprintf(stderr, "%s: %s\n", program->name, err.text);
    }
    beamc_worker_pool_stop_all(pool);
    beamc_worker_pool_free(pool);
    free(path);
    close(signals);
    return exit_code;
}

/* ---- worker ---- */

static void block_end_signals(void) {
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    pthread_sigmask(SIG_BLOCK, &set, NULL);
}

static int run_worker(const beamc_program *program, int argc, char **argv) {
    beamc_harness_options options = {
        .dofns = program->dofns, .num_dofns = program->num_dofns, .version = program->version};
    beamc_error err;
    if (beamc_harness_options_parse(argc, argv, &options, &err) != BEAMC_OK) {
        fprintf(stderr, "%s worker: %s\n", program->name, err.text);
        return 2;
    }
    const char *parent = option(argc, argv, "--parent-pid");
    if (parent != NULL && !beamc_end_with_parent((pid_t)strtol(parent, NULL, 10)))
        return 0; /* nobody is left to work for */
    /* Before worker_starts makes a thread that SIGTERM would otherwise kill the process through. */
    block_end_signals();
    if (program->worker_starts != NULL && !program->worker_starts())
        return 1;
    int exit_code = beamc_harness_run(&options);
    if (program->worker_ends != NULL)
        program->worker_ends();
    return exit_code;
}

static int help(const beamc_program *program, FILE *to, int exit_code) {
    fprintf(to,
            "%s %s\n"
            "  expansion-service --port=N [--exit-with-stdin]  serve pipelines under construction, and a worker pool\n"
            "  worker-pool --port=N                            a worker pool alone (default port %d)\n"
            "  worker --id=ID --provision_endpoint=HOST:PORT   one worker, as runners start it\n"
            "  version                                         print the version\n%s",
            program->name, program->version, DEFAULT_POOL_PORT,
            program->command_help == NULL ? "" : program->command_help);
    return exit_code;
}

static bool called_boot(const char *argv0) {
    const char *slash = strrchr(argv0, '/');
    return strcmp(slash == NULL ? argv0 : slash + 1, "boot") == 0;
}

int beamc_program_main(const beamc_program *program, int argc, char **argv) {
    const char *command = argc > 1 ? argv[1] : "";
    int port = 0;
    (void)signal(SIGPIPE, SIG_IGN); /* a line on stderr that nobody reads any more must not end a worker */
    if (strcmp(command, "expansion-service") == 0) {
        if (!port_option(argc - 2, argv + 2, 0, &port))
            return 2;
        return serve(program, port, true, flag(argc - 2, argv + 2, "--exit-with-stdin"));
    }
    if (strcmp(command, "worker-pool") == 0 || flag(argc - 1, argv + 1, "--worker_pool")) {
        if (!port_option(argc - 1, argv + 1, DEFAULT_POOL_PORT, &port))
            return 2;
        return serve(program, port, false, flag(argc - 1, argv + 1, "--exit-with-stdin"));
    }
    if (strcmp(command, "worker") == 0)
        return run_worker(program, argc - 2, argv + 2);
    /* Runners that start a PROCESS environment pass options only. */
    if (called_boot(argv[0]) || strncmp(command, "--id", 4) == 0 || strncmp(command, "--provision", 11) == 0)
        return run_worker(program, argc - 1, argv + 1);
    if (strcmp(command, "version") == 0 || strcmp(command, "--version") == 0) {
        printf("%s %s\n", program->name, program->version);
        return 0;
    }
    if (strcmp(command, "help") == 0 || strcmp(command, "--help") == 0)
        return help(program, stdout, 0);
    if (program->command != NULL && argc > 1) {
        int exit_code = program->command(argc - 1, argv + 1);
        if (exit_code >= 0)
            return exit_code;
    }
    fprintf(stderr, argc > 1 ? "%s: \"%s\" is not one of its commands\n" : "%s: a command is missing%s\n",
            program->name, command);
    return help(program, stderr, 2);
}
