#include "sdk_harness/data_plane/embedded_elements.h"

#include "sdk_harness/base/alloc.h"
#include "sdk_harness/base/log.h"
#include "sdk_harness/packing/packed_message.h"

#include <stdlib.h>
#include <string.h>

enum { SLICE_BYTES = 64 * 1024 }; /* given back one by one while the bundle reads */

/* The parts are packed again so that they take the same way as those of the data stream: one reader of untrusted bytes
 * is enough, and requests with elements are small. */
void beamc_embedded_accept(beamc_inbound *inbound, const char *instruction_id, const Beam__Elements *elements) {
    Beam__Elements addressed = *elements;
    Beam__Elements__Data *data = beamc_alloc_zero(elements->n_data, sizeof *data);
    addressed.data = beamc_alloc_zero(elements->n_data, sizeof *addressed.data);
    for (size_t i = 0; i < elements->n_data; i++) {
        data[i] = *elements->data[i];
        data[i].instruction_id = (char *)(uintptr_t)instruction_id;
        addressed.data[i] = &data[i];
    }
    addressed.n_timers = 0; /* a stage with timers is refused */
    ProtobufCBinaryData bytes = beamc_packed(&addressed.base);
    beamc_message *message = beamc_message_from_bytes(bytes.data, bytes.len, SLICE_BYTES);
    beamc_error err;
    if (beamc_inbound_accept(inbound, message, &err) != BEAMC_OK)
        log_error("%s", err.text); /* then the bundle lacks an end mark, and fails */
    beamc_message_release(message);
    free(bytes.data);
    free(addressed.data);
    free(data);
    beamc_inbound_complete(inbound, instruction_id);
}

static void add_part(Beam__Elements *elements, const char *instruction_id, const char *transform_id,
                     const uint8_t *bytes, size_t len, bool is_last) {
    Beam__Elements__Data *data = beamc_alloc(sizeof *data);
    beam__elements__data__init(data);
    data->instruction_id = beamc_strdup(instruction_id);
    data->transform_id = beamc_strdup(transform_id);
    data->is_last = is_last;
    if (len > 0) {
        data->data.data = beamc_alloc(len);
        data->data.len = len;
        memcpy(data->data.data, bytes, len);
    }
    elements->data = beamc_realloc(elements->data, (elements->n_data + 1) * sizeof *elements->data);
    elements->data[elements->n_data++] = data;
}

void beamc_embedded_add(Beam__Elements *elements, const char *instruction_id, const char *transform_id,
                        const uint8_t *bytes, size_t len) {
    if (len > 0)
        add_part(elements, instruction_id, transform_id, bytes, len, false);
    add_part(elements, instruction_id, transform_id, NULL, 0, true); /* alone, as on the data stream */
}

void beamc_embedded_cleanup(Beam__Elements *elements) {
    for (size_t i = 0; i < elements->n_data; i++) {
        free(elements->data[i]->instruction_id);
        free(elements->data[i]->transform_id);
        free(elements->data[i]->data.data);
        free(elements->data[i]);
    }
    free(elements->data);
    elements->data = NULL;
    elements->n_data = 0;
}
