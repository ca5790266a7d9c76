/* How far a source node is in its bundle's input, and where the input ends for it.
 *
 * One thread reads elements; another may move the end towards them. Reading costs one ordered store an element and
 * takes the lock only where the end is met. */
#ifndef SDK_HARNESS_BUNDLE_ELEMENT_CURSOR_H
#define SDK_HARNESS_BUNDLE_ELEMENT_CURSOR_H

#include "sdk_harness/bundle/bundle_split.h"

#include <pthread.h>
#include <stdatomic.h>

typedef struct {
    pthread_mutex_t lock;  /* of those that move the end, and of the reader at the end */
    _Atomic int64_t index; /* of the element being processed; -1 before the first; the reader's */
    _Atomic int64_t stop;  /* the first element that is not ours */
    bool reading;          /* under the lock: between start and finish */
} beamc_element_cursor;

void beamc_element_cursor_init(beamc_element_cursor *cursor);
void beamc_element_cursor_cleanup(beamc_element_cursor *cursor);

/* beamc_element_cursor_start: a new bundle, before its first element. Reader only, as are _next and _finish. */
void beamc_element_cursor_start(beamc_element_cursor *cursor);
void beamc_element_cursor_finish(beamc_element_cursor *cursor); /* no split is taken from now on */

/* beamc_element_cursor_next moves to the next element; false when that is not ours any more: then the position stays.
 * False never turns into true within a bundle. */
bool beamc_element_cursor_next(beamc_element_cursor *cursor);

int64_t beamc_element_cursor_index(const beamc_element_cursor *cursor); /* any thread */

/* beamc_element_cursor_split decides on a split and moves the end; false: nothing was changed. Any thread. */
bool beamc_element_cursor_split(beamc_element_cursor *cursor, const beamc_split_wish *wish, beamc_split_result *out);

#endif
