#include "sdk_harness/logging/log_queue.h"

#include "sdk_harness/base/alloc.h"
#include "sdk_harness/base/clean_text.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

struct beamc_log_queue {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    beamc_queued_line *first;
    beamc_queued_line *last;
    size_t count;
    size_t max_lines;
    uint64_t dropped;
    bool closed;
};

beamc_log_queue *beamc_log_queue_new(size_t max_lines) {
    beamc_log_queue *queue = beamc_alloc_zero(1, sizeof *queue);
    pthread_mutex_init(&queue->lock, NULL);
    pthread_cond_init(&queue->changed, NULL);
    queue->max_lines = max_lines;
    return queue;
}

void beamc_queued_line_free(beamc_queued_line *line) {
    if (line == NULL)
        return;
    free(line->location);
    free(line->instruction_id);
    free(line->transform_id);
    free(line->text);
    free(line);
}

void beamc_log_queue_free(beamc_log_queue *queue) {
    if (queue == NULL)
        return;
    while (queue->first != NULL) {
        beamc_queued_line *line = queue->first;
        queue->first = line->next;
        beamc_queued_line_free(line);
    }
    pthread_cond_destroy(&queue->changed);
    pthread_mutex_destroy(&queue->lock);
    free(queue);
}

static char *copy_or_null(const char *text) {
    return text == NULL ? NULL : beamc_strdup(text);
}

bool beamc_log_queue_add(beamc_log_queue *queue, const beamc_log_line *line, int64_t now_ms) {
    pthread_mutex_lock(&queue->lock);
    bool added = false;
    if (!queue->closed && queue->count >= queue->max_lines)
        queue->dropped++;
    if (!queue->closed && queue->count < queue->max_lines) {
        beamc_queued_line *copy = beamc_alloc_zero(1, sizeof *copy);
        copy->level = line->level;
        copy->wall_ms = now_ms;
        copy->location = beamc_strdup(line->location);
        copy->instruction_id = copy_or_null(line->instruction_id);
        copy->transform_id = copy_or_null(line->transform_id);
        size_t size = strlen(line->text) + 1; /* the copy is never longer */
        copy->text = beamc_alloc(size);
        (void)beamc_clean_text(line->text, size - 1, copy->text, size);
        if (queue->last == NULL)
            queue->first = copy;
        else
            queue->last->next = copy;
        queue->last = copy;
        queue->count++;
        added = true;
        pthread_cond_signal(&queue->changed);
    }
    pthread_mutex_unlock(&queue->lock);
    return added;
}

beamc_queued_line *beamc_log_queue_take(beamc_log_queue *queue, size_t max_lines, uint64_t *dropped) {
    pthread_mutex_lock(&queue->lock);
    while (queue->first == NULL && !queue->closed)
        pthread_cond_wait(&queue->changed, &queue->lock);
    beamc_queued_line *taken = queue->first;
    beamc_queued_line *end = NULL;
    for (size_t i = 0; i < max_lines && queue->first != NULL; i++) {
        end = queue->first;
        queue->first = end->next;
        queue->count--;
    }
    if (end != NULL)
        end->next = NULL;
    if (queue->first == NULL)
        queue->last = NULL;
    *dropped = queue->dropped;
    queue->dropped = 0;
    pthread_mutex_unlock(&queue->lock);
    return taken;
}

void beamc_log_queue_close(beamc_log_queue *queue) {
    pthread_mutex_lock(&queue->lock);
    queue->closed = true;
    pthread_cond_broadcast(&queue->changed);
    pthread_mutex_unlock(&queue->lock);
}
