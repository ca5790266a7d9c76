#include "worker/sink_preflight.h"

tecton_sink_batch *tecton_preflight_request(const tecton_feature_store *store, const beamc_byte_buffer *record,
                                            const tecton_batch_limits *limits) {
    tecton_sink_batch *batch = tecton_sink_batch_new(store->encode(store, true), limits);
    if (tecton_record_batch_add(&batch->records, record->data, record->len, 0) != TECTON_BATCH_ADDED) {
        tecton_sink_batch_free(batch);
        return NULL;
    }
    tecton_sink_batch_close(batch);
    batch->request.is_preflight = true;
    return batch;
}

beamc_status tecton_preflight_judge(const tecton_delivery_request *request, const char *name, beamc_error *err) {
    const tecton_delivery_result *failure = tecton_delivery_request_failure(request);
    if (failure == NULL)
        return BEAMC_OK;
    /* A fault of the record shows that everything before the records is right. */
    if (failure->verdict == TECTON_VERDICT_RECORD_ERROR || failure->verdict == TECTON_VERDICT_TOO_LARGE)
        return BEAMC_OK;
    bool may_pass = tecton_verdict_may_pass(failure->verdict);
    return beamc_fail(err, may_pass ? BEAMC_UNAVAILABLE : BEAMC_INVALID,
                      "preflight: the dry run of a first row for %.200s failed, and nothing was written: %s [A dry run "
                      "needs only the role Viewer: whether the key may write shows at the first real write. "
                      "preflight=schema leaves the dry run out]",
                      name, failure->text);
}
