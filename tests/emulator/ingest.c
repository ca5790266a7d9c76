#include "tests/emulator/ingest.h"

#include "sdk_harness/base/clock.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static emu_timestamp wall_now(void) {
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return (emu_timestamp){.seconds = now.tv_sec, .nanos = (int32_t)now.tv_nsec};
}

static void take_error_body(emu_ingest_plan *plan, emu_answer *answer) {
    beamc_byte_buffer_cleanup(&answer->body);
    answer->body = plan->answer;
    beamc_byte_buffer_init(&plan->answer, EMU_ANSWER_MAX_BYTES);
}

/* Writes all or nothing; false: the store is full. Who asked for a journal counts on it, so that it must not fail. */
static bool write_all(emu_state *state, const emu_ingest_plan *plan) {
    pthread_mutex_lock(&state->store_lock);
    bool room = emu_store_write_all(state->store, plan->writes, plan->num_writes);
    pthread_mutex_unlock(&state->store_lock);
    if (room && state->journal != NULL &&
        !emu_journal_add(state->journal, state->config->views, plan->writes, plan->num_writes, beamc_clock_us())) {
        fputs("beam-tecton-emulator: the journal cannot be written\n", stderr);
        abort();
    }
    return room;
}

/* Checks, and with `write` writes; fills answer and log as if there were no fault. */
static void process(emu_state *state, const emu_ingest_request *request, bool write, emu_answer *answer,
                    emu_request_log *log, emu_ingest_plan *plan) {
    emu_ingest_check(state->config, request, wall_now(), plan);
    bool all_good = plan->status == 200;
    uint32_t num_taken = all_good || state->config->strictness.partial_write ? plan->num_good : 0;
    bool writes = write && !plan->dry_run && num_taken > 0;
    answer->status = plan->status;
    if (writes && !write_all(state, plan)) {
        writes = false;
        answer->status = 507;
        beamc_byte_buffer_clear(&plan->answer);
        emu_answer_request_error(&plan->answer, "the emulator's store is full; POST /__emulator/reset empties it");
    }
    if (answer->status == 200)
        emu_answer_success(&answer->body, state->config, plan->workspace, plan->sources, plan->num_sources,
                           plan->dry_run);
    else
        take_error_body(plan, answer);
    log->parsed = plan->parsed;
    log->num_records = plan->num_records;
    log->num_written = writes ? num_taken : 0;
    log->num_rejected = plan->dry_run && all_good ? 0 : plan->num_records - log->num_written;
    memcpy(log->source_names, plan->source_names, sizeof log->source_names);
}

static void write_record_error(const emu_state *state, const emu_ingest_plan *plan, beamc_byte_buffer *out) {
    const emu_config *config = state->config;
    const emu_workspace *workspace = plan->workspace != NULL ? plan->workspace : &config->workspaces[0];
    const emu_stream_source *source = plan->num_sources > 0 ? plan->sources[0].source : &config->sources[0];
    emu_record_errors errors;
    emu_record_errors_open(&errors, out, workspace->name);
    emu_record_errors_add(&errors, NULL, source->name, "scripted fault");
    emu_record_errors_close(&errors);
}

/* Puts the fault's body in place of the normal one. */
static void write_fault_body(const emu_state *state, const emu_fault *fault, const emu_ingest_plan *plan,
                             emu_answer *answer) {
    beamc_byte_buffer *body = &answer->body;
    bool keeps = fault->body == EMU_FAULT_BODY_NORMAL || fault->body == EMU_FAULT_BODY_TRUNCATED;
    if (!keeps || fault->status >= 300)
        beamc_byte_buffer_clear(body);
    switch (fault->body) {
    case EMU_FAULT_BODY_NORMAL:
    case EMU_FAULT_BODY_TRUNCATED:
        answer->truncated = fault->body == EMU_FAULT_BODY_TRUNCATED;
        if (fault->status >= 300)
            emu_answer_request_error(body, fault->message != NULL ? fault->message : "scripted fault");
        break;
    case EMU_FAULT_BODY_REQUEST_ERROR:
        emu_answer_request_error(body, "scripted fault");
        break;
    case EMU_FAULT_BODY_RECORD_ERROR:
        write_record_error(state, plan, body);
        break;
    case EMU_FAULT_BODY_HTML:
        answer->content_type = "text/html; charset=utf-8";
        beamc_byte_buffer_append_text(body, "<html><head><title>Scripted fault</title></head>"
                                            "<body><h1>Scripted fault</h1></body></html>\n");
        break;
    case EMU_FAULT_BODY_EMPTY:
        break;
    case EMU_FAULT_BODY_GARBAGE:
        beamc_byte_buffer_append_text(body, "{\"workspaceName\":\xff\xfe\x01 not json ]}");
        break;
    case EMU_FAULT_BODY_TEXT:
        answer->content_type = "text/plain; charset=utf-8";
        beamc_byte_buffer_append_text(body, fault->text);
        break;
    }
}

uint32_t emu_ingest_count_records(const char *body, size_t body_len) {
    static const char name[] = "\"record\"";
    uint32_t count = 0;
    const char *end = body + body_len;
    for (const char *at = body; at != NULL && (at = memmem(at, (size_t)(end - at), name, sizeof name - 1)) != NULL;) {
        at += sizeof name - 1;
        while (at < end && (*at == ' ' || *at == '\t' || *at == '\n' || *at == '\r'))
            at++;
        count += at < end && *at == ':';
    }
    return count;
}

void emu_ingest_run(emu_state *state, const emu_ingest_request *request, const emu_fault *fault, emu_answer *answer,
                    emu_request_log *log) {
    bool processed = fault == NULL || fault->write || fault->cut == EMU_CUT_AFTER ||
                     (fault->cut == EMU_CUT_NONE && fault->status == 0);
    /* Checked even if it is not written: the answer may need its names, the log its number of records. */
    emu_ingest_plan plan;
    process(state, request, processed, answer, log, &plan);
    log->processed = processed;
    if (fault != NULL && fault->cut != EMU_CUT_NONE) {
        answer->status = EMU_STATUS_CUT;
    } else if (fault != NULL) {
        write_fault_body(state, fault, &plan, answer);
        answer->status = fault->status != 0 ? fault->status : answer->status;
        if (!emu_retry_after_write(&fault->retry_after, wall_now().seconds, answer->retry_after))
            answer->retry_after[0] = '\0';
    }
    emu_ingest_plan_cleanup(&plan);
    log->status = answer->status;
    if (state->config->body_sha256)
        emu_body_sha256(request->body, request->body_len, log->body_sha256);
}
