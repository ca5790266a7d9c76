#include "worker/delivery/concurrency_limit.h"

#include <assert.h>

bool tecton_concurrency_may_start(const tecton_concurrency_limit *limit) {
    return limit->num_in_flight < limit->ceiling;
}

void tecton_concurrency_started(tecton_concurrency_limit *limit) {
    limit->num_in_flight++;
}

void tecton_concurrency_finished(tecton_concurrency_limit *limit) {
    assert(limit->num_in_flight > 0);
    limit->num_in_flight--;
}
