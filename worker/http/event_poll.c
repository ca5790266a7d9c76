#include "worker/http/event_poll.h"

#include "sdk_harness/base/alloc.h"
#include "sdk_harness/base/log.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

struct tecton_event_poll {
    int epoll;
    int wake; /* an eventfd */
};

beamc_status tecton_event_poll_new(tecton_event_poll **poll, beamc_error *err) {
    tecton_event_poll *made = beamc_alloc(sizeof *made);
    made->epoll = epoll_create1(EPOLL_CLOEXEC);
    made->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    struct epoll_event event = {.events = EPOLLIN | EPOLLET, .data.fd = made->wake}; /* never read: each write counts */
    if (made->epoll < 0 || made->wake < 0 || epoll_ctl(made->epoll, EPOLL_CTL_ADD, made->wake, &event) != 0) {
        int why = errno;
        tecton_event_poll_free(made);
        return beamc_fail(err, BEAMC_UNAVAILABLE, "cannot wait for sockets: %s", strerror(why));
    }
    *poll = made;
    return BEAMC_OK;
}

void tecton_event_poll_free(tecton_event_poll *poll) {
    if (poll == NULL)
        return;
    if (poll->epoll >= 0)
        (void)close(poll->epoll);
    if (poll->wake >= 0)
        (void)close(poll->wake);
    free(poll);
}

void tecton_event_poll_watch(tecton_event_poll *poll, int fd, bool readable, bool writable) {
    struct epoll_event event = {.events = (readable ? EPOLLIN : 0U) | (writable ? EPOLLOUT : 0U), .data.fd = fd};
    if (epoll_ctl(poll->epoll, EPOLL_CTL_MOD, fd, &event) == 0)
        return;
    if (errno != ENOENT || epoll_ctl(poll->epoll, EPOLL_CTL_ADD, fd, &event) != 0)
        log_warn("cannot watch a socket: %s", strerror(errno)); /* the request's timeout ends it */
}

bool tecton_event_poll_watch_changes(tecton_event_poll *poll, int fd) {
    struct epoll_event event = {.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET, .data.fd = fd};
    return epoll_ctl(poll->epoll, EPOLL_CTL_ADD, fd, &event) == 0;
}

void tecton_event_poll_forget(tecton_event_poll *poll, int fd) {
    struct epoll_event event = {0};
    (void)epoll_ctl(poll->epoll, EPOLL_CTL_DEL, fd, &event); /* gone already when it was closed */
}

size_t tecton_event_poll_wait(tecton_event_poll *poll, tecton_poll_event *events, uint64_t timeout_ms) {
    struct epoll_event ready[TECTON_POLL_MAX_EVENTS];
    int timeout = timeout_ms > INT_MAX ? (timeout_ms == UINT64_MAX ? -1 : INT_MAX) : (int)timeout_ms;
    int num_ready = epoll_wait(poll->epoll, ready, TECTON_POLL_MAX_EVENTS, timeout);
    size_t num_events = 0;
    for (int i = 0; i < num_ready; i++) {
        if (ready[i].data.fd == poll->wake)
            continue;
        events[num_events++] = (tecton_poll_event){.fd = ready[i].data.fd,
                                                   .readable = (ready[i].events & EPOLLIN) != 0,
                                                   .writable = (ready[i].events & EPOLLOUT) != 0,
                                                   .closing = (ready[i].events & EPOLLRDHUP) != 0,
                                                   .broken = (ready[i].events & (EPOLLERR | EPOLLHUP)) != 0};
    }
    return num_events;
}

void tecton_event_poll_wake(tecton_event_poll *poll) {
    uint64_t one = 1;
    (void)!write(poll->wake, &one, sizeof one); /* 64 bits of wakes are never full */
}
