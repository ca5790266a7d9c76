#include "worker/delivery/isolation.h"

#include "tests/support/check.h"

enum { MAX_RECORDS = 64 };

/* A service with bad records in the request, and what it did. */
typedef struct {
    bool bad[MAX_RECORDS];
    bool writes_good_ones; /* of a rejected request; else nothing of it */
    bool counts;           /* says how many are bad */
    uint32_t largest;      /* records; beyond, 413 */
    bool stored[MAX_RECORDS];
    uint32_t num_stores[MAX_RECORDS];
    bool blamed[MAX_RECORDS];
    uint32_t num_requests;
} service;

static bool receive(service *s, tecton_record_range range, tecton_rejection *rejection, uint32_t *num_bad) {
    s->num_requests++;
    *num_bad = 0;
    if (range.num > s->largest) {
        *rejection = TECTON_REJECTED_TOO_LARGE;
        return false;
    }
    uint32_t num = 0;
    for (uint32_t i = range.first; i < range.first + range.num; i++)
        num += s->bad[i] ? 1 : 0;
    for (uint32_t i = range.first; i < range.first + range.num; i++) {
        if (num == 0 || (s->writes_good_ones && !s->bad[i])) {
            s->stored[i] = true;
            s->num_stores[i]++;
        }
    }
    *rejection = TECTON_REJECTED_RECORDS;
    *num_bad = s->counts ? num : 0;
    return num == 0;
}

static void send(service *s, tecton_record_range range) {
    tecton_rejection rejection = TECTON_REJECTED_RECORDS;
    uint32_t num_bad = 0;
    if (receive(s, range, &rejection, &num_bad))
        return;
    tecton_isolation isolation = tecton_isolate(range, rejection, num_bad, true);
    assert_int_not_equal(isolation.action, TECTON_ISOLATE_STOP);
    if (isolation.action == TECTON_ISOLATE_RECORD) {
        assert_int_equal(range.num, 1);
        s->blamed[range.first] = true;
        return;
    }
    for (uint32_t i = 0; i < isolation.num_parts; i++)
        send(s, tecton_isolation_part(range, isolation.num_parts, i));
}

/* Every record is stored or blamed, and rightly. Returns the requests beyond the first. */
static uint32_t deliver(service *s, uint32_t num_records) {
    s->largest = s->largest == 0 ? MAX_RECORDS : s->largest;
    send(s, (tecton_record_range){.first = 0, .num = num_records});
    for (uint32_t i = 0; i < num_records; i++) {
        assert_int_equal(s->blamed[i], s->bad[i]);
        assert_int_equal(s->stored[i], !s->bad[i]);
    }
    return s->num_requests - 1;
}

static void one_bad_in_ten_costs_six_to_eight_requests_and_nine_are_stored(void **state) {
    (void)state;
    for (int writes = 0; writes < 2; writes++) {
        for (int counts = 0; counts < 2; counts++) {
            uint32_t sum = 0;
            for (uint32_t bad = 0; bad < 10; bad++) {
                service s = {.writes_good_ones = writes == 1, .counts = counts == 1};
                s.bad[bad] = true;
                uint32_t num_extra = deliver(&s, 10);
                assert_in_range(num_extra, 6, 8);
                sum += num_extra;
            }
            assert_in_range(sum, 60, 70); /* less than 7 on average */
        }
    }
}

static void every_pattern_of_bad_records_is_found(void **state) {
    (void)state;
    for (uint32_t pattern = 0; pattern < 1024; pattern++) {
        for (int mode = 0; mode < 4; mode++) {
            service s = {.writes_good_ones = (mode & 1) != 0, .counts = (mode & 2) != 0};
            for (uint32_t i = 0; i < 10; i++)
                s.bad[i] = (pattern >> i & 1) != 0;
            assert_in_range(deliver(&s, 10), 0, 18);
        }
    }
}

static void a_record_that_is_sent_again_is_written_again(void **state) {
    (void)state;
    service s = {.writes_good_ones = true};
    s.bad[9] = true;
    (void)deliver(&s, 10);
    assert_true(s.num_stores[8] > 2); /* why the store must keep the last write for a key and time */
}

static void when_many_are_bad_each_goes_alone(void **state) {
    (void)state;
    for (uint32_t num_bad = 2; num_bad <= 10; num_bad++) {
        service s = {.counts = true};
        for (uint32_t i = 0; i < num_bad; i++)
            s.bad[i] = true;
        assert_in_range(deliver(&s, 10), 10, 10);
    }
    assert_int_equal(tecton_isolate((tecton_record_range){0, 10}, TECTON_REJECTED_RECORDS, 1, true).num_parts, 2);
    assert_int_equal(tecton_isolate((tecton_record_range){0, 10}, TECTON_REJECTED_RECORDS, 0, true).num_parts, 2);
    assert_int_equal(tecton_isolate((tecton_record_range){0, 64}, TECTON_REJECTED_RECORDS, 2, true).num_parts, 2);
    assert_int_equal(tecton_isolate((tecton_record_range){0, 10}, TECTON_REJECTED_RECORDS, UINT32_MAX, true).num_parts,
                     10);
}

static void what_is_too_large_is_halved_until_it_fits(void **state) {
    (void)state;
    for (uint32_t largest = 1; largest <= 10; largest++) {
        service s = {.largest = largest};
        assert_in_range(deliver(&s, 10), 0, 18);
    }
    tecton_isolation alone = tecton_isolate((tecton_record_range){3, 1}, TECTON_REJECTED_TOO_LARGE, 0, true);
    assert_int_equal(alone.action, TECTON_ISOLATE_RECORD); /* never the same again */
    alone = tecton_isolate((tecton_record_range){3, 1}, TECTON_REJECTED_TOO_LARGE, 0, false);
    assert_int_equal(alone.action, TECTON_ISOLATE_RECORD);
}

static void an_error_of_the_request_stops_when_nothing_was_ever_accepted(void **state) {
    (void)state;
    static const uint32_t nums[] = {1, 2, 10};
    for (size_t i = 0; i < 3; i++) {
        tecton_record_range range = {.first = 5, .num = nums[i]};
        assert_int_equal(tecton_isolate(range, TECTON_REJECTED_REQUEST, 0, false).action, TECTON_ISOLATE_STOP);
        assert_int_equal(tecton_isolate(range, TECTON_REJECTED_REQUEST, 0, true).action,
                         nums[i] == 1 ? TECTON_ISOLATE_RECORD : TECTON_ISOLATE_SPLIT);
    }
}

static void errors_of_records_end_at_the_record_even_then(void **state) {
    (void)state;
    assert_int_equal(tecton_isolate((tecton_record_range){5, 10}, TECTON_REJECTED_RECORDS, 0, false).action,
                     TECTON_ISOLATE_SPLIT);
    assert_int_equal(tecton_isolate((tecton_record_range){5, 1}, TECTON_REJECTED_RECORDS, 0, false).action,
                     TECTON_ISOLATE_RECORD);
}

static void parts_are_even_in_order_and_cover_the_range(void **state) {
    (void)state;
    for (uint32_t num = 2; num <= 40; num++) {
        for (uint32_t num_parts = 2; num_parts <= num; num_parts++) {
            tecton_record_range range = {.first = 100, .num = num};
            uint32_t next = 100;
            for (uint32_t i = 0; i < num_parts; i++) {
                tecton_record_range part = tecton_isolation_part(range, num_parts, i);
                assert_int_equal(part.first, next);
                assert_in_range(part.num, num / num_parts, num / num_parts + 1);
                next += part.num;
            }
            assert_int_equal(next, 100 + num);
        }
    }
    tecton_record_range last = tecton_isolation_part((tecton_record_range){0, UINT32_MAX}, 2, 1);
    assert_int_equal((uint64_t)last.first + last.num, UINT32_MAX);
}

static void four_are_taken_apart_at_once_and_others_wait_their_turn(void **state) {
    (void)state;
    tecton_isolation_turns turns = {0};
    for (int i = 0; i < TECTON_ISOLATION_MAX_ACTIVE; i++)
        assert_true(tecton_isolation_begin(&turns));
    assert_false(tecton_isolation_begin(&turns));
    tecton_isolation_end(&turns);
    assert_true(tecton_isolation_begin(&turns));
    assert_false(tecton_isolation_begin(&turns));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_bad_in_ten_costs_six_to_eight_requests_and_nine_are_stored),
        cmocka_unit_test(every_pattern_of_bad_records_is_found),
        cmocka_unit_test(a_record_that_is_sent_again_is_written_again),
        cmocka_unit_test(when_many_are_bad_each_goes_alone),
        cmocka_unit_test(what_is_too_large_is_halved_until_it_fits),
        cmocka_unit_test(an_error_of_the_request_stops_when_nothing_was_ever_accepted),
        cmocka_unit_test(errors_of_records_end_at_the_record_even_then),
        cmocka_unit_test(parts_are_even_in_order_and_cover_the_range),
        cmocka_unit_test(four_are_taken_apart_at_once_and_others_wait_their_turn),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
