#include "sdk_harness/harness.h"

#include "protos/fn_api.pb-c.h"
#include "sdk_harness/base/alloc.h"
#include "sdk_harness/base/clock.h"
#include "sdk_harness/base/log.h"
#include "sdk_harness/bundle/bundle_processor.h"
#include "sdk_harness/control/control_stream.h"
#include "sdk_harness/logging/log_stream.h"
#include "sdk_harness/packing/packed_message.h"
#include "sdk_harness/provision/provision_info.h"
#include "sdk_harness/rpc/unary_call.h"
#include "sdk_harness/status/status_page.h"
#include "sdk_harness/status/worker_status.h"

#include <malloc.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <unistd.h>

#define DESCRIPTOR_METHOD "/org.apache.beam.model.fn_execution.v1.BeamFnControl/GetProcessBundleDescriptor"

enum {
    PROVISION_TIMEOUT_MS = 60 * 1000, /* Go and Python dial as long */
    DESCRIPTOR_TIMEOUT_MS = 60 * 1000,
    ABORT_WAIT_MS = 5000,
    LOOK_AT_INPUT_MS = 5000,
    MAX_EXECUTORS = 64
};

/* One look-up of a descriptor that is under way. */
typedef struct descriptor_call {
    struct descriptor_call *next;
    struct harness *owner;
    beamc_unary *call;
    char *id;
} descriptor_call;

typedef struct harness {
    beamc_completion_loop *loop;
    beamc_channel *control_channel;
    beamc_channel *logging_channel;
    beamc_channel *status_channel;
    beamc_log_stream *logs;
    beamc_worker_status *status;
    const char *worker_id;
    const char *version;
    uint64_t started_ms;
    unsigned num_executors;
    size_t input_cap_bytes;
    beamc_bundle_services services;
    beamc_dispatcher dispatcher;
    beamc_control_stream *control;
    pthread_mutex_t lookups_lock;
    pthread_cond_t lookups_changed;
    descriptor_call *lookups;
    int closed_event; /* readable once the control stream has ended */
    atomic_int closed_status;
} harness;

/* ---- descriptors ---- */

static void descriptor_came(void *context, const uint8_t *response, size_t len, const char *error) {
    descriptor_call *call = context;
    beamc_descriptor_cache *cache = call->owner->services.descriptors;
    beamc_error err;
    if (error != NULL)
        beamc_descriptor_cache_fail(cache, call->id, error);
    else if (beamc_descriptor_cache_put(cache, call->id, response, len, &err) != BEAMC_OK)
        beamc_descriptor_cache_fail(cache, call->id, err.text);
    pthread_mutex_lock(&call->owner->lookups_lock);
    descriptor_call **at = &call->owner->lookups;
    while (*at != call)
        at = &(*at)->next;
    *at = call->next;
    pthread_cond_signal(&call->owner->lookups_changed);
    pthread_mutex_unlock(&call->owner->lookups_lock);
    free(call->id);
    free(call);
}

static void fetch_descriptor(void *context, const char *descriptor_id) {
    harness *h = context;
    Beam__GetProcessBundleDescriptorRequest request = BEAM__GET_PROCESS_BUNDLE_DESCRIPTOR_REQUEST__INIT;
    request.process_bundle_descriptor_id = (char *)(uintptr_t)descriptor_id;
    ProtobufCBinaryData bytes = beamc_packed(&request.base);
    descriptor_call *call = beamc_alloc_zero(1, sizeof *call);
    call->owner = h;
    call->id = beamc_strdup(descriptor_id);
    pthread_mutex_lock(&h->lookups_lock); /* the answer waits until the call is in the list */
    call->call = beamc_unary_start(h->loop, h->control_channel, DESCRIPTOR_METHOD, bytes.data, bytes.len,
                                   DESCRIPTOR_TIMEOUT_MS, descriptor_came, call);
    call->next = h->lookups;
    h->lookups = call;
    pthread_mutex_unlock(&h->lookups_lock);
    free(bytes.data);
}

/* A look-up that nobody waits for any more must not outlive the cache it would be put in. */
static void end_lookups(harness *h) {
    pthread_mutex_lock(&h->lookups_lock);
    for (descriptor_call *call = h->lookups; call != NULL; call = call->next)
        beamc_unary_cancel(call->call);
    while (h->lookups != NULL) /* a cancelled call always ends */
        pthread_cond_wait(&h->lookups_changed, &h->lookups_lock);
    pthread_mutex_unlock(&h->lookups_lock);
}

/* ---- status ---- */

typedef struct {
    beamc_status_bundle bundles[BEAMC_STATUS_BUNDLES_SHOWN];
    size_t num_bundles;
    size_t num_active;
    uint64_t now_ms;
} listed_bundles;

static void list_bundle(void *context, const beamc_bundle_processor *processor) {
    listed_bundles *listed = context;
    listed->num_active++;
    if (listed->num_bundles == BEAMC_STATUS_BUNDLES_SHOWN)
        return;
    listed->bundles[listed->num_bundles++] =
        (beamc_status_bundle){.instruction_id = beamc_strdup(beamc_bundle_processor_instruction_id(processor)),
                              .descriptor_id = beamc_strdup(beamc_bundle_processor_descriptor_id(processor)),
                              .state = beamc_bundle_processor_state(processor),
                              .age_ms = beamc_bundle_processor_age_ms(processor, listed->now_ms)};
}

/* A line of /proc/self/status, in the unit that stands there; 0 when there is none. */
static uint64_t proc_status(const char *name) {
    FILE *file = fopen("/proc/self/status", "re");
    char line[256];
    uint64_t value = 0;
    size_t len = strlen(name);
    while (file != NULL && fgets(line, sizeof line, file) != NULL)
        if (strncmp(line, name, len) == 0 && line[len] == ':')
            value = strtoull(line + len + 1, NULL, 10);
    if (file != NULL)
        (void)fclose(file);
    return value;
}

static char *status_text(void *context) {
    const harness *h = context;
    listed_bundles listed = {.now_ms = beamc_clock_ms()};
    beamc_instruction_table_each(h->dispatcher.table, list_bundle, &listed);
    beamc_status_facts facts = {.worker_id = h->worker_id,
                                .version = h->version,
                                .up_ms = listed.now_ms - h->started_ms,
                                .bundles = listed.bundles,
                                .num_bundles = listed.num_bundles,
                                .num_active = listed.num_active,
                                .input_bytes = beamc_inbound_buffered_bytes(h->services.inbound),
                                .input_cap_bytes = h->input_cap_bytes,
                                .num_tasks_queued = beamc_executor_pool_num_queued(h->services.executors),
                                .num_executors = h->num_executors,
                                .num_threads = (unsigned)proc_status("Threads"),
                                .rss_bytes = proc_status("VmRSS") * 1024,
                                .peak_rss_bytes = proc_status("VmHWM") * 1024};
    char *text = beamc_status_page(&facts);
    for (size_t i = 0; i < listed.num_bundles; i++) {
        free((char *)(uintptr_t)listed.bundles[i].instruction_id);
        free((char *)(uintptr_t)listed.bundles[i].descriptor_id);
    }
    return text;
}

/* ---- life ---- */

static void control_closed(void *context, int status_code, const char *details) {
    harness *h = context;
    if (status_code == 0)
        log_info("the runner ended the control stream");
    else
        log_error("the control stream broke: status %d, %s", status_code, details);
    atomic_store(&h->closed_status, status_code);
    uint64_t one = 1;
    if (write(h->closed_event, &one, sizeof one) != sizeof one)
        abort(); /* an eventfd takes its first write */
}

static unsigned count_executors(const beamc_harness_options *options) {
    if (options->num_executors > 0)
        return options->num_executors < MAX_EXECUTORS ? options->num_executors : MAX_EXECUTORS;
    long cores = sysconf(_SC_NPROCESSORS_ONLN);
    return cores < 2 ? 2 : cores > MAX_EXECUTORS ? MAX_EXECUTORS : (unsigned)cores;
}

/* BEAMC_AGAIN: a signal came before the runner had said where its services are. */
static beamc_status connect_runner(harness *h, const beamc_harness_options *options, int signals, beamc_error *err) {
    beamc_provision_info info = {0};
    if (options->provision_endpoint != NULL)
        BEAMC_TRY(beamc_provision_get(h->loop, options->provision_endpoint, options->worker_id, PROVISION_TIMEOUT_MS,
                                      signals, &info, err));
    const char *control = info.control_endpoint != NULL ? info.control_endpoint : options->control_endpoint;
    const char *logging = info.logging_endpoint != NULL ? info.logging_endpoint : options->logging_endpoint;
    beamc_status status = BEAMC_OK;
    if (control == NULL) {
        status = beamc_fail(err, BEAMC_INVALID,
                            "no control endpoint: neither --control_endpoint nor the provision service names one");
    } else {
        if (logging != NULL) {
            h->logging_channel = beamc_channel_open(logging, options->worker_id);
            h->logs = beamc_log_stream_start(h->loop, h->logging_channel);
        }
        h->control_channel = beamc_channel_open(control, options->worker_id);
        if (info.status_endpoint != NULL)
            h->status_channel = beamc_channel_open(info.status_endpoint, options->worker_id);
    }
    h->services.embed_output = info.embeds_output;
    beamc_provision_cleanup(&info);
    return status;
}

static void serve(harness *h, const beamc_harness_options *options) {
    beamc_dofn_table dofns = {.dofns = options->dofns, .num_dofns = options->num_dofns};
    h->input_cap_bytes = options->input_cap_bytes > 0 ? options->input_cap_bytes : BEAMC_INPUT_CAP_BYTES;
    h->num_executors = count_executors(options);
    h->services.inbound = beamc_inbound_new(h->input_cap_bytes);
    h->services.data_streams = beamc_data_streams_new(h->loop, h->services.inbound, options->worker_id);
    h->services.short_ids = beamc_short_ids_new();
    h->services.sampler = beamc_state_sampler_start();
    h->services.finalizations = beamc_finalization_table_new();
    h->services.descriptors = beamc_descriptor_cache_new(&dofns, fetch_descriptor, h);
    h->services.executors = beamc_executor_pool_start(h->num_executors, h->loop);
    h->dispatcher.services = &h->services;
    h->dispatcher.table = beamc_instruction_table_new();
    if (h->status_channel != NULL)
        h->status = beamc_worker_status_start(h->loop, h->status_channel, status_text, h);
    h->control = beamc_control_stream_start(h->loop, h->control_channel, &h->dispatcher, control_closed, h);
}

/* Waits for the end of the control stream or for SIGTERM or SIGINT, and looks after input that nobody wants. True: a
 * signal came. */
static bool wait_for_end(const harness *h, int signals) {
    struct pollfd waits[2] = {{.fd = h->closed_event, .events = POLLIN}, {.fd = signals, .events = POLLIN}};
    for (;;) {
        int num_ready = poll(waits, 2, LOOK_AT_INPUT_MS);
        if (num_ready > 0)
            return (waits[0].revents & POLLIN) == 0;
        if (num_ready == 0)
            beamc_inbound_drop_unclaimed(h->services.inbound, beamc_clock_ms());
    }
}

/* False: bundles are stuck in the author's code; the process must end without touching what they use. */
static bool end_bundles(harness *h, bool by_signal) {
    if (by_signal) {
        log_info("asked to end: running bundles get %d s", BEAMC_DRAIN_MS / 1000);
        if (beamc_instruction_table_wait_idle(h->dispatcher.table, BEAMC_DRAIN_MS))
            return true;
    }
    beamc_instruction_table_abort_all(h->dispatcher.table,
                                      by_signal ? "the worker was asked to end" : "the control stream ended");
    return beamc_instruction_table_wait_idle(h->dispatcher.table, ABORT_WAIT_MS);
}

static void free_services(harness *h) {
    end_lookups(h);
    beamc_control_stream_free(h->control);
    beamc_worker_status_stop(h->status);
    beamc_data_streams_free(h->services.data_streams);
    beamc_executor_pool_stop(h->services.executors);
    beamc_state_sampler_stop(h->services.sampler);
    beamc_finalization_table_free(h->services.finalizations);
    beamc_descriptor_cache_free(h->services.descriptors);
    beamc_instruction_table_free(h->dispatcher.table);
    beamc_inbound_free(h->services.inbound);
    beamc_short_ids_free(h->services.short_ids);
}

/* Data is allocated on gRPC's threads and freed on ours. With an arena for each thread, what one has freed is no use
 * to the others: after a stop at the input cap the process grew from 80 to 105-122 MiB while it drained; with one
 * arena it stays at 82, at the same CPU time. */
static void share_one_arena(void) {
#if defined(__GLIBC__)
    (void)mallopt(M_ARENA_MAX, 1);
#endif
}

int beamc_harness_run(const beamc_harness_options *options) {
    share_one_arena();
    sigset_t ends;
    sigemptyset(&ends);
    sigaddset(&ends, SIGTERM);
    sigaddset(&ends, SIGINT);
    pthread_sigmask(SIG_BLOCK, &ends, NULL);
    int signals = signalfd(-1, &ends, SFD_CLOEXEC);
    harness h = {.closed_event = eventfd(0, EFD_CLOEXEC),
                 .lookups_lock = PTHREAD_MUTEX_INITIALIZER,
                 .lookups_changed = PTHREAD_COND_INITIALIZER,
                 .worker_id = options->worker_id,
                 .version = options->version,
                 .started_ms = beamc_clock_ms()};
    if (signals < 0 || h.closed_event < 0)
        return 1;
    h.loop = beamc_completion_loop_start("beam-grpc");
    beamc_error err;
    int exit_code = 1;
    beamc_status connected = connect_runner(&h, options, signals, &err);
    if (connected == BEAMC_OK) {
        serve(&h, options);
        bool by_signal = wait_for_end(&h, signals);
        if (!end_bundles(&h, by_signal)) {
            log_error("bundles did not end in time; the worker ends without them");
            beamc_log_stream_stop(h.logs);
            _exit(1);
        }
        free_services(&h);
        exit_code = by_signal || atomic_load(&h.closed_status) == 0 ? 0 : 1;
    } else if (connected == BEAMC_AGAIN) {
        exit_code = 0; /* nothing was begun */
    } else {
        log_error("worker %s cannot start: %s", options->worker_id, err.text);
    }
    beamc_log_stream_stop(h.logs);
    beamc_channel_close(h.status_channel);
    beamc_channel_close(h.logging_channel);
    beamc_channel_close(h.control_channel);
    beamc_completion_loop_stop(h.loop);
    close(signals);
    close(h.closed_event);
    return exit_code;
}

/* ---- arguments ---- */

static char *without_quotes(char *value) {
    size_t len = strlen(value);
    if (len >= 2 && (value[0] == '\'' || value[0] == '"') && value[len - 1] == value[0]) {
        value[len - 1] = '\0';
        return value + 1;
    }
    return value;
}

beamc_status beamc_harness_options_parse(int argc, char **argv, beamc_harness_options *options, beamc_error *err) {
    const struct {
        const char *name;
        const char **to;
    } known[] = {{"--id", &options->worker_id},
                 {"--provision_endpoint", &options->provision_endpoint},
                 {"--control_endpoint", &options->control_endpoint},
                 {"--logging_endpoint", &options->logging_endpoint}};
    for (int i = 0; i < argc; i++)
        for (size_t k = 0; k < sizeof known / sizeof known[0]; k++) {
            size_t len = strlen(known[k].name);
            if (strncmp(argv[i], known[k].name, len) != 0)
                continue;
            char *value = argv[i][len] == '=' ? argv[i] + len + 1 : NULL;
            if (value == NULL && argv[i][len] == '\0' && i + 1 < argc)
                value = argv[++i];
            if (value != NULL && value[0] != '\0')
                *known[k].to = without_quotes(value);
            break;
        }
    if (options->worker_id == NULL)
        return beamc_fail(err, BEAMC_INVALID, "--id is missing: the runner's name for this worker");
    if (options->provision_endpoint == NULL && options->control_endpoint == NULL)
        return beamc_fail(err, BEAMC_INVALID,
                          "--provision_endpoint is missing: the address where the runner says what to do");
    return BEAMC_OK;
}
