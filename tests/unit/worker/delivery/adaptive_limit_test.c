#include "worker/delivery/adaptive_limit.h"

#include "tests/support/check.h"

#include <stdbool.h>

enum { MAX = 512 };

/* A limit, its clock, and what is under way, oldest first. */
typedef struct {
    tecton_adaptive_limit limit;
    uint64_t now_us;
    uint64_t started_us[MAX];
    uint32_t order[MAX];
    uint32_t first;
    uint32_t num;
} setup;

static void start_one(setup *s) {
    uint32_t index = (s->first + s->num++) % MAX;
    s->started_us[index] = s->now_us;
    s->order[index] = tecton_adaptive_limit_started(&s->limit, s->now_us / 1000);
}

static void start_all(setup *s) {
    while (s->num < MAX && tecton_adaptive_limit_may_start(&s->limit))
        start_one(s);
}

/* The oldest ends, `rtt_us` after its start. */
static void end_one(setup *s, tecton_limit_signal signal, uint64_t rtt_us) {
    uint32_t index = s->first;
    s->first = (s->first + 1) % MAX;
    s->num--;
    uint64_t end_us = s->started_us[index] + rtt_us;
    s->now_us = end_us > s->now_us ? end_us : s->now_us;
    tecton_adaptive_limit_finished(&s->limit, signal, s->order[index], s->now_us - s->started_us[index],
                                   s->now_us / 1000);
}

/* `num` answers after `rtt_us` each, all places in use; every `one_in`-th (0: none) ends as `signal` says. */
static void answers_with(setup *s, uint32_t num, uint64_t rtt_us, uint32_t one_in, tecton_limit_signal signal) {
    for (uint32_t i = 1; i <= num; i++) {
        start_all(s);
        end_one(s, one_in != 0 && i % one_in == 0 ? signal : TECTON_LIMIT_OK, rtt_us);
    }
    start_all(s);
}

static void answers(setup *s, uint32_t num, uint64_t rtt_us) {
    answers_with(s, num, rtt_us, 0, TECTON_LIMIT_OK);
}

/* As long as the limit is, that many answers: about one window each time. */
static void windows(setup *s, uint32_t num, uint64_t rtt_us) {
    for (uint32_t i = 0; i < num; i++)
        answers(s, s->limit.limit > 8 ? s->limit.limit : 8, rtt_us);
}

static setup with_ceiling(uint32_t ceiling) {
    setup s = {.now_us = 1000000000};
    tecton_adaptive_limit_init(&s.limit, ceiling);
    return s;
}

/* A limit that has stood for a while, all places in use by requests that started one after the other. */
static setup settled(uint32_t limit, uint64_t rtt_us) {
    setup s = with_ceiling(limit);
    s.limit.limit = limit;
    s.limit.slow_start_until = 0;
    for (uint32_t i = 0; i < limit; i++) {
        start_one(&s);
        s.now_us += rtt_us / limit;
    }
    windows(&s, 20, rtt_us);
    s.limit.num_grown = 0;
    tecton_adaptive_limit_set_ceiling(&s.limit, MAX - 1);
    return s;
}

static void the_first_request_goes_alone_and_each_round_trip_doubles(void **state) {
    (void)state;
    setup s = with_ceiling(200);
    static const uint32_t expected[] = {1, 2, 4, 8, 16, 32, 64, 128, 200, 200};
    for (size_t i = 0; i < sizeof expected / sizeof expected[0]; i++) {
        start_all(&s);
        assert_int_equal(s.num, expected[i]);
        while (s.num > 0) /* all end before any other starts */
            end_one(&s, TECTON_LIMIT_OK, 50000);
    }
}

static void round_trips_shorter_than_the_clocks_tick_double_too(void **state) {
    (void)state;
    setup s = with_ceiling(200);
    answers(&s, 255, 40);
    assert_int_equal(s.limit.limit, 200);
    assert_int_equal(s.now_us, 1000000000 + 8 * 40);
}

static void traffic_that_does_not_reach_the_limit_does_not_raise_it(void **state) {
    (void)state;
    setup s = settled(20, 50000);
    while (s.num > 1)
        end_one(&s, TECTON_LIMIT_OK, 50000);
    s.now_us += 100000;
    end_one(&s, TECTON_LIMIT_NEUTRAL, 50000);
    uint32_t before = 0;
    for (int i = 0; i < 200; i++) {
        start_one(&s);
        start_one(&s);
        end_one(&s, TECTON_LIMIT_OK, 50000);
        end_one(&s, TECTON_LIMIT_OK, 50000);
        before = i == 10 ? s.limit.limit : before;
    }
    assert_in_range(before, 20, 22);
    assert_int_equal(s.limit.limit, before);
}

static void slow_start_ends_at_half_when_answers_take_half_as_long_again(void **state) {
    (void)state;
    setup s = with_ceiling(400);
    answers(&s, 127, 50000);
    assert_int_equal(s.limit.limit, 128);
    uint32_t most = 0;
    for (int i = 0; i < 600; i++) {
        answers(&s, 1, 110000);
        most = s.limit.limit > most ? s.limit.limit : most;
    }
    assert_in_range(most, 129, 400);
    assert_in_range(s.limit.limit, most / 2, most / 2 + 10);
}

static void slow_start_that_reached_its_ceiling_ends_there(void **state) {
    (void)state;
    setup s = with_ceiling(64);
    windows(&s, 20, 50000);
    assert_int_equal(s.limit.limit, 64);
    windows(&s, 2, 100000); /* slower now: a tenth, not a half */
    assert_in_range(s.limit.limit, 46, 58);
}

static void a_quick_first_answer_does_not_end_slow_start(void **state) {
    (void)state;
    setup s = with_ceiling(200);
    answers(&s, 1, 20000);
    answers(&s, 1, 70000);
    answers(&s, 400, 50000);
    assert_int_equal(s.limit.limit, 200);
}

static void past_slow_start_it_grows_by_one_and_after_eight_windows_by_two(void **state) {
    (void)state;
    setup s = settled(20, 50000);
    windows(&s, 8, 50000);
    assert_in_range(s.limit.limit, 27, 28);
    uint32_t before = s.limit.limit;
    windows(&s, 6, 50000);
    assert_in_range(s.limit.limit, before + 10, before + 14);
}

static void slower_answers_stop_growth_and_clearly_slower_ones_take_a_tenth(void **state) {
    (void)state;
    setup s = settled(100, 50000);
    windows(&s, 2, 58000);
    assert_in_range(s.limit.limit, 100, 101);
    s = settled(100, 50000);
    windows(&s, 2, 80000);
    assert_in_range(s.limit.limit, 81, 91);
}

static void what_is_slower_for_good_becomes_usual(void **state) {
    (void)state;
    setup s = settled(100, 50000);
    windows(&s, 15, 75000);
    uint32_t before = s.limit.limit;
    assert_in_range(before, 65, 100);
    windows(&s, 20, 75000);
    assert_true(s.limit.limit > before);
}

static void a_rise_of_less_than_a_millisecond_is_the_machines(void **state) {
    (void)state;
    setup s = settled(50, 60);
    for (int i = 0; i < 100; i++)
        windows(&s, 1, i % 2 == 0 ? 900 : 60); /* fifteen times as long */
    assert_true(s.limit.limit > 100);
}

static void a_few_scattered_answers_say_nothing(void **state) {
    (void)state;
    setup s = settled(8, 50000);
    s.limit.ceiling = 8;
    windows(&s, 1, 64000); /* a quarter more, of eight answers: chance */
    windows(&s, 5, 50000);
    assert_int_equal(s.limit.limit, 8);
    s = settled(200, 50000);
    s.limit.ceiling = 200;
    windows(&s, 2, 64000); /* of two hundred: not */
    assert_in_range(s.limit.limit, 162, 180);
}

static void behind_a_queue_it_stops_before_answers_take_twice_as_long(void **state) {
    (void)state;
    setup s = with_ceiling(MAX - 1);
    for (int i = 0; i < 2000; i++) /* 40 at a time, each 50 ms */
        windows(&s, 1, s.limit.limit <= 40 ? 50000 : (uint64_t)s.limit.limit * 50000 / 40);
    assert_in_range(s.limit.limit, 40, 120);
}

static void a_service_that_is_slower_for_minutes_is_believed(void **state) {
    (void)state;
    setup s = settled(20, 50000);
    windows(&s, 100, 200000);
    assert_in_range(s.limit.limit, 10, 22);
    for (uint64_t until_us = s.now_us + UINT64_C(11) * 60 * 1000000; s.now_us < until_us;)
        windows(&s, 1, 200000);
    assert_true(s.limit.limit > 100);
}

/* The newest is answered 429, after 2 ms. */
static void refuse_newest(setup *s) {
    uint32_t index = (s->first + --s->num) % MAX;
    s->now_us += 2000;
    tecton_adaptive_limit_finished(&s->limit, TECTON_LIMIT_THROTTLED, s->order[index], 2000, s->now_us / 1000);
}

/* 40 at a time are accepted; the limit grows, and the first 41st is refused. */
static setup refused_at_41(void) {
    setup s = settled(40, 50000);
    while (s.limit.limit == 40)
        answers(&s, 1, 50000);
    assert_int_equal(s.num, 41);
    refuse_newest(&s);
    return s;
}

static void a_429_with_more_under_way_than_ever_accepted_counts_at_once_and_once(void **state) {
    (void)state;
    setup s = refused_at_41();
    assert_int_equal(s.limit.limit, 37);
    start_one(&s);
    refuse_newest(&s); /* not within the same round trip */
    assert_int_equal(s.limit.limit, 37);
    end_one(&s, TECTON_LIMIT_THROTTLED, 90000); /* nor one that started before */
    assert_int_equal(s.limit.limit, 37);
}

static void a_429_with_fewer_under_way_is_not_the_limits_fault(void **state) {
    (void)state;
    setup s = settled(40, 50000);
    for (int i = 0; i < 30; i++) {
        end_one(&s, TECTON_LIMIT_OK, 50000);
        end_one(&s, TECTON_LIMIT_OK, 50000);
        start_one(&s); /* with 39 under way */
        uint32_t last = (s.first + s.num - 1) % MAX;
        s.num--;
        tecton_adaptive_limit_finished(&s.limit, TECTON_LIMIT_THROTTLED, s.order[last], 0, s.now_us / 1000);
        answers(&s, 38, 50000);
    }
    assert_in_range(s.limit.limit, 40, 42); /* nor does it grow much */
}

static void when_one_answer_in_twenty_is_429_it_is_lowered_anyway(void **state) {
    (void)state;
    setup s = settled(40, 50000);
    answers_with(&s, 120, 50000, 12, TECTON_LIMIT_THROTTLED);
    assert_in_range(s.limit.limit, 20, 36);
}

static void below_a_429_it_waits_ten_windows_before_it_goes_on(void **state) {
    (void)state;
    setup s = refused_at_41();
    uint64_t reached_us = 0;
    while (s.limit.limit <= 40) {
        answers(&s, 1, 50000);
        if (s.limit.limit == 40 && reached_us == 0)
            reached_us = s.now_us;
    }
    assert_in_range((s.now_us - reached_us) / 50000, 9, 12);
}

static void one_failure_in_ten_lowers_it_and_fewer_do_not(void **state) {
    (void)state;
    setup s = settled(100, 50000);
    answers_with(&s, 2000, 50000, 12, TECTON_LIMIT_FAILED);
    assert_true(s.limit.limit > 110);
    s = settled(100, 50000);
    answers_with(&s, 100, 50000, 5, TECTON_LIMIT_FAILED);
    assert_in_range(s.limit.limit, 81, 91);
    s = settled(8, 50000);
    answers_with(&s, 8, 50000, 4, TECTON_LIMIT_FAILED); /* a quarter, but only two */
    assert_true(s.limit.limit >= 8);
}

static void round_trips_of_failures_do_not_count(void **state) {
    (void)state;
    setup s = settled(100, 50000);
    double before_us = s.limit.smoothed_us;
    for (int i = 0; i < 5; i++) {
        uint32_t order = tecton_adaptive_limit_started(&s.limit, s.now_us / 1000);
        tecton_adaptive_limit_finished(&s.limit, TECTON_LIMIT_FAILED, order, 30000000, s.now_us / 1000);
        windows(&s, 1, 50000);
    }
    assert_true(s.limit.smoothed_us - before_us < 1 && before_us - s.limit.smoothed_us < 1);
}

static void what_was_rejected_or_cancelled_says_nothing(void **state) {
    (void)state;
    setup s = settled(100, 50000);
    answers_with(&s, 5000, 90000, 1, TECTON_LIMIT_NEUTRAL);
    assert_int_equal(s.limit.limit, 100);
    assert_int_equal(s.limit.num_in_flight, 100);
}

static void it_never_falls_below_one(void **state) {
    (void)state;
    setup s = settled(8, 50000);
    answers_with(&s, 5000, 50000, 1, TECTON_LIMIT_FAILED);
    assert_int_equal(s.limit.limit, 1);
    s = settled(8, 50000);
    answers_with(&s, 5000, 50000, 1, TECTON_LIMIT_THROTTLED);
    assert_int_equal(s.limit.limit, 1);
    while (s.num > 0)
        end_one(&s, TECTON_LIMIT_OK, 50000);
    assert_true(tecton_adaptive_limit_may_start(&s.limit));
}

static void a_lower_ceiling_holds_at_once_and_a_higher_one_is_grown_into(void **state) {
    (void)state;
    setup s = settled(100, 50000);
    tecton_adaptive_limit_set_ceiling(&s.limit, 10);
    for (int i = 0; i < 90; i++) {
        assert_false(tecton_adaptive_limit_may_start(&s.limit));
        end_one(&s, TECTON_LIMIT_OK, 50000);
    }
    assert_false(tecton_adaptive_limit_may_start(&s.limit));
    windows(&s, 50, 50000);
    assert_int_equal(s.limit.limit, 10);
    tecton_adaptive_limit_set_ceiling(&s.limit, 50);
    windows(&s, 2, 50000);
    assert_in_range(s.limit.limit, 11, 30);
    windows(&s, 50, 50000);
    assert_int_equal(s.limit.limit, 50);
}

static void after_an_outage_it_doubles_from_half_to_where_it_was(void **state) {
    (void)state;
    setup s = settled(100, 50000);
    while (s.num > 0)
        end_one(&s, TECTON_LIMIT_NEUTRAL, 50000);
    tecton_adaptive_limit_restart_at_half(&s.limit);
    assert_int_equal(s.limit.limit, 50);
    answers(&s, 50, 50000);
    assert_int_equal(s.limit.limit, 100);
    windows(&s, 3, 50000);
    assert_in_range(s.limit.limit, 100, 104);
    s = with_ceiling(10);
    tecton_adaptive_limit_restart_at_half(&s.limit);
    assert_int_equal(s.limit.limit, 1);
}

static void requests_a_second_are_those_under_way_over_the_usual_time(void **state) {
    (void)state;
    setup s = with_ceiling(200);
    start_one(&s);
    assert_int_equal((int)tecton_adaptive_limit_per_second(&s.limit, 10000), 100);
    assert_true(tecton_adaptive_limit_per_second(&s.limit, 0) <= 1e6);
    s = settled(100, 50000);
    assert_in_range((int)tecton_adaptive_limit_per_second(&s.limit, 1), 1990, 2010);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_first_request_goes_alone_and_each_round_trip_doubles),
        cmocka_unit_test(round_trips_shorter_than_the_clocks_tick_double_too),
        cmocka_unit_test(traffic_that_does_not_reach_the_limit_does_not_raise_it),
        cmocka_unit_test(slow_start_ends_at_half_when_answers_take_half_as_long_again),
        cmocka_unit_test(slow_start_that_reached_its_ceiling_ends_there),
        cmocka_unit_test(a_quick_first_answer_does_not_end_slow_start),
        cmocka_unit_test(past_slow_start_it_grows_by_one_and_after_eight_windows_by_two),
        cmocka_unit_test(slower_answers_stop_growth_and_clearly_slower_ones_take_a_tenth),
        cmocka_unit_test(what_is_slower_for_good_becomes_usual),
        cmocka_unit_test(a_rise_of_less_than_a_millisecond_is_the_machines),
        cmocka_unit_test(a_few_scattered_answers_say_nothing),
        cmocka_unit_test(behind_a_queue_it_stops_before_answers_take_twice_as_long),
        cmocka_unit_test(a_service_that_is_slower_for_minutes_is_believed),
        cmocka_unit_test(a_429_with_more_under_way_than_ever_accepted_counts_at_once_and_once),
        cmocka_unit_test(a_429_with_fewer_under_way_is_not_the_limits_fault),
        cmocka_unit_test(when_one_answer_in_twenty_is_429_it_is_lowered_anyway),
        cmocka_unit_test(below_a_429_it_waits_ten_windows_before_it_goes_on),
        cmocka_unit_test(one_failure_in_ten_lowers_it_and_fewer_do_not),
        cmocka_unit_test(round_trips_of_failures_do_not_count),
        cmocka_unit_test(what_was_rejected_or_cancelled_says_nothing),
        cmocka_unit_test(it_never_falls_below_one),
        cmocka_unit_test(a_lower_ceiling_holds_at_once_and_a_higher_one_is_grown_into),
        cmocka_unit_test(after_an_outage_it_doubles_from_half_to_where_it_was),
        cmocka_unit_test(requests_a_second_are_those_under_way_over_the_usual_time),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
