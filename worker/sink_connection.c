#include "worker/sink_connection.h"

#include "worker/records/record_batch.h"
#include "worker/stores/tecton/tecton_store.h"

#include <string.h>

enum { LOOK_EVERY_MS = 1000 };

static beamc_status connect_with(const tecton_sink_connection *connection, const tecton_secret *key,
                                 tecton_destination **destination, beamc_error *err) {
    const tecton_sink_config *config = connection->config;
    tecton_feature_store *store = NULL;
    BEAMC_TRY(tecton_store_new(config, key, &store, err));
    double timeout_ms = config->timeout * 1000.0;
    tecton_destination_options options = {
        .store = store,
        .timeout_ms = timeout_ms < 1.0 ? 1 : (uint32_t)timeout_ms,
        .ca_file = config->ca_file,
        .proxy = config->proxy,
        .max_in_flight = (uint32_t)config->max_in_flight,
        .max_records_per_second = (uint64_t)config->max_records_per_second,
        .retry = {.max_retries = (uint32_t)config->max_retries,
                  .max_retry_ms = (uint64_t)config->max_retry_seconds * 1000},
        .max_batch_records = (uint32_t)config->batch_size,
        .max_body_bytes = TECTON_MAX_BODY_BYTES,
        .linger_ms = (uint64_t)config->linger_ms,
        .startup_grace_ms = (uint64_t)config->startup_grace_seconds * 1000,
        .isolates = config->error_output != NULL,
    };
    beamc_status status = tecton_destination_new(connection->engine, &options, destination, err);
    if (status != BEAMC_OK)
        store->free(store);
    return status;
}

beamc_status tecton_sink_connection_open(tecton_sink_connection *connection, tecton_delivery_engine *engine,
                                         const tecton_sink_config *config, beamc_error *err) {
    *connection = (tecton_sink_connection){.engine = engine, .config = config};
    connection->version = tecton_secret_version_of(config->api_key); /* before: a later change is then seen */
    BEAMC_TRY(tecton_secret_resolve(config->api_key, &connection->key, err));
    return connect_with(connection, &connection->key, &connection->destination, err);
}

void tecton_sink_connection_close(tecton_sink_connection *connection) {
    tecton_destination_release(connection->destination);
    tecton_secret_release(&connection->key);
    *connection = (tecton_sink_connection){0};
}

bool tecton_sink_connection_look(tecton_sink_connection *connection, uint64_t now_ms) {
    if (!connection->version.is_file || now_ms - connection->looked_ms < LOOK_EVERY_MS)
        return false;
    connection->looked_ms = now_ms;
    tecton_secret_version version = tecton_secret_version_of(connection->config->api_key);
    return !tecton_secret_version_equal(&version, &connection->version);
}

beamc_status tecton_sink_connection_renew(tecton_sink_connection *connection, beamc_error *err) {
    const char *reference = connection->config->api_key;
    if (!tecton_secret_is_reference(reference))
        return BEAMC_AGAIN;
    tecton_secret_version version = tecton_secret_version_of(reference);
    tecton_secret key;
    BEAMC_TRY(tecton_secret_resolve(reference, &key, err));
    connection->version = version;
    tecton_destination *destination = NULL;
    beamc_status status = BEAMC_AGAIN;
    if (key.len != connection->key.len || memcmp(key.value, connection->key.value, key.len) != 0)
        status = connect_with(connection, &key, &destination, err);
    if (status != BEAMC_OK) {
        tecton_secret_release(&key);
        return status;
    }
    tecton_destination_release(connection->destination);
    tecton_secret_release(&connection->key);
    connection->destination = destination;
    connection->key = key;
    return BEAMC_OK;
}
