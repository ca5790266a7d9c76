/* The fake runner's side of the control stream: descriptors, requests, responses. */
#include "sdk_harness/base/alloc.h"
#include "sdk_harness/base/clock.h"
#include "tests/fakes/fake_runner_internal.h"
#include "tests/fakes/wire_message.h"

#include <stdlib.h>
#include <string.h>

/* Field numbers of InstructionRequest and its parts, beam_fn_api.proto. */
enum {
    REQUEST_ID = 1,
    REQUEST_REGISTER = 1000,
    REQUEST_PROCESS_BUNDLE = 1001,
    REQUEST_PROGRESS = 1002,
    REQUEST_SPLIT = 1003,
    REQUEST_FINALIZE = 1004,
    REQUEST_MONITORING_INFOS = 1005,
    REQUEST_HARNESS_MONITORING_INFOS = 1006,
    REQUEST_SAMPLE_DATA = 1007,
    BUNDLE_DESCRIPTOR = 1,
    BUNDLE_CACHE_TOKENS = 2,
    BUNDLE_ELEMENTS = 3,
    PROGRESS_BUNDLE = 1,
    SPLIT_BUNDLE = 1,
    SPLIT_DESIRED = 3,
    DESIRED_FRACTION = 1,
    DESIRED_ELEMENTS = 2,
    FINALIZE_BUNDLE = 1,
    MONITORING_INFOS_IDS = 1,
    REGISTER_DESCRIPTOR = 1
};

/* ---- descriptors ---- */

void fake_offer_bytes(fake_runner *runner, const char *descriptor_id, const void *bytes, size_t len) {
    offered *offer = beamc_alloc_zero(1, sizeof *offer);
    offer->id = beamc_strdup(descriptor_id);
    offer->bytes = beamc_alloc(len + 1);
    memcpy(offer->bytes, bytes, len);
    offer->len = len;
    pthread_mutex_lock(&runner->lock);
    offer->next = runner->offers;
    runner->offers = offer;
    pthread_mutex_unlock(&runner->lock);
}

void fake_offer(fake_runner *runner, fake_pipeline *pipeline) {
    fake_offer_bytes(runner, pipeline->id, pipeline->bytes.data, pipeline->bytes.len);
    fake_pipeline_cleanup(pipeline);
}

static void offer_stage(fake_runner *runner, const char *descriptor_id, const char *dofn_urn, const char *payload,
                        bool with_output) {
    fake_pipeline pipeline;
    fake_pipeline_init(&pipeline, descriptor_id);
    fake_pipeline_pcollection(&pipeline, "in", "row_lp");
    fake_pipeline_source(&pipeline, "source", fake_data_url(runner), "row_lp/global", "in");
    fake_pipeline_pardo(&pipeline, "step", dofn_urn, payload, "in=in", with_output ? "output=out" : "");
    if (with_output) {
        fake_pipeline_pcollection(&pipeline, "out", "row_lp");
        fake_pipeline_sink(&pipeline, "sink", fake_data_url(runner), "row_lp/global", "out");
    }
    fake_offer(runner, &pipeline);
}

void fake_offer_step(fake_runner *runner, const char *descriptor_id, const char *script) {
    offer_stage(runner, descriptor_id, FAKE_SCRIPTED_DOFN, script, true);
}

void fake_offer_sink(fake_runner *runner, const char *descriptor_id, const char *script) {
    offer_stage(runner, descriptor_id, FAKE_SCRIPTED_DOFN, script, false);
}

void fake_offer_null_sink(fake_runner *runner, const char *descriptor_id) {
    offer_stage(runner, descriptor_id, FAKE_NULL_DOFN, "", false);
}

void fake_hold_descriptors(fake_runner *runner, bool held) {
    pthread_mutex_lock(&runner->lock);
    runner->descriptors_held = held;
    for (served_call *served = runner->calls; !held && served != NULL; served = served->next)
        if (served->kind == CALL_DESCRIPTOR && served->asked && !served->answered)
            fake_answer_lookup(runner, served);
    pthread_mutex_unlock(&runner->lock);
}

void fake_hold_provision(fake_runner *runner, bool held) {
    pthread_mutex_lock(&runner->lock);
    runner->provision_held = held;
    for (served_call *served = runner->calls; !held && served != NULL; served = served->next)
        if (served->kind == CALL_PROVISION && served->asked && !served->answered)
            fake_answer_provision(runner, served);
    pthread_mutex_unlock(&runner->lock);
}

void fake_fail_descriptors(fake_runner *runner, unsigned times, const char *text) {
    pthread_mutex_lock(&runner->lock);
    runner->descriptor_failures = times;
    free(runner->descriptor_error);
    runner->descriptor_error = beamc_strdup(text);
    pthread_mutex_unlock(&runner->lock);
}

static size_t count_lookups(const fake_runner *runner) { /* under the lock */
    size_t count = 0;
    for (const served_call *served = runner->calls; served != NULL; served = served->next)
        count += served->kind == CALL_DESCRIPTOR && served->asked ? 1 : 0;
    return count;
}

size_t fake_num_lookups(fake_runner *runner) {
    pthread_mutex_lock(&runner->lock);
    size_t count = count_lookups(runner);
    pthread_mutex_unlock(&runner->lock);
    return count;
}

void fake_await_lookups(fake_runner *runner, size_t count) {
    pthread_mutex_lock(&runner->lock);
    FAKE_AWAIT(runner, count_lookups(runner) >= count, FAKE_WAIT_MS, "fewer than %zu look-ups of descriptors", count);
    pthread_mutex_unlock(&runner->lock);
}

/* ---- requests ---- */

sent_request *fake_find_request(fake_runner *runner, const char *id) {
    sent_request *request = runner->requests;
    while (request != NULL && strcmp(request->id, id) != 0)
        request = request->next;
    return request;
}

static served_call *await_control(fake_runner *runner) { /* under the lock */
    FAKE_AWAIT(runner, fake_open_stream(runner, CALL_CONTROL, NULL) != NULL, FAKE_WAIT_MS,
               "the worker has no control stream open");
    return fake_open_stream(runner, CALL_CONTROL, NULL);
}

void fake_instruct(fake_runner *runner, const char *id, unsigned kind, beamc_byte_buffer *body) {
    beamc_byte_buffer message;
    wire_init(&message);
    wire_text(&message, REQUEST_ID, id);
    wire_part(&message, kind, body);
    pthread_mutex_lock(&runner->lock);
    sent_request *request = fake_find_request(runner, id);
    if (request == NULL) {
        request = beamc_alloc_zero(1, sizeof *request);
        request->id = beamc_strdup(id);
        request->next = runner->requests;
        runner->requests = request;
    }
    served_call *control = await_control(runner);
    request->times++;
    request->at_us = beamc_clock_us();
    fake_note(runner, "request %s, kind %u", id, kind);
    fake_call_write(control->call, message.data, message.len);
    pthread_mutex_unlock(&runner->lock);
    beamc_byte_buffer_cleanup(&message);
}

void fake_send_control_bytes(fake_runner *runner, const void *bytes, size_t len) {
    pthread_mutex_lock(&runner->lock);
    served_call *control = await_control(runner);
    fake_note(runner, "%zu bytes on the control stream", len);
    fake_call_write(control->call, bytes, len);
    pthread_mutex_unlock(&runner->lock);
}

void fake_instruct_kind(fake_runner *runner, const char *id, unsigned kind) {
    beamc_byte_buffer body;
    wire_init(&body);
    fake_instruct(runner, id, kind, &body);
}

void fake_process_bundle(fake_runner *runner, const char *id, const char *descriptor_id) {
    beamc_byte_buffer body;
    beamc_byte_buffer token;
    wire_init(&body);
    wire_init(&token);
    wire_text(&body, BUNDLE_DESCRIPTOR, descriptor_id);
    wire_text(&token, 10, "cache_token_1"); /* FnApiRunner sends one; we pass it over */
    wire_part(&body, BUNDLE_CACHE_TOKENS, &token);
    fake_instruct(runner, id, REQUEST_PROCESS_BUNDLE, &body);
}

void fake_process_bundle_with(fake_runner *runner, const char *id, const char *descriptor_id,
                              beamc_byte_buffer *elements) {
    beamc_byte_buffer body;
    wire_init(&body);
    wire_text(&body, BUNDLE_DESCRIPTOR, descriptor_id);
    wire_part(&body, BUNDLE_ELEMENTS, elements);
    fake_instruct(runner, id, REQUEST_PROCESS_BUNDLE, &body);
}

static void instruct_about(fake_runner *runner, const char *id, unsigned kind, unsigned field, const char *bundle_id) {
    beamc_byte_buffer body;
    wire_init(&body);
    wire_text(&body, field, bundle_id);
    fake_instruct(runner, id, kind, &body);
}

void fake_progress(fake_runner *runner, const char *id, const char *bundle_id) {
    instruct_about(runner, id, REQUEST_PROGRESS, PROGRESS_BUNDLE, bundle_id);
}

/* As Prism asks: half of the remainder of the source. */
void fake_split(fake_runner *runner, const char *id, const char *bundle_id) {
    beamc_byte_buffer body;
    beamc_byte_buffer desired;
    wire_init(&body);
    wire_init(&desired);
    wire_text(&body, SPLIT_BUNDLE, bundle_id);
    wire_double(&desired, DESIRED_FRACTION, 0.5);
    wire_number(&desired, DESIRED_ELEMENTS, 10);
    wire_part_entry(&body, SPLIT_DESIRED, "source", &desired);
    fake_instruct(runner, id, REQUEST_SPLIT, &body);
}

void fake_finalize(fake_runner *runner, const char *id, const char *bundle_id) {
    instruct_about(runner, id, REQUEST_FINALIZE, FINALIZE_BUNDLE, bundle_id);
}

void fake_monitoring_infos(fake_runner *runner, const char *id, const char *const *short_ids) {
    beamc_byte_buffer body;
    wire_init(&body);
    for (size_t i = 0; short_ids[i] != NULL; i++)
        wire_text(&body, MONITORING_INFOS_IDS, short_ids[i]);
    fake_instruct(runner, id, REQUEST_MONITORING_INFOS, &body);
}

void fake_harness_monitoring_infos(fake_runner *runner, const char *id) {
    fake_instruct_kind(runner, id, REQUEST_HARNESS_MONITORING_INFOS);
}

void fake_sample_data(fake_runner *runner, const char *id) {
    fake_instruct_kind(runner, id, REQUEST_SAMPLE_DATA);
}

void fake_register(fake_runner *runner, const char *id, fake_pipeline *pipeline) {
    beamc_byte_buffer body;
    wire_init(&body);
    wire_bytes(&body, REGISTER_DESCRIPTOR, pipeline->bytes.data, pipeline->bytes.len);
    fake_pipeline_cleanup(pipeline);
    fake_instruct(runner, id, REQUEST_REGISTER, &body);
}

/* ---- responses ---- */

static got_response *find_response(const fake_runner *runner, const char *id) { /* under the lock */
    got_response *response = runner->responses;
    while (response != NULL && strcmp(response->message->instruction_id, id) != 0)
        response = response->next;
    return response;
}

const Beam__InstructionResponse *fake_await_response(fake_runner *runner, const char *id) {
    pthread_mutex_lock(&runner->lock);
    FAKE_AWAIT(runner, find_response(runner, id) != NULL, FAKE_WAIT_MS, "no response to %s", id);
    const Beam__InstructionResponse *message = find_response(runner, id)->message;
    pthread_mutex_unlock(&runner->lock);
    return message;
}

const Beam__InstructionResponse *fake_await_response_of(fake_runner *runner, const char *id,
                                                        Beam__InstructionResponse__ResponseCase kind) {
    const Beam__InstructionResponse *message = fake_await_response(runner, id);
    if (message->error[0] != '\0')
        fake_runner_fail(runner, "%s was answered with an error: %s", id, message->error);
    if (message->response_case != kind)
        fake_runner_fail(runner, "%s was answered with body %d, not %d", id, (int)message->response_case, (int)kind);
    return message;
}

const Beam__ProcessBundleResponse *fake_await_success(fake_runner *runner, const char *id) {
    const Beam__InstructionResponse *message =
        fake_await_response_of(runner, id, BEAM__INSTRUCTION_RESPONSE__RESPONSE_PROCESS_BUNDLE);
    return message->process_bundle;
}

void fake_await_error(fake_runner *runner, const char *id, const char *text) {
    const Beam__InstructionResponse *message = fake_await_response(runner, id);
    if (strstr(message->error, text) == NULL || message->error[0] == '\0')
        fake_runner_fail(runner, "the error of %s is \"%s\" and does not contain \"%s\"", id, message->error, text);
}

bool fake_has_response(fake_runner *runner, const char *id) {
    return fake_num_responses(runner, id) > 0;
}

static size_t count_responses(const fake_runner *runner, const char *id) { /* under the lock */
    size_t count = 0;
    for (const got_response *response = runner->responses; response != NULL; response = response->next)
        count += strcmp(response->message->instruction_id, id) == 0 ? 1 : 0;
    return count;
}

size_t fake_num_responses(fake_runner *runner, const char *id) {
    pthread_mutex_lock(&runner->lock);
    size_t count = count_responses(runner, id);
    pthread_mutex_unlock(&runner->lock);
    return count;
}

void fake_await_num_responses(fake_runner *runner, const char *id, size_t count) {
    pthread_mutex_lock(&runner->lock);
    FAKE_AWAIT(runner, count_responses(runner, id) >= count, FAKE_WAIT_MS, "not %zu responses to %s", count, id);
    pthread_mutex_unlock(&runner->lock);
}

double fake_response_ms(fake_runner *runner, const char *id) {
    (void)fake_await_response(runner, id);
    pthread_mutex_lock(&runner->lock);
    uint64_t us = find_response(runner, id)->at_us - fake_find_request(runner, id)->at_us;
    pthread_mutex_unlock(&runner->lock);
    return (double)us / 1000;
}

/* ---- metrics ---- */

static const char *label_of(const Beam__MonitoringInfo *info, const char *key) {
    for (size_t i = 0; i < info->n_labels; i++)
        if (strcmp(info->labels[i]->key, key) == 0)
            return info->labels[i]->value;
    return "";
}

static bool has_label_value(const Beam__MonitoringInfo *info, const char *value) {
    for (size_t i = 0; i < info->n_labels; i++)
        if (strcmp(info->labels[i]->value, value) == 0)
            return true;
    return value == NULL;
}

int64_t fake_counter(const Beam__ProcessBundleResponse *response, const char *name, const char *label) {
    for (size_t i = 0; i < response->n_monitoring_infos; i++) {
        const Beam__MonitoringInfo *info = response->monitoring_infos[i];
        if (strcmp(info->type, "beam:metrics:sum_int64:v1") != 0)
            continue;
        if (strcmp(label_of(info, "NAME"), name) != 0 && strcmp(info->urn, name) != 0)
            continue;
        if (label != NULL && !has_label_value(info, label))
            continue;
        uint64_t value = 0;
        for (size_t b = 0; b < info->payload.len; b++)
            value |= (uint64_t)(info->payload.data[b] & 0x7F) << (7 * b);
        return (int64_t)value;
    }
    return INT64_MIN;
}
