/* Everything that is checked before an ingest request is written, in this order:
 * Authorization (401), body size (413), content encoding (415), JSON syntax (400), required fields (400),
 * workspace (404), permission (403), source and subscribed views (404), each record (400, all errors of the
 * request). A pure function of its input and `now`; any thread. */
#ifndef TESTS_EMULATOR_INGEST_CHECK_H
#define TESTS_EMULATOR_INGEST_CHECK_H

#include "sdk_harness/base/arena.h"
#include "sdk_harness/base/byte_buffer.h"
#include "tests/emulator/answer_body.h"
#include "tests/emulator/emulator_config.h"
#include "tests/emulator/feature_store_memory.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef enum {
    EMU_INGEST_V1, /* /ingest: workspace_name, dry_run */
    EMU_INGEST_V2  /* /v2/ingest: workspaceName, dryRun */
} emu_ingest_path;

typedef struct {
    emu_ingest_path path;
    const char *authorization;    /* header's value or NULL */
    const char *content_encoding; /* header's value or NULL */
    const char *body;
    size_t body_len;     /* bytes */
    bool body_too_large; /* it passed max_body_bytes and was not kept */
} emu_ingest_request;

enum { EMU_SOURCE_NAMES_MAX = 128 /* bytes with the terminator; longer lists are cut */ };

/* The result. Release with emu_ingest_plan_cleanup. */
typedef struct {
    int status;               /* 200: go on and write; anything else: send `answer` */
    beamc_byte_buffer answer; /* body of an error */
    bool parsed;              /* the records could be counted */
    bool dry_run;
    uint32_t num_records;                    /* in the request; 0 unless parsed */
    uint32_t num_good;                       /* of them, that passed every check; 0 unless records were checked */
    char source_names[EMU_SOURCE_NAMES_MAX]; /* with commas between; "" unless parsed */
    const emu_workspace *workspace;
    emu_source_count *sources; /* with the number of good records of each */
    uint32_t num_sources;
    emu_store_write *writes; /* of the good records. Write them if status is 200 and not a dry run, and under
                                partial_write also at 400 */
    size_t num_writes;
    beamc_arena arena;
} emu_ingest_plan;

/* emu_ingest_check fills `plan`, which borrows from `request->body`. */
void emu_ingest_check(const emu_config *config, const emu_ingest_request *request, emu_timestamp now,
                      emu_ingest_plan *plan);

void emu_ingest_plan_cleanup(emu_ingest_plan *plan);

#endif
