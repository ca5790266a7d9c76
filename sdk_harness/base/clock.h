/* Time. Decisions take `now` as an argument; only loops that wait read these clocks. Any thread. */
#ifndef SDK_HARNESS_BASE_CLOCK_H
#define SDK_HARNESS_BASE_CLOCK_H

#include <stdint.h>

/* Monotonic milliseconds and microseconds since an arbitrary start. */
uint64_t beamc_clock_ms(void);
uint64_t beamc_clock_us(void);

/* Wall-clock milliseconds since 1970, for log lines and HTTP dates only. */
int64_t beamc_wall_ms(void);

#endif
