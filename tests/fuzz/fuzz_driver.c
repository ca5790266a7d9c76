/* The main of a fuzz target where there is no libFuzzer: an ordinary test.
 *
 *     TARGET [--rounds=N] [--seed=S] [--dict=FILE] CORPUS_FILE...
 *
 * Feeds each file, each file cut short at every byte, and N random mutations (20,000), in the same way for the same
 * seed. When the target aborts, the bytes are in hexadecimal on stderr. */
#include "tests/fuzz/fuzz_target.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { MAX_INPUT_BYTES = 16 * 1024, MAX_FILES = 256, MAX_WORDS = 256, MAX_WORD_BYTES = 64, MAX_MUTATIONS = 8 };

typedef struct {
    uint8_t *bytes;
    size_t len;
} input;

static input files[MAX_FILES];
static size_t num_files;
static input words[MAX_WORDS];
static size_t num_words;
static const input *current; /* for the handler of SIGABRT */
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

static void show_input(int signal_number) {
    (void)signal_number;
    static const char digits[] = "0123456789abcdef";
    for (size_t i = 0; current != NULL && i < current->len; i++) {
        const char pair[2] = {digits[current->bytes[i] >> 4], digits[current->bytes[i] & 15]};
        if (write(STDERR_FILENO, pair, sizeof pair) < 0)
            return;
    }
    if (write(STDERR_FILENO, "\n", 1) < 0)
        return;
    signal(SIGABRT, SIG_DFL);
}

/* In memory of exactly its size, so that a sanitizer sees a read past its end. */
static void feed(const uint8_t *bytes, size_t len) {
    input exact = {.bytes = malloc(len == 0 ? 1 : len), .len = len};
    if (exact.bytes == NULL)
        exit(2);
    memcpy(exact.bytes, bytes, len);
    current = &exact;
    (void)LLVMFuzzerTestOneInput(exact.bytes, len);
    current = NULL;
    free(exact.bytes);
}

static input read_file(const char *path) {
    input read = {.bytes = malloc(MAX_INPUT_BYTES)};
    FILE *file = fopen(path, "rb");
    if (file == NULL || read.bytes == NULL) {
        (void)fprintf(stderr, "fuzz: %s cannot be read\n", path);
        exit(2);
    }
    read.len = fread(read.bytes, 1, MAX_INPUT_BYTES, file);
    (void)fclose(file);
    return read;
}

/* One line of libFuzzer's dictionary form: "text", with \\, \" and \xHH inside. */
static void read_word(const char *line) {
    const char *at = strchr(line, '"');
    const char *end = strrchr(line, '"');
    if (line[0] == '#' || at == NULL || end == at || num_words == MAX_WORDS)
        return;
    input *word = &words[num_words++];
    word->bytes = malloc(MAX_WORD_BYTES);
    for (at++; at < end && word->len < MAX_WORD_BYTES && word->bytes != NULL; at++) {
        if (*at != '\\') {
            word->bytes[word->len++] = (uint8_t)*at;
        } else if (at[1] == 'x') {
            const char hex[3] = {at[2], at[3], '\0'};
            word->bytes[word->len++] = (uint8_t)strtoul(hex, NULL, 16);
            at += 3;
        } else {
            word->bytes[word->len++] = (uint8_t) * ++at;
        }
    }
}

static void read_words(const char *path) {
    char line[512];
    FILE *file = fopen(path, "r");
    if (file == NULL) {
        (void)fprintf(stderr, "fuzz: %s cannot be read\n", path);
        exit(2);
    }
    while (fgets(line, sizeof line, file) != NULL)
        read_word(line);
    (void)fclose(file);
}

static size_t insert(uint8_t *data, size_t len, const uint8_t *bytes, size_t num) {
    if (num > MAX_INPUT_BYTES - len)
        return len;
    size_t at = below(len + 1);
    memmove(data + at + num, data + at, len - at);
    memcpy(data + at, bytes, num);
    return len + num;
}

/* Numbers at which lengths, counts and shifts go wrong, as varints and in fixed width. */
static size_t insert_number(uint8_t *data, size_t len) {
    static const uint8_t numbers[][10] = {
        {0x00},
        {0x7f},
        {0xff, 0x01},
        {0xff, 0xff, 0x03},
        {0xff, 0xff, 0xff, 0xff, 0x07},
        {0xff, 0xff, 0xff, 0xff, 0x0f},
        {0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01},
        {0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x01},
        {0x80, 0, 0, 0, 0, 0, 0, 0},
        {0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff},
    };
    static const size_t lens[] = {1, 1, 2, 3, 5, 5, 10, 10, 8, 8};
    size_t which = below(sizeof lens / sizeof lens[0]);
    if (len > lens[which] && below(2) == 0) {
        memcpy(data + below(len - lens[which]), numbers[which], lens[which]);
        return len;
    }
    return insert(data, len, numbers[which], lens[which]);
}

static size_t splice(uint8_t *data, size_t at, const input *other) {
    size_t from = below(other->len);
    size_t tail = other->len - from;
    if (tail > MAX_INPUT_BYTES - at)
        tail = MAX_INPUT_BYTES - at;
    memcpy(data + at, other->bytes + from, tail);
    return at + tail;
}

static size_t mutate(uint8_t *data, size_t len) {
    uint8_t copy[64];
    size_t at = below(len);
    size_t num = len == 0 ? 0 : 1 + below(len - at < sizeof copy ? len - at : sizeof copy);
    switch (below(num_words > 0 ? 8 : 7)) {
    case 0:
        if (len > 0)
            data[at] = (uint8_t)next_random();
        return len;
    case 1:
        if (len > 0)
            data[at] = (uint8_t)(data[at] ^ (1U << below(8)));
        return len;
    case 2:
        memmove(data + at, data + at + num, len - at - num);
        return len - num;
    case 3:
        memcpy(copy, data + at, num);
        return insert(data, len, copy, num);
    case 4:
        return splice(data, at, &files[below(num_files)]);
    case 5:
        return insert_number(data, len);
    case 6: /* one more or less: a length that lies */
        if (len > 0)
            data[at] = (uint8_t)(data[at] + (below(2) == 0 ? 1 : 255));
        return len;
    default: {
        const input *word = &words[below(num_words)];
        return insert(data, len, word->bytes, word->len);
    }
    }
}

int main(int argc, char **argv) {
    unsigned long rounds = 20000;
    for (int i = 1; i < argc; i++) {
        if (strncmp(argv[i], "--rounds=", 9) == 0)
            rounds = strtoul(argv[i] + 9, NULL, 10);
        else if (strncmp(argv[i], "--seed=", 7) == 0)
            random_state = strtoull(argv[i] + 7, NULL, 10) * 0x9e3779b97f4a7c15U | 1;
        else if (strncmp(argv[i], "--dict=", 7) == 0)
            read_words(argv[i] + 7);
        else if (num_files < MAX_FILES)
            files[num_files++] = read_file(argv[i]);
    }
    if (num_files == 0) {
        (void)fputs("fuzz: no corpus is given\n", stderr);
        return 2;
    }
    signal(SIGABRT, show_input);
    unsigned long num_cuts = 0;
    for (size_t i = 0; i < num_files; i++)
        for (size_t len = 0; len <= files[i].len; len++, num_cuts++)
            feed(files[i].bytes, len);
    static uint8_t data[MAX_INPUT_BYTES];
    for (unsigned long i = 0; i < rounds; i++) {
        const input *seed = &files[below(num_files)];
        size_t len = seed->len;
        memcpy(data, seed->bytes, len);
        for (size_t times = 1 + below(MAX_MUTATIONS); times > 0; times--)
            len = mutate(data, len);
        feed(data, len);
    }
    printf("%zu files, %lu cuts of them, %lu mutations\n", num_files, num_cuts, rounds);
    for (size_t i = 0; i < num_files; i++)
        free(files[i].bytes);
    for (size_t i = 0; i < num_words; i++)
        free(words[i].bytes);
    return 0;
}
