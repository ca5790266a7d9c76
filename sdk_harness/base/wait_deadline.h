/* Waiting on a condition with a bound: condition variables that run on the monotonic clock. */
#ifndef SDK_HARNESS_BASE_WAIT_DEADLINE_H
#define SDK_HARNESS_BASE_WAIT_DEADLINE_H

#include <pthread.h>
#include <time.h>

/* beamc_condition_init makes `condition` take deadlines of beamc_deadline_in. */
void beamc_condition_init(pthread_cond_t *condition);

/* beamc_deadline_in: timeout_ms from now, for pthread_cond_timedwait on such a condition. */
struct timespec beamc_deadline_in(unsigned timeout_ms);

#endif
