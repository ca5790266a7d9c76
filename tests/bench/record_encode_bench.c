/* What a record costs to write as JSON: tecton_record_encode alone, on rows that are decoded already.
 *
 *     record_encode_bench SCHEMA_FILE ROWS_FILE ROUNDS
 *
 * SCHEMA_FILE holds a serialised Schema message; ROWS_FILE encoded rows, each after its length as 4 bytes, big-endian.
 * Prints one line: nanoseconds of CPU a record, the median of ROUNDS rounds over all rows (a tenth of a second each),
 * and bytes a record. */
#include "sdk_harness/base/alloc.h"
#include "sdk_harness/base/byte_reader.h"
#include "sdk_harness/coders/row_coder.h"
#include "tests/bench/cpu_clock.h"
#include "worker/records/row_to_record.h"

#include <stdio.h>
#include <stdlib.h>

enum { MAX_FILE_BYTES = 64 * 1024 * 1024, MAX_ROUNDS = 1000, ROUND_NS = 100 * 1000 * 1000 };

typedef struct {
    beamc_schema *schema;
    tecton_record_plan *plan;
    beamc_arena arena;
    beamc_value *values; /* num_rows times the schema's fields */
    size_t num_rows;
} decoded_rows;

static uint8_t *read_file(const char *path, size_t *len) {
    FILE *file = fopen(path, "rb");
    if (file == NULL)
        return NULL;
    uint8_t *data = beamc_alloc(MAX_FILE_BYTES);
    *len = fread(data, 1, MAX_FILE_BYTES, file);
    fclose(file);
    return data;
}

static beamc_status decode(decoded_rows *rows, const uint8_t *data, size_t len, beamc_error *err) {
    size_t num_fields = rows->schema->num_fields;
    beamc_byte_reader in;
    beamc_byte_reader_init(&in, data, len, &rows->arena);
    while (!beamc_byte_reader_at_end(&in)) {
        uint32_t row_len;
        const uint8_t *row;
        BEAMC_TRY(beamc_read_be32(&in, &row_len, err));
        BEAMC_TRY(beamc_read_bytes(&in, row_len, &row, err));
        rows->values = beamc_realloc(rows->values, (rows->num_rows + 1) * num_fields * sizeof *rows->values);
        beamc_byte_reader one;
        beamc_byte_reader_init(&one, row, row_len, &rows->arena);
        BEAMC_TRY(
            beamc_row_decode_all(rows->schema, &one, &rows->arena, rows->values + rows->num_rows * num_fields, err));
        rows->num_rows++;
    }
    return rows->num_rows > 0 ? BEAMC_OK : beamc_fail(err, BEAMC_INVALID, "there are no rows");
}

static beamc_status encode_all(const decoded_rows *rows, beamc_byte_buffer *out, uint64_t *num_bytes,
                               beamc_error *err) {
    size_t num_fields = rows->schema->num_fields;
    for (size_t i = 0; i < rows->num_rows; i++) {
        beamc_byte_buffer_clear(out);
        BEAMC_TRY(tecton_record_encode(rows->plan, rows->values + i * num_fields, 0, out, err));
        *num_bytes += out->len;
    }
    return BEAMC_OK;
}

static int compare(const void *a, const void *b) {
    double difference = *(const double *)a - *(const double *)b;
    return (difference > 0) - (difference < 0);
}

static beamc_status measure(const decoded_rows *rows, size_t num_rounds, beamc_error *err) {
    double costs_ns[MAX_ROUNDS];
    beamc_byte_buffer out;
    beamc_byte_buffer_init(&out, 1024 * 1024);
    uint64_t num_bytes = 0;
    BEAMC_TRY(encode_all(rows, &out, &num_bytes, err));
    double record_bytes = (double)num_bytes / (double)rows->num_rows;
    for (size_t round = 0; round < num_rounds; round++) {
        uint64_t before = cpu_clock_ns();
        uint64_t num_records = 0;
        uint64_t used_ns = 0;
        while (used_ns < ROUND_NS) {
            BEAMC_TRY(encode_all(rows, &out, &num_bytes, err));
            num_records += rows->num_rows;
            used_ns = cpu_clock_ns() - before;
        }
        costs_ns[round] = (double)used_ns / (double)num_records;
    }
    beamc_byte_buffer_cleanup(&out);
    qsort(costs_ns, num_rounds, sizeof costs_ns[0], compare);
    printf("%.2f %.1f\n", costs_ns[num_rounds / 2], record_bytes);
    return BEAMC_OK;
}

int main(int argc, char **argv) {
    size_t num_rounds = argc == 4 ? strtoul(argv[3], NULL, 10) : 0;
    if (num_rounds < 1 || num_rounds > MAX_ROUNDS) {
        fprintf(stderr, "usage: record_encode_bench SCHEMA_FILE ROWS_FILE ROUNDS\n");
        return 2;
    }
    beamc_error err = {{0}};
    size_t schema_len = 0;
    size_t rows_len = 0;
    uint8_t *schema = read_file(argv[1], &schema_len);
    uint8_t *data = read_file(argv[2], &rows_len);
    decoded_rows rows = {0};
    beamc_arena_init(&rows.arena, MAX_FILE_BYTES);
    tecton_sink_config config = {0}; /* every choice's first: the defaults */
    beamc_status status = schema == NULL || data == NULL ? beamc_fail(&err, BEAMC_UNAVAILABLE, "a file cannot be read")
                                                         : beamc_schema_parse(schema, schema_len, &rows.schema, &err);
    if (status == BEAMC_OK)
        status = tecton_record_plan_new(rows.schema, &config, &rows.plan, &err);
    if (status == BEAMC_OK)
        status = decode(&rows, data, rows_len, &err);
    if (status == BEAMC_OK)
        status = measure(&rows, num_rounds, &err);
    if (status != BEAMC_OK)
        fprintf(stderr, "record_encode_bench: %s\n", err.text);
    tecton_record_plan_free(rows.plan);
    beamc_schema_free(rows.schema);
    beamc_arena_cleanup(&rows.arena);
    free(rows.values);
    free(schema);
    free(data);
    return status == BEAMC_OK ? 0 : 1;
}
