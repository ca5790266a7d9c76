/* beam-tecton-emulator: a strict local stand-in of Tecton's Stream Ingest API. See README.md. */
#include "sdk_harness/base/alloc.h"
#include "tests/emulator/http_front.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <unistd.h>

enum { MAX_PEM_BYTES = 256 * 1024, DEFAULT_THREADS = 2 };

static const char usage[] =
    "usage: beam-tecton-emulator --config FILE [--port N] [--tls-cert FILE --tls-key FILE] [--threads N]\n"
    "                            [--journal FILE] [--exit-with-stdin]\n"
    "Listens on 127.0.0.1 and prints `listening on <url>` once it does. Port 0, the default, takes a free one.\n";

typedef struct {
    const char *config;
    const char *tls_cert;
    const char *tls_key;
    const char *journal;
    uint32_t port;
    uint32_t num_threads;
    bool exit_with_stdin;
} arguments;

static bool read_number(const char *text, uint32_t min, uint32_t max, uint32_t *out) {
    char *end;
    unsigned long value = strtoul(text, &end, 10);
    *out = (uint32_t)value;
    return *text >= '0' && *text <= '9' && *end == '\0' && value >= min && value <= max;
}

/* Takes one option and its value; false: it is none of ours, or its value is wrong. */
static bool read_option(arguments *args, const char *name, const char *value, int *num_used) {
    *num_used = 2;
    if (strcmp(name, "--exit-with-stdin") == 0) {
        args->exit_with_stdin = true;
        *num_used = 1;
        return true;
    }
    if (value == NULL)
        return false;
    if (strcmp(name, "--config") == 0)
        args->config = value;
    else if (strcmp(name, "--tls-cert") == 0)
        args->tls_cert = value;
    else if (strcmp(name, "--tls-key") == 0)
        args->tls_key = value;
    else if (strcmp(name, "--journal") == 0)
        args->journal = value;
    else if (strcmp(name, "--port") == 0)
        return read_number(value, 0, 65535, &args->port);
    else if (strcmp(name, "--threads") == 0)
        return read_number(value, 1, EMU_MAX_THREADS, &args->num_threads);
    else
        return false;
    return true;
}

static bool read_arguments(int argc, char **argv, arguments *args) {
    *args = (arguments){.num_threads = DEFAULT_THREADS};
    for (int i = 1; i < argc;) {
        int num_used;
        if (!read_option(args, argv[i], i + 1 < argc ? argv[i + 1] : NULL, &num_used)) {
            fprintf(stderr, "beam-tecton-emulator: %s: unknown option or wrong value\n", argv[i]);
            return false;
        }
        i += num_used;
    }
    if (args->config == NULL)
        fputs("beam-tecton-emulator: --config is missing\n", stderr);
    if ((args->tls_cert == NULL) != (args->tls_key == NULL))
        fputs("beam-tecton-emulator: --tls-cert and --tls-key go together\n", stderr);
    return args->config != NULL && (args->tls_cert == NULL) == (args->tls_key == NULL);
}

/* The text of a PEM file, terminated; NULL with a message on stderr. Free it. */
static char *read_pem(const char *path) {
    FILE *file = fopen(path, "rb");
    if (file == NULL) {
        fprintf(stderr, "beam-tecton-emulator: %s: %s\n", path, strerror(errno));
        return NULL;
    }
    char *text = beamc_alloc_zero(1, MAX_PEM_BYTES + 1);
    size_t len = fread(text, 1, MAX_PEM_BYTES, file);
    fclose(file);
    if (len > 0 && strlen(text) == len)
        return text;
    fprintf(stderr, "beam-tecton-emulator: %s: not a PEM file\n", path);
    free(text);
    return NULL;
}

static void raise_file_limit(void) {
    struct rlimit limit;
    rlim_t wanted = EMU_MAX_CONNECTIONS + 256;
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur < wanted) {
        limit.rlim_cur = limit.rlim_max < wanted ? limit.rlim_max : wanted;
        setrlimit(RLIMIT_NOFILE, &limit);
    }
}

/* Blocks the signals that end the program, before any thread starts, and returns a file that reads them. */
static int open_signals(void) {
    sigset_t signals;
    sigemptyset(&signals);
    sigaddset(&signals, SIGTERM);
    sigaddset(&signals, SIGINT);
    sigprocmask(SIG_BLOCK, &signals, NULL);
    signal(SIGPIPE, SIG_IGN);
    return signalfd(-1, &signals, SFD_CLOEXEC);
}

static bool stdin_closed(void) {
    char rubbish[256];
    return read(STDIN_FILENO, rubbish, sizeof rubbish) <= 0;
}

static void wait_for_end(int signals, bool watch_stdin) {
    struct pollfd files[2] = {{.fd = signals, .events = POLLIN},
                              {.fd = watch_stdin ? STDIN_FILENO : -1, .events = POLLIN}};
    for (;;) {
        if (poll(files, 2, -1) < 0 && errno != EINTR)
            return;
        if (files[0].revents != 0 || (files[1].revents != 0 && stdin_closed()))
            return;
    }
}

static int serve(const emu_config *config, const emu_front_options *options, const emu_journal *journal, int signals,
                 bool watch_stdin) {
    emu_state state;
    emu_front *front;
    beamc_error err;
    emu_state_init(&state, config);
    state.journal = journal;
    beamc_status status = emu_front_start(&state, options, &front, &err);
    if (status == BEAMC_OK) {
        printf("listening on %s://127.0.0.1:%u\n", options->tls_cert != NULL ? "https" : "http", emu_front_port(front));
        fflush(stdout);
        wait_for_end(signals, watch_stdin);
        emu_front_stop(front);
    } else {
        fprintf(stderr, "beam-tecton-emulator: %s\n", err.text);
    }
    emu_state_cleanup(&state);
    return status == BEAMC_OK ? 0 : 1;
}

int main(int argc, char **argv) {
    arguments args;
    if (!read_arguments(argc, argv, &args)) {
        fputs(usage, stderr);
        return 2;
    }
    emu_config config;
    emu_journal *journal = NULL;
    beamc_error err;
    if (emu_config_load(args.config, &config, &err) != BEAMC_OK) {
        fprintf(stderr, "beam-tecton-emulator: %s\n", err.text);
        return 2;
    }
    if (args.journal != NULL && emu_journal_open(args.journal, &journal, &err) != BEAMC_OK) {
        fprintf(stderr, "beam-tecton-emulator: --journal %s\n", err.text);
        emu_config_cleanup(&config);
        return 2;
    }
    int result = 2;
    char *cert = args.tls_cert == NULL ? NULL : read_pem(args.tls_cert);
    char *key = args.tls_key == NULL ? NULL : read_pem(args.tls_key);
    if ((cert != NULL) == (args.tls_cert != NULL) && (key != NULL) == (args.tls_key != NULL)) {
        emu_front_options options = {
            .port = (uint16_t)args.port, .tls_cert = cert, .tls_key = key, .num_threads = args.num_threads};
        raise_file_limit();
        result = serve(&config, &options, journal, open_signals(), args.exit_with_stdin);
    }
    free(cert);
    free(key);
    emu_journal_close(journal);
    emu_config_cleanup(&config);
    return result;
}
