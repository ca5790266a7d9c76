#include "sdk_harness/bundle/executor_pool.h"

#include "sdk_harness/base/alloc.h"

#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdlib.h>

/* Each thread sleeps on a semaphore of its own, so that the one that slept last, whose caches are warm, is woken first,
 * and so that it can be woken after the lock was let go. With a condition, each sleep would end with a system call for
 * nobody: glibc takes the lock back as one that others wait for. */
typedef struct executor {
    beamc_executor_pool *pool;
    struct executor *next_idle;
    sem_t wanted;
    pthread_t thread;
} executor;

struct beamc_executor_pool {
    pthread_mutex_t lock;
    beamc_task *first;
    beamc_task *last;
    executor *idle; /* newest first */
    atomic_uint num_queued;
    beamc_completion_loop *loop; /* NULL: none */
    beamc_deferred waking;       /* of threads for tasks that the loop's thread has queued */
    bool stopping;
    unsigned num_threads;
    executor executors[];
};

static void append(beamc_executor_pool *pool, beamc_task *task) {
    task->state = BEAMC_TASK_QUEUED;
    task->next = NULL;
    if (pool->last == NULL)
        pool->first = task;
    else
        pool->last->next = task;
    pool->last = task;
    atomic_fetch_add_explicit(&pool->num_queued, 1, memory_order_relaxed);
}

/* Under the lock: the thread to wake, if one sleeps. */
static executor *take_idle(beamc_executor_pool *pool) {
    executor *idle = pool->idle;
    if (idle != NULL)
        pool->idle = idle->next_idle;
    return idle;
}

static void sleep_until_wanted(beamc_executor_pool *pool, executor *self) { /* with the lock, and again after it */
    self->next_idle = pool->idle;
    pool->idle = self;
    pthread_mutex_unlock(&pool->lock);
    while (sem_wait(&self->wanted) != 0) { /* a signal came */
    }
    pthread_mutex_lock(&pool->lock);
}

static beamc_task *take(beamc_executor_pool *pool) {
    beamc_task *task = pool->first;
    if (task == NULL)
        return NULL;
    pool->first = task->next;
    if (pool->first == NULL)
        pool->last = NULL;
    atomic_fetch_sub_explicit(&pool->num_queued, 1, memory_order_relaxed);
    task->state = BEAMC_TASK_RUNNING;
    return task;
}

static void *run(void *context) {
    executor *self = context;
    beamc_executor_pool *pool = self->pool;
    pthread_mutex_lock(&pool->lock);
    for (;;) {
        beamc_task *task = take(pool);
        if (task == NULL) {
            if (pool->stopping)
                break;
            sleep_until_wanted(pool, self);
            continue;
        }
        pthread_mutex_unlock(&pool->lock);
        beamc_task_next next = task->run(task);
        pthread_mutex_lock(&pool->lock);
        if (next == BEAMC_TASK_ENDED)
            continue;
        if (next == BEAMC_TASK_YIELD || task->state == BEAMC_TASK_WOKEN)
            append(pool, task);
        else
            task->state = BEAMC_TASK_IDLE;
    }
    pthread_mutex_unlock(&pool->lock);
    return NULL;
}

/* A thread for each task that is queued, as far as there are any: some may already be on the way. */
static void wake_for_queued(beamc_deferred *deferred) {
    beamc_executor_pool *pool =
        (beamc_executor_pool *)(void *)((char *)deferred - offsetof(beamc_executor_pool, waking));
    pthread_mutex_lock(&pool->lock);
    executor *woken = NULL;
    for (unsigned i = atomic_load_explicit(&pool->num_queued, memory_order_relaxed); i > 0 && pool->idle != NULL; i--) {
        executor *idle = take_idle(pool);
        idle->next_idle = woken;
        woken = idle;
    }
    pthread_mutex_unlock(&pool->lock);
    while (woken != NULL) {
        executor *idle = woken;
        woken = idle->next_idle;
        sem_post(&idle->wanted);
    }
}

beamc_executor_pool *beamc_executor_pool_start(unsigned num_threads, beamc_completion_loop *loop) {
    beamc_executor_pool *pool = beamc_alloc_zero(1, sizeof *pool + num_threads * sizeof(executor));
    pool->loop = loop;
    pool->waking.run = wake_for_queued;
    pthread_mutex_init(&pool->lock, NULL);
    pool->num_threads = num_threads;
    for (unsigned i = 0; i < num_threads; i++) {
        executor *e = &pool->executors[i];
        e->pool = pool;
        sem_init(&e->wanted, 0, 0);
        if (pthread_create(&e->thread, NULL, run, e) != 0)
            abort(); /* at start, before any work was taken */
        pthread_setname_np(e->thread, "beam-bundle");
    }
    return pool;
}

void beamc_executor_pool_wake(beamc_executor_pool *pool, beamc_task *task) {
    bool is_loop = pool->loop != NULL && beamc_completion_loop_is_here(pool->loop);
    bool wakes_later = false;
    executor *idle = NULL;
    pthread_mutex_lock(&pool->lock);
    if (task->state == BEAMC_TASK_IDLE) {
        append(pool, task);
        wakes_later = is_loop && pool->idle != NULL;
        idle = is_loop ? NULL : take_idle(pool);
    } else if (task->state == BEAMC_TASK_RUNNING) {
        task->state = BEAMC_TASK_WOKEN;
    }
    pthread_mutex_unlock(&pool->lock);
    if (wakes_later)
        beamc_completion_loop_defer(pool->loop, &pool->waking);
    if (idle != NULL) /* executors live as long as the pool, and the pool longer than its callers */
        sem_post(&idle->wanted);
}

bool beamc_executor_pool_busy(beamc_executor_pool *pool) {
    return atomic_load_explicit(&pool->num_queued, memory_order_relaxed) > 0;
}

unsigned beamc_executor_pool_num_queued(beamc_executor_pool *pool) {
    return atomic_load_explicit(&pool->num_queued, memory_order_relaxed);
}

void beamc_executor_pool_stop(beamc_executor_pool *pool) {
    if (pool == NULL)
        return;
    if (pool->loop != NULL)
        beamc_completion_loop_forget(pool->loop, &pool->waking);
    pthread_mutex_lock(&pool->lock);
    pool->stopping = true;
    for (executor *idle = take_idle(pool); idle != NULL; idle = take_idle(pool))
        sem_post(&idle->wanted);
    pthread_mutex_unlock(&pool->lock);
    for (unsigned i = 0; i < pool->num_threads; i++) {
        pthread_join(pool->executors[i].thread, NULL);
        sem_destroy(&pool->executors[i].wanted);
    }
    pthread_mutex_destroy(&pool->lock);
    free(pool);
}
