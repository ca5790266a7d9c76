/* Values of Beam's logical types as JSON. Private to this folder. What each becomes, and why, is in README.md. */
#ifndef WORKER_RECORDS_LOGICAL_VALUES_H
#define WORKER_RECORDS_LOGICAL_VALUES_H

#include "worker/records/field_path.h"
#include "worker/records/record_plan.h"

/* tecton_encode_logical appends one value whose op is OP_TIMESTAMP to OP_ENUM and whose kind is the op's.
 * BEAMC_INVALID names the path and what is wrong. */
beamc_status tecton_encode_logical(const tecton_type_plan *type, const beamc_value *value,
                                   const tecton_field_path *path, beamc_byte_buffer *out, beamc_error *err);

#endif
