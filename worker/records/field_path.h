/* Where in a row something is: `items[2].price`. Kept on the stack, written out only for a message. */
#ifndef WORKER_RECORDS_FIELD_PATH_H
#define WORKER_RECORDS_FIELD_PATH_H

#include "sdk_harness/base/status.h"

#include <stddef.h>
#include <stdint.h>

typedef enum { TECTON_PATH_FIELD, TECTON_PATH_INDEX, TECTON_PATH_KEY } tecton_path_kind;

typedef struct tecton_field_path {
    const struct tecton_field_path *outer; /* NULL at the top */
    tecton_path_kind kind;
    const char *field; /* FIELD: terminated */
    size_t index;      /* INDEX: of an array's element; KEY: of a map's entry, in the order it came */
} tecton_field_path;

/* tecton_field_path_text writes the path, cut at `text_size`, always terminated. A map's entries show as [entry 3]:
 * keys are data and stay out of messages. */
void tecton_field_path_text(const tecton_field_path *path, char *text, size_t text_size);

/* tecton_field_refuse writes "field `path`: `why`" and returns BEAMC_INVALID. */
beamc_status tecton_field_refuse(const tecton_field_path *path, beamc_error *err, const char *why);

#endif
