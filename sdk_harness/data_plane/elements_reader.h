/* Splits an Elements message into runs of element bytes without copying them: each run is a range of the
 * message's slices. Wire source: elements.proto. */
#ifndef SDK_HARNESS_DATA_PLANE_ELEMENTS_READER_H
#define SDK_HARNESS_DATA_PLANE_ELEMENTS_READER_H

#include "sdk_harness/base/status.h"
#include "sdk_harness/rpc/message.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Where a run of bytes lies in a message. */
typedef struct {
    size_t first_slice;
    size_t offset; /* into the first slice */
    size_t len;    /* bytes; may cross slices */
} beamc_element_run;

typedef struct {
    const char *instruction_id; /* borrowed for the call */
    const char *transform_id;
    const char *timer_family_id; /* NULL for data */
    beamc_element_run run;
    bool is_last;
} beamc_elements_part;

typedef void (*beamc_elements_visit)(void *context, const beamc_elements_part *part);

/* beamc_elements_read calls `visit` for each Data and Timers of the message, in order. BEAMC_INVALID when the
 * message cannot be parsed; parts before the fault were visited. */
beamc_status beamc_elements_read(const beamc_message *message, beamc_elements_visit visit, void *context,
                                 beamc_error *err);

#endif
