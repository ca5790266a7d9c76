/* A request of Tecton's Stream Ingest API: POST {"workspace_name", "dry_run", "records": {source: [{"record":
 * {...}}]}}.
 *
 * The keys are camelCase for paths that end in /v2/ingest. Source: Tecton's documentation of the API. */
#ifndef WORKER_STORES_TECTON_INGEST_REQUEST_H
#define WORKER_STORES_TECTON_INGEST_REQUEST_H

#include "sdk_harness/base/status.h"
#include "worker/config/secret.h"
#include "worker/config/sink_config.h"
#include "worker/records/record_batch.h"

enum { TECTON_INGEST_MAX_HEADERS = 4 };

/* All owned; the frames point into the heads. */
typedef struct {
    char *url;
    char *heads[2]; /* [0] as the configuration says, [1] of a dry run */
    tecton_request_frame frames[2];
    char *headers[TECTON_INGEST_MAX_HEADERS]; /* the first one holds the key */
    size_t num_headers;
} tecton_ingest_request;

/* tecton_ingest_request_init makes what all requests have in common. BEAMC_INVALID when a name is not UTF-8. Release
 * with tecton_ingest_request_cleanup, also after a failure. */
beamc_status tecton_ingest_request_init(tecton_ingest_request *request, const tecton_sink_config *config,
                                        const tecton_secret *key, beamc_error *err);
void tecton_ingest_request_cleanup(tecton_ingest_request *request); /* wipes; the zero state is safe */

#endif
