#include "worker/sink_dofn.h"

#include "sdk_harness/base/alloc.h"
#include "sdk_harness/base/byte_buffer.h"
#include "sdk_harness/base/clock.h"
#include "sdk_harness/base/log.h"
#include "worker/config/secret.h"
#include "worker/config/sink_config.h"
#include "worker/metrics/sink_metrics.h"
#include "worker/records/record_batch.h"
#include "worker/records/row_to_record.h"
#include "worker/sink_names.h"
#include "worker/stores/tecton/tecton_store.h"

#include <assert.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

enum {
    KEPT_SPARE_BATCHES = 64, /* of one instance, for the next requests; about 2 KiB each */
    NUM_WRITTEN_FIELDS = 4   /* records, attempts, status, latency_ms */
};

/* One request from its first record to its outcome. */
typedef struct sink_batch {
    tecton_delivery_request request; /* first: what comes back is this batch */
    tecton_record_batch records;
    /* Where the output row belongs: the windows, pane and time of the batch's latest element. */
    beamc_byte_buffer windows;
    uint32_t num_windows;
    uint8_t pane;
    int64_t timestamp_ms;
    struct sink_batch *next_spare;
} sink_batch;

typedef struct {
    tecton_record_plan *plan;
    tecton_destination *destination;
    tecton_batch_limits limits;
    tecton_sink_metrics metrics;
    char *name;          /* "workspace/source", for messages */
    long written_output; /* index of the output, or -1 */
    beamc_byte_buffer record;
    sink_batch *spares;
    size_t num_spares;

    /* Of the bundle. */
    beamc_bundle *bundle;
    tecton_delivery_session *session;
    sink_batch *open;                 /* takes records; NULL: none does */
    bool parked;                      /* `open` lies with the engine, which sends it when it is old enough */
    tecton_delivery_request *settled; /* back, not yet counted and emitted */
    uint64_t num_rows_in;
    uint64_t num_rows_written;
} sink;

static void free_batch(sink_batch *batch) {
    tecton_delivery_request_reset(&batch->request);
    tecton_record_batch_cleanup(&batch->records);
    beamc_byte_buffer_cleanup(&batch->windows);
    free(batch);
}

static void drop_request(tecton_delivery_request *request) {
    free_batch((sink_batch *)request);
}

static sink_batch *take_batch(sink *self) {
    sink_batch *batch = self->spares;
    if (batch != NULL) {
        self->spares = batch->next_spare;
        self->num_spares--;
        return batch;
    }
    enum { MAX_WINDOWS_BYTES = 1024 * 1024 }; /* of one element; a window takes some tens */
    batch = beamc_alloc_zero(1, sizeof *batch);
    tecton_record_batch_init(
        &batch->records,
        tecton_destination_store(self->destination)->encode(tecton_destination_store(self->destination)),
        &self->limits);
    beamc_byte_buffer_init(&batch->windows, MAX_WINDOWS_BYTES);
    return batch;
}

static void spare_batch(sink *self, sink_batch *batch) {
    if (self->num_spares >= KEPT_SPARE_BATCHES) {
        free_batch(batch);
        return;
    }
    tecton_delivery_request_reset(&batch->request);
    tecton_record_batch_clear(&batch->records);
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
        sink_batch *batch = self->spares;
        self->spares = batch->next_spare;
        free_batch(batch);
    }
    tecton_destination_release(self->destination);
    tecton_record_plan_free(self->plan);
    beamc_byte_buffer_cleanup(&self->record);
    free(self->name);
    free(self);
}

static beamc_status connect_to_store(sink *self, tecton_delivery_engine *engine, const tecton_sink_config *config,
                                     beamc_error *err) {
    tecton_secret key;
    BEAMC_TRY(tecton_secret_resolve(config->api_key, &key, err));
    tecton_feature_store *store = NULL;
    beamc_status status = tecton_store_new(config, &key, &store, err);
    tecton_secret_release(&key);
    if (status != BEAMC_OK)
        return status;
    double timeout_ms = config->timeout * 1000.0;
    tecton_destination_options options = {.store = store,
                                          .timeout_ms = timeout_ms < 1.0 ? 1 : (uint32_t)timeout_ms,
                                          .ca_file = config->ca_file,
                                          .proxy = config->proxy,
                                          .max_in_flight = (uint32_t)config->max_in_flight,
                                          .retry = {.max_retries = (uint32_t)config->max_retries,
                                                    .max_retry_ms = (uint64_t)config->max_retry_seconds * 1000}};
    status = tecton_destination_new(engine, &options, &self->destination, err);
    if (status != BEAMC_OK)
        store->free(store);
    return status;
}

static beamc_status prepare(sink *self, tecton_delivery_engine *engine, const beamc_dofn_setup *setup,
                            tecton_sink_config *config, beamc_error *err) {
    BEAMC_TRY(tecton_sink_config_from_payload(setup->payload, setup->payload_len, config, err));
    BEAMC_TRY(tecton_record_plan_new(setup->input_schema, config, &self->plan, err));
    BEAMC_TRY(connect_to_store(self, engine, config, err));
    self->limits = (tecton_batch_limits){.max_records = (uint32_t)config->batch_size,
                                         .max_body_bytes = TECTON_MAX_BODY_BYTES,
                                         .linger_ms = (uint64_t)config->linger_ms};
    self->name = beamc_format("%s/%s", config->workspace_name, config->stream_source_name);
    beamc_byte_buffer_init(&self->record, TECTON_MAX_BODY_BYTES);
    tecton_sink_metrics_init(&self->metrics, setup->metrics, config->dry_run);
    self->written_output = -1;
    for (size_t i = 0; i < setup->num_outputs; i++) {
        const beamc_schema *schema = setup->output_schemas[i];
        if (strcmp(setup->output_tags[i], TECTON_SINK_WRITTEN_TAG) != 0 || schema == NULL)
            continue;
        if (schema->num_fields != NUM_WRITTEN_FIELDS)
            return beamc_fail(err, BEAMC_INVALID,
                              "the output %s has %zu fields, %d expected; expand the pipeline again",
                              TECTON_SINK_WRITTEN_TAG, schema->num_fields, NUM_WRITTEN_FIELDS);
        self->written_output = (long)i;
    }
    return BEAMC_OK;
}

static beamc_status setup_sink(void *context, const beamc_dofn_setup *setup, void **instance, beamc_error *err) {
    sink *self = beamc_alloc_zero(1, sizeof *self);
    tecton_sink_config config;
    beamc_status status = prepare(self, context, setup, &config, err);
    tecton_sink_config_cleanup(&config);
    if (status != BEAMC_OK) {
        teardown(self);
        return status;
    }
    *instance = self;
    return BEAMC_OK;
}

static beamc_status start_bundle(void *instance, beamc_bundle *bundle, beamc_error *err) {
    (void)err;
    sink *self = instance;
    tecton_delivery_owner owner = {
        .context = beamc_bundle_waker(bundle), .wake = wake, .release = release_waker, .drop = drop_request};
    self->bundle = bundle;
    self->session = tecton_delivery_open(self->destination, &owner);
    self->num_rows_in = 0;
    self->num_rows_written = 0;
    return BEAMC_OK;
}

static beamc_status emit_written(sink *self, const sink_batch *batch, beamc_error *err) {
    if (self->written_output < 0)
        return BEAMC_OK;
    const tecton_delivery_outcome *outcome = &batch->request.outcome;
    const beamc_value fields[NUM_WRITTEN_FIELDS] = {
        {.kind = BEAMC_VALUE_INTEGER, .as.integer = batch->request.num_records},
        {.kind = BEAMC_VALUE_INTEGER, .as.integer = outcome->num_attempts},
        {.kind = BEAMC_VALUE_INTEGER, .as.integer = outcome->status},
        {.kind = BEAMC_VALUE_INTEGER, .as.integer = outcome->latency_ms}};
    beamc_element like = {.timestamp_ms = batch->timestamp_ms,
                          .windows = batch->windows.data,
                          .windows_len = batch->windows.len,
                          .num_windows = batch->num_windows,
                          .pane = batch->pane};
    return beamc_bundle_emit(self->bundle, (size_t)self->written_output, fields, batch->timestamp_ms, &like, err);
}

static beamc_status fail_bundle(const sink *self, const tecton_delivery_request *request, beamc_error *err) {
    const tecton_delivery_outcome *outcome = &request->outcome;
    beamc_status status = outcome->verdict == TECTON_VERDICT_FATAL || outcome->verdict == TECTON_VERDICT_REJECTED
                              ? BEAMC_INVALID
                              : BEAMC_UNAVAILABLE;
    return beamc_fail(
        err, status,
        "writing %u rows to Tecton (%.200s) failed: %s [%llu rows of this bundle were acknowledged before; none counts "
        "until the whole bundle succeeds]",
        request->num_records, self->name, outcome->text, (unsigned long long)self->num_rows_written);
}

/* Counts what came back and emits what is acknowledged. Fails with the first request that failed. */
static beamc_status settle(sink *self, beamc_error *err) {
    for (;;) {
        if (self->settled == NULL)
            self->settled = tecton_delivery_take_done(self->session);
        tecton_delivery_request *request = self->settled;
        if (request == NULL)
            return BEAMC_OK;
        if (request->outcome.verdict != TECTON_VERDICT_STORED) {
            tecton_sink_metrics_count(&self->metrics, request);
            return fail_bundle(self, request, err);
        }
        BEAMC_TRY(emit_written(self, (sink_batch *)request, err));
        tecton_sink_metrics_count(&self->metrics, request);
        self->num_rows_written += request->num_records;
        self->settled = request->next;
        spare_batch(self, (sink_batch *)request);
    }
}

static void close_batch(sink_batch *batch) {
    tecton_record_batch_close(&batch->records);
    batch->request.body = batch->records.body.data;
    batch->request.body_len = batch->records.body.len;
    batch->request.num_records = batch->records.num_records;
}

static void submit_open(sink *self) {
    close_batch(self->open);
    tecton_delivery_submit(self->session, &self->open->request);
    self->open = NULL;
}

/* While no input is there the engine keeps the open batch, and sends it when it is old enough: nobody calls us then. */
static void park_open(sink *self) {
    close_batch(self->open);
    self->parked = true;
    tecton_delivery_park(self->session, &self->open->request, tecton_record_batch_due_ms(&self->open->records));
}

static void unpark_open(sink *self) {
    if (!self->parked)
        return;
    self->parked = false;
    if (tecton_delivery_unpark(self->session, &self->open->request))
        tecton_record_batch_reopen(&self->open->records);
    else
        self->open = NULL; /* it has left */
}

static beamc_status note_element(sink_batch *batch, const beamc_element *element, beamc_error *err) {
    bool first = batch->records.num_records == 1;
    if (!first && element->timestamp_ms < batch->timestamp_ms)
        return BEAMC_OK;
    batch->timestamp_ms = element->timestamp_ms;
    batch->num_windows = element->num_windows;
    batch->pane = element->pane;
    if (batch->windows.len == element->windows_len &&
        (element->windows_len == 0 || memcmp(batch->windows.data, element->windows, element->windows_len) == 0))
        return BEAMC_OK;
    beamc_byte_buffer_clear(&batch->windows);
    if (!beamc_byte_buffer_append(&batch->windows, element->windows, element->windows_len))
        return beamc_fail(err, BEAMC_LIMIT, "the element's windows take %zu bytes; at most %zu are kept",
                          element->windows_len, batch->windows.ceiling);
    return BEAMC_OK;
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
            return beamc_fail(
                err, BEAMC_LIMIT,
                "the row's record has %zu bytes; one request holds at most %zu with its frame. Make its text and "
                "lists shorter, or drop fields that no feature needs",
                self->record.len, self->limits.max_body_bytes);
        case TECTON_BATCH_NO_MEMORY:
            return beamc_fail(err, BEAMC_NO_MEMORY, "no memory for a request of %zu bytes", self->record.len);
        }
    }
    assert(!"an empty batch takes a record that is not too big");
    return BEAMC_LIMIT;
}

static beamc_status process(void *instance, const beamc_element *element, beamc_error *err) {
    sink *self = instance;
    BEAMC_TRY(settle(self, err));
    unpark_open(self);
    if (self->open == NULL) { /* looked at here too: a row that has to wait is not encoded twice */
        beamc_status admitted = tecton_delivery_admit(self->session);
        if (admitted != BEAMC_OK)
            return admitted;
        self->open = take_batch(self);
    }
    beamc_byte_buffer_clear(&self->record);
    beamc_status status = tecton_record_encode(self->plan, element->fields, &self->record, err);
    if (status != BEAMC_OK)
        return beamc_fail_within(err, status, "a row cannot be written to Tecton");
    BEAMC_TRY(add_record(self, err));
    self->num_rows_in++;
    BEAMC_TRY(note_element(self->open, element, err));
    if (tecton_record_batch_is_full(&self->open->records))
        submit_open(self);
    else if (self->limits.linger_ms > 0 && !beamc_bundle_input_waiting(self->bundle))
        park_open(self);
    return BEAMC_OK;
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
        if (tecton_delivery_num_out(self->session) == 0)
            break;
        beamc_status waited = tecton_delivery_wait(self->session);
        if (waited != BEAMC_OK)
            return waited;
    }
    if (self->num_rows_written != self->num_rows_in)
        return beamc_fail(
            err, BEAMC_UNAVAILABLE,
            "%llu rows came in and %llu are accounted for: this is a defect of beam-tecton, please report it",
            (unsigned long long)self->num_rows_in, (unsigned long long)self->num_rows_written);
    return BEAMC_OK;
}

static void end_bundle(void *instance) {
    sink *self = instance;
    while (self->settled != NULL) {
        tecton_delivery_request *next = self->settled->next;
        spare_batch(self, (sink_batch *)self->settled);
        self->settled = next;
    }
    if (self->open != NULL && !self->parked)
        spare_batch(self, self->open);
    self->open = NULL;
    self->parked = false;
    tecton_delivery_close(self->session); /* drops what is parked, cancels what is under way */
    self->session = NULL;
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
