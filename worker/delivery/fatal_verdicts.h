/* Remembers that a setting is wrong (401, 403, 404), so that later requests fail at once instead of asking again. One
 * for each endpoint, workspace, source and credential. Pure; the engine's thread only.
 *
 * Streaming runners repeat a failed bundle at once and for ever. After a fatal answer everything fails with its text
 * for 5 s; then one request goes out to see, while the others go on failing; if it too ends fatally the next hold is
 * twice as long, up to 60 s. A stored or a properly rejected request clears it. */
#ifndef WORKER_DELIVERY_FATAL_VERDICTS_H
#define WORKER_DELIVERY_FATAL_VERDICTS_H

#include "worker/stores/feature_store.h"

#include <stdbool.h>
#include <stdint.h>

enum { TECTON_FATAL_HOLD_MS = 5 * 1000, TECTON_FATAL_MAX_HOLD_MS = 60 * 1000 };

typedef struct {
    uint64_t startup_grace_ms;
    bool used; /* the grace has begun */
    uint64_t first_use_ms;

    bool held; /* a fatal answer came, and nothing good since */
    uint64_t hold_ms;
    uint64_t until_ms;
    bool probing; /* a request is out to see */
    char text[TECTON_VERDICT_TEXT_BYTES];
} tecton_fatal_verdicts;

/* tecton_fatal_verdicts_init: `startup_grace_ms` 0 for none. */
void tecton_fatal_verdicts_init(tecton_fatal_verdicts *verdicts, uint64_t startup_grace_ms);

/* tecton_fatal_verdicts_text: NULL when a request may be sent now, else what it fails with; borrowed, valid until the
 * next call that changes `verdicts`. */
const char *tecton_fatal_verdicts_text(const tecton_fatal_verdicts *verdicts, uint64_t now_ms);

/* tecton_fatal_verdicts_started: a request is sent now. True when it is the one that goes out to see. */
bool tecton_fatal_verdicts_started(tecton_fatal_verdicts *verdicts, uint64_t now_ms);

typedef enum {
    TECTON_FATAL_CLEARED, /* stored, or the records were rejected: the settings are right */
    TECTON_FATAL_AGAIN,   /* a fatal answer */
    TECTON_FATAL_NOTHING  /* failed otherwise, throttled, cancelled: says nothing of the settings */
} tecton_fatal_sign;

/* tecton_fatal_verdicts_finished: one for every request started. `text`: with AGAIN, what a user should read; copied.
 */
void tecton_fatal_verdicts_finished(tecton_fatal_verdicts *verdicts, tecton_fatal_sign sign, bool was_probe,
                                    const char *text, uint64_t now_ms);

/* tecton_fatal_verdicts_in_grace: whether an answer with `status` is to be tried again instead: a 404 within
 * startup_grace_ms of the first request, for sources that are created at the same time as the pipeline starts. */
bool tecton_fatal_verdicts_in_grace(const tecton_fatal_verdicts *verdicts, int status, uint64_t now_ms);

#endif
