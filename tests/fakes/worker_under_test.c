#include "tests/fakes/worker_under_test.h"

#include "sdk_harness/base/alloc.h"
#include "sdk_harness/base/byte_buffer.h"
#include "sdk_harness/base/clock.h"

#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { LOOK_EVERY_MS = 2, MAX_OUTPUT_BYTES = 64 * 1024 * 1024 };

extern char **environ;

bool worker_start(worker_under_test *worker, const char *program, const char *folder, worker_output_kind output,
                  const char *const *arguments) {
    char *argv[WORKER_MAX_ARGUMENTS + 2] = {(char *)(uintptr_t)program};
    for (size_t i = 0; i < WORKER_MAX_ARGUMENTS && arguments[i] != NULL; i++)
        argv[i + 1] = (char *)(uintptr_t)arguments[i];
    worker->out_path = beamc_format("%s/worker.out", folder);
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
    int ends[2] = {-1, -1};
    if (output == WORKER_OUTPUT_UNREADABLE && pipe2(ends, O_CLOEXEC) == 0)
        posix_spawn_file_actions_adddup2(&actions, ends[1], STDOUT_FILENO);
    else
        posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, worker->out_path, O_WRONLY | O_CREAT | O_APPEND,
                                         0600);
    posix_spawn_file_actions_adddup2(&actions, STDOUT_FILENO, STDERR_FILENO);
    int result = posix_spawn(&worker->pid, program, &actions, NULL, argv, environ);
    posix_spawn_file_actions_destroy(&actions);
    for (int i = 0; i < 2; i++)
        if (ends[i] >= 0)
            (void)close(ends[i]);
    worker->started = result == 0;
    if (result != 0) {
        worker->pid = 0;
        fprintf(stderr, "%s cannot be started: %s\n", program, strerror(result));
    }
    return worker->started;
}

bool worker_has_ended(worker_under_test *worker) {
    int status = 0;
    if (worker->pid == 0)
        return worker->started;
    if (waitpid(worker->pid, &status, WNOHANG) != worker->pid)
        return false;
    worker->pid = 0;
    worker->exit_code = WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
    return true;
}

bool worker_await_end(worker_under_test *worker, unsigned timeout_ms) {
    uint64_t deadline_ms = beamc_clock_ms() + timeout_ms;
    while (!worker_has_ended(worker)) {
        if (beamc_clock_ms() >= deadline_ms)
            return false;
        const struct timespec pause = {.tv_nsec = LOOK_EVERY_MS * 1000000L};
        nanosleep(&pause, NULL);
    }
    return true;
}

void worker_signal(worker_under_test *worker, int signal) {
    if (worker->pid != 0)
        (void)kill(worker->pid, signal);
}

size_t worker_status_kib(const worker_under_test *worker, const char *name) {
    char path[64];
    char line[256];
    size_t kib = 0;
    snprintf(path, sizeof path, "/proc/%d/status", (int)worker->pid);
    FILE *file = fopen(path, "re");
    while (file != NULL && fgets(line, sizeof line, file) != NULL)
        if (strncmp(line, name, strlen(name)) == 0 && line[strlen(name)] == ':')
            kib = strtoul(line + strlen(name) + 1, NULL, 10);
    if (file != NULL)
        (void)fclose(file);
    return kib;
}

char *worker_output(const worker_under_test *worker) {
    beamc_byte_buffer text;
    beamc_byte_buffer_init(&text, MAX_OUTPUT_BYTES);
    FILE *file = worker->out_path == NULL ? NULL : fopen(worker->out_path, "re");
    char part[4096];
    size_t len = 0;
    while (file != NULL && (len = fread(part, 1, sizeof part, file)) > 0)
        (void)beamc_byte_buffer_append(&text, part, len);
    if (file != NULL)
        (void)fclose(file);
    char *copy = beamc_strndup(text.data == NULL ? "" : (const char *)text.data, text.len);
    beamc_byte_buffer_cleanup(&text);
    return copy;
}

void worker_cleanup(worker_under_test *worker) {
    if (worker->pid != 0) {
        worker_signal(worker, SIGKILL);
        (void)waitpid(worker->pid, NULL, 0);
    }
    free(worker->out_path);
    *worker = (worker_under_test){0};
}
