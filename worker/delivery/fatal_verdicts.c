#include "worker/delivery/fatal_verdicts.h"

#include <stdio.h>
#include <string.h>

void tecton_fatal_verdicts_init(tecton_fatal_verdicts *verdicts, uint64_t startup_grace_ms) {
    memset(verdicts, 0, sizeof *verdicts);
    verdicts->startup_grace_ms = startup_grace_ms;
}

const char *tecton_fatal_verdicts_text(const tecton_fatal_verdicts *verdicts, uint64_t now_ms) {
    bool may_send = !verdicts->held || (verdicts->until_ms <= now_ms && !verdicts->probing);
    return may_send ? NULL : verdicts->text;
}

bool tecton_fatal_verdicts_started(tecton_fatal_verdicts *verdicts, uint64_t now_ms) {
    if (!verdicts->used) {
        verdicts->used = true;
        verdicts->first_use_ms = now_ms;
    }
    verdicts->probing = verdicts->probing || verdicts->held;
    return verdicts->held;
}

void tecton_fatal_verdicts_finished(tecton_fatal_verdicts *verdicts, tecton_fatal_sign sign, bool was_probe,
                                    const char *text, uint64_t now_ms) {
    if (was_probe)
        verdicts->probing = false;
    switch (sign) {
    case TECTON_FATAL_NOTHING:
        return;
    case TECTON_FATAL_CLEARED:
        verdicts->held = false;
        verdicts->probing = false;
        return;
    case TECTON_FATAL_AGAIN:
        break;
    }
    /* Those that were under way together are one verdict; only a probe's prolongs it. */
    if (verdicts->held && !was_probe)
        return;
    uint64_t hold_ms = verdicts->held ? verdicts->hold_ms * 2 : TECTON_FATAL_HOLD_MS;
    verdicts->hold_ms = hold_ms < TECTON_FATAL_MAX_HOLD_MS ? hold_ms : TECTON_FATAL_MAX_HOLD_MS;
    verdicts->held = true;
    verdicts->until_ms = now_ms + verdicts->hold_ms;
    (void)snprintf(verdicts->text, sizeof verdicts->text, "%s", text);
}

bool tecton_fatal_verdicts_in_grace(const tecton_fatal_verdicts *verdicts, int status, uint64_t now_ms) {
    return status == 404 && verdicts->used && now_ms - verdicts->first_use_ms < verdicts->startup_grace_ms;
}
