/* What happens next in simulated time. Events of the same time happen in the order they were posted. */
#ifndef TESTS_SIMULATION_EVENT_QUEUE_H
#define TESTS_SIMULATION_EVENT_QUEUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct {
    uint64_t at_us;
    uint64_t order;
    void (*happen)(void *context, uint64_t now_us);
    void *context;
} sim_event;

/* Zero is empty. */
typedef struct {
    sim_event *events; /* a heap, the soonest first */
    size_t num_events;
    size_t capacity;
    uint64_t num_posted;
} sim_event_queue;

/* sim_post: `happen` is called with `context` when time has come to `at_us`. */
void sim_post(sim_event_queue *queue, uint64_t at_us, void (*happen)(void *context, uint64_t now_us), void *context);

/* sim_run_until lets everything happen that is due before `until_us`. */
void sim_run_until(sim_event_queue *queue, uint64_t until_us);

void sim_event_queue_cleanup(sim_event_queue *queue);

#endif
