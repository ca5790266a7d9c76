#include "worker/http/http_answer.h"

#include <string.h>
#include <strings.h>

enum { MAX_CHUNK_DIGITS = 16, MAX_LENGTH_DIGITS = 18 /* below 2^63 */ };

static const char overlong[] = "the answer is longer than is read";

void tecton_http_answer_init(tecton_http_answer *answer) {
    memset(answer, 0, sizeof *answer);
    beamc_byte_buffer_init(&answer->line, TECTON_HTTP_MAX_HEADER_BYTES);
    beamc_byte_buffer_init(&answer->gather, TECTON_HTTP_MAX_ANSWER_BYTES);
}

void tecton_http_answer_cleanup(tecton_http_answer *answer) {
    if (answer->secret && answer->gather.data != NULL)
        explicit_bzero(answer->gather.data, answer->gather.capacity);
    beamc_byte_buffer_cleanup(&answer->line);
    beamc_byte_buffer_cleanup(&answer->gather);
}

void tecton_http_answer_start(tecton_http_answer *answer, bool secret) {
    if (answer->line.data != NULL || answer->gather.data != NULL)
        tecton_http_answer_cleanup(answer);
    tecton_http_answer_init(answer);
    answer->secret = secret;
    if (secret)
        (void)beamc_byte_buffer_reserve(&answer->gather, TECTON_HTTP_MAX_ANSWER_BYTES);
}

static void refuse(tecton_http_answer *answer, const char *problem) {
    answer->part = TECTON_ANSWER_REFUSED;
    answer->problem = problem;
}

static bool is_blank(uint8_t c) {
    return c == ' ' || c == '\t';
}

static bool is_digit(uint8_t c) {
    return c >= '0' && c <= '9';
}

/* A line, or a part of one: borrowed bytes without their end. */
typedef struct {
    const uint8_t *data;
    size_t len;
} text;

static bool text_is(text value, const char *word, size_t word_len) {
    return value.len == word_len && strncasecmp((const char *)value.data, word, word_len) == 0;
}

#define IS(value, word) text_is((value), (word), sizeof(word) - 1)

static text trim(text value) {
    while (value.len > 0 && is_blank(value.data[0])) {
        value.data++;
        value.len--;
    }
    while (value.len > 0 && is_blank(value.data[value.len - 1]))
        value.len--;
    return value;
}

/* ---- head ---- */

static void begin_head(tecton_http_answer *answer) {
    answer->has_length = false;
    answer->chunked = false;
    answer->says_close = false;
    answer->says_keep_alive = false;
    answer->retry_after[0] = '\0';
    answer->left = 0;
}

/* "HTTP/1.1 200 OK"; the words, and the space before them, may be missing. */
static void read_status_line(tecton_http_answer *answer, text line) {
    begin_head(answer);
    if (line.len < 5 || memcmp(line.data, "HTTP/", 5) != 0) {
        refuse(answer, "the answer is not HTTP");
        return;
    }
    if (line.len < 9 || memcmp(line.data + 5, "1.", 2) != 0 || (line.data[7] != '0' && line.data[7] != '1') ||
        line.data[8] != ' ') {
        refuse(answer, "the answer's version of HTTP is not 1.0 or 1.1");
        return;
    }
    const uint8_t *digits = line.data + 9;
    if (line.len < 12 || digits[0] < '1' || digits[0] > '9' || !is_digit(digits[1]) || !is_digit(digits[2]) ||
        (line.len > 12 && digits[3] != ' ')) {
        refuse(answer, "the answer has no proper status");
        return;
    }
    answer->old_version = line.data[7] == '0';
    answer->status = (digits[0] - '0') * 100 + (digits[1] - '0') * 10 + (digits[2] - '0');
    if (answer->status == 101)
        refuse(answer, "the answer changes to a protocol that was not asked for");
    else
        answer->part = TECTON_ANSWER_HEADER_LINE;
}

static void take_length(tecton_http_answer *answer, text value) {
    uint64_t length = 0;
    bool good = value.len > 0;
    size_t at = 0;
    while (at + 1 < value.len && value.data[at] == '0')
        at++;
    good = good && value.len - at <= MAX_LENGTH_DIGITS;
    for (; good && at < value.len; at++) {
        good = is_digit(value.data[at]);
        length = length * 10 + (uint64_t)(value.data[at] - '0');
    }
    if (!good)
        refuse(answer, "the answer's Content-Length is not a number");
    else if (answer->has_length && answer->left != length)
        refuse(answer, "the answer has two lengths");
    answer->has_length = true;
    answer->left = length;
}

static void take_encoding(tecton_http_answer *answer, text value) {
    if (answer->chunked || !IS(value, "chunked"))
        refuse(answer, "the answer has a transfer encoding that was not asked for");
    answer->chunked = true;
}

/* Words between commas; "close" has the last word. */
static void take_connection(tecton_http_answer *answer, text value) {
    while (value.len > 0) {
        const uint8_t *comma = memchr(value.data, ',', value.len);
        size_t word_len = comma == NULL ? value.len : (size_t)(comma - value.data);
        text word = trim((text){value.data, word_len});
        if (IS(word, "close"))
            answer->says_close = true;
        else if (IS(word, "keep-alive"))
            answer->says_keep_alive = true;
        size_t used = comma == NULL ? word_len : word_len + 1;
        value.data += used;
        value.len -= used;
    }
}

static void take_retry_after(tecton_http_answer *answer, text value) {
    size_t len = value.len < sizeof answer->retry_after ? value.len : 0; /* no date is that long */
    if (len > 0)
        memcpy(answer->retry_after, value.data, len);
    answer->retry_after[len] = '\0';
}

/* "Name: value". A line that goes on with the one before (obs-fold) begins with a blank, which no name does. */
static bool split_header(text line, text *name, text *value) {
    const uint8_t *colon = memchr(line.data, ':', line.len);
    if (colon == NULL || colon == line.data)
        return false;
    *name = (text){line.data, (size_t)(colon - line.data)};
    for (size_t i = 0; i < name->len; i++) {
        if (name->data[i] <= ' ' || name->data[i] == 0x7f)
            return false;
    }
    *value = trim((text){colon + 1, line.len - name->len - 1});
    return memchr(value->data, '\0', value->len) == NULL && memchr(value->data, '\r', value->len) == NULL;
}

static void end_head(tecton_http_answer *answer) {
    if (answer->status < 200) { /* another head follows */
        answer->part = TECTON_ANSWER_STATUS_LINE;
        return;
    }
    answer->has_head = true;
    bool lives = answer->old_version ? answer->says_keep_alive && !answer->says_close : !answer->says_close;
    /* Both ways to say a length: chunks are right, but whoever sends both is not to be trusted with another request
     * (RFC 9112, 6.3). */
    answer->keeps_connection = lives && !(answer->chunked && answer->has_length);
    if (answer->status == 204 || answer->status == 304) {
        answer->part = TECTON_ANSWER_AT_END;
    } else if (answer->chunked) {
        answer->part = TECTON_ANSWER_CHUNK_SIZE;
    } else if (answer->has_length) {
        answer->part = answer->left == 0 ? TECTON_ANSWER_AT_END : TECTON_ANSWER_BODY_OF_LENGTH;
    } else {
        answer->keeps_connection = false;
        answer->part = TECTON_ANSWER_BODY_TO_CLOSE;
    }
}

static void read_header_line(tecton_http_answer *answer, text line) {
    text name;
    text value;
    if (line.len == 0) {
        end_head(answer);
        return;
    }
    if (!split_header(line, &name, &value)) {
        refuse(answer, "the answer has a header line that is none");
        return;
    }
    switch (name.len) {
    case sizeof "Content-Length" - 1:
        if (IS(name, "Content-Length"))
            take_length(answer, value);
        break;
    case sizeof "Transfer-Encoding" - 1:
        if (IS(name, "Transfer-Encoding"))
            take_encoding(answer, value);
        break;
    case sizeof "Connection" - 1:
        if (IS(name, "Connection"))
            take_connection(answer, value);
        break;
    case sizeof "Proxy-Connection" - 1: /* what old proxies say in its place */
        if (IS(name, "Proxy-Connection"))
            take_connection(answer, value);
        break;
    case sizeof "Retry-After" - 1:
        if (IS(name, "Retry-After"))
            take_retry_after(answer, value);
        break;
    default:
        break;
    }
}

/* ---- body ---- */

static void gather_run(tecton_http_answer *answer) {
    if (answer->run_len > 0)
        (void)beamc_byte_buffer_append(&answer->gather, answer->run, answer->run_len);
    answer->run = NULL;
    answer->run_len = 0;
}

/* Body bytes: kept where they lie for as long as they lie together. */
static void take_body(tecton_http_answer *answer, const uint8_t *data, size_t len) {
    size_t have = answer->gather.len + answer->run_len;
    size_t room = TECTON_HTTP_MAX_ANSWER_BYTES - have;
    size_t kept = len < room ? len : room;
    if (kept > 0 && answer->run_len > 0 && answer->run + answer->run_len != data)
        gather_run(answer);
    if (kept > 0 && answer->run_len == 0)
        answer->run = data;
    answer->run_len += kept;
    answer->dropped_bytes += len - kept;
    answer->body_cut = answer->dropped_bytes > 0;
    if (answer->dropped_bytes > TECTON_HTTP_MAX_DROPPED_BYTES)
        refuse(answer, overlong);
}

/* "1a2b;extension". The extension counts as header bytes, which bounds it. */
static void read_chunk_size(tecton_http_answer *answer, text line) {
    uint64_t size = 0;
    size_t at = 0;
    for (; at < line.len; at++) {
        uint8_t c = line.data[at] | 0x20; /* letters in lower case; digits as they are */
        uint8_t digit = is_digit(line.data[at]) ? (uint8_t)(line.data[at] - '0')
                        : c >= 'a' && c <= 'f'  ? (uint8_t)(c - 'a' + 10)
                                                : 16;
        if (digit == 16)
            break;
        size = size * 16 + digit;
    }
    text after = trim((text){line.data + at, line.len - at});
    if (at == 0 || at > MAX_CHUNK_DIGITS || (after.len > 0 && after.data[0] != ';')) {
        refuse(answer, "the answer has a chunk without a proper size");
        return;
    }
    answer->left = size;
    answer->part = size == 0 ? TECTON_ANSWER_TRAILER : TECTON_ANSWER_CHUNK_DATA;
}

static void read_trailer(tecton_http_answer *answer, text line) {
    text name;
    text value;
    if (line.len == 0)
        answer->part = TECTON_ANSWER_AT_END;
    else if (!split_header(line, &name, &value))
        refuse(answer, "the answer has a trailer line that is none");
}

static void read_line(tecton_http_answer *answer, text line) {
    switch (answer->part) {
    case TECTON_ANSWER_STATUS_LINE:
        read_status_line(answer, line);
        break;
    case TECTON_ANSWER_HEADER_LINE:
        read_header_line(answer, line);
        break;
    case TECTON_ANSWER_CHUNK_SIZE:
        read_chunk_size(answer, line);
        break;
    case TECTON_ANSWER_CHUNK_END:
        if (line.len > 0)
            refuse(answer, "the answer has a chunk that is longer than its size");
        else
            answer->part = TECTON_ANSWER_CHUNK_SIZE;
        break;
    default: /* TECTON_ANSWER_TRAILER: the other parts have no lines */
        read_trailer(answer, line);
        break;
    }
}

/* How much of a line of `len` bytes counts against the bound of all headers: of a chunk, what is not its size. */
static uint64_t counted(const tecton_http_answer *answer, size_t len) {
    bool in_chunks = answer->part == TECTON_ANSWER_CHUNK_SIZE || answer->part == TECTON_ANSWER_CHUNK_END;
    size_t free_bytes = in_chunks ? MAX_CHUNK_DIGITS + 2 : 0;
    return len > free_bytes ? len - free_bytes : 0;
}

/* Takes a line, or the beginning of one. Returns how many bytes. */
static size_t feed_line(tecton_http_answer *answer, const uint8_t *data, size_t len) {
    const uint8_t *end = memchr(data, '\n', len);
    size_t taken = end == NULL ? len : (size_t)(end - data) + 1;
    uint64_t line_bytes = counted(answer, answer->line.len + taken);
    if (answer->header_bytes + line_bytes > TECTON_HTTP_MAX_HEADER_BYTES) {
        refuse(answer, overlong);
        return taken;
    }
    if (end == NULL) {
        (void)beamc_byte_buffer_append(&answer->line, data, taken);
        if (answer->line.failed)
            refuse(answer, overlong);
        return taken;
    }
    text line = {data, taken - 1};
    if (answer->line.len > 0) {
        if (!beamc_byte_buffer_append(&answer->line, data, taken - 1)) {
            refuse(answer, overlong);
            return taken;
        }
        line = (text){answer->line.data, answer->line.len};
    }
    if (line.len > 0 && line.data[line.len - 1] == '\r')
        line.len--;
    answer->header_bytes += line_bytes;
    read_line(answer, line);
    beamc_byte_buffer_clear(&answer->line);
    return taken;
}

static size_t feed_body(tecton_http_answer *answer, const uint8_t *data, size_t len) {
    if (answer->part == TECTON_ANSWER_BODY_TO_CLOSE) {
        take_body(answer, data, len);
        return len;
    }
    size_t part_len = answer->left < len ? (size_t)answer->left : len;
    bool in_chunk = answer->part == TECTON_ANSWER_CHUNK_DATA;
    answer->left -= part_len;
    if (answer->left == 0)
        answer->part = in_chunk ? TECTON_ANSWER_CHUNK_END : TECTON_ANSWER_AT_END;
    take_body(answer, data, part_len); /* last: it may refuse */
    return part_len;
}

static void show_body(tecton_http_answer *answer) {
    if (answer->gather.len > 0)
        gather_run(answer);
    answer->body = answer->run_len > 0 ? answer->run : answer->gather.data;
    answer->body_len = answer->run_len > 0 ? answer->run_len : answer->gather.len;
    if (answer->gather.failed)
        answer->body_cut = true;
}

tecton_answer_progress tecton_http_answer_feed(tecton_http_answer *answer, const uint8_t *data, size_t len,
                                               size_t *taken) {
    size_t at = 0;
    while (at < len && answer->part != TECTON_ANSWER_AT_END && answer->part != TECTON_ANSWER_REFUSED) {
        bool in_body = answer->part == TECTON_ANSWER_BODY_OF_LENGTH || answer->part == TECTON_ANSWER_BODY_TO_CLOSE ||
                       answer->part == TECTON_ANSWER_CHUNK_DATA;
        at += in_body ? feed_body(answer, data + at, len - at) : feed_line(answer, data + at, len - at);
    }
    *taken = at;
    answer->num_bytes += at;
    if (answer->part == TECTON_ANSWER_AT_END || answer->part == TECTON_ANSWER_REFUSED) {
        show_body(answer);
        return answer->part == TECTON_ANSWER_AT_END ? TECTON_ANSWER_COMPLETE : TECTON_ANSWER_BAD;
    }
    gather_run(answer); /* `data` is gone after this */
    return TECTON_ANSWER_MORE;
}

tecton_answer_progress tecton_http_answer_end(tecton_http_answer *answer) {
    if (answer->part == TECTON_ANSWER_BODY_TO_CLOSE)
        answer->part = TECTON_ANSWER_AT_END;
    else if (answer->part != TECTON_ANSWER_AT_END && answer->part != TECTON_ANSWER_REFUSED)
        refuse(answer, answer->num_bytes == 0 ? "the connection was closed without an answer"
                                              : "the connection was closed in the middle of the answer");
    show_body(answer);
    return answer->part == TECTON_ANSWER_AT_END ? TECTON_ANSWER_COMPLETE : TECTON_ANSWER_BAD;
}
