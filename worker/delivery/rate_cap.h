/* The user's bound on records a second to one endpoint (max_records_per_second). Pure; the engine's thread only.
 *
 * It begins at a quarter of the cap and reaches it evenly within a minute, so that a service which scales with its
 * load can follow. Records that are sent again count again. */
#ifndef WORKER_DELIVERY_RATE_CAP_H
#define WORKER_DELIVERY_RATE_CAP_H

#include <stdbool.h>
#include <stdint.h>

enum {
    TECTON_RATE_CAP_RAMP_MS = 60 * 1000,
    TECTON_RATE_CAP_BURST_MS = 100 /* how much of what was not used may be caught up with */
};

/* Zero is no cap. */
typedef struct {
    uint64_t records_per_second; /* 0: no cap */
    bool ramping;                /* the ramp has begun */
    uint64_t ramp_start_ms;
    uint64_t next_ns; /* when all that was sent is paid for */
} tecton_rate_cap;

/* tecton_rate_cap_join: one more transform shares the cap; the smallest that is not 0 applies. */
void tecton_rate_cap_join(tecton_rate_cap *cap, uint64_t records_per_second);

/* tecton_rate_cap_now: records a second that are let through now; 0: no cap. For metrics and messages. */
uint64_t tecton_rate_cap_now(const tecton_rate_cap *cap, uint64_t now_ms);

/* tecton_rate_cap_due_ms: 0 when a request may be sent now, of whatever size, else when to ask again. A large request
 * is paid for by a longer wait after it. */
uint64_t tecton_rate_cap_due_ms(const tecton_rate_cap *cap, uint64_t now_ms);

/* tecton_rate_cap_take: `num_records` are sent now. */
void tecton_rate_cap_take(tecton_rate_cap *cap, uint32_t num_records, uint64_t now_ms);

#endif
