/* Bounded log lines between the threads that write them and the one that sends them to the runner.
 *
 * A full queue drops the line and counts it; the count goes out as a line of its own. Any thread. */
#ifndef SDK_HARNESS_LOGGING_LOG_QUEUE_H
#define SDK_HARNESS_LOGGING_LOG_QUEUE_H

#include "sdk_harness/base/log.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { BEAMC_LOG_QUEUE_LINES = 2000 }; /* Go's harness keeps as many */

typedef struct beamc_queued_line {
    struct beamc_queued_line *next;
    beamc_log_level level;
    int64_t wall_ms;
    char *location;
    char *instruction_id; /* NULL when none */
    char *transform_id;   /* NULL when none */
    char *text;
} beamc_queued_line;

typedef struct beamc_log_queue beamc_log_queue;

beamc_log_queue *beamc_log_queue_new(size_t max_lines);
void beamc_log_queue_free(beamc_log_queue *queue);

/* beamc_log_queue_add copies the line; false when the queue is full or closed. `now_ms` is wall time. */
bool beamc_log_queue_add(beamc_log_queue *queue, const beamc_log_line *line, int64_t now_ms);

/* beamc_log_queue_take waits for lines and takes at most `max_lines` of them as a list; free each with
 * beamc_queued_line_free. NULL after close when the queue is empty.
 *   dropped   lines lost since the last take */
beamc_queued_line *beamc_log_queue_take(beamc_log_queue *queue, size_t max_lines, uint64_t *dropped);

/* beamc_log_queue_close: takers get what is left, then NULL. */
void beamc_log_queue_close(beamc_log_queue *queue);

void beamc_queued_line_free(beamc_queued_line *line);

#endif
