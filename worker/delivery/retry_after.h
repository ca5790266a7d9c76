/* The Retry-After header: RFC 9110 section 10.2.3. Pure. */
#ifndef WORKER_DELIVERY_RETRY_AFTER_H
#define WORKER_DELIVERY_RETRY_AFTER_H

#include <stdint.h>

enum { TECTON_RETRY_AFTER_CAP_MS = 60 * 1000 };

#define TECTON_NO_RETRY_AFTER UINT64_MAX

/* tecton_retry_after_ms reads seconds or a date in any of HTTP's three forms.
 *   value     the header's value, terminated; "" when absent
 *   wall_ms   now, milliseconds since 1970
 * The wait in milliseconds, at most TECTON_RETRY_AFTER_CAP_MS, 0 for dates that have passed; TECTON_NO_RETRY_AFTER when
 * absent or not understood. */
uint64_t tecton_retry_after_ms(const char *value, int64_t wall_ms);

#endif
