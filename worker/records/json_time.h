/* Dates and times as JSON text, in the proleptic Gregorian calendar and the forms of ISO 8601.
 *
 * All return false, with nothing appended, for years outside 0001..9999 and for times outside a day. Past the buffer's
 * ceiling its `failed` stays true, as with json_writer.h. Not thread-safe. */
#ifndef WORKER_RECORDS_JSON_TIME_H
#define WORKER_RECORDS_JSON_TIME_H

#include "sdk_harness/base/byte_buffer.h"

#include <stdbool.h>
#include <stdint.h>

/* tecton_json_timestamp appends a quoted UTC time: "2024-02-29T00:00:00.000Z".
 *   seconds            since 1970, floored
 *   nanos              0 .. 999,999,999 forward of it
 *   fraction_digits    0 to 9, 0 without the point; further digits are dropped */
bool tecton_json_timestamp(beamc_byte_buffer *out, int64_t seconds, uint32_t nanos, unsigned fraction_digits);

/* tecton_json_date appends "2024-02-29".
 *   days   since 1970 */
bool tecton_json_date(beamc_byte_buffer *out, int64_t days);

/* tecton_json_time appends "09:15:00", with 3, 6 or 9 fraction digits where they are not all zeros.
 *   nanos_of_day   0 .. 86,399,999,999,999 */
bool tecton_json_time(beamc_byte_buffer *out, int64_t nanos_of_day);

/* tecton_json_datetime appends both: "2024-02-29T09:15:00", which says nothing of a zone. */
bool tecton_json_datetime(beamc_byte_buffer *out, int64_t days, int64_t nanos_of_day);

#endif
