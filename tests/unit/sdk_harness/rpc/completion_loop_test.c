#include "sdk_harness/rpc/bidi_stream.h"
#include "sdk_harness/rpc/completion_loop.h"
#include "tests/support/check.h"

#include <pthread.h>
#include <stddef.h>

typedef struct {
    beamc_deferred first; /* first: the deferred one is cast back */
    beamc_deferred second;
    beamc_completion_loop *loop;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    bool in_callback;
    bool was_here;
    int num_first;
    int num_second;
    bool closed;
} fixture;

static void count_first(beamc_deferred *deferred) {
    fixture *f = (fixture *)deferred;
    pthread_mutex_lock(&f->lock);
    assert_false(f->in_callback); /* never inside of what deferred it */
    f->num_first++;
    pthread_cond_signal(&f->changed);
    pthread_mutex_unlock(&f->lock);
}

static void count_second(beamc_deferred *deferred) {
    fixture *f = (fixture *)(void *)((char *)deferred - offsetof(fixture, second));
    pthread_mutex_lock(&f->lock);
    f->num_second++;
    pthread_cond_signal(&f->changed);
    pthread_mutex_unlock(&f->lock);
}

static void no_message(void *context, beamc_message *message) {
    (void)context;
    beamc_message_release(message);
}

/* The one callback that comes by itself: the end of a call to an address where nobody listens. */
static void defer_in_callback(void *context, int status_code, const char *details) {
    (void)status_code;
    (void)details;
    fixture *f = context;
    f->in_callback = true;
    f->was_here = beamc_completion_loop_is_here(f->loop);
    beamc_completion_loop_defer(f->loop, &f->first);
    beamc_completion_loop_defer(f->loop, &f->second);
    beamc_completion_loop_defer(f->loop, &f->first);
    pthread_mutex_lock(&f->lock);
    f->in_callback = false;
    f->closed = true;
    pthread_cond_signal(&f->changed);
    pthread_mutex_unlock(&f->lock);
}

static void call_nobody(fixture *f) {
    static const beamc_stream_events events = {.message = no_message, .closed = defer_in_callback};
    beamc_channel *channel = beamc_channel_open("unix:/nobody/listens/here", "worker");
    f->closed = false;
    beamc_stream *stream = beamc_stream_open(f->loop, channel, "/package.Service/Method", &events, f, 1024);
    pthread_mutex_lock(&f->lock);
    while (!f->closed)
        pthread_cond_wait(&f->changed, &f->lock);
    pthread_mutex_unlock(&f->lock);
    beamc_stream_release(stream);
    beamc_channel_close(channel);
}

static fixture start(void) {
    return (fixture){.first = {.run = count_first},
                     .second = {.run = count_second},
                     .loop = beamc_completion_loop_start("test-loop"),
                     .lock = PTHREAD_MUTEX_INITIALIZER,
                     .changed = PTHREAD_COND_INITIALIZER};
}

static void what_is_deferred_runs_once_after_the_callback_and_may_be_deferred_again(void **state) {
    (void)state;
    static fixture f;
    f = start();
    for (int round = 1; round <= 3; round++) {
        call_nobody(&f);
        pthread_mutex_lock(&f.lock);
        while (f.num_first < round || f.num_second < round)
            pthread_cond_wait(&f.changed, &f.lock);
        pthread_mutex_unlock(&f.lock);
    }
    beamc_completion_loop_stop(f.loop);
    assert_int_equal(f.num_first, 3);
    assert_int_equal(f.num_second, 3);
}

static void only_the_loop_s_thread_is_here(void **state) {
    (void)state;
    static fixture f;
    f = start();
    assert_false(beamc_completion_loop_is_here(f.loop));
    call_nobody(&f);
    assert_true(f.was_here);
    beamc_completion_loop_stop(f.loop);
}

static void what_was_forgotten_does_not_run_any_more(void **state) {
    (void)state;
    static fixture f;
    f = start();
    call_nobody(&f);
    beamc_completion_loop_forget(f.loop, &f.first);
    int num_first = f.num_first; /* it may have run before: then once */
    assert_true(num_first <= 1);
    beamc_completion_loop_stop(f.loop);
    assert_int_equal(f.num_first, num_first);
    assert_int_equal(f.num_second, 1);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_deferred_runs_once_after_the_callback_and_may_be_deferred_again),
        cmocka_unit_test(only_the_loop_s_thread_is_here),
        cmocka_unit_test(what_was_forgotten_does_not_run_any_more),
    };
    return cmocka_run_group_tests_name("completion_loop", tests, NULL, NULL);
}
