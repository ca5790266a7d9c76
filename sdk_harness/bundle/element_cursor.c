#include "sdk_harness/bundle/element_cursor.h"

void beamc_element_cursor_init(beamc_element_cursor *cursor) {
    pthread_mutex_init(&cursor->lock, NULL);
    atomic_init(&cursor->index, -1);
    atomic_init(&cursor->stop, INT64_MAX);
    cursor->reading = false;
}

void beamc_element_cursor_cleanup(beamc_element_cursor *cursor) {
    pthread_mutex_destroy(&cursor->lock);
}

void beamc_element_cursor_start(beamc_element_cursor *cursor) {
    pthread_mutex_lock(&cursor->lock);
    atomic_store(&cursor->index, -1);
    atomic_store(&cursor->stop, INT64_MAX);
    cursor->reading = true;
    pthread_mutex_unlock(&cursor->lock);
}

void beamc_element_cursor_finish(beamc_element_cursor *cursor) {
    pthread_mutex_lock(&cursor->lock);
    cursor->reading = false;
    pthread_mutex_unlock(&cursor->lock);
}

/* The end that was seen may be one that a split is only trying; under the lock it is settled. */
static bool is_past_end(beamc_element_cursor *cursor, int64_t index) {
    pthread_mutex_lock(&cursor->lock);
    bool past = index >= atomic_load(&cursor->stop);
    if (past)
        atomic_store(&cursor->index, index - 1);
    pthread_mutex_unlock(&cursor->lock);
    return past;
}

/* The reader says where it is and then looks at the end; a split sets the end and then looks where the reader is. Both
 * in one order for all threads, so at least one of them sees the other. */
bool beamc_element_cursor_next(beamc_element_cursor *cursor) {
    int64_t index = atomic_load_explicit(&cursor->index, memory_order_relaxed) + 1;
    atomic_store(&cursor->index, index);
    return index < atomic_load(&cursor->stop) || !is_past_end(cursor, index);
}

int64_t beamc_element_cursor_index(const beamc_element_cursor *cursor) {
    return atomic_load_explicit(&cursor->index, memory_order_relaxed);
}

bool beamc_element_cursor_split(beamc_element_cursor *cursor, const beamc_split_wish *wish, beamc_split_result *out) {
    pthread_mutex_lock(&cursor->lock);
    int64_t stop = atomic_load(&cursor->stop);
    bool split = false;
    if (cursor->reading && beamc_split_decide(atomic_load(&cursor->index), stop, wish, out)) {
        atomic_store(&cursor->stop, out->first_residual);
        split = atomic_load(&cursor->index) < out->first_residual;
        if (!split) /* the reader was faster; what it has begun it ends */
            atomic_store(&cursor->stop, stop);
    }
    pthread_mutex_unlock(&cursor->lock);
    return split;
}
