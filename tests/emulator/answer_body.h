/* The JSON bodies of the emulated service's answers. Texts come from the config and from our own messages,
 * never from a record. */
#ifndef TESTS_EMULATOR_ANSWER_BODY_H
#define TESTS_EMULATOR_ANSWER_BODY_H

#include "sdk_harness/base/byte_buffer.h"
#include "tests/emulator/emulator_config.h"

#include <stdbool.h>
#include <stdint.h>

enum { EMU_MAX_RECORD_ERRORS = 1000 /* of one answer; the records behind are checked, but not reported */ };

/* emu_answer_request_error appends {"requestError":{...}} with errorType RequestValidationError. */
void emu_answer_request_error(beamc_byte_buffer *out, const char *message);

/* {"workspaceName":..,"recordErrors":[...]}, entry by entry. An entry names the view only if `view` is given,
 * and never the record. Entries past EMU_MAX_RECORD_ERRORS are dropped. */
typedef struct {
    beamc_byte_buffer *out;
    uint32_t num_errors; /* dropped ones included */
} emu_record_errors;

void emu_record_errors_open(emu_record_errors *errors, beamc_byte_buffer *out, const char *workspace);
void emu_record_errors_add(emu_record_errors *errors, const char *view, const char *source, const char *message);
void emu_record_errors_close(emu_record_errors *errors);

/* One source of a request and how many of its records were taken. */
typedef struct {
    const emu_stream_source *source;
    uint32_t num_records;
} emu_source_count;

/* emu_answer_success appends the body of a 200: one entry a view that any of the sources feeds. Counts are
 * strings; counts of zero appear only if config->strictness.emit_zeros. A dry run counts zero. */
void emu_answer_success(beamc_byte_buffer *out, const emu_config *config, const emu_workspace *workspace,
                        const emu_source_count *sources, uint32_t num_sources, bool dry_run);

/* emu_answer_read_error appends the read API's error: {"error":..,"code":..,"message":..}.
 *   code   as in gRPC: 3 invalid argument, 5 not found, 7 permission denied, 16 unauthenticated */
void emu_answer_read_error(beamc_byte_buffer *out, int code, const char *message);

#endif
