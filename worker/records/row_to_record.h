/* Rows to JSON objects, in one pass, by a plan made once from the schema.
 *
 * Every column of the schema is written for every row, with an explicit null where it has none. The table of types is
 * in README.md beside this file. A plan is immutable after it is made; any thread may read it. */
#ifndef WORKER_RECORDS_ROW_TO_RECORD_H
#define WORKER_RECORDS_ROW_TO_RECORD_H

#include "sdk_harness/base/byte_buffer.h"
#include "sdk_harness/base/status.h"
#include "sdk_harness/coders/schema.h"
#include "sdk_harness/coders/value.h"
#include "worker/config/sink_config.h"

typedef struct tecton_record_plan tecton_record_plan;

/* tecton_check_schema: whether Tecton can take rows of this type. `schema` may be NULL: the input has none.
 * BEAMC_INVALID names the field's path (`items.price`), why its type cannot be taken, and what to write instead. */
beamc_status tecton_check_schema(const beamc_schema *schema, const tecton_sink_config *config, beamc_error *err);

enum { TECTON_MAX_KEY_FIELDS = 32 };

/* tecton_find_key_fields turns the option key_fields, names separated by commas, into indexes of the schema's fields.
 *   indexes   room for TECTON_MAX_KEY_FIELDS
 * BEAMC_INVALID: a name that the schema does not have. */
beamc_status tecton_find_key_fields(const beamc_schema *schema, const char *names, size_t *indexes, size_t *num_keys,
                                    beamc_error *err);

/* tecton_record_plan_new checks the schema in the same way and makes the plan.
 *   schema, config   read now; only `schema` must outlive the plan
 *   plan             new; free with tecton_record_plan_free */
beamc_status tecton_record_plan_new(const beamc_schema *schema, const tecton_sink_config *config,
                                    tecton_record_plan **plan, beamc_error *err);

/* tecton_record_encode appends one row as a JSON object.
 *   fields          the schema's num_fields values
 *   event_time_ms   of the row's element, for timestamp_from_element
 * BEAMC_INVALID names the field's path (`items[2].price`) and what is wrong with its value; BEAMC_LIMIT when the
 * buffer's ceiling is passed. After a failure the caller drops what was appended. */
beamc_status tecton_record_encode(const tecton_record_plan *plan, const beamc_value *fields, int64_t event_time_ms,
                                  beamc_byte_buffer *out, beamc_error *err);

void tecton_record_plan_free(tecton_record_plan *plan); /* NULL is fine */

#endif
