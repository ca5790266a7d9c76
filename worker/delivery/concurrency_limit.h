/* How many requests may be under way to one endpoint. Pure; the engine's thread only.
 *
 * The limit is fixed: max_in_flight. Everything that decides it stands here. */
#ifndef WORKER_DELIVERY_CONCURRENCY_LIMIT_H
#define WORKER_DELIVERY_CONCURRENCY_LIMIT_H

#include <stdbool.h>
#include <stdint.h>

typedef struct {
    uint32_t ceiling;
    uint32_t num_in_flight;
} tecton_concurrency_limit;

/* tecton_concurrency_may_start: whether one more request may be sent now. */
bool tecton_concurrency_may_start(const tecton_concurrency_limit *limit);

/* tecton_concurrency_started and _finished keep count: one each for every request sent. */
void tecton_concurrency_started(tecton_concurrency_limit *limit);
void tecton_concurrency_finished(tecton_concurrency_limit *limit);

#endif
