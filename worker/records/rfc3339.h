/* Times as other programs write them: RFC 3339, the form of Go's time.Time. Pure; any thread. */
#ifndef WORKER_RECORDS_RFC3339_H
#define WORKER_RECORDS_RFC3339_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* tecton_parse_rfc3339 reads "2024-02-29T09:15:00.5+05:30".
 *   text       len bytes: a date and a time with seconds, at most 9 fraction digits, and Z or an offset
 *   seconds    since 1970 in UTC, floored
 *   nanos      0 .. 999,999,999 forward of it
 * False when it is another form or no such time; second 60 is none. */
bool tecton_parse_rfc3339(const uint8_t *text, size_t len, int64_t *seconds, uint32_t *nanos);

#endif
