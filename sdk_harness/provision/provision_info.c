#include "sdk_harness/provision/provision_info.h"

#include "protos/provision_api.pb-c.h"
#include "sdk_harness/base/alloc.h"
#include "sdk_harness/base/byte_buffer.h"
#include "sdk_harness/rpc/unary_call.h"

#include <poll.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#define PROVISION_METHOD         "/org.apache.beam.model.fn_execution.v1.ProvisionService/GetProvisionInfo"

#define CAPABILITY_EMBEDS_OUTPUT "beam:protocol:control_response_elements_embedding:v1"

enum { MAX_RESPONSE_BYTES = 64 * 1024 * 1024 };

static char *url_of(const Beam__ApiServiceDescriptor *endpoint) {
    return endpoint == NULL || endpoint->url[0] == '\0' ? NULL : beamc_strdup(endpoint->url);
}

static bool has_capability(const Beam__ProvisionInfo *info, const char *urn) {
    for (size_t i = 0; i < info->n_runner_capabilities; i++)
        if (strcmp(info->runner_capabilities[i], urn) == 0)
            return true;
    return false;
}

/* One call, and the thread that waits for it or for a reason to give it up. */
typedef struct {
    pthread_mutex_t lock;
    bool finished; /* under lock */
    int event;     /* readable once finished */
    beamc_status status;
    beamc_byte_buffer *response;
    beamc_error *err;
} waiting;

static void answered(void *context, const uint8_t *response, size_t len, const char *error) {
    waiting *wait = context;
    pthread_mutex_lock(&wait->lock);
    if (error != NULL)
        wait->status = beamc_fail(wait->err, BEAMC_UNAVAILABLE, "%s", error);
    else if (!beamc_byte_buffer_append(wait->response, response, len))
        wait->status = beamc_fail(wait->err, BEAMC_LIMIT, "a response of %zu bytes passes the limit", len);
    wait->finished = true;
    (void)eventfd_write(wait->event, 1);
    pthread_mutex_unlock(&wait->lock);
}

static beamc_status call_or_give_up(beamc_completion_loop *loop, beamc_channel *channel, unsigned timeout_ms,
                                    int interrupt, beamc_byte_buffer *response, beamc_error *err) {
    waiting wait = {.lock = PTHREAD_MUTEX_INITIALIZER,
                    .event = eventfd(0, EFD_CLOEXEC),
                    .status = BEAMC_OK,
                    .response = response,
                    .err = err};
    if (wait.event < 0)
        return beamc_fail(err, BEAMC_UNAVAILABLE, "the process has no file descriptor left");
    /* GetProvisionInfoRequest has no fields: its encoding is empty. */
    beamc_unary *call =
        beamc_unary_start(loop, channel, PROVISION_METHOD, (const uint8_t *)"", 0, timeout_ms, answered, &wait);
    struct pollfd waits[2] = {{.fd = wait.event, .events = POLLIN}, {.fd = interrupt, .events = POLLIN}};
    while (poll(waits, 2, -1) < 0) { /* bounded by the call's own deadline */
    }
    pthread_mutex_lock(&wait.lock);
    bool given_up = !wait.finished;
    if (given_up)
        beamc_unary_cancel(call);
    pthread_mutex_unlock(&wait.lock);
    eventfd_t ignored = 0;
    while (eventfd_read(wait.event, &ignored) != 0) { /* a cancelled call ends soon */
    }
    pthread_mutex_lock(&wait.lock); /* until the answerer has let go of it */
    pthread_mutex_unlock(&wait.lock);
    pthread_mutex_destroy(&wait.lock);
    close(wait.event);
    return given_up ? BEAMC_AGAIN : wait.status;
}

beamc_status beamc_provision_get(beamc_completion_loop *loop, const char *provision_endpoint, const char *worker_id,
                                 unsigned timeout_ms, int interrupt, beamc_provision_info *out, beamc_error *err) {
    *out = (beamc_provision_info){0};
    beamc_byte_buffer response;
    beamc_byte_buffer_init(&response, MAX_RESPONSE_BYTES);
    beamc_channel *channel = beamc_channel_open(provision_endpoint, worker_id);
    beamc_status status = call_or_give_up(loop, channel, timeout_ms, interrupt, &response, err);
    beamc_channel_close(channel);
    if (status == BEAMC_OK) {
        Beam__GetProvisionInfoResponse *info =
            beam__get_provision_info_response__unpack(NULL, response.len, response.data);
        if (info == NULL || info->info == NULL) {
            status = beamc_fail(err, BEAMC_INVALID, "the provision service at %s sent no provision info",
                                provision_endpoint);
        } else {
            out->control_endpoint = url_of(info->info->control_endpoint);
            out->logging_endpoint = url_of(info->info->logging_endpoint);
            out->status_endpoint = url_of(info->info->status_endpoint);
            out->embeds_output = has_capability(info->info, CAPABILITY_EMBEDS_OUTPUT);
        }
        if (info != NULL)
            beam__get_provision_info_response__free_unpacked(info, NULL);
    }
    beamc_byte_buffer_cleanup(&response);
    return status;
}

void beamc_provision_cleanup(beamc_provision_info *info) {
    free(info->control_endpoint);
    free(info->logging_endpoint);
    free(info->status_endpoint);
    *info = (beamc_provision_info){0};
}
