/* How many requests may be under way to one endpoint, learned from how it answers. Pure; the engine's thread only.
 *
 * It starts at one, and every success adds one (doubling per round trip) until the endpoint pushes back or its answers
 * take half as long again as at their best. From then on, once in a window of one smoothed round trip:
 *   more          the limit was reached, and answers came no slower than usual: one more, and after each eight such
 *                 windows one more at a time;
 *   a tenth less  the endpoint pushed back, or answers came clearly slower.
 * Learned across bundles: one bundle is too short. Source: Vector's adaptive request concurrency (vector.dev) and its
 * constants; TCP's slow start and recovery (RFC 5681). What differs, and why:
 *   - A window has at least 8 answers, and a rise counts from 1 ms, a quarter, and the scatter of so few answers on.
 * Else a jittery service of constant speed is held far below what it takes; and on loopback, where a round trip is tens
 * of microseconds, every pause of the machine would be a rise.
 *   - Fewer than one failure in ten is chance and not load. Else 1 % of lost connections would hold the limit near
 *     sqrt(10 / 1 %) = 32.
 *   - A 429 counts when more were under way than for anything accepted in the last ten to twenty windows, or when one
 *     answer in twenty is one. Other 429s are of a service that bounds the rate: learned_rate.h sees to those. Just
 * below where a 429 counted it waits ten windows before it goes on.
 *   - It does not grow while answers take nearly twice as long as at their best: behind a service that queues, what is
 *     usual creeps up with the limit, and nothing else would ever stop it. */
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
    uint32_t throttled_at;     /* so many were too many for the last 429; 0: passed since */
    uint32_t num_grown;        /* windows that it grew after, since it was last lowered */
    uint32_t num_held;         /* good windows just below it */
    uint64_t reached_ms;       /* when as many were under way as may, last */
    uint64_t lowered_ms;       /* what was sent until then knows nothing of the lower limit */

    /* The window. */
    uint64_t window_end_ms; /* at the earliest */
    bool reached;           /* the limit was, while one of the answered was under way */
    uint32_t num_ok;
    uint32_t num_failed;
    uint32_t num_throttled;
    uint64_t rtt_sum_us; /* of num_ok */

    /* The most that were under way when a request started that was then accepted: in this period of ten windows, and in
     * the one before. */
    uint32_t most_accepted;
    uint32_t most_accepted_before;
    uint32_t num_windows; /* of this period */

    /* The windows before. */
    double smoothed_us; /* of their mean round trips; 0: none yet */
    double variance_us2;
    double least_us;      /* of smoothed_us, in this period of 5 minutes and the one before */
    double next_least_us; /* in this period */
    uint64_t period_ms;   /* when it began */
} tecton_adaptive_limit;

/* tecton_adaptive_limit_init: `ceiling` at least 1. */
void tecton_adaptive_limit_init(tecton_adaptive_limit *limit, uint32_t ceiling);

/* tecton_adaptive_limit_may_start: whether one more request may be sent now. */
bool tecton_adaptive_limit_may_start(const tecton_adaptive_limit *limit);

/* tecton_adaptive_limit_started and _finished: one each for every request sent. Started returns how many are under way
 * then, this one included, for finished. rtt_us   from its start to its end, whatever the end was now_ms   monotonic */
uint32_t tecton_adaptive_limit_started(tecton_adaptive_limit *limit, uint64_t now_ms);
void tecton_adaptive_limit_finished(tecton_adaptive_limit *limit, tecton_limit_signal signal, uint32_t num_in_flight,
                                    uint64_t rtt_us, uint64_t now_ms);

/* tecton_adaptive_limit_per_second: requests a second that go out now: those under way over the usual round trip, or
 * over `rtt_us` while that is unknown. */
double tecton_adaptive_limit_per_second(const tecton_adaptive_limit *limit, uint64_t rtt_us);

/* tecton_adaptive_limit_set_ceiling: a lower one holds at once (what is under way may finish), a higher one is grown
 * into. At least 1. */
void tecton_adaptive_limit_set_ceiling(tecton_adaptive_limit *limit, uint32_t ceiling);

/* tecton_adaptive_limit_restart_at_half: after an outage. Doubles back to where it was, then goes on as usual. */
void tecton_adaptive_limit_restart_at_half(tecton_adaptive_limit *limit);

#endif
