/* ExpansionService and ArtifactRetrievalService for a table of transforms. */
#ifndef SDK_HARNESS_EXPANSION_EXPANSION_SERVICE_H
#define SDK_HARNESS_EXPANSION_EXPANSION_SERVICE_H

#include "sdk_harness/expansion/environment.h"
#include "sdk_harness/expansion/external_transform.h"
#include "sdk_harness/rpc/rpc_server.h"

typedef struct {
    const beamc_external_transform *transforms;
    size_t num_transforms;
    beamc_environment_defaults environment;
} beamc_expansion_service;

/* beamc_expansion_methods fills the methods for beamc_rpc_server_start; `service` is borrowed by them and its
 * environment may be set until the first request. */
enum { BEAMC_EXPANSION_METHODS = 4 };
void beamc_expansion_methods(beamc_expansion_service *service, beamc_rpc_method methods[BEAMC_EXPANSION_METHODS]);

/* beamc_expand answers one serialised ExpansionRequest; a user's error stands in the response. Exposed for tests. */
beamc_status beamc_expand(beamc_expansion_service *service, const uint8_t *request, size_t len,
                          beamc_byte_buffer *response, beamc_error *err);

#endif
