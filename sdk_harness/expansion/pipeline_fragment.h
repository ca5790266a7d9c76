/* The answer to an expansion: the request's components without its transforms, and ours beside them.
 *
 * Every new id starts with the request's namespace; echoed objects keep what we do not know of them. */
#ifndef SDK_HARNESS_EXPANSION_PIPELINE_FRAGMENT_H
#define SDK_HARNESS_EXPANSION_PIPELINE_FRAGMENT_H

#include "protos/expansion_api.pb-c.h"
#include "sdk_harness/base/byte_buffer.h"
#include "sdk_harness/expansion/expansion_request.h"

/* beamc_pipeline_fragment_append packs the ExpansionResponse of one use into `out`.
 *   message       the request; its transforms are dropped from it here, all else is left as it is
 *   environment   of the step; borrowed */
beamc_status beamc_pipeline_fragment_append(Beam__ExpansionRequest *message, const beamc_parsed_request *request,
                                            const beamc_expand_answer *answer, Beam__Environment *environment,
                                            beamc_byte_buffer *out, beamc_error *err);

#endif
