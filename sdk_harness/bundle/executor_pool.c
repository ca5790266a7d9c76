#include "sdk_harness/bundle/executor_pool.h"

#include "sdk_harness/base/alloc.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

struct beamc_executor_pool {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    beamc_task *first;
    beamc_task *last;
    atomic_uint num_queued;
    bool stopping;
    unsigned num_threads;
    pthread_t threads[];
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
    pthread_cond_signal(&pool->changed);
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
    beamc_executor_pool *pool = context;
    pthread_mutex_lock(&pool->lock);
    for (;;) {
        beamc_task *task = take(pool);
        if (task == NULL) {
            if (pool->stopping)
                break;
            pthread_cond_wait(&pool->changed, &pool->lock);
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

beamc_executor_pool *beamc_executor_pool_start(unsigned num_threads) {
    beamc_executor_pool *pool = beamc_alloc_zero(1, sizeof *pool + num_threads * sizeof(pthread_t));
    pthread_mutex_init(&pool->lock, NULL);
    pthread_cond_init(&pool->changed, NULL);
    pool->num_threads = num_threads;
    for (unsigned i = 0; i < num_threads; i++) {
        if (pthread_create(&pool->threads[i], NULL, run, pool) != 0)
            abort(); /* at start, before any work was taken */
        pthread_setname_np(pool->threads[i], "beam-bundle");
    }
    return pool;
}

void beamc_executor_pool_wake(beamc_executor_pool *pool, beamc_task *task) {
    pthread_mutex_lock(&pool->lock);
    if (task->state == BEAMC_TASK_IDLE)
        append(pool, task);
    else if (task->state == BEAMC_TASK_RUNNING)
        task->state = BEAMC_TASK_WOKEN;
    pthread_mutex_unlock(&pool->lock);
}

bool beamc_executor_pool_busy(beamc_executor_pool *pool) {
    return atomic_load_explicit(&pool->num_queued, memory_order_relaxed) > 0;
}

void beamc_executor_pool_stop(beamc_executor_pool *pool) {
    if (pool == NULL)
        return;
    pthread_mutex_lock(&pool->lock);
    pool->stopping = true;
    pthread_cond_broadcast(&pool->changed);
    pthread_mutex_unlock(&pool->lock);
    for (unsigned i = 0; i < pool->num_threads; i++)
        pthread_join(pool->threads[i], NULL);
    pthread_cond_destroy(&pool->changed);
    pthread_mutex_destroy(&pool->lock);
    free(pool);
}
