/* Whether two rows of one bundle have the same join keys and time: Tecton keeps only the last of them.
 *
 * Keeps a 64-bit sum of each row's keys and time, at most TECTON_SEEN_KEYS of a bundle; from there on rows are not
 * looked at. Two rows whose sums are equal by chance count as equal: one in 10^9 bundles of that size. Not thread-safe.
 */
#ifndef WORKER_RECORDS_SEEN_KEYS_H
#define WORKER_RECORDS_SEEN_KEYS_H

#include "sdk_harness/base/byte_buffer.h"
#include "sdk_harness/coders/schema.h"
#include "sdk_harness/coders/value.h"
#include "worker/records/row_to_record.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { TECTON_SEEN_KEYS = 65536 /* 1 MiB of table */ };

typedef struct tecton_seen_keys tecton_seen_keys;

/* tecton_seen_keys_new: NULL when the configuration does not name both the keys and the time. The schema has been
 * checked, and must outlive it. */
tecton_seen_keys *tecton_seen_keys_new(const beamc_schema *schema, const tecton_sink_config *config);
void tecton_seen_keys_free(tecton_seen_keys *seen); /* NULL is fine */

/* tecton_seen_keys_add: true when a row with the same keys and time was added since the last clear. */
bool tecton_seen_keys_add(tecton_seen_keys *seen, const beamc_value *fields, int64_t event_time_ms);

/* tecton_seen_keys_clear: a new bundle begins. */
void tecton_seen_keys_clear(tecton_seen_keys *seen);

#endif
