/* Tecton as a feature store. */
#ifndef WORKER_STORES_TECTON_TECTON_STORE_H
#define WORKER_STORES_TECTON_TECTON_STORE_H

#include "sdk_harness/base/status.h"
#include "worker/config/secret.h"
#include "worker/config/sink_config.h"
#include "worker/stores/feature_store.h"

/* tecton_store_new copies what it needs of `config` and `key`. Free with its own free function. */
beamc_status tecton_store_new(const tecton_sink_config *config, const tecton_secret *key, tecton_feature_store **store,
                              beamc_error *err);

#endif
