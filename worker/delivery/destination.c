/* What requests of one sink instance have in common, the lane to its endpoint, and the route to its source. */
#include "sdk_harness/base/alloc.h"
#include "sdk_harness/base/fnv1a.h"
#include "sdk_harness/base/log.h"
#include "worker/delivery/delivery_internal.h"

#include <stdlib.h>
#include <string.h>

/* Finds or makes the lane to a URL. NULL when there are too many. With the engine's lock held. */
static tecton_lane *lane_to(tecton_delivery_engine *engine, const char *url,
                            const tecton_destination_options *options) {
    uint64_t cap = options->max_records_per_second;
    for (tecton_lane *lane = engine->lanes; lane != NULL; lane = lane->next) {
        if (strcmp(lane->url, url) != 0)
            continue;
        if (lane->max_in_flight != options->max_in_flight) {
            uint32_t least =
                lane->max_in_flight < options->max_in_flight ? lane->max_in_flight : options->max_in_flight;
            log_info("%s is used with max_in_flight %u and %u in one worker process; %u applies to both together", url,
                     lane->max_in_flight, options->max_in_flight, least);
            lane->max_in_flight = least;
        }
        if (lane->max_records_per_second != cap) {
            uint64_t least = cap == 0 || (lane->max_records_per_second != 0 && lane->max_records_per_second < cap)
                                 ? lane->max_records_per_second
                                 : cap;
            log_info("%s is used with max_records_per_second %llu and %llu in one worker process; %llu applies to both "
                     "together",
                     url, (unsigned long long)lane->max_records_per_second, (unsigned long long)cap,
                     (unsigned long long)least);
            lane->max_records_per_second = least;
        }
        return lane;
    }
    if (engine->num_lanes == TECTON_DELIVERY_MAX_LANES)
        return NULL;
    tecton_lane *lane = beamc_alloc_zero(1, sizeof *lane);
    lane->url = beamc_strdup(url);
    lane->max_in_flight = options->max_in_flight;
    lane->max_records_per_second = cap;
    tecton_delivery_gate_init(&lane->gate, options->max_in_flight);
    lane->next = engine->lanes;
    engine->lanes = lane;
    engine->num_lanes++;
    return lane;
}

/* Requests of destinations with the same identity may share a body, a fate and what was learned. The key is in it, as
 * part of a 64-bit sum that starts from a random number. */
static uint64_t identity_of(const tecton_delivery_engine *engine, const tecton_destination_options *options) {
    const char *const *headers = NULL;
    size_t num_headers = 0;
    const char *url = options->store->address(options->store, &headers, &num_headers);
    uint64_t sum = beamc_fnv1a(engine->identity_seed, url, strlen(url) + 1);
    for (size_t i = 0; i < num_headers; i++)
        sum = beamc_fnv1a(sum, headers[i], strlen(headers[i]) + 1);
    const tecton_request_frame *frame = options->store->encode(options->store, false);
    if (frame != NULL)
        sum = beamc_fnv1a(sum, frame->head, frame->head_len);
    const char *ca_file = options->ca_file == NULL ? "" : options->ca_file;
    const char *proxy = options->proxy == NULL ? "" : options->proxy;
    sum = beamc_fnv1a(sum, ca_file, strlen(ca_file) + 1);
    sum = beamc_fnv1a(sum, proxy, strlen(proxy) + 1);
    const uint64_t numbers[] = {options->timeout_ms,        options->retry.max_retries, options->retry.max_retry_ms,
                                options->max_batch_records, options->max_body_bytes,    options->linger_ms,
                                options->startup_grace_ms,  options->isolates};
    return beamc_fnv1a(sum, numbers, sizeof numbers);
}

/* Takes the route that was not used for longest out of the list, if no destination uses it. With the engine's lock
 * held. */
static tecton_route *evict_route(tecton_delivery_engine *engine) {
    tecton_route **oldest = NULL;
    for (tecton_route **at = &engine->routes; *at != NULL; at = &(*at)->next) {
        if ((*at)->num_destinations == 0 && (oldest == NULL || (*at)->last_used < (*oldest)->last_used))
            oldest = at;
    }
    if (oldest == NULL)
        return NULL;
    tecton_route *route = *oldest;
    *oldest = route->next;
    engine->num_routes--;
    return route;
}

/* With the engine's lock held. */
static tecton_route *route_of(tecton_delivery_engine *engine, uint64_t identity, uint64_t startup_grace_ms) {
    tecton_route *route = engine->routes;
    while (route != NULL && route->identity != identity)
        route = route->next;
    if (route == NULL) {
        if (engine->num_routes == TECTON_DELIVERY_MAX_ROUTES) {
            tecton_route *evicted = evict_route(engine);
            if (evicted == NULL)
                return NULL;
            free(evicted);
        }
        route = beamc_alloc_zero(1, sizeof *route);
        route->identity = identity;
        tecton_fatal_verdicts_init(&route->verdicts, startup_grace_ms);
        route->next = engine->routes;
        engine->routes = route;
        engine->num_routes++;
    }
    route->num_destinations++;
    route->last_used = ++engine->num_route_uses;
    return route;
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
    tecton_lane *lane = lane_to(engine, url, options);
    tecton_route *route =
        lane == NULL ? NULL : route_of(engine, identity_of(engine, options), options->startup_grace_ms);
    pthread_mutex_unlock(&engine->lock);
    if (route == NULL) {
        tecton_http_target_release(target);
        return lane == NULL ? beamc_fail(err, BEAMC_LIMIT, "one worker process sends to at most %d different endpoints",
                                         TECTON_DELIVERY_MAX_LANES)
                            : beamc_fail(err, BEAMC_LIMIT,
                                         "one worker process writes to at most %d different sources at one time",
                                         TECTON_DELIVERY_MAX_ROUTES);
    }
    tecton_destination *made = beamc_alloc_zero(1, sizeof *made);
    atomic_init(&made->references, 1);
    tecton_engine_retain(engine);
    made->engine = engine;
    made->lane = lane;
    made->route = route;
    made->store = options->store;
    made->target = target;
    made->retry = options->retry;
    made->max_batch_records =
        options->max_batch_records < TECTON_MAX_BATCH_RECORDS ? options->max_batch_records : TECTON_MAX_BATCH_RECORDS;
    made->max_body_bytes = options->max_body_bytes;
    made->linger_ms = options->linger_ms;
    made->isolates = options->isolates;
    *destination = made;
    return BEAMC_OK;
}

const tecton_feature_store *tecton_destination_store(const tecton_destination *destination) {
    return destination->store;
}

bool tecton_destination_passed_preflight(const tecton_destination *destination) {
    return atomic_load_explicit(&destination->route->passed_preflight, memory_order_relaxed);
}

void tecton_destination_pass_preflight(tecton_destination *destination) {
    atomic_store_explicit(&destination->route->passed_preflight, true, memory_order_relaxed);
}

void tecton_destination_count_rows(tecton_destination *destination, uint64_t num_rows, uint64_t num_dead,
                                   uint64_t *all_rows, uint64_t *all_dead) {
    tecton_route *route = destination->route;
    *all_rows = atomic_fetch_add_explicit(&route->num_rows, num_rows, memory_order_relaxed) + num_rows;
    *all_dead = atomic_fetch_add_explicit(&route->num_dead, num_dead, memory_order_relaxed) + num_dead;
}

void tecton_destination_free(tecton_destination *destination) {
    tecton_delivery_engine *engine = destination->engine;
    pthread_mutex_lock(&engine->lock);
    destination->route->num_destinations--;
    pthread_mutex_unlock(&engine->lock);
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
