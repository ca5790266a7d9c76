/* A worker whose DoFn does what its payload says: the other half of the fake runner's scenarios.
 *
 * The payload is "key=value;key=value". It hands every row on as it is, and counts rows (counter `rows`, distribution
 * `ids`, namespace `scripted`).
 *
 *   emit=TAG,TAG         outputs that get the row; default: none
 *   copies=N             how often, each; default 1
 *   finish_copies=N      rows (id -1, name "finish") that finish_bundle emits to each output
 *   again=N              process answers BEAMC_AGAIN N times for an element, and wakes after again_ms
 *   finish_again=N       the same for finish_bundle
 *   again_ms=N           default 1
 *   gate=PATH            process answers BEAMC_AGAIN while there is no file PATH
 *   finish_gate=PATH     the same for finish_bundle
 *   sleep_ms=N           process holds its thread so long
 *   finalize=TEXT        asks for finalization in finish_bundle, and prints "TEXT finalized" or "TEXT dropped"
 *   at=N                 again, gate, sleep and error only at the N-th element of a bundle; default: at each
 *   setup_error=TEXT, start_error=TEXT, error=TEXT, finish_error=TEXT
 *
 * An element that is offered again must be the same one, and an instance that has failed must not be used again; if
 * not, the bundle fails. */
#include "sdk_harness/base/alloc.h"
#include "sdk_harness/base/clock.h"
#include "sdk_harness/program.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { MAX_TEXT = 256, MAX_OUTPUTS = 8, LOOK_EVERY_MS = 2, KEPT_WINDOWS_BYTES = 256 };

/* ---- wakes that come later ---- */

typedef struct alarm_entry {
    struct alarm_entry *next;
    beamc_waker *waker;
    uint64_t due_ms;
    char gate[MAX_TEXT]; /* "": none */
} alarm_entry;

static struct {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    pthread_t thread;
    alarm_entry *entries;
    bool stopping;
} alarms = {.lock = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER};

static bool gate_is_open(const char *gate) {
    return gate[0] == '\0' || access(gate, F_OK) == 0;
}

static void wake_due(void) { /* under the lock; the harness's own locks are inside */
    for (alarm_entry **at = &alarms.entries; *at != NULL;) {
        alarm_entry *entry = *at;
        if (!alarms.stopping && (beamc_clock_ms() < entry->due_ms || !gate_is_open(entry->gate))) {
            at = &entry->next;
            continue;
        }
        *at = entry->next;
        beamc_waker_wake(entry->waker);
        beamc_waker_release(entry->waker);
        free(entry);
    }
}

static void *run_alarms(void *context) {
    (void)context;
    pthread_mutex_lock(&alarms.lock);
    while (!alarms.stopping) {
        wake_due();
        if (alarms.entries == NULL) {
            pthread_cond_wait(&alarms.changed, &alarms.lock);
        } else {
            struct timespec until;
            clock_gettime(CLOCK_REALTIME, &until);
            until.tv_nsec += LOOK_EVERY_MS * 1000000L;
            if (until.tv_nsec >= 1000000000L) {
                until.tv_sec++;
                until.tv_nsec -= 1000000000L;
            }
            (void)pthread_cond_timedwait(&alarms.changed, &alarms.lock, &until);
        }
    }
    wake_due();
    pthread_mutex_unlock(&alarms.lock);
    return NULL;
}

static void wake_later(beamc_bundle *bundle, uint64_t after_ms, const char *gate) {
    alarm_entry *entry = beamc_alloc_zero(1, sizeof *entry);
    entry->waker = beamc_bundle_waker(bundle);
    entry->due_ms = beamc_clock_ms() + after_ms;
    snprintf(entry->gate, sizeof entry->gate, "%s", gate);
    pthread_mutex_lock(&alarms.lock);
    entry->next = alarms.entries;
    alarms.entries = entry;
    pthread_cond_signal(&alarms.changed);
    pthread_mutex_unlock(&alarms.lock);
}

static bool start_alarms(void) {
    return pthread_create(&alarms.thread, NULL, run_alarms, NULL) == 0;
}

static void stop_alarms(void) {
    pthread_mutex_lock(&alarms.lock);
    alarms.stopping = true;
    pthread_cond_signal(&alarms.changed);
    pthread_mutex_unlock(&alarms.lock);
    pthread_join(alarms.thread, NULL);
}

/* ---- the DoFn ---- */

typedef struct {
    size_t outputs[MAX_OUTPUTS];
    size_t num_outputs;
    long copies;
    long finish_copies;
    long again;
    long finish_again;
    long again_ms;
    long sleep_ms;
    long at;
    char gate[MAX_TEXT];
    char finish_gate[MAX_TEXT];
    char start_error[MAX_TEXT];
    char error[MAX_TEXT];
    char finish_error[MAX_TEXT];
    char finalize[MAX_TEXT];

    beamc_counter *rows;
    beamc_distribution *ids;
    beamc_bundle *bundle;
    long num_taken;      /* of this bundle */
    long num_agains;     /* of the element that is offered */
    bool offered_before; /* it was answered with BEAMC_AGAIN */
    int64_t offered_id;  /* its id */
    long num_finish_agains;
    uint64_t waits_until_ms; /* a call before it was not for the wake that was asked for */
    bool finish_emitted;
    bool failed;                         /* once */
    uint8_t windows[KEPT_WINDOWS_BYTES]; /* of the last element, for what finish emits */
    beamc_element last;
} scripted;

static bool script_text(const char *script, const char *key, char out[MAX_TEXT]) {
    size_t key_len = strlen(key);
    out[0] = '\0';
    while (*script != '\0') {
        size_t len = strcspn(script, ";");
        if (strncmp(script, key, key_len) == 0 && script[key_len] == '=') {
            snprintf(out, MAX_TEXT, "%.*s", (int)(len - key_len - 1), script + key_len + 1);
            return true;
        }
        script += len;
        script += *script == ';';
    }
    return false;
}

static long script_number(const char *script, const char *key, long otherwise) {
    char text[MAX_TEXT];
    return script_text(script, key, text) ? strtol(text, NULL, 10) : otherwise;
}

static beamc_status find_outputs(scripted *dofn, const char *script, const beamc_dofn_setup *in, beamc_error *err) {
    char tags[MAX_TEXT];
    if (!script_text(script, "emit", tags))
        return BEAMC_OK;
    char *rest = NULL;
    for (char *tag = strtok_r(tags, ",", &rest); tag != NULL; tag = strtok_r(NULL, ",", &rest)) {
        size_t i = 0;
        while (i < in->num_outputs && strcmp(in->output_tags[i], tag) != 0)
            i++;
        if (i == in->num_outputs || dofn->num_outputs == MAX_OUTPUTS)
            return beamc_fail(err, BEAMC_INVALID, "there is no output %s", tag);
        dofn->outputs[dofn->num_outputs++] = i;
    }
    return BEAMC_OK;
}

static beamc_status setup(void *context, const beamc_dofn_setup *in, void **instance, beamc_error *err) {
    (void)context;
    char text[MAX_TEXT];
    char *script = beamc_strndup((const char *)in->payload, in->payload_len);
    scripted *dofn = beamc_alloc_zero(1, sizeof *dofn);
    beamc_status status = find_outputs(dofn, script, in, err);
    if (status == BEAMC_OK && script_text(script, "setup_error", text))
        status = beamc_fail(err, BEAMC_INVALID, "%s", text);
    dofn->copies = script_number(script, "copies", 1);
    dofn->finish_copies = script_number(script, "finish_copies", 0);
    dofn->again = script_number(script, "again", 0);
    dofn->finish_again = script_number(script, "finish_again", 0);
    dofn->again_ms = script_number(script, "again_ms", 1);
    dofn->sleep_ms = script_number(script, "sleep_ms", 0);
    dofn->at = script_number(script, "at", 0);
    (void)script_text(script, "gate", dofn->gate);
    (void)script_text(script, "finish_gate", dofn->finish_gate);
    (void)script_text(script, "start_error", dofn->start_error);
    (void)script_text(script, "error", dofn->error);
    (void)script_text(script, "finish_error", dofn->finish_error);
    (void)script_text(script, "finalize", dofn->finalize);
    dofn->rows = beamc_metrics_counter(in->metrics, "scripted", "rows");
    dofn->ids = beamc_metrics_distribution(in->metrics, "scripted", "ids");
    free(script);
    if (status == BEAMC_OK)
        *instance = dofn;
    else
        free(dofn);
    return status;
}

static beamc_status start_bundle(void *instance, beamc_bundle *bundle, beamc_error *err) {
    scripted *dofn = instance;
    if (dofn->bundle != NULL || dofn->failed)
        return beamc_fail(err, BEAMC_INVALID, "the bundle before %s", dofn->failed ? "failed" : "was not ended");
    dofn->bundle = bundle;
    dofn->num_taken = dofn->num_agains = dofn->num_finish_agains = 0;
    dofn->offered_before = dofn->finish_emitted = false;
    dofn->waits_until_ms = 0;
    return dofn->start_error[0] == '\0' ? BEAMC_OK : beamc_fail(err, BEAMC_INVALID, "%s", dofn->start_error);
}

static beamc_status fail(scripted *dofn, const char *text, beamc_error *err) {
    dofn->failed = true;
    return beamc_fail(err, BEAMC_INVALID, "%s", text);
}

static beamc_status again(scripted *dofn, const char *gate) {
    wake_later(dofn->bundle, (uint64_t)dofn->again_ms, gate);
    return BEAMC_AGAIN;
}

static beamc_status again_later(scripted *dofn) {
    dofn->waits_until_ms = beamc_clock_ms() + (uint64_t)dofn->again_ms;
    return again(dofn, "");
}

static beamc_status emit(scripted *dofn, const beamc_value *fields, const beamc_element *like, long copies,
                         beamc_error *err) {
    for (size_t i = 0; i < dofn->num_outputs; i++)
        for (long c = 0; c < copies; c++)
            BEAMC_TRY(beamc_bundle_emit(dofn->bundle, dofn->outputs[i], fields, like->timestamp_ms, like, err));
    return BEAMC_OK;
}

static void pause_thread(long sleep_ms) {
    const struct timespec pause = {.tv_sec = sleep_ms / 1000, .tv_nsec = sleep_ms % 1000 * 1000000L};
    nanosleep(&pause, NULL);
}

static beamc_status process(void *instance, const beamc_element *element, beamc_error *err) {
    scripted *dofn = instance;
    int64_t id = element->fields[0].as.integer;
    if (dofn->offered_before && dofn->offered_id != id)
        return beamc_fail(err, BEAMC_INVALID, "element %lld was offered again as element %lld",
                          (long long)dofn->offered_id, (long long)id);
    if (dofn->at == 0 || dofn->at == dofn->num_taken + 1) {
        dofn->offered_before = true;
        dofn->offered_id = id;
        if (!gate_is_open(dofn->gate))
            return again(dofn, dofn->gate);
        if (beamc_clock_ms() < dofn->waits_until_ms)
            return BEAMC_AGAIN;
        if (dofn->num_agains++ < dofn->again)
            return again_later(dofn);
        if (dofn->error[0] != '\0')
            return fail(dofn, dofn->error, err);
        if (dofn->sleep_ms > 0)
            pause_thread(dofn->sleep_ms);
    }
    dofn->offered_before = false;
    dofn->num_agains = 0;
    dofn->num_taken++;
    beamc_counter_add(dofn->rows, 1);
    beamc_distribution_add(dofn->ids, id);
    if (element->windows_len <= sizeof dofn->windows) {
        dofn->last = *element;
        memcpy(dofn->windows, element->windows, element->windows_len);
        dofn->last.windows = dofn->windows;
    }
    return emit(dofn, element->fields, element, dofn->copies, err);
}

static void print_finalized(void *context, bool is_finalized) {
    printf("%s %s\n", (const char *)context, is_finalized ? "finalized" : "dropped");
    fflush(stdout);
    free(context);
}

static beamc_status finish_bundle(void *instance, beamc_error *err) {
    scripted *dofn = instance;
    if (dofn->finalize[0] != '\0' && dofn->num_finish_agains == 0)
        BEAMC_TRY(beamc_bundle_request_finalization(dofn->bundle, print_finalized, beamc_strdup(dofn->finalize), err));
    if (!gate_is_open(dofn->finish_gate))
        return again(dofn, dofn->finish_gate);
    if (beamc_clock_ms() < dofn->waits_until_ms)
        return BEAMC_AGAIN;
    if (dofn->num_finish_agains++ < dofn->finish_again)
        return again_later(dofn);
    if (dofn->finish_error[0] != '\0')
        return fail(dofn, dofn->finish_error, err);
    if (dofn->finish_emitted || dofn->num_taken == 0)
        return BEAMC_OK;
    dofn->finish_emitted = true;
    const beamc_value fields[] = {{.kind = BEAMC_VALUE_INTEGER, .as.integer = -1},
                                  {.kind = BEAMC_VALUE_STRING, .as.bytes = {(const uint8_t *)"finish", 6}}};
    return emit(dofn, fields, &dofn->last, dofn->finish_copies, err);
}

static void end_bundle(void *instance) {
    ((scripted *)instance)->bundle = NULL;
}

int main(int argc, char **argv) {
    static const beamc_dofn dofns[] = {{.urn = "test:dofn:scripted:v1",
                                        .setup = setup,
                                        .start_bundle = start_bundle,
                                        .process = process,
                                        .finish_bundle = finish_bundle,
                                        .end_bundle = end_bundle,
                                        .teardown = free}};
    static const beamc_program program = {.name = "scripted-dofn",
                                          .version = "1",
                                          .dofns = dofns,
                                          .num_dofns = 1,
                                          .worker_starts = start_alarms,
                                          .worker_ends = stop_alarms};
    return beamc_program_main(&program, argc, argv);
}
