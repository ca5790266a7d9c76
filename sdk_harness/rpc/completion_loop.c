#include "sdk_harness/rpc/completion_loop.h"

#include "sdk_harness/base/alloc.h"
#include "sdk_harness/rpc/completion_internal.h"

#include <pthread.h>
#include <stdlib.h>

enum { CALLBACKS_BEFORE_DEFERRED = 32 };

struct beamc_completion_loop {
    grpc_completion_queue *queue;
    pthread_t thread;
    pthread_mutex_t lock; /* held while what is deferred runs, so that it can be forgotten */
    beamc_deferred *deferred;
    bool has_deferred; /* the thread's own */
};

static _Thread_local const beamc_completion_loop *running; /* the loop whose thread this is */

static void complete(beamc_completion *completion, bool ok) {
    BEAMC_TAG_ACQUIRE(completion);
    completion->done(completion, ok);
}

static void run_deferred(beamc_completion_loop *loop) {
    pthread_mutex_lock(&loop->lock);
    loop->has_deferred = false;
    while (loop->deferred != NULL) {
        beamc_deferred *deferred = loop->deferred;
        loop->deferred = deferred->next;
        deferred->is_waiting = false;
        deferred->run(deferred);
    }
    pthread_mutex_unlock(&loop->lock);
}

static void *run(void *context) {
    beamc_completion_loop *loop = context;
    unsigned num_callbacks = 0; /* since something was deferred */
    running = loop;
    for (;;) {
        /* While something is deferred, gRPC is only asked what is there. */
        grpc_event event = grpc_completion_queue_next(
            loop->queue, loop->has_deferred ? gpr_inf_past(GPR_CLOCK_MONOTONIC) : gpr_inf_future(GPR_CLOCK_MONOTONIC),
            NULL);
        if (event.type == GRPC_QUEUE_SHUTDOWN) {
            run_deferred(loop);
            return NULL;
        }
        if (event.type == GRPC_OP_COMPLETE)
            complete(event.tag, event.success != 0);
        num_callbacks = loop->has_deferred ? num_callbacks + 1 : 0;
        if (loop->has_deferred && (event.type == GRPC_QUEUE_TIMEOUT || num_callbacks > CALLBACKS_BEFORE_DEFERRED))
            run_deferred(loop);
    }
}

bool beamc_completion_loop_is_here(const beamc_completion_loop *loop) {
    return running == loop;
}

void beamc_completion_loop_defer(beamc_completion_loop *loop, beamc_deferred *deferred) {
    pthread_mutex_lock(&loop->lock);
    if (!deferred->is_waiting) {
        deferred->is_waiting = true;
        deferred->next = loop->deferred;
        loop->deferred = deferred;
        loop->has_deferred = true;
    }
    pthread_mutex_unlock(&loop->lock);
}

void beamc_completion_loop_forget(beamc_completion_loop *loop, beamc_deferred *deferred) {
    pthread_mutex_lock(&loop->lock);
    beamc_deferred **at = &loop->deferred;
    while (*at != NULL && *at != deferred)
        at = &(*at)->next;
    if (*at != NULL)
        *at = deferred->next;
    deferred->is_waiting = false;
    pthread_mutex_unlock(&loop->lock);
}

void beamc_completion_loop_catch(beamc_completion_loop *loop) {
    if (running != loop)
        grpc_completion_queue_thread_local_cache_init(loop->queue);
}

void beamc_completion_loop_run_caught(beamc_completion_loop *loop) {
    void *tag = NULL;
    int ok = 0;
    if (running != loop && grpc_completion_queue_thread_local_cache_flush(loop->queue, &tag, &ok) != 0)
        complete(tag, ok != 0);
}

/* Debian 12 builds abseil with its search for lock cycles, which is for debug builds: gRPC takes a few dozen locks a
 * bundle, and the search was a sixth of all instructions of a bundle of ten rows. This is
 * absl::SetMutexDeadlockDetectionMode of that build; elsewhere there is no such symbol, and nothing is done. */
extern __attribute__((weak)) void
set_deadlock_detection(int mode) __asm__("_ZN4absl7debian329SetMutexDeadlockDetectionModeENS0_15OnDeadlockCycleE");
enum { IGNORE_DEADLOCK_CYCLES = 0 };

beamc_completion_loop *beamc_completion_loop_start(const char *thread_name) {
    if (set_deadlock_detection != NULL)
        set_deadlock_detection(IGNORE_DEADLOCK_CYCLES);
    grpc_init();
    beamc_completion_loop *loop = beamc_alloc_zero(1, sizeof *loop);
    loop->queue = grpc_completion_queue_create_for_next(NULL);
    pthread_mutex_init(&loop->lock, NULL);
    if (pthread_create(&loop->thread, NULL, run, loop) != 0)
        abort(); /* nothing works without the thread, and it is the first thing a process does */
    pthread_setname_np(loop->thread, thread_name);
    return loop;
}

void beamc_completion_loop_stop(beamc_completion_loop *loop) {
    if (loop == NULL)
        return;
    grpc_completion_queue_shutdown(loop->queue);
    pthread_join(loop->thread, NULL);
    grpc_completion_queue_destroy(loop->queue);
    pthread_mutex_destroy(&loop->lock);
    free(loop);
    grpc_shutdown();
}

grpc_completion_queue *beamc_completion_loop_queue(beamc_completion_loop *loop) {
    return loop->queue;
}
