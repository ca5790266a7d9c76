/* Makes connections, many at a time: names, proxies and their tunnels, TLS with its checks. All of that is libcurl's,
 * asked to connect only (CURLOPT_CONNECT_ONLY); what is said over a connection is not its business.
 *
 * One thread. Trust: peer and host of TLS connections are verified; no netrc; no header of a request is known here, so
 * that a key cannot go to a proxy. */
#ifndef WORKER_HTTP_HTTP_CONNECTOR_H
#define WORKER_HTTP_HTTP_CONNECTOR_H

#include "sdk_harness/base/status.h"
#include "worker/http/event_poll.h"
#include "worker/http/http_connection.h"

enum { TECTON_HTTP_CONNECT_TIMEOUT_MS = 10 * 1000 /* of one connection's set-up, when less is not asked for */ };

typedef struct tecton_http_connector tecton_http_connector;

typedef struct {
    tecton_http_connection *connection;
    bool connected; /* else `problem` of the connection says why not */
    bool timed_out;
    bool cannot_help_itself; /* certificate, CA file, URL: trying again is in vain */
} tecton_http_connect_result;

/* tecton_http_connector_new: `poll` is borrowed, and reports the descriptors of connections that are being made.
 * BEAMC_NO_MEMORY. */
beamc_status tecton_http_connector_new(tecton_event_poll *poll, tecton_http_connector **connector, beamc_error *err);

/* tecton_http_connector_free: every connection was closed before. */
void tecton_http_connector_free(tecton_http_connector *connector); /* NULL is fine */

/* tecton_http_connector_start begins to make `connection`, which stays in place until it is closed.
 *   timeout_ms   at least 1
 * False when memory runs out: nothing to close. */
bool tecton_http_connector_start(tecton_http_connector *connector, tecton_http_connection *connection,
                                 tecton_http_target *target, uint32_t timeout_ms);

/* tecton_http_connector_close ends a connection, in whatever state it is. */
void tecton_http_connector_close(tecton_http_connector *connector, tecton_http_connection *connection);

/* tecton_http_connector_on_event passes on what the poll reports of a descriptor that is no connection's yet. */
void tecton_http_connector_on_event(tecton_http_connector *connector, const tecton_poll_event *event);

/* tecton_http_connector_due_ms says when tecton_http_connector_run_due is to be called; UINT64_MAX: not. */
uint64_t tecton_http_connector_due_ms(const tecton_http_connector *connector);
void tecton_http_connector_run_due(tecton_http_connector *connector);

/* tecton_http_connector_next takes the next attempt that has ended. Of one that is connected `fd` is the socket, which
 * is not in the poll any more; close it in any case. False: none. */
bool tecton_http_connector_next(tecton_http_connector *connector, tecton_http_connect_result *result);

#endif
