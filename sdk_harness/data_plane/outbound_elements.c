#include "sdk_harness/data_plane/outbound_elements.h"

#include "protos/elements.pb-c.h"
#include "sdk_harness/packing/packed_message.h"

#include <stdint.h>
#include <stdlib.h>

static beamc_status send(beamc_stream *stream, const Beam__Elements *elements, beamc_error *err) {
    if (!beamc_stream_has_room(stream))
        return BEAMC_AGAIN;
    ProtobufCBinaryData bytes = beamc_packed(&elements->base);
    beamc_status status = beamc_stream_write(stream, bytes.data, bytes.len);
    free(bytes.data);
    if (status == BEAMC_LIMIT)
        return BEAMC_AGAIN; /* another bundle was quicker */
    return status == BEAMC_OK ? status : beamc_fail(err, status, "the data stream to the runner has ended");
}

static Beam__Elements__Data make_data(const char *instruction_id, const char *transform_id) {
    Beam__Elements__Data data = BEAM__ELEMENTS__DATA__INIT;
    data.instruction_id = (char *)(uintptr_t)instruction_id;
    data.transform_id = (char *)(uintptr_t)transform_id;
    return data;
}

beamc_status beamc_outbound_flush(beamc_stream *stream, const char *instruction_id, const char *transform_id,
                                  beamc_byte_buffer *buffer, beamc_error *err) {
    if (buffer->len == 0)
        return BEAMC_OK;
    Beam__Elements__Data data = make_data(instruction_id, transform_id);
    data.data = (ProtobufCBinaryData){.len = buffer->len, .data = buffer->data};
    Beam__Elements__Data *parts[] = {&data};
    Beam__Elements elements = BEAM__ELEMENTS__INIT;
    elements.n_data = 1;
    elements.data = parts;
    BEAMC_TRY(send(stream, &elements, err));
    beamc_byte_buffer_clear(buffer);
    return BEAMC_OK;
}

beamc_status beamc_outbound_end(beamc_stream *stream, const char *instruction_id, const char *transform_id,
                                beamc_byte_buffer *buffer, beamc_error *err) {
    Beam__Elements__Data data = make_data(instruction_id, transform_id);
    data.data = (ProtobufCBinaryData){.len = buffer->len, .data = buffer->data};
    Beam__Elements__Data last = make_data(instruction_id, transform_id);
    last.is_last = 1;
    Beam__Elements__Data *parts[] = {&data, &last};
    Beam__Elements elements = BEAM__ELEMENTS__INIT;
    elements.n_data = buffer->len > 0 ? 2 : 1;
    elements.data = buffer->len > 0 ? parts : parts + 1;
    BEAMC_TRY(send(stream, &elements, err));
    beamc_byte_buffer_clear(buffer);
    return BEAMC_OK;
}
