#include "sdk_harness/data_plane/elements_reader.h"

#include "protos/elements.pb.h"
#include "sdk_harness/base/alloc.h"

#include <pb_decode.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_ID_BYTES = 64 * 1024 };

/* A cursor over the slices that nanopb reads through. */
typedef struct {
    const beamc_message *message;
    size_t slice;
    size_t offset;
} slice_cursor;

typedef struct {
    slice_cursor *cursor;
    beamc_elements_visit visit;
    void *context;
} reading;

static void settle(slice_cursor *cursor) {
    size_t len = 0;
    while (cursor->slice < beamc_message_num_slices(cursor->message)) {
        (void)beamc_message_slice(cursor->message, cursor->slice, &len);
        if (cursor->offset < len)
            return;
        cursor->offset -= len;
        cursor->slice++;
    }
}

/* Moves over `count` bytes, copying them when `to` is given. */
static bool advance(slice_cursor *cursor, uint8_t *to, size_t count) {
    while (count > 0) {
        settle(cursor);
        if (cursor->slice >= beamc_message_num_slices(cursor->message))
            return false;
        size_t len = 0;
        const uint8_t *data = beamc_message_slice(cursor->message, cursor->slice, &len);
        size_t part = len - cursor->offset < count ? len - cursor->offset : count;
        if (to != NULL) {
            memcpy(to, data + cursor->offset, part);
            to += part;
        }
        cursor->offset += part;
        count -= part;
    }
    return true;
}

static bool read_slices(pb_istream_t *stream, pb_byte_t *to, size_t count) {
    return advance(stream->state, to, count);
}

static bool take_text(pb_istream_t *stream, const pb_field_t *field, void **arg) {
    (void)field;
    size_t len = stream->bytes_left;
    if (len > MAX_ID_BYTES)
        return false;
    char *text = beamc_alloc(len + 1);
    if (!pb_read(stream, (pb_byte_t *)text, len)) {
        free(text);
        return false;
    }
    text[len] = '\0';
    free(*arg); /* proto3: the last one counts */
    *arg = text;
    return true;
}

/* Notes where the payload lies and steps over it: pb_read(NULL) would walk it 16 bytes at a time. */
static bool take_run(pb_istream_t *stream, const pb_field_t *field, void **arg) {
    (void)field;
    beamc_element_run *run = *arg;
    slice_cursor *cursor = stream->state;
    settle(cursor);
    *run = (beamc_element_run){.first_slice = cursor->slice, .offset = cursor->offset, .len = stream->bytes_left};
    if (!advance(cursor, NULL, stream->bytes_left))
        return false;
    stream->bytes_left = 0;
    return true;
}

static const char *text_or_empty(const pb_callback_t *callback) {
    return callback->arg == NULL ? "" : callback->arg;
}

static bool take_data(pb_istream_t *stream, const pb_field_t *field, void **arg) {
    (void)field;
    reading *read = *arg;
    beamc_elements_part part = {0};
    Elements_Data data = Elements_Data_init_zero;
    data.instruction_id.funcs.decode = take_text;
    data.transform_id.funcs.decode = take_text;
    data.data.funcs.decode = take_run;
    data.data.arg = &part.run;
    bool ok = pb_decode(stream, Elements_Data_fields, &data);
    if (ok) {
        part.instruction_id = text_or_empty(&data.instruction_id);
        part.transform_id = text_or_empty(&data.transform_id);
        part.is_last = data.is_last;
        read->visit(read->context, &part);
    }
    free(data.instruction_id.arg);
    free(data.transform_id.arg);
    return ok;
}

static bool take_timers(pb_istream_t *stream, const pb_field_t *field, void **arg) {
    (void)field;
    reading *read = *arg;
    beamc_elements_part part = {0};
    Elements_Timers timers = Elements_Timers_init_zero;
    timers.instruction_id.funcs.decode = take_text;
    timers.transform_id.funcs.decode = take_text;
    timers.timer_family_id.funcs.decode = take_text;
    timers.timers.funcs.decode = take_run;
    timers.timers.arg = &part.run;
    bool ok = pb_decode(stream, Elements_Timers_fields, &timers);
    if (ok) {
        part.instruction_id = text_or_empty(&timers.instruction_id);
        part.transform_id = text_or_empty(&timers.transform_id);
        part.timer_family_id = text_or_empty(&timers.timer_family_id);
        part.is_last = timers.is_last;
        read->visit(read->context, &part);
    }
    free(timers.instruction_id.arg);
    free(timers.transform_id.arg);
    free(timers.timer_family_id.arg);
    return ok;
}

beamc_status beamc_elements_read(const beamc_message *message, beamc_elements_visit visit, void *context,
                                 beamc_error *err) {
    slice_cursor cursor = {.message = message};
    reading read = {.cursor = &cursor, .visit = visit, .context = context};
    pb_istream_t stream = {.callback = read_slices, .state = &cursor, .bytes_left = beamc_message_len(message)};
    Elements elements = Elements_init_zero;
    elements.data.funcs.decode = take_data;
    elements.data.arg = &read;
    elements.timers.funcs.decode = take_timers;
    elements.timers.arg = &read;
    if (!pb_decode(&stream, Elements_fields, &elements))
        return beamc_fail(err, BEAMC_INVALID, "a message of %zu bytes on the data stream cannot be parsed (%s)",
                          beamc_message_len(message), PB_GET_ERROR(&stream));
    return BEAMC_OK;
}
