#include "sdk_harness/bundle/operator.h"
#include "tests/support/check.h"
#include "tests/support/test_rows.h"

static const beamc_field fields_of_row[] = {FIELD("text", TYPE(STRING))};
static const beamc_schema row_schema = SCHEMA(fields_of_row);

/* A reader that takes `room` elements and then says BEAMC_AGAIN. */
typedef struct {
    beamc_operator base; /* first */
    int room;
    char taken[256];
} reader;

static beamc_status take(beamc_operator *op, beamc_run *run, const beamc_element *element, beamc_error *err) {
    (void)run;
    (void)err;
    reader *r = (reader *)op;
    if (r->room == 0)
        return BEAMC_AGAIN;
    r->room--;
    strncat(r->taken, (const char *)element->fields[0].as.bytes.data, element->fields[0].as.bytes.len);
    assert_memory_equal(element->windows, "\x00\x00\x00\x01\x0f", 5);
    return BEAMC_OK;
}

static const beamc_operator_methods reader_methods = {.process = take};

typedef struct {
    reader first;
    reader second;
    beamc_operator *consumers[2];
    beamc_edge edge;
    beamc_metric_registry *metrics;
} fixture;

static int make_fixture(void **state) {
    static fixture f;
    f = (fixture){.first = {.base = {.methods = &reader_methods}}, .second = {.base = {.methods = &reader_methods}}};
    f.consumers[0] = &f.first.base;
    f.consumers[1] = &f.second.base;
    f.metrics = beamc_metric_registry_new();
    const beamc_metric_key key = {.urn = "beam:metric:element_count:v1", .type = "beam:metrics:sum_int64:v1"};
    f.edge = (beamc_edge){.schema = &row_schema,
                          .consumers = f.consumers,
                          .num_consumers = 2,
                          .element_count = beamc_metric_registry_cell(f.metrics, BEAMC_METRIC_COUNTER, &key)};
    *state = &f;
    return 0;
}

static int free_fixture(void **state) {
    fixture *f = *state;
    beamc_edge_clear(&f->edge);
    beamc_metric_registry_release(f->metrics);
    return 0;
}

static beamc_status emit(fixture *f, const char *text) {
    char buffer[32]; /* gone after the call, as a DoFn's values are */
    snprintf(buffer, sizeof buffer, "%s", text);
    uint8_t windows[] = {0, 0, 0, 1, 0x0f};
    const beamc_value field = text_value(buffer);
    const beamc_element element = {.fields = &field, .windows = windows, .windows_len = 5, .num_windows = 1};
    beamc_status status = beamc_edge_emit(&f->edge, NULL, &element, NULL);
    memset(buffer, '#', sizeof buffer);
    memset(windows, '#', sizeof windows);
    return status;
}

static void every_consumer_gets_every_element(void **state) {
    fixture *f = *state;
    f->first.room = f->second.room = 10;
    assert_int_equal(emit(f, "a"), BEAMC_OK);
    assert_int_equal(emit(f, "b"), BEAMC_OK);
    assert_string_equal(f->first.taken, "ab");
    assert_string_equal(f->second.taken, "ab");
}

static void what_a_consumer_cannot_take_is_copied_and_comes_later_in_order_and_once(void **state) {
    fixture *f = *state;
    f->first.room = 10;
    f->second.room = 1;
    assert_int_equal(emit(f, "a"), BEAMC_OK);
    assert_int_equal(emit(f, "b"), BEAMC_OK); /* the second consumer is full */
    assert_int_equal(emit(f, "c"), BEAMC_OK);
    assert_string_equal(f->second.taken, "a");
    assert_int_equal(beamc_edge_drain(&f->edge, NULL, NULL), BEAMC_AGAIN);
    f->second.room = 10;
    assert_int_equal(beamc_edge_drain(&f->edge, NULL, NULL), BEAMC_OK);
    assert_string_equal(f->first.taken, "abc");
    assert_string_equal(f->second.taken, "abc");
}

static void a_bundle_s_end_drops_what_waits(void **state) {
    fixture *f = *state;
    assert_int_equal(emit(f, "a"), BEAMC_OK);
    beamc_edge_clear(&f->edge);
    f->first.room = f->second.room = 10;
    assert_int_equal(beamc_edge_drain(&f->edge, NULL, NULL), BEAMC_OK);
    assert_string_equal(f->first.taken, "");
    assert_int_equal(f->edge.pending_bytes, 0);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, make_fixture, free_fixture)

int main(void) {
    const struct CMUnitTest tests[] = {
        CASE(every_consumer_gets_every_element),
        CASE(what_a_consumer_cannot_take_is_copied_and_comes_later_in_order_and_once),
        CASE(a_bundle_s_end_drops_what_waits),
    };
    return cmocka_run_group_tests_name("edge", tests, NULL, NULL);
}
