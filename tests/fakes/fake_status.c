/* The fake runner's side of the status stream. */
#include "sdk_harness/base/alloc.h"
#include "sdk_harness/base/clock.h"
#include "tests/fakes/fake_runner_internal.h"
#include "tests/fakes/wire_message.h"

#include <string.h>

void fake_provision_with_status(fake_runner *runner) {
    pthread_mutex_lock(&runner->lock);
    runner->provision_status = true;
    pthread_mutex_unlock(&runner->lock);
}

char *fake_ask_status(fake_runner *runner, const char *id) {
    beamc_byte_buffer request;
    wire_init(&request);
    wire_text(&request, 1, id);
    pthread_mutex_lock(&runner->lock);
    FAKE_AWAIT(runner, fake_open_stream(runner, CALL_STATUS, NULL) != NULL, FAKE_WAIT_MS,
               "the worker has no status stream open");
    fake_call_write(fake_open_stream(runner, CALL_STATUS, NULL)->call, request.data, request.len);
    FAKE_AWAIT(runner, runner->status != NULL && strcmp(runner->status->id, id) == 0, FAKE_WAIT_MS,
               "no status under %s", id);
    char *text = beamc_strdup(runner->status->status_info);
    pthread_mutex_unlock(&runner->lock);
    beamc_byte_buffer_cleanup(&request);
    return text;
}
