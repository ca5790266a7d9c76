/* Answers of a hostile server: whatever comes, the reader stays within its bounds and says the same however the bytes
 * are cut.
 *
 *     http_answer_fuzz [ROUNDS [SEED]]
 *
 * Mutates the answers below ROUNDS times (100,000: a second or two; under ASan some more), always in the same way for
 * the same SEED. Aborts at the first contradiction, with the bytes on stderr. LLVMFuzzerTestOneInput is libFuzzer's
 * entry: build with -fsanitize=fuzzer and -DWITHOUT_MAIN. */
#include "worker/http/http_answer.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static uint64_t random_state = 0x9e3779b97f4a7c15U;

/* xorshift64: the same on every machine. */
static uint64_t next_random(void) {
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    random_state ^= random_state << 17;
    return random_state;
}

static size_t below(size_t bound) {
    return bound == 0 ? 0 : (size_t)(next_random() % bound);
}

typedef struct {
    tecton_answer_progress progress;
    tecton_http_answer answer;
    uint8_t *last; /* the bytes fed last, where a body may lie */
    size_t taken;
} reading;

static void must(bool holds, const char *what, const uint8_t *data, size_t len) {
    if (holds)
        return;
    (void)fprintf(stderr, "http_answer_fuzz: %s with these %zu bytes:\n", what, len);
    (void)fwrite(data, 1, len, stderr);
    abort();
}

/* Feeds pieces of at most `most` bytes (0: all at once), each in memory of exactly its size, then the end. */
static void read_in_pieces(reading *self, const uint8_t *data, size_t len, size_t most) {
    *self = (reading){.progress = TECTON_ANSWER_MORE};
    tecton_http_answer_init(&self->answer);
    tecton_http_answer_start(&self->answer, false);
    for (size_t at = 0; at < len && self->progress == TECTON_ANSWER_MORE;) {
        size_t piece = most == 0 ? len : 1 + below(most);
        if (piece > len - at)
            piece = len - at;
        free(self->last);
        self->last = malloc(piece);
        memcpy(self->last, data + at, piece);
        size_t taken = 0;
        self->progress = tecton_http_answer_feed(&self->answer, self->last, piece, &taken);
        must(taken <= piece, "it took more than it was given", data, len);
        must(taken == piece || self->progress != TECTON_ANSWER_MORE, "it left bytes and wants more", data, len);
        self->taken += taken;
        at += piece;
    }
    if (self->progress == TECTON_ANSWER_MORE)
        self->progress = tecton_http_answer_end(&self->answer);
}

static void check_bounds(const reading *self, const uint8_t *data, size_t len) {
    const tecton_http_answer *answer = &self->answer;
    must(self->progress != TECTON_ANSWER_MORE, "it has no end", data, len);
    must(answer->body_len <= TECTON_HTTP_MAX_ANSWER_BYTES, "its body is too long", data, len);
    must(answer->line.capacity <= TECTON_HTTP_MAX_HEADER_BYTES, "it gathers lines without end", data, len);
    must(answer->gather.capacity <= TECTON_HTTP_MAX_ANSWER_BYTES, "it gathers bodies without end", data, len);
    must(memchr(answer->retry_after, '\0', sizeof answer->retry_after) != NULL, "Retry-After has no end", data, len);
    must(self->progress == TECTON_ANSWER_BAD || answer->has_head, "it is complete without a head", data, len);
    must(!answer->has_head || (answer->status >= 200 && answer->status <= 999), "its status is none", data, len);
    must((self->progress == TECTON_ANSWER_BAD) == (answer->problem != NULL), "its problem is missing", data, len);
    uint8_t sum = 0; /* every byte of the body can be read */
    for (size_t i = 0; i < answer->body_len; i++)
        sum = (uint8_t)(sum + answer->body[i]);
    (void)*(volatile uint8_t *)&sum;
}

static void check_same(const reading *one, const reading *other, const uint8_t *data, size_t len) {
    const tecton_http_answer *a = &one->answer;
    const tecton_http_answer *b = &other->answer;
    must(one->progress == other->progress, "cuts change how it ends", data, len);
    must(a->has_head == b->has_head && (!a->has_head || a->status == b->status), "cuts change the status", data, len);
    must(a->problem == b->problem, "cuts change the problem", data, len);
    must(strcmp(a->retry_after, b->retry_after) == 0, "cuts change Retry-After", data, len);
    must(a->body_len == b->body_len && (a->body_len == 0 || memcmp(a->body, b->body, a->body_len) == 0),
         "cuts change the body", data, len);
    if (one->progress == TECTON_ANSWER_COMPLETE) {
        must(one->taken == other->taken, "cuts change where it ends", data, len);
        must(a->keeps_connection == b->keeps_connection, "cuts change the connection's fate", data, len);
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
    check_bounds(&whole, data, len);
    for (size_t i = 1; i < sizeof pieces / sizeof pieces[0]; i++) {
        reading cut;
        read_in_pieces(&cut, data, len, pieces[i]);
        check_bounds(&cut, data, len);
        check_same(&whole, &cut, data, len);
        free_reading(&cut);
    }
    free_reading(&whole);
    return 0;
}

#ifndef WITHOUT_MAIN

static const char *const seeds[] = {
    "HTTP/1.1 200 OK\r\nServer: nginx\r\nContent-Type: application/json\r\nContent-Length: 2\r\n"
    "Connection: keep-alive\r\n\r\n{}",
    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n{\"a\":\r\n3;x=y\r\n12}\r\n0\r\nX-T: 1\r\n\r\n",
    "HTTP/1.1 429 Too Many\r\nRetry-After: 7\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{}",
    "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early\r\nLink: x\r\n\r\nHTTP/1.1 204 No Content\r\n\r\n",
    "HTTP/1.0 503 Busy\r\nRetry-After: Wed, 21 Oct 2015 07:28:05 GMT\r\n\r\nuntil the end",
    "HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 0\r\n\r\nHTTP/1.1 200 OK\r\n\r\n",
};

/* What mutations put in: where readers go wrong. */
static const char *const words[] = {"\r\n",
                                    "\n",
                                    "\r",
                                    "\r\n\r\n",
                                    "HTTP/1.1 ",
                                    "HTTP/1.1 100 X\r\n",
                                    "Content-Length: ",
                                    "Content-Length: 5\r\n",
                                    "Transfer-Encoding: chunked\r\n",
                                    "Connection: close\r\n",
                                    "Retry-After: 1\r\n",
                                    "18446744073709551615",
                                    "9223372036854775807",
                                    "ffffffffffffffff\r\n",
                                    "0\r\n\r\n",
                                    "-1",
                                    ": ",
                                    ";",
                                    ",",
                                    " "};

enum { MAX_INPUT_BYTES = 4096 };

static size_t insert(uint8_t *data, size_t len, const void *bytes, size_t num) {
    if (num > MAX_INPUT_BYTES - len)
        return len;
    size_t at = below(len + 1);
    memmove(data + at + num, data + at, len - at);
    memcpy(data + at, bytes, num);
    return len + num;
}

static size_t mutate(uint8_t *data, size_t len) {
    uint8_t copy[64];
    size_t at = below(len);
    size_t num = len == 0 ? 0 : 1 + below(len - at < sizeof copy ? len - at : sizeof copy);
    switch (below(6)) {
    case 0: { /* another byte */
        if (len > 0)
            data[at] = (uint8_t)next_random();
        return len;
    }
    case 1: /* a bit */
        if (len > 0)
            data[at] = (uint8_t)(data[at] ^ (1U << below(8)));
        return len;
    case 2: /* a part is missing */
        memmove(data + at, data + at + num, len - at - num);
        return len - num;
    case 3: /* a part comes twice */
        memcpy(copy, data + at, num);
        return insert(data, len, copy, num);
    case 4: { /* the end of another */
        const char *seed = seeds[below(sizeof seeds / sizeof seeds[0])];
        size_t from = below(strlen(seed));
        size_t tail = strlen(seed) - from;
        if (tail > MAX_INPUT_BYTES - at)
            tail = MAX_INPUT_BYTES - at;
        memcpy(data + at, seed + from, tail);
        return at + tail;
    }
    default: {
        const char *word = words[below(sizeof words / sizeof words[0])];
        return insert(data, len, word, strlen(word));
    }
    }
}

int main(int argc, char **argv) {
    unsigned long rounds = argc > 1 ? strtoul(argv[1], NULL, 10) : 100000;
    if (argc > 2)
        random_state = strtoull(argv[2], NULL, 10) | 1;
    static uint8_t data[MAX_INPUT_BYTES];
    for (unsigned long i = 0; i < rounds; i++) {
        const char *seed = seeds[below(sizeof seeds / sizeof seeds[0])];
        size_t len = strlen(seed);
        memcpy(data, seed, len);
        for (size_t times = 1 + below(8); times > 0; times--)
            len = mutate(data, len);
        (void)LLVMFuzzerTestOneInput(data, len);
    }
    return 0;
}

#endif
