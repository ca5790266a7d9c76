#include "sdk_harness/coders/coder_registry.h"

#include "protos/pipeline.pb-c.h"
#include "sdk_harness/base/alloc.h"

#include <stdlib.h>
#include <string.h>

#define URN_ROW             "beam:coder:row:v1"
#define URN_LENGTH_PREFIX   "beam:coder:length_prefix:v1"
#define URN_WINDOWED_VALUE  "beam:coder:windowed_value:v1"
#define URN_GLOBAL_WINDOW   "beam:coder:global_window:v1"
#define URN_INTERVAL_WINDOW "beam:coder:interval_window:v1"
#define URN_CUSTOM_WINDOW   "beam:coder:custom_window:v1"

enum { MAX_CODER_NESTING = 16 };

/* The runner length-prefixes what an environment does not name, so standard coders we only pass over inside a
 * length prefix are named as well: elements of other types never reach our transforms. */
const char *const beamc_coder_urns[] = {"beam:coder:bytes:v1",
                                        "beam:coder:bool:v1",
                                        "beam:coder:varint:v1",
                                        "beam:coder:double:v1",
                                        "beam:coder:string_utf8:v1",
                                        "beam:coder:row:v1",
                                        "beam:coder:kv:v1",
                                        "beam:coder:iterable:v1",
                                        "beam:coder:length_prefix:v1",
                                        "beam:coder:nullable:v1",
                                        URN_GLOBAL_WINDOW,
                                        URN_INTERVAL_WINDOW,
                                        URN_CUSTOM_WINDOW,
                                        URN_WINDOWED_VALUE,
                                        "beam:coder:state_backed_iterable:v1",
                                        "beam:coder:timer:v1",
                                        NULL};

static const Beam__Coder *find(const char *coder_id, beamc_coder_lookup lookup, void *context, beamc_error *err) {
    const Beam__Coder *coder = lookup(context, coder_id);
    if (coder == NULL || coder->spec == NULL) {
        (void)beamc_fail(err, BEAMC_INVALID, "coder %s is not in the descriptor", coder_id);
        return NULL;
    }
    return coder;
}

static bool is(const Beam__Coder *coder, const char *urn) {
    return strcmp(coder->spec->urn, urn) == 0;
}

static beamc_status resolve_window(const char *coder_id, beamc_coder_lookup lookup, void *context,
                                   beamc_edge_coder *out, beamc_error *err) {
    const Beam__Coder *coder = find(coder_id, lookup, context, err);
    if (coder == NULL)
        return BEAMC_INVALID;
    if (is(coder, URN_GLOBAL_WINDOW)) {
        out->windowed.window = BEAMC_WINDOW_GLOBAL;
        return BEAMC_OK;
    }
    if (is(coder, URN_INTERVAL_WINDOW)) {
        out->windowed.window = BEAMC_WINDOW_INTERVAL;
        return BEAMC_OK;
    }
    if (!is(coder, URN_CUSTOM_WINDOW) || coder->n_component_coder_ids != 1)
        return beamc_fail(err, BEAMC_INVALID, "window coder %s has the unknown URN %s", coder_id, coder->spec->urn);
    out->windowed.window = BEAMC_WINDOW_CUSTOM;
    const Beam__Coder *inner = find(coder->component_coder_ids[0], lookup, context, err);
    if (inner == NULL)
        return BEAMC_INVALID;
    if (is(inner, URN_LENGTH_PREFIX))
        return BEAMC_OK; /* whatever stands behind the length is passed over */
    beamc_status status = beamc_coder_resolve(coder->component_coder_ids[0], lookup, context, &out->custom_inner, err);
    out->windowed.custom_inner = out->custom_inner;
    return status == BEAMC_OK ? status : beamc_fail_within(err, status, coder_id);
}

static beamc_status resolve_row(const char *coder_id, beamc_coder_lookup lookup, void *context, beamc_schema **schema,
                                unsigned *num_prefixes, const char **urn, beamc_error *err) {
    *schema = NULL;
    *num_prefixes = 0;
    for (unsigned depth = 0; depth < MAX_CODER_NESTING; depth++) {
        const Beam__Coder *coder = find(coder_id, lookup, context, err);
        if (coder == NULL)
            return BEAMC_INVALID;
        *urn = coder->spec->urn;
        if (is(coder, URN_LENGTH_PREFIX) && coder->n_component_coder_ids == 1) {
            (*num_prefixes)++;
            coder_id = coder->component_coder_ids[0];
            continue;
        }
        if (!is(coder, URN_ROW))
            return BEAMC_OK;
        beamc_status status = beamc_schema_parse(coder->spec->payload.data, coder->spec->payload.len, schema, err);
        return status == BEAMC_OK ? status : beamc_fail_within(err, status, coder_id);
    }
    return beamc_fail(err, BEAMC_INVALID, "coder %s is nested deeper than %d", coder_id, MAX_CODER_NESTING);
}

beamc_status beamc_row_schema_resolve(const char *coder_id, beamc_coder_lookup lookup, void *context,
                                      beamc_schema **out, const char **urn, beamc_error *err) {
    unsigned num_prefixes = 0;
    return resolve_row(coder_id, lookup, context, out, &num_prefixes, urn, err);
}

beamc_status beamc_edge_coder_resolve(const char *coder_id, beamc_coder_lookup lookup, void *context,
                                      beamc_edge_coder *out, beamc_error *err) {
    *out = (beamc_edge_coder){0};
    const Beam__Coder *coder = find(coder_id, lookup, context, err);
    if (coder == NULL)
        return BEAMC_INVALID;
    if (!is(coder, URN_WINDOWED_VALUE) || coder->n_component_coder_ids != 2)
        return beamc_fail(err, BEAMC_INVALID, "coder %s of a data port is %s, not %s", coder_id, coder->spec->urn,
                          URN_WINDOWED_VALUE);
    unsigned num_prefixes = 0;
    const char *urn = "";
    beamc_status status = resolve_window(coder->component_coder_ids[1], lookup, context, out, err);
    if (status == BEAMC_OK)
        status = resolve_row(coder->component_coder_ids[0], lookup, context, &out->schema, &num_prefixes, &urn, err);
    bool is_row = out->schema != NULL;
    if (status == BEAMC_OK && !is_row)
        status = beamc_coder_resolve(coder->component_coder_ids[0], lookup, context, &out->not_a_row, err);
    if (status == BEAMC_OK && is_row && num_prefixes > 1)
        status = beamc_fail(err, BEAMC_INVALID, "coder %s has %u length prefixes around the element", coder_id,
                            num_prefixes);
    if (status != BEAMC_OK) {
        beamc_edge_coder_cleanup(out);
        return status;
    }
    out->element_urn = beamc_strdup(urn);
    out->windowed.length_prefixed = is_row && num_prefixes == 1;
    out->windowed.schema = out->schema;
    out->windowed.not_a_row = out->not_a_row;
    return BEAMC_OK;
}

void beamc_edge_coder_cleanup(beamc_edge_coder *coder) {
    beamc_schema_free(coder->schema);
    beamc_coder_free(coder->custom_inner);
    beamc_coder_free(coder->not_a_row);
    free(coder->element_urn);
    *coder = (beamc_edge_coder){0};
}
