#include "tests/emulator/write_journal.h"

#include "sdk_harness/base/alloc.h"
#include "sdk_harness/base/byte_buffer.h"
#include "tests/emulator/json_text.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { MAX_APPEND_BYTES = 16 * 1024 * 1024 /* keys of one request, which are shorter than its body */ };

struct emu_journal {
    int file;
};

beamc_status emu_journal_open(const char *path, emu_journal **out, beamc_error *err) {
    int file = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    if (file < 0)
        return beamc_fail(err, BEAMC_UNAVAILABLE, "%s: %s", path, strerror(errno));
    *out = beamc_alloc(sizeof **out);
    (*out)->file = file;
    return BEAMC_OK;
}

void emu_journal_close(emu_journal *journal) {
    if (journal == NULL)
        return;
    close(journal->file);
    free(journal);
}

bool emu_journal_add(const emu_journal *journal, const emu_feature_view *views, const emu_store_write *writes,
                     size_t num_writes, uint64_t now_us) {
    beamc_byte_buffer lines;
    beamc_byte_buffer_init(&lines, MAX_APPEND_BYTES);
    for (size_t i = 0; i < num_writes; i++) {
        const emu_store_write *one = &writes[i];
        emu_json_text_format(&lines, "%" PRIu64 "\t%s\t%" PRId64 ".%09" PRId32 "\t", now_us, views[one->view].name,
                             one->at.seconds, one->at.nanos);
        beamc_byte_buffer_append(&lines, one->key, one->key_len);
        beamc_byte_buffer_append_byte(&lines, '\n');
    }
    /* One call: lines of requests that are handled side by side do not mix. */
    bool good = !lines.failed && write(journal->file, lines.data, lines.len) == (ssize_t)lines.len;
    beamc_byte_buffer_cleanup(&lines);
    return good;
}
