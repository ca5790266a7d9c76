#include "tests/emulator/fault_script.h"

#include "sdk_harness/base/alloc.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static emu_fault_script script;
static emu_fault fault;
static beamc_error err;
static uint64_t now_ms;

static void read_script(const char *faults) {
    char *json = beamc_format("{\"faults\":[%s]}", faults);
    emu_fault_script_cleanup(&script);
    if (emu_fault_script_read(json, strlen(json), &script, &err) != BEAMC_OK)
        fail_msg("%s: %s", faults, err.text);
    now_ms = 1000;
    emu_fault_script_start(&script, now_ms);
    free(json);
}

static bool hit(void) {
    emu_fault_cleanup(&fault);
    return emu_fault_script_take(&script, now_ms, &fault);
}

/* The status of the fault that the next request gets; 0 for none. */
static int take(void) {
    return hit() ? fault.status : 0;
}

static int close_script(void **state) {
    (void)state;
    emu_fault_cleanup(&fault);
    emu_fault_script_cleanup(&script);
    return 0;
}

static void no_script_hits_nothing(void **state) {
    (void)state;
    emu_fault_script empty = {.faults = NULL};
    assert_false(emu_fault_script_take(&empty, now_ms, &fault));
    read_script("");
    assert_int_equal(take(), 0);
}

static void faults_are_taken_in_order(void **state) {
    (void)state;
    read_script("{\"status\":503,\"times\":2},{\"status\":429},{\"status\":500}");
    static const int expected[] = {503, 503, 429, 500, 0, 0};
    for (size_t i = 0; i < sizeof expected / sizeof expected[0]; i++)
        assert_int_equal(take(), expected[i]);
}

static void after_lets_requests_pass_first(void **state) {
    (void)state;
    read_script("{\"status\":503,\"after\":2},{\"status\":429,\"after\":1,\"times\":2}");
    static const int expected[] = {0, 0, 503, 0, 429, 429, 0};
    for (size_t i = 0; i < sizeof expected / sizeof expected[0]; i++)
        assert_int_equal(take(), expected[i]);
}

static void minus_one_is_for_ever(void **state) {
    (void)state;
    read_script("{\"status\":503,\"times\":-1},{\"status\":429}");
    for (int i = 0; i < 10000; i++)
        assert_int_equal(take(), 503);
}

static void probability_hits_its_share_and_repeats_itself(void **state) {
    (void)state;
    static char first[10001];
    for (int round = 0; round < 2; round++) {
        read_script("{\"status\":500,\"times\":-1,\"probability\":0.25}");
        int hits = 0;
        for (int i = 0; i < 10000; i++) {
            char mark = take() == 500 ? '1' : '0';
            hits += mark == '1';
            if (round == 0)
                first[i] = mark;
            else
                assert_int_equal(mark, first[i]);
        }
        assert_in_range(hits, 2300, 2700);
    }
    read_script("{\"status\":500,\"times\":3,\"probability\":0.5},{\"status\":429}");
    int hits = 0;
    int status;
    while ((status = take()) != 429)
        hits += status == 500;
    assert_int_equal(hits, 3);
}

static void every_member_is_read(void **state) {
    (void)state;
    read_script("{\"status\":429,\"retry_after\":\"1\",\"delay_ms\":250,\"body\":\"text:slow down\",\"write\":true}");
    assert_int_equal(take(), 429);
    assert_string_equal(fault.retry_after.text, "1");
    assert_int_equal(fault.delay_ms, 250);
    assert_int_equal(fault.body, EMU_FAULT_BODY_TEXT);
    assert_string_equal(fault.text, "slow down");
    assert_true(fault.write);
    assert_int_equal(fault.cut, EMU_CUT_NONE);
    read_script("{\"cut\":\"before\"},{\"cut\":\"after\"}");
    assert_true(hit());
    assert_int_equal(fault.cut, EMU_CUT_BEFORE);
    assert_true(hit());
    assert_int_equal(fault.cut, EMU_CUT_AFTER);
    static const char *const bodies[] = {"request_error", "record_error", "html", "empty", "garbage", "truncated"};
    for (size_t i = 0; i < sizeof bodies / sizeof bodies[0]; i++) {
        char *json = beamc_format("{\"status\":500,\"body\":\"%s\"}", bodies[i]);
        read_script(json);
        assert_int_equal(take(), 500);
        assert_int_equal(fault.body, EMU_FAULT_BODY_REQUEST_ERROR + (int)i);
        free(json);
    }
}

static void an_error_body_alone_means_400(void **state) {
    (void)state;
    read_script("{\"body\":\"record_error\"},{\"body\":\"request_error\"},{\"body\":\"html\"}");
    assert_int_equal(take(), 400);
    assert_int_equal(take(), 400);
    assert_true(hit());
    assert_int_equal(fault.status, 0);
}

static void a_window_hits_whatever_comes_while_it_is_open(void **state) {
    (void)state;
    read_script("{\"status\":503,\"after_ms\":200,\"for_ms\":100},{\"status\":502,\"after_ms\":50,\"for_ms\":10}");
    static const struct {
        uint64_t at_ms; /* after the script started */
        int status;
    } expected[] = {{0, 0},   {199, 0},   {200, 503}, {250, 503}, {299, 503}, {300, 0},
                    {349, 0}, {350, 502}, {359, 502}, {360, 0},   {100000, 0}};
    for (size_t i = 0; i < sizeof expected / sizeof expected[0]; i++) {
        now_ms = 1000 + expected[i].at_ms;
        assert_int_equal(take(), expected[i].status);
    }
}

static void windows_that_nobody_met_are_passed_over(void **state) {
    (void)state;
    read_script("{\"status\":503,\"for_ms\":100},{\"status\":502,\"for_ms\":100},{\"status\":429}");
    now_ms += 150;
    assert_int_equal(take(), 502);
    now_ms += 50;
    assert_int_equal(take(), 429);
    assert_int_equal(take(), 0);
}

static void a_window_ends_early_when_its_times_are_used_up(void **state) {
    (void)state;
    read_script("{\"status\":503,\"for_ms\":100,\"times\":2},{\"status\":502,\"after_ms\":10}");
    assert_int_equal(take(), 503);
    assert_int_equal(take(), 503);
    assert_int_equal(take(), 0);
    now_ms += 10;
    assert_int_equal(take(), 502);
    assert_int_equal(take(), 0);
}

static void a_wrong_script_is_refused_with_its_place(void **state) {
    (void)state;
    static const struct {
        const char *json;
        const char *words;
    } cases[] = {
        {"", "not JSON"},
        {"[]", "expected {\"faults\": [...]}"},
        {"{\"faults\":{}}", "expected {\"faults\": [...]}"},
        {"{\"faults\":[],\"x\":1}", "expected {\"faults\": [...]}"},
        {"{\"faults\":[{\"status\":503},{}]}", "fault 1: expected an object"},
        {"{\"faults\":[1]}", "fault 0: expected an object"},
        {"{\"faults\":[{\"statsu\":503}]}", "unknown name \"statsu\""},
        {"{\"faults\":[{\"status\":503,\"status\":504}]}", "\"status\" occurs twice"},
        {"{\"faults\":[{\"status\":199}]}", "status: expected a whole number from 200 to 599"},
        {"{\"faults\":[{\"status\":600}]}", "status"},
        {"{\"faults\":[{\"status\":\"503\"}]}", "status"},
        {"{\"faults\":[{\"status\":503.5}]}", "status"},
        {"{\"faults\":[{\"status\":503,\"times\":0}]}", "times: 0 would hit nothing"},
        {"{\"faults\":[{\"status\":503,\"times\":-2}]}", "times"},
        {"{\"faults\":[{\"status\":503,\"after\":-1}]}", "after"},
        {"{\"faults\":[{\"status\":503,\"probability\":0}]}", "probability"},
        {"{\"faults\":[{\"status\":503,\"probability\":1.1}]}", "probability"},
        {"{\"faults\":[{\"delay_ms\":600001}]}", "delay_ms"},
        {"{\"faults\":[{\"status\":503,\"for_ms\":0}]}", "for_ms: expected a whole number from 1"},
        {"{\"faults\":[{\"status\":503,\"after_ms\":-1}]}", "after_ms"},
        {"{\"faults\":[{\"status\":429,\"retry_after\":1}]}", "fault 0: retry_after"},
        {"{\"faults\":[{\"status\":500,\"body\":\"xml\"}]}", "body: expected request_error"},
        {"{\"faults\":[{\"cut\":\"now\"}]}", "cut: expected before or after"},
        {"{\"faults\":[{\"cut\":\"after\",\"status\":500}]}", "cut: leaves no answer"},
        {"{\"faults\":[{\"cut\":\"before\",\"write\":true}]}", "cut: says itself"},
        {"{\"faults\":[{\"status\":500,\"write\":1}]}", "write"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        emu_fault_script refused;
        if (emu_fault_script_read(cases[i].json, strlen(cases[i].json), &refused, &err) != BEAMC_INVALID)
            fail_msg("accepted %s", cases[i].json);
        if (strstr(err.text, cases[i].words) == NULL)
            fail_msg("%s: got \"%s\", wanted \"%s\"", cases[i].json, err.text, cases[i].words);
        assert_null(refused.faults);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(no_script_hits_nothing),
        cmocka_unit_test(faults_are_taken_in_order),
        cmocka_unit_test(after_lets_requests_pass_first),
        cmocka_unit_test(minus_one_is_for_ever),
        cmocka_unit_test(probability_hits_its_share_and_repeats_itself),
        cmocka_unit_test(every_member_is_read),
        cmocka_unit_test(an_error_body_alone_means_400),
        cmocka_unit_test(a_window_hits_whatever_comes_while_it_is_open),
        cmocka_unit_test(windows_that_nobody_met_are_passed_over),
        cmocka_unit_test(a_window_ends_early_when_its_times_are_used_up),
        cmocka_unit_test(a_wrong_script_is_refused_with_its_place),
    };
    return cmocka_run_group_tests(tests, NULL, close_script);
}
