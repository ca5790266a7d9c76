#include "worker/http/http_answer.h"

#include "tests/support/check.h"

#include <stdlib.h>

/* What a reader made of some bytes. */
typedef struct {
    tecton_answer_progress progress;
    int status; /* 0: the head did not end */
    bool keeps;
    bool cut;
    char body[256]; /* copied, cut */
    size_t body_len;
    char retry_after[64];
    size_t taken;
    const char *problem;
} outcome;

static void take(const tecton_http_answer *answer, outcome *seen) {
    seen->status = answer->has_head ? answer->status : 0;
    seen->keeps = answer->keeps_connection;
    seen->cut = answer->body_cut;
    seen->body_len = answer->body_len;
    size_t kept = answer->body_len < sizeof seen->body - 1 ? answer->body_len : sizeof seen->body - 1;
    if (kept > 0)
        memcpy(seen->body, answer->body, kept);
    seen->body[kept] = '\0';
    memcpy(seen->retry_after, answer->retry_after, sizeof seen->retry_after);
    seen->problem = answer->problem;
}

/* Feeds `text`, cut at `cut`, and then the end of the connection if that is what it takes. Each part lies in memory of
 * its own size, which is gone when the next comes. */
static outcome read_cut(const char *text, size_t len, size_t cut) {
    tecton_http_answer answer;
    tecton_http_answer_init(&answer);
    tecton_http_answer_start(&answer, false);
    outcome seen = {.progress = TECTON_ANSWER_MORE};
    uint8_t *part = NULL;
    const size_t ends[] = {cut, len};
    size_t at = 0;
    for (size_t i = 0; i < 2 && seen.progress == TECTON_ANSWER_MORE; i++) {
        size_t part_len = ends[i] - at;
        free(part);
        part = malloc(part_len > 0 ? part_len : 1);
        memcpy(part, text + at, part_len);
        at += part_len;
        size_t taken = 0;
        seen.progress = tecton_http_answer_feed(&answer, part, part_len, &taken);
        seen.taken += taken;
    }
    if (seen.progress == TECTON_ANSWER_MORE)
        seen.progress = tecton_http_answer_end(&answer);
    take(&answer, &seen);
    free(part);
    tecton_http_answer_cleanup(&answer);
    return seen;
}

static void assert_same(const outcome *one, const outcome *other) {
    assert_int_equal(one->progress, other->progress);
    assert_int_equal(one->status, other->status);
    assert_int_equal(one->keeps, other->keeps);
    assert_int_equal(one->cut, other->cut);
    assert_int_equal(one->body_len, other->body_len);
    assert_string_equal(one->body, other->body);
    assert_string_equal(one->retry_after, other->retry_after);
    if (one->problem != other->problem)
        fail_msg("%s; %s", one->problem, other->problem);
}

/* The same at every cut, and byte by byte. */
static outcome read_every_way(const char *text) {
    size_t len = strlen(text);
    outcome whole = read_cut(text, len, len);
    for (size_t cut = 0; cut < len; cut++) {
        outcome parts = read_cut(text, len, cut);
        assert_same(&whole, &parts);
        assert_int_equal(whole.taken, parts.taken);
    }
    tecton_http_answer answer;
    tecton_http_answer_init(&answer);
    tecton_http_answer_start(&answer, true);
    outcome bytes = {.progress = TECTON_ANSWER_MORE};
    uint8_t byte = 0;
    for (size_t i = 0; i < len && bytes.progress == TECTON_ANSWER_MORE; i++) {
        size_t taken = 0;
        byte = (uint8_t)text[i];
        bytes.progress = tecton_http_answer_feed(&answer, &byte, 1, &taken);
    }
    if (bytes.progress == TECTON_ANSWER_MORE)
        bytes.progress = tecton_http_answer_end(&answer);
    take(&answer, &bytes);
    tecton_http_answer_cleanup(&answer);
    assert_same(&whole, &bytes);
    return whole;
}

static void an_answer_is_the_same_however_it_is_cut(void **state) {
    (void)state;
    outcome seen = read_every_way("HTTP/1.1 200 OK\r\nServer: nginx\r\nContent-Length: 11\r\n\r\n{\"ok\":true}");
    assert_int_equal(seen.progress, TECTON_ANSWER_COMPLETE);
    assert_int_equal(seen.status, 200);
    assert_string_equal(seen.body, "{\"ok\":true}");
    assert_true(seen.keeps);
    assert_false(seen.cut);
}

static void chunks_are_put_together(void **state) {
    (void)state;
    outcome seen = read_every_way("HTTP/1.1 200 OK\r\nTransfer-Encoding: Chunked\r\n\r\n"
                                  "4\r\n{\"a\"\r\n00A ; x=\"y\"\r\n:123456789\r\n1\r\n}\r\n0\r\nX-Trailer: 1\r\n\r\n");
    assert_int_equal(seen.progress, TECTON_ANSWER_COMPLETE);
    assert_string_equal(seen.body, "{\"a\":123456789}");
    assert_true(seen.keeps);
    assert_int_equal(read_every_way("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n").progress,
                     TECTON_ANSWER_COMPLETE);
}

static void a_body_without_a_length_ends_with_the_connection(void **state) {
    (void)state;
    outcome seen = read_every_way("HTTP/1.1 200 OK\r\n\r\n{}\r\nand more");
    assert_int_equal(seen.progress, TECTON_ANSWER_COMPLETE);
    assert_string_equal(seen.body, "{}\r\nand more");
    assert_false(seen.keeps);
}

static void statuses_without_a_body_end_with_their_head(void **state) {
    (void)state;
    static const char *const answers[] = {"HTTP/1.1 204 No Content\r\n\r\n",
                                          "HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n",
                                          "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"};
    for (size_t i = 0; i < sizeof answers / sizeof answers[0]; i++) {
        outcome seen = read_every_way(answers[i]);
        assert_int_equal(seen.progress, TECTON_ANSWER_COMPLETE);
        assert_int_equal(seen.taken, strlen(answers[i]));
        assert_int_equal(seen.body_len, 0);
        assert_true(seen.keeps);
    }
}

static void interim_answers_leave_nothing_behind(void **state) {
    (void)state;
    outcome seen = read_every_way("HTTP/1.1 100 Continue\r\nRetry-After: 9\r\nContent-Length: 7\r\n\r\n"
                                  "HTTP/1.1 103 Early\r\nConnection: close\r\n\r\n"
                                  "HTTP/1.1 429 Slow down\r\nContent-Length: 2\r\n\r\n{}");
    assert_int_equal(seen.progress, TECTON_ANSWER_COMPLETE);
    assert_int_equal(seen.status, 429);
    assert_string_equal(seen.retry_after, "");
    assert_string_equal(seen.body, "{}");
    assert_true(seen.keeps);
}

static void bytes_behind_an_answer_are_not_taken(void **state) {
    (void)state;
    static const char text[] = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}HTTP/1.1 200 OK\r\n";
    outcome seen = read_every_way(text);
    assert_int_equal(seen.progress, TECTON_ANSWER_COMPLETE);
    assert_int_equal(seen.taken, strlen(text) - strlen("HTTP/1.1 200 OK\r\n"));
}

static void the_connection_is_kept_as_the_headers_say(void **state) {
    (void)state;
    static const struct {
        const char *head;
        bool keeps;
    } cases[] = {{"HTTP/1.1 200 OK\r\n", true},
                 {"HTTP/1.1 200 OK\r\nConnection: close\r\n", false},
                 {"HTTP/1.1 200 OK\r\nconnection: Upgrade , CLOSE\r\n", false},
                 {"HTTP/1.1 200 OK\r\nConnection: keep-alive\r\nConnection: close\r\n", false},
                 {"HTTP/1.1 200 OK\r\nConnection: closed\r\n", true},
                 {"HTTP/1.0 200 OK\r\n", false},
                 {"HTTP/1.0 200 OK\r\nConnection: Keep-Alive\r\n", true},
                 {"HTTP/1.0 200 OK\r\nProxy-Connection: keep-alive\r\n", true},
                 {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n", false}}; /* with a length: see below */
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char text[256];
        bool chunked = strstr(cases[i].head, "chunked") != NULL;
        (void)snprintf(text, sizeof text, "%sContent-Length: 2\r\n\r\n%s", cases[i].head,
                       chunked ? "2\r\n{}\r\n0\r\n\r\n" : "{}");
        outcome seen = read_every_way(text);
        assert_int_equal(seen.progress, TECTON_ANSWER_COMPLETE);
        assert_string_equal(seen.body, "{}");
        if (seen.keeps != cases[i].keeps)
            fail_msg("%s", cases[i].head);
    }
}

static void header_names_have_no_case_and_values_no_blanks(void **state) {
    (void)state;
    outcome seen = read_every_way("HTTP/1.1 503\r\nrEtRy-aFtEr: \t 120 \t\r\nCONTENT-LENGTH:\t002\r\n\r\n{}");
    assert_string_equal(seen.retry_after, "120");
    assert_string_equal(seen.body, "{}");
    assert_string_equal(read_every_way("HTTP/1.1 503 X\r\nRetry-After:\r\nContent-Length: 0\r\n\r\n").retry_after, "");
    assert_string_equal(
        read_every_way("HTTP/1.1 503 X\r\nRetry-After: "
                       "1111111111111111111111111111111111111111111111111111111111111111\r\nContent-Length: 0\r\n\r\n")
            .retry_after,
        "");
}

static void lines_may_end_without_a_carriage_return(void **state) {
    (void)state;
    outcome seen = read_every_way("HTTP/1.1 200 OK\nTransfer-Encoding: chunked\n\n2\n{}\n0\n\n");
    assert_int_equal(seen.progress, TECTON_ANSWER_COMPLETE);
    assert_string_equal(seen.body, "{}");
}

static void what_is_not_http_is_refused_before_a_status(void **state) {
    (void)state;
    static const char *const answers[] = {"",
                                          "\r\n\r\n",
                                          "\r\nHTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
                                          "SSH-2.0-OpenSSH_9.2\r\n",
                                          "http/1.1 200 OK\r\n\r\n",
                                          "HTTP/9.9 200 OK\r\n\r\n",
                                          "HTTP/2 200\r\n\r\n",
                                          "HTTP/1.1\r\n\r\n",
                                          "HTTP/1.1 banana\r\n\r\n",
                                          "HTTP/1.1 20\r\n\r\n",
                                          "HTTP/1.1 2000\r\n\r\n",
                                          "HTTP/1.1 099 X\r\n\r\n",
                                          "HTTP/1.1 -20 X\r\n\r\n",
                                          "HTTP/1.1  200 OK\r\n\r\n",
                                          "HTTP/1.1 200OK\r\n\r\n",
                                          "HTTP/1.1 101 Switching\r\n\r\n",
                                          "HTTP/1.1 100 Continue\r\n\r\n",
                                          "HTTP/1.1 2",
                                          "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n"};
    for (size_t i = 0; i < sizeof answers / sizeof answers[0]; i++) {
        outcome seen = read_every_way(answers[i]);
        if (seen.progress != TECTON_ANSWER_BAD || seen.status != 0 || seen.problem == NULL)
            fail_msg("%s", answers[i]);
    }
}

static void headers_that_are_none_are_refused(void **state) {
    (void)state;
    static const char *const lines[] = {
        "no colon", ": no name", "Content-Length : 2", " folded: line", "\tfolded", "A B: word", "X: a\rb", "X\x7f: a"};
    for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++) {
        char text[128];
        (void)snprintf(text, sizeof text, "HTTP/1.1 200 OK\r\n%s\r\nContent-Length: 0\r\n\r\n", lines[i]);
        outcome seen = read_every_way(text);
        if (seen.progress != TECTON_ANSWER_BAD || seen.status != 0)
            fail_msg("%s", lines[i]);
    }
    static const char nul[] = "HTTP/1.1 200 OK\r\nX: a\0b\r\nContent-Length: 0\r\n\r\n";
    assert_int_equal(read_cut(nul, sizeof nul - 1, sizeof nul - 1).progress, TECTON_ANSWER_BAD);
}

static void lengths_that_are_none_or_differ_are_refused(void **state) {
    (void)state;
    static const char *const heads[] = {"Content-Length: minus",
                                        "Content-Length: -1",
                                        "Content-Length: +1",
                                        "Content-Length:",
                                        "Content-Length: 1 1",
                                        "Content-Length: 0x1",
                                        "Content-Length: 1, 1",
                                        "Content-Length: 9999999999999999999",
                                        "Content-Length: 18446744073709551617",
                                        "Content-Length: 1\r\nContent-Length: 2",
                                        "Transfer-Encoding: gzip",
                                        "Transfer-Encoding: gzip, chunked",
                                        "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked",
                                        "Transfer-Encoding:"};
    for (size_t i = 0; i < sizeof heads / sizeof heads[0]; i++) {
        char text[160];
        (void)snprintf(text, sizeof text, "HTTP/1.1 200 OK\r\n%s\r\n\r\n1\r\n1\r\n0\r\n\r\n", heads[i]);
        outcome seen = read_every_way(text);
        if (seen.progress != TECTON_ANSWER_BAD || seen.status != 0)
            fail_msg("%s", heads[i]);
    }
    outcome twice = read_every_way("HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 02\r\n\r\n{}");
    assert_int_equal(twice.progress, TECTON_ANSWER_COMPLETE);
}

static void chunks_that_are_none_are_refused_but_leave_the_status(void **state) {
    (void)state;
    static const char *const bodies[] = {"",
                                         "x\r\n",
                                         "\r\n",
                                         "-1\r\n",
                                         " 1\r\nx\r\n",
                                         "1 2\r\nx\r\n",
                                         "11111111111111111\r\n",
                                         "2\r\nabc\r\n0\r\n\r\n",
                                         "2\r\na",
                                         "2\r\nab\r\n0\r\n",
                                         "2\r\nab\r\n0\r\nno trailer\r\n\r\n"};
    for (size_t i = 0; i < sizeof bodies / sizeof bodies[0]; i++) {
        char text[160];
        (void)snprintf(text, sizeof text, "HTTP/1.1 503 X\r\nTransfer-Encoding: chunked\r\n\r\n%s", bodies[i]);
        outcome seen = read_every_way(text);
        if (seen.progress != TECTON_ANSWER_BAD || seen.status != 503)
            fail_msg("%s", bodies[i]);
    }
}

static void a_body_that_breaks_off_is_kept_as_far_as_it_came(void **state) {
    (void)state;
    outcome seen = read_every_way("HTTP/1.1 503 Busy\r\nContent-Length: 100\r\nRetry-After: 7\r\n\r\nhalf");
    assert_int_equal(seen.progress, TECTON_ANSWER_BAD);
    assert_int_equal(seen.status, 503);
    assert_string_equal(seen.body, "half");
    assert_string_equal(seen.retry_after, "7");
    assert_contains(seen.problem, "in the middle");
    assert_contains(read_every_way("").problem, "without an answer");
}

/* ---- bounds ---- */

typedef struct {
    tecton_http_answer answer;
    tecton_answer_progress progress;
    uint64_t fed;
} flood;

static void begin_flood(flood *self, const char *head) {
    tecton_http_answer_init(&self->answer);
    tecton_http_answer_start(&self->answer, false);
    self->fed = strlen(head);
    size_t taken = 0;
    self->progress = tecton_http_answer_feed(&self->answer, (const uint8_t *)head, strlen(head), &taken);
}

/* Feeds `text` again and again for as long as more is wanted, `most_bytes` at most. */
static void pour(flood *self, const char *text, uint64_t most_bytes) {
    size_t len = strlen(text);
    for (uint64_t fed = 0; fed < most_bytes && self->progress == TECTON_ANSWER_MORE; fed += len) {
        size_t taken = 0;
        self->progress = tecton_http_answer_feed(&self->answer, (const uint8_t *)text, len, &taken);
        self->fed += taken;
    }
}

static void assert_overlong(const flood *self, uint64_t most_bytes) {
    assert_int_equal(self->progress, TECTON_ANSWER_BAD);
    assert_contains(self->answer.problem, "longer than is read");
    assert_true(self->fed <= most_bytes);
    assert_true(self->answer.line.capacity <= TECTON_HTTP_MAX_HEADER_BYTES);
    assert_true(self->answer.gather.capacity <= TECTON_HTTP_MAX_ANSWER_BYTES);
}

static void floods_end_at_their_bounds(void **state) {
    (void)state;
    static const uint64_t headers = TECTON_HTTP_MAX_HEADER_BYTES + 64;
    static const uint64_t bodies = TECTON_HTTP_MAX_ANSWER_BYTES + TECTON_HTTP_MAX_DROPPED_BYTES + 256;
    static const struct {
        const char *head;
        const char *text;
        uint64_t most_bytes;
        bool has_status;
    } cases[] = {
        {"HTTP/1.1 200 OK\r\n", "X: y\r\n", headers, false},
        {"HTTP/1.1 200 ", "OK", headers, false},
        {"", "HTTP/1.1 100 Continue\r\n\r\n", headers, false},
        {"HTTP/1.1 200 OK\r\n\r\n", "0123456789abcdef", bodies, true},
        {"HTTP/1.1 200 OK\r\nContent-Length: 1073741824\r\n\r\n", "0123456789abcdef", bodies, true},
        {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", "8\r\nxxxxxxxx\r\n", bodies * 2, true},
        {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", "1;an-extension-of-some-length=1\r\nx\r\n",
         headers * 3, true},
        {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1;", "endless", headers + 64, true},
        {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n", "X-Trailer: y\r\n", headers + 64, true},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        flood self;
        begin_flood(&self, cases[i].head);
        pour(&self, cases[i].text, (uint64_t)1 << 26);
        assert_overlong(&self, cases[i].most_bytes);
        assert_int_equal(self.answer.has_head, cases[i].has_status);
        tecton_http_answer_cleanup(&self.answer);
    }
}

static void a_body_at_its_bound_is_whole_and_one_byte_more_is_cut(void **state) {
    (void)state;
    for (int more = 0; more < 2; more++) {
        char head[128];
        (void)snprintf(head, sizeof head, "HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n",
                       TECTON_HTTP_MAX_ANSWER_BYTES + more);
        flood self;
        begin_flood(&self, head);
        pour(&self, "0123456789abcdef", TECTON_HTTP_MAX_ANSWER_BYTES);
        pour(&self, "!", 1);
        assert_int_equal(self.progress, TECTON_ANSWER_COMPLETE);
        assert_int_equal(self.answer.body_len, TECTON_HTTP_MAX_ANSWER_BYTES);
        assert_int_equal(self.answer.body_cut, more == 1);
        assert_true(self.answer.keeps_connection);
        tecton_http_answer_cleanup(&self.answer);
    }
}

static void a_body_that_lies_in_one_piece_is_not_copied(void **state) {
    (void)state;
    static const char head[] = "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\n";
    static const char body[] = "body";
    tecton_http_answer answer;
    tecton_http_answer_init(&answer);
    tecton_http_answer_start(&answer, false);
    size_t taken = 0;
    assert_int_equal(tecton_http_answer_feed(&answer, (const uint8_t *)head, sizeof head - 1, &taken),
                     TECTON_ANSWER_MORE);
    assert_int_equal(tecton_http_answer_feed(&answer, (const uint8_t *)body, 4, &taken), TECTON_ANSWER_COMPLETE);
    assert_ptr_equal(answer.body, body);
    assert_null(answer.gather.data);
    tecton_http_answer_cleanup(&answer);
}

static void a_secret_body_is_gathered_where_it_stays(void **state) {
    (void)state;
    flood self;
    tecton_http_answer_init(&self.answer);
    tecton_http_answer_start(&self.answer, true);
    self.progress = TECTON_ANSWER_MORE;
    self.fed = 0;
    const uint8_t *place = self.answer.gather.data;
    assert_non_null(place);
    pour(&self, "HTTP/1.1 200 OK\r\n\r\n", 1);
    pour(&self, "0123456789abcdef", TECTON_HTTP_MAX_ANSWER_BYTES * 2);
    assert_ptr_equal(self.answer.gather.data, place);
    assert_int_equal(tecton_http_answer_end(&self.answer), TECTON_ANSWER_COMPLETE);
    assert_ptr_equal(self.answer.body, place);
    tecton_http_answer_cleanup(&self.answer);
}

static void one_reader_reads_answer_after_answer(void **state) {
    (void)state;
    static const char *const answers[] = {"HTTP/1.0 503 X\r\nRetry-After: 3\r\n\r\nfirst",
                                          "HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nsecond"};
    tecton_http_answer answer;
    tecton_http_answer_init(&answer);
    for (size_t i = 0; i < 2; i++) {
        tecton_http_answer_start(&answer, false);
        for (const char *c = answers[i]; *c != '\0'; c++) {
            size_t taken = 0;
            (void)tecton_http_answer_feed(&answer, (const uint8_t *)c, 1, &taken);
        }
        assert_int_equal(tecton_http_answer_end(&answer), TECTON_ANSWER_COMPLETE);
        assert_memory_equal(answer.body, i == 0 ? "first" : "second", answer.body_len);
        assert_string_equal(answer.retry_after, i == 0 ? "3" : "");
        assert_int_equal(answer.keeps_connection, i == 1);
    }
    tecton_http_answer_cleanup(&answer);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_answer_is_the_same_however_it_is_cut),
        cmocka_unit_test(chunks_are_put_together),
        cmocka_unit_test(a_body_without_a_length_ends_with_the_connection),
        cmocka_unit_test(statuses_without_a_body_end_with_their_head),
        cmocka_unit_test(interim_answers_leave_nothing_behind),
        cmocka_unit_test(bytes_behind_an_answer_are_not_taken),
        cmocka_unit_test(the_connection_is_kept_as_the_headers_say),
        cmocka_unit_test(header_names_have_no_case_and_values_no_blanks),
        cmocka_unit_test(lines_may_end_without_a_carriage_return),
        cmocka_unit_test(what_is_not_http_is_refused_before_a_status),
        cmocka_unit_test(headers_that_are_none_are_refused),
        cmocka_unit_test(lengths_that_are_none_or_differ_are_refused),
        cmocka_unit_test(chunks_that_are_none_are_refused_but_leave_the_status),
        cmocka_unit_test(a_body_that_breaks_off_is_kept_as_far_as_it_came),
        cmocka_unit_test(floods_end_at_their_bounds),
        cmocka_unit_test(a_body_at_its_bound_is_whole_and_one_byte_more_is_cut),
        cmocka_unit_test(a_body_that_lies_in_one_piece_is_not_copied),
        cmocka_unit_test(a_secret_body_is_gathered_where_it_stays),
        cmocka_unit_test(one_reader_reads_answer_after_answer),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
