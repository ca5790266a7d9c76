/* A transform with an option and two outputs: rows whose INT64 field `field` is at least `minimum` go to "kept",
 * all others, nulls included, to "dropped". Windows, panes and timestamps stay the element's. */
#include "sdk_harness/base/alloc.h"
#include "sdk_harness/program.h"

#include <stdlib.h>
#include <string.h>

enum { DROPPED, KEPT }; /* outputs are sorted by tag */

typedef struct {
    size_t field;
    int64_t minimum;
    beamc_bundle *bundle;
} row_filter;

/* What travels from expansion to the worker: the minimum, then the field's index. */
typedef struct {
    int64_t minimum;
    uint64_t field;
} payload;

static beamc_status setup(void *context, const beamc_dofn_setup *in, void **instance, beamc_error *err) {
    (void)context;
    payload options;
    if (in->payload_len != sizeof options)
        return beamc_fail(err, BEAMC_INVALID, "the step was expanded by another version; expand it again");
    memcpy(&options, in->payload, sizeof options);
    row_filter *filter = beamc_alloc_zero(1, sizeof *filter);
    filter->field = options.field;
    filter->minimum = options.minimum;
    *instance = filter;
    return options.field < in->input_schema->num_fields ? BEAMC_OK : beamc_fail(err, BEAMC_INVALID, "no such field");
}

static beamc_status start_bundle(void *instance, beamc_bundle *bundle, beamc_error *err) {
    (void)err;
    ((row_filter *)instance)->bundle = bundle;
    return BEAMC_OK;
}

static beamc_status process(void *instance, const beamc_element *element, beamc_error *err) {
    const row_filter *filter = instance;
    const beamc_value *value = &element->fields[filter->field];
    bool keep = value->kind == BEAMC_VALUE_INTEGER && value->as.integer >= filter->minimum;
    return beamc_bundle_emit(filter->bundle, keep ? KEPT : DROPPED, element->fields, element->timestamp_ms, element,
                             err);
}

static beamc_status finish_bundle(void *instance, beamc_error *err) {
    (void)instance;
    (void)err;
    return BEAMC_OK;
}

static void end_bundle(void *instance) {
    ((row_filter *)instance)->bundle = NULL;
}

static beamc_status expand(void *context, const beamc_expand_request *request, beamc_expand_answer *answer,
                           beamc_error *err) {
    (void)context;
    long field = beamc_schema_find(request->config_schema, "field");
    long minimum = beamc_schema_find(request->config_schema, "minimum");
    if (field < 0 || minimum < 0 || request->config[field].kind != BEAMC_VALUE_STRING ||
        request->config[minimum].kind != BEAMC_VALUE_INTEGER)
        return beamc_fail(err, BEAMC_INVALID, "write field=\"NAME\" (an INT64 field) and minimum=NUMBER");
    char *name = beamc_strndup((const char *)request->config[field].as.bytes.data, request->config[field].as.bytes.len);
    long index = beamc_schema_find(request->input_schema, name);
    beamc_status status = BEAMC_OK;
    if (index < 0 || request->input_schema->fields[index].type.kind != BEAMC_TYPE_INT64)
        status = beamc_fail(err, BEAMC_INVALID, "the input has no INT64 field called %.64s", name);
    free(name);
    payload options = {.minimum = request->config[minimum].as.integer, .field = (uint64_t)index};
    (void)beamc_byte_buffer_append(&answer->dofn_payload, &options, sizeof options);
    answer->step_name = "RowFilter";
    answer->dofn_urn = "example:dofn:row_filter:v1";
    answer->num_outputs = 2;
    answer->outputs[DROPPED] = (beamc_expand_output){.tag = beamc_strdup("dropped"), .like_input = true};
    answer->outputs[KEPT] = (beamc_expand_output){.tag = beamc_strdup("kept"), .like_input = true};
    return status;
}

int main(int argc, char **argv) {
    static const char *const outputs[] = {"dropped", "kept"};
    static const beamc_option_field options[] = {
        {.name = "field", .description = "An INT64 field.", .kind = BEAMC_TYPE_STRING, .required = true},
        {.name = "minimum", .description = "Least value kept.", .kind = BEAMC_TYPE_INT64, .required = true}};
    static const beamc_dofn dofn = {
        "example:dofn:row_filter:v1", NULL, setup, start_bundle, process, finish_bundle, end_bundle, free};
    static const beamc_external_transform transform = {.identifier =
                                                           "beam:schematransform:org.apache.beam:row_filter:v1",
                                                       .urn = "example:transform:row_filter:v1",
                                                       .description = "Keeps rows whose field is large enough.",
                                                       .options = options,
                                                       .num_options = 2,
                                                       .output_names = outputs,
                                                       .num_output_names = 2,
                                                       .expand = expand};
    static const beamc_program program = {.name = "row-filter",
                                          .version = "1",
                                          .dofns = &dofn,
                                          .num_dofns = 1,
                                          .transforms = &transform,
                                          .num_transforms = 1};
    return beamc_program_main(&program, argc, argv);
}
