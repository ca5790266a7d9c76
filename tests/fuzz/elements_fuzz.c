/* Messages of the data stream: parts lie inside the message, and come out the same however gRPC cuts it. */
#include "sdk_harness/data_plane/elements_reader.h"
#include "tests/fuzz/fuzz_target.h"

#include <string.h>

enum { BUFFER_BYTES = 1024 * 1024 };

/* All that was visited, one part after the other. */
typedef struct {
    const beamc_message *message;
    beamc_byte_buffer seen;
} visits;

static void add_run(visits *to, const beamc_element_run *run) {
    size_t left = run->len;
    size_t offset = run->offset;
    for (size_t i = run->first_slice; left > 0; i++) {
        fuzz_must(i < beamc_message_num_slices(to->message), "a part goes on behind the message");
        size_t len = 0;
        const uint8_t *data = beamc_message_slice(to->message, i, &len);
        fuzz_must(offset <= len, "a part begins behind its slice");
        size_t num = len - offset < left ? len - offset : left;
        beamc_byte_buffer_append(&to->seen, data + offset, num);
        left -= num;
        offset = 0;
    }
}

static void visit(void *context, const beamc_elements_part *part) {
    visits *to = context;
    beamc_byte_buffer_append(&to->seen, part->instruction_id, strlen(part->instruction_id) + 1);
    beamc_byte_buffer_append(&to->seen, part->transform_id, strlen(part->transform_id) + 1);
    if (part->timer_family_id != NULL)
        beamc_byte_buffer_append(&to->seen, part->timer_family_id, strlen(part->timer_family_id) + 1);
    beamc_byte_buffer_append_byte(&to->seen, part->is_last);
    add_run(to, &part->run);
}

static beamc_status read_in_slices(const uint8_t *data, size_t len, size_t slice_len, visits *to) {
    beamc_error err = {{0}};
    beamc_message *message = beamc_message_from_bytes(data, len, slice_len);
    to->message = message;
    beamc_byte_buffer_init(&to->seen, BUFFER_BYTES);
    beamc_status status = beamc_elements_read(message, visit, to, &err);
    fuzz_must(status == BEAMC_OK || err.text[0] != '\0', "a message that cannot be parsed has no reason");
    beamc_message_release(message);
    return status;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len) {
    static const size_t slice_lens[] = {1, 7};
    visits whole;
    beamc_status status = read_in_slices(data, len, len == 0 ? 1 : len, &whole);
    for (size_t i = 0; i < sizeof slice_lens / sizeof slice_lens[0]; i++) {
        visits cut;
        fuzz_must(read_in_slices(data, len, slice_lens[i], &cut) == status, "cuts change whether it parses");
        fuzz_must(cut.seen.len == whole.seen.len &&
                      (whole.seen.len == 0 || memcmp(cut.seen.data, whole.seen.data, whole.seen.len) == 0),
                  "cuts change the parts");
        beamc_byte_buffer_cleanup(&cut.seen);
    }
    beamc_byte_buffer_cleanup(&whole.seen);
    return 0;
}
