/* What an author implements so that pipelines of other SDKs can use a transform: its names, its options, and
 * the step that one use of it becomes. The expansion service does the rest.
 *
 * Callbacks run on the expansion service's thread, one at a time. */
#ifndef SDK_HARNESS_EXPANSION_EXTERNAL_TRANSFORM_H
#define SDK_HARNESS_EXPANSION_EXTERNAL_TRANSFORM_H

#include "sdk_harness/base/byte_buffer.h"
#include "sdk_harness/base/status.h"
#include "sdk_harness/coders/schema.h"
#include "sdk_harness/coders/value.h"

#include <stdbool.h>
#include <stddef.h>

/* One field of the configuration, as discovery shows it. A nested row has `fields`. */
typedef struct beamc_option_field {
    const char *name;
    const char *description;
    beamc_type_kind kind; /* an atomic kind, or BEAMC_TYPE_ROW */
    bool required;        /* otherwise nullable */
    const struct beamc_option_field *fields;
    size_t num_fields;
} beamc_option_field;

typedef struct {
    const beamc_schema *config_schema; /* of the request; field names as the caller wrote them */
    const beamc_value *config;         /* config_schema->num_fields values */
    const beamc_schema *input_schema;
    bool dataflow; /* the request's pipeline_options name a Dataflow runner */
} beamc_expand_request;

enum { BEAMC_EXPAND_MAX_OUTPUTS = 8, BEAMC_EXPAND_MAX_DISPLAY = 16 };

typedef struct {
    const char *name;      /* as the schema has it; literal or from the request's config */
    beamc_type_kind kind;  /* atomic, or BEAMC_TYPE_ROW */
    beamc_logical logical; /* BEAMC_LOGICAL_NONE or _MICROS_INSTANT */
    bool nullable;
    const beamc_schema *row; /* BEAMC_TYPE_ROW: NULL means "the input's schema, as the request has it" */
} beamc_output_field;

typedef struct {
    char *tag;                        /* owned by the answer */
    const beamc_output_field *fields; /* static */
    size_t num_fields;
    bool like_input; /* the input's own rows; then `fields` is not looked at */
    /* The schema's id, a UUID. NULL: derived from the fields. A fixed one lets an SDK that keeps its types by id (Go)
     * find its own type for the rows; it must then never stand for other fields. Not looked at with like_input. */
    const char *schema_id;
} beamc_expand_output;

typedef struct {
    char *key;   /* owned by the answer */
    char *label; /* owned by the answer */
    char *value; /* owned by the answer */
    bool is_integer;
} beamc_display_item;

/* The step that the use becomes. Zeroed by the caller; strings are malloc'd and freed by the caller. */
typedef struct {
    const char *step_name; /* last part of the step's name, for example "ParDo" */
    const char *dofn_urn;
    beamc_byte_buffer dofn_payload; /* ceiling set by the caller; no secret given by reference may be in it */
    size_t num_outputs;
    beamc_expand_output outputs[BEAMC_EXPAND_MAX_OUTPUTS];
    size_t num_display;
    beamc_display_item display[BEAMC_EXPAND_MAX_DISPLAY];
    /* How runners start the worker; NULL: the service's defaults (AnyOf of PROCESS and EXTERNAL). */
    char *environment_type;   /* "PROCESS", "EXTERNAL" or "DOCKER" */
    char *environment_config; /* a command, an address, or an image */
    char *container_image;
    char *worker_command; /* of a PROCESS environment, also as one of AnyOf */
} beamc_expand_answer;

typedef struct {
    const char *identifier; /* of the SchemaTransform: beam:schematransform:... */
    const char *urn;        /* for callers that send an ExternalConfigurationPayload */
    const char *description;
    const beamc_option_field *options;
    size_t num_options;
    const char *const *output_names; /* for discovery: tags that every use has */
    size_t num_output_names;
    void *context;
    /* expand checks the configuration and the input's type and says what step the use becomes. The error text
     * goes to the user as it is: its first line is the answer. */
    beamc_status (*expand)(void *context, const beamc_expand_request *request, beamc_expand_answer *answer,
                           beamc_error *err);
} beamc_external_transform;

#endif
