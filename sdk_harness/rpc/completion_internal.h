/* What an operation of rpc/ gives to gRPC as its tag; not for other folders. */
#ifndef SDK_HARNESS_RPC_COMPLETION_INTERNAL_H
#define SDK_HARNESS_RPC_COMPLETION_INTERNAL_H

#include "sdk_harness/rpc/completion_loop.h"

#include <grpc/grpc.h>
#include <stdbool.h>

typedef struct beamc_completion {
    void (*done)(struct beamc_completion *completion, bool ok); /* on the loop's thread */
} beamc_completion;

grpc_completion_queue *beamc_completion_loop_queue(beamc_completion_loop *loop);

/* Between these two the calling thread keeps the first operation that completes in it, mostly the one it starts, and
 * runs its callback in the second. Otherwise gRPC wakes the loop's thread for it: one wake-up in five of a small
 * bundle. On the loop's thread they do nothing. No lock may be held at the second. */
void beamc_completion_loop_catch(beamc_completion_loop *loop);
void beamc_completion_loop_run_caught(beamc_completion_loop *loop);

/* ThreadSanitizer cannot see gRPC's own hand-over (Debian's library is not instrumented): these two say that
 * what was written before an operation was started is seen by its callback. */
#if defined(__SANITIZE_THREAD__)
void __tsan_acquire(void *address);
void __tsan_release(void *address);
#define BEAMC_TAG_RELEASE(completion) __tsan_release(completion)
#define BEAMC_TAG_ACQUIRE(completion) __tsan_acquire(completion)
#else
#define BEAMC_TAG_RELEASE(completion) ((void)(completion))
#define BEAMC_TAG_ACQUIRE(completion) ((void)(completion))
#endif

/* beamc_start_batch starts `num_ops` operations that complete together. False when gRPC refuses them, which
 * is a bug of ours or a call that has ended; the callback is then not called. */
static inline bool beamc_start_batch(grpc_call *call, const grpc_op *ops, size_t num_ops,
                                     beamc_completion *completion) {
    BEAMC_TAG_RELEASE(completion);
    return grpc_call_start_batch(call, ops, num_ops, completion, NULL) == GRPC_CALL_OK;
}

#endif
