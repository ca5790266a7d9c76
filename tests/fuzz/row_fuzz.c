/* Elements of a runner: whatever the schema and the bytes are, decoding stays within its bounds, says the same however
 * the bytes are cut, and what was decoded can be encoded, decoded again and written as JSON that a parser takes.
 *
 * Input: a byte of flags, the schema's length in two bytes, the Schema message, elements. */
#include "sdk_harness/base/arena.h"
#include "sdk_harness/coders/row_coder.h"
#include "sdk_harness/coders/windowed_value.h"
#include "tests/fuzz/fuzz_target.h"
#include "tests/support/slices.h"
#include "worker/records/row_to_record.h"

#include <cjson/cJSON.h>
#include <stdlib.h>
#include <string.h>

enum { ARENA_BYTES = 4 * 1024 * 1024, BUFFER_BYTES = 1024 * 1024, MAX_ELEMENTS = 64, HEAD_BYTES = 3 };

enum { FLAG_INTERVAL = 1, FLAG_PREFIXED = 2, FLAG_REPRESENTATION = 4, FLAG_STRINGS = 8, FLAG_NUMBERS = 16 };

/* How the elements of one input came out: all rows encoded again, and how it ended. */
typedef struct {
    beamc_byte_buffer again;
    beamc_status status;
    uint64_t position;
} outcome;

static void check_record(const tecton_record_plan *plan, const beamc_value *fields, const beamc_element *element) {
    beamc_error err = {{0}};
    beamc_byte_buffer record;
    beamc_byte_buffer_init(&record, BUFFER_BYTES);
    if (tecton_record_encode(plan, fields, element->timestamp_ms, &record, &err) == BEAMC_OK) {
        cJSON *parsed = cJSON_ParseWithLength((const char *)record.data, record.len);
        fuzz_must(cJSON_IsObject(parsed) || record.len > CJSON_NESTING_LIMIT, "a record is no JSON object");
        cJSON_Delete(parsed);
    } else {
        fuzz_must(err.text[0] != '\0', "a refused record has no reason");
    }
    beamc_byte_buffer_cleanup(&record);
}

/* What was decoded encodes to bytes that decode to the same bytes. */
static void check_again(const beamc_schema *schema, const beamc_value *fields, outcome *out) {
    beamc_error err = {{0}};
    size_t before = out->again.len;
    if (beamc_row_encode(schema, fields, &out->again, &err) != BEAMC_OK) {
        fuzz_must(out->again.failed, "a decoded row cannot be encoded");
        return;
    }
    beamc_arena arena;
    beamc_arena_init(&arena, ARENA_BYTES);
    beamc_byte_reader in;
    beamc_byte_reader_init(&in, out->again.data + before, out->again.len - before, &arena);
    beamc_value *twice = beamc_arena_take(&arena, schema->num_fields * sizeof *twice);
    beamc_status status = twice == NULL ? BEAMC_LIMIT : beamc_row_decode_all(schema, &in, &arena, twice, &err);
    fuzz_must(status == BEAMC_OK || status == BEAMC_LIMIT, "an encoded row cannot be decoded");
    if (status == BEAMC_OK) {
        beamc_byte_buffer third;
        beamc_byte_buffer_init(&third, BUFFER_BYTES);
        fuzz_must(beamc_row_encode(schema, twice, &third, &err) == BEAMC_OK, "a row encodes once and not twice");
        fuzz_must(third.len == out->again.len - before && memcmp(third.data, out->again.data + before, third.len) == 0,
                  "a row changes when it is encoded again");
        beamc_byte_buffer_cleanup(&third);
    }
    beamc_arena_cleanup(&arena);
}

static void decode(const beamc_windowed_value_coder *coder, const tecton_record_plan *plan, const uint8_t *data,
                   size_t len, size_t slice_len, outcome *out) {
    beamc_arena input_arena;
    beamc_arena arena;
    test_slices slices = {.bytes = data, .len = len, .slice_len = slice_len};
    beamc_byte_reader in;
    beamc_error err = {{0}};
    beamc_arena_init(&input_arena, ARENA_BYTES);
    beamc_arena_init(&arena, ARENA_BYTES);
    if (slice_len == 0)
        beamc_byte_reader_init(&in, data, len, &input_arena);
    else
        beamc_byte_reader_init_slices(&in, test_next_slice, &slices, &input_arena);
    beamc_byte_buffer_init(&out->again, BUFFER_BYTES);
    out->status = BEAMC_OK;
    beamc_value *fields = calloc(coder->schema->num_fields + 1, sizeof *fields);
    for (unsigned i = 0; i < MAX_ELEMENTS && out->status == BEAMC_OK && !beamc_byte_reader_at_end(&in); i++) {
        beamc_element element;
        beamc_arena_reset(&arena);
        out->status = beamc_windowed_value_decode(coder, &in, &arena, fields, &element, &err);
        if (out->status != BEAMC_OK) {
            fuzz_must(err.text[0] != '\0', "an element that cannot be decoded has no reason");
            break;
        }
        check_again(coder->schema, element.fields, out);
        if (plan != NULL && slice_len == 0)
            check_record(plan, element.fields, &element);
    }
    out->position = beamc_byte_reader_position(&in);
    fuzz_must(out->position <= len, "it read past the end");
    free(fields);
    beamc_arena_cleanup(&input_arena);
    beamc_arena_cleanup(&arena);
}

static void check_elements(const beamc_windowed_value_coder *coder, const tecton_record_plan *plan, const uint8_t *data,
                           size_t len) {
    static const size_t slice_lens[] = {1, 7};
    outcome whole;
    decode(coder, plan, data, len, 0, &whole);
    for (size_t i = 0; i < sizeof slice_lens / sizeof slice_lens[0]; i++) {
        outcome cut;
        decode(coder, plan, data, len, slice_lens[i], &cut);
        /* Reads across slices are copied, so that a limit is met earlier. */
        if (whole.status != BEAMC_LIMIT && cut.status != BEAMC_LIMIT) {
            fuzz_must(whole.status == cut.status, "cuts change whether it decodes");
            fuzz_must(whole.status != BEAMC_OK || whole.position == cut.position, "cuts change where it ends");
            fuzz_must(whole.again.len == cut.again.len &&
                          (whole.again.len == 0 || memcmp(whole.again.data, cut.again.data, whole.again.len) == 0),
                      "cuts change what is decoded");
        }
        beamc_byte_buffer_cleanup(&cut.again);
    }
    beamc_byte_buffer_cleanup(&whole.again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len) {
    if (len < HEAD_BYTES)
        return 0;
    unsigned flags = data[0];
    size_t schema_len = (size_t)data[1] << 8 | data[2];
    if (schema_len > len - HEAD_BYTES)
        return 0;
    beamc_error err = {{0}};
    beamc_schema *schema = NULL;
    if (beamc_schema_parse(data + HEAD_BYTES, schema_len, &schema, &err) != BEAMC_OK) {
        fuzz_must(err.text[0] != '\0', "a refused schema has no reason");
        return 0;
    }
    tecton_sink_config config = {0};
    config.int64_encoding = flags & FLAG_NUMBERS ? TECTON_INT64_NUMBER : TECTON_INT64_AUTO;
    config.non_finite = flags & FLAG_STRINGS ? TECTON_NON_FINITE_STRING : TECTON_NON_FINITE_REJECT;
    config.unknown_logical_types = flags & FLAG_REPRESENTATION ? TECTON_UNKNOWN_REPRESENTATION : TECTON_UNKNOWN_REFUSE;
    tecton_record_plan *plan = NULL;
    if (tecton_record_plan_new(schema, &config, &plan, &err) != BEAMC_OK)
        plan = NULL;
    beamc_windowed_value_coder coder = {.window = flags & FLAG_INTERVAL ? BEAMC_WINDOW_INTERVAL : BEAMC_WINDOW_GLOBAL,
                                        .length_prefixed = (flags & FLAG_PREFIXED) != 0,
                                        .schema = schema};
    check_elements(&coder, plan, data + HEAD_BYTES + schema_len, len - HEAD_BYTES - schema_len);
    tecton_record_plan_free(plan);
    beamc_schema_free(schema);
    return 0;
}
