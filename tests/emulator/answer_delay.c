#include "tests/emulator/answer_delay.h"

#include "sdk_harness/base/alloc.h"
#include "sdk_harness/base/clock.h"

#include <microhttpd.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <time.h>

typedef struct {
    uint64_t due_us;
    struct MHD_Connection *connection;
} held;

struct emu_delay {
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    bool stopping;
    uint32_t num_held;
    uint32_t max_held;
    held heap[]; /* the earliest first: entry i is not later than 2i+1 and 2i+2 */
};

static void swap(held *a, held *b) {
    held other = *a;
    *a = *b;
    *b = other;
}

static void push(emu_delay *delay, held entry) {
    uint32_t at = delay->num_held++;
    delay->heap[at] = entry;
    while (at > 0 && delay->heap[at].due_us < delay->heap[(at - 1) / 2].due_us) {
        swap(&delay->heap[at], &delay->heap[(at - 1) / 2]);
        at = (at - 1) / 2;
    }
}

static struct MHD_Connection *pop(emu_delay *delay) {
    struct MHD_Connection *first = delay->heap[0].connection;
    delay->heap[0] = delay->heap[--delay->num_held];
    for (uint32_t at = 0;;) {
        uint32_t earliest = at;
        for (uint32_t child = 2 * at + 1; child <= 2 * at + 2 && child < delay->num_held; child++)
            if (delay->heap[child].due_us < delay->heap[earliest].due_us)
                earliest = child;
        if (earliest == at)
            return first;
        swap(&delay->heap[at], &delay->heap[earliest]);
        at = earliest;
    }
}

static void wait_until(emu_delay *delay, uint64_t due_us) {
    struct timespec until = {.tv_sec = (time_t)(due_us / 1000000), .tv_nsec = (long)(due_us % 1000000) * 1000};
    pthread_cond_timedwait(&delay->changed, &delay->lock, &until);
}

static void *run(void *context) {
    emu_delay *delay = context;
    pthread_mutex_lock(&delay->lock);
    while (!delay->stopping || delay->num_held > 0) {
        if (delay->num_held == 0)
            pthread_cond_wait(&delay->changed, &delay->lock);
        else if (delay->stopping || delay->heap[0].due_us <= beamc_clock_us())
            MHD_resume_connection(pop(delay));
        else
            wait_until(delay, delay->heap[0].due_us);
    }
    pthread_mutex_unlock(&delay->lock);
    return NULL;
}

emu_delay *emu_delay_new(uint32_t max_held) {
    emu_delay *delay = beamc_alloc_zero(1, sizeof *delay + max_held * sizeof delay->heap[0]);
    delay->max_held = max_held;
    pthread_mutex_init(&delay->lock, NULL);
    pthread_condattr_t monotonic;
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&delay->changed, &monotonic);
    pthread_condattr_destroy(&monotonic);
    if (pthread_create(&delay->thread, NULL, run, delay) != 0)
        abort();
    return delay;
}

bool emu_delay_hold(emu_delay *delay, struct MHD_Connection *connection, uint64_t due_us) {
    pthread_mutex_lock(&delay->lock);
    bool holds = !delay->stopping && delay->num_held < delay->max_held;
    if (holds) {
        MHD_suspend_connection(connection);
        push(delay, (held){.due_us = due_us, .connection = connection});
        pthread_cond_signal(&delay->changed);
    }
    pthread_mutex_unlock(&delay->lock);
    return holds;
}

void emu_delay_stop(emu_delay *delay) {
    pthread_mutex_lock(&delay->lock);
    delay->stopping = true;
    pthread_cond_signal(&delay->changed);
    pthread_mutex_unlock(&delay->lock);
    pthread_join(delay->thread, NULL);
}

void emu_delay_free(emu_delay *delay) {
    pthread_cond_destroy(&delay->changed);
    pthread_mutex_destroy(&delay->lock);
    free(delay);
}
