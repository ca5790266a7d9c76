#include "protos/elements.pb-c.h"
#include "sdk_harness/base/alloc.h"
#include "sdk_harness/data_plane/elements_reader.h"
#include "tests/support/check.h"

#include <stdlib.h>

enum { MAX_TEXT = 4096 };

/* What was seen, as text: "instruction/transform[/family]=bytes" and "!" for the last, each with a newline. */
typedef struct {
    const beamc_message *message;
    char text[MAX_TEXT];
} seen;

static void append_run(seen *s, const beamc_element_run *run) {
    size_t left = run->len;
    size_t offset = run->offset;
    for (size_t slice = run->first_slice; left > 0; slice++) {
        size_t len = 0;
        const uint8_t *data = beamc_message_slice(s->message, slice, &len);
        size_t part = len - offset < left ? len - offset : left;
        strncat(s->text, (const char *)data + offset, part);
        left -= part;
        offset = 0;
    }
}

static void remember(void *context, const beamc_elements_part *part) {
    seen *s = context;
    assert_true(strlen(s->text) + part->run.len + strlen(part->instruction_id) + 200 < MAX_TEXT);
    strcat(s->text, part->instruction_id);
    strcat(s->text, "/");
    strcat(s->text, part->transform_id);
    if (part->timer_family_id != NULL) {
        strcat(s->text, "/");
        strcat(s->text, part->timer_family_id);
    }
    strcat(s->text, "=");
    append_run(s, &part->run);
    strcat(s->text, part->is_last ? "!\n" : "\n");
}

static beamc_status read_bytes(const void *bytes, size_t len, size_t slice_len, seen *s, beamc_error *err) {
    beamc_message *message = beamc_message_from_bytes(bytes, len, slice_len);
    *s = (seen){.message = message};
    beamc_status status = beamc_elements_read(message, remember, s, err);
    beamc_message_release(message);
    return status;
}

static ProtobufCBinaryData bytes_of(char *text) {
    return (ProtobufCBinaryData){.len = strlen(text), .data = (uint8_t *)text};
}

/* A message with Data, Timers and an end mark. New. */
static uint8_t *usual_message(size_t *len) {
    Beam__Elements elements = BEAM__ELEMENTS__INIT;
    Beam__Elements__Data data = BEAM__ELEMENTS__DATA__INIT;
    Beam__Elements__Data last = BEAM__ELEMENTS__DATA__INIT;
    Beam__Elements__Data *datas[] = {&data, &last};
    Beam__Elements__Timers timers = BEAM__ELEMENTS__TIMERS__INIT;
    Beam__Elements__Timers *all_timers[] = {&timers};
    data.instruction_id = last.instruction_id = timers.instruction_id = "bundle-1";
    data.transform_id = last.transform_id = timers.transform_id = "source";
    data.data = bytes_of("the rows of a bundle");
    last.is_last = 1;
    timers.timer_family_id = "family";
    timers.timers = bytes_of("a timer");
    timers.is_last = 1;
    elements.n_data = 2;
    elements.data = datas;
    elements.n_timers = 1;
    elements.timers = all_timers;
    *len = beam__elements__get_packed_size(&elements);
    uint8_t *bytes = beamc_alloc(*len);
    beam__elements__pack(&elements, bytes);
    return bytes;
}

#define USUAL_TEXT "bundle-1/source=the rows of a bundle\nbundle-1/source=!\nbundle-1/source/family=a timer!\n"

static void parts_are_the_same_however_the_message_is_sliced(void **state) {
    (void)state;
    size_t len = 0;
    uint8_t *bytes = usual_message(&len);
    for (size_t slice_len = 1; slice_len <= len; slice_len++) {
        seen s;
        assert_int_equal(read_bytes(bytes, len, slice_len, &s, NULL), BEAMC_OK);
        assert_string_equal(s.text, USUAL_TEXT);
    }
    free(bytes);
}

/* Cut between two parts, what is left is a message. */
static void a_message_that_is_cut_is_refused_unless_it_is_cut_between_parts(void **state) {
    (void)state;
    size_t len = 0;
    uint8_t *bytes = usual_message(&len);
    int num_whole = 0;
    for (size_t cut = 0; cut < len; cut++)
        for (size_t slice_len = 5; slice_len <= len; slice_len += len - 5) {
            seen s;
            beamc_error err;
            beamc_status status = read_bytes(bytes, cut, slice_len, &s, &err);
            assert_memory_equal(s.text, USUAL_TEXT, strlen(s.text));
            num_whole += status == BEAMC_OK ? 1 : 0;
            if (status != BEAMC_OK)
                assert_contains(err.text, "cannot be parsed");
        }
    assert_int_equal(num_whole, 2 * 3); /* nothing, one part, two parts */
    free(bytes);
}

static void fields_of_a_newer_runner_are_passed_over_also_large_ones(void **state) {
    (void)state;
    beamc_byte_buffer message;
    beamc_byte_buffer_init(&message, 1 << 20);
    static const char large[100000];
    const char head[] = {0x0A,
                         (char)(0x80 | (100000 + 14) % 128),
                         (char)(0x80 | (100000 + 14) / 128 % 128),
                         (100000 + 14) / 128 / 128, /* one Data */
                         0x7A,
                         (char)(0x80 | 100000 % 128),
                         (char)(0x80 | 100000 / 128 % 128),
                         100000 / 128 / 128};
    const char tail[] = {0x0A, 1, 'b', 0x12, 1, 's', 0x50, 0x07, 0x20, 1}; /* a number in field 10 */
    (void)beamc_byte_buffer_append(&message, head, sizeof head);
    (void)beamc_byte_buffer_append(&message, large, sizeof large);
    (void)beamc_byte_buffer_append(&message, tail, sizeof tail);
    (void)beamc_byte_buffer_append(&message, "\x7A\x02zz", 4); /* beside Data */
    for (size_t slice_len = 1000; slice_len <= message.len; slice_len += message.len - 1000) {
        seen s;
        assert_int_equal(read_bytes(message.data, message.len, slice_len, &s, NULL), BEAMC_OK);
        assert_string_equal(s.text, "b/s=!\n");
    }
    beamc_byte_buffer_cleanup(&message);
}

static void a_long_id_is_whole_and_one_past_the_limit_is_refused(void **state) {
    (void)state;
    static char id[64 * 1024 + 2];
    const size_t lens[] = {62, 63, 64, 65, 1000};
    Beam__Elements elements = BEAM__ELEMENTS__INIT;
    Beam__Elements__Data data = BEAM__ELEMENTS__DATA__INIT;
    Beam__Elements__Data *datas[] = {&data};
    data.instruction_id = id;
    data.transform_id = "s";
    elements.n_data = 1;
    elements.data = datas;
    static uint8_t bytes[70 * 1024];
    for (size_t i = 0; i < sizeof lens / sizeof lens[0]; i++) {
        char expected[1100];
        memset(id, 0, sizeof id);
        memset(id, 'i', lens[i]);
        snprintf(expected, sizeof expected, "%.1000s/s=\n", id);
        seen s;
        assert_int_equal(read_bytes(bytes, beam__elements__pack(&elements, bytes), 50, &s, NULL), BEAMC_OK);
        assert_string_equal(s.text, expected);
    }
    memset(id, 'i', sizeof id - 1);
    seen s;
    assert_int_equal(read_bytes(bytes, beam__elements__pack(&elements, bytes), sizeof bytes, &s, NULL), BEAMC_INVALID);
    assert_string_equal(s.text, "");
}

static void what_is_no_elements_is_refused(void **state) {
    (void)state;
    const struct {
        const char *bytes;
        size_t len;
    } bad[] = {
        {"\x02\x00", 2},                     /* field number 0 */
        {"\x0A\x02\x02\x00", 4},             /* the same inside of Data */
        {"\x0A\x05\x1A\xFF\xFF\xFF\x7F", 7}, /* a payload longer than its part */
        {"\x0B\x0C", 2},                     /* groups are not used by Beam */
        {"\x0A\xFF\xFF\xFF\xFF\xFF", 6},     /* a length of more than 32 bits */
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        for (size_t slice_len = 1; slice_len <= bad[i].len; slice_len += bad[i].len - 1) {
            seen s;
            assert_int_equal(read_bytes(bad[i].bytes, bad[i].len, slice_len, &s, NULL), BEAMC_INVALID);
            assert_string_equal(s.text, "");
        }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(parts_are_the_same_however_the_message_is_sliced),
        cmocka_unit_test(a_message_that_is_cut_is_refused_unless_it_is_cut_between_parts),
        cmocka_unit_test(fields_of_a_newer_runner_are_passed_over_also_large_ones),
        cmocka_unit_test(a_long_id_is_whole_and_one_past_the_limit_is_refused),
        cmocka_unit_test(what_is_no_elements_is_refused),
    };
    return cmocka_run_group_tests_name("elements_reader", tests, NULL, NULL);
}
