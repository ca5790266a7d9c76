/* What delivery needs to know of an online feature store: how a request looks, where it goes, and what an answer means.
 *
 * A store is immutable once made; any thread may call its functions. Tecton is the first one (tecton/tecton_store.h).
 */
#ifndef WORKER_STORES_FEATURE_STORE_H
#define WORKER_STORES_FEATURE_STORE_H

#include "worker/records/record_batch.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef enum {
    TECTON_VERDICT_STORED,    /* every record of the request is taken */
    TECTON_VERDICT_REJECTED,  /* the records are refused and would be again, unchanged */
    TECTON_VERDICT_FATAL,     /* a setting is wrong: no request can succeed until someone changes it */
    TECTON_VERDICT_THROTTLED, /* not taken, for now: too much traffic */
    TECTON_VERDICT_RETRYABLE, /* may be taken later; may even have been taken */
    TECTON_VERDICT_OTHER      /* an answer that the service does not give: trying again is no use */
} tecton_verdict;

typedef struct {
    int status; /* HTTP, 200 .. 999 */
    const uint8_t *body;
    size_t body_len;
    bool body_cut; /* there was, or should have been, more */
} tecton_store_answer;

enum { TECTON_VERDICT_TEXT_BYTES = 1536 };

typedef struct tecton_feature_store tecton_feature_store;
struct tecton_feature_store {
    /* encode gives the text around the records of every request; borrowed from the store. */
    const tecton_request_frame *(*encode)(const tecton_feature_store *store);
    /* address gives the URL and the header lines, which may hold a key; borrowed from the store. */
    const char *(*address)(const tecton_feature_store *store, const char *const **headers, size_t *num_headers);
    /* classify judges an answer. Except for STORED, `text` (text_size bytes) gets what a user should read: the
     * service's words, the status, the endpoint, the setting at fault, what to do; never the key. */
    tecton_verdict (*classify)(const tecton_feature_store *store, const tecton_store_answer *answer, char *text,
                               size_t text_size);
    /* free wipes what is secret. */
    void (*free)(tecton_feature_store *store);
};

#endif
