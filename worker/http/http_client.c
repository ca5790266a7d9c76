#include "worker/http/http_client.h"

#include "sdk_harness/base/alloc.h"
#include "sdk_harness/base/clock.h"
#include "worker/http/event_poll.h"
#include "worker/http/http_channel.h"
#include "worker/http/http_connector.h"
#include "worker/http/http_target_internal.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

enum {
    PIECE_BYTES = 64 * 1024,   /* of a request that are sent at one time; most are shorter */
    RECEIVE_BYTES = 16 * 1024, /* a TLS record; answers are short */
    KEPT_CONNECTIONS = 1024    /* idle ones, at most */
};

static const uint64_t max_idle_us = 60 * 1000 * 1000; /* what common load balancers allow */
static const uint64_t connect_grace_us = 500 * 1000;  /* libcurl's own timer ends a connect, and says where it hung */

struct tecton_http_client {
    tecton_event_poll *poll;
    tecton_http_connector *connector;
    tecton_http_pool *pools;
    tecton_http_channel **channels; /* by descriptor; NULL: not one of ours */
    size_t num_channels;
    size_t num_transfers;
    size_t num_idle;
    uint64_t num_ended;
    uint8_t *scratch; /* PIECE_BYTES for the next piece, or NULL: a channel has it */
    uint8_t receive[RECEIVE_BYTES];
};

/* ---- channels ---- */

static tecton_http_channel *channel_of(const tecton_http_client *client, int fd) {
    return (size_t)fd < client->num_channels ? client->channels[fd] : NULL;
}

static void set_channel(tecton_http_client *client, int fd, tecton_http_channel *channel) {
    size_t index = (size_t)fd;
    if (index >= client->num_channels) {
        size_t num_channels = index + 64;
        client->channels = beamc_realloc(client->channels, num_channels * sizeof(void *));
        memset(client->channels + client->num_channels, 0, (num_channels - client->num_channels) * sizeof(void *));
        client->num_channels = num_channels;
    }
    client->channels[index] = channel;
}

static void give_piece_back(tecton_http_client *client, tecton_http_channel *channel) {
    if (channel->piece == NULL)
        return;
    if (client->scratch == NULL) {
        client->scratch = channel->piece;
    } else {
        explicit_bzero(channel->piece, PIECE_BYTES); /* the key is in it */
        free(channel->piece);
    }
    channel->piece = NULL;
}

/* Closes the connection of a channel that is in no list, and frees it. */
static void free_channel(tecton_http_client *client, tecton_http_channel *channel) {
    tecton_http_pool *pool = channel->pool;
    if (channel->connection.fd >= 0)
        set_channel(client, channel->connection.fd, NULL);
    tecton_http_connector_close(client->connector, &channel->connection);
    give_piece_back(client, channel); /* TLS may look at it until it is closed */
    tecton_http_target_release(channel->target);
    tecton_http_answer_cleanup(&channel->answer);
    free(channel);
    pool->num_channels--;
    tecton_http_pool_drop_if_empty(&client->pools, pool);
}

static void close_idle(tecton_http_client *client, tecton_http_channel *channel) {
    tecton_http_channel_unlist(channel);
    client->num_idle--;
    free_channel(client, channel);
}

static void keep(tecton_http_client *client, tecton_http_channel *channel, uint64_t now_us) {
    tecton_http_target_release(channel->target);
    channel->target = NULL;
    channel->exchange = NULL;
    tecton_http_channel_rest(channel, now_us);
    if (++client->num_idle > KEPT_CONNECTIONS)
        close_idle(client, channel->pool->idle.last);
}

/* ---- the end of an exchange ---- */

static void say(tecton_http_exchange *exchange, const char *problem) {
    size_t len = strnlen(problem, sizeof exchange->problem - 1);
    memcpy(exchange->problem, problem, len);
    exchange->problem[len] = '\0';
}

/* Ends the exchange of an active channel, and the channel too unless its connection is good for another.
 *   problem   NULL: all went well */
static void finish(tecton_http_client *client, tecton_http_channel *channel, tecton_http_result result,
                   const char *problem, bool keeps_connection) {
    tecton_http_exchange *exchange = channel->exchange;
    tecton_http_answer *answer = &channel->answer;
    beamc_byte_buffer gathered = answer->gather; /* the channel may be used again inside `done` */
    beamc_byte_buffer_init(&answer->gather, TECTON_HTTP_MAX_ANSWER_BYTES);
    uint64_t now_us = beamc_clock_us();
    exchange->result = result;
    exchange->status = 0;
    exchange->answer = answer->body;
    exchange->answer_len = answer->body_len;
    exchange->answer_cut = false;
    if (result == TECTON_HTTP_ANSWERED) {
        exchange->status = answer->status;
        exchange->answer_cut = problem != NULL || answer->body_cut;
    }
    memcpy(exchange->retry_after, answer->retry_after, sizeof exchange->retry_after);
    exchange->latency_us = now_us - channel->started_us;
    exchange->latency_ms = (uint32_t)(exchange->latency_us / 1000);
    say(exchange, problem == NULL ? "" : problem);
    bool is_secret = exchange->secret_answer;
    tecton_http_channel_unlist(channel);
    client->num_transfers--;
    client->num_ended++;
    if (keeps_connection)
        keep(client, channel, now_us);
    exchange->done(exchange); /* the exchange may be gone after this */
    if (is_secret && gathered.data != NULL)
        explicit_bzero(gathered.data, gathered.capacity);
    beamc_byte_buffer_cleanup(&gathered);
    if (!keeps_connection)
        free_channel(client, channel);
}

static void time_out(tecton_http_client *client, tecton_http_channel *channel) {
    tecton_http_exchange *exchange = channel->exchange;
    char problem[128];
    (void)snprintf(problem, sizeof problem,
                   "Operation timed out after %" PRIu32 " milliseconds with %" PRIu64 " bytes received",
                   channel->target->timeout_ms, channel->answer.num_bytes);
    (void)tecton_http_answer_end(&channel->answer); /* shows what there is */
    exchange->timed_out = true;
    finish(client, channel,
           channel->answer.has_head ? TECTON_HTTP_ANSWERED
           : channel->was_sent      ? TECTON_HTTP_LOST
                                    : TECTON_HTTP_NOT_SENT,
           problem, false);
}

static tecton_http_channel *connect_for(tecton_http_client *client, tecton_http_exchange *exchange,
                                        tecton_http_target *target, uint64_t started_us, uint64_t now_us);

/* Moves an exchange from a kept connection that was closed to a new one. */
static bool send_again(tecton_http_client *client, tecton_http_channel *channel) {
    tecton_http_exchange *exchange = channel->exchange;
    uint64_t now_us = beamc_clock_us();
    if (now_us >= channel->deadline_us)
        return false;
    tecton_http_channel *fresh = connect_for(client, exchange, channel->target, channel->started_us, now_us);
    if (fresh == NULL)
        return false;
    fresh->was_sent = channel->was_sent;
    tecton_http_channel_unlist(channel);
    free_channel(client, channel);
    return true;
}

/* The connection of a busy channel is of no more use, and the answer is not all there. */
static void lose(tecton_http_client *client, tecton_http_channel *channel, const char *problem) {
    if (channel->reused && channel->answer.num_bytes == 0 && send_again(client, channel))
        return;
    finish(client, channel,
           channel->answer.has_head ? TECTON_HTTP_ANSWERED
           : channel->was_sent      ? TECTON_HTTP_LOST
                                    : TECTON_HTTP_NOT_SENT,
           problem, false);
}

/* ---- sending ---- */

static size_t request_len(const tecton_http_channel *channel) {
    return channel->target->head.len + channel->length_line_len + channel->body_len;
}

/* Writes the request's bytes from `sent` on, as many as fit. */
static size_t write_piece(const tecton_http_channel *channel, uint8_t *piece) {
    const struct {
        const void *data;
        size_t len;
    } parts[] = {{channel->target->head.data, channel->target->head.len},
                 {channel->length_line, channel->length_line_len},
                 {channel->exchange->body, channel->body_len}};
    size_t skip = channel->sent;
    size_t piece_len = 0;
    for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++) {
        size_t skipped = skip < parts[i].len ? skip : parts[i].len;
        size_t len = parts[i].len - skipped;
        skip -= skipped;
        if (len > PIECE_BYTES - piece_len)
            len = PIECE_BYTES - piece_len;
        if (len > 0)
            memcpy(piece + piece_len, (const uint8_t *)parts[i].data + skipped, len);
        piece_len += len;
    }
    return piece_len;
}

static void take_piece(tecton_http_client *client, tecton_http_channel *channel) {
    channel->piece = client->scratch != NULL ? client->scratch : beamc_alloc(PIECE_BYTES);
    client->scratch = NULL;
    channel->piece_len = write_piece(channel, channel->piece);
    channel->piece_sent = 0;
}

/* Sends until all is sent or the connection takes no more. A failure is noticed by receiving: an answer that explains
 * it may be there. */
static void send_on(tecton_http_client *client, tecton_http_channel *channel) {
    size_t len = request_len(channel);
    while (channel->sent < len) {
        if (channel->piece == NULL)
            take_piece(client, channel);
        size_t num = 0;
        tecton_io io = tecton_http_connection_send(&channel->connection, channel->piece + channel->piece_sent,
                                                   channel->piece_len - channel->piece_sent, &num);
        if (io == TECTON_IO_AGAIN)
            return; /* it stays where it is: TLS asks for the same bytes again */
        if (io != TECTON_IO_DONE) {
            channel->send_failed = true;
            (void)shutdown(channel->connection.fd, SHUT_RDWR); /* makes the poll report it */
            return;
        }
        channel->was_sent = true;
        channel->sent += num;
        channel->piece_sent += num;
        if (channel->piece_sent == channel->piece_len)
            give_piece_back(client, channel);
    }
}

static bool is_sent(const tecton_http_channel *channel) {
    return channel->sent == request_len(channel);
}

/* "Content-Length: 1566" and the empty line. */
static void write_length_line(tecton_http_channel *channel) {
    static const char name[] = "Content-Length: ";
    char digits[24];
    size_t at = sizeof digits;
    size_t left = channel->body_len;
    do
        digits[--at] = (char)('0' + left % 10);
    while ((left /= 10) > 0);
    char *to = channel->length_line;
    if (channel->target->method == TECTON_HTTP_POST) {
        memcpy(to, name, sizeof name - 1);
        to += sizeof name - 1;
        memcpy(to, digits + at, sizeof digits - at);
        to += sizeof digits - at;
        memcpy(to, "\r\n", 2);
        to += 2;
    }
    memcpy(to, "\r\n", 2);
    channel->length_line_len = (size_t)(to + 2 - channel->length_line);
}

static void send_first(tecton_http_client *client, tecton_http_channel *channel, bool reused) {
    tecton_http_exchange *exchange = channel->exchange;
    channel->body_len = channel->target->method == TECTON_HTTP_POST ? exchange->body_len : 0;
    write_length_line(channel);
    channel->state = TECTON_CHANNEL_BUSY;
    channel->reused = reused;
    channel->send_failed = false;
    channel->sent = 0;
    tecton_http_answer_start(&channel->answer, exchange->secret_answer);
    exchange->num_sends++;
    send_on(client, channel);
}

/* ---- receiving ---- */

/* Is there nothing behind an answer that ended with the `received` bytes? A socket that gave less than there was room
 * for is empty; TLS may hold another record. What is there belongs to nobody, and would be taken for the next answer.
 */
static bool is_drained(tecton_http_channel *channel, size_t received) {
    if (!channel->is_secure && received < RECEIVE_BYTES)
        return true;
    uint8_t byte = 0;
    size_t num = 0;
    return tecton_http_connection_receive(&channel->connection, &byte, 1, &num) == TECTON_IO_AGAIN;
}

static void complete(tecton_http_client *client, tecton_http_channel *channel, const tecton_poll_event *event,
                     size_t received, size_t taken) {
    bool is_good = channel->answer.keeps_connection && is_sent(channel) && !channel->send_failed && !event->closing &&
                   !event->broken && taken == received && is_drained(channel, received);
    finish(client, channel, TECTON_HTTP_ANSWERED, NULL, is_good);
}

/* The connection ends before the answer said so. */
static void end_of_bytes(tecton_http_client *client, tecton_http_channel *channel, bool failed) {
    bool complete_now = tecton_http_answer_end(&channel->answer) == TECTON_ANSWER_COMPLETE;
    if (complete_now && !failed)
        finish(client, channel, TECTON_HTTP_ANSWERED, NULL, false);
    else if (failed || channel->send_failed)
        lose(client, channel, channel->connection.problem);
    else
        lose(client, channel, channel->answer.problem);
}

/* Receives what is there. The channel may be gone afterwards. */
static void receive(tecton_http_client *client, tecton_http_channel *channel, const tecton_poll_event *event) {
    bool is_secret = channel->exchange->secret_answer;
    tecton_answer_progress progress = TECTON_ANSWER_MORE;
    size_t received = 0;
    do {
        size_t taken = 0;
        tecton_io io = tecton_http_connection_receive(&channel->connection, client->receive, RECEIVE_BYTES, &received);
        if (io == TECTON_IO_AGAIN)
            return;
        if (io != TECTON_IO_DONE) {
            end_of_bytes(client, channel, io == TECTON_IO_FAILED);
            return;
        }
        progress = tecton_http_answer_feed(&channel->answer, client->receive, received, &taken);
        if (progress == TECTON_ANSWER_COMPLETE)
            complete(client, channel, event, received, taken);
        else if (progress == TECTON_ANSWER_BAD)
            lose(client, channel, channel->answer.problem);
        if (is_secret)
            explicit_bzero(client->receive, received);
        /* A socket that gave less than there was room for is empty; its next bytes are reported, its end is not again.
         */
    } while (progress == TECTON_ANSWER_MORE &&
             (channel->is_secure || received == RECEIVE_BYTES || event->closing || event->broken));
}

/* An idle connection says something, most likely that it is closed. TLS has words of its own, which do not count. */
static void receive_idle(tecton_http_client *client, tecton_http_channel *channel) {
    size_t received = 0;
    if (tecton_http_connection_receive(&channel->connection, client->receive, RECEIVE_BYTES, &received) !=
        TECTON_IO_AGAIN)
        close_idle(client, channel);
}

/* ---- connecting ---- */

/* Makes a channel that connects for `exchange`. NULL: no memory. */
static tecton_http_channel *connect_for(tecton_http_client *client, tecton_http_exchange *exchange,
                                        tecton_http_target *target, uint64_t started_us, uint64_t now_us) {
    uint64_t deadline_us = started_us + (uint64_t)target->timeout_ms * 1000;
    uint64_t left_ms = (deadline_us - now_us + 999) / 1000;
    tecton_http_channel *channel = beamc_alloc_zero(1, sizeof *channel);
    tecton_http_answer_init(&channel->answer);
    channel->connection.fd = -1;
    channel->state = TECTON_CHANNEL_CONNECTING;
    channel->pool = tecton_http_pool_of(&client->pools, target->origin);
    channel->pool->num_channels++;
    channel->is_secure = target->is_secure;
    channel->exchange = exchange;
    channel->target = tecton_http_target_retain(target);
    channel->started_us = started_us;
    channel->deadline_us = deadline_us + connect_grace_us;
    if (!tecton_http_connector_start(client->connector, &channel->connection, target, (uint32_t)left_ms)) {
        free_channel(client, channel);
        return NULL;
    }
    exchange->slot = channel;
    tecton_http_channel_activate(channel);
    return channel;
}

static void connected(tecton_http_client *client, tecton_http_channel *channel) {
    tecton_http_channel_unlist(channel);
    channel->deadline_us -= connect_grace_us;
    tecton_http_channel_activate(channel);
    set_channel(client, channel->connection.fd, channel);
    if (tecton_event_poll_watch_changes(client->poll, channel->connection.fd)) {
        send_first(client, channel, false);
        return;
    }
    finish(client, channel, channel->was_sent ? TECTON_HTTP_LOST : TECTON_HTTP_NOT_SENT,
           "the system cannot watch a socket more", false);
}

/* Goes on with the connections whose making has ended. */
static void take_connections(tecton_http_client *client) {
    tecton_http_connect_result made;
    while (tecton_http_connector_next(client->connector, &made)) {
        tecton_http_channel *channel = (tecton_http_channel *)made.connection;
        if (made.connected) {
            connected(client, channel);
            continue;
        }
        channel->exchange->timed_out = made.timed_out;
        finish(client, channel,
               channel->was_sent         ? TECTON_HTTP_LOST
               : made.cannot_help_itself ? TECTON_HTTP_MISCONFIGURED
                                         : TECTON_HTTP_NOT_SENT,
               channel->connection.problem, false);
    }
}

/* ---- the client ---- */

beamc_status tecton_http_client_new(tecton_http_client **client, beamc_error *err) {
    if (!tecton_curl_start())
        return beamc_fail(err, BEAMC_UNAVAILABLE, "libcurl cannot be initialised");
    tecton_http_client *made = beamc_alloc_zero(1, sizeof *made);
    beamc_status status = tecton_event_poll_new(&made->poll, err);
    if (status == BEAMC_OK)
        status = tecton_http_connector_new(made->poll, &made->connector, err);
    if (status != BEAMC_OK) {
        tecton_http_client_free(made);
        return status;
    }
    *client = made;
    return BEAMC_OK;
}

static void wipe_scratch(tecton_http_client *client) {
    if (client->scratch != NULL)
        explicit_bzero(client->scratch, PIECE_BYTES);
}

void tecton_http_client_free(tecton_http_client *client) {
    if (client == NULL)
        return;
    while (client->pools != NULL) {
        tecton_http_pool *pool = client->pools; /* goes with its last channel */
        tecton_http_channel *channel = pool->active.first != NULL ? pool->active.first : pool->idle.first;
        tecton_http_channel_unlist(channel);
        free_channel(client, channel);
    }
    tecton_http_connector_free(client->connector);
    tecton_event_poll_free(client->poll);
    wipe_scratch(client);
    free(client->scratch);
    free(client->channels);
    free(client);
}

beamc_status tecton_http_client_submit(tecton_http_client *client, tecton_http_exchange *exchange, beamc_error *err) {
    if (client->num_transfers >= TECTON_HTTP_MAX_TRANSFERS)
        return beamc_fail(err, BEAMC_LIMIT, "%d requests are under way already", TECTON_HTTP_MAX_TRANSFERS);
    tecton_http_target *target = exchange->target;
    uint64_t now_us = beamc_clock_us();
    exchange->timed_out = false;
    exchange->num_sends = 0;
    tecton_http_channel *channel = tecton_http_pool_of(&client->pools, target->origin)->idle.first;
    if (channel == NULL) {
        if (connect_for(client, exchange, target, now_us, now_us) == NULL)
            return beamc_fail(err, BEAMC_NO_MEMORY, "libcurl refuses to start a request");
        client->num_transfers++;
        return BEAMC_OK;
    }
    tecton_http_channel_unlist(channel);
    client->num_idle--;
    channel->exchange = exchange;
    channel->target = tecton_http_target_retain(target);
    channel->started_us = now_us;
    channel->deadline_us = now_us + (uint64_t)target->timeout_ms * 1000;
    channel->was_sent = false;
    exchange->slot = channel;
    tecton_http_channel_activate(channel);
    client->num_transfers++;
    send_first(client, channel, true);
    return BEAMC_OK;
}

void tecton_http_client_cancel(tecton_http_client *client, tecton_http_exchange *exchange) {
    tecton_http_channel *channel = exchange->slot;
    tecton_http_channel_unlist(channel);
    client->num_transfers--;
    free_channel(client, channel);
}

/* Ends what is over time and closes what was idle for long. Returns when there is more to end. */
static uint64_t end_overdue(tecton_http_client *client, uint64_t now_us) {
    uint64_t next_us = UINT64_MAX;
    tecton_http_pool *pool = client->pools;
    while (pool != NULL) {
        tecton_http_channel *active = pool->active.first;
        tecton_http_channel *idle = pool->idle.last;
        if (active != NULL && active->deadline_us <= now_us) {
            time_out(client, active);
            pool = client->pools; /* from the start: `done` may have done anything */
            continue;
        }
        if (idle != NULL && idle->idle_since_us + max_idle_us <= now_us) {
            close_idle(client, idle);
            pool = client->pools;
            continue;
        }
        if (active != NULL && active->deadline_us < next_us)
            next_us = active->deadline_us;
        if (idle != NULL && idle->idle_since_us + max_idle_us < next_us)
            next_us = idle->idle_since_us + max_idle_us;
        pool = pool->next;
    }
    return next_us;
}

/* Runs what is due; returns how long the poll may wait for something to happen. */
static uint64_t run_due(tecton_http_client *client) {
    uint64_t now_us = beamc_clock_us();
    if (tecton_http_connector_due_ms(client->connector) <= now_us / 1000) {
        tecton_http_connector_run_due(client->connector); /* also starts what was just submitted */
        take_connections(client);
    }
    uint64_t next_us = end_overdue(client, now_us);
    uint64_t next_ms = next_us == UINT64_MAX ? UINT64_MAX : (next_us + 999) / 1000;
    uint64_t due_ms = tecton_http_connector_due_ms(client->connector);
    next_ms = due_ms < next_ms ? due_ms : next_ms;
    uint64_t now_ms = now_us / 1000;
    return next_ms == UINT64_MAX ? UINT64_MAX : next_ms > now_ms ? next_ms - now_ms : 0;
}

static void on_event(tecton_http_client *client, const tecton_poll_event *event) {
    tecton_http_channel *channel = channel_of(client, event->fd);
    bool says_something = event->readable || event->closing || event->broken;
    if (channel == NULL) {
        tecton_http_connector_on_event(client->connector, event);
    } else if (channel->state == TECTON_CHANNEL_IDLE) {
        if (says_something)
            receive_idle(client, channel);
    } else {
        if (event->writable && !channel->send_failed && !is_sent(channel))
            send_on(client, channel);
        if (says_something)
            receive(client, channel, event);
    }
}

void tecton_http_client_poll(tecton_http_client *client, uint64_t timeout_ms) {
    uint64_t num_ended = client->num_ended;
    uint64_t wait_ms = run_due(client);
    if (client->num_ended != num_ended)
        timeout_ms = 0;
    tecton_poll_event events[TECTON_POLL_MAX_EVENTS];
    size_t num_events = tecton_event_poll_wait(client->poll, events, wait_ms < timeout_ms ? wait_ms : timeout_ms);
    /* First those that nobody uses, so that none that was closed meanwhile is taken for a request below. */
    for (size_t i = 0; i < num_events; i++) {
        tecton_http_channel *channel = channel_of(client, events[i].fd);
        if (channel != NULL && channel->state == TECTON_CHANNEL_IDLE) {
            on_event(client, &events[i]);
            events[i].fd = -1;
        }
    }
    for (size_t i = 0; i < num_events; i++) {
        if (events[i].fd >= 0)
            on_event(client, &events[i]);
    }
    take_connections(client);
    if (num_events == 0)
        (void)run_due(client);
}

void tecton_http_client_forget(tecton_http_client *client, const tecton_http_target *target) {
    (void)target; /* idle connections hold nothing of their last request */
    wipe_scratch(client);
}

void tecton_http_client_wake(tecton_http_client *client) {
    tecton_event_poll_wake(client->poll);
}
