#include "worker/delivery/delivery_request.h"

#include "sdk_harness/base/alloc.h"

#include <assert.h>
#include <stdlib.h>

void tecton_delivery_request_reset(tecton_delivery_request *request) {
    tecton_delivery_outcome *outcome = &request->outcome;
    for (uint32_t i = 0; i < outcome->num_results; i++)
        free(outcome->results[i].text);
    if (outcome->results != &outcome->own_result)
        free(outcome->results);
    *outcome = (tecton_delivery_outcome){0};
    request->state = TECTON_REQUEST_SENDER;
    request->is_preflight = false;
    request->next = NULL;
}

const tecton_delivery_result *tecton_delivery_request_failure(const tecton_delivery_request *request) {
    for (uint32_t i = 0; i < request->outcome.num_results; i++) {
        if (request->outcome.results[i].verdict != TECTON_VERDICT_STORED)
            return &request->outcome.results[i];
    }
    return NULL;
}

void tecton_delivery_request_add_result(tecton_delivery_request *request, const tecton_delivery_result *result) {
    tecton_delivery_outcome *outcome = &request->outcome;
    assert(outcome->num_results < request->num_records);
    if (outcome->num_results == 0) {
        outcome->results = &outcome->own_result;
    } else if (outcome->results == &outcome->own_result) {
        outcome->results = beamc_alloc_zero(request->num_records, sizeof *outcome->results);
        outcome->results[0] = outcome->own_result;
    }
    outcome->results[outcome->num_results++] = *result;
    if (result->verdict == TECTON_VERDICT_STORED)
        outcome->num_stored += result->num_records;
}
