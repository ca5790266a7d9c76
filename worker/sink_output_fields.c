#include "worker/sink_output_fields.h"

/* The orders are those of the values in sink_outputs.c. */

const beamc_output_field tecton_written_fields[TECTON_NUM_WRITTEN_FIELDS] = {
    {.name = "records", .kind = BEAMC_TYPE_INT64},    /* in the request, of one bundle and its windows */
    {.name = "attempts", .kind = BEAMC_TYPE_INT64},   /* tries until they were acknowledged */
    {.name = "status", .kind = BEAMC_TYPE_INT64},     /* HTTP */
    {.name = "latency_ms", .kind = BEAMC_TYPE_INT64}, /* of the last try */
    {.name = "first_event_time", .kind = BEAMC_TYPE_ROW, .logical = BEAMC_LOGICAL_MICROS_INSTANT},
    {.name = "last_event_time", .kind = BEAMC_TYPE_ROW, .logical = BEAMC_LOGICAL_MICROS_INSTANT},
};

const beamc_output_field tecton_failed_fields[TECTON_NUM_FAILED_FIELDS] = {
    {.name = "failed_row", .kind = BEAMC_TYPE_ROW}, /* the input's row */
    {.name = "error_message", .kind = BEAMC_TYPE_STRING},
    {.name = "status", .kind = BEAMC_TYPE_INT64}, /* HTTP; 0: no answer, or never sent */
    {.name = "error_class", .kind = BEAMC_TYPE_STRING},
    {.name = "attempts", .kind = BEAMC_TYPE_INT64}, /* tries that the row was part of */
    {.name = "possibly_stored", .kind = BEAMC_TYPE_BOOLEAN},
};
