#include "sdk_harness/provision/provision_info.h"

#include "protos/provision_api.pb-c.h"
#include "sdk_harness/base/alloc.h"
#include "sdk_harness/rpc/unary_call.h"

#include <stdlib.h>

#define PROVISION_METHOD "/org.apache.beam.model.fn_execution.v1.ProvisionService/GetProvisionInfo"

enum { MAX_RESPONSE_BYTES = 64 * 1024 * 1024 };

static char *url_of(const Beam__ApiServiceDescriptor *endpoint) {
    return endpoint == NULL || endpoint->url[0] == '\0' ? NULL : beamc_strdup(endpoint->url);
}

beamc_status beamc_provision_get(beamc_completion_loop *loop, const char *provision_endpoint, const char *worker_id,
                                 unsigned timeout_ms, beamc_provision_info *out, beamc_error *err) {
    *out = (beamc_provision_info){0};
    beamc_byte_buffer response;
    beamc_byte_buffer_init(&response, MAX_RESPONSE_BYTES);
    beamc_channel *channel = beamc_channel_open(provision_endpoint, worker_id);
    /* GetProvisionInfoRequest has no fields: its encoding is empty. */
    beamc_status status =
        beamc_unary_call(loop, channel, PROVISION_METHOD, (const uint8_t *)"", 0, timeout_ms, &response, err);
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
