#include "sdk_harness/data_plane/elements_reader.h"

#include "protos/elements.pb.h"
#include "sdk_harness/base/alloc.h"

#include <pb_decode.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_ID_BYTES = 64 * 1024, SHORT_ID_BYTES = 64 };

/* A cursor over slices, for nanopb to read through. */
typedef struct {
    const beamc_message *message;
    size_t slice;
    size_t offset;
} slice_cursor;

typedef struct {
    const uint8_t *flat; /* the message's bytes if it has one slice, as small ones have; else NULL, and cursor counts */
    slice_cursor cursor;
    beamc_elements_visit visit;
    void *context;
} reading;

/* An id, terminated; of usual length it is not allocated. Zeroed. */
typedef struct {
    char short_text[SHORT_ID_BYTES];
    char *long_text;
} id_text;

/* The numbers that Data and Timers give to what they both have; ids have the same in both. */
typedef struct {
    uint32_t family; /* 0: none */
    uint32_t run;
    uint32_t is_last;
} part_layout;

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

/* pb_read(NULL) walks slices 16 bytes at a time, so they are stepped over here. */
static bool pass(reading *read, pb_istream_t *stream, size_t count) {
    if (read->flat != NULL)
        return pb_read(stream, NULL, count);
    if (count > stream->bytes_left || !advance(&read->cursor, NULL, count))
        return false;
    stream->bytes_left -= count;
    return true;
}

static bool pass_field(reading *read, pb_istream_t *stream, pb_wire_type_t wire_type) {
    uint32_t len = 0;
    if (wire_type != PB_WT_STRING)
        return pb_skip_field(stream, wire_type);
    return pb_decode_varint32(stream, &len) && pass(read, stream, len);
}

static bool take_text(pb_istream_t *stream, id_text *id) {
    uint32_t len = 0;
    if (!pb_decode_varint32(stream, &len) || len > MAX_ID_BYTES || len > stream->bytes_left)
        return false;
    free(id->long_text); /* proto3: the last one counts */
    id->long_text = len < SHORT_ID_BYTES ? NULL : beamc_alloc((size_t)len + 1);
    char *text = id->long_text == NULL ? id->short_text : id->long_text;
    text[len] = '\0';
    return pb_read(stream, (pb_byte_t *)text, len);
}

static const char *text_of(const id_text *id) {
    return id->long_text == NULL ? id->short_text : id->long_text;
}

/* Notes where the payload lies and steps over it. */
static bool take_run(reading *read, pb_istream_t *stream, beamc_element_run *run) {
    uint32_t len = 0;
    if (!pb_decode_varint32(stream, &len))
        return false;
    if (read->flat != NULL) {
        *run = (beamc_element_run){.offset = (size_t)((const uint8_t *)stream->state - read->flat), .len = len};
    } else {
        settle(&read->cursor);
        *run = (beamc_element_run){.first_slice = read->cursor.slice, .offset = read->cursor.offset, .len = len};
    }
    return pass(read, stream, len);
}

static bool is_text(uint32_t tag, const part_layout *layout) {
    return tag == Elements_Data_instruction_id_tag || tag == Elements_Data_transform_id_tag || tag == layout->family;
}

/* Field by field with nanopb's primitives: by its tables, two messages of a small bundle took 12,000 instructions. */
static bool read_part(reading *read, pb_istream_t *stream, const part_layout *layout) {
    beamc_elements_part part = {0};
    id_text ids[Elements_Timers_timer_family_id_tag + 1] = {0}; /* by tag */
    pb_wire_type_t wire_type = PB_WT_VARINT;
    uint32_t tag = 0;
    bool eof = false;
    bool ok = true;
    while (ok && pb_decode_tag(stream, &wire_type, &tag, &eof)) {
        if (tag == 0)
            ok = false; /* no field has that number */
        else if (wire_type == PB_WT_STRING && is_text(tag, layout))
            ok = take_text(stream, &ids[tag]);
        else if (wire_type == PB_WT_STRING && tag == layout->run)
            ok = take_run(read, stream, &part.run);
        else if (wire_type == PB_WT_VARINT && tag == layout->is_last)
            ok = pb_decode_bool(stream, &part.is_last);
        else
            ok = pass_field(read, stream, wire_type);
    }
    ok = ok && eof;
    if (ok) {
        part.instruction_id = text_of(&ids[Elements_Data_instruction_id_tag]);
        part.transform_id = text_of(&ids[Elements_Data_transform_id_tag]);
        part.timer_family_id = layout->family == 0 ? NULL : text_of(&ids[layout->family]);
        read->visit(read->context, &part);
    }
    for (size_t i = 0; i < sizeof ids / sizeof ids[0]; i++)
        free(ids[i].long_text);
    return ok;
}

static bool read_elements(reading *read, pb_istream_t *stream) {
    static const part_layout data = {.run = Elements_Data_data_tag, .is_last = Elements_Data_is_last_tag};
    static const part_layout timers = {.family = Elements_Timers_timer_family_id_tag,
                                       .run = Elements_Timers_timers_tag,
                                       .is_last = Elements_Timers_is_last_tag};
    pb_wire_type_t wire_type = PB_WT_VARINT;
    uint32_t tag = 0;
    bool eof = false;
    while (pb_decode_tag(stream, &wire_type, &tag, &eof)) {
        const part_layout *layout = tag == Elements_data_tag ? &data : tag == Elements_timers_tag ? &timers : NULL;
        bool ok = tag != 0;
        if (ok && (layout == NULL || wire_type != PB_WT_STRING)) {
            ok = pass_field(read, stream, wire_type);
        } else if (ok) {
            pb_istream_t inner;
            ok = pb_make_string_substream(stream, &inner) && read_part(read, &inner, layout) &&
                 pb_close_string_substream(stream, &inner);
        }
        if (!ok)
            return false;
    }
    return eof;
}

beamc_status beamc_elements_read(const beamc_message *message, beamc_elements_visit visit, void *context,
                                 beamc_error *err) {
    reading read = {.cursor = {.message = message}, .visit = visit, .context = context};
    size_t len = beamc_message_len(message);
    pb_istream_t stream = {.callback = read_slices, .state = &read.cursor, .bytes_left = len};
    if (beamc_message_num_slices(message) == 1) {
        read.flat = beamc_message_slice(message, 0, &len);
        stream = pb_istream_from_buffer(read.flat, len);
    }
    if (!read_elements(&read, &stream))
        return beamc_fail(err, BEAMC_INVALID, "a message of %zu bytes on the data stream cannot be parsed (%s)", len,
                          PB_GET_ERROR(&stream));
    return BEAMC_OK;
}
