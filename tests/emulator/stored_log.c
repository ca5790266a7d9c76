#include "tests/emulator/stored_log.h"

#include "sdk_harness/base/alloc.h"
#include "tests/emulator/json_text.h"
#include "tests/emulator/stored_row.h"

#include <stdlib.h>

typedef struct {
    int64_t value;
    uint64_t at_us;
} stored;

struct emu_stored_log {
    stored *ring;        /* NULL until something is noted */
    uint64_t num_stored; /* ever; the newest is at (num_stored - 1) % EMU_STORED_RING */
};

emu_stored_log *emu_stored_log_new(void) {
    return beamc_alloc_zero(1, sizeof(emu_stored_log));
}

void emu_stored_log_free(emu_stored_log *log) {
    free(log->ring);
    free(log);
}

void emu_stored_log_reset(emu_stored_log *log) {
    log->num_stored = 0;
}

static void add(emu_stored_log *log, int64_t value, uint64_t at_us) {
    if (log->ring == NULL)
        log->ring = beamc_alloc_zero(EMU_STORED_RING, sizeof *log->ring);
    log->ring[log->num_stored++ % EMU_STORED_RING] = (stored){.value = value, .at_us = at_us};
}

void emu_stored_log_add(emu_stored_log *log, const emu_config *config, const emu_store_write *writes, size_t num_writes,
                        uint64_t at_us) {
    for (size_t i = 0; i < num_writes; i++) {
        int32_t column = config->sources[config->views[writes[i].view].source].stored_at_column;
        if (column < 0)
            continue;
        const char *end = writes[i].row + writes[i].row_len;
        const char *at = writes[i].row + 1;
        for (int32_t passed = 0; passed < column; passed++)
            at = emu_stored_row_next(at, end) + 1;
        if (*at == '"') /* an Int64; else null */
            add(log, strtoll(at + 1, NULL, 10), at_us);
    }
}

void emu_stored_log_write(const emu_stored_log *log, uint32_t last, beamc_byte_buffer *out) {
    uint64_t kept = log->num_stored < EMU_STORED_RING ? log->num_stored : EMU_STORED_RING;
    uint64_t num_told = last < kept ? last : kept;
    beamc_byte_buffer_append_byte(out, '[');
    for (uint64_t i = log->num_stored - num_told; i < log->num_stored; i++) {
        const stored *row = &log->ring[i % EMU_STORED_RING];
        emu_json_text_format(out, "%s[%lld,%llu]", i == log->num_stored - num_told ? "" : ",", (long long)row->value,
                             (unsigned long long)row->at_us);
    }
    beamc_byte_buffer_append_byte(out, ']');
}
