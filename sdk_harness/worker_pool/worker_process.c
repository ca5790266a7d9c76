#include "sdk_harness/worker_pool/worker_process.h"

#include "sdk_harness/base/alloc.h"

#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

extern char **environ;

enum { MAX_ARGUMENTS = 8 };

static void add(char **arguments, size_t *count, const char *name, const char *value) {
    if (value != NULL && value[0] != '\0')
        arguments[(*count)++] = beamc_format("%s%s", name, value);
}

beamc_status beamc_worker_process_spawn(const char *program, const beamc_worker_spec *spec, pid_t *out,
                                        beamc_error *err) {
    char *arguments[MAX_ARGUMENTS] = {NULL};
    size_t count = 0;
    char parent[32];
    (void)snprintf(parent, sizeof parent, "%ld", (long)getpid());
    add(arguments, &count, "", program);
    add(arguments, &count, "", "worker");
    add(arguments, &count, "--id=", spec->worker_id);
    add(arguments, &count, "--control_endpoint=", spec->control_endpoint);
    add(arguments, &count, "--logging_endpoint=", spec->logging_endpoint);
    add(arguments, &count, "--provision_endpoint=", spec->provision_endpoint);
    add(arguments, &count, BEAMC_PARENT_PID_ARGUMENT, parent);

    posix_spawn_file_actions_t files;
    posix_spawnattr_t attributes;
    posix_spawn_file_actions_init(&files);
    posix_spawn_file_actions_addopen(&files, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_adddup2(&files, STDERR_FILENO, STDOUT_FILENO);
    posix_spawnattr_init(&attributes);
    sigset_t none;
    sigemptyset(&none); /* we block SIGTERM and SIGCHLD for ourselves; the child starts clean */
    posix_spawnattr_setsigmask(&attributes, &none);
    posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK);
    int failure = posix_spawn(out, program, &files, &attributes, arguments, environ);
    posix_spawnattr_destroy(&attributes);
    posix_spawn_file_actions_destroy(&files);
    for (size_t i = 0; i < count; i++)
        free(arguments[i]);
    if (failure != 0)
        return beamc_fail(err, BEAMC_UNAVAILABLE, "worker %s cannot be started from %s: %s", spec->worker_id, program,
                          strerror(failure));
    return BEAMC_OK;
}

int beamc_end_with_parent(pid_t parent_pid) {
    (void)prctl(PR_SET_PDEATHSIG, SIGTERM);
    return getppid() == parent_pid; /* it may have died before the kernel was asked */
}
