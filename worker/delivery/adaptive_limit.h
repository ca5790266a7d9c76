/* How many requests may be under way to one endpoint, learned from how it answers. Pure; the engine's thread only.
 *
 * It starts at one and doubles per round trip until the endpoint pushes back or its answers slow down. From then on,
 * once per smoothed round trip: one more, if the limit was reached and answers came no slower than usual; a tenth less,
 * if the endpoint pushed back or answers came clearly slower. Learned across bundles: one bundle is too short.
 * Source: Vector's adaptive request concurrency (vector.dev), with TCP's slow start and recovery (RFC 5681). */
#ifndef WORKER_DELIVERY_ADAPTIVE_LIMIT_H
#define WORKER_DELIVERY_ADAPTIVE_LIMIT_H

#include <stdbool.h>
#include <stdint.h>

enum { TECTON_LIMIT_DEFAULT_CEILING = 200 };

/* What a request's end says about the endpoint's load. */
typedef enum {
    TECTON_LIMIT_OK,        /* stored: the only kind whose round trip counts */
    TECTON_LIMIT_THROTTLED, /* the service says: too much */
    TECTON_LIMIT_FAILED,    /* 5xx, timeout, broken connection: perhaps too much */
    TECTON_LIMIT_NEUTRAL    /* says nothing: rejected, cancelled, not sent */
} tecton_limit_signal;

typedef struct {
    uint32_t limit;         /* readable, for metrics */
    uint32_t num_in_flight; /* readable, for metrics */
    uint32_t ceiling;
    uint32_t slow_start_until; /* below this limit every success adds one */

    /* The window: one smoothed round trip. */
    uint64_t window_end_ms;
    bool reached;        /* as many were under way as the limit lets */
    uint32_t num_ok;     /* answers, for the mean round trip ... */
    uint64_t rtt_sum_us; /* ... and their sum */
    uint32_t num_failed; /* and those that failed */
    uint64_t lowered_ms; /* requests that started no later know nothing of the lower limit */
    double smoothed_us;  /* of the windows' means; 0: none yet */
    double variance_us2; /* likewise */
} tecton_adaptive_limit;

/* tecton_adaptive_limit_init: `ceiling` at least 1. */
void tecton_adaptive_limit_init(tecton_adaptive_limit *limit, uint32_t ceiling);

/* tecton_adaptive_limit_may_start: whether one more request may be sent now. */
bool tecton_adaptive_limit_may_start(const tecton_adaptive_limit *limit);

/* tecton_adaptive_limit_started and _finished: one each for every request sent.
 *   rtt_us   from its start to its end, whatever the end was
 *   now_ms   monotonic */
void tecton_adaptive_limit_started(tecton_adaptive_limit *limit);
void tecton_adaptive_limit_finished(tecton_adaptive_limit *limit, tecton_limit_signal signal, uint64_t rtt_us,
                                    uint64_t now_ms);

/* tecton_adaptive_limit_set_ceiling: a lower one holds at once (what is under way may finish), a higher one is grown
 * into. At least 1. */
void tecton_adaptive_limit_set_ceiling(tecton_adaptive_limit *limit, uint32_t ceiling);

/* tecton_adaptive_limit_restart_at_half: after an outage. Doubles back to where it was, then goes on as usual. */
void tecton_adaptive_limit_restart_at_half(tecton_adaptive_limit *limit);

#endif
