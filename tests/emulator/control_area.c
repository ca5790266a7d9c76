#include "tests/emulator/control_area.h"

#include "sdk_harness/base/clock.h"
#include "tests/emulator/json_text.h"

#include <stdlib.h>
#include <string.h>

enum { REQUESTS_DEFAULT = 100 };

typedef void (*control_handler)(emu_state *state, const emu_control_request *request, emu_answer *answer);

static void refuse(emu_answer *answer, int status, const char *message) {
    answer->status = status;
    beamc_byte_buffer_clear(&answer->body);
    beamc_byte_buffer_append_text(&answer->body, "{\"error\":");
    emu_json_text_quoted(&answer->body, message);
    beamc_byte_buffer_append_byte(&answer->body, '}');
}

/* A count from the query; false: not a number from 1 to max. */
static bool read_count(const char *text, uint32_t fallback, uint32_t max, uint32_t *out) {
    *out = fallback;
    if (text == NULL)
        return true;
    char *end;
    unsigned long value = strtoul(text, &end, 10);
    if (*text < '0' || *text > '9' || *end != '\0' || value < 1 || value > max)
        return false;
    *out = (uint32_t)value;
    return true;
}

static void write_by_view(emu_state *state, beamc_byte_buffer *out, const char *name,
                          uint64_t (*count)(const emu_store *store, uint32_t view)) {
    uint64_t sum = 0;
    emu_json_text_format(out, ",\"%s_by_view\":{", name);
    for (uint32_t i = 0; i < state->config->num_views; i++) {
        uint64_t of_view = count(state->store, i);
        sum += of_view;
        if (i > 0)
            beamc_byte_buffer_append_byte(out, ',');
        emu_json_text_quoted(out, state->config->views[i].name);
        emu_json_text_format(out, ":%llu", (unsigned long long)of_view);
    }
    emu_json_text_format(out, "},\"%s\":%llu", name, (unsigned long long)sum);
}

static void answer_counters(emu_state *state, const emu_control_request *request, emu_answer *answer) {
    (void)request;
    beamc_byte_buffer *out = &answer->body;
    beamc_byte_buffer_append_byte(out, '{');
    pthread_mutex_lock(&state->counters_lock);
    emu_counters_write(state->counters, out);
    emu_history_write_totals(state->history, out);
    pthread_mutex_unlock(&state->counters_lock);
    pthread_mutex_lock(&state->store_lock);
    write_by_view(state, out, "distinct_keys", emu_store_num_keys);
    write_by_view(state, out, "distinct_events", emu_store_num_events);
    pthread_mutex_unlock(&state->store_lock);
    beamc_byte_buffer_append_byte(out, '}');
}

static void answer_requests(emu_state *state, const emu_control_request *request, emu_answer *answer) {
    uint32_t last;
    if (!read_count(request->last, REQUESTS_DEFAULT, EMU_REQUEST_RING, &last)) {
        refuse(answer, 400, "last: expected a number from 1 to 10000");
        return;
    }
    pthread_mutex_lock(&state->counters_lock);
    emu_counters_write_requests(state->counters, last, &answer->body);
    pthread_mutex_unlock(&state->counters_lock);
}

static void answer_history(emu_state *state, const emu_control_request *request, emu_answer *answer) {
    uint32_t last;
    if (!read_count(request->last, EMU_HISTORY_DEFAULT_LAST, EMU_HISTORY_STEPS, &last)) {
        refuse(answer, 400, "last: expected a number from 1 to 18000");
        return;
    }
    pthread_mutex_lock(&state->counters_lock);
    emu_history_write(state->history, beamc_clock_ms(), last, &answer->body);
    pthread_mutex_unlock(&state->counters_lock);
}

/* Where the value that starts at `at` ends. The text is our own well-formed JSON. */
static const char *end_of_value(const char *at, const char *end) {
    int depth = 0;
    bool quoted = false;
    for (; at < end; at++) {
        if (quoted) {
            if (*at == '\\')
                at++;
            else if (*at == '"')
                quoted = false;
        } else if (*at == '"') {
            quoted = true;
        } else if (*at == '[' || *at == '{') {
            depth++;
        } else if ((*at == ']' || *at == '}') && depth > 0) {
            depth--;
        } else if (depth == 0 && (*at == ',' || *at == ']')) {
            break;
        }
    }
    return at;
}

typedef struct {
    const emu_stream_source *source;
    beamc_byte_buffer *out;
    uint32_t num_left;
} row_dump;

static bool dump_row(void *context, emu_timestamp at, const char *row, uint32_t row_len) {
    (void)at; /* it is one of the columns */
    row_dump *dump = context;
    if (dump->out->data[dump->out->len - 1] != '[')
        beamc_byte_buffer_append_byte(dump->out, ',');
    const char *from = row + 1;
    const char *end = row + row_len;
    for (uint32_t i = 0; i < dump->source->num_columns; i++) {
        const char *to = end_of_value(from, end);
        beamc_byte_buffer_append_byte(dump->out, i == 0 ? '{' : ',');
        emu_json_text_quoted(dump->out, dump->source->columns[i].name);
        beamc_byte_buffer_append_byte(dump->out, ':');
        beamc_byte_buffer_append(dump->out, from, (size_t)(to - from));
        from = to + 1;
    }
    beamc_byte_buffer_append_byte(dump->out, '}');
    return --dump->num_left > 0 && !dump->out->failed;
}

static void answer_rows(emu_state *state, const emu_control_request *request, emu_answer *answer) {
    const emu_config *config = state->config;
    uint32_t view = 0;
    while (request->view != NULL && view < config->num_views && strcmp(config->views[view].name, request->view) != 0)
        view++;
    if (request->view == NULL || view == config->num_views) {
        refuse(answer, request->view == NULL ? 400 : 404, "view: expected the name of a feature view");
        return;
    }
    row_dump dump = {.source = &config->sources[config->views[view].source], .out = &answer->body};
    if (!read_count(request->limit, EMU_ROWS_DEFAULT, EMU_ROWS_MAX, &dump.num_left)) {
        refuse(answer, 400, "limit: expected a number from 1 to 10000");
        return;
    }
    beamc_byte_buffer_append_byte(&answer->body, '[');
    pthread_mutex_lock(&state->store_lock);
    emu_store_visit(state->store, view, dump_row, &dump);
    pthread_mutex_unlock(&state->store_lock);
    beamc_byte_buffer_append_byte(&answer->body, ']');
}

static void answer_faults(emu_state *state, const emu_control_request *request, emu_answer *answer) {
    beamc_error err;
    emu_fault_script script;
    if (emu_fault_script_read(request->body, request->body_len, &script, &err) != BEAMC_OK) {
        refuse(answer, 400, err.text);
        return;
    }
    emu_fault_script_start(&script, beamc_clock_ms());
    pthread_mutex_lock(&state->faults_lock);
    emu_fault_script old = state->faults;
    state->faults = script;
    pthread_mutex_unlock(&state->faults_lock);
    emu_fault_script_cleanup(&old);
    beamc_byte_buffer_append_text(&answer->body, "{}");
}

static void answer_traffic(emu_state *state, const emu_control_request *request, emu_answer *answer) {
    beamc_error err;
    emu_traffic_options options;
    if (emu_traffic_parse(request->body, request->body_len, &options, &err) != BEAMC_OK) {
        refuse(answer, 400, err.text);
        return;
    }
    pthread_mutex_lock(&state->traffic_lock);
    emu_traffic_set(&state->traffic, &options, beamc_clock_us());
    pthread_mutex_unlock(&state->traffic_lock);
    beamc_byte_buffer_append_text(&answer->body, "{}");
}

static void answer_reset(emu_state *state, const emu_control_request *request, emu_answer *answer) {
    (void)request;
    emu_state_reset(state);
    beamc_byte_buffer_append_text(&answer->body, "{}");
}

void emu_control_answer(emu_state *state, const emu_control_request *request, emu_answer *answer) {
    static const struct {
        const char *path;
        const char *method;
        control_handler handler;
    } routes[] = {
        {"counters", "GET", answer_counters}, {"requests", "GET", answer_requests}, {"history", "GET", answer_history},
        {"rows", "GET", answer_rows},         {"faults", "POST", answer_faults},    {"traffic", "POST", answer_traffic},
        {"reset", "POST", answer_reset},
    };
    for (size_t i = 0; i < sizeof routes / sizeof routes[0]; i++) {
        if (strcmp(routes[i].path, request->path) != 0)
            continue;
        if (strcmp(routes[i].method, request->method) != 0) {
            answer->allow = routes[i].method;
            refuse(answer, 405, "method not allowed");
            return;
        }
        routes[i].handler(state, request, answer);
        if (answer->body.failed)
            refuse(answer, 500, "the answer is too large; ask for less");
        return;
    }
    refuse(answer, 404, "no such path in the control area");
}
