/* A connection with the request it carries, and the connections that requests to one place may share.
 *
 * Bookkeeping alone: nothing here sends, receives or looks at a clock. One thread. */
#ifndef WORKER_HTTP_HTTP_CHANNEL_H
#define WORKER_HTTP_HTTP_CHANNEL_H

#include "worker/http/http_answer.h"
#include "worker/http/http_client.h"
#include "worker/http/http_connection.h"

typedef enum {
    TECTON_CHANNEL_CONNECTING, /* `exchange` waits for it */
    TECTON_CHANNEL_BUSY,       /* `exchange` is on it */
    TECTON_CHANNEL_IDLE        /* kept for the next */
} tecton_channel_state;

typedef struct tecton_http_channel {
    tecton_http_connection connection; /* first */
    tecton_channel_state state;
    struct tecton_http_pool *pool;
    struct tecton_http_channel *before; /* in one of the pool's lists */
    struct tecton_http_channel *after;
    bool is_secure;
    uint64_t idle_since_us;

    /* Of the exchange. */
    tecton_http_exchange *exchange;
    tecton_http_target *target; /* counted */
    uint64_t started_us;
    uint64_t deadline_us;
    bool reused;      /* the connection carried another request before */
    bool was_sent;    /* some of the request left, over this connection or an earlier one */
    bool send_failed; /* what can be had now is an answer, if there is one */
    size_t body_len;
    size_t sent;    /* of the request's bytes */
    uint8_t *piece; /* of the request, while the connection takes no more; the client's scratch memory */
    size_t piece_len;
    size_t piece_sent;
    char length_line[48]; /* what stands between the target's head and the body */
    size_t length_line_len;
    tecton_http_answer answer;
} tecton_http_channel;

typedef struct {
    tecton_http_channel *first;
    tecton_http_channel *last;
} tecton_http_channel_list;

/* The connections to one origin, all with the same trust and proxy. */
typedef struct tecton_http_pool {
    char *origin;
    size_t num_channels;             /* in its lists or on their way between them */
    tecton_http_channel_list active; /* CONNECTING and BUSY, by deadline_us */
    tecton_http_channel_list idle;   /* the one used last is first */
    struct tecton_http_pool *next;
} tecton_http_pool;

/* tecton_http_channel_activate puts a channel that is in no list among the active ones of its pool. Quick while
 * deadlines come in order, as they do where all timeouts are the same. */
void tecton_http_channel_activate(tecton_http_channel *channel);

/* tecton_http_channel_rest puts a channel that is in no list first among the idle ones. */
void tecton_http_channel_rest(tecton_http_channel *channel, uint64_t now_us);

/* tecton_http_channel_unlist takes it out of the list that its state names. */
void tecton_http_channel_unlist(tecton_http_channel *channel);

/* tecton_http_pool_of finds or makes the pool for `origin` among `pools`. */
tecton_http_pool *tecton_http_pool_of(tecton_http_pool **pools, const char *origin);

/* tecton_http_pool_drop_if_empty frees it when it has no channels. */
void tecton_http_pool_drop_if_empty(tecton_http_pool **pools, tecton_http_pool *pool);

#endif
