#include "protos/elements.pb-c.h"
#include "sdk_harness/base/alloc.h"
#include "sdk_harness/base/clock.h"
#include "sdk_harness/data_plane/inbound_elements.h"
#include "tests/support/check.h"

#include <stdlib.h>
#include <unistd.h>

#define URL "host:1"

typedef struct {
    const char *instruction_id;
    const char *transform_id;
    const char *data; /* NULL: no data */
    bool is_last;
} part;

/* One Elements message in slices of `slice_len` bytes. */
static beamc_message *message_of(const part *parts, size_t num_parts, size_t slice_len) {
    Beam__Elements elements = BEAM__ELEMENTS__INIT;
    Beam__Elements__Data data[8];
    Beam__Elements__Data *pointers[8];
    assert_true(num_parts <= 8);
    for (size_t i = 0; i < num_parts; i++) {
        beam__elements__data__init(&data[i]);
        data[i].instruction_id = (char *)(uintptr_t)parts[i].instruction_id;
        data[i].transform_id = (char *)(uintptr_t)parts[i].transform_id;
        if (parts[i].data != NULL)
            data[i].data =
                (ProtobufCBinaryData){.len = strlen(parts[i].data), .data = (uint8_t *)(uintptr_t)parts[i].data};
        data[i].is_last = parts[i].is_last;
        pointers[i] = &data[i];
    }
    elements.n_data = num_parts;
    elements.data = pointers;
    size_t len = beam__elements__get_packed_size(&elements);
    uint8_t *bytes = beamc_alloc(len);
    beam__elements__pack(&elements, bytes);
    beamc_message *message = beamc_message_from_bytes(bytes, len, slice_len);
    free(bytes);
    return message;
}

static void accept(beamc_inbound *inbound, const part *parts, size_t num_parts, size_t slice_len) {
    beamc_message *message = message_of(parts, num_parts, slice_len);
    beamc_error err;
    if (beamc_inbound_accept(inbound, message, &err) != BEAMC_OK)
        fail_msg("%s", err.text);
    beamc_message_release(message);
}

static void count_wake(void *context) {
    ++*(int *)context;
}

/* Takes one segment, reads it whole into `out` and gives it back. */
static beamc_inbound_next take_text(beamc_inbound_bundle *bundle, const char *transform_id, char *out) {
    beamc_element_segment segment;
    beamc_inbound_next next = beamc_inbound_take(bundle, transform_id, URL, &segment);
    out[0] = '\0';
    if (next != BEAMC_INBOUND_SEGMENT)
        return next;
    const uint8_t *data = NULL;
    size_t len = 0;
    while (beamc_element_segment_next_slice(&segment, &data, &len)) {
        strncat(out, (const char *)data, len);
        beamc_element_segment_release_read(&segment);
    }
    beamc_element_segment_release(&segment);
    return next;
}

static void input_before_its_bundle_is_kept_for_every_slice_length(void **state) {
    (void)state;
    const part parts[] = {{"b1", "source", "abcdefghij", false},
                          {"b2", "source", "other", false},
                          {"b1", "source", "klm", false},
                          {"b1", "source", NULL, true}};
    for (size_t slice_len = 1; slice_len < 80; slice_len++) {
        beamc_inbound *inbound = beamc_inbound_new(1000);
        int wakes = 0;
        char text[64];
        accept(inbound, parts, 4, slice_len);
        assert_int_equal(beamc_inbound_buffered_bytes(inbound), 18);
        beamc_inbound_bundle *bundle = beamc_inbound_attach(inbound, "b1", count_wake, &wakes);
        assert_non_null(bundle);
        assert_true(beamc_inbound_waiting(bundle));
        assert_int_equal(take_text(bundle, "source", text), BEAMC_INBOUND_SEGMENT);
        assert_string_equal(text, "abcdefghij");
        assert_int_equal(take_text(bundle, "source", text), BEAMC_INBOUND_SEGMENT);
        assert_string_equal(text, "klm");
        assert_false(beamc_inbound_waiting(bundle));
        assert_int_equal(take_text(bundle, "source", text), BEAMC_INBOUND_ENDED);
        assert_int_equal(beamc_inbound_buffered_bytes(inbound), 5);
        beamc_inbound_detach(bundle);
        beamc_inbound_free(inbound);
    }
}

static void input_after_the_bundle_s_end_is_dropped(void **state) {
    (void)state;
    beamc_inbound *inbound = beamc_inbound_new(1000);
    int wakes = 0;
    const part late[] = {{"b1", "source", "late", false}};
    beamc_inbound_detach(beamc_inbound_attach(inbound, "b1", count_wake, &wakes));
    accept(inbound, late, 1, 100);
    assert_int_equal(beamc_inbound_buffered_bytes(inbound), 0);
    assert_int_equal(wakes, 0);
    assert_null(beamc_inbound_attach(inbound, "b1", count_wake, &wakes));
    beamc_inbound_free(inbound);
}

static void an_instruction_id_is_claimed_once(void **state) {
    (void)state;
    beamc_inbound *inbound = beamc_inbound_new(1000);
    int wakes = 0;
    beamc_inbound_bundle *bundle = beamc_inbound_attach(inbound, "b1", count_wake, &wakes);
    assert_null(beamc_inbound_attach(inbound, "b1", count_wake, &wakes));
    beamc_inbound_detach(bundle);
    beamc_inbound_free(inbound);
}

static void data_beside_the_end_mark_is_read_and_data_behind_it_is_not(void **state) {
    (void)state;
    beamc_inbound *inbound = beamc_inbound_new(1000);
    int wakes = 0;
    char text[64];
    const part parts[] = {{"b1", "source", "last", true}, {"b1", "source", "behind", false}};
    beamc_inbound_bundle *bundle = beamc_inbound_attach(inbound, "b1", count_wake, &wakes);
    assert_int_equal(take_text(bundle, "source", text), BEAMC_INBOUND_EMPTY);
    accept(inbound, parts, 2, 100);
    assert_true(wakes > 0);
    assert_int_equal(take_text(bundle, "source", text), BEAMC_INBOUND_SEGMENT);
    assert_string_equal(text, "last");
    assert_int_equal(take_text(bundle, "source", text), BEAMC_INBOUND_ENDED);
    beamc_inbound_detach(bundle);
    beamc_inbound_free(inbound);
}

static void segments_and_end_marks_tell_when_they_were_received(void **state) {
    (void)state;
    beamc_inbound *inbound = beamc_inbound_new(1000);
    int wakes = 0;
    const part first[] = {{"b1", "source", "a", false}};
    const part last[] = {{"b1", "source", NULL, true}, {"b1", "source", NULL, true}};
    beamc_inbound_bundle *bundle = beamc_inbound_attach(inbound, "b1", count_wake, &wakes);
    uint64_t before_us = beamc_clock_us();
    accept(inbound, first, 1, 100);
    uint64_t between_us = beamc_clock_us();
    (void)usleep(2000);
    accept(inbound, last, 2, 100);
    beamc_element_segment segment;
    assert_int_equal(beamc_inbound_take(bundle, "source", URL, &segment), BEAMC_INBOUND_SEGMENT);
    assert_true(segment.received_us >= before_us && segment.received_us <= between_us);
    beamc_element_segment_release(&segment);
    assert_int_equal(beamc_inbound_take(bundle, "source", URL, &segment), BEAMC_INBOUND_ENDED);
    assert_null(segment.message);
    assert_true(segment.received_us >= between_us + 2000 && segment.received_us <= beamc_clock_us());
    beamc_inbound_detach(bundle);
    beamc_inbound_free(inbound);
}

static void two_sources_of_a_bundle_are_kept_apart(void **state) {
    (void)state;
    beamc_inbound *inbound = beamc_inbound_new(1000);
    int wakes = 0;
    char text[64];
    const part parts[] = {{"b1", "left", "l", false}, {"b1", "right", "r", true}};
    beamc_inbound_bundle *bundle = beamc_inbound_attach(inbound, "b1", count_wake, &wakes);
    accept(inbound, parts, 2, 100);
    assert_int_equal(take_text(bundle, "right", text), BEAMC_INBOUND_SEGMENT);
    assert_string_equal(text, "r");
    assert_int_equal(take_text(bundle, "right", text), BEAMC_INBOUND_ENDED);
    assert_int_equal(take_text(bundle, "left", text), BEAMC_INBOUND_SEGMENT);
    assert_int_equal(take_text(bundle, "left", text), BEAMC_INBOUND_EMPTY);
    beamc_inbound_detach(bundle);
    beamc_inbound_free(inbound);
}

static void at_the_cap_reading_stops_and_room_is_told_once_bytes_are_given_back(void **state) {
    (void)state;
    beamc_inbound *inbound = beamc_inbound_new(10);
    int wakes = 0;
    int rooms = 0;
    beamc_inbound_on_room(inbound, count_wake, &rooms);
    const part parts[] = {{"b1", "source", "0123456789abcdef", false}};
    beamc_inbound_bundle *bundle = beamc_inbound_attach(inbound, "b1", count_wake, &wakes);
    assert_false(beamc_inbound_full(inbound));
    accept(inbound, parts, 1, 4);
    assert_true(beamc_inbound_full(inbound));
    beamc_element_segment segment;
    const uint8_t *data = NULL;
    size_t len = 0;
    assert_int_equal(beamc_inbound_take(bundle, "source", URL, &segment), BEAMC_INBOUND_SEGMENT);
    assert_int_equal(beamc_inbound_buffered_bytes(inbound), 16); /* taken is not yet given back */
    size_t read = 0;
    while (rooms == 0 && beamc_element_segment_next_slice(&segment, &data, &len)) {
        read += len;
        beamc_element_segment_release_read(&segment);
    }
    assert_true(read < 16); /* room came before the whole message was read */
    assert_true(beamc_inbound_buffered_bytes(inbound) < 10);
    beamc_element_segment_release(&segment);
    assert_int_equal(beamc_inbound_buffered_bytes(inbound), 0);
    assert_int_equal(rooms, 1);
    beamc_inbound_detach(bundle);
    beamc_inbound_free(inbound);
}

static void a_stream_that_breaks_fails_only_bundles_that_expect_input(void **state) {
    (void)state;
    beamc_inbound *inbound = beamc_inbound_new(1000);
    int wakes = 0;
    char text[64];
    const part parts[] = {{"done", "source", "x", true}, {"open", "source", "y", false}};
    beamc_inbound_bundle *done = beamc_inbound_attach(inbound, "done", count_wake, &wakes);
    beamc_inbound_bundle *open = beamc_inbound_attach(inbound, "open", count_wake, &wakes);
    accept(inbound, parts, 2, 100);
    beamc_inbound_break(inbound, URL, "the stream ended");
    assert_int_equal(take_text(done, "source", text), BEAMC_INBOUND_SEGMENT);
    assert_int_equal(take_text(done, "source", text), BEAMC_INBOUND_ENDED);
    assert_int_equal(take_text(open, "source", text), BEAMC_INBOUND_SEGMENT);
    assert_int_equal(take_text(open, "source", text), BEAMC_INBOUND_BROKEN);
    assert_string_equal(beamc_inbound_why_broken(open, URL), "the stream ended");
    beamc_element_segment segment;
    assert_int_equal(beamc_inbound_take(open, "source", "host:2", &segment), BEAMC_INBOUND_EMPTY); /* another address */
    beamc_inbound_break(inbound, "host:2", "the other one ended");
    beamc_inbound_break(inbound, URL, "not told twice");
    assert_int_equal(beamc_inbound_take(open, "source", "host:2", &segment), BEAMC_INBOUND_BROKEN);
    assert_string_equal(beamc_inbound_why_broken(open, "host:2"), "the other one ended");
    assert_string_equal(beamc_inbound_why_broken(open, URL), "the stream ended");
    beamc_inbound_detach(done);
    beamc_inbound_detach(open);
    beamc_inbound_free(inbound);
}

enum { START_MS = 1000000 };

static void accept_ten_bytes(beamc_inbound *inbound, const char *instruction_id) {
    accept(inbound, &(part){instruction_id, "source", "0123456789", false}, 1, 100);
}

static void at_the_cap_the_oldest_data_that_nobody_claims_makes_room(void **state) {
    (void)state;
    beamc_inbound *inbound = beamc_inbound_new(30);
    int rooms = 0;
    int wakes = 0;
    beamc_inbound_on_room(inbound, count_wake, &rooms);
    beamc_inbound_drop_unclaimed(inbound, START_MS);
    beamc_inbound_bundle *runs = beamc_inbound_attach(inbound, "runs", count_wake, &wakes);
    accept_ten_bytes(inbound, "runs");
    accept_ten_bytes(inbound, "lost-1");
    beamc_inbound_drop_unclaimed(inbound, START_MS + 1000);
    accept_ten_bytes(inbound, "lost-2");
    assert_true(beamc_inbound_full(inbound));
    beamc_inbound_drop_unclaimed(inbound, START_MS + BEAMC_UNCLAIMED_AT_CAP_MS - 1);
    assert_int_equal(beamc_inbound_buffered_bytes(inbound), 30);
    assert_int_equal(rooms, 0);
    beamc_inbound_drop_unclaimed(inbound, START_MS + BEAMC_UNCLAIMED_AT_CAP_MS + 1000);
    assert_int_equal(beamc_inbound_buffered_bytes(inbound), 20); /* only what was needed */
    assert_int_equal(rooms, 1);
    assert_null(beamc_inbound_attach(inbound, "lost-1", count_wake, &wakes)); /* or it would wait for ever */
    accept_ten_bytes(inbound, "lost-1");
    assert_int_equal(beamc_inbound_buffered_bytes(inbound), 20);
    char text[100];
    beamc_inbound_bundle *came = beamc_inbound_attach(inbound, "lost-2", count_wake, &wakes);
    assert_int_equal(take_text(came, "source", text), BEAMC_INBOUND_SEGMENT);
    assert_string_equal(text, "0123456789");
    assert_int_equal(take_text(runs, "source", text), BEAMC_INBOUND_SEGMENT);
    assert_string_equal(text, "0123456789");
    beamc_inbound_detach(came);
    beamc_inbound_detach(runs);
    beamc_inbound_free(inbound);
}

static void data_that_a_bundle_has_claimed_is_never_dropped(void **state) {
    (void)state;
    beamc_inbound *inbound = beamc_inbound_new(10);
    int wakes = 0;
    beamc_inbound_drop_unclaimed(inbound, START_MS);
    accept_ten_bytes(inbound, "waits");
    beamc_inbound_bundle *waits = beamc_inbound_attach(inbound, "waits", count_wake, &wakes);
    beamc_inbound_drop_unclaimed(inbound, START_MS + 10 * BEAMC_UNCLAIMED_MS);
    assert_int_equal(beamc_inbound_buffered_bytes(inbound), 10);
    beamc_inbound_detach(waits);
    beamc_inbound_free(inbound);
}

static void below_the_cap_unclaimed_data_stays_longer_but_not_for_ever(void **state) {
    (void)state;
    beamc_inbound *inbound = beamc_inbound_new(1000);
    int wakes = 0;
    accept_ten_bytes(inbound, "early"); /* before the first look: counts from there */
    beamc_inbound_drop_unclaimed(inbound, START_MS);
    accept_ten_bytes(inbound, "fed");
    beamc_inbound_drop_unclaimed(inbound, START_MS + BEAMC_UNCLAIMED_MS - 1);
    accept_ten_bytes(inbound, "fed"); /* the runner has not given it up */
    assert_int_equal(beamc_inbound_buffered_bytes(inbound), 30);
    beamc_inbound_drop_unclaimed(inbound, START_MS + BEAMC_UNCLAIMED_MS);
    assert_int_equal(beamc_inbound_buffered_bytes(inbound), 20);
    assert_null(beamc_inbound_attach(inbound, "early", count_wake, &wakes));
    beamc_inbound_drop_unclaimed(inbound, START_MS + 2 * BEAMC_UNCLAIMED_MS);
    assert_int_equal(beamc_inbound_buffered_bytes(inbound), 0);
    beamc_inbound_free(inbound);
}

static void a_message_cut_at_any_byte_is_refused_or_shorter_but_leaks_nothing(void **state) {
    (void)state;
    const part parts[] = {{"b1", "source", "abcdefghij", false}, {"b1", "source", NULL, true}};
    beamc_message *whole = message_of(parts, 2, 1000);
    size_t len = 0;
    const uint8_t *bytes = beamc_message_slice(whole, 0, &len);
    for (size_t cut = 0; cut < len; cut++) {
        beamc_inbound *inbound = beamc_inbound_new(1000);
        beamc_message *message = beamc_message_from_bytes(bytes, cut, 7);
        beamc_error err;
        if (beamc_inbound_accept(inbound, message, &err) != BEAMC_OK)
            assert_contains(err.text, "cannot be parsed");
        beamc_message_release(message);
        beamc_inbound_free(inbound);
    }
    beamc_message_release(whole);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(input_before_its_bundle_is_kept_for_every_slice_length),
        cmocka_unit_test(input_after_the_bundle_s_end_is_dropped),
        cmocka_unit_test(an_instruction_id_is_claimed_once),
        cmocka_unit_test(data_beside_the_end_mark_is_read_and_data_behind_it_is_not),
        cmocka_unit_test(segments_and_end_marks_tell_when_they_were_received),
        cmocka_unit_test(two_sources_of_a_bundle_are_kept_apart),
        cmocka_unit_test(at_the_cap_reading_stops_and_room_is_told_once_bytes_are_given_back),
        cmocka_unit_test(a_stream_that_breaks_fails_only_bundles_that_expect_input),
        cmocka_unit_test(at_the_cap_the_oldest_data_that_nobody_claims_makes_room),
        cmocka_unit_test(data_that_a_bundle_has_claimed_is_never_dropped),
        cmocka_unit_test(below_the_cap_unclaimed_data_stays_longer_but_not_for_ever),
        cmocka_unit_test(a_message_cut_at_any_byte_is_refused_or_shorter_but_leaks_nothing),
    };
    return cmocka_run_group_tests_name("inbound_elements", tests, NULL, NULL);
}
