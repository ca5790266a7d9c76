/* The worker process that a scenario tests: started with what it prints in a file, watched, and never left behind. */
#ifndef TESTS_FAKES_WORKER_UNDER_TEST_H
#define TESTS_FAKES_WORKER_UNDER_TEST_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

enum { WORKER_MAX_ARGUMENTS = 16 };

typedef struct {
    pid_t pid;      /* 0: not started, or its end was seen */
    bool started;   /* once */
    int exit_code;  /* 128 + signal when a signal ended it; valid when started and pid is 0 */
    char *out_path; /* what it writes to stdout and stderr */
} worker_under_test;

typedef enum {
    WORKER_OUTPUT_KEPT,       /* in a file */
    WORKER_OUTPUT_UNREADABLE, /* a pipe whose reader has gone */
} worker_output_kind;

/* worker_start runs `program ARGUMENTS...`.
 *   folder      where its output goes, one file
 *   arguments   NULL-terminated
 * False when it cannot be started. */
bool worker_start(worker_under_test *worker, const char *program, const char *folder, worker_output_kind output,
                  const char *const *arguments);

/* worker_has_ended looks whether it has; does not wait. */
bool worker_has_ended(worker_under_test *worker);
/* worker_await_end waits; false after timeout_ms. */
bool worker_await_end(worker_under_test *worker, unsigned timeout_ms);

void worker_signal(worker_under_test *worker, int signal);

/* worker_status_kib reads one figure of /proc/PID/status, such as "VmHWM"; 0 when there is none. */
size_t worker_status_kib(const worker_under_test *worker, const char *name);

/* worker_output: all that it has printed. New; free it. */
char *worker_output(const worker_under_test *worker);

/* worker_cleanup kills it if it still runs, and frees. */
void worker_cleanup(worker_under_test *worker);

#endif
