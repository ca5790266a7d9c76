/* Answers of a hostile server: whatever comes, the reader stays within its bounds and says the same however the bytes
 * are cut. */
#include "tests/fuzz/fuzz_target.h"
#include "worker/http/http_answer.h"

#include <stdlib.h>
#include <string.h>

typedef struct {
    tecton_answer_progress progress;
    tecton_http_answer answer;
    uint8_t *last; /* the bytes fed last, where a body may lie */
    size_t taken;
} reading;

/* Feeds pieces of at most `most` bytes (0: all at once), each in memory of exactly its size, then the end. */
static void read_in_pieces(reading *self, const uint8_t *data, size_t len, size_t most) {
    *self = (reading){.progress = TECTON_ANSWER_MORE};
    tecton_http_answer_init(&self->answer);
    tecton_http_answer_start(&self->answer, false);
    for (size_t at = 0; at < len && self->progress == TECTON_ANSWER_MORE;) {
        size_t piece = most == 0 ? len : most;
        if (piece > len - at)
            piece = len - at;
        free(self->last);
        self->last = malloc(piece);
        memcpy(self->last, data + at, piece);
        size_t taken = 0;
        self->progress = tecton_http_answer_feed(&self->answer, self->last, piece, &taken);
        fuzz_must(taken <= piece, "it took more than it was given");
        fuzz_must(taken == piece || self->progress != TECTON_ANSWER_MORE, "it left bytes and wants more");
        self->taken += taken;
        at += piece;
    }
    if (self->progress == TECTON_ANSWER_MORE)
        self->progress = tecton_http_answer_end(&self->answer);
}

static void check_bounds(const reading *self) {
    const tecton_http_answer *answer = &self->answer;
    fuzz_must(self->progress != TECTON_ANSWER_MORE, "it has no end");
    fuzz_must(answer->body_len <= TECTON_HTTP_MAX_ANSWER_BYTES, "its body is too long");
    fuzz_must(answer->line.capacity <= TECTON_HTTP_MAX_HEADER_BYTES, "it gathers lines without end");
    fuzz_must(answer->gather.capacity <= TECTON_HTTP_MAX_ANSWER_BYTES, "it gathers bodies without end");
    fuzz_must(memchr(answer->retry_after, '\0', sizeof answer->retry_after) != NULL, "Retry-After has no end");
    fuzz_must(self->progress == TECTON_ANSWER_BAD || answer->has_head, "it is complete without a head");
    fuzz_must(!answer->has_head || (answer->status >= 200 && answer->status <= 999), "its status is none");
    fuzz_must((self->progress == TECTON_ANSWER_BAD) == (answer->problem != NULL), "its problem is missing");
    uint8_t sum = 0; /* every byte of the body can be read */
    for (size_t i = 0; i < answer->body_len; i++)
        sum = (uint8_t)(sum + answer->body[i]);
    (void)*(volatile uint8_t *)&sum;
}

static void check_same(const reading *one, const reading *other) {
    const tecton_http_answer *a = &one->answer;
    const tecton_http_answer *b = &other->answer;
    fuzz_must(one->progress == other->progress, "cuts change how it ends");
    fuzz_must(a->has_head == b->has_head && (!a->has_head || a->status == b->status), "cuts change the status");
    fuzz_must(a->problem == b->problem, "cuts change the problem");
    fuzz_must(strcmp(a->retry_after, b->retry_after) == 0, "cuts change Retry-After");
    fuzz_must(a->body_len == b->body_len && (a->body_len == 0 || memcmp(a->body, b->body, a->body_len) == 0),
              "cuts change the body");
    if (one->progress == TECTON_ANSWER_COMPLETE) {
        fuzz_must(one->taken == other->taken, "cuts change where it ends");
        fuzz_must(a->keeps_connection == b->keeps_connection, "cuts change the connection's fate");
    }
}

static void free_reading(reading *self) {
    tecton_http_answer_cleanup(&self->answer);
    free(self->last);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len) {
    static const size_t pieces[] = {0, 1, 7, 100};
    reading whole;
    read_in_pieces(&whole, data, len, pieces[0]);
    check_bounds(&whole);
    for (size_t i = 1; i < sizeof pieces / sizeof pieces[0]; i++) {
        reading cut;
        read_in_pieces(&cut, data, len, pieces[i]);
        check_bounds(&cut);
        check_same(&whole, &cut);
        free_reading(&cut);
    }
    free_reading(&whole);
    return 0;
}
