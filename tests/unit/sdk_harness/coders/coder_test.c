#include "sdk_harness/coders/coder.h"
#include "tests/support/check.h"
#include "tests/support/test_coders.h"
#include "tests/support/test_rows.h"

#define BYTES    "beam:coder:bytes:v1"
#define STRING   "beam:coder:string_utf8:v1"
#define VARINT   "beam:coder:varint:v1"
#define KV       "beam:coder:kv:v1"
#define PREFIX   "beam:coder:length_prefix:v1"
#define ITERABLE "beam:coder:iterable:v1"
#define GLOBAL   "beam:coder:global_window:v1"
#define TIMER    "beam:coder:timer:v1"
#define WINDOWED "beam:coder:windowed_value:v1"

enum { ARENA_BYTES = 64 * 1024 };

typedef struct {
    beamc_coder *coder;
    beamc_arena arena;
    beamc_byte_buffer out;
    beamc_error err;
    beamc_value value;
} fixture;

static void open_fixture(fixture *f, test_coders *set) {
    *f = (fixture){0};
    if (beamc_coder_resolve("0", test_coders_find, set, &f->coder, &f->err) != BEAMC_OK)
        fail_msg("%s", f->err.text);
    beamc_arena_init(&f->arena, ARENA_BYTES);
    beamc_byte_buffer_init(&f->out, ARENA_BYTES);
}

static void close_fixture(fixture *f) {
    beamc_coder_free(f->coder);
    beamc_arena_cleanup(&f->arena);
    beamc_byte_buffer_cleanup(&f->out);
}

static beamc_status decode(fixture *f, const char *bytes, size_t len, bool nested) {
    beamc_byte_reader in;
    beamc_byte_reader_init(&in, bytes, len, &f->arena);
    return beamc_coder_decode(f->coder, &in, nested, &f->arena, &f->value, &f->err);
}

static void check_round_trip(fixture *f, const char *bytes, size_t len, bool nested) {
    if (decode(f, bytes, len, nested) != BEAMC_OK)
        fail_msg("%s", f->err.text);
    beamc_byte_buffer_clear(&f->out);
    assert_int_equal(beamc_coder_encode(f->coder, &f->value, nested, &f->out, &f->err), BEAMC_OK);
    assert_int_equal(f->out.len, len);
    assert_memory_equal(f->out.data, bytes, len);
}

static void check_unresolved(test_coders *set, const char *words) {
    beamc_coder *coder = NULL;
    beamc_error err = {{0}};
    assert_int_not_equal(beamc_coder_resolve("0", test_coders_find, set, &coder, &err), BEAMC_OK);
    assert_null(coder);
    assert_contains(err.text, words);
}

static void only_the_outermost_text_goes_without_its_length(void **state) {
    (void)state;
    test_coders set = {0};
    test_coders_add(&set, KV, "1", "2");
    test_coders_add(&set, STRING, NULL, NULL);
    test_coders_add(&set, BYTES, NULL, NULL);
    fixture f;
    open_fixture(&f, &set);
    check_round_trip(&f, "\x01kvalue", 7, false);
    assert_int_equal(f.value.kind, BEAMC_VALUE_TUPLE);
    assert_int_equal(f.value.as.items.data[1].as.bytes.len, 5);
    check_round_trip(&f, "\x01k\x05value", 8, true);
    check_round_trip(&f, "\x00", 1, false);
    close_fixture(&f);
}

static void what_an_unknown_coder_wrote_stays_bytes_behind_its_length(void **state) {
    (void)state;
    test_coders set = {0};
    test_coders_add(&set, PREFIX, "1", NULL);
    test_coders_add(&set, "beam:coder:pickled_python:v1", NULL, NULL);
    fixture f;
    open_fixture(&f, &set);
    check_round_trip(&f, "\x03\x80\x05.", 4, true);
    assert_int_equal(f.value.kind, BEAMC_VALUE_BYTES);
    close_fixture(&f);
}

static void a_value_ends_where_its_length_says(void **state) {
    (void)state;
    test_coders set = {0};
    test_coders_add(&set, PREFIX, "1", NULL);
    test_coders_add(&set, VARINT, NULL, NULL);
    fixture f;
    open_fixture(&f, &set);
    check_round_trip(&f, "\x02\xc8\x01", 3, true);
    assert_int_equal(decode(&f, "\x02\x01\x01", 3, true), BEAMC_INVALID);
    assert_contains(f.err.text, "beam:coder:varint:v1 ends at byte 2, before its length says");
    assert_int_equal(decode(&f, "\x01\xc8\x01", 3, true), BEAMC_INVALID);
    assert_contains(f.err.text, "ends at byte 2");
    close_fixture(&f);
}

static void a_row_behind_a_length_may_have_fields_of_a_newer_writer(void **state) {
    (void)state;
    test_coders set = {0};
    test_coders_add(&set, PREFIX, "1", NULL);
    test_coders_add(&set, "beam:coder:row:v1", NULL, NULL);
    static const char schema[] = "\n\x08\n\x02id\x1a\x02\x10\x04"; /* id: INT64 */
    set.specs[1].payload = (ProtobufCBinaryData){.len = sizeof schema - 1, .data = (uint8_t *)(uintptr_t)schema};
    fixture f;
    open_fixture(&f, &set);
    check_round_trip(&f, "\x03\x01\x00\x07", 4, true);
    assert_int_equal(decode(&f, "\x05\x02\x00\x07\x01x", 6, true), BEAMC_OK);
    assert_int_equal(f.value.as.items.count, 1);
    assert_int_equal(decode(&f, "\x05\x01\x00\x07\x01x", 6, true), BEAMC_INVALID);
    assert_contains(f.err.text, "left over after the row that ends at byte 4");
    close_fixture(&f);
}

static void an_iterable_in_the_runner_s_state_keeps_its_token(void **state) {
    (void)state;
    test_coders set = {0};
    test_coders_add(&set, "beam:coder:state_backed_iterable:v1", "1", NULL);
    test_coders_add(&set, VARINT, NULL, NULL);
    fixture f;
    open_fixture(&f, &set);
    static const char bytes[] = "\xff\xff\xff\xff\x01\x07\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01\x03tok";
    check_round_trip(&f, bytes, sizeof bytes - 1, true);
    assert_int_equal(f.value.as.items.count, 2);
    assert_memory_equal(f.value.as.items.data[1].as.bytes.data, "tok", 3);
    close_fixture(&f);
}

static void false_counts_end_at_the_arena_s_ceiling(void **state) {
    (void)state;
    test_coders set = {0};
    test_coders_add(&set, ITERABLE, "1", NULL);
    test_coders_add(&set, GLOBAL, NULL, NULL); /* no bytes: nothing else would end it */
    fixture f;
    open_fixture(&f, &set);
    assert_int_equal(decode(&f, "\x7f\xff\xff\xff", 4, true), BEAMC_LIMIT);
    assert_contains(f.err.text, "limit for one element");
    assert_int_equal(decode(&f, "\xff\xff\xff\xfe", 4, true), BEAMC_INVALID);
    assert_contains(f.err.text, "an item count of -2 before byte 4");
    close_fixture(&f);
}

static void marks_must_be_zero_or_one(void **state) {
    (void)state;
    static const char *const urns[] = {"beam:coder:bool:v1", "beam:coder:nullable:v1"};
    static const char *const words[] = {"a boolean of 2", "a null mark of 2"};
    for (size_t i = 0; i < 2; i++) {
        test_coders set = {0};
        test_coders_add(&set, urns[i], i == 0 ? NULL : "1", NULL);
        test_coders_add(&set, VARINT, NULL, NULL);
        fixture f;
        open_fixture(&f, &set);
        assert_int_equal(decode(&f, "\x02\x00", 2, true), BEAMC_INVALID);
        assert_contains(f.err.text, words[i]);
        close_fixture(&f);
    }
}

static void a_timer_is_encoded_only_from_its_parts(void **state) {
    (void)state;
    test_coders set = {0};
    test_coders_add(&set, TIMER, "1", "2");
    test_coders_add(&set, STRING, NULL, NULL);
    test_coders_add(&set, GLOBAL, NULL, NULL);
    fixture f;
    open_fixture(&f, &set);
    static const char bytes[] = "\x03key\x03tag\x00\x00\x00\x01\x00"
                                "\x80\x00\x00\x00\x00\x00\x04\xd2"
                                "\x80\x00\x00\x00\x00\x00\x16\x2e\x0f";
    check_round_trip(&f, bytes, sizeof bytes - 1, true);
    f.value.as.items.data[4] = text_value("soon");
    assert_int_equal(beamc_coder_encode(f.coder, &f.value, true, &f.out, &f.err), BEAMC_INVALID);
    assert_contains(f.err.text, "beam:coder:timer:v1");
    assert_int_equal(decode(&f, "\x01k\x01t\x00\x00\x00\x00\x02", 9, true), BEAMC_INVALID);
    assert_contains(f.err.text, "clear mark of 2");
    close_fixture(&f);
}

static void element_metadata_is_passed_over(void **state) {
    (void)state;
    test_coders set = {0};
    test_coders_add(&set, WINDOWED, "1", "2");
    test_coders_add(&set, VARINT, NULL, NULL);
    test_coders_add(&set, GLOBAL, NULL, NULL);
    fixture f;
    open_fixture(&f, &set);
    static const char bytes[] = "\x80\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x01\x8f\x02\x20\x04\x07";
    assert_int_equal(decode(&f, bytes, sizeof bytes - 1, true), BEAMC_OK);
    assert_int_equal(f.value.as.items.data[3].as.integer, 7);
    assert_int_equal(decode(&f, "\x80\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x3f\x07", 14, true), BEAMC_INVALID);
    assert_contains(f.err.text, "a pane of unknown form 3");
    close_fixture(&f);
}

static void values_of_another_kind_are_not_encoded(void **state) {
    (void)state;
    static const char *const urns[] = {
        BYTES, STRING, VARINT, "beam:coder:bool:v1", "beam:coder:double:v1", GLOBAL, "beam:coder:interval_window:v1"};
    const beamc_value wrong = items_value(BEAMC_VALUE_MAP, NULL, 0);
    for (size_t i = 0; i < sizeof urns / sizeof urns[0]; i++) {
        test_coders set = {0};
        test_coders_add(&set, urns[i], NULL, NULL);
        fixture f;
        open_fixture(&f, &set);
        assert_int_equal(beamc_coder_encode(f.coder, &wrong, true, &f.out, &f.err), BEAMC_INVALID);
        assert_contains(f.err.text, urns[i]);
        close_fixture(&f);
    }
}

static void an_encoded_value_past_the_buffer_s_ceiling_is_refused(void **state) {
    (void)state;
    test_coders set = {0};
    test_coders_add(&set, PREFIX, "1", NULL);
    test_coders_add(&set, STRING, NULL, NULL);
    fixture f;
    open_fixture(&f, &set);
    beamc_byte_buffer small;
    beamc_byte_buffer_init(&small, 4);
    const beamc_value text = text_value("five!");
    assert_int_equal(beamc_coder_encode(f.coder, &text, true, &small, &f.err), BEAMC_LIMIT);
    assert_contains(f.err.text, "4 bytes");
    beamc_byte_buffer_cleanup(&small);
    close_fixture(&f);
}

static void coders_that_cannot_be_resolved_are_named(void **state) {
    (void)state;
    test_coders set = {0};
    check_unresolved(&set, "coder 0 is not in the descriptor");
    test_coders_add(&set, KV, "1", NULL);
    check_unresolved(&set, "coder 0 of URN beam:coder:kv:v1 has 1 components, 2 expected");
    set = (test_coders){0};
    test_coders_add(&set, ITERABLE, "1", NULL);
    test_coders_add(&set, "beam:coder:pickled_python:v1", NULL, NULL);
    check_unresolved(&set, "coder 1 has the unknown URN beam:coder:pickled_python:v1");
    set = (test_coders){0};
    test_coders_add(&set, ITERABLE, "7", NULL);
    check_unresolved(&set, "coder 7 is not in the descriptor");
    set = (test_coders){0};
    test_coders_add(&set, "beam:coder:row:v1", NULL, NULL);
    set.specs[0].payload = (ProtobufCBinaryData){.len = 1, .data = (uint8_t *)(uintptr_t) "\n"};
    check_unresolved(&set, "0: the schema is not a valid message");
}

static void coders_inside_one_another_have_a_limit(void **state) {
    (void)state;
    test_coders set = {0};
    test_coders_add(&set, ITERABLE, "0", NULL); /* of itself */
    check_unresolved(&set, "nested deeper than 100");
    set = (test_coders){0};
    test_coders_add(&set, KV, "0", "0"); /* doubles at every level */
    check_unresolved(&set, "nested deeper than 100");
    /* seven levels of pairs of pairs stay far below the limit and are made whole */
    set = (test_coders){0};
    static const char *const ids[] = {"1", "2", "3", "4", "5", "6", "7"};
    for (size_t i = 0; i < 7; i++)
        test_coders_add(&set, KV, ids[i], ids[i]);
    test_coders_add(&set, VARINT, NULL, NULL);
    fixture f;
    open_fixture(&f, &set);
    char bytes[128];
    memset(bytes, 1, sizeof bytes);
    check_round_trip(&f, bytes, sizeof bytes, true);
    close_fixture(&f);
}

static void coders_that_double_at_every_level_are_refused(void **state) {
    (void)state;
    test_coders set = {0};
    static char ids[21][4]; /* twenty levels are a million coders */
    for (size_t i = 1; i <= 20; i++) {
        (void)snprintf(ids[i], sizeof ids[i], "%zu", i);
        test_coders_add(&set, KV, ids[i], ids[i]);
    }
    test_coders_add(&set, VARINT, NULL, NULL);
    check_unresolved(&set, "one of more than 10000 inside one another");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(only_the_outermost_text_goes_without_its_length),
        cmocka_unit_test(what_an_unknown_coder_wrote_stays_bytes_behind_its_length),
        cmocka_unit_test(a_value_ends_where_its_length_says),
        cmocka_unit_test(a_row_behind_a_length_may_have_fields_of_a_newer_writer),
        cmocka_unit_test(an_iterable_in_the_runner_s_state_keeps_its_token),
        cmocka_unit_test(false_counts_end_at_the_arena_s_ceiling),
        cmocka_unit_test(marks_must_be_zero_or_one),
        cmocka_unit_test(a_timer_is_encoded_only_from_its_parts),
        cmocka_unit_test(element_metadata_is_passed_over),
        cmocka_unit_test(values_of_another_kind_are_not_encoded),
        cmocka_unit_test(an_encoded_value_past_the_buffer_s_ceiling_is_refused),
        cmocka_unit_test(coders_that_cannot_be_resolved_are_named),
        cmocka_unit_test(coders_inside_one_another_have_a_limit),
        cmocka_unit_test(coders_that_double_at_every_level_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
