/* Elements that stand in a ProcessBundle request or response instead of on the data stream.
 *
 * A request has all of a bundle's input or none of it, a response all outputs with their end marks or none. Sources:
 * ProcessBundleRequest.elements, ProcessBundleResponse.elements; capabilities
 * beam:protocol:control_request_elements_embedding:v1 (ours) and control_response_elements_embedding:v1 (runner's). */
#ifndef SDK_HARNESS_DATA_PLANE_EMBEDDED_ELEMENTS_H
#define SDK_HARNESS_DATA_PLANE_EMBEDDED_ELEMENTS_H

#include "protos/elements.pb-c.h"
#include "sdk_harness/data_plane/inbound_elements.h"

#include <stddef.h>
#include <stdint.h>

enum { BEAMC_EMBEDDED_OUTPUT_BYTES = 64 * 1024 }; /* of all outputs of a bundle; more goes over the data stream */

/* beamc_embedded_accept gives the elements to the bundle, whatever instruction its parts name, and says that no others
 * come. The bundle must be attached. Copies; any thread. */
void beamc_embedded_accept(beamc_inbound *inbound, const char *instruction_id, const Beam__Elements *elements);

/* beamc_embedded_add appends the whole output of one sink node and its end mark; all is copied. An `elements` of zeroed
 * lists, as Beam__Elements's initialiser makes them, is freed with beamc_embedded_cleanup. */
void beamc_embedded_add(Beam__Elements *elements, const char *instruction_id, const char *transform_id,
                        const uint8_t *bytes, size_t len);
void beamc_embedded_cleanup(Beam__Elements *elements);

#endif
