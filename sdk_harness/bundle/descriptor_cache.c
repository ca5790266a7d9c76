#include "sdk_harness/bundle/descriptor_cache.h"

#include "protos/fn_api.pb-c.h"
#include "sdk_harness/base/alloc.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

typedef struct waiter {
    struct waiter *next;
    beamc_descriptor_wake wake;
    void *context;
} waiter;

typedef struct entry {
    struct entry *next;
    char *id;
    enum { ENTRY_ASKED, ENTRY_READY, ENTRY_FAILED } state;
    Beam__ProcessBundleDescriptor *descriptor; /* READY */
    char *why;                                 /* FAILED */
    waiter *waiters;                           /* ASKED */
    beamc_plan *idle;
    size_t num_idle;
} entry;

struct beamc_descriptor_cache {
    pthread_mutex_t lock;
    beamc_dofn_table dofns;
    beamc_descriptor_fetch fetch;
    void *fetch_context;
    entry *entries;
};

beamc_descriptor_cache *beamc_descriptor_cache_new(const beamc_dofn_table *dofns, beamc_descriptor_fetch fetch,
                                                   void *fetch_context) {
    beamc_descriptor_cache *cache = beamc_alloc_zero(1, sizeof *cache);
    pthread_mutex_init(&cache->lock, NULL);
    cache->dofns = *dofns;
    cache->fetch = fetch;
    cache->fetch_context = fetch_context;
    return cache;
}

void beamc_descriptor_cache_free(beamc_descriptor_cache *cache) {
    if (cache == NULL)
        return;
    while (cache->entries != NULL) {
        entry *e = cache->entries;
        cache->entries = e->next;
        while (e->idle != NULL) {
            beamc_plan *plan = e->idle;
            e->idle = plan->next;
            beamc_plan_free(plan);
        }
        while (e->waiters != NULL) {
            waiter *w = e->waiters;
            e->waiters = w->next;
            free(w);
        }
        if (e->descriptor != NULL)
            beam__process_bundle_descriptor__free_unpacked(e->descriptor, NULL);
        free(e->why);
        free(e->id);
        free(e);
    }
    pthread_mutex_destroy(&cache->lock);
    free(cache);
}

static entry *find(beamc_descriptor_cache *cache, const char *id) {
    for (entry *e = cache->entries; e != NULL; e = e->next)
        if (strcmp(e->id, id) == 0)
            return e;
    return NULL;
}

static entry *find_or_add(beamc_descriptor_cache *cache, const char *id) {
    entry *e = find(cache, id);
    if (e != NULL)
        return e;
    e = beamc_alloc_zero(1, sizeof *e);
    e->id = beamc_strdup(id);
    e->next = cache->entries;
    cache->entries = e;
    return e;
}

/* Under the lock: a bundle that is woken takes its own locks only. */
static void wake_all(entry *e) {
    while (e->waiters != NULL) {
        waiter *w = e->waiters;
        e->waiters = w->next;
        w->wake(w->context);
        free(w);
    }
}

beamc_status beamc_descriptor_cache_put(beamc_descriptor_cache *cache, const char *id, const uint8_t *message,
                                        size_t len, beamc_error *err) {
    Beam__ProcessBundleDescriptor *descriptor = beam__process_bundle_descriptor__unpack(NULL, len, message);
    if (descriptor == NULL)
        return beamc_fail(err, BEAMC_INVALID, "bundle descriptor %s of %zu bytes cannot be parsed",
                          id == NULL ? "(unnamed)" : id, len);
    pthread_mutex_lock(&cache->lock);
    entry *e = find_or_add(cache, id == NULL ? descriptor->id : id);
    if (e->state == ENTRY_READY) { /* plans point into the first one, so that one stays */
        beam__process_bundle_descriptor__free_unpacked(descriptor, NULL);
    } else {
        e->descriptor = descriptor;
        e->state = ENTRY_READY;
    }
    wake_all(e);
    pthread_mutex_unlock(&cache->lock);
    return BEAMC_OK;
}

void beamc_descriptor_cache_fail(beamc_descriptor_cache *cache, const char *id, const char *why) {
    pthread_mutex_lock(&cache->lock);
    entry *e = find_or_add(cache, id);
    if (e->state != ENTRY_READY) {
        e->state = ENTRY_FAILED;
        free(e->why);
        e->why = beamc_strdup(why);
    }
    wake_all(e);
    pthread_mutex_unlock(&cache->lock);
}

static void wait_for(entry *e, beamc_descriptor_wake wake, void *context) {
    waiter *w = beamc_alloc_zero(1, sizeof *w);
    w->wake = wake;
    w->context = context;
    w->next = e->waiters;
    e->waiters = w;
}

beamc_status beamc_plan_acquire(beamc_descriptor_cache *cache, const char *descriptor_id, bool asked,
                                beamc_descriptor_wake wake, void *context, beamc_plan **out, beamc_error *err) {
    pthread_mutex_lock(&cache->lock);
    entry *e = find(cache, descriptor_id);
    if (e == NULL || (e->state == ENTRY_FAILED && !asked)) {
        e = find_or_add(cache, descriptor_id);
        e->state = ENTRY_ASKED;
        wait_for(e, wake, context);
        pthread_mutex_unlock(&cache->lock);
        cache->fetch(cache->fetch_context, descriptor_id);
        return BEAMC_AGAIN;
    }
    beamc_status status = BEAMC_OK;
    const Beam__ProcessBundleDescriptor *descriptor = NULL;
    if (e->state == ENTRY_ASKED) {
        if (!asked)
            wait_for(e, wake, context);
        status = BEAMC_AGAIN;
    } else if (e->state == ENTRY_FAILED) {
        status = beamc_fail(err, BEAMC_UNAVAILABLE, "bundle descriptor %s: %s", descriptor_id, e->why);
    } else if (e->idle != NULL) {
        *out = e->idle;
        e->idle = e->idle->next;
        e->num_idle--;
    } else {
        descriptor = e->descriptor;
    }
    pthread_mutex_unlock(&cache->lock);
    if (descriptor != NULL) /* setup may take time: not under the lock */
        status = beamc_plan_build(descriptor, &cache->dofns, out, err);
    return status;
}

bool beamc_plan_is_idle(beamc_descriptor_cache *cache, const char *descriptor_id) {
    pthread_mutex_lock(&cache->lock);
    const entry *e = find(cache, descriptor_id);
    bool idle = e != NULL && e->idle != NULL;
    pthread_mutex_unlock(&cache->lock);
    return idle;
}

void beamc_descriptor_cache_forget(beamc_descriptor_cache *cache, const char *descriptor_id, const void *context) {
    pthread_mutex_lock(&cache->lock);
    entry *e = find(cache, descriptor_id);
    for (waiter **at = e == NULL ? NULL : &e->waiters; at != NULL && *at != NULL;) {
        waiter *w = *at;
        if (w->context != context) {
            at = &w->next;
            continue;
        }
        *at = w->next;
        free(w);
    }
    pthread_mutex_unlock(&cache->lock);
}

void beamc_descriptor_cache_each_source(beamc_descriptor_cache *cache, const char *descriptor_id,
                                        beamc_source_visit visit, void *context) {
    pthread_mutex_lock(&cache->lock);
    const entry *e = find(cache, descriptor_id);
    const Beam__ProcessBundleDescriptor *descriptor = e == NULL ? NULL : e->descriptor;
    pthread_mutex_unlock(&cache->lock);
    if (descriptor != NULL) /* it stays as long as the cache */
        beamc_plan_each_source(descriptor, visit, context);
}

void beamc_plan_release(beamc_descriptor_cache *cache, const char *descriptor_id, beamc_plan *plan) {
    pthread_mutex_lock(&cache->lock);
    entry *e = find(cache, descriptor_id);
    if (e != NULL && e->num_idle < BEAMC_IDLE_PLANS_KEPT) {
        plan->next = e->idle;
        e->idle = plan;
        e->num_idle++;
        plan = NULL;
    }
    pthread_mutex_unlock(&cache->lock);
    beamc_plan_free(plan);
}
