/* The names under which pipelines and runners know the sink. They are part of the product: never change one. */
#ifndef WORKER_SINK_NAMES_H
#define WORKER_SINK_NAMES_H

/* For callers that send a SchemaTransform. Beam's Python and YAML helpers find only names of this shape. */
#define TECTON_SINK_IDENTIFIER "beam:schematransform:org.apache.beam:tecton_stream_write:v1"

/* For callers that send an ExternalConfigurationPayload. */
#define TECTON_SINK_TRANSFORM_URN "beam_tecton:transform:stream_write:v1"

/* Of the step's DoFn. */
#define TECTON_SINK_DOFN_URN "beam_tecton:dofn:stream_write:v1"

/* The output with one row for each acknowledged request. */
#define TECTON_SINK_WRITTEN_TAG "written"

#endif
