/* What the parts of the fake runner share; not for scenarios. */
#ifndef TESTS_FAKES_FAKE_RUNNER_INTERNAL_H
#define TESTS_FAKES_FAKE_RUNNER_INTERNAL_H

#include "tests/fakes/fake_runner.h"
#include "tests/fakes/fake_server.h"
#include "tests/fakes/worker_under_test.h"

#include <pthread.h>

enum {
    MAX_SERVERS = 4,
    TRANSCRIPT_LINES = 200, /* the last ones are kept */
    TRANSCRIPT_LINE_BYTES = 240,
    VIOLATION_BYTES = 4096
};

typedef enum {
    CALL_CONTROL,
    CALL_DATA,
    CALL_LOGGING,
    CALL_STATUS,
    CALL_DESCRIPTOR,
    CALL_PROVISION,
    CALL_UNKNOWN
} call_kind;

/* One call that the worker has made. */
typedef struct served_call {
    struct served_call *next; /* newest first */
    fake_call *call;
    call_kind kind;
    char *argument;   /* of a look-up: the descriptor's id */
    bool asked;       /* a unary call's request has come */
    bool answered;    /* a unary call's answer was given */
    bool half_closed; /* the worker has ended its side */
    bool broken;      /* by us */
    bool ended;
    bool cancelled;
} served_call;

typedef struct sent_request {
    struct sent_request *next;
    char *id;
    uint64_t at_us;
    unsigned times;         /* requests with this id */
    unsigned num_responses; /* to all of them */
} sent_request;

typedef struct got_response {
    struct got_response *next; /* oldest first */
    Beam__InstructionResponse *message;
    uint64_t at_us;
} got_response;

typedef struct got_output {
    struct got_output *next;
    char *bundle_id;
    char *node;
    fake_output output;
} got_output;

typedef struct got_log {
    struct got_log *next; /* oldest first */
    Beam__LogEntry__List *list;
} got_log;

typedef struct offered {
    struct offered *next;
    char *id;
    uint8_t *bytes;
    size_t len;
} offered;

struct fake_runner {
    const fake_programs *programs;
    char *folder;
    char *gate;
    element_shape shape;
    worker_under_test worker;
    worker_output_kind output_kind;
    char *worker_id;
    bool exit_expected;
    uint64_t end_seen_ms; /* when a wait saw that the worker had ended unasked; 0: not seen */
    uint64_t started_us;

    pthread_mutex_t lock; /* guards all below */
    pthread_cond_t changed;
    fake_server *servers[MAX_SERVERS];
    size_t num_servers;
    fake_server *control_server;
    fake_server *data_server;
    fake_server *second_data_server;
    fake_server *logging_server;
    bool provision_without_control;
    bool provision_without_logging;
    char *provision_error;
    const char *provision_capability;
    bool provision_status;
    bool provision_held;
    bool descriptors_held;
    unsigned descriptor_failures;
    char *descriptor_error;
    bool leave_open;
    bool output_held;
    bool logs_held;

    served_call *calls;
    offered *offers;
    sent_request *requests;
    got_response *responses;
    got_response **last_response;
    got_output *outputs;
    Beam__WorkerStatusResponse *status; /* the newest */
    got_log *logs;
    got_log **last_log;

    char transcript[TRANSCRIPT_LINES][TRANSCRIPT_LINE_BYTES];
    size_t num_lines; /* ever written */
    char violations[VIOLATION_BYTES];
};

extern const fake_server_events fake_runner_events; /* fake_services.c */

/* All of these with the lock held. */
void fake_note(fake_runner *runner, const char *format, ...) __attribute__((format(printf, 2, 3)));
void fake_violation(fake_runner *runner, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* fake_wait waits for a change; false past the deadline, or when the worker has ended though nothing said it should. */
bool fake_wait(fake_runner *runner, uint64_t deadline_ms);
sent_request *fake_find_request(fake_runner *runner, const char *id);
got_output *fake_find_output(fake_runner *runner, const char *bundle_id, const char *node, bool make);
served_call *fake_open_stream(fake_runner *runner, call_kind kind, const fake_server *server); /* server NULL: any */
void fake_answer_lookup(fake_runner *runner, served_call *served);
void fake_answer_provision(fake_runner *runner, served_call *served);

/* Adds a server of one more address and returns it; without the lock. */
fake_server *fake_add_server(fake_runner *runner, const char *address);

/* Waits, with the lock held, until `condition`; else fails the test with the rest of the arguments as text. */
#define FAKE_AWAIT(runner, condition, timeout_ms, ...)                                                                 \
    do {                                                                                                               \
        uint64_t await_deadline_ms = beamc_clock_ms() + (timeout_ms);                                                  \
        while (!(condition))                                                                                           \
            if (!fake_wait((runner), await_deadline_ms)) {                                                             \
                pthread_mutex_unlock(&(runner)->lock);                                                                 \
                fake_runner_fail((runner), __VA_ARGS__);                                                               \
            }                                                                                                          \
    } while (0)

#endif
