#include "sdk_harness/rpc/completion_loop.h"

#include "sdk_harness/base/alloc.h"
#include "sdk_harness/rpc/completion_internal.h"

#include <pthread.h>
#include <stdlib.h>

struct beamc_completion_loop {
    grpc_completion_queue *queue;
    pthread_t thread;
};

static void *run(void *context) {
    beamc_completion_loop *loop = context;
    for (;;) {
        grpc_event event = grpc_completion_queue_next(loop->queue, gpr_inf_future(GPR_CLOCK_MONOTONIC), NULL);
        if (event.type == GRPC_QUEUE_SHUTDOWN)
            return NULL;
        if (event.type == GRPC_OP_COMPLETE) {
            beamc_completion *completion = event.tag;
            BEAMC_TAG_ACQUIRE(completion);
            completion->done(completion, event.success != 0);
        }
    }
}

beamc_completion_loop *beamc_completion_loop_start(const char *thread_name) {
    grpc_init();
    beamc_completion_loop *loop = beamc_alloc_zero(1, sizeof *loop);
    loop->queue = grpc_completion_queue_create_for_next(NULL);
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
    free(loop);
    grpc_shutdown();
}

grpc_completion_queue *beamc_completion_loop_queue(beamc_completion_loop *loop) {
    return loop->queue;
}
