#include "tests/fakes/fake_pipeline.h"

#include "sdk_harness/base/alloc.h"
#include "tests/fakes/wire_message.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Field numbers of beam_fn_api.proto, beam_runner_api.proto and schema.proto. */
enum {
    DESCRIPTOR_ID = 1,
    DESCRIPTOR_TRANSFORMS = 2,
    DESCRIPTOR_PCOLLECTIONS = 3,
    DESCRIPTOR_CODERS = 5,
    TRANSFORM_SPEC = 1,
    TRANSFORM_INPUTS = 3,
    TRANSFORM_OUTPUTS = 4,
    TRANSFORM_UNIQUE_NAME = 5,
    SPEC_URN = 1,
    SPEC_PAYLOAD = 3,
    PCOLLECTION_CODER = 2,
    CODER_SPEC = 1,
    CODER_COMPONENTS = 2,
    PORT_ENDPOINT = 1,
    PORT_CODER = 2,
    ENDPOINT_URL = 1,
    PARDO_DOFN = 1,
    SCHEMA_FIELDS = 1,
    SCHEMA_ID = 2,
    FIELD_NAME = 1,
    FIELD_TYPE = 3,
    TYPE_ATOMIC = 2,
    ATOMIC_INT64 = 4,
    ATOMIC_STRING = 7
};

static void append_spec(beamc_byte_buffer *message, unsigned field, const char *urn, const void *payload, size_t len) {
    beamc_byte_buffer spec;
    wire_init(&spec);
    wire_text(&spec, SPEC_URN, urn);
    if (len > 0)
        wire_bytes(&spec, SPEC_PAYLOAD, payload, len);
    wire_part(message, field, &spec);
}

static void append_field(beamc_byte_buffer *schema, const char *name, unsigned atomic_type) {
    beamc_byte_buffer field;
    beamc_byte_buffer type;
    wire_init(&field);
    wire_init(&type);
    wire_number(&type, TYPE_ATOMIC, atomic_type);
    wire_text(&field, FIELD_NAME, name);
    wire_part(&field, FIELD_TYPE, &type);
    wire_part(schema, SCHEMA_FIELDS, &field);
}

static void append_standard_coders(fake_pipeline *pipeline) {
    static const char *const row_coders[] = {"row", "row_lp", "bytes"};
    static const char *const window_coders[] = {"global", "interval", "custom"};
    beamc_byte_buffer schema;
    wire_init(&schema);
    append_field(&schema, "id", ATOMIC_INT64);
    append_field(&schema, "name", ATOMIC_STRING);
    wire_text(&schema, SCHEMA_ID, "5a1cbb5e-0000-4000-8000-000000000001");
    fake_pipeline_coder(pipeline, "row", "beam:coder:row:v1", schema.data, schema.len, NULL);
    beamc_byte_buffer_cleanup(&schema);
    fake_pipeline_coder(pipeline, "row_lp", "beam:coder:length_prefix:v1", NULL, 0, (const char *[]){"row", NULL});
    fake_pipeline_coder(pipeline, "bytes", "beam:coder:bytes:v1", NULL, 0, NULL);
    fake_pipeline_coder(pipeline, "global", "beam:coder:global_window:v1", NULL, 0, NULL);
    fake_pipeline_coder(pipeline, "interval", "beam:coder:interval_window:v1", NULL, 0, NULL);
    fake_pipeline_coder(pipeline, "interval_lp", "beam:coder:length_prefix:v1", NULL, 0,
                        (const char *[]){"interval", NULL});
    fake_pipeline_coder(pipeline, "custom", "beam:coder:custom_window:v1", NULL, 0,
                        (const char *[]){"interval_lp", NULL});
    for (size_t r = 0; r < 3; r++)
        for (size_t w = 0; w < 3; w++) {
            char id[64];
            snprintf(id, sizeof id, "%s/%s", row_coders[r], window_coders[w]);
            fake_pipeline_coder(pipeline, id, "beam:coder:windowed_value:v1", NULL, 0,
                                (const char *[]){row_coders[r], window_coders[w], NULL});
        }
}

void fake_pipeline_init(fake_pipeline *pipeline, const char *id) {
    pipeline->id = beamc_strdup(id);
    wire_init(&pipeline->bytes);
    wire_text(&pipeline->bytes, DESCRIPTOR_ID, id);
    append_standard_coders(pipeline);
}

void fake_pipeline_cleanup(fake_pipeline *pipeline) {
    beamc_byte_buffer_cleanup(&pipeline->bytes);
    free(pipeline->id);
    *pipeline = (fake_pipeline){0};
}

void fake_pipeline_coder(fake_pipeline *pipeline, const char *id, const char *urn, const void *payload, size_t len,
                         const char *const *components) {
    beamc_byte_buffer coder;
    wire_init(&coder);
    append_spec(&coder, CODER_SPEC, urn, payload, len);
    for (size_t i = 0; components != NULL && components[i] != NULL; i++)
        wire_text(&coder, CODER_COMPONENTS, components[i]);
    wire_part_entry(&pipeline->bytes, DESCRIPTOR_CODERS, id, &coder);
}

void fake_pipeline_pcollection(fake_pipeline *pipeline, const char *id, const char *coder_id) {
    beamc_byte_buffer pcollection;
    wire_init(&pcollection);
    wire_text(&pcollection, PCOLLECTION_CODER, coder_id);
    wire_part_entry(&pipeline->bytes, DESCRIPTOR_PCOLLECTIONS, id, &pcollection);
}

/* "tag=pcollection,tag=pcollection" */
static void append_links(beamc_byte_buffer *transform, unsigned field, const char *links) {
    while (*links != '\0') {
        size_t tag_len = strcspn(links, "=");
        size_t id_len = strcspn(links + tag_len + 1, ",");
        char *tag = beamc_strndup(links, tag_len);
        char *id = beamc_strndup(links + tag_len + 1, id_len);
        wire_text_entry(transform, field, tag, id);
        free(tag);
        free(id);
        links += tag_len + 1 + id_len;
        links += *links == ',';
    }
}

void fake_pipeline_transform(fake_pipeline *pipeline, const char *id, const char *urn, const void *payload, size_t len,
                             const char *inputs, const char *outputs) {
    beamc_byte_buffer transform;
    wire_init(&transform);
    append_spec(&transform, TRANSFORM_SPEC, urn, payload, len);
    append_links(&transform, TRANSFORM_INPUTS, inputs);
    append_links(&transform, TRANSFORM_OUTPUTS, outputs);
    wire_text(&transform, TRANSFORM_UNIQUE_NAME, id);
    wire_part_entry(&pipeline->bytes, DESCRIPTOR_TRANSFORMS, id, &transform);
}

static void append_port(fake_pipeline *pipeline, const char *id, const char *urn, const char *url, const char *coder_id,
                        const char *inputs, const char *outputs) {
    beamc_byte_buffer port;
    beamc_byte_buffer endpoint;
    wire_init(&port);
    wire_init(&endpoint);
    wire_text(&endpoint, ENDPOINT_URL, url);
    wire_part(&port, PORT_ENDPOINT, &endpoint);
    wire_text(&port, PORT_CODER, coder_id);
    fake_pipeline_transform(pipeline, id, urn, port.data, port.len, inputs, outputs);
    beamc_byte_buffer_cleanup(&port);
}

void fake_pipeline_source(fake_pipeline *pipeline, const char *id, const char *url, const char *coder_id,
                          const char *pcollection) {
    char *outputs = beamc_format("out=%s", pcollection);
    append_port(pipeline, id, "beam:runner:source:v1", url, coder_id, "", outputs);
    free(outputs);
}

void fake_pipeline_sink(fake_pipeline *pipeline, const char *id, const char *url, const char *coder_id,
                        const char *pcollection) {
    char *inputs = beamc_format("in=%s", pcollection);
    append_port(pipeline, id, "beam:runner:sink:v1", url, coder_id, inputs, "");
    free(inputs);
}

void fake_pipeline_pardo(fake_pipeline *pipeline, const char *id, const char *dofn_urn, const char *dofn_payload,
                         const char *inputs, const char *outputs) {
    beamc_byte_buffer pardo;
    wire_init(&pardo);
    append_spec(&pardo, PARDO_DOFN, dofn_urn, dofn_payload, strlen(dofn_payload));
    fake_pipeline_transform(pipeline, id, "beam:transform:pardo:v1", pardo.data, pardo.len, inputs, outputs);
    beamc_byte_buffer_cleanup(&pardo);
}
