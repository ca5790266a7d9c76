#include "sdk_harness/control/instruction_table.h"

#include "sdk_harness/base/alloc.h"
#include "sdk_harness/base/wait_deadline.h"
#include "sdk_harness/data_plane/finished_instructions.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

typedef struct active {
    struct active *next;
    char *instruction_id;
    beamc_bundle_processor *processor; /* NULL between claim and set */
} active;

struct beamc_instruction_table {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    active *actives;
    beamc_finished_instructions ended;
};

beamc_instruction_table *beamc_instruction_table_new(void) {
    beamc_instruction_table *table = beamc_alloc_zero(1, sizeof *table);
    pthread_mutex_init(&table->lock, NULL);
    beamc_condition_init(&table->changed);
    return table;
}

void beamc_instruction_table_free(beamc_instruction_table *table) {
    if (table == NULL)
        return;
    beamc_finished_cleanup(&table->ended);
    pthread_cond_destroy(&table->changed);
    pthread_mutex_destroy(&table->lock);
    free(table);
}

static active *find(beamc_instruction_table *table, const char *instruction_id) {
    for (active *a = table->actives; a != NULL; a = a->next)
        if (strcmp(a->instruction_id, instruction_id) == 0)
            return a;
    return NULL;
}

bool beamc_instruction_table_claim(beamc_instruction_table *table, const char *instruction_id) {
    pthread_mutex_lock(&table->lock);
    bool free_id = find(table, instruction_id) == NULL && !beamc_finished_has(&table->ended, instruction_id);
    if (free_id) {
        active *a = beamc_alloc_zero(1, sizeof *a);
        a->instruction_id = beamc_strdup(instruction_id);
        a->next = table->actives;
        table->actives = a;
    }
    pthread_mutex_unlock(&table->lock);
    return free_id;
}

void beamc_instruction_table_set(beamc_instruction_table *table, const char *instruction_id,
                                 beamc_bundle_processor *processor) {
    pthread_mutex_lock(&table->lock);
    active *a = find(table, instruction_id);
    if (a != NULL)
        a->processor = processor;
    pthread_mutex_unlock(&table->lock);
    if (a == NULL) /* it ended before it was named */
        beamc_bundle_processor_release(processor);
}

void beamc_instruction_table_end(beamc_instruction_table *table, const char *instruction_id) {
    pthread_mutex_lock(&table->lock);
    active *a = NULL;
    for (active **at = &table->actives; *at != NULL; at = &(*at)->next)
        if (strcmp((*at)->instruction_id, instruction_id) == 0) {
            a = *at;
            *at = a->next;
            break;
        }
    beamc_finished_add(&table->ended, instruction_id);
    pthread_cond_broadcast(&table->changed);
    pthread_mutex_unlock(&table->lock);
    if (a == NULL)
        return;
    if (a->processor != NULL)
        beamc_bundle_processor_release(a->processor);
    free(a->instruction_id);
    free(a);
}

beamc_instruction_state beamc_instruction_table_progress(beamc_instruction_table *table, const char *instruction_id,
                                                         beamc_metric_report *report) {
    *report = (beamc_metric_report){0};
    pthread_mutex_lock(&table->lock);
    beamc_instruction_state state = BEAMC_INSTRUCTION_UNKNOWN;
    active *a = find(table, instruction_id);
    if (a != NULL) {
        state = BEAMC_INSTRUCTION_ACTIVE;
        if (a->processor != NULL)
            beamc_bundle_progress(a->processor, report);
    } else if (beamc_finished_has(&table->ended, instruction_id)) {
        state = BEAMC_INSTRUCTION_ENDED;
    }
    pthread_mutex_unlock(&table->lock);
    return state;
}

beamc_instruction_state beamc_instruction_table_split(beamc_instruction_table *table, const char *instruction_id,
                                                      beamc_split_lookup lookup, void *context, bool *split,
                                                      char **transform_id, beamc_split_result *out) {
    *split = false;
    pthread_mutex_lock(&table->lock);
    beamc_instruction_state state = BEAMC_INSTRUCTION_UNKNOWN;
    active *a = find(table, instruction_id);
    if (a != NULL) {
        state = BEAMC_INSTRUCTION_ACTIVE;
        if (a->processor != NULL)
            *split = beamc_bundle_split(a->processor, lookup, context, transform_id, out);
    } else if (beamc_finished_has(&table->ended, instruction_id)) {
        state = BEAMC_INSTRUCTION_ENDED;
    }
    pthread_mutex_unlock(&table->lock);
    return state;
}

beamc_instruction_state beamc_instruction_table_state(beamc_instruction_table *table, const char *instruction_id) {
    pthread_mutex_lock(&table->lock);
    beamc_instruction_state state = BEAMC_INSTRUCTION_UNKNOWN;
    if (find(table, instruction_id) != NULL)
        state = BEAMC_INSTRUCTION_ACTIVE;
    else if (beamc_finished_has(&table->ended, instruction_id))
        state = BEAMC_INSTRUCTION_ENDED;
    pthread_mutex_unlock(&table->lock);
    return state;
}

void beamc_instruction_table_each(beamc_instruction_table *table, beamc_instruction_visit visit, void *context) {
    pthread_mutex_lock(&table->lock);
    for (const active *a = table->actives; a != NULL; a = a->next)
        if (a->processor != NULL)
            visit(context, a->processor);
    pthread_mutex_unlock(&table->lock);
}

void beamc_instruction_table_abort_all(beamc_instruction_table *table, const char *why) {
    pthread_mutex_lock(&table->lock);
    for (active *a = table->actives; a != NULL; a = a->next)
        if (a->processor != NULL)
            beamc_bundle_processor_abort(a->processor, why);
    pthread_mutex_unlock(&table->lock);
}

bool beamc_instruction_table_wait_idle(beamc_instruction_table *table, unsigned timeout_ms) {
    struct timespec deadline = beamc_deadline_in(timeout_ms);
    pthread_mutex_lock(&table->lock);
    while (table->actives != NULL)
        if (pthread_cond_timedwait(&table->changed, &table->lock, &deadline) == ETIMEDOUT)
            break;
    bool idle = table->actives == NULL;
    pthread_mutex_unlock(&table->lock);
    return idle;
}
