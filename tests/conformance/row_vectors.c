/* Decodes rows, encodes them again and turns them into records: the native half of the tests of rows.
 *
 * The frames are those of frames.h. Requests begin with one byte:
 *
 *   'S'  the schema from now on: three bytes, the places of int64_encoding, non_finite and unknown_logical_types in
 * their options' choices, then the serialised Schema message. Answer: one byte, 1 when rows of it can be decoded; if
 * not, the error's text and nothing more. Then one byte, 1 when Tecton can take them; if not, the refusal's text. 'R'
 * a row: one byte, 1 when null bitmaps are to be written padded; a number, the length of the slices that the bytes come
 * in, 0 for one; the bytes, which hold the row and nothing else. Answer: one byte, 1 when it was decoded; if not, the
 * error's text and nothing more. Then the row encoded again. Then one byte, 1 when it became a record, and the record,
 * or the refusal's text. */
#include "sdk_harness/coders/row_coder.h"
#include "tests/conformance/frames.h"
#include "tests/support/slices.h"
#include "worker/records/row_to_record.h"

enum { ARENA_BYTES = 64 * 1024 * 1024, BUFFER_BYTES = 64 * 1024 * 1024 };

typedef struct {
    beamc_schema *schema;
    tecton_record_plan *plan; /* NULL: Tecton cannot take such rows */
    beamc_arena arena;
    beamc_byte_buffer again;
    beamc_byte_buffer record;
} rows;

static void put_status(beamc_status status, const beamc_error *err, beamc_byte_buffer *answer) {
    frame_put_byte(answer, status == BEAMC_OK);
    if (status != BEAMC_OK)
        frame_put_text(answer, err->text);
}

static void answer_schema(frame_request *request, rows *with, beamc_byte_buffer *answer) {
    tecton_record_plan_free(with->plan);
    beamc_schema_free(with->schema);
    with->plan = NULL;
    tecton_sink_config config = {0};
    config.int64_encoding = frame_take_byte(request);
    config.non_finite = frame_take_byte(request);
    config.unknown_logical_types = frame_take_byte(request);
    frame_bytes message = frame_take_bytes(request);
    beamc_error err = {{0}};
    beamc_status status = beamc_schema_parse(message.data, message.len, &with->schema, &err);
    put_status(status, &err, answer);
    if (status == BEAMC_OK)
        put_status(tecton_record_plan_new(with->schema, &config, &with->plan, &err), &err, answer);
}

static void answer_row(frame_request *request, rows *with, beamc_byte_buffer *answer) {
    if (with->schema == NULL)
        frame_bad("a row before its schema");
    beamc_null_bitmap nulls = frame_take_byte(request) == 1 ? BEAMC_NULLS_PADDED : BEAMC_NULLS_TRIMMED;
    size_t slice_len = frame_take_number(request);
    frame_bytes row = frame_take_bytes(request);
    test_slices slices = {.bytes = row.data, .len = row.len, .slice_len = slice_len};
    beamc_error err = {{0}};
    beamc_byte_reader in;
    beamc_arena_reset(&with->arena);
    beamc_value *values = beamc_arena_take(&with->arena, with->schema->num_fields * sizeof *values);
    if (slice_len == 0)
        beamc_byte_reader_init(&in, row.data, row.len, &with->arena);
    else
        beamc_byte_reader_init_slices(&in, test_next_slice, &slices, &with->arena);
    beamc_status status = beamc_row_decode_all(with->schema, &in, &with->arena, values, &err);
    put_status(status, &err, answer);
    if (status != BEAMC_OK)
        return;
    beamc_byte_buffer_clear(&with->again);
    if (beamc_row_encode_as(with->schema, values, nulls, &with->again, &err) != BEAMC_OK)
        frame_bad(err.text);
    frame_put_bytes(answer, with->again.data, with->again.len);
    beamc_byte_buffer_clear(&with->record);
    status = with->plan == NULL ? beamc_fail(&err, BEAMC_INVALID, "Tecton cannot take these rows")
                                : tecton_record_encode(with->plan, values, 0, &with->record, &err);
    put_status(status, &err, answer);
    if (status == BEAMC_OK)
        frame_put_bytes(answer, with->record.data, with->record.len);
}

int main(void) {
    rows with = {0};
    frame_request request = {0};
    beamc_byte_buffer answer;
    beamc_arena_init(&with.arena, ARENA_BYTES);
    beamc_byte_buffer_init(&with.again, BUFFER_BYTES);
    beamc_byte_buffer_init(&with.record, BUFFER_BYTES);
    beamc_byte_buffer_init(&answer, BUFFER_BYTES);
    while (frame_read(&request)) {
        switch (frame_take_byte(&request)) {
        case 'S':
            answer_schema(&request, &with, &answer);
            break;
        case 'R':
            answer_row(&request, &with, &answer);
            break;
        default:
            frame_bad("an unknown command");
        }
        frame_write(&answer);
    }
    tecton_record_plan_free(with.plan);
    beamc_schema_free(with.schema);
    beamc_arena_cleanup(&with.arena);
    beamc_byte_buffer_cleanup(&with.again);
    beamc_byte_buffer_cleanup(&with.record);
    beamc_byte_buffer_cleanup(&answer);
    return 0;
}
