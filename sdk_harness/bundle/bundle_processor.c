#include "sdk_harness/bundle/bundle_processor.h"

#include "sdk_harness/base/alloc.h"
#include "sdk_harness/base/clock.h"
#include "sdk_harness/base/log.h"
#include "sdk_harness/bundle/data_sink_operator.h"
#include "sdk_harness/bundle/data_source_operator.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

enum {
    ELEMENTS_A_ROUND = 256, /* between two looks at the clock */
    SLICE_US = 10 * 1000    /* after this, other bundles get the thread */
};

#define BUNDLE_STATES(X) X(WAITING_FOR_PLAN) X(STARTING) X(PROCESSING) X(FINISHING) X(ENDED)
typedef enum {
#define X(name) name,
    BUNDLE_STATES(X)
#undef X
} bundle_state;

static const char *const bundle_state_names[] = {
#define X(name) #name,
    BUNDLE_STATES(X)
#undef X
};

struct beamc_waker {
    atomic_uint references;
    pthread_mutex_t lock;
    beamc_bundle_processor *processor; /* NULL when the bundle has ended */
};

struct beamc_bundle_processor {
    beamc_task task; /* first: the task is cast back */
    atomic_uint references;
    const beamc_bundle_services *services;
    char *instruction_id;
    char *descriptor_id;
    beamc_bundle_done done;
    void *context;

    uint64_t started_ms;
    _Atomic bundle_state state; /* the task's; others may look */
    bool asked_for_descriptor;
    size_t num_started;
    size_t num_finished;
    bool sends_output; /* what is held goes on the data streams, not with the answer */
    size_t num_sinks_ended;
    Beam__Elements embedded; /* output that goes with the answer */
    bool is_embedded;
    beamc_run run;

    pthread_mutex_t lock; /* guards what other threads look at */
    beamc_plan *plan;
    char *abort_reason;
    atomic_bool aborted;
};

/* ---- wakers ---- */

beamc_waker *beamc_waker_retain(beamc_waker *waker) {
    atomic_fetch_add_explicit(&waker->references, 1, memory_order_relaxed);
    return waker;
}

void beamc_waker_wake(beamc_waker *waker) {
    pthread_mutex_lock(&waker->lock);
    if (waker->processor != NULL)
        beamc_executor_pool_wake(waker->processor->services->executors, &waker->processor->task);
    pthread_mutex_unlock(&waker->lock);
}

void beamc_waker_release(beamc_waker *waker) {
    if (atomic_fetch_sub_explicit(&waker->references, 1, memory_order_acq_rel) != 1)
        return;
    pthread_mutex_destroy(&waker->lock);
    free(waker);
}

static beamc_waker *new_waker(beamc_bundle_processor *processor) {
    beamc_waker *waker = beamc_alloc_zero(1, sizeof *waker);
    atomic_init(&waker->references, 1);
    pthread_mutex_init(&waker->lock, NULL);
    waker->processor = processor;
    return waker;
}

static void wake(void *context) {
    beamc_bundle_processor *processor = context;
    beamc_executor_pool_wake(processor->services->executors, &processor->task);
}

/* ---- life ---- */

static void enter(beamc_bundle_processor *processor, bundle_state next) { /* the only writer of state */
    log_debug("bundle %s: %s -> %s", processor->instruction_id, bundle_state_names[processor->state],
              bundle_state_names[next]);
    processor->state = next;
}

void beamc_bundle_processor_release(beamc_bundle_processor *processor) {
    if (atomic_fetch_sub_explicit(&processor->references, 1, memory_order_acq_rel) != 1)
        return;
    beamc_waker_release(processor->run.waker);
    pthread_mutex_destroy(&processor->lock);
    free(processor->abort_reason);
    free(processor->instruction_id);
    free(processor->descriptor_id);
    free(processor);
}

const char *beamc_bundle_processor_instruction_id(const beamc_bundle_processor *processor) {
    return processor->instruction_id;
}

const char *beamc_bundle_processor_descriptor_id(const beamc_bundle_processor *processor) {
    return processor->descriptor_id;
}

const char *beamc_bundle_processor_state(const beamc_bundle_processor *processor) {
    return bundle_state_names[atomic_load(&processor->state)]; /* as an index alone, gcc 12 would read it plainly */
}

uint64_t beamc_bundle_processor_age_ms(const beamc_bundle_processor *processor, uint64_t now_ms) {
    return now_ms - processor->started_ms;
}

void beamc_bundle_processor_abort(beamc_bundle_processor *processor, const char *why) {
    pthread_mutex_lock(&processor->lock);
    bool first = processor->abort_reason == NULL;
    if (first)
        processor->abort_reason = beamc_strdup(why);
    pthread_mutex_unlock(&processor->lock);
    atomic_store(&processor->aborted, true);
    if (first)
        beamc_waker_wake(processor->run.waker);
}

void beamc_bundle_progress(beamc_bundle_processor *processor, beamc_metric_report *report) {
    *report = (beamc_metric_report){0};
    pthread_mutex_lock(&processor->lock);
    if (processor->plan != NULL)
        beamc_metric_report_fill(report, processor->plan->metrics);
    pthread_mutex_unlock(&processor->lock);
}

/* The plan is this bundle's as long as it stands here, so a split that comes late meets no other bundle's. */
bool beamc_bundle_split(beamc_bundle_processor *processor, beamc_split_lookup lookup, void *context,
                        char **transform_id, beamc_split_result *out) {
    bool split = false;
    pthread_mutex_lock(&processor->lock);
    const beamc_plan *plan = processor->plan;
    if (plan != NULL && plan->num_sources == 1) {
        beamc_operator *source = plan->sources[0];
        beamc_split_wish wish = {0};
        split = lookup(context, source->transform_id, &wish) && beamc_data_source_split(source, &wish, out);
        if (split)
            *transform_id = beamc_strdup(source->transform_id);
    }
    pthread_mutex_unlock(&processor->lock);
    return split;
}

/* ---- one step after another; BEAMC_AGAIN leaves the thread ---- */

static void open_data_stream(void *context, const char *url) {
    const beamc_bundle_processor *processor = context;
    beamc_stream_release(beamc_data_streams_get(processor->services->data_streams, url));
}

static beamc_status acquire_plan(beamc_bundle_processor *processor, beamc_error *err) {
    beamc_plan *plan = NULL;
    bool asked = processor->asked_for_descriptor;
    processor->asked_for_descriptor = true;
    beamc_status status = beamc_plan_acquire(processor->services->descriptors, processor->descriptor_id, asked, wake,
                                             processor, &plan, err);
    /* Flink waits three minutes for the data stream, and writes all input, before it looks at the answer: without the
     * stream its user would read of a timeout in place of what is wrong. */
    if (status != BEAMC_OK && status != BEAMC_AGAIN)
        beamc_descriptor_cache_each_source(processor->services->descriptors, processor->descriptor_id, open_data_stream,
                                           processor);
    BEAMC_TRY(status);
    beamc_metric_registry_name(plan->metrics, processor->services->short_ids);
    beamc_metric_registry_reset(plan->metrics);
    pthread_mutex_lock(&processor->lock);
    processor->plan = plan;
    pthread_mutex_unlock(&processor->lock);
    beamc_state_sampler_add(processor->services->sampler, &processor->run.sampled);
    enter(processor, STARTING);
    return BEAMC_OK;
}

/* Consumers first, so that whatever a node emits while it starts finds its readers ready. */
static beamc_status start_operators(beamc_bundle_processor *processor, beamc_error *err) {
    beamc_plan *plan = processor->plan;
    while (processor->num_started < plan->num_operators) {
        beamc_operator *op = plan->operators[plan->num_operators - 1 - processor->num_started];
        processor->num_started++; /* counted before: a start that fails is ended too */
        BEAMC_TRY(op->methods->start(op, &processor->run, err));
    }
    enter(processor, PROCESSING);
    return BEAMC_OK;
}

typedef enum { PUMP_WAIT, PUMP_YIELD, PUMP_ENDED, PUMP_FAILED } pump_result;

static pump_result pump_sources(beamc_bundle_processor *processor, beamc_error *err) {
    beamc_plan *plan = processor->plan;
    uint64_t deadline_us = beamc_clock_us() + SLICE_US;
    for (;;) {
        bool progressed = false;
        size_t num_ended = 0;
        for (size_t i = 0; i < plan->num_sources; i++) {
            switch (beamc_data_source_pump(plan->sources[i], &processor->run, ELEMENTS_A_ROUND, err)) {
            case BEAMC_SOURCE_MORE:
                progressed = true;
                break;
            case BEAMC_SOURCE_ENDED:
                num_ended++;
                break;
            case BEAMC_SOURCE_EMPTY:
            case BEAMC_SOURCE_AGAIN:
                break;
            case BEAMC_SOURCE_FAILED:
                return PUMP_FAILED;
            }
        }
        if (num_ended == plan->num_sources)
            return PUMP_ENDED;
        if (!progressed)
            return PUMP_WAIT;
        if (atomic_load_explicit(&processor->aborted, memory_order_relaxed))
            return PUMP_YIELD;
        if (beamc_executor_pool_busy(processor->services->executors) && beamc_clock_us() >= deadline_us)
            return PUMP_YIELD;
    }
}

static beamc_status finish_operators(beamc_bundle_processor *processor, beamc_error *err) {
    beamc_plan *plan = processor->plan;
    while (processor->num_finished < plan->num_operators) {
        beamc_operator *op = plan->operators[processor->num_finished];
        BEAMC_TRY(op->methods->finish(op, &processor->run, err));
        processor->num_finished++;
    }
    return BEAMC_OK;
}

/* Nodes have finished. Held output goes with the answer if all of it is small, else on the data streams. */
static beamc_status finish_outputs(beamc_bundle_processor *processor, beamc_error *err) {
    beamc_plan *plan = processor->plan;
    if (!processor->run.holds_output || plan->num_sinks == 0)
        return BEAMC_OK;
    if (!processor->sends_output) { /* decided once: a node may have to wait while others have sent */
        size_t num_bytes = 0;
        bool has_sent = false;
        for (size_t i = 0; i < plan->num_sinks; i++)
            num_bytes += beamc_data_sink_held(plan->sinks[i], &has_sent);
        processor->sends_output = has_sent || num_bytes > BEAMC_EMBEDDED_OUTPUT_BYTES;
    }
    if (processor->sends_output) {
        for (; processor->num_sinks_ended < plan->num_sinks; processor->num_sinks_ended++)
            BEAMC_TRY(beamc_data_sink_send(plan->sinks[processor->num_sinks_ended], &processor->run, err));
        return BEAMC_OK;
    }
    for (size_t i = 0; i < plan->num_sinks; i++)
        beamc_data_sink_embed(plan->sinks[i], &processor->run, &processor->embedded);
    processor->is_embedded = true;
    return BEAMC_OK;
}

static void end_operators(beamc_bundle_processor *processor) {
    beamc_plan *plan = processor->plan;
    for (size_t i = 0; plan != NULL && i < processor->num_started; i++) {
        beamc_operator *op = plan->operators[plan->num_operators - 1 - i];
        op->methods->end(op, &processor->run);
    }
}

static beamc_task_next end_bundle(beamc_bundle_processor *processor, const char *error) {
    enter(processor, ENDED);
    beamc_metric_report report = {0};
    if (processor->plan != NULL)
        beamc_state_sampler_remove(processor->services->sampler, &processor->run.sampled);
    if (error == NULL)
        beamc_metric_report_fill(&report, processor->plan->metrics);
    end_operators(processor);
    pthread_mutex_lock(&processor->lock);
    beamc_plan *plan = processor->plan;
    processor->plan = NULL;
    pthread_mutex_unlock(&processor->lock);
    /* Nothing may wake the task from here on: input first, then wakers. */
    beamc_inbound_detach(processor->run.inbound);
    beamc_waker *waker = processor->run.waker;
    pthread_mutex_lock(&waker->lock);
    waker->processor = NULL;
    pthread_mutex_unlock(&waker->lock);
    if (plan != NULL && error == NULL)
        beamc_plan_release(processor->services->descriptors, processor->descriptor_id, plan);
    else
        beamc_plan_free(plan);
    beamc_bundle_outcome outcome = {.error = error, .report = &report};
    if (error == NULL) {
        outcome.elements = processor->is_embedded ? &processor->embedded : NULL;
        outcome.requires_finalization = processor->run.finalizers.first != NULL;
    }
    /* Kept before it is told: the runner may finalize as soon as it knows of the bundle's end. */
    if (outcome.requires_finalization)
        beamc_finalization_table_keep(processor->services->finalizations, processor->instruction_id,
                                      &processor->run.finalizers, beamc_clock_ms());
    else
        beamc_finalizers_run(&processor->run.finalizers, false);
    processor->done(processor->context, processor, &outcome);
    beamc_metric_report_cleanup(&report);
    beamc_embedded_cleanup(&processor->embedded);
    beamc_bundle_processor_release(processor);
    return BEAMC_TASK_ENDED;
}

/* While a DoFn waits for something, the time is still its own. */
static beamc_task_next wait_for_dofn(beamc_bundle_processor *processor) {
    (void)beamc_state_enter(&processor->run.sampled, processor->run.waits_in);
    return BEAMC_TASK_WAIT;
}

static beamc_task_next fail_bundle(beamc_bundle_processor *processor, const beamc_error *err) {
    return end_bundle(processor, err->text[0] == '\0' ? "the bundle failed" : err->text);
}

static beamc_task_next run_bundle(beamc_task *task) {
    beamc_bundle_processor *processor = (beamc_bundle_processor *)task;
    beamc_error err;
    err.text[0] = '\0';
    beamc_status status = BEAMC_OK;
    (void)beamc_state_enter(&processor->run.sampled, NULL);
    processor->run.waits_in = NULL;
    if (atomic_load(&processor->aborted)) {
        if (processor->state == WAITING_FOR_PLAN) /* the descriptor's answer must not wake what is gone */
            beamc_descriptor_cache_forget(processor->services->descriptors, processor->descriptor_id, processor);
        return end_bundle(processor, processor->abort_reason);
    }
    if (processor->state == WAITING_FOR_PLAN)
        status = acquire_plan(processor, &err);
    if (status == BEAMC_OK && processor->state == STARTING)
        status = start_operators(processor, &err);
    if (status == BEAMC_AGAIN)
        return BEAMC_TASK_WAIT;
    if (status != BEAMC_OK)
        return fail_bundle(processor, &err);
    if (processor->state == PROCESSING) {
        switch (pump_sources(processor, &err)) {
        case PUMP_WAIT:
            return wait_for_dofn(processor);
        case PUMP_YIELD:
            return BEAMC_TASK_YIELD;
        case PUMP_FAILED:
            return fail_bundle(processor, &err);
        case PUMP_ENDED:
            enter(processor, FINISHING);
            break;
        }
    }
    status = finish_operators(processor, &err);
    if (status == BEAMC_AGAIN)
        return wait_for_dofn(processor);
    if (status == BEAMC_OK)
        status = finish_outputs(processor, &err);
    return status == BEAMC_OK ? end_bundle(processor, NULL) : fail_bundle(processor, &err);
}

beamc_bundle_processor *beamc_bundle_processor_start(const beamc_bundle_services *services, const char *instruction_id,
                                                     const char *descriptor_id, beamc_bundle_done done, void *context) {
    beamc_bundle_processor *processor = beamc_alloc_zero(1, sizeof *processor);
    processor->task.run = run_bundle;
    atomic_init(&processor->references, 2); /* the task's and the caller's */
    processor->services = services;
    processor->started_ms = beamc_clock_ms();
    processor->instruction_id = beamc_strdup(instruction_id);
    processor->descriptor_id = beamc_strdup(descriptor_id);
    processor->done = done;
    processor->context = context;
    pthread_mutex_init(&processor->lock, NULL);
    processor->run.instruction_id = processor->instruction_id;
    processor->run.data_streams = services->data_streams;
    processor->run.holds_output = services->embed_output;
    beam__elements__init(&processor->embedded);
    processor->run.waker = new_waker(processor);
    processor->run.aborted = &processor->aborted;
    processor->run.inbound = beamc_inbound_attach(services->inbound, instruction_id, wake, processor);
    if (processor->run.inbound == NULL) {
        beamc_bundle_processor_release(processor);
        beamc_bundle_processor_release(processor);
        return NULL;
    }
    /* The first bundle of a descriptor must run at once, because runners wait for the data stream that it opens.
     * A later one has nothing to do before its input comes, and that wakes it: one wake saved of a small bundle's
     * three. A stream that ends from here on wakes it too, since it is attached. */
    bool nothing_to_do = beamc_plan_is_idle(services->descriptors, descriptor_id) &&
                         beamc_data_streams_all_open(services->data_streams) &&
                         !beamc_inbound_has_arrived(processor->run.inbound);
    if (!nothing_to_do)
        beamc_executor_pool_wake(services->executors, &processor->task);
    return processor;
}
