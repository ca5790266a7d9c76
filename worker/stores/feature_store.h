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
    TECTON_VERDICT_STORED,        /* every record of the request is taken */
    TECTON_VERDICT_RECORD_ERROR,  /* the service refuses at least one record, and would again, unchanged */
    TECTON_VERDICT_REQUEST_ERROR, /* it refuses the request as a whole, and would again, unchanged */
    TECTON_VERDICT_TOO_LARGE,     /* the body is larger than it takes */
    TECTON_VERDICT_UNAUTHORIZED,  /* the key is not valid */
    TECTON_VERDICT_NOT_FOUND,     /* no such workspace or source */
    TECTON_VERDICT_NOT_YET,       /* likewise, but it may be so new that not all of the service knows it */
    TECTON_VERDICT_FATAL,         /* another setting is wrong: no request can succeed until someone changes it */
    TECTON_VERDICT_THROTTLED,     /* not taken, for now: too much traffic */
    TECTON_VERDICT_RETRYABLE,     /* may be taken later; may even have been taken */
    TECTON_VERDICT_OTHER          /* an answer that the service does not give: trying again is no use */
} tecton_verdict;

typedef struct {
    int status; /* HTTP, 200 .. 999 */
    const uint8_t *body;
    size_t body_len;
    bool body_cut; /* there was, or should have been, more */
} tecton_store_answer;

enum { TECTON_VERDICT_TEXT_BYTES = 1536 };

typedef struct {
    tecton_verdict verdict;
    bool has_count; /* STORED: the service says how many records it took */
    uint64_t count;
    uint32_t num_bad; /* RECORD_ERROR: at least how many records are refused; 0: it does not say */
    /* Not STORED: what a user should read: the service's words, the status, the endpoint, the setting at fault, what to
     * do; never the key. */
    char text[TECTON_VERDICT_TEXT_BYTES];
} tecton_store_judgement;

/* tecton_verdict_is_rejection: the records are at fault, or some of them. */
static inline bool tecton_verdict_is_rejection(tecton_verdict verdict) {
    return verdict == TECTON_VERDICT_RECORD_ERROR || verdict == TECTON_VERDICT_REQUEST_ERROR ||
           verdict == TECTON_VERDICT_TOO_LARGE;
}

/* tecton_verdict_is_fatal: a setting is at fault. */
static inline bool tecton_verdict_is_fatal(tecton_verdict verdict) {
    return verdict == TECTON_VERDICT_UNAUTHORIZED || verdict == TECTON_VERDICT_NOT_FOUND ||
           verdict == TECTON_VERDICT_FATAL;
}

/* tecton_verdict_may_pass: the same request may be taken later. */
static inline bool tecton_verdict_may_pass(tecton_verdict verdict) {
    return verdict == TECTON_VERDICT_RETRYABLE || verdict == TECTON_VERDICT_THROTTLED ||
           verdict == TECTON_VERDICT_NOT_YET;
}

typedef struct tecton_feature_store tecton_feature_store;
struct tecton_feature_store {
    /* encode gives the text around the records of every request, or of a dry run; borrowed from the store. */
    const tecton_request_frame *(*encode)(const tecton_feature_store *store, bool dry_run);
    /* address gives the URL and the header lines, which may hold a key; borrowed from the store. */
    const char *(*address)(const tecton_feature_store *store, const char *const **headers, size_t *num_headers);
    /* classify judges an answer; overwrites `judgement`. */
    void (*classify)(const tecton_feature_store *store, const tecton_store_answer *answer,
                     tecton_store_judgement *judgement);
    /* free wipes what is secret. */
    void (*free)(tecton_feature_store *store);
};

#endif
