/* A Beam runner that a scenario drives step by step against a real worker process, over real gRPC on loopback.
 *
 * It serves provision, control, data and logging, says only what the scenario tells it to say, and remembers all that
 * the worker does. Every function that waits has a deadline (FAKE_WAIT_MS unless said), and at it fails the cmocka test
 * with a transcript of what came, and what the worker printed. Functions are for the test's own thread. */
#ifndef TESTS_FAKES_FAKE_RUNNER_H
#define TESTS_FAKES_FAKE_RUNNER_H

#include "protos/fn_api.pb-c.h"
#include "sdk_harness/base/byte_buffer.h"
#include "tests/fakes/element_bytes.h"
#include "tests/fakes/fake_pipeline.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { FAKE_WAIT_MS = 15 * 1000 };

#define FAKE_WORKER_ID "worker-1"

typedef struct fake_runner fake_runner;

/* Paths of the programs that scenarios start. */
typedef struct {
    const char *scripted_dofn;
    const char *null_sink;
} fake_programs;

/* fake_runner_new: listens on one port. Its folder, for sockets, gates and output, is a new one. */
fake_runner *fake_runner_new(const fake_programs *programs);
/* fake_runner_free ends everything, the worker too if it still runs. */
void fake_runner_free(fake_runner *runner);

/* fake_runner_fail fails the test, with transcript. Does not return. */
void fake_runner_fail(fake_runner *runner, const char *format, ...) __attribute__((format(printf, 2, 3), noreturn));

/* fake_check fails the test with the condition's own text. */
#define fake_check(runner, condition)                                                                                  \
    do {                                                                                                               \
        if (!(condition))                                                                                              \
            fake_runner_fail((runner), "%s:%d: not true: %s", __FILE__, __LINE__, #condition);                         \
    } while (0)

/* For what must not happen: lets `ms` milliseconds pass. */
void fake_pause(unsigned ms);

/* ---- before the worker starts ---- */

typedef enum {
    FAKE_ONE_PORT,     /* as Prism */
    FAKE_PORT_EACH,    /* as Flink and FnApiRunner: control, data and logging each on its own */
    FAKE_UNIX_SOCKETS, /* as Flink with its epoll option */
} fake_ports;

/* fake_listen replaces the one port; before descriptors are made. */
void fake_listen(fake_runner *runner, fake_ports ports);
/* The address that FAKE_UNIX_SOCKETS will have: `name` is control, data or logging. New; free it. */
char *fake_socket_url(const fake_runner *runner, const char *name);
const char *fake_control_url(const fake_runner *runner); /* provision is there too */
const char *fake_data_url(const fake_runner *runner);
const char *fake_logging_url(const fake_runner *runner);

/* Another address for data, served from now on. */
const char *fake_second_data_url(fake_runner *runner);

/* What provision says; all endpoints unless changed. */
void fake_provision_without_control(fake_runner *runner);
void fake_provision_without_logging(fake_runner *runner);
void fake_provision_fails(fake_runner *runner, const char *text);

void fake_provision_capability(fake_runner *runner, const char *urn); /* one more; borrowed */

void fake_provision_with_status(fake_runner *runner); /* names a status endpoint */
/* fake_ask_status asks for a status page under `id` and waits for it. New; free it. */
char *fake_ask_status(fake_runner *runner, const char *id);

/* A file path of the scenario's own folder, that does not exist yet: gates for the scripted DoFn. Borrowed. */
const char *fake_gate(fake_runner *runner);
void fake_open_gate(fake_runner *runner);

/* ---- the worker ---- */

/* fake_start_worker starts the scripted DoFn's program as runners do: --id and --provision_endpoint. */
void fake_start_worker(fake_runner *runner);
void fake_start_null_sink(fake_runner *runner);
/* `arguments` NULL-terminated, the program's name not among them. `worker_id`: what metadata must say. */
void fake_start_worker_with(fake_runner *runner, const char *worker_id, const char *const *arguments);
/* Before the start: nobody reads what the worker prints, and its pipe is broken. */
void fake_drop_output(fake_runner *runner);
void fake_signal_worker(fake_runner *runner, int signal);
size_t fake_worker_status_kib(fake_runner *runner, const char *name); /* "VmHWM", "VmRSS", "Threads" */

/* fake_await_exit waits at most `within_ms` for the worker's end and checks its exit code. */
void fake_await_exit(fake_runner *runner, int exit_code, unsigned within_ms);
/* fake_await_bad_exit: any code but 0, and no signal. */
void fake_await_bad_exit(fake_runner *runner, unsigned within_ms);
/* What the worker has printed so far, on stdout or stderr. */
bool fake_worker_prints(fake_runner *runner, const char *text);

/* ---- descriptors ---- */

/* fake_offer serves the descriptor when the worker asks for its id; cleans `pipeline` up. */
void fake_offer(fake_runner *runner, fake_pipeline *pipeline);

/* fake_offer_step offers the usual stage: source node `source` -> step `step` with the scripted DoFn and `script` ->
 * output `output` -> sink node `sink`, rows behind length prefixes in the global window. */
void fake_offer_step(fake_runner *runner, const char *descriptor_id, const char *script);
/* The same step without an output. */
void fake_offer_sink(fake_runner *runner, const char *descriptor_id, const char *script);
/* The same with the null sink's DoFn. */
void fake_offer_null_sink(fake_runner *runner, const char *descriptor_id);
void fake_offer_bytes(fake_runner *runner, const char *descriptor_id, const void *bytes, size_t len);

/* fake_hold_descriptors leaves look-ups unanswered until released; fake_fail_descriptors refuses the next `times`. */
void fake_hold_descriptors(fake_runner *runner, bool held);
void fake_fail_descriptors(fake_runner *runner, unsigned times, const char *text);
void fake_await_lookups(fake_runner *runner, size_t count);
size_t fake_num_lookups(fake_runner *runner);

/* fake_hold_provision: the same for provision. */
void fake_hold_provision(fake_runner *runner, bool held);

/* ---- instructions and responses ---- */

void fake_process_bundle(fake_runner *runner, const char *id, const char *descriptor_id);
/* `elements`: an Elements message that stands in the request; cleaned up. */
void fake_process_bundle_with(fake_runner *runner, const char *id, const char *descriptor_id,
                              beamc_byte_buffer *elements);
void fake_progress(fake_runner *runner, const char *id, const char *bundle_id);
void fake_split(fake_runner *runner, const char *id, const char *bundle_id);
void fake_finalize(fake_runner *runner, const char *id, const char *bundle_id);
void fake_monitoring_infos(fake_runner *runner, const char *id, const char *const *short_ids); /* NULL-terminated */
void fake_harness_monitoring_infos(fake_runner *runner, const char *id);
void fake_sample_data(fake_runner *runner, const char *id);
void fake_register(fake_runner *runner, const char *id, fake_pipeline *pipeline); /* cleans it up */
/* A request of oneof field `kind`; cleans `body` up. */
void fake_instruct(fake_runner *runner, const char *id, unsigned kind, beamc_byte_buffer *body);
/* A request of oneof field `kind` with an empty body. */
void fake_instruct_kind(fake_runner *runner, const char *id, unsigned kind);
/* Bytes that need not be a request; no response is expected. */
void fake_send_control_bytes(fake_runner *runner, const void *bytes, size_t len);

/* The response to `id`, borrowed until the runner is freed. _of checks that it is no error, and of which kind. */
const Beam__InstructionResponse *fake_await_response(fake_runner *runner, const char *id);
const Beam__InstructionResponse *fake_await_response_of(fake_runner *runner, const char *id,
                                                        Beam__InstructionResponse__ResponseCase kind);
const Beam__ProcessBundleResponse *fake_await_success(fake_runner *runner, const char *id);
void fake_await_error(fake_runner *runner, const char *id, const char *text);
bool fake_has_response(fake_runner *runner, const char *id);    /* now */
size_t fake_num_responses(fake_runner *runner, const char *id); /* now */
/* Waits until requests of this id have had `count` responses. */
void fake_await_num_responses(fake_runner *runner, const char *id, size_t count);
/* From its request to its response. */
double fake_response_ms(fake_runner *runner, const char *id);

/* The value of a counter in a bundle's monitoring_infos: `name` is the label NAME of a user counter, or a metric's URN;
 * `label` a value that one of its labels must have, NULL for any. INT64_MIN when there is none. */
int64_t fake_counter(const Beam__ProcessBundleResponse *response, const char *name, const char *label);

/* ---- data ---- */

/* How rows stand on the wire, to the worker and from it; at first length-prefixed, global window, smallest time. */
element_shape *fake_shape(fake_runner *runner);

/* A part of an Elements message, appended to `message` (wire_init it first). */
void fake_add_data(beamc_byte_buffer *message, const char *bundle_id, const char *node, const void *bytes, size_t len,
                   bool is_last);
void fake_add_rows(fake_runner *runner, beamc_byte_buffer *message, const char *bundle_id, const char *node,
                   int64_t first_id, size_t count);
/* Rows for node `source` with names of `name_len` bytes, at most 4096. */
void fake_add_padded_rows(fake_runner *runner, beamc_byte_buffer *message, const char *bundle_id, int64_t first_id,
                          size_t count, size_t name_len);
/* fake_send sends a message on the newest data stream (waiting for one) and cleans it up. */
void fake_send(fake_runner *runner, beamc_byte_buffer *message);
/* The same on the stream of an address. */
void fake_send_to(fake_runner *runner, const char *url, beamc_byte_buffer *message);

/* One message with `count` rows for node `source`, ids from `first_id`; and the end mark alone. */
void fake_send_rows(fake_runner *runner, const char *bundle_id, int64_t first_id, size_t count);
void fake_send_end(fake_runner *runner, const char *bundle_id);
/* ProcessBundle, rows, end. */
void fake_run_bundle(fake_runner *runner, const char *bundle_id, const char *descriptor_id, int64_t first_id,
                     size_t count);
size_t fake_unsent_data_bytes(fake_runner *runner); /* on all data streams: held back by the worker */

/* What the worker sent for one sink node of a bundle. */
typedef struct {
    beamc_byte_buffer bytes;
    size_t num_parts; /* with bytes */
    size_t num_last;
} fake_output;

/* fake_await_output waits for the end mark. Borrowed; complete. */
const fake_output *fake_await_output(fake_runner *runner, const char *bundle_id, const char *node);
bool fake_has_output(fake_runner *runner, const char *bundle_id, const char *node); /* anything, now */

/* fake_check_rows waits for the end mark and checks that the output is the rows with ids first_id .. first_id + count -
 * 1 in order, each `copies` times. */
void fake_check_rows(fake_runner *runner, const char *bundle_id, const char *node, int64_t first_id, size_t count,
                     size_t copies);
/* fake_read_rows decodes a complete output; at most `max_rows` into `rows`, returns how many there are. */
size_t fake_read_rows(fake_runner *runner, const char *bundle_id, const char *node, element_row *rows, size_t max_rows);

/* ---- streams ---- */

typedef enum { FAKE_CONTROL, FAKE_DATA, FAKE_LOGGING } fake_stream;

void fake_await_streams(fake_runner *runner, fake_stream stream, size_t count); /* opened since the start */
size_t fake_num_streams(fake_runner *runner, fake_stream stream);
/* The runner's side ends in good order; or breaks with UNAVAILABLE. All that are open. */
void fake_close_streams(fake_runner *runner, fake_stream stream);
void fake_break_streams(fake_runner *runner, fake_stream stream);
void fake_break_data_at(fake_runner *runner, const char *url); /* the data stream of one address */
void fake_break_everything(fake_runner *runner);
/* fake_vanish closes every connection and port, as when the runner's process dies. The runner is good for
 * fake_await_exit and fake_finish only. */
void fake_vanish(fake_runner *runner);
/* An empty LogControl on each logging stream. */
void fake_send_log_control(fake_runner *runner);
/* fake_hold_output: what the worker writes on data streams is not read; fake_hold_logs: on logging streams. */
void fake_hold_output(fake_runner *runner, bool held);
void fake_hold_logs(fake_runner *runner, bool held);
/* Do not end data and logging streams when the worker ends its side. */
void fake_leave_streams_open(fake_runner *runner);
/* All streams of the kind are over, the worker ended its side of each first, and none was cancelled. */
void fake_check_ended_in_order(fake_runner *runner, fake_stream stream);

/* fake_await_log waits for a line of at least `severity` that contains `text`. Borrowed. */
const Beam__LogEntry *fake_await_log(fake_runner *runner, int severity, const char *text);
size_t fake_num_logs(fake_runner *runner);

/* ---- the end ---- */

/* fake_finish ends the control stream in good order if the worker still runs, expects exit code 0 within FAKE_WAIT_MS
 * and data and logging streams that end in order; then checks what holds in every scenario: each call carries one
 * worker_id, each request has at most one response, each output one end mark that stands alone, one data stream for an
 * address at a time, nothing from a sanitizer. */
void fake_finish(fake_runner *runner);

#endif
