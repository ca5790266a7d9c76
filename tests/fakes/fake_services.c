/* What the fake runner does with the calls of the worker. Runs on the servers' threads. */
#include "protos/elements.pb-c.h"
#include "sdk_harness/base/alloc.h"
#include "sdk_harness/base/clock.h"
#include "tests/fakes/fake_runner_internal.h"
#include "tests/fakes/wire_message.h"

#include <stdlib.h>
#include <string.h>

#define FN_EXECUTION "/org.apache.beam.model.fn_execution.v1."

static const struct {
    const char *method;
    call_kind kind;
} methods[] = {
    {FN_EXECUTION "BeamFnControl/Control", CALL_CONTROL},
    {FN_EXECUTION "BeamFnControl/GetProcessBundleDescriptor", CALL_DESCRIPTOR},
    {FN_EXECUTION "BeamFnData/Data", CALL_DATA},
    {FN_EXECUTION "BeamFnLogging/Logging", CALL_LOGGING},
    {FN_EXECUTION "BeamFnWorkerStatus/WorkerStatus", CALL_STATUS},
    {FN_EXECUTION "ProvisionService/GetProvisionInfo", CALL_PROVISION},
};

static const char *const kind_names[] = {"control", "data", "logging", "status", "descriptor", "provision", "unknown"};

static call_kind kind_of(const char *method) {
    for (size_t i = 0; i < sizeof methods / sizeof methods[0]; i++)
        if (strcmp(method, methods[i].method) == 0)
            return methods[i].kind;
    return CALL_UNKNOWN;
}

static served_call *find_call(fake_runner *runner, const fake_call *call) {
    served_call *served = runner->calls;
    while (served != NULL && served->call != call)
        served = served->next;
    return served;
}

static void check_metadata(fake_runner *runner, const fake_call *call, call_kind kind) {
    size_t num_values = 0;
    const char *worker_id = fake_call_worker_id(call, &num_values);
    if (num_values != 1 || strcmp(worker_id, runner->worker_id) != 0)
        fake_violation(runner, "a %s call carries %zu worker_id, the first is %s", kind_names[kind], num_values,
                       num_values == 0 ? "absent" : worker_id);
}

/* Runners feed all data streams of a worker from one queue: a second one would steal. */
static void check_only_one(fake_runner *runner, const fake_call *call, call_kind kind) {
    const fake_server *server = kind == CALL_DATA ? fake_call_server(call) : NULL;
    if ((kind == CALL_DATA || kind == CALL_CONTROL) && fake_open_stream(runner, kind, server) != NULL)
        fake_violation(runner, "a second %s stream was opened beside an open one", kind_names[kind]);
}

static void call_arrived(void *context, fake_call *call) {
    fake_runner *runner = context;
    pthread_mutex_lock(&runner->lock);
    call_kind kind = kind_of(fake_call_method(call));
    fake_note(runner, "%s call arrived: %s", kind_names[kind], fake_call_method(call));
    check_metadata(runner, call, kind);
    check_only_one(runner, call, kind);
    served_call *served = beamc_alloc_zero(1, sizeof *served);
    served->call = call;
    served->kind = kind;
    served->next = runner->calls;
    runner->calls = served;
    if (kind == CALL_UNKNOWN) {
        fake_violation(runner, "the worker called %s", fake_call_method(call));
        fake_call_finish(call, FAKE_STATUS_UNIMPLEMENTED, "no such method");
    }
    fake_call_hold_reading(call,
                           (kind == CALL_DATA && runner->output_held) || (kind == CALL_LOGGING && runner->logs_held));
    pthread_cond_broadcast(&runner->changed);
    pthread_mutex_unlock(&runner->lock);
}

/* ---- provision and descriptors ---- */

static void append_endpoint(beamc_byte_buffer *info, unsigned field, const char *url) {
    beamc_byte_buffer endpoint;
    wire_init(&endpoint);
    wire_text(&endpoint, 1, url);
    wire_part(info, field, &endpoint);
}

static void answer(served_call *served, const uint8_t *bytes, size_t len) {
    served->answered = true;
    fake_call_write(served->call, bytes, len);
    fake_call_finish(served->call, FAKE_STATUS_OK, "");
}

static void refuse(served_call *served, int status, const char *text) {
    served->answered = true;
    fake_call_finish(served->call, status, text);
}

void fake_answer_provision(fake_runner *runner, served_call *served) {
    enum {
        RESPONSE_INFO = 1,
        INFO_STATUS = 7,
        INFO_LOGGING = 8,
        INFO_ARTIFACT = 9,
        INFO_CONTROL = 10,
        INFO_CAPABILITIES = 12
    };
    beamc_byte_buffer info;
    beamc_byte_buffer response;
    if (runner->provision_error != NULL) {
        refuse(served, FAKE_STATUS_INTERNAL, runner->provision_error);
        return;
    }
    wire_init(&info);
    wire_init(&response);
    if (!runner->provision_without_logging)
        append_endpoint(&info, INFO_LOGGING, fake_server_url(runner->logging_server));
    if (runner->provision_status)
        append_endpoint(&info, INFO_STATUS, fake_server_url(runner->control_server));
    append_endpoint(&info, INFO_ARTIFACT, fake_server_url(runner->control_server));
    if (!runner->provision_without_control)
        append_endpoint(&info, INFO_CONTROL, fake_server_url(runner->control_server));
    wire_text(&info, INFO_CAPABILITIES, "beam:protocol:monitoring_info_short_ids:v1");
    if (runner->provision_capability != NULL)
        wire_text(&info, INFO_CAPABILITIES, runner->provision_capability);
    wire_part(&response, RESPONSE_INFO, &info);
    answer(served, response.data, response.len);
    beamc_byte_buffer_cleanup(&response);
}

void fake_answer_lookup(fake_runner *runner, served_call *served) {
    const offered *offer = runner->offers;
    while (offer != NULL && strcmp(offer->id, served->argument) != 0)
        offer = offer->next;
    if (runner->descriptor_failures > 0) {
        runner->descriptor_failures--;
        refuse(served, FAKE_STATUS_INTERNAL, runner->descriptor_error);
    } else if (offer == NULL) {
        refuse(served, FAKE_STATUS_NOT_FOUND, "no such descriptor");
    } else {
        answer(served, offer->bytes, offer->len);
    }
}

static void lookup_received(fake_runner *runner, served_call *served, const uint8_t *bytes, size_t len) {
    Beam__GetProcessBundleDescriptorRequest *request =
        beam__get_process_bundle_descriptor_request__unpack(NULL, len, bytes);
    served->argument = beamc_strdup(request == NULL ? "" : request->process_bundle_descriptor_id);
    served->asked = true;
    if (request != NULL)
        beam__get_process_bundle_descriptor_request__free_unpacked(request, NULL);
    fake_note(runner, "look-up of descriptor %s", served->argument);
    if (!runner->descriptors_held)
        fake_answer_lookup(runner, served);
}

/* ---- streams ---- */

static void response_received(fake_runner *runner, const uint8_t *bytes, size_t len) {
    Beam__InstructionResponse *message = beam__instruction_response__unpack(NULL, len, bytes);
    if (message == NULL) {
        fake_violation(runner, "a response of %zu bytes cannot be parsed", len);
        return;
    }
    fake_note(runner, "response to %s: %s%.150s", message->instruction_id,
              message->error[0] == '\0' ? "no error" : "error: ", message->error);
    sent_request *request = fake_find_request(runner, message->instruction_id);
    if (request == NULL)
        fake_violation(runner, "a response to \"%s\", which was not asked", message->instruction_id);
    else if (++request->num_responses > request->times)
        fake_violation(runner, "%u responses to %u requests %s", request->num_responses, request->times, request->id);
    if (message->error[0] == '\0' && message->response_case == BEAM__INSTRUCTION_RESPONSE__RESPONSE__NOT_SET)
        fake_violation(runner, "the response to %s has neither an error nor a body", message->instruction_id);
    got_response *response = beamc_alloc_zero(1, sizeof *response);
    response->message = message;
    response->at_us = beamc_clock_us();
    *runner->last_response = response;
    runner->last_response = &response->next;
}

static void part_received(fake_runner *runner, const Beam__Elements__Data *part) {
    got_output *got = fake_find_output(runner, part->instruction_id, part->transform_id, true);
    fake_note(runner, "data for bundle %s, node %s: %zu bytes%s", part->instruction_id, part->transform_id,
              part->data.len, part->is_last ? ", last" : "");
    if (fake_find_request(runner, part->instruction_id) == NULL)
        fake_violation(runner, "output of bundle \"%s\", which was not asked for", part->instruction_id);
    if (part->is_last && part->data.len > 0) /* Python drops such data */
        fake_violation(runner, "%zu bytes stand beside is_last of bundle %s, node %s", part->data.len,
                       part->instruction_id, part->transform_id);
    if (got->output.num_last > 0)
        fake_violation(runner, "bundle %s, node %s: something follows is_last", part->instruction_id,
                       part->transform_id);
    got->output.num_last += part->is_last ? 1 : 0;
    got->output.num_parts += part->data.len > 0 ? 1 : 0;
    (void)beamc_byte_buffer_append(&got->output.bytes, part->data.data, part->data.len);
}

static void elements_received(fake_runner *runner, const uint8_t *bytes, size_t len) {
    Beam__Elements *elements = beam__elements__unpack(NULL, len, bytes);
    if (elements == NULL) {
        fake_violation(runner, "an Elements message of %zu bytes cannot be parsed", len);
        return;
    }
    for (size_t i = 0; i < elements->n_data; i++)
        part_received(runner, elements->data[i]);
    if (elements->n_timers > 0)
        fake_violation(runner, "the worker sent timers");
    beam__elements__free_unpacked(elements, NULL);
}

static void logs_received(fake_runner *runner, const uint8_t *bytes, size_t len) {
    Beam__LogEntry__List *list =
        (Beam__LogEntry__List *)protobuf_c_message_unpack(&beam__log_entry__list__descriptor, NULL, len, bytes);
    if (list == NULL) {
        fake_violation(runner, "a log message of %zu bytes cannot be parsed", len);
        return;
    }
    for (size_t i = 0; i < list->n_log_entries; i++)
        fake_note(runner, "log, severity %d: %.180s", (int)list->log_entries[i]->severity,
                  list->log_entries[i]->message);
    got_log *log = beamc_alloc_zero(1, sizeof *log);
    log->list = list;
    *runner->last_log = log;
    runner->last_log = &log->next;
}

static void status_received(fake_runner *runner, const uint8_t *bytes, size_t len) {
    if (runner->status != NULL)
        beam__worker_status_response__free_unpacked(runner->status, NULL);
    runner->status = beam__worker_status_response__unpack(NULL, len, bytes);
    if (runner->status == NULL)
        fake_violation(runner, "a status response of %zu bytes cannot be parsed", len);
}

static void message_received(void *context, fake_call *call, const uint8_t *bytes, size_t len) {
    fake_runner *runner = context;
    pthread_mutex_lock(&runner->lock);
    served_call *served = find_call(runner, call);
    switch (served->kind) {
    case CALL_CONTROL:
        response_received(runner, bytes, len);
        break;
    case CALL_DATA:
        elements_received(runner, bytes, len);
        break;
    case CALL_LOGGING:
        logs_received(runner, bytes, len);
        break;
    case CALL_STATUS:
        status_received(runner, bytes, len);
        break;
    case CALL_DESCRIPTOR:
        lookup_received(runner, served, bytes, len);
        break;
    case CALL_PROVISION:
        served->asked = true;
        if (!runner->provision_held)
            fake_answer_provision(runner, served);
        break;
    case CALL_UNKNOWN:
        break;
    }
    pthread_cond_broadcast(&runner->changed);
    pthread_mutex_unlock(&runner->lock);
}

static void half_closed(void *context, fake_call *call) {
    fake_runner *runner = context;
    pthread_mutex_lock(&runner->lock);
    served_call *served = find_call(runner, call);
    served->half_closed = true;
    bool stream = served->kind == CALL_CONTROL || served->kind == CALL_DATA || served->kind == CALL_LOGGING ||
                  served->kind == CALL_STATUS;
    if (stream) {
        fake_note(runner, "the worker has ended its side of the %s stream", kind_names[served->kind]);
        if (!runner->leave_open)
            fake_call_finish(call, FAKE_STATUS_OK, "");
    }
    pthread_cond_broadcast(&runner->changed);
    pthread_mutex_unlock(&runner->lock);
}

static void call_ended(void *context, fake_call *call, bool cancelled) {
    fake_runner *runner = context;
    pthread_mutex_lock(&runner->lock);
    served_call *served = find_call(runner, call);
    served->ended = true;
    served->cancelled = cancelled;
    fake_note(runner, "%s call is over%s", kind_names[served->kind], cancelled ? ", cancelled" : "");
    pthread_cond_broadcast(&runner->changed);
    pthread_mutex_unlock(&runner->lock);
}

const fake_server_events fake_runner_events = {
    .arrived = call_arrived, .message = message_received, .half_closed = half_closed, .ended = call_ended};
