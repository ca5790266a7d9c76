/* Decodes what a test sends, encodes it again, and says what happened: the native half of standard_coders_test.py.
 *
 * The frames are those of frames.h. Requests begin with one byte:
 *
 *   'C'  the coders to use from now on: a number of them, then for each its id and its serialised Coder message.
 *        Answer: nothing.
 *   'V'  an encoded value of any coder: the coder's id, one byte (1: nested), the bytes.
 *   'W'  an element as data ports carry it, read on the fast path of windowed_value.h: the id of its windowed_value
 *        coder, the bytes. The element must be a row.
 *
 * Answer to 'V' and 'W': an outcome for the whole bytes, one for the same bytes in slices of one byte each, then a
 * number and that many outcomes, of the bytes cut short to 0, 1, 2, ... bytes. An outcome is one byte, 1 for success,
 * and success: how many bytes were read; what was encoded again; the value as value_text.h writes it ('W': the row's)
 *   failure: the error's text */
#include "protos/pipeline.pb-c.h"
#include "sdk_harness/base/alloc.h"
#include "sdk_harness/coders/coder.h"
#include "sdk_harness/coders/coder_registry.h"
#include "sdk_harness/coders/windowed_value.h"
#include "tests/conformance/frames.h"
#include "tests/conformance/value_text.h"

#include <stdlib.h>
#include <string.h>

enum { MAX_CODERS = 64, ARENA_BYTES = 64 * 1024 * 1024, BUFFER_BYTES = 64 * 1024 * 1024 };

typedef struct {
    size_t count;
    char *ids[MAX_CODERS];
    Beam__Coder *coders[MAX_CODERS];
} coder_set;

static void forget_coders(coder_set *set) {
    for (size_t i = 0; i < set->count; i++) {
        free(set->ids[i]);
        beam__coder__free_unpacked(set->coders[i], NULL);
    }
    *set = (coder_set){0};
}

static const Beam__Coder *find_coder(void *context, const char *coder_id) {
    const coder_set *set = context;
    for (size_t i = 0; i < set->count; i++)
        if (strcmp(set->ids[i], coder_id) == 0)
            return set->coders[i];
    return NULL;
}

static char *take_text(frame_request *request) {
    frame_bytes bytes = frame_take_bytes(request);
    char *text = beamc_alloc(bytes.len + 1);
    memcpy(text, bytes.data, bytes.len);
    text[bytes.len] = '\0';
    return text;
}

static void take_coders(frame_request *request, coder_set *set) {
    forget_coders(set);
    size_t count = frame_take_number(request);
    if (count > MAX_CODERS)
        frame_bad("too many coders");
    for (; set->count < count; set->count++) {
        set->ids[set->count] = take_text(request);
        frame_bytes message = frame_take_bytes(request);
        set->coders[set->count] = beam__coder__unpack(NULL, message.len, message.data);
        if (set->coders[set->count] == NULL)
            frame_bad("no Coder message");
    }
}

typedef struct {
    const uint8_t *at;
    const uint8_t *end;
} one_byte_slices;

static bool next_byte(void *context, const uint8_t **data, size_t *len) {
    one_byte_slices *slices = context;
    if (slices->at == slices->end)
        return false;
    *data = slices->at++;
    *len = 1;
    return true;
}

/* What one request is about, whichever of the two ways it goes. */
typedef struct {
    const beamc_coder *coder;     /* 'V' */
    bool nested;                  /* 'V' */
    const beamc_edge_coder *edge; /* 'W' */
    beamc_arena arena;
    beamc_byte_buffer again;
    beamc_byte_buffer scratch;
    beamc_byte_buffer text;
} vector;

static beamc_status run_element(vector *v, beamc_byte_reader *in, beamc_error *err) {
    const beamc_windowed_value_coder *coder = &v->edge->windowed;
    beamc_element element;
    beamc_value *fields = beamc_arena_take(&v->arena, coder->schema->num_fields * sizeof *fields);
    BEAMC_TRY(beamc_windowed_value_decode(coder, in, &v->arena, fields, &element, err));
    const beamc_value row = {.kind = BEAMC_VALUE_ROW, .as.items = {.data = fields, .count = coder->schema->num_fields}};
    value_text(&row, &v->text);
    return beamc_windowed_value_encode(coder, fields, element.timestamp_ms, &element, &v->scratch, &v->again, err);
}

static beamc_status run_value(vector *v, beamc_byte_reader *in, beamc_error *err) {
    beamc_value value;
    BEAMC_TRY(beamc_coder_decode(v->coder, in, v->nested, &v->arena, &value, err));
    value_text(&value, &v->text);
    return beamc_coder_encode(v->coder, &value, v->nested, &v->again, err);
}

static void put_outcome(vector *v, beamc_byte_reader *in, beamc_byte_buffer *answer) {
    beamc_error err = {{0}};
    beamc_byte_buffer_clear(&v->again);
    beamc_byte_buffer_clear(&v->text);
    beamc_status status = v->edge != NULL ? run_element(v, in, &err) : run_value(v, in, &err);
    frame_put_byte(answer, status == BEAMC_OK);
    if (status != BEAMC_OK) {
        frame_put_text(answer, err.text);
        return;
    }
    frame_put_number(answer, (uint32_t)beamc_byte_reader_position(in));
    frame_put_bytes(answer, v->again.data, v->again.len);
    frame_put_bytes(answer, v->text.data, v->text.len);
}

static void run_vector(vector *v, frame_bytes bytes, beamc_byte_buffer *answer) {
    beamc_byte_reader in;
    beamc_arena_init(&v->arena, ARENA_BYTES);
    beamc_byte_buffer_init(&v->again, BUFFER_BYTES);
    beamc_byte_buffer_init(&v->scratch, BUFFER_BYTES);
    beamc_byte_buffer_init(&v->text, BUFFER_BYTES);
    beamc_byte_reader_init(&in, bytes.data, bytes.len, &v->arena);
    put_outcome(v, &in, answer);
    beamc_arena_reset(&v->arena);
    one_byte_slices slices = {.at = bytes.data, .end = bytes.data + bytes.len};
    beamc_byte_reader_init_slices(&in, next_byte, &slices, &v->arena);
    put_outcome(v, &in, answer);
    frame_put_number(answer, (uint32_t)bytes.len);
    for (size_t cut = 0; cut < bytes.len; cut++) {
        uint8_t *copy = beamc_alloc(cut); /* of its own size, so that a sanitizer sees a read past it */
        memcpy(copy, bytes.data, cut);
        beamc_arena_reset(&v->arena);
        beamc_byte_reader_init(&in, copy, cut, &v->arena);
        put_outcome(v, &in, answer);
        free(copy);
    }
    beamc_byte_buffer_cleanup(&v->again);
    beamc_byte_buffer_cleanup(&v->scratch);
    beamc_byte_buffer_cleanup(&v->text);
    beamc_arena_cleanup(&v->arena);
}

static void answer_value(frame_request *request, coder_set *set, beamc_byte_buffer *answer) {
    char *id = take_text(request);
    bool nested = frame_take_byte(request) == 1;
    beamc_coder *coder = NULL;
    beamc_error err = {{0}};
    if (beamc_coder_resolve(id, find_coder, set, &coder, &err) != BEAMC_OK)
        frame_bad(err.text);
    run_vector(&(vector){.coder = coder, .nested = nested}, frame_take_bytes(request), answer);
    beamc_coder_free(coder);
    free(id);
}

static void answer_element(frame_request *request, coder_set *set, beamc_byte_buffer *answer) {
    char *id = take_text(request);
    beamc_edge_coder edge;
    beamc_error err = {{0}};
    if (beamc_edge_coder_resolve(id, find_coder, set, &edge, &err) != BEAMC_OK)
        frame_bad(err.text);
    if (edge.schema == NULL)
        frame_bad("the element is no row");
    run_vector(&(vector){.edge = &edge}, frame_take_bytes(request), answer);
    beamc_edge_coder_cleanup(&edge);
    free(id);
}

int main(void) {
    coder_set set = {0};
    frame_request request = {0};
    beamc_byte_buffer answer;
    beamc_byte_buffer_init(&answer, BUFFER_BYTES);
    while (frame_read(&request)) {
        switch (frame_take_byte(&request)) {
        case 'C':
            take_coders(&request, &set);
            break;
        case 'V':
            answer_value(&request, &set, &answer);
            break;
        case 'W':
            answer_element(&request, &set, &answer);
            break;
        default:
            frame_bad("an unknown command");
        }
        frame_write(&answer);
    }
    forget_coders(&set);
    beamc_byte_buffer_cleanup(&answer);
    return 0;
}
