/* From the configuration to a destination: the key behind its reference, the store, the engine's destination; and again
 * when the key has changed.
 *
 * Of one DoFn instance; for its thread. Reading a reference may take up to 15 s (secret.h). */
#ifndef WORKER_SINK_CONNECTION_H
#define WORKER_SINK_CONNECTION_H

#include "sdk_harness/base/status.h"
#include "worker/config/secret.h"
#include "worker/config/sink_config.h"
#include "worker/delivery/delivery_engine.h"

#include <stdbool.h>
#include <stdint.h>

typedef struct {
    tecton_delivery_engine *engine;
    const tecton_sink_config *config; /* borrowed */
    tecton_secret key;
    tecton_secret_version version; /* of the key's file, when it is in one */
    tecton_destination *destination;
    uint64_t looked_ms; /* when the version was last looked at */
} tecton_sink_connection;

/* tecton_sink_connection_open: `config` must outlive it. Close it also after a failure. */
beamc_status tecton_sink_connection_open(tecton_sink_connection *connection, tecton_delivery_engine *engine,
                                         const tecton_sink_config *config, beamc_error *err);
void tecton_sink_connection_close(tecton_sink_connection *connection); /* wipes; the zero state is safe */

/* tecton_sink_connection_look: whether the key's file was replaced since it was read. Looks at most once a second. */
bool tecton_sink_connection_look(tecton_sink_connection *connection, uint64_t now_ms);

/* tecton_sink_connection_renew reads the reference again.
 * BEAMC_OK: the key is another one, and `destination` a new one; the old one's sessions go on. BEAMC_AGAIN: it is the
 * same key, or a literal, and nothing has changed. Otherwise what is wrong with the reference; nothing has changed. */
beamc_status tecton_sink_connection_renew(tecton_sink_connection *connection, beamc_error *err);

#endif
