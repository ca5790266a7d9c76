#include "worker/delivery/attempt.h"

#include "sdk_harness/base/alloc.h"
#include "worker/delivery/delivery_internal.h"

#include <stdio.h>

static void say_network_failure(const tecton_transfer *transfer, char *text, size_t text_size) {
    const tecton_http_exchange *exchange = &transfer->exchange;
    const char *url = transfer->destination->lane->url;
    switch (exchange->result) {
    case TECTON_HTTP_NOT_SENT:
        (void)snprintf(
            text, text_size,
            "no connection to %.200s: %s. Check tecton_instance or endpoint_url, proxy, and that the worker may "
            "reach that host",
            url, exchange->problem);
        return;
    case TECTON_HTTP_MISCONFIGURED:
        (void)snprintf(
            text, text_size,
            "no trusted connection to %.200s: %s. Setting at fault: tecton_instance or endpoint_url, or ca_file "
            "where the server's certificate is signed by an authority of your own",
            url, exchange->problem);
        return;
    case TECTON_HTTP_LOST:
    case TECTON_HTTP_ANSWERED:
        break;
    }
    if (exchange->timed_out)
        (void)snprintf(
            text, text_size,
            "no answer from %.200s within the timeout (%u ms); the records may or may not be written. Raise timeout "
            "if the service is slow",
            url, exchange->latency_ms);
    else
        (void)snprintf(text, text_size, "no answer from %.200s: %s; the records may or may not be written", url,
                       exchange->problem);
}

void tecton_attempt_judge(const tecton_transfer *transfer, tecton_store_judgement *judgement) {
    const tecton_http_exchange *exchange = &transfer->exchange;
    const tecton_feature_store *store = transfer->destination->store;
    if (exchange->result == TECTON_HTTP_ANSWERED) {
        tecton_store_answer answer = {.status = exchange->status,
                                      .body = exchange->answer,
                                      .body_len = exchange->answer_len,
                                      .body_cut = exchange->answer_cut};
        store->classify(store, &answer, judgement);
        return;
    }
    judgement->has_count = false;
    judgement->verdict =
        exchange->result == TECTON_HTTP_MISCONFIGURED ? TECTON_VERDICT_FATAL : TECTON_VERDICT_RETRYABLE;
    say_network_failure(transfer, judgement->text, sizeof judgement->text);
}

char *tecton_attempt_say(const tecton_transfer *transfer, const tecton_retry_limits *limits, const char *text,
                         bool gave_up, uint64_t now_ms) {
    if (!gave_up && transfer->num_attempts <= 1)
        return beamc_strdup(text);
    return beamc_format("%s%s (tried %u %s in %.1f s; max_retries=%u, max_retry_seconds=%llu)",
                        gave_up ? "gave up: " : "", text, transfer->num_attempts,
                        transfer->num_attempts == 1 ? "time" : "times",
                        (double)(now_ms - transfer->retry.first_ms) / 1000.0, limits->max_retries,
                        (unsigned long long)(limits->max_retry_ms / 1000));
}
