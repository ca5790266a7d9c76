/* Sends HTTP requests, many at a time, over kept connections. No policy: what to send, when, and what an answer means
 * is the caller's.
 *
 * One thread drives a client; only tecton_http_client_wake may be called from others. HTTP/1.1; peer and host of TLS
 * connections are verified; no redirects, cookies, netrc or decompression, so a key goes nowhere but to the target. */
#ifndef WORKER_HTTP_HTTP_CLIENT_H
#define WORKER_HTTP_HTTP_CLIENT_H

#include "sdk_harness/base/status.h"
#include "worker/http/http_limits.h"
#include "worker/http/http_target.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    TECTON_HTTP_MAX_TRANSFERS = 4096 /* under way at one time */
};

typedef struct tecton_http_client tecton_http_client;

typedef enum {
    TECTON_HTTP_ANSWERED,     /* a status and all headers came */
    TECTON_HTTP_NOT_SENT,     /* no byte of the body left: the connection could not be made */
    TECTON_HTTP_LOST,         /* something was sent, no answer came; the request may have taken effect */
    TECTON_HTTP_MISCONFIGURED /* not sent, and trying again cannot help: certificate, CA file, URL */
} tecton_http_result;

/* One request and its answer. The first part is the caller's to fill; all of it must stay in place until `done`. */
typedef struct tecton_http_exchange {
    tecton_http_target *target;
    const uint8_t *body; /* borrowed; body_len bytes */
    size_t body_len;
    void (*done)(struct tecton_http_exchange *exchange); /* from tecton_http_client_poll; may submit again */
    bool secret_answer;                                  /* the answer's bytes are wiped after `done` */

    tecton_http_result result;
    bool timed_out;
    int status;            /* ANSWERED: 200 .. 999 */
    const uint8_t *answer; /* its body, valid only inside `done` */
    size_t answer_len;
    bool answer_cut;      /* the body was longer than is kept, or ended early */
    char retry_after[64]; /* the header's value, "" when absent */
    uint32_t latency_ms;  /* from submit to the end */
    uint64_t latency_us;  /* the same */
    uint32_t num_sends;   /* more than 1: a kept connection was found closed and it was sent again over another */
    char problem[256];    /* not ANSWERED, or cut: what went wrong; of a connection, in curl's words */

    void *slot; /* the client's */
} tecton_http_exchange;

/* tecton_http_client_new: free with tecton_http_client_free. */
beamc_status tecton_http_client_new(tecton_http_client **client, beamc_error *err);

/* tecton_http_client_free cuts what is under way, without calling `done`. */
void tecton_http_client_free(tecton_http_client *client); /* NULL is fine */

/* tecton_http_client_submit starts `exchange`. BEAMC_OK: `done` will be called once, unless it is cancelled;
 * BEAMC_LIMIT: TECTON_HTTP_MAX_TRANSFERS are under way; BEAMC_NO_MEMORY. */
beamc_status tecton_http_client_submit(tecton_http_client *client, tecton_http_exchange *exchange, beamc_error *err);

/* tecton_http_client_cancel stops an exchange that was submitted and is not done; `done` is not called. */
void tecton_http_client_cancel(tecton_http_client *client, tecton_http_exchange *exchange);

/* tecton_http_client_poll moves everything on, waiting for at most `timeout_ms` (UINT64_MAX: until something happens),
 * and calls `done` of what ended. */
void tecton_http_client_poll(tecton_http_client *client, uint64_t timeout_ms);

/* tecton_http_client_forget drops what idle slots still hold of `target`, its headers above all. */
void tecton_http_client_forget(tecton_http_client *client, const tecton_http_target *target);

/* tecton_http_client_wake ends a poll under way, or the next one, early. Any thread. */
void tecton_http_client_wake(tecton_http_client *client);

#endif
