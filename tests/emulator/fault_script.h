/* Scripted faults: which ingest request is answered wrongly, and how.
 *
 * Faults are taken in order: the first one that is not used up decides about a request; when it has hit
 * `times` requests, or its time is over, the next one starts. Time is an argument, monotonic milliseconds. Not
 * thread-safe: the caller holds one lock around takes. */
#ifndef TESTS_EMULATOR_FAULT_SCRIPT_H
#define TESTS_EMULATOR_FAULT_SCRIPT_H

#include "sdk_harness/base/status.h"
#include "tests/emulator/retry_after_form.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef enum {
    EMU_FAULT_BODY_NORMAL, /* the answer's own body, or a request error where there is none */
    EMU_FAULT_BODY_REQUEST_ERROR,
    EMU_FAULT_BODY_RECORD_ERROR,
    EMU_FAULT_BODY_HTML,
    EMU_FAULT_BODY_EMPTY,
    EMU_FAULT_BODY_GARBAGE,   /* claims to be JSON and is not */
    EMU_FAULT_BODY_TRUNCATED, /* Content-Length promises more than comes before the connection closes */
    EMU_FAULT_BODY_TEXT
} emu_fault_body;

typedef enum { EMU_CUT_NONE, EMU_CUT_BEFORE, EMU_CUT_AFTER } emu_cut;

enum {
    EMU_MAX_FAULTS = 1000,
    EMU_MAX_FAULT_DELAY_MS = 600 * 1000,
    EMU_MAX_FAULT_WINDOW_MS = 24 * 3600 * 1000,
    EMU_MAX_FAULT_TEXT_BYTES = 64 * 1024
};

typedef struct {
    int status;        /* 0: that of the normal answer */
    int64_t times;     /* requests it hits; -1 for ever */
    uint64_t after;    /* requests to let pass first */
    uint64_t after_ms; /* time to let pass first, from when the fault before it was used up */
    uint64_t for_ms;   /* used up so long after after_ms; 0: by `times` only */
    double probability;
    emu_retry_after retry_after;
    uint64_t delay_ms;
    emu_fault_body body;
    char *text; /* EMU_FAULT_BODY_TEXT */
    emu_cut cut;
    bool write;          /* the write takes place although the answer is the fault's */
    const char *message; /* of the normal body of an error; NULL: "scripted fault" */
} emu_fault;

typedef struct {
    emu_fault *faults;
    size_t num_faults;
    size_t at;         /* the fault that decides now */
    uint64_t since_ms; /* since when */
    uint64_t passed;   /* requests that its `after` let pass */
    int64_t hit;       /* requests that it hit */
    uint64_t random;   /* state of the generator, so that a script repeats itself */
} emu_fault_script;

/* emu_fault_script_read reads {"faults": [...]} (README.md has the format). On failure nothing is kept and the
 * error says which fault is wrong. Release with emu_fault_script_cleanup; a zeroed script has no faults. */
beamc_status emu_fault_script_read(const char *json, size_t json_len, emu_fault_script *out, beamc_error *err);
void emu_fault_script_cleanup(emu_fault_script *script);

/* emu_fault_script_start: the first fault's times count from now. */
void emu_fault_script_start(emu_fault_script *script, uint64_t now_ms);

/* emu_fault_script_take decides about the next request. True: `out` is the fault; release it with
 * emu_fault_cleanup. */
bool emu_fault_script_take(emu_fault_script *script, uint64_t now_ms, emu_fault *out);
void emu_fault_cleanup(emu_fault *fault);

#endif
