#include "worker/sink_dofn.h"

#include "sdk_harness/base/alloc.h"
#include "sdk_harness/base/byte_buffer.h"
#include "sdk_harness/base/clock.h"
#include "sdk_harness/base/log.h"
#include "worker/config/sink_config.h"
#include "worker/metrics/sink_metrics.h"
#include "worker/records/row_to_record.h"
#include "worker/records/seen_keys.h"
#include "worker/row_trace.h"
#include "worker/sink_batch.h"
#include "worker/sink_connection.h"
#include "worker/sink_names.h"
#include "worker/sink_outputs.h"
#include "worker/sink_preflight.h"

#include <assert.h>
#include <inttypes.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

enum { KEPT_SPARE_BATCHES = 64 /* of one instance, for the next requests; about 3 KiB each */ };

typedef struct {
    tecton_sink_config config;
    tecton_sink_connection connection;
    tecton_record_plan *plan;
    tecton_batch_limits limits;
    tecton_sink_metrics metrics;
    tecton_sink_outputs outputs;
    tecton_seen_keys *seen_keys; /* NULL: rows are not compared */
    tecton_row_trace *trace;     /* NULL: none is asked for */
    char *name;                  /* "workspace/source", for messages */
    beamc_byte_buffer record;
    tecton_sink_batch *spares;
    size_t num_spares;
    bool warned_of_overwritten;
    bool warned_of_counts;

    /* Of the bundle. */
    beamc_bundle *bundle;
    tecton_delivery_session *session;
    tecton_delivery_session *old_session; /* of the key before, when it changed in this bundle; NULL: it did not */
    tecton_sink_batch *preflight;         /* out; NULL: none is */
    tecton_sink_batch *open;              /* takes records; NULL: none does */
    bool finished;                        /* every row is accounted for */
    bool parked;                          /* `open` lies with the engine, which sends it when it is old enough */
    tecton_delivery_request *settled;     /* back, not yet counted and emitted */
    uint64_t num_rows_in;
    uint64_t num_ended[TECTON_NUM_RECORD_ENDS];
} sink;

static void drop_request(tecton_delivery_request *request) {
    tecton_sink_batch_free((tecton_sink_batch *)request);
}

static tecton_sink_batch *take_batch(sink *self) {
    const tecton_feature_store *store = tecton_destination_store(self->connection.destination);
    const tecton_request_frame *frame = store->encode(store, false);
    tecton_sink_batch *batch = self->spares;
    if (batch == NULL)
        return tecton_sink_batch_new(frame, &self->limits);
    self->spares = batch->next_spare;
    self->num_spares--;
    batch->records.frame = frame; /* its last one may be gone with its store */
    return batch;
}

static void spare_batch(sink *self, tecton_sink_batch *batch) {
    if (self->num_spares >= KEPT_SPARE_BATCHES) {
        tecton_sink_batch_free(batch);
        return;
    }
    tecton_sink_batch_clear(batch);
    batch->next_spare = self->spares;
    self->spares = batch;
    self->num_spares++;
}

static void wake(void *waker) {
    beamc_waker_wake(waker);
}

static void release_waker(void *waker) {
    beamc_waker_release(waker);
}

static void teardown(void *instance) {
    sink *self = instance;
    while (self->spares != NULL) {
        tecton_sink_batch *batch = self->spares;
        self->spares = batch->next_spare;
        tecton_sink_batch_free(batch);
    }
    tecton_sink_connection_close(&self->connection);
    tecton_record_plan_free(self->plan);
    tecton_sink_outputs_cleanup(&self->outputs);
    tecton_seen_keys_free(self->seen_keys);
    tecton_row_trace_close(self->trace);
    beamc_byte_buffer_cleanup(&self->record);
    tecton_sink_config_cleanup(&self->config);
    free(self->name);
    free(self);
}

static beamc_status prepare(sink *self, tecton_delivery_engine *engine, const beamc_dofn_setup *setup,
                            beamc_error *err) {
    tecton_sink_config *config = &self->config;
    BEAMC_TRY(tecton_sink_config_from_payload(setup->payload, setup->payload_len, config, err));
    BEAMC_TRY(tecton_record_plan_new(setup->input_schema, config, &self->plan, err));
    BEAMC_TRY(tecton_sink_outputs_init(&self->outputs, setup, config->error_output, err));
    BEAMC_TRY(tecton_sink_connection_open(&self->connection, engine, config, err));
    self->limits = (tecton_batch_limits){.max_records = (uint32_t)config->batch_size,
                                         .max_body_bytes = TECTON_MAX_BODY_BYTES,
                                         .linger_ms = (uint64_t)config->linger_ms};
    self->seen_keys = tecton_seen_keys_new(setup->input_schema, config);
    self->trace = tecton_row_trace_open();
    self->name = beamc_format("%s/%s", config->workspace_name, config->stream_source_name);
    beamc_byte_buffer_init(&self->record, TECTON_MAX_BODY_BYTES);
    tecton_sink_metrics_init(&self->metrics, setup->metrics, config->dry_run);
    char *host = tecton_sink_config_host(config);
    tecton_sink_metrics_name_sink(&self->metrics, setup->metrics,
                                  (const char *const[3]){host, config->workspace_name, config->stream_source_name});
    free(host);
    return BEAMC_OK;
}

static beamc_status setup_sink(void *context, const beamc_dofn_setup *setup, void **instance, beamc_error *err) {
    sink *self = beamc_alloc_zero(1, sizeof *self);
    beamc_status status = prepare(self, context, setup, err);
    if (status != BEAMC_OK) {
        teardown(self);
        return status;
    }
    *instance = self;
    return BEAMC_OK;
}

/* ---- the key ---- */

static void open_session(sink *self) {
    tecton_delivery_owner owner = {
        .context = beamc_bundle_waker(self->bundle), .wake = wake, .release = release_waker, .drop = drop_request};
    self->session = tecton_delivery_open(self->connection.destination, &owner);
}

/* Reads the key again. True when it is another one: what is submitted from now on goes with it. */
static bool renew_key(sink *self) {
    beamc_error err = {{0}};
    beamc_status status = tecton_sink_connection_renew(&self->connection, &err);
    if (status == BEAMC_AGAIN)
        return false;
    if (status != BEAMC_OK) {
        log_warn("the key of %s cannot be read again, and the one that was read before is used: %s", self->name,
                 err.text);
        return false;
    }
    log_info("the key of %s has changed and was read again", self->name);
    return true;
}

/* ---- what came back ---- */

static tecton_record_end end_of(const tecton_delivery_result *result) {
    if (result->verdict == TECTON_VERDICT_STORED)
        return TECTON_RECORD_STORED;
    if (result->possibly_stored)
        return TECTON_RECORD_POSSIBLY_STORED;
    return tecton_verdict_is_rejection(result->verdict) ? TECTON_RECORD_REJECTED : TECTON_RECORD_NOT_SENT;
}

static void count_records(sink *self, tecton_record_end end, uint32_t num_records) {
    self->num_ended[end] += num_records;
    tecton_sink_metrics_records(&self->metrics, end, num_records);
}

static beamc_status fail_bundle(const sink *self, const tecton_delivery_result *result, beamc_error *err) {
    bool is_users = tecton_verdict_is_fatal(result->verdict) || tecton_verdict_is_rejection(result->verdict);
    return beamc_fail(err, is_users ? BEAMC_INVALID : BEAMC_UNAVAILABLE,
                      "writing %" PRIu32 " rows to Tecton (%.200s) failed: %s [%" PRIu64
                      " rows of this bundle were acknowledged before; none counts until the whole bundle succeeds]",
                      result->num_records, self->name, result->text, self->num_ended[TECTON_RECORD_STORED]);
}

static bool is_dead_letter(const sink *self, const tecton_delivery_result *result) {
    if (!self->outputs.has_failed || result->stops_bundle)
        return false;
    if (tecton_verdict_is_rejection(result->verdict))
        return true;
    return tecton_verdict_may_pass(result->verdict) && self->config.on_exhausted == TECTON_EXHAUSTED_DEAD_LETTER;
}

static beamc_status settle_result(sink *self, const tecton_sink_batch *batch, const tecton_delivery_result *result,
                                  beamc_error *err) {
    if (result->verdict == TECTON_VERDICT_STORED) {
        tecton_row_trace_rows(self->trace, batch->received_us, result);
        BEAMC_TRY(tecton_emit_written(&self->outputs, self->bundle, batch, result, err));
    } else if (is_dead_letter(self, result)) {
        BEAMC_TRY(tecton_emit_failed(&self->outputs, self->bundle, batch, result, err));
    } else {
        return fail_bundle(self, result, err);
    }
    count_records(self, end_of(result), result->num_records);
    return BEAMC_OK;
}

/* Sends a request whose key was refused with a new one, once a bundle. */
static bool send_with_new_key(sink *self, tecton_delivery_request *request) {
    const tecton_delivery_result *failure = tecton_delivery_request_failure(request);
    bool all_refused = failure != NULL && failure->verdict == TECTON_VERDICT_UNAUTHORIZED &&
                       failure->num_records == request->num_records;
    if (!all_refused)
        return false;
    if (self->old_session == NULL) {
        if (!renew_key(self))
            return false;
        self->old_session = self->session;
        open_session(self);
    }
    if (request->session != self->old_session)
        return false; /* the new key is refused too */
    tecton_sink_metrics_request(&self->metrics, request);
    const tecton_delivery_request sent = *request;
    tecton_delivery_request_reset(request);
    request->is_preflight = sent.is_preflight;
    tecton_delivery_submit(self->session, request, false);
    return true;
}

static void warn_of_counts(sink *self, const tecton_delivery_request *request) {
    if (request->outcome.num_count_differences == 0 || self->warned_of_counts)
        return;
    self->warned_of_counts = true;
    log_warn("Tecton acknowledged a request for %s and counted another number of records than were sent; the counter "
             "count_differences tells how often. A transformation of a feature view may drop or add rows",
             self->name);
}

static tecton_delivery_request *take_done(sink *self) {
    tecton_delivery_request *done = self->old_session == NULL ? NULL : tecton_delivery_take_done(self->old_session);
    return done != NULL ? done : tecton_delivery_take_done(self->session);
}

/* Counts what came back and emits it. Fails with the first request that fails the bundle. */
static beamc_status settle(sink *self, beamc_error *err) {
    for (;;) {
        if (self->settled == NULL)
            self->settled = take_done(self);
        tecton_delivery_request *request = self->settled;
        if (request == NULL)
            return BEAMC_OK;
        tecton_delivery_request *next = request->next;
        if (send_with_new_key(self, request)) {
            self->settled = next;
            continue;
        }
        tecton_sink_batch *batch = (tecton_sink_batch *)request;
        tecton_sink_metrics_request(&self->metrics, request);
        if (batch == self->preflight) {
            BEAMC_TRY(tecton_preflight_judge(request, self->name, err));
            tecton_destination_pass_preflight(self->connection.destination);
        } else {
            for (uint32_t i = 0; i < request->outcome.num_results; i++)
                BEAMC_TRY(settle_result(self, batch, &request->outcome.results[i], err));
            warn_of_counts(self, request);
        }
        self->settled = next;
        if (batch == self->preflight)
            self->preflight = NULL;
        spare_batch(self, batch);
    }
}

static uint64_t num_out(const sink *self) {
    return tecton_delivery_num_out(self->session) +
           (self->old_session == NULL ? 0 : tecton_delivery_num_out(self->old_session));
}

/* BEAMC_OK: something is back; BEAMC_AGAIN: a wake comes when something is. Something must be out. */
static beamc_status wait_for_any(sink *self) {
    tecton_delivery_session *sessions[] = {self->old_session, self->session};
    for (size_t i = 0; i < 2; i++) {
        if (sessions[i] != NULL && tecton_delivery_num_out(sessions[i]) > 0 &&
            tecton_delivery_wait(sessions[i]) == BEAMC_OK)
            return BEAMC_OK;
    }
    return BEAMC_AGAIN;
}

/* ---- rows ---- */

static beamc_status start_bundle(void *instance, beamc_bundle *bundle, beamc_error *err) {
    (void)err;
    sink *self = instance;
    self->bundle = bundle;
    if (tecton_sink_connection_look(&self->connection, beamc_clock_ms()))
        (void)renew_key(self);
    open_session(self);
    self->num_rows_in = 0;
    self->finished = false;
    memset(self->num_ended, 0, sizeof self->num_ended);
    if (self->seen_keys != NULL)
        tecton_seen_keys_clear(self->seen_keys);
    return BEAMC_OK;
}

static void submit_open(sink *self) {
    tecton_sink_batch_close(self->open);
    tecton_delivery_submit(self->session, &self->open->request,
                           self->open->records.num_records < self->limits.max_records);
    self->open = NULL;
}

/* While no input is there the engine keeps the open batch, and sends it when it is old enough: nobody calls us then. */
static void park_open(sink *self) {
    tecton_sink_batch_close(self->open);
    self->parked = true;
    tecton_delivery_park(self->session, &self->open->request, tecton_record_batch_due_ms(&self->open->records));
}

static void unpark_open(sink *self) {
    if (!self->parked)
        return;
    self->parked = false;
    if (tecton_delivery_unpark(self->open->request.session, &self->open->request))
        tecton_sink_batch_reopen(self->open);
    else
        self->open = NULL; /* it has left */
}

/* Whatever a row has come to, the batch before it leaves when it is full, or old. */
static void send_open_in_time(sink *self) {
    if (self->open == NULL || self->open->records.num_records == 0)
        return;
    if (tecton_record_batch_is_full(&self->open->records))
        submit_open(self);
    else if (self->limits.linger_ms > 0 && !beamc_bundle_input_waiting(self->bundle))
        park_open(self);
}

/* What is wrong with a row that cannot be sent: a dead letter where the pipeline has an output for it. */
static beamc_status refuse_row(sink *self, const beamc_element *element, beamc_status status, beamc_error *err) {
    if (!self->outputs.has_failed || status == BEAMC_NO_MEMORY)
        return beamc_fail_within(err, status, "a row cannot be written to Tecton");
    beamc_error why = {{0}};
    if (err != NULL)
        why = *err;
    BEAMC_TRY(tecton_emit_refused(&self->outputs, self->bundle, element, why.text, err));
    self->num_rows_in++;
    count_records(self, TECTON_RECORD_REJECTED, 1);
    send_open_in_time(self);
    return BEAMC_OK;
}

static beamc_status fail_too_big(const sink *self, beamc_error *err) {
    return beamc_fail(err, BEAMC_LIMIT,
                      "the row's record has %zu bytes; one request holds at most %zu with its frame. Make its text and "
                      "lists shorter, or drop fields that no feature needs",
                      self->record.len, self->limits.max_body_bytes);
}

/* Adds the encoded record to the open batch, making room first. BEAMC_AGAIN: nothing was added. */
static beamc_status add_record(sink *self, beamc_error *err) {
    for (int rounds = 0; rounds < 2; rounds++) {
        if (self->open == NULL) {
            beamc_status admitted = tecton_delivery_admit(self->session);
            if (admitted != BEAMC_OK)
                return admitted;
            self->open = take_batch(self);
        }
        tecton_record_batch *records = &self->open->records;
        uint64_t now_ms = records->num_records == 0 ? beamc_clock_ms() : 0; /* only a first record's time is kept */
        switch (tecton_record_batch_add(records, self->record.data, self->record.len, now_ms)) {
        case TECTON_BATCH_ADDED:
            return BEAMC_OK;
        case TECTON_BATCH_FULL:
            submit_open(self);
            continue;
        case TECTON_BATCH_TOO_BIG:
            return fail_too_big(self, err);
        case TECTON_BATCH_NO_MEMORY:
            return beamc_fail(err, BEAMC_NO_MEMORY, "no memory for a request of %zu bytes", self->record.len);
        }
    }
    assert(!"an empty batch takes a record that is not too big");
    return BEAMC_LIMIT;
}

static void look_for_equal_keys(sink *self, const beamc_element *element) {
    if (self->seen_keys == NULL || !tecton_seen_keys_add(self->seen_keys, element->fields, element->timestamp_ms))
        return;
    beamc_counter_add(self->metrics.records_overwritten, 1);
    if (self->warned_of_overwritten)
        return;
    self->warned_of_overwritten = true;
    log_warn("two rows of one bundle for %s have the same keys (%s) and time: Tecton keeps the last one written. The "
             "counter records_overwritten tells how many there are",
             self->name, self->config.key_fields);
}

/* BEAMC_OK: the source has passed its preflight, or needs none. BEAMC_AGAIN: it is under way. */
static beamc_status pass_preflight(sink *self, const beamc_element *element, beamc_error *err) {
    tecton_destination *destination = self->connection.destination;
    if (self->config.preflight != TECTON_PREFLIGHT_FULL || tecton_destination_passed_preflight(destination))
        return BEAMC_OK;
    if (self->preflight == NULL) {
        beamc_byte_buffer_clear(&self->record);
        if (tecton_record_encode(self->plan, element->fields, element->timestamp_ms, &self->record, NULL) != BEAMC_OK)
            return BEAMC_OK; /* the row will be refused; the next one is tried */
        self->preflight = tecton_preflight_request(tecton_destination_store(destination), &self->record, &self->limits);
        if (self->preflight == NULL)
            return BEAMC_OK; /* likewise */
        tecton_delivery_submit(self->session, &self->preflight->request, false);
    }
    while (self->preflight != NULL) {
        beamc_status waited = wait_for_any(self);
        if (waited != BEAMC_OK)
            return waited;
        BEAMC_TRY(settle(self, err));
    }
    return BEAMC_OK;
}

static beamc_status process(void *instance, const beamc_element *element, beamc_error *err) {
    sink *self = instance;
    BEAMC_TRY(settle(self, err));
    BEAMC_TRY(pass_preflight(self, element, err));
    unpark_open(self);
    if (self->open == NULL) { /* looked at here too: a row that has to wait is not encoded twice */
        beamc_status admitted = tecton_delivery_admit(self->session);
        if (admitted != BEAMC_OK)
            return admitted;
        self->open = take_batch(self);
    }
    beamc_byte_buffer_clear(&self->record);
    beamc_status status = tecton_record_encode(self->plan, element->fields, element->timestamp_ms, &self->record, err);
    if (status == BEAMC_OK)
        status = add_record(self, err);
    if (status == BEAMC_AGAIN)
        return status;
    if (status != BEAMC_OK)
        return refuse_row(self, element, status, err);
    self->num_rows_in++;
    look_for_equal_keys(self, element);
    const beamc_schema *kept_as = self->outputs.failed >= 0 ? self->outputs.input_schema : NULL;
    BEAMC_TRY(tecton_sink_batch_note(self->open, element, kept_as, err));
    if (self->trace != NULL)
        self->open->received_us[self->open->records.num_records - 1] = beamc_bundle_received_us(self->bundle);
    send_open_in_time(self);
    return BEAMC_OK;
}

static uint64_t num_dead(const sink *self) {
    return self->num_ended[TECTON_RECORD_REJECTED] + self->num_ended[TECTON_RECORD_NOT_SENT] +
           self->num_ended[TECTON_RECORD_POSSIBLY_STORED];
}

/* Every row has ended in exactly one way, and not too many of them badly. */
static beamc_status check_sums(sink *self, beamc_error *err) {
    uint64_t dead = num_dead(self);
    uint64_t stored = self->num_ended[TECTON_RECORD_STORED];
    if (stored + dead != self->num_rows_in)
        return beamc_fail(err, BEAMC_UNAVAILABLE,
                          "%" PRIu64 " rows came in and %" PRIu64
                          " are accounted for: this is a defect of beam-tecton, please report it",
                          self->num_rows_in, stored + dead);
    uint64_t all_rows = 0;
    uint64_t all_dead = 0;
    tecton_destination_count_rows(self->connection.destination, self->num_rows_in, dead, &all_rows, &all_dead);
    double share = all_rows == 0 ? 0 : (double)all_dead / (double)all_rows;
    if (dead == 0 || all_rows < TECTON_MIN_ROWS_FOR_THRESHOLD || share <= self->config.error_threshold)
        return BEAMC_OK;
    return beamc_fail(err, BEAMC_INVALID,
                      "%" PRIu64 " of %" PRIu64
                      " rows that this worker process wrote to %s were refused, more than the "
                      "share of %g that error_handling.threshold allows. The output %s and the counters tell why; "
                      "correct the rows or the settings, or raise the threshold",
                      all_dead, all_rows, self->name, self->config.error_threshold, self->config.error_output);
}

static beamc_status finish_bundle(void *instance, beamc_error *err) {
    sink *self = instance;
    unpark_open(self);
    if (self->open != NULL) {
        if (self->open->records.num_records > 0)
            submit_open(self);
        else
            spare_batch(self, self->open);
        self->open = NULL;
    }
    for (;;) {
        BEAMC_TRY(settle(self, err));
        if (num_out(self) == 0)
            break;
        beamc_status waited = wait_for_any(self);
        if (waited != BEAMC_OK)
            return waited;
    }
    uint64_t throttled_ms = tecton_delivery_throttled_ms(self->session) +
                            (self->old_session == NULL ? 0 : tecton_delivery_throttled_ms(self->old_session));
    if (throttled_ms > 0)
        beamc_counter_add(self->metrics.throttling_msecs, (int64_t)throttled_ms);
    BEAMC_TRY(check_sums(self, err));
    self->finished = true;
    return BEAMC_OK;
}

static void end_bundle(void *instance) {
    sink *self = instance;
    while (self->settled != NULL) {
        tecton_delivery_request *next = self->settled->next;
        tecton_sink_batch_free((tecton_sink_batch *)self->settled);
        self->settled = next;
    }
    if (self->open != NULL && !self->parked)
        spare_batch(self, self->open);
    self->open = NULL;
    self->parked = false;
    self->preflight = NULL;                   /* freed above, or dropped below */
    tecton_delivery_close(self->old_session); /* drops what is parked, cancels what is under way */
    tecton_delivery_close(self->session);
    self->old_session = NULL;
    self->session = NULL;
    if (self->trace != NULL && self->finished)
        tecton_row_trace_bundle(self->trace, beamc_bundle_received_us(self->bundle), beamc_clock_us());
    self->bundle = NULL;
}

beamc_dofn tecton_sink_dofn(tecton_delivery_engine *engine) {
    return (beamc_dofn){.urn = TECTON_SINK_DOFN_URN,
                        .context = engine,
                        .setup = setup_sink,
                        .start_bundle = start_bundle,
                        .process = process,
                        .finish_bundle = finish_bundle,
                        .end_bundle = end_bundle,
                        .teardown = teardown};
}
