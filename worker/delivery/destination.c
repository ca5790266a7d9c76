/* What requests of one sink instance have in common, and the lane to its endpoint. */
#include "sdk_harness/base/alloc.h"
#include "sdk_harness/base/log.h"
#include "worker/delivery/delivery_internal.h"

#include <stdlib.h>
#include <string.h>

/* Finds or makes the lane to `url`. NULL when there are too many. With the engine's lock held. */
static tecton_lane *lane_to(tecton_delivery_engine *engine, const char *url, uint32_t max_in_flight) {
    for (tecton_lane *lane = engine->lanes; lane != NULL; lane = lane->next) {
        if (strcmp(lane->url, url) != 0)
            continue;
        if (lane->max_in_flight != max_in_flight) {
            uint32_t least = lane->max_in_flight < max_in_flight ? lane->max_in_flight : max_in_flight;
            log_info("%s is used with max_in_flight %u and %u in one worker process; %u applies to both together", url,
                     lane->max_in_flight, max_in_flight, least);
            lane->max_in_flight = least;
        }
        return lane;
    }
    if (engine->num_lanes == TECTON_DELIVERY_MAX_LANES)
        return NULL;
    tecton_lane *lane = beamc_alloc_zero(1, sizeof *lane);
    lane->url = beamc_strdup(url);
    lane->max_in_flight = max_in_flight;
    lane->next = engine->lanes;
    engine->lanes = lane;
    engine->num_lanes++;
    return lane;
}

beamc_status tecton_destination_new(tecton_delivery_engine *engine, const tecton_destination_options *options,
                                    tecton_destination **destination, beamc_error *err) {
    const char *const *headers = NULL;
    size_t num_headers = 0;
    const char *url = options->store->address(options->store, &headers, &num_headers);
    tecton_http_target_options target_options = {.method = TECTON_HTTP_POST,
                                                 .url = url,
                                                 .headers = headers,
                                                 .num_headers = num_headers,
                                                 .timeout_ms = options->timeout_ms,
                                                 .ca_file = options->ca_file,
                                                 .proxy = options->proxy};
    tecton_http_target *target = NULL;
    BEAMC_TRY(tecton_http_target_new(&target_options, &target, err));
    pthread_mutex_lock(&engine->lock);
    tecton_lane *lane = lane_to(engine, url, options->max_in_flight);
    pthread_mutex_unlock(&engine->lock);
    if (lane == NULL) {
        tecton_http_target_release(target);
        return beamc_fail(err, BEAMC_LIMIT, "one worker process sends to at most %d different endpoints",
                          TECTON_DELIVERY_MAX_LANES);
    }
    tecton_destination *made = beamc_alloc_zero(1, sizeof *made);
    atomic_init(&made->references, 1);
    tecton_engine_retain(engine);
    made->engine = engine;
    made->lane = lane;
    made->store = options->store;
    made->target = target;
    made->retry = options->retry;
    *destination = made;
    return BEAMC_OK;
}

const tecton_feature_store *tecton_destination_store(const tecton_destination *destination) {
    return destination->store;
}

void tecton_destination_free(tecton_destination *destination) {
    tecton_delivery_engine *engine = destination->engine;
    tecton_http_target_release(destination->target);
    destination->store->free(destination->store);
    free(destination);
    tecton_engine_release(engine);
}

void tecton_destination_release(tecton_destination *destination) {
    if (destination == NULL || atomic_fetch_sub_explicit(&destination->references, 1, memory_order_acq_rel) != 1)
        return;
    /* Idle slots of the HTTP client still hold its headers: its thread lets go of them. */
    tecton_delivery_engine *engine = destination->engine;
    pthread_mutex_lock(&engine->lock);
    bool stopping = engine->stopping;
    if (!stopping) {
        destination->next = engine->dead;
        engine->dead = destination;
        tecton_engine_nudge(engine);
    }
    pthread_mutex_unlock(&engine->lock);
    if (stopping)
        tecton_destination_free(destination);
}
