/* A server of gRPC calls of every kind, by raw bytes: the wire below the fake runner.
 *
 * Events come on the server's own thread, one at a time, without a lock held. A call's memory lives until the server is
 * stopped. Functions on calls: any thread. */
#ifndef TESTS_FAKES_FAKE_SERVER_H
#define TESTS_FAKES_FAKE_SERVER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct fake_server fake_server;
typedef struct fake_call fake_call;

/* gRPC's own numbers, for fake_call_finish and fake_call_break. */
enum {
    FAKE_STATUS_OK = 0,
    FAKE_STATUS_NOT_FOUND = 5,
    FAKE_STATUS_UNIMPLEMENTED = 12,
    FAKE_STATUS_INTERNAL = 13,
    FAKE_STATUS_UNAVAILABLE = 14
};

typedef struct {
    void (*arrived)(void *context, fake_call *call);
    void (*message)(void *context, fake_call *call, const uint8_t *bytes, size_t len); /* borrowed */
    void (*half_closed)(void *context, fake_call *call);                               /* the client sends no more */
    /* The last event. `cancelled`: the client went away, or the call was broken by us. */
    void (*ended)(void *context, fake_call *call, bool cancelled);
} fake_server_events;

/* fake_server_start listens on `address`, such as "127.0.0.1:0" or "unix:/path". NULL when it cannot. */
fake_server *fake_server_start(const char *address, const fake_server_events *events, void *context);
const char *fake_server_url(const fake_server *server); /* what a client dials */

/* fake_server_stop breaks every call that is open, waits for their ends and frees. */
void fake_server_stop(fake_server *server);

const char *fake_call_method(const fake_call *call);
/* The values of metadata `worker_id`: how many came, and the first (NULL when none). */
const char *fake_call_worker_id(const fake_call *call, size_t *num_values);
fake_server *fake_call_server(const fake_call *call);

/* Messages are read one after another as they come, unless reading is held. A message that is being read when reading
 * is held still comes. */
void fake_call_hold_reading(fake_call *call, bool held);

/* fake_call_write queues a copy; messages leave in order. */
void fake_call_write(fake_call *call, const uint8_t *bytes, size_t len);
size_t fake_call_unsent_bytes(fake_call *call); /* queued, and not yet taken by the transport */

/* fake_call_finish ends the call in good order, after all writes. */
void fake_call_finish(fake_call *call, int status, const char *details);
/* fake_call_break ends it at once. */
void fake_call_break(fake_call *call, int status, const char *details);

#endif
