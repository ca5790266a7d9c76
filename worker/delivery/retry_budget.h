/* How many retries an endpoint may be sent: a bucket of tokens that retries empty and successes fill. Pure; the
 * engine's thread only.
 *
 * While an endpoint fails now and then, every retry is covered; when most requests fail, retries cost more than the
 * successes bring and stop, so that an endpoint in trouble sees hardly more than what is new. One bucket an endpoint
 * and process. Source of the figures: the AWS SDKs' standard retry mode (500 tokens, 5 a retry, 10 after a timeout,
 * a retry that succeeds gets its cost back, every success brings 1). Unlike there, a retry without tokens waits instead
 * of failing; so that it cannot wait for ever where nothing but retries is left, one goes out each second for nothing,
 * and its success brings as much as a paid one's. */
#ifndef WORKER_DELIVERY_RETRY_BUDGET_H
#define WORKER_DELIVERY_RETRY_BUDGET_H

#include <stdbool.h>
#include <stdint.h>

enum {
    TECTON_BUDGET_TOKENS = 500,
    TECTON_BUDGET_RETRY_COST = 5,
    TECTON_BUDGET_TIMEOUT_COST = 10,    /* a retry after a timeout: that request may still cost the service */
    TECTON_BUDGET_FREE_EVERY_MS = 1000, /* with an empty bucket */
    TECTON_BUDGET_LOOK_MS = 100         /* with an empty bucket, when to ask again at the latest */
};

typedef struct {
    uint32_t num_tokens;
    uint64_t next_free_ms; /* from when on one may go without tokens */
} tecton_retry_budget;

void tecton_retry_budget_init(tecton_retry_budget *budget);

/* tecton_retry_budget_due_ms: 0 when a retry may be sent now, else when to ask again. */
uint64_t tecton_retry_budget_due_ms(const tecton_retry_budget *budget, bool after_timeout, uint64_t now_ms);

/* tecton_retry_budget_take, for a retry that is sent now: returns what it costs, also when it goes out for nothing. */
uint32_t tecton_retry_budget_take(tecton_retry_budget *budget, bool after_timeout, uint64_t now_ms);

/* tecton_retry_budget_succeeded: any request was stored. `cost`: what take returned, 0 for a first try. */
void tecton_retry_budget_succeeded(tecton_retry_budget *budget, uint32_t cost);

/* tecton_retry_budget_cancelled: it was not sent after all. */
void tecton_retry_budget_cancelled(tecton_retry_budget *budget, uint32_t cost);

/* tecton_retry_budget_restart: at least half full, after an outage: all that waits is a retry, and would find nothing
 * left. */
void tecton_retry_budget_restart(tecton_retry_budget *budget);

#endif
