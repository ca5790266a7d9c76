#include "sdk_harness/coders/coder.h"

#include "protos/pipeline.pb-c.h"
#include "sdk_harness/base/alloc.h"
#include "sdk_harness/coders/coder_internal.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum {
    MAX_DEPTH = 100,
    MAX_CODERS = 10000 /* in one tree: coders that name one component twice would double it at every level */
};

typedef struct {
    beamc_coder_lookup lookup;
    void *context;
    unsigned num_coders;
} resolver;

static const beamc_coder_kind *find_in(const beamc_coder_kind *kinds, const char *urn) {
    for (; kinds->urn != NULL; kinds++)
        if (strcmp(kinds->urn, urn) == 0)
            return kinds;
    return NULL;
}

static const beamc_coder_kind *find_kind(const char *urn) {
    const beamc_coder_kind *kind = find_in(beamc_value_coder_kinds, urn);
    return kind != NULL ? kind : find_in(beamc_window_coder_kinds, urn);
}

static beamc_status resolve(resolver *from, const char *coder_id, unsigned depth, beamc_coder **out, beamc_error *err);

static bool is_unknown(const Beam__Coder *coder) {
    return coder != NULL && coder->spec != NULL && find_kind(coder->spec->urn) == NULL;
}

static beamc_status fill(resolver *from, const Beam__Coder *message, const char *coder_id, unsigned depth,
                         beamc_coder *coder, beamc_error *err) {
    const beamc_coder_kind *kind = coder->kind;
    if (message->n_component_coder_ids != kind->num_components)
        return beamc_fail(err, BEAMC_INVALID, "coder %s of URN %s has %zu components, %u expected", coder_id, kind->urn,
                          message->n_component_coder_ids, kind->num_components);
    const ProtobufCBinaryData *payload = &message->spec->payload;
    if (kind->payload == PAYLOAD_SCHEMA) {
        beamc_status status = beamc_schema_parse(payload->data, payload->len, &coder->schema, err);
        return status == BEAMC_OK ? status : beamc_fail_within(err, status, coder_id);
    }
    if (kind->payload == PAYLOAD_VALUE && payload->len > 0) {
        coder->payload = beamc_alloc(payload->len);
        memcpy(coder->payload, payload->data, payload->len);
        coder->payload_len = payload->len;
    }
    for (size_t i = 0; i < kind->num_components; i++) {
        const char *component = message->component_coder_ids[i];
        if (!kind->component_may_be_unknown || !is_unknown(from->lookup(from->context, component)))
            BEAMC_TRY(resolve(from, component, depth + 1, &coder->components[i], err));
    }
    return BEAMC_OK;
}

static beamc_status resolve(resolver *from, const char *coder_id, unsigned depth, beamc_coder **out, beamc_error *err) {
    *out = NULL;
    if (depth > MAX_DEPTH)
        return beamc_fail(err, BEAMC_LIMIT, "coder %s is nested deeper than %d", coder_id, MAX_DEPTH);
    if (++from->num_coders > MAX_CODERS)
        return beamc_fail(err, BEAMC_LIMIT, "coder %s is one of more than %d inside one another", coder_id, MAX_CODERS);
    const Beam__Coder *message = from->lookup(from->context, coder_id);
    if (message == NULL || message->spec == NULL)
        return beamc_fail(err, BEAMC_INVALID, "coder %s is not in the descriptor", coder_id);
    const beamc_coder_kind *kind = find_kind(message->spec->urn);
    if (kind == NULL)
        return beamc_fail(err, BEAMC_INVALID, "coder %s has the unknown URN %s", coder_id, message->spec->urn);
    beamc_coder *coder = beamc_alloc_zero(1, sizeof *coder);
    coder->kind = kind;
    beamc_status status = fill(from, message, coder_id, depth, coder, err);
    if (status != BEAMC_OK) {
        beamc_coder_free(coder);
        return status;
    }
    *out = coder;
    return BEAMC_OK;
}

beamc_status beamc_coder_resolve(const char *coder_id, beamc_coder_lookup lookup, void *context, beamc_coder **out,
                                 beamc_error *err) {
    resolver from = {.lookup = lookup, .context = context};
    return resolve(&from, coder_id, 0, out, err);
}

static beamc_status no_room(const beamc_byte_reader *in, beamc_error *err) {
    return beamc_fail(err, BEAMC_LIMIT, "a value at byte %" PRIu64 " passes the limit for one element",
                      beamc_byte_reader_position(in));
}

beamc_status beamc_new_items(beamc_byte_reader *in, beamc_arena *arena, size_t count, beamc_value **out,
                             beamc_error *err) {
    *out = count > SIZE_MAX / sizeof(beamc_value) ? NULL : beamc_arena_take(arena, count * sizeof(beamc_value));
    return *out == NULL ? no_room(in, err) : BEAMC_OK;
}

beamc_status beamc_wrong_kind(const beamc_coder *coder, const beamc_value *value, beamc_error *err) {
    return beamc_fail(err, BEAMC_INVALID, "a value of kind %d cannot be encoded by %s", (int)value->kind,
                      coder->kind->urn);
}

void beamc_coder_free(beamc_coder *coder) {
    if (coder == NULL)
        return;
    for (size_t i = 0; i < BEAMC_CODER_MAX_COMPONENTS; i++)
        beamc_coder_free(coder->components[i]);
    beamc_schema_free(coder->schema);
    free(coder->payload);
    free(coder);
}

beamc_status beamc_coder_decode(const beamc_coder *coder, beamc_byte_reader *in, bool nested, beamc_arena *arena,
                                beamc_value *out, beamc_error *err) {
    return coder->kind->decode(coder, in, nested, arena, out, err);
}

beamc_status beamc_coder_encode(const beamc_coder *coder, const beamc_value *value, bool nested, beamc_byte_buffer *out,
                                beamc_error *err) {
    BEAMC_TRY(coder->kind->encode(coder, value, nested, out, err));
    if (out->failed)
        return beamc_fail(err, BEAMC_LIMIT, "the encoded value passes the limit of %zu bytes", out->ceiling);
    return BEAMC_OK;
}
