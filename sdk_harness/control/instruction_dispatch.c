#include "sdk_harness/control/instruction_dispatch.h"

#include "sdk_harness/base/alloc.h"
#include "sdk_harness/base/clean_text.h"
#include "sdk_harness/base/log.h"
#include "sdk_harness/data_plane/embedded_elements.h"
#include "sdk_harness/packing/packed_message.h"

#include <stdlib.h>
#include <string.h>

static void respond(beamc_dispatcher *dispatcher, const char *instruction_id, Beam__InstructionResponse *response) {
    response->instruction_id = (char *)(uintptr_t)instruction_id;
    dispatcher->respond(dispatcher->respond_context, response);
}

/* Runners refuse a message whose text is not UTF-8, and wait for ever for the answer they refused. */
static char *fit_for_runner(const char *error, char text[sizeof(beamc_error)]) {
    (void)beamc_clean_text(error, strlen(error), text, sizeof(beamc_error));
    return text;
}

static void respond_error(beamc_dispatcher *dispatcher, const char *instruction_id, const char *error) {
    Beam__InstructionResponse response = BEAM__INSTRUCTION_RESPONSE__INIT;
    char text[sizeof(beamc_error)];
    response.error = fit_for_runner(error, text);
    respond(dispatcher, instruction_id, &response);
}

static void respond_unknown(beamc_dispatcher *dispatcher, const char *instruction_id, const char *asked_for) {
    char *text = beamc_format("instruction %s is not known to this worker", asked_for);
    respond_error(dispatcher, instruction_id, text);
    free(text);
}

/* ---- bundles ---- */

static void bundle_done(void *context, beamc_bundle_processor *processor, const beamc_bundle_outcome *outcome) {
    beamc_dispatcher *dispatcher = context;
    const char *instruction_id = beamc_bundle_processor_instruction_id(processor);
    Beam__InstructionResponse response = BEAM__INSTRUCTION_RESPONSE__INIT;
    Beam__ProcessBundleResponse bundle = BEAM__PROCESS_BUNDLE_RESPONSE__INIT;
    char text[sizeof(beamc_error)];
    if (outcome->error != NULL) {
        response.error = fit_for_runner(outcome->error, text);
        log_error("bundle %s failed: %s", instruction_id, text);
    } else {
        bundle.n_monitoring_infos = outcome->report->num_infos;
        bundle.monitoring_infos = outcome->report->infos;
        bundle.n_monitoring_data = outcome->report->num_data;
        bundle.monitoring_data = outcome->report->data;
        bundle.elements = outcome->elements;
        bundle.requires_finalization = outcome->requires_finalization;
        response.response_case = BEAM__INSTRUCTION_RESPONSE__RESPONSE_PROCESS_BUNDLE;
        response.process_bundle = &bundle;
    }
    respond(dispatcher, instruction_id, &response);
    beamc_instruction_table_end(dispatcher->table, instruction_id);
}

static void process_bundle(beamc_dispatcher *dispatcher, const Beam__InstructionRequest *request) {
    const char *id = request->instruction_id;
    if (!beamc_instruction_table_claim(dispatcher->table, id)) {
        char *text = beamc_format("instruction id %s is in use or has ended: a bundle needs an id of its own", id);
        respond_error(dispatcher, id, text);
        free(text);
        return;
    }
    beamc_bundle_processor *processor = beamc_bundle_processor_start(
        dispatcher->services, id, request->process_bundle->process_bundle_descriptor_id, bundle_done, dispatcher);
    if (processor == NULL) {
        respond_error(
            dispatcher, id,
            "the bundle's input is claimed by another bundle of the same id, or came so long before it that it "
            "was dropped");
        beamc_instruction_table_end(dispatcher->table, id);
        return;
    }
    beamc_instruction_table_set(dispatcher->table, id, processor);
    if (request->process_bundle->elements != NULL)
        beamc_embedded_accept(dispatcher->services->inbound, id, request->process_bundle->elements);
}

static void progress(beamc_dispatcher *dispatcher, const Beam__InstructionRequest *request) {
    const char *bundle_id = request->process_bundle_progress->instruction_id;
    beamc_metric_report report;
    beamc_instruction_state state = beamc_instruction_table_progress(dispatcher->table, bundle_id, &report);
    if (state == BEAMC_INSTRUCTION_UNKNOWN) {
        respond_unknown(dispatcher, request->instruction_id, bundle_id);
        return;
    }
    Beam__InstructionResponse response = BEAM__INSTRUCTION_RESPONSE__INIT;
    Beam__ProcessBundleProgressResponse body = BEAM__PROCESS_BUNDLE_PROGRESS_RESPONSE__INIT;
    Beam__ProcessBundleProgressResponse__MonitoringDataEntry *entries =
        beamc_alloc_zero(report.num_data, sizeof *entries);
    body.monitoring_data = beamc_alloc_zero(report.num_data, sizeof *body.monitoring_data);
    body.n_monitoring_data = report.num_data;
    for (size_t i = 0; i < report.num_data; i++) {
        beam__process_bundle_progress_response__monitoring_data_entry__init(&entries[i]);
        entries[i].key = report.data[i]->key;
        entries[i].value = report.data[i]->value;
        body.monitoring_data[i] = &entries[i];
    }
    /* A runner that reads only full infos (FnApiRunner) would see no progress without them. */
    body.n_monitoring_infos = report.num_infos;
    body.monitoring_infos = report.infos;
    response.response_case = BEAM__INSTRUCTION_RESPONSE__RESPONSE_PROCESS_BUNDLE_PROGRESS;
    response.process_bundle_progress = &body;
    respond(dispatcher, request->instruction_id, &response);
    free(body.monitoring_data);
    free(entries);
    beamc_metric_report_cleanup(&report);
}

static bool find_wish(void *context, const char *transform_id, beamc_split_wish *wish) {
    const Beam__ProcessBundleSplitRequest *request = context;
    for (size_t i = 0; i < request->n_desired_splits; i++) {
        const Beam__ProcessBundleSplitRequest__DesiredSplit *desired = request->desired_splits[i]->value;
        if (desired == NULL || strcmp(request->desired_splits[i]->key, transform_id) != 0)
            continue;
        *wish = (beamc_split_wish){.fraction = desired->fraction_of_remainder,
                                   .estimated_elements = desired->estimated_input_elements,
                                   .allowed = desired->allowed_split_points,
                                   .num_allowed = desired->n_allowed_split_points};
        return true;
    }
    return false;
}

/* An empty answer means "did not split", which is always correct; an error would fail the job on Prism. There are no
 * residual roots: elements are whole, and Prism panics on a root without one. */
static void split(beamc_dispatcher *dispatcher, const Beam__InstructionRequest *request) {
    const char *bundle_id = request->process_bundle_split->instruction_id;
    Beam__InstructionResponse response = BEAM__INSTRUCTION_RESPONSE__INIT;
    Beam__ProcessBundleSplitResponse body = BEAM__PROCESS_BUNDLE_SPLIT_RESPONSE__INIT;
    Beam__ProcessBundleSplitResponse__ChannelSplit channel = BEAM__PROCESS_BUNDLE_SPLIT_RESPONSE__CHANNEL_SPLIT__INIT;
    Beam__ProcessBundleSplitResponse__ChannelSplit *channels[] = {&channel};
    bool has_split = false;
    char *transform_id = NULL;
    beamc_split_result result;
    if (beamc_instruction_table_split(dispatcher->table, bundle_id, find_wish, request->process_bundle_split,
                                      &has_split, &transform_id, &result) == BEAMC_INSTRUCTION_UNKNOWN) {
        respond_unknown(dispatcher, request->instruction_id, bundle_id);
        return;
    }
    if (has_split) {
        channel.transform_id = transform_id;
        channel.last_primary_element = result.last_primary;
        channel.first_residual_element = result.first_residual;
        body.n_channel_splits = 1;
        body.channel_splits = channels;
    }
    response.response_case = BEAM__INSTRUCTION_RESPONSE__RESPONSE_PROCESS_BUNDLE_SPLIT;
    response.process_bundle_split = &body;
    respond(dispatcher, request->instruction_id, &response);
    free(transform_id);
}

/* ---- finalization: callbacks are the author's code, so they run on an executor ---- */

typedef struct {
    beamc_task task; /* first: the task is cast back */
    beamc_dispatcher *dispatcher;
    char *instruction_id;
    bool claimed; /* the id, in the table */
    beamc_finalizers finalizers;
} finalization;

static void respond_finalized(beamc_dispatcher *dispatcher, const char *instruction_id) {
    Beam__InstructionResponse response = BEAM__INSTRUCTION_RESPONSE__INIT;
    Beam__FinalizeBundleResponse body = BEAM__FINALIZE_BUNDLE_RESPONSE__INIT;
    response.response_case = BEAM__INSTRUCTION_RESPONSE__RESPONSE_FINALIZE_BUNDLE;
    response.finalize_bundle = &body;
    respond(dispatcher, instruction_id, &response);
}

static beamc_task_next run_finalization(beamc_task *task) {
    finalization *f = (finalization *)task;
    beamc_finalizers_run(&f->finalizers, true);
    respond_finalized(f->dispatcher, f->instruction_id);
    if (f->claimed)
        beamc_instruction_table_end(f->dispatcher->table, f->instruction_id);
    free(f->instruction_id);
    free(f);
    return BEAMC_TASK_ENDED;
}

/* A bundle that has nothing to finalize, or has been finalized before, is a success: runners ask for any. */
static void finalize(beamc_dispatcher *dispatcher, const Beam__InstructionRequest *request) {
    beamc_finalizers finalizers;
    if (!beamc_finalization_table_take(dispatcher->services->finalizations, request->finalize_bundle->instruction_id,
                                       &finalizers)) {
        respond_finalized(dispatcher, request->instruction_id);
        return;
    }
    /* Claimed like a bundle, so that the worker does not end before it is answered. */
    finalization *f = beamc_alloc_zero(1, sizeof *f);
    f->task.run = run_finalization;
    f->dispatcher = dispatcher;
    f->instruction_id = beamc_strdup(request->instruction_id);
    f->finalizers = finalizers;
    f->claimed = beamc_instruction_table_claim(dispatcher->table, f->instruction_id);
    beamc_executor_pool_wake(dispatcher->services->executors, &f->task);
}

/* ---- metrics ---- */

static void monitoring_infos(beamc_dispatcher *dispatcher, const Beam__InstructionRequest *request) {
    const Beam__MonitoringInfosMetadataRequest *asked = request->monitoring_infos;
    Beam__InstructionResponse response = BEAM__INSTRUCTION_RESPONSE__INIT;
    Beam__MonitoringInfosMetadataResponse body = BEAM__MONITORING_INFOS_METADATA_RESPONSE__INIT;
    size_t num_asked = asked->n_monitoring_info_id;
    Beam__MonitoringInfosMetadataResponse__MonitoringInfoEntry *entries = beamc_alloc_zero(num_asked, sizeof *entries);
    body.monitoring_info = beamc_alloc_zero(num_asked, sizeof *body.monitoring_info);
    for (size_t i = 0; i < num_asked; i++) {
        const beamc_metric_key *key =
            beamc_short_id_find(dispatcher->services->short_ids, asked->monitoring_info_id[i]);
        if (key == NULL)
            continue;
        Beam__MonitoringInfosMetadataResponse__MonitoringInfoEntry *entry = &entries[body.n_monitoring_info];
        beam__monitoring_infos_metadata_response__monitoring_info_entry__init(entry);
        entry->key = asked->monitoring_info_id[i];
        entry->value = beamc_monitoring_info_new(key);
        body.monitoring_info[body.n_monitoring_info++] = entry;
    }
    response.response_case = BEAM__INSTRUCTION_RESPONSE__RESPONSE_MONITORING_INFOS;
    response.monitoring_infos = &body;
    respond(dispatcher, request->instruction_id, &response);
    for (size_t i = 0; i < body.n_monitoring_info; i++)
        beam__monitoring_info__free_unpacked(entries[i].value, NULL);
    free(body.monitoring_info);
    free(entries);
}

/* Metrics of the process rather than of a bundle: there are none yet. */
static void harness_monitoring_infos(beamc_dispatcher *dispatcher, const Beam__InstructionRequest *request) {
    Beam__InstructionResponse response = BEAM__INSTRUCTION_RESPONSE__INIT;
    Beam__HarnessMonitoringInfosResponse body = BEAM__HARNESS_MONITORING_INFOS_RESPONSE__INIT;
    response.response_case = BEAM__INSTRUCTION_RESPONSE__RESPONSE_HARNESS_MONITORING_INFOS;
    response.harness_monitoring_infos = &body;
    respond(dispatcher, request->instruction_id, &response);
}

/* We do not declare data sampling; a runner that asks all the same gets no samples. */
static void sample_data(beamc_dispatcher *dispatcher, const Beam__InstructionRequest *request) {
    Beam__InstructionResponse response = BEAM__INSTRUCTION_RESPONSE__INIT;
    Beam__SampleDataResponse body = BEAM__SAMPLE_DATA_RESPONSE__INIT;
    response.response_case = BEAM__INSTRUCTION_RESPONSE__RESPONSE_SAMPLE_DATA;
    response.sample_data = &body;
    respond(dispatcher, request->instruction_id, &response);
}

/* ---- descriptors sent beforehand, as old runners do ---- */

static void register_descriptors(beamc_dispatcher *dispatcher, const Beam__InstructionRequest *request) {
    for (size_t i = 0; i < request->register_->n_process_bundle_descriptor; i++) {
        const Beam__ProcessBundleDescriptor *descriptor = request->register_->process_bundle_descriptor[i];
        ProtobufCBinaryData bytes = beamc_packed(&descriptor->base);
        beamc_error err;
        beamc_status status =
            beamc_descriptor_cache_put(dispatcher->services->descriptors, descriptor->id, bytes.data, bytes.len, &err);
        free(bytes.data);
        if (status != BEAMC_OK) {
            respond_error(dispatcher, request->instruction_id, err.text);
            return;
        }
    }
    Beam__InstructionResponse response = BEAM__INSTRUCTION_RESPONSE__INIT;
    Beam__RegisterResponse body = BEAM__REGISTER_RESPONSE__INIT;
    response.response_case = BEAM__INSTRUCTION_RESPONSE__RESPONSE_REGISTER;
    response.register_ = &body;
    respond(dispatcher, request->instruction_id, &response);
}

static const struct {
    Beam__InstructionRequest__RequestCase kind;
    void (*carry_out)(beamc_dispatcher *dispatcher, const Beam__InstructionRequest *request);
} instructions[] = {
    {BEAM__INSTRUCTION_REQUEST__REQUEST_PROCESS_BUNDLE, process_bundle},
    {BEAM__INSTRUCTION_REQUEST__REQUEST_PROCESS_BUNDLE_PROGRESS, progress},
    {BEAM__INSTRUCTION_REQUEST__REQUEST_PROCESS_BUNDLE_SPLIT, split},
    {BEAM__INSTRUCTION_REQUEST__REQUEST_FINALIZE_BUNDLE, finalize},
    {BEAM__INSTRUCTION_REQUEST__REQUEST_MONITORING_INFOS, monitoring_infos},
    {BEAM__INSTRUCTION_REQUEST__REQUEST_HARNESS_MONITORING_INFOS, harness_monitoring_infos},
    {BEAM__INSTRUCTION_REQUEST__REQUEST_SAMPLE_DATA, sample_data},
    {BEAM__INSTRUCTION_REQUEST__REQUEST_REGISTER, register_descriptors},
};

void beamc_dispatch(beamc_dispatcher *dispatcher, const Beam__InstructionRequest *request) {
    for (size_t i = 0; i < sizeof instructions / sizeof instructions[0]; i++)
        if (instructions[i].kind == request->request_case) {
            instructions[i].carry_out(dispatcher, request);
            return;
        }
    respond_error(dispatcher, request->instruction_id, "this worker does not know that kind of instruction");
}
