/* preflight=full: one dry-run request with the first row, before anything is written. */
#ifndef WORKER_SINK_PREFLIGHT_H
#define WORKER_SINK_PREFLIGHT_H

#include "worker/sink_batch.h"
#include "worker/stores/feature_store.h"

/* tecton_preflight_request makes the dry-run request of one encoded record; free with tecton_sink_batch_free. NULL when
 * the record is too big for any request. */
tecton_sink_batch *tecton_preflight_request(const tecton_feature_store *store, const beamc_byte_buffer *record,
                                            const tecton_batch_limits *limits);

/* tecton_preflight_judge: BEAMC_OK when the source may be written to, also when only the record is at fault. Otherwise
 * the text names the setting at fault, or says that the service did not answer. */
beamc_status tecton_preflight_judge(const tecton_delivery_request *request, const char *name, beamc_error *err);

#endif
