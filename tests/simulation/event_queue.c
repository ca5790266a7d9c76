#include "tests/simulation/event_queue.h"

#include "sdk_harness/base/alloc.h"

#include <stdlib.h>

static bool sooner(const sim_event *a, const sim_event *b) {
    return a->at_us != b->at_us ? a->at_us < b->at_us : a->order < b->order;
}

void sim_post(sim_event_queue *queue, uint64_t at_us, void (*happen)(void *context, uint64_t now_us), void *context) {
    if (queue->num_events == queue->capacity) {
        queue->capacity = queue->capacity == 0 ? 256 : queue->capacity * 2;
        queue->events = beamc_realloc(queue->events, queue->capacity * sizeof(sim_event));
    }
    sim_event event = {.at_us = at_us, .order = queue->num_posted++, .happen = happen, .context = context};
    size_t index = queue->num_events++;
    while (index > 0 && sooner(&event, &queue->events[(index - 1) / 2])) {
        queue->events[index] = queue->events[(index - 1) / 2];
        index = (index - 1) / 2;
    }
    queue->events[index] = event;
}

static sim_event take_first(sim_event_queue *queue) {
    sim_event first = queue->events[0];
    sim_event last = queue->events[--queue->num_events];
    size_t index = 0;
    for (;;) {
        size_t child = 2 * index + 1;
        if (child >= queue->num_events)
            break;
        if (child + 1 < queue->num_events && sooner(&queue->events[child + 1], &queue->events[child]))
            child++;
        if (!sooner(&queue->events[child], &last))
            break;
        queue->events[index] = queue->events[child];
        index = child;
    }
    queue->events[index] = last;
    return first;
}

void sim_run_until(sim_event_queue *queue, uint64_t until_us) {
    while (queue->num_events > 0 && queue->events[0].at_us < until_us) {
        sim_event event = take_first(queue);
        event.happen(event.context, event.at_us);
    }
}

void sim_event_queue_cleanup(sim_event_queue *queue) {
    free(queue->events);
    *queue = (sim_event_queue){0};
}
