/* Bundle descriptors for scenarios: what a runner tells a worker about its stage.
 *
 * Every descriptor has these coders, by id:
 *   row               (id INT64, name STRING)
 *   row_lp            the same behind a length prefix
 *   global, interval, custom       window coders
 *   row/global, row_lp/interval... a windowed value of each row coder in each window coder, for data ports
 *   bytes, bytes/global            something that is no row */
#ifndef TESTS_FAKES_FAKE_PIPELINE_H
#define TESTS_FAKES_FAKE_PIPELINE_H

#include "sdk_harness/base/byte_buffer.h"

#include <stddef.h>

#define FAKE_SCRIPTED_DOFN "test:dofn:scripted:v1" /* of scripted_dofn.c */
#define FAKE_NULL_DOFN     "example:dofn:null_sink:v1"

typedef struct {
    char *id;
    beamc_byte_buffer bytes; /* the descriptor so far */
} fake_pipeline;

void fake_pipeline_init(fake_pipeline *pipeline, const char *id);
void fake_pipeline_cleanup(fake_pipeline *pipeline);

/* components: NULL-terminated ids, or NULL. */
void fake_pipeline_coder(fake_pipeline *pipeline, const char *id, const char *urn, const void *payload, size_t len,
                         const char *const *components);
void fake_pipeline_pcollection(fake_pipeline *pipeline, const char *id, const char *coder_id);

/* fake_pipeline_transform adds any node; inputs and outputs are written "tag=pcollection,tag=pcollection". */
void fake_pipeline_transform(fake_pipeline *pipeline, const char *id, const char *urn, const void *payload, size_t len,
                             const char *inputs, const char *outputs);

/* A source node that makes `pcollection`, and a sink node that reads it; url is the data stream's. */
void fake_pipeline_source(fake_pipeline *pipeline, const char *id, const char *url, const char *coder_id,
                          const char *pcollection);
void fake_pipeline_sink(fake_pipeline *pipeline, const char *id, const char *url, const char *coder_id,
                        const char *pcollection);
void fake_pipeline_pardo(fake_pipeline *pipeline, const char *id, const char *dofn_urn, const char *dofn_payload,
                         const char *inputs, const char *outputs);

#endif
