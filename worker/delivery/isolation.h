/* Which parts of a rejected request are sent again, to find the record at fault. Pure; any thread.
 *
 * Tecton does not say which record of a request it rejects, nor whether it wrote the others. A part that is sent again
 * may thus hold records that are stored already: harmless, since the last write for a key and timestamp wins. So the
 * request is halved until the rejected part is one record. One bad record in ten costs 6 to 8 requests more.
 *
 * (Not sending the second half when the first was stored would save up to two of them, but each half would have to
 * wait for the other, and a record would be blamed by inference.) */
#ifndef WORKER_DELIVERY_ISOLATION_H
#define WORKER_DELIVERY_ISOLATION_H

#include <stdbool.h>
#include <stdint.h>

enum { TECTON_ISOLATION_MAX_ACTIVE = 4 /* rejected requests of one destination that are taken apart at once */ };

typedef enum {
    TECTON_REJECTED_REQUEST,  /* Tecton's requestError: the request as a whole */
    TECTON_REJECTED_RECORDS,  /* recordErrors: some record in it */
    TECTON_REJECTED_TOO_LARGE /* 413 */
} tecton_rejection;

/* Records [first, first + num) of a request, num at least 1. */
typedef struct {
    uint32_t first;
    uint32_t num;
} tecton_record_range;

typedef enum {
    TECTON_ISOLATE_SPLIT,  /* send `num_parts` parts, see tecton_isolation_part */
    TECTON_ISOLATE_RECORD, /* the range is one record, which is at fault */
    TECTON_ISOLATE_STOP    /* no record is at fault: the bundle fails with the server's words */
} tecton_isolation_action;

typedef struct {
    tecton_isolation_action action;
    uint32_t num_parts; /* SPLIT: at least 2, at most range.num */
} tecton_isolation;

/* tecton_isolate decides after `range` was sent and rejected.
 *   num_bad           at least how many records the server calls bad, 0 when it does not say. A record may be reported
 *                     once for each feature view: count the errors of one view only
 *   source_accepted   this source has stored a record since the process began. If not, an error of the request as a
 *                     whole is most likely every request's, and the bundle stops instead of losing record by record
 * Two parts; or one for each record, when so many are bad that halving would take more requests. */
tecton_isolation tecton_isolate(tecton_record_range range, tecton_rejection rejection, uint32_t num_bad,
                                bool source_accepted);

/* tecton_isolation_part: the `index`-th of `num_parts` parts, in order, as even as can be. */
tecton_record_range tecton_isolation_part(tecton_record_range range, uint32_t num_parts, uint32_t index);

/* Rejected requests that are being taken apart, of one destination. Zero is none. The engine's thread only. */
typedef struct {
    uint32_t num_active;
} tecton_isolation_turns;

/* tecton_isolation_begin: true when it is this request's turn: end it when its last part is back. False: it waits, and
 * asks again after an end. */
bool tecton_isolation_begin(tecton_isolation_turns *turns);
void tecton_isolation_end(tecton_isolation_turns *turns);

#endif
