/* Finds, in a bundle descriptor's map of coders, how the elements of one edge are encoded.
 *
 * Only coders that the edge reaches are looked at: runners put unrelated ones into the same map. */
#ifndef SDK_HARNESS_CODERS_CODER_REGISTRY_H
#define SDK_HARNESS_CODERS_CODER_REGISTRY_H

#include "sdk_harness/base/status.h"
#include "sdk_harness/coders/coder_lookup.h"
#include "sdk_harness/coders/schema.h"
#include "sdk_harness/coders/windowed_value.h"

#include <stddef.h>

/* What the edge carries. Owns what it points to; release with beamc_edge_coder_cleanup. */
typedef struct {
    beamc_windowed_value_coder windowed;
    beamc_schema *schema;      /* NULL when the element is not a row */
    beamc_coder *not_a_row;    /* then its coder */
    beamc_coder *custom_inner; /* of custom windows without a length */
    char *element_urn;         /* URN of the element's own coder, for messages */
} beamc_edge_coder;

/* beamc_edge_coder_resolve follows `coder_id` of a data port. An element that is no row is no error here:
 * `schema` stays NULL; such elements are handed on, and the operator that needs rows says so. BEAMC_INVALID names the
 * coder's id and URN. */
beamc_status beamc_edge_coder_resolve(const char *coder_id, beamc_coder_lookup lookup, void *context,
                                      beamc_edge_coder *out, beamc_error *err);
void beamc_edge_coder_cleanup(beamc_edge_coder *coder);

/* beamc_row_schema_resolve finds the schema of a PCollection's coder, through length prefixes. `*out` is new,
 * or NULL when the coder is no row coder; then `*urn` (borrowed) says what it is. */
beamc_status beamc_row_schema_resolve(const char *coder_id, beamc_coder_lookup lookup, void *context,
                                      beamc_schema **out, const char **urn, beamc_error *err);

/* beamc_coder_urns: every coder URN this harness decodes, NULL-terminated; the capabilities of our environment.
 * FnApiRunner length-prefixes whatever an environment does not list. */
extern const char *const beamc_coder_urns[];

#endif
