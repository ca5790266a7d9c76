/* Reads one HTTP/1.1 answer (RFC 9112) from bytes as they arrive, cut anywhere.
 *
 * Strict where leniency could take one answer for another: the status line, header names, lengths, chunks. What a
 * sender of short requests needs is kept: status, body, Retry-After, and whether the connection may be used again;
 * answers 100 to 199 are passed over. Pure: no sockets, no clock. An answer belongs to one thread. */
#ifndef WORKER_HTTP_HTTP_ANSWER_H
#define WORKER_HTTP_HTTP_ANSWER_H

#include "sdk_harness/base/byte_buffer.h"
#include "worker/http/http_limits.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef enum {
    TECTON_ANSWER_MORE,     /* not at its end */
    TECTON_ANSWER_COMPLETE, /* all of it is here */
    TECTON_ANSWER_BAD       /* not HTTP/1.1, or longer than is read; `problem` says which */
} tecton_answer_progress;

typedef enum {
    TECTON_ANSWER_STATUS_LINE,
    TECTON_ANSWER_HEADER_LINE,
    TECTON_ANSWER_BODY_OF_LENGTH,
    TECTON_ANSWER_BODY_TO_CLOSE,
    TECTON_ANSWER_CHUNK_SIZE,
    TECTON_ANSWER_CHUNK_DATA,
    TECTON_ANSWER_CHUNK_END,
    TECTON_ANSWER_TRAILER,
    TECTON_ANSWER_AT_END,
    TECTON_ANSWER_REFUSED
} tecton_answer_part;

typedef struct {
    /* To be read after tecton_http_answer_feed. */
    bool has_head;         /* a status from 200 on and all its headers came: the next two hold */
    int status;            /* 200 .. 999 */
    char retry_after[64];  /* the header's value, "" when absent */
    bool keeps_connection; /* COMPLETE: another request may follow on the connection */
    bool body_cut;         /* the body was longer than TECTON_HTTP_MAX_ANSWER_BYTES */
    const uint8_t *body;   /* lies in the bytes fed last, or in the answer */
    size_t body_len;
    uint64_t num_bytes;  /* taken in all */
    const char *problem; /* BAD: what is wrong; static */

    /* The reader's own. */
    tecton_answer_part part;
    bool secret;
    bool has_length;
    bool chunked;
    bool old_version; /* HTTP/1.0 */
    bool says_close;
    bool says_keep_alive;
    uint64_t left;         /* of the body, or of the chunk */
    uint64_t header_bytes; /* lines of all heads and trailers so far */
    uint64_t dropped_bytes;
    const uint8_t *run; /* body bytes that lie in the bytes being fed */
    size_t run_len;
    beamc_byte_buffer line;   /* the beginning of a line whose end has not come */
    beamc_byte_buffer gather; /* a body that came in more than one piece */
} tecton_http_answer;

void tecton_http_answer_init(tecton_http_answer *answer);
void tecton_http_answer_cleanup(tecton_http_answer *answer); /* wipes what was gathered of a secret body */

/* tecton_http_answer_start makes it ready for the next answer. What was gathered of the last one is freed.
 *   secret   the body is gathered in memory that does not move, so that wiping it leaves no copy */
void tecton_http_answer_start(tecton_http_answer *answer, bool secret);

/* tecton_http_answer_feed reads on.
 *   data    len bytes; after COMPLETE and BAD they must stay as long as `body` is used
 *   taken   out: how many belong to this answer; fewer than len only after COMPLETE and BAD */
tecton_answer_progress tecton_http_answer_feed(tecton_http_answer *answer, const uint8_t *data, size_t len,
                                               size_t *taken);

/* tecton_http_answer_end tells it that the connection was closed: COMPLETE when the answer ends that way, else BAD. */
tecton_answer_progress tecton_http_answer_end(tecton_http_answer *answer);

#endif
