#include "sdk_harness/data_plane/inbound_elements.h"

#include "sdk_harness/base/alloc.h"
#include "sdk_harness/base/clock.h"
#include "sdk_harness/base/log.h"
#include "sdk_harness/data_plane/finished_instructions.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

typedef struct queued_segment {
    struct queued_segment *next;
    beamc_element_segment segment;
} queued_segment;

typedef struct source_queue {
    struct source_queue *next;
    char *transform_id;
    queued_segment *first;
    queued_segment *last;
    bool ended; /* is_last has come */
    uint64_t ended_us;
} source_queue;

/* A data stream that ended: from its address nothing more comes. One for each address at most. */
typedef struct stream_end {
    struct stream_end *next;
    char *url;
    char *why;
} stream_end;

struct beamc_inbound_bundle {
    beamc_inbound_bundle *next;
    beamc_inbound *inbound;
    char *instruction_id;
    source_queue *sources;
    size_t num_waiting;      /* segments not taken */
    beamc_inbound_wake wake; /* NULL until attached */
    void *context;
    bool attached;
    bool touched;     /* by the message that is being accepted */
    bool complete;    /* all input came with the request */
    uint64_t fed_ms;  /* when something came last; see beamc_inbound_drop_unclaimed */
    stream_end *ends; /* of streams, since the bundle was first seen */
};

struct beamc_inbound {
    pthread_mutex_t lock;
    beamc_inbound_bundle *bundles; /* few: those that run, and those whose data came first */
    beamc_finished_instructions finished;
    size_t cap_bytes;
    size_t buffered_bytes;
    bool was_full;
    uint64_t looked_ms; /* the last call of beamc_inbound_drop_unclaimed */
    beamc_inbound_room room;
    void *room_context;
};

beamc_inbound *beamc_inbound_new(size_t cap_bytes) {
    beamc_inbound *inbound = beamc_alloc_zero(1, sizeof *inbound);
    pthread_mutex_init(&inbound->lock, NULL);
    inbound->cap_bytes = cap_bytes;
    return inbound;
}

void beamc_inbound_on_room(beamc_inbound *inbound, beamc_inbound_room room, void *context) {
    inbound->room = room;
    inbound->room_context = context;
}

/* ---- segments ---- */

static size_t slice_part(const beamc_element_segment *segment, size_t slice) {
    size_t len = 0;
    (void)beamc_message_slice(segment->message, slice, &len);
    size_t skipped = slice == segment->run.first_slice ? segment->run.offset : 0;
    return len - skipped;
}

static void retain_slices(beamc_element_segment *segment) {
    size_t left = segment->run.len;
    for (size_t slice = segment->run.first_slice; left > 0; slice++) {
        beamc_message_retain_slice(segment->message, slice);
        size_t part = slice_part(segment, slice);
        left -= part < left ? part : left;
    }
    beamc_message_retain(segment->message);
}

static void give_back_bytes(beamc_inbound *inbound, size_t bytes) {
    pthread_mutex_lock(&inbound->lock);
    inbound->buffered_bytes -= bytes;
    bool has_room = inbound->was_full && inbound->buffered_bytes < inbound->cap_bytes;
    if (has_room)
        inbound->was_full = false;
    beamc_inbound_room room = inbound->room;
    void *context = inbound->room_context;
    pthread_mutex_unlock(&inbound->lock);
    if (has_room && room != NULL)
        room(context);
}

static void release_up_to(beamc_element_segment *segment, size_t end_slice) {
    size_t released = 0;
    while (segment->released_slice < end_slice && segment->unreleased > 0) {
        size_t part = slice_part(segment, segment->released_slice);
        if (part > segment->unreleased)
            part = segment->unreleased;
        beamc_message_release_slice(segment->message, segment->released_slice++);
        segment->unreleased -= part;
        released += part;
    }
    if (released > 0)
        give_back_bytes(segment->inbound, released);
}

bool beamc_element_segment_next_slice(void *context, const uint8_t **data, size_t *len) {
    beamc_element_segment *segment = context;
    if (segment->left == 0)
        return false;
    size_t slice = segment->next_slice++;
    size_t slice_len = 0;
    const uint8_t *start = beamc_message_slice(segment->message, slice, &slice_len);
    size_t skipped = slice == segment->run.first_slice ? segment->run.offset : 0;
    *data = start + skipped;
    *len = slice_len - skipped < segment->left ? slice_len - skipped : segment->left;
    segment->left -= *len;
    return true;
}

void beamc_element_segment_release_read(beamc_element_segment *segment) {
    if (segment->next_slice > segment->released_slice + 1)
        release_up_to(segment, segment->next_slice - 1);
}

void beamc_element_segment_release(beamc_element_segment *segment) {
    if (segment->message == NULL)
        return;
    release_up_to(segment, SIZE_MAX);
    beamc_message_release(segment->message);
    *segment = (beamc_element_segment){0};
}

/* ---- bundles ---- */

static beamc_inbound_bundle *find_bundle(beamc_inbound *inbound, const char *instruction_id) {
    for (beamc_inbound_bundle *bundle = inbound->bundles; bundle != NULL; bundle = bundle->next)
        if (strcmp(bundle->instruction_id, instruction_id) == 0)
            return bundle;
    return NULL;
}

static beamc_inbound_bundle *add_bundle(beamc_inbound *inbound, const char *instruction_id) {
    beamc_inbound_bundle *bundle = beamc_alloc_zero(1, sizeof *bundle);
    bundle->inbound = inbound;
    bundle->instruction_id = beamc_strdup(instruction_id);
    bundle->next = inbound->bundles;
    inbound->bundles = bundle;
    return bundle;
}

static source_queue *find_source(beamc_inbound_bundle *bundle, const char *transform_id, bool make) {
    for (source_queue *source = bundle->sources; source != NULL; source = source->next)
        if (strcmp(source->transform_id, transform_id) == 0)
            return source;
    if (!make)
        return NULL;
    source_queue *source = beamc_alloc_zero(1, sizeof *source);
    source->transform_id = beamc_strdup(transform_id);
    source->next = bundle->sources;
    bundle->sources = source;
    return source;
}

typedef struct {
    beamc_inbound *inbound;
    beamc_message *message;
    uint64_t received_us;
} accepting;

static void accept_part(void *context, const beamc_elements_part *part) {
    accepting *accept = context;
    beamc_inbound *inbound = accept->inbound;
    if (part->timer_family_id != NULL)
        return; /* no transform of ours has timers; a runner that sends them names no family we declared */
    pthread_mutex_lock(&inbound->lock);
    beamc_inbound_bundle *bundle = find_bundle(inbound, part->instruction_id);
    if (bundle == NULL && !beamc_finished_has(&inbound->finished, part->instruction_id))
        bundle = add_bundle(inbound, part->instruction_id);
    if (bundle != NULL) {
        source_queue *source = find_source(bundle, part->transform_id, true);
        if (part->run.len > 0 && !source->ended) {
            queued_segment *queued = beamc_alloc_zero(1, sizeof *queued);
            queued->segment = (beamc_element_segment){.inbound = inbound,
                                                      .message = accept->message,
                                                      .run = part->run,
                                                      .next_slice = part->run.first_slice,
                                                      .released_slice = part->run.first_slice,
                                                      .left = part->run.len,
                                                      .unreleased = part->run.len,
                                                      .received_us = accept->received_us};
            retain_slices(&queued->segment);
            if (source->last == NULL)
                source->first = queued;
            else
                source->last->next = queued;
            source->last = queued;
            bundle->num_waiting++;
            inbound->buffered_bytes += part->run.len;
        }
        if (part->is_last && !source->ended) {
            source->ended = true;
            source->ended_us = accept->received_us;
        }
        bundle->touched = true;
        bundle->fed_ms = inbound->looked_ms;
    }
    pthread_mutex_unlock(&inbound->lock);
}

/* Once a message, whatever number of its parts a bundle has: a wake is dearer than a small bundle's work. */
static void wake_touched(beamc_inbound *inbound) {
    pthread_mutex_lock(&inbound->lock);
    for (beamc_inbound_bundle *bundle = inbound->bundles; bundle != NULL; bundle = bundle->next) {
        if (bundle->touched && bundle->attached)
            bundle->wake(bundle->context); /* under the lock, so that none comes after detach */
        bundle->touched = false;
    }
    pthread_mutex_unlock(&inbound->lock);
}

beamc_status beamc_inbound_accept(beamc_inbound *inbound, beamc_message *message, beamc_error *err) {
    accepting accept = {.inbound = inbound, .message = message, .received_us = beamc_clock_us()};
    beamc_status status = beamc_elements_read(message, accept_part, &accept, err);
    wake_touched(inbound);
    /* From here on only segments hold slices. */
    for (size_t i = 0; i < beamc_message_num_slices(message); i++)
        beamc_message_release_slice(message, i);
    return status;
}

bool beamc_inbound_full(beamc_inbound *inbound) {
    pthread_mutex_lock(&inbound->lock);
    bool full = inbound->buffered_bytes >= inbound->cap_bytes;
    inbound->was_full = full;
    pthread_mutex_unlock(&inbound->lock);
    return full;
}

size_t beamc_inbound_buffered_bytes(beamc_inbound *inbound) {
    pthread_mutex_lock(&inbound->lock);
    size_t bytes = inbound->buffered_bytes;
    pthread_mutex_unlock(&inbound->lock);
    return bytes;
}

beamc_inbound_bundle *beamc_inbound_attach(beamc_inbound *inbound, const char *instruction_id, beamc_inbound_wake wake,
                                           void *context) {
    pthread_mutex_lock(&inbound->lock);
    beamc_inbound_bundle *bundle = find_bundle(inbound, instruction_id);
    if (bundle != NULL && bundle->attached)
        bundle = NULL;
    else if (bundle == NULL && !beamc_finished_has(&inbound->finished, instruction_id))
        bundle = add_bundle(inbound, instruction_id);
    if (bundle != NULL) {
        bundle->attached = true;
        bundle->wake = wake;
        bundle->context = context;
    }
    pthread_mutex_unlock(&inbound->lock);
    return bundle;
}

static void free_bundle(beamc_inbound_bundle *bundle) {
    while (bundle->sources != NULL) {
        source_queue *source = bundle->sources;
        bundle->sources = source->next;
        while (source->first != NULL) {
            queued_segment *queued = source->first;
            source->first = queued->next;
            beamc_element_segment_release(&queued->segment);
            free(queued);
        }
        free(source->transform_id);
        free(source);
    }
    while (bundle->ends != NULL) {
        stream_end *end = bundle->ends;
        bundle->ends = end->next;
        free(end->url);
        free(end->why);
        free(end);
    }
    free(bundle->instruction_id);
    free(bundle);
}

static void unlink_bundle(beamc_inbound *inbound, beamc_inbound_bundle *bundle) {
    beamc_inbound_bundle **at = &inbound->bundles;
    while (*at != bundle)
        at = &(*at)->next;
    *at = bundle->next;
}

void beamc_inbound_detach(beamc_inbound_bundle *bundle) {
    beamc_inbound *inbound = bundle->inbound;
    pthread_mutex_lock(&inbound->lock);
    unlink_bundle(inbound, bundle);
    beamc_finished_add(&inbound->finished, bundle->instruction_id);
    pthread_mutex_unlock(&inbound->lock);
    free_bundle(bundle);
}

static size_t queued_bytes(const beamc_inbound_bundle *bundle) {
    size_t bytes = 0;
    for (const source_queue *source = bundle->sources; source != NULL; source = source->next)
        for (const queued_segment *queued = source->first; queued != NULL; queued = queued->next)
            bytes += queued->segment.unreleased;
    return bytes;
}

/* Under the lock: unlinks the bundle that must go first, if one must. */
static beamc_inbound_bundle *take_unclaimed(beamc_inbound *inbound, uint64_t now_ms) {
    beamc_inbound_bundle *oldest = NULL;
    for (beamc_inbound_bundle *bundle = inbound->bundles; bundle != NULL; bundle = bundle->next)
        if (!bundle->attached && (oldest == NULL || bundle->fed_ms <= oldest->fed_ms)) /* new ones stand first */
            oldest = bundle;
    bool is_full = inbound->buffered_bytes >= inbound->cap_bytes;
    if (oldest == NULL || now_ms - oldest->fed_ms < (is_full ? BEAMC_UNCLAIMED_AT_CAP_MS : BEAMC_UNCLAIMED_MS))
        return NULL;
    unlink_bundle(inbound, oldest);
    beamc_finished_add(&inbound->finished, oldest->instruction_id);
    return oldest;
}

void beamc_inbound_drop_unclaimed(beamc_inbound *inbound, uint64_t now_ms) {
    for (;;) {
        pthread_mutex_lock(&inbound->lock);
        if (inbound->looked_ms == 0) /* what is here came at no known time */
            for (beamc_inbound_bundle *early = inbound->bundles; early != NULL; early = early->next)
                early->fed_ms = now_ms;
        inbound->looked_ms = now_ms;
        beamc_inbound_bundle *bundle = take_unclaimed(inbound, now_ms);
        pthread_mutex_unlock(&inbound->lock);
        if (bundle == NULL)
            return;
        log_warn("%zu bytes of input for instruction %s are dropped: they came %" PRIu64
                 " s ago, and no ProcessBundle has asked for them",
                 queued_bytes(bundle), bundle->instruction_id, (now_ms - bundle->fed_ms) / 1000);
        free_bundle(bundle);
    }
}

void beamc_inbound_free(beamc_inbound *inbound) {
    if (inbound == NULL)
        return;
    inbound->room = NULL;
    while (inbound->bundles != NULL) {
        beamc_inbound_bundle *bundle = inbound->bundles;
        inbound->bundles = bundle->next;
        free_bundle(bundle);
    }
    beamc_finished_cleanup(&inbound->finished);
    pthread_mutex_destroy(&inbound->lock);
    free(inbound);
}

static const stream_end *find_end(const beamc_inbound_bundle *bundle, const char *url) {
    const stream_end *end = bundle->ends;
    while (end != NULL && strcmp(end->url, url) != 0)
        end = end->next;
    return end;
}

beamc_inbound_next beamc_inbound_take(beamc_inbound_bundle *bundle, const char *transform_id, const char *url,
                                      beamc_element_segment *out) {
    beamc_inbound *inbound = bundle->inbound;
    pthread_mutex_lock(&inbound->lock);
    source_queue *source = find_source(bundle, transform_id, false);
    queued_segment *queued = source == NULL ? NULL : source->first;
    beamc_inbound_next next = BEAMC_INBOUND_EMPTY;
    if (queued != NULL) {
        source->first = queued->next;
        if (source->first == NULL)
            source->last = NULL;
        bundle->num_waiting--;
        *out = queued->segment;
        next = BEAMC_INBOUND_SEGMENT;
    } else if (source != NULL && source->ended) {
        *out = (beamc_element_segment){.received_us = source->ended_us};
        next = BEAMC_INBOUND_ENDED;
    } else if (bundle->complete || find_end(bundle, url) != NULL) {
        next = BEAMC_INBOUND_BROKEN;
    }
    pthread_mutex_unlock(&inbound->lock);
    free(queued);
    return next;
}

bool beamc_inbound_has_arrived(beamc_inbound_bundle *bundle) {
    pthread_mutex_lock(&bundle->inbound->lock);
    bool arrived = bundle->sources != NULL || bundle->ends != NULL;
    pthread_mutex_unlock(&bundle->inbound->lock);
    return arrived;
}

bool beamc_inbound_waiting(beamc_inbound_bundle *bundle) {
    pthread_mutex_lock(&bundle->inbound->lock);
    bool waiting = bundle->num_waiting > 0;
    pthread_mutex_unlock(&bundle->inbound->lock);
    return waiting;
}

void beamc_inbound_break(beamc_inbound *inbound, const char *url, const char *why) {
    pthread_mutex_lock(&inbound->lock);
    for (beamc_inbound_bundle *bundle = inbound->bundles; bundle != NULL; bundle = bundle->next) {
        if (find_end(bundle, url) == NULL) {
            stream_end *end = beamc_alloc_zero(1, sizeof *end);
            end->url = beamc_strdup(url);
            end->why = beamc_strdup(why);
            end->next = bundle->ends;
            bundle->ends = end;
        }
        if (bundle->attached)
            bundle->wake(bundle->context);
    }
    pthread_mutex_unlock(&inbound->lock);
}

void beamc_inbound_complete(beamc_inbound *inbound, const char *instruction_id) {
    pthread_mutex_lock(&inbound->lock);
    beamc_inbound_bundle *bundle = find_bundle(inbound, instruction_id);
    if (bundle != NULL) { /* else it has failed already */
        bundle->complete = true;
        if (bundle->attached)
            bundle->wake(bundle->context);
    }
    pthread_mutex_unlock(&inbound->lock);
}

const char *beamc_inbound_why_broken(beamc_inbound_bundle *bundle, const char *url) {
    pthread_mutex_lock(&bundle->inbound->lock);
    const stream_end *end = find_end(bundle, url);
    pthread_mutex_unlock(&bundle->inbound->lock);
    if (end == NULL)
        return "the elements embedded in the request ended";
    return end->why; /* an end stays as it is while its bundle lives */
}
