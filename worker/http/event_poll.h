/* Waits for sockets, for a while, or for another thread: the one file that knows epoll.
 *
 * One thread owns a poll; only tecton_event_poll_wake may be called from others. */
#ifndef WORKER_HTTP_EVENT_POLL_H
#define WORKER_HTTP_EVENT_POLL_H

#include "sdk_harness/base/status.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct tecton_event_poll tecton_event_poll;

typedef struct {
    int fd;
    bool readable;
    bool writable;
    bool closing; /* the peer will send no more */
    bool broken;  /* hung up or in error */
} tecton_poll_event;

enum { TECTON_POLL_MAX_EVENTS = 64 /* of one wait; what is left comes with the next */ };

/* tecton_event_poll_new: free with tecton_event_poll_free. BEAMC_UNAVAILABLE when the system has no descriptors left.
 */
beamc_status tecton_event_poll_new(tecton_event_poll **poll, beamc_error *err);
void tecton_event_poll_free(tecton_event_poll *poll); /* NULL is fine */

/* tecton_event_poll_watch reports `fd` whenever it is readable or writable, as asked (level-triggered); asking again
 * replaces. */
void tecton_event_poll_watch(tecton_event_poll *poll, int fd, bool readable, bool writable);

/* tecton_event_poll_watch_changes reports `fd` each time it becomes readable or writable (edge-triggered): once for a
 * descriptor's life, with no system call a request. Whoever asks for it reads and writes until there is no more. False
 * when the system refuses. */
bool tecton_event_poll_watch_changes(tecton_event_poll *poll, int fd);

/* tecton_event_poll_forget: no more of `fd`. Closing the last descriptor of a socket forgets it too. */
void tecton_event_poll_forget(tecton_event_poll *poll, int fd);

/* tecton_event_poll_wait waits for at most `timeout_ms` (UINT64_MAX: for ever; 0: looks only).
 *   events   room for TECTON_POLL_MAX_EVENTS
 * Returns how many it wrote; wakes are not among them. */
size_t tecton_event_poll_wait(tecton_event_poll *poll, tecton_poll_event *events, uint64_t timeout_ms);

/* tecton_event_poll_wake ends the wait under way, or the next one. Any thread. */
void tecton_event_poll_wake(tecton_event_poll *poll);

#endif
