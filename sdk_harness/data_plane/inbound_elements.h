/* Encoded input of all bundles, between the data stream and the bundles that read it.
 *
 * Input may arrive before its ProcessBundle and after the bundle's end: the first is kept, the second dropped.
 * All that is buffered counts against one cap; at the cap the data stream is not read further, so gRPC's flow
 * control holds the runner. One message always fits. Data whose bundle never comes, because the runner gave it up,
 * would hold its part of the cap for good: it is dropped when others need the room, and at last in any case. Any
 * thread. */
#ifndef SDK_HARNESS_DATA_PLANE_INBOUND_ELEMENTS_H
#define SDK_HARNESS_DATA_PLANE_INBOUND_ELEMENTS_H

#include "sdk_harness/base/byte_reader.h"
#include "sdk_harness/base/status.h"
#include "sdk_harness/data_plane/elements_reader.h"
#include "sdk_harness/rpc/message.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    /* Runners send a ProcessBundle within milliseconds of its first data. */
    BEAMC_UNCLAIMED_AT_CAP_MS = 60 * 1000, /* then it may go, if the cap is reached */
    BEAMC_UNCLAIMED_MS = 20 * 60 * 1000    /* then it goes; Java forgets failed instructions after as long */
};

typedef struct beamc_inbound beamc_inbound;               /* all bundles */
typedef struct beamc_inbound_bundle beamc_inbound_bundle; /* what one bundle has */

/* Called when something arrived for the bundle, or when its input broke. Must not block; any thread. */
typedef void (*beamc_inbound_wake)(void *context);

/* Called, without a lock, when buffered bytes have fallen below the cap again. Must not block; any thread. */
typedef void (*beamc_inbound_room)(void *context);

/* A run of elements that a reader owns. */
typedef struct {
    beamc_inbound *inbound;
    beamc_message *message; /* NULL: nothing */
    beamc_element_run run;
    size_t next_slice;     /* which the reader asks for next */
    size_t released_slice; /* slices before it are given back */
    size_t left;           /* bytes not yet handed to the reader */
    size_t unreleased;     /* bytes that count against the cap */
    uint64_t received_us;  /* monotonic, when gRPC handed over its message */
} beamc_element_segment;

beamc_inbound *beamc_inbound_new(size_t cap_bytes);
void beamc_inbound_free(beamc_inbound *inbound); /* all bundles must be gone */
void beamc_inbound_on_room(beamc_inbound *inbound, beamc_inbound_room room, void *context);

/* beamc_inbound_accept takes one message of the data stream apart and wakes the bundles it is for. The caller
 * keeps its reference. BEAMC_INVALID: it cannot be parsed. */
beamc_status beamc_inbound_accept(beamc_inbound *inbound, beamc_message *message, beamc_error *err);

/* beamc_inbound_full: true at the cap; the stream should not be read until on_room is called. */
bool beamc_inbound_full(beamc_inbound *inbound);
size_t beamc_inbound_buffered_bytes(beamc_inbound *inbound);

/* beamc_inbound_drop_unclaimed drops data that no bundle has claimed, with a line of the log for each id: what got
 * nothing new for BEAMC_UNCLAIMED_MS, and at the cap, oldest first until there is room, what got nothing for
 * BEAMC_UNCLAIMED_AT_CAP_MS. A dropped id counts as ended. To be called every few seconds, which is how exact the times
 * are: data counts from the call before it came, or from the first. Not on the completion thread. */
void beamc_inbound_drop_unclaimed(beamc_inbound *inbound, uint64_t now_ms);

/* beamc_inbound_attach claims the input of `instruction_id`. NULL when the id is claimed already, has ended or was
 * dropped. */
beamc_inbound_bundle *beamc_inbound_attach(beamc_inbound *inbound, const char *instruction_id, beamc_inbound_wake wake,
                                           void *context);

/* beamc_inbound_detach drops what is left; late input of the id is dropped from now on. No wake comes after it
 * has returned. */
void beamc_inbound_detach(beamc_inbound_bundle *bundle);

typedef enum {
    BEAMC_INBOUND_SEGMENT,
    BEAMC_INBOUND_EMPTY,
    BEAMC_INBOUND_ENDED,
    BEAMC_INBOUND_BROKEN
} beamc_inbound_next;

/* beamc_inbound_take gives the next run of elements for the source node `transform_id`, in order of arrival.
 *   url   of the stream that the node reads: BEAMC_INBOUND_BROKEN when that one ended before the node's input did
 * At BEAMC_INBOUND_ENDED `out` is empty, with the end mark's time. */
beamc_inbound_next beamc_inbound_take(beamc_inbound_bundle *bundle, const char *transform_id, const char *url,
                                      beamc_element_segment *out);

/* beamc_inbound_waiting: true when a segment for any node is here and not taken. */
bool beamc_inbound_waiting(beamc_inbound_bundle *bundle);

/* beamc_inbound_has_arrived: true when anything has come for the bundle since its id was first seen, an end mark
 * included. What comes later wakes it. */
bool beamc_inbound_has_arrived(beamc_inbound_bundle *bundle);

/* beamc_inbound_break: the data stream of `url` ended; nodes that still expect input from it get
 * BEAMC_INBOUND_BROKEN. Bundles that are seen later read a new stream. */
void beamc_inbound_break(beamc_inbound *inbound, const char *url, const char *why);

/* beamc_inbound_complete: nothing more comes for the bundle, from any address; nodes that still expect input get
 * BEAMC_INBOUND_BROKEN. */
void beamc_inbound_complete(beamc_inbound *inbound, const char *instruction_id);
const char *beamc_inbound_why_broken(beamc_inbound_bundle *bundle, const char *url); /* until detach */

/* A reader of the segment's bytes; beamc_byte_reader's next_slice. */
bool beamc_element_segment_next_slice(void *segment, const uint8_t **data, size_t *len);

/* beamc_element_segment_release_read gives back the slices before the one being read. Bytes borrowed from them
 * are gone. */
void beamc_element_segment_release_read(beamc_element_segment *segment);

/* beamc_element_segment_release gives back all. */
void beamc_element_segment_release(beamc_element_segment *segment);

#endif
