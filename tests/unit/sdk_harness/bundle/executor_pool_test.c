#include "sdk_harness/bundle/executor_pool.h"
#include "tests/support/check.h"

#include <pthread.h>
#include <stdatomic.h>

enum { NUM_TASKS = 20, ROUNDS = 200 };

typedef struct {
    beamc_task task; /* first */
    atomic_int inside;
    atomic_int runs;
    int wanted;
    pthread_mutex_t *lock;
    pthread_cond_t *changed;
    int *num_ended;
} counted_task;

static beamc_task_next run_counted(beamc_task *task) {
    counted_task *t = (counted_task *)task;
    assert_int_equal(atomic_fetch_add(&t->inside, 1), 0); /* never on two threads */
    int runs = atomic_fetch_add(&t->runs, 1) + 1;
    atomic_fetch_sub(&t->inside, 1);
    if (runs < t->wanted)
        return runs % 2 == 0 ? BEAMC_TASK_YIELD : BEAMC_TASK_WAIT;
    pthread_mutex_lock(t->lock);
    ++*t->num_ended;
    pthread_cond_signal(t->changed);
    pthread_mutex_unlock(t->lock);
    return BEAMC_TASK_ENDED;
}

static void tasks_run_once_for_each_wake_and_never_twice_at_once(void **state) {
    (void)state;
    pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
    pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
    int num_ended = 0;
    static counted_task tasks[NUM_TASKS];
    beamc_executor_pool *pool = beamc_executor_pool_start(3, NULL);
    for (int i = 0; i < NUM_TASKS; i++) {
        tasks[i] = (counted_task){.task = {.run = run_counted},
                                  .wanted = ROUNDS,
                                  .lock = &lock,
                                  .changed = &changed,
                                  .num_ended = &num_ended};
        beamc_executor_pool_wake(pool, &tasks[i].task);
    }
    /* A task that waits is woken again and again until all have ended; wakes of ended tasks are the waker's
     * fault in real life, so here each task is woken only while it still wants to run. */
    for (bool all = false; !all;) {
        all = true;
        for (int i = 0; i < NUM_TASKS; i++)
            if (atomic_load(&tasks[i].runs) < ROUNDS) {
                all = false;
                beamc_executor_pool_wake(pool, &tasks[i].task);
            }
    }
    pthread_mutex_lock(&lock);
    while (num_ended < NUM_TASKS)
        pthread_cond_wait(&changed, &lock);
    pthread_mutex_unlock(&lock);
    beamc_executor_pool_stop(pool);
    for (int i = 0; i < NUM_TASKS; i++)
        assert_int_equal(atomic_load(&tasks[i].runs), ROUNDS);
}

/* A task that wakes itself while it runs, as an answer that comes at once would. */
typedef struct {
    beamc_task task; /* first */
    beamc_executor_pool *pool;
    int runs;
    atomic_bool ended;
} self_waker;

static beamc_task_next run_self_waker(beamc_task *task) {
    self_waker *t = (self_waker *)task;
    if (++t->runs == 3) {
        atomic_store(&t->ended, true);
        return BEAMC_TASK_ENDED;
    }
    beamc_executor_pool_wake(t->pool, task);
    return BEAMC_TASK_WAIT;
}

static void a_wake_that_comes_while_the_task_runs_is_not_lost(void **state) {
    (void)state;
    beamc_executor_pool *pool = beamc_executor_pool_start(1, NULL);
    self_waker waker = {.task = {.run = run_self_waker}, .pool = pool};
    beamc_executor_pool_wake(pool, &waker.task);
    while (!atomic_load(&waker.ended)) { /* fails by the test's own timeout */
    }
    beamc_executor_pool_stop(pool);
    assert_int_equal(waker.runs, 3);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tasks_run_once_for_each_wake_and_never_twice_at_once),
        cmocka_unit_test(a_wake_that_comes_while_the_task_runs_is_not_lost),
    };
    return cmocka_run_group_tests_name("executor_pool", tests, NULL, NULL);
}
