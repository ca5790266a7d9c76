/* The sink as pipelines of other SDKs see it: its names, its options, and the step that one use of it becomes. */
#ifndef WORKER_SINK_TRANSFORM_H
#define WORKER_SINK_TRANSFORM_H

#include "sdk_harness/expansion/external_transform.h"

/* tecton_sink_transform returns the description for the expansion service. Static members. */
beamc_external_transform tecton_sink_transform(void);

#endif
