/* The sink as pipelines of other SDKs see it: its names, its options, and the step that one use of it becomes. */
#ifndef WORKER_SINK_TRANSFORM_H
#define WORKER_SINK_TRANSFORM_H

#include "sdk_harness/expansion/external_transform.h"

#define TECTON_SINK_IDENTIFIER    "beam:schematransform:org.apache.beam:tecton_stream_write:v1"
#define TECTON_SINK_TRANSFORM_URN "beam_tecton:transform:stream_write:v1"

/* tecton_sink_transform returns the description for the expansion service. Static members. */
beamc_external_transform tecton_sink_transform(void);

#endif
