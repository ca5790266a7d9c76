/* The fake runner's data and logging streams, and the ends of all streams. */
#include "sdk_harness/base/alloc.h"
#include "sdk_harness/base/clock.h"
#include "tests/fakes/fake_runner_internal.h"
#include "tests/fakes/wire_message.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Field numbers of Elements, beam_fn_api.proto. */
enum { ELEMENTS_DATA = 1, DATA_BUNDLE = 1, DATA_NODE = 2, DATA_BYTES = 3, DATA_IS_LAST = 4 };

/* ---- finding streams ---- */

served_call *fake_open_stream(fake_runner *runner, call_kind kind, const fake_server *server) {
    served_call *served = runner->calls;
    while (served != NULL && (served->kind != kind || served->ended || served->broken || served->half_closed ||
                              (server != NULL && fake_call_server(served->call) != server)))
        served = served->next;
    return served;
}

static call_kind kind_of(fake_stream stream) {
    static const call_kind kinds[] = {
        [FAKE_CONTROL] = CALL_CONTROL, [FAKE_DATA] = CALL_DATA, [FAKE_LOGGING] = CALL_LOGGING};
    return kinds[stream];
}

static const char *name_of(fake_stream stream) {
    static const char *const names[] = {[FAKE_CONTROL] = "control", [FAKE_DATA] = "data", [FAKE_LOGGING] = "logging"};
    return names[stream];
}

static size_t count_streams(const fake_runner *runner, call_kind kind) { /* under the lock */
    size_t count = 0;
    for (const served_call *served = runner->calls; served != NULL; served = served->next)
        count += served->kind == kind ? 1 : 0;
    return count;
}

size_t fake_num_streams(fake_runner *runner, fake_stream stream) {
    pthread_mutex_lock(&runner->lock);
    size_t count = count_streams(runner, kind_of(stream));
    pthread_mutex_unlock(&runner->lock);
    return count;
}

void fake_await_streams(fake_runner *runner, fake_stream stream, size_t count) {
    pthread_mutex_lock(&runner->lock);
    FAKE_AWAIT(runner, count_streams(runner, kind_of(stream)) >= count, FAKE_WAIT_MS,
               "fewer than %zu %s streams were opened", count, name_of(stream));
    pthread_mutex_unlock(&runner->lock);
}

/* ---- data to the worker ---- */

void fake_add_data(beamc_byte_buffer *message, const char *bundle_id, const char *node, const void *bytes, size_t len,
                   bool is_last) {
    beamc_byte_buffer data;
    wire_init(&data);
    wire_text(&data, DATA_BUNDLE, bundle_id);
    wire_text(&data, DATA_NODE, node);
    if (len > 0)
        wire_bytes(&data, DATA_BYTES, bytes, len);
    if (is_last)
        wire_number(&data, DATA_IS_LAST, 1);
    wire_part(message, ELEMENTS_DATA, &data);
}

void fake_add_rows(fake_runner *runner, beamc_byte_buffer *message, const char *bundle_id, const char *node,
                   int64_t first_id, size_t count) {
    beamc_byte_buffer rows;
    wire_init(&rows);
    element_bytes_append_rows(&rows, &runner->shape, first_id, count);
    fake_add_data(message, bundle_id, node, rows.data, rows.len, false);
    beamc_byte_buffer_cleanup(&rows);
}

void fake_add_padded_rows(fake_runner *runner, beamc_byte_buffer *message, const char *bundle_id, int64_t first_id,
                          size_t count, size_t name_len) {
    char name[4096];
    beamc_byte_buffer rows;
    wire_init(&rows);
    memset(name, 'x', sizeof name);
    for (size_t i = 0; i < count; i++)
        element_bytes_append(&rows, &runner->shape, first_id + (int64_t)i, name,
                             name_len < sizeof name ? name_len : sizeof name);
    fake_add_data(message, bundle_id, "source", rows.data, rows.len, false);
    beamc_byte_buffer_cleanup(&rows);
}

static void send_on(fake_runner *runner, const fake_server *server, beamc_byte_buffer *message) {
    pthread_mutex_lock(&runner->lock);
    FAKE_AWAIT(runner, fake_open_stream(runner, CALL_DATA, server) != NULL, FAKE_WAIT_MS,
               "the worker has no data stream open");
    fake_note(runner, "%zu bytes on the data stream", message->len);
    fake_call_write(fake_open_stream(runner, CALL_DATA, server)->call, message->data, message->len);
    pthread_mutex_unlock(&runner->lock);
    beamc_byte_buffer_cleanup(message);
}

void fake_send(fake_runner *runner, beamc_byte_buffer *message) {
    send_on(runner, NULL, message);
}

void fake_send_to(fake_runner *runner, const char *url, beamc_byte_buffer *message) {
    for (size_t i = 0; i < runner->num_servers; i++)
        if (strcmp(fake_server_url(runner->servers[i]), url) == 0) {
            send_on(runner, runner->servers[i], message);
            return;
        }
    fake_runner_fail(runner, "nobody listens at %s", url);
}

void fake_send_rows(fake_runner *runner, const char *bundle_id, int64_t first_id, size_t count) {
    beamc_byte_buffer message;
    wire_init(&message);
    fake_add_rows(runner, &message, bundle_id, "source", first_id, count);
    fake_send(runner, &message);
}

void fake_send_end(fake_runner *runner, const char *bundle_id) {
    beamc_byte_buffer message;
    wire_init(&message);
    fake_add_data(&message, bundle_id, "source", NULL, 0, true);
    fake_send(runner, &message);
}

void fake_run_bundle(fake_runner *runner, const char *bundle_id, const char *descriptor_id, int64_t first_id,
                     size_t count) {
    fake_process_bundle(runner, bundle_id, descriptor_id);
    fake_send_rows(runner, bundle_id, first_id, count);
    fake_send_end(runner, bundle_id);
}

size_t fake_unsent_data_bytes(fake_runner *runner) {
    pthread_mutex_lock(&runner->lock);
    size_t bytes = 0;
    for (const served_call *served = runner->calls; served != NULL; served = served->next)
        if (served->kind == CALL_DATA && !served->ended)
            bytes += fake_call_unsent_bytes(served->call);
    pthread_mutex_unlock(&runner->lock);
    return bytes;
}

/* ---- data from the worker ---- */

got_output *fake_find_output(fake_runner *runner, const char *bundle_id, const char *node, bool make) {
    got_output *got = runner->outputs;
    while (got != NULL && (strcmp(got->bundle_id, bundle_id) != 0 || strcmp(got->node, node) != 0))
        got = got->next;
    if (got != NULL || !make)
        return got;
    got = beamc_alloc_zero(1, sizeof *got);
    got->bundle_id = beamc_strdup(bundle_id);
    got->node = beamc_strdup(node);
    wire_init(&got->output.bytes);
    got->next = runner->outputs;
    runner->outputs = got;
    return got;
}

static const got_output *ended_output(fake_runner *runner, const char *bundle_id, const char *node) {
    const got_output *got = fake_find_output(runner, bundle_id, node, false);
    return got != NULL && got->output.num_last > 0 ? got : NULL;
}

const fake_output *fake_await_output(fake_runner *runner, const char *bundle_id, const char *node) {
    pthread_mutex_lock(&runner->lock);
    FAKE_AWAIT(runner, ended_output(runner, bundle_id, node) != NULL, FAKE_WAIT_MS,
               "no end mark for bundle %s, node %s", bundle_id, node);
    const fake_output *output = &ended_output(runner, bundle_id, node)->output;
    pthread_mutex_unlock(&runner->lock);
    return output;
}

bool fake_has_output(fake_runner *runner, const char *bundle_id, const char *node) {
    pthread_mutex_lock(&runner->lock);
    bool has = fake_find_output(runner, bundle_id, node, false) != NULL;
    pthread_mutex_unlock(&runner->lock);
    return has;
}

size_t fake_read_rows(fake_runner *runner, const char *bundle_id, const char *node, element_row *rows,
                      size_t max_rows) {
    const fake_output *output = fake_await_output(runner, bundle_id, node);
    const uint8_t *at = output->bytes.data;
    const uint8_t *end = output->bytes.len == 0 ? at : at + output->bytes.len;
    size_t count = 0;
    while (at < end) {
        element_row row;
        if (!element_bytes_read(&at, end, &runner->shape, &row))
            fake_runner_fail(runner, "output of bundle %s, node %s: row %zu cannot be read", bundle_id, node,
                             count + 1);
        if (count < max_rows)
            rows[count] = row;
        count++;
    }
    return count;
}

void fake_check_rows(fake_runner *runner, const char *bundle_id, const char *node, int64_t first_id, size_t count,
                     size_t copies) {
    size_t expected = count * copies;
    element_row *rows = beamc_alloc_zero(expected, sizeof *rows);
    size_t num_rows = fake_read_rows(runner, bundle_id, node, rows, expected);
    bool equal = num_rows == expected;
    for (size_t i = 0; equal && i < expected; i++) {
        char name[32];
        int64_t id = first_id + (int64_t)(i / copies);
        snprintf(name, sizeof name, "row %lld", (long long)id);
        equal = rows[i].id == id && strcmp(rows[i].name, name) == 0;
    }
    free(rows);
    if (!equal)
        fake_runner_fail(runner, "bundle %s, node %s: %zu rows came, and they are not the %zu expected", bundle_id,
                         node, num_rows, expected);
}

/* ---- ends of streams ---- */

void fake_close_streams(fake_runner *runner, fake_stream stream) {
    pthread_mutex_lock(&runner->lock);
    for (served_call *served = runner->calls; served != NULL; served = served->next)
        if (served->kind == kind_of(stream) && !served->ended)
            fake_call_finish(served->call, FAKE_STATUS_OK, "");
    fake_note(runner, "the runner ends its %s streams", name_of(stream));
    pthread_mutex_unlock(&runner->lock);
}

static void break_streams(fake_runner *runner, const call_kind *kind) {
    pthread_mutex_lock(&runner->lock);
    for (served_call *served = runner->calls; served != NULL; served = served->next)
        if ((kind == NULL || served->kind == *kind) && !served->ended) {
            served->broken = true;
            fake_call_break(served->call, FAKE_STATUS_UNAVAILABLE, "broken by the scenario");
        }
    fake_note(runner, "the runner breaks streams");
    pthread_mutex_unlock(&runner->lock);
}

void fake_break_streams(fake_runner *runner, fake_stream stream) {
    call_kind kind = kind_of(stream);
    break_streams(runner, &kind);
}

void fake_break_data_at(fake_runner *runner, const char *url) {
    pthread_mutex_lock(&runner->lock);
    for (served_call *served = runner->calls; served != NULL; served = served->next)
        if (served->kind == CALL_DATA && !served->ended &&
            strcmp(fake_server_url(fake_call_server(served->call)), url) == 0) {
            served->broken = true;
            fake_call_break(served->call, FAKE_STATUS_UNAVAILABLE, "broken by the scenario");
        }
    fake_note(runner, "the runner breaks the data stream at %s", url);
    pthread_mutex_unlock(&runner->lock);
}

void fake_break_everything(fake_runner *runner) {
    break_streams(runner, NULL);
}

static void hold(fake_runner *runner, call_kind kind, bool *flag, bool held) {
    pthread_mutex_lock(&runner->lock);
    *flag = held;
    for (served_call *served = runner->calls; served != NULL; served = served->next)
        if (served->kind == kind && !served->ended)
            fake_call_hold_reading(served->call, held);
    pthread_mutex_unlock(&runner->lock);
}

void fake_hold_output(fake_runner *runner, bool held) {
    hold(runner, CALL_DATA, &runner->output_held, held);
}

void fake_hold_logs(fake_runner *runner, bool held) {
    hold(runner, CALL_LOGGING, &runner->logs_held, held);
}

void fake_leave_streams_open(fake_runner *runner) {
    pthread_mutex_lock(&runner->lock);
    runner->leave_open = true;
    pthread_mutex_unlock(&runner->lock);
}

static const served_call *not_over(const fake_runner *runner, call_kind kind) { /* under the lock */
    const served_call *served = runner->calls;
    while (served != NULL && (served->kind != kind || served->ended))
        served = served->next;
    return served;
}

void fake_check_ended_in_order(fake_runner *runner, fake_stream stream) {
    pthread_mutex_lock(&runner->lock);
    FAKE_AWAIT(runner, not_over(runner, kind_of(stream)) == NULL, FAKE_WAIT_MS, "a %s stream is not over",
               name_of(stream));
    bool in_order = true;
    for (const served_call *served = runner->calls; served != NULL; served = served->next)
        if (served->kind == kind_of(stream) && !served->broken)
            in_order = in_order && served->half_closed && !served->cancelled;
    pthread_mutex_unlock(&runner->lock);
    if (!in_order)
        fake_runner_fail(runner, "the worker did not end a %s stream in good order", name_of(stream));
}

/* ---- logs ---- */

void fake_send_log_control(fake_runner *runner) {
    pthread_mutex_lock(&runner->lock);
    for (served_call *served = runner->calls; served != NULL; served = served->next)
        if (served->kind == CALL_LOGGING && !served->ended)
            fake_call_write(served->call, (const uint8_t *)"", 0);
    pthread_mutex_unlock(&runner->lock);
}

static const Beam__LogEntry *find_log(const fake_runner *runner, int severity, const char *text) { /* under the lock */
    for (const got_log *log = runner->logs; log != NULL; log = log->next)
        for (size_t i = 0; i < log->list->n_log_entries; i++)
            if ((int)log->list->log_entries[i]->severity >= severity &&
                strstr(log->list->log_entries[i]->message, text) != NULL)
                return log->list->log_entries[i];
    return NULL;
}

const Beam__LogEntry *fake_await_log(fake_runner *runner, int severity, const char *text) {
    pthread_mutex_lock(&runner->lock);
    FAKE_AWAIT(runner, find_log(runner, severity, text) != NULL, FAKE_WAIT_MS, "no log line with \"%s\"", text);
    const Beam__LogEntry *entry = find_log(runner, severity, text);
    pthread_mutex_unlock(&runner->lock);
    return entry;
}

size_t fake_num_logs(fake_runner *runner) {
    pthread_mutex_lock(&runner->lock);
    size_t count = 0;
    for (const got_log *log = runner->logs; log != NULL; log = log->next)
        count += log->list->n_log_entries;
    pthread_mutex_unlock(&runner->lock);
    return count;
}
