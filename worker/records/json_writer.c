#include "worker/records/json_writer.h"

#include "sdk_harness/base/clean_text.h"
#include "worker/records/decimal_digits.h"
#include "worker/records/shortest_decimal.h"

#include <string.h>

static const char hex_digits[] = "0123456789abcdef";

#define ONES  UINT64_C(0x0101010101010101)
#define HIGHS UINT64_C(0x8080808080808080)

/* A byte's high bit is set where the byte is below 0x20, a quote, a backslash or not ASCII. A borrow may also mark the
 * byte after such a one, never a byte before it, so the first mark is always right. */
static inline uint64_t marks_of(uint64_t word) {
    uint64_t quote = word ^ (ONES * '"');
    uint64_t backslash = word ^ (ONES * '\\');
    return ((word - ONES * 0x20) | (quote - ONES) | (backslash - ONES) | word) & HIGHS;
}

/* Writes the escape of one ASCII byte and returns its length, at most 6. */
static size_t escape(uint8_t byte, uint8_t *to) {
    static const char letters[] = "btn\0fr"; /* 0x08 .. 0x0D; 0x0B has none */
    to[0] = '\\';
    if (byte == '"' || byte == '\\') {
        to[1] = byte;
        return 2;
    }
    if (byte >= 0x08 && byte <= 0x0D && byte != 0x0B) {
        to[1] = (uint8_t)letters[byte - 0x08];
        return 2;
    }
    memcpy(to + 1, "u00", 3);
    to[4] = (uint8_t)hex_digits[byte >> 4];
    to[5] = (uint8_t)hex_digits[byte & 15];
    return 6;
}

bool tecton_json_string(beamc_byte_buffer *out, const uint8_t *text, size_t len, size_t *bad_byte) {
    /* Invariant: room for every byte that is left, unescaped, and the closing quote. */
    uint8_t *to = beamc_byte_buffer_reserve(out, len + 2);
    if (to == NULL)
        return true;
    const uint8_t *at = text;
    const uint8_t *end = text + len;
    *to++ = '"';
    while (at < end) {
        if (end - at >= 8) {
            uint64_t word = 0;
            memcpy(&word, at, 8);
            memcpy(to, &word, 8);
            uint64_t marks = marks_of(word);
            if (marks == 0) {
                at += 8;
                to += 8;
                continue;
            }
            size_t plain = (size_t)__builtin_ctzll(marks) / 8; /* little-endian: the first byte is lowest */
            at += plain;
            to += plain;
        }
        uint8_t byte = *at;
        if (byte >= 0x80) {
            size_t sequence = beamc_utf8_sequence(at, end);
            if (sequence == 0) {
                *bad_byte = (size_t)(at - text);
                return false;
            }
            memcpy(to, at, sequence);
            at += sequence;
            to += sequence;
        } else if (byte >= 0x20 && byte != '"' && byte != '\\') {
            *to++ = byte;
            at++;
        } else {
            uint8_t escaped[6];
            size_t escaped_len = escape(byte, escaped);
            at++;
            out->len = (size_t)(to - out->data);
            to = beamc_byte_buffer_reserve(out, escaped_len + (size_t)(end - at) + 1);
            if (to == NULL)
                return true;
            memcpy(to, escaped, escaped_len);
            to += escaped_len;
        }
    }
    *to++ = '"';
    out->len = (size_t)(to - out->data);
    return true;
}

/* Writes the digits of `value` so that they end before `end`; returns where they start. 20 bytes at most. */
static char *digits_before(char *end, uint64_t value) {
    while (value >= 100000000) {
        end -= 8;
        tecton_put_8_digits(end, (uint32_t)(value % 100000000));
        value /= 100000000;
    }
    uint32_t rest = (uint32_t)value;
    while (rest >= 100) {
        end -= 2;
        tecton_put_2_digits(end, rest % 100);
        rest /= 100;
    }
    if (rest >= 10) {
        end -= 2;
        tecton_put_2_digits(end, rest);
    } else {
        *--end = (char)('0' + rest);
    }
    return end;
}

static const uint64_t powers_of_ten[] = {1,
                                         10,
                                         100,
                                         1000,
                                         10000,
                                         100000,
                                         1000000,
                                         10000000,
                                         100000000,
                                         1000000000,
                                         10000000000,
                                         100000000000,
                                         1000000000000,
                                         10000000000000,
                                         100000000000000,
                                         1000000000000000,
                                         10000000000000000,
                                         100000000000000000,
                                         1000000000000000000,
                                         10000000000000000000U};

/* 1 for zero. */
static int count_digits(uint64_t value) {
    int bits = 64 - __builtin_clzll(value | 1);
    int guess = bits * 1233 >> 12; /* bits * log10(2), rounded down */
    return guess + (value >= powers_of_ten[guess] ? 1 : 0) + (value == 0 ? 1 : 0);
}

/* Writes `value` at `to` and returns the end. Numbers are written where they belong, not beside and copied: reading
 * back what small stores have just written stalls. */
static char *put_digits(char *to, uint64_t value) {
    char *end = to + count_digits(value);
    (void)digits_before(end, value);
    return end;
}

/* Writes exactly `places` digits, with zeros in front. */
static char *put_padded(char *to, uint64_t value, int places) {
    char *end = to + places;
    for (char *start = digits_before(end, value); start > to;)
        *--start = '0';
    return end;
}

enum { NUMBER_BYTES = 32 /* no number's text is longer */ };

void tecton_json_integer(beamc_byte_buffer *out, int64_t value) {
    char *to = (char *)beamc_byte_buffer_reserve(out, NUMBER_BYTES);
    if (to == NULL)
        return;
    char *start = to;
    *to = '-';
    to += value < 0 ? 1 : 0;
    to = put_digits(to, value < 0 ? 0 - (uint64_t)value : (uint64_t)value);
    out->len += (size_t)(to - start);
}

enum { MOST_PLAIN_DIGITS = 17, MOST_LEADING_ZEROS = 5 /* beyond, numbers have an exponent */ };

/* 25 bytes at most: a sign, 17 digits, a point, and an exponent of five or the zeros in front. */
static char *put_decimal(char *to, tecton_decimal decimal) {
    int num_digits = count_digits(decimal.digits);
    int point = num_digits + decimal.exponent;                 /* where it stands, counted from the first digit */
    if (decimal.exponent >= 0 && point <= MOST_PLAIN_DIGITS) { /* 1200.0 */
        to = put_digits(to, decimal.digits * powers_of_ten[decimal.exponent]);
        memcpy(to, ".0", 2);
        return to + 2;
    }
    if (point > 0 && point <= MOST_PLAIN_DIGITS) { /* 12.34 */
        uint64_t unit = powers_of_ten[-decimal.exponent];
        to = put_digits(to, decimal.digits / unit);
        *to++ = '.';
        return put_padded(to, decimal.digits % unit, -decimal.exponent);
    }
    if (point <= 0 && point >= -MOST_LEADING_ZEROS) { /* 0.0012 */
        memcpy(to, "0.", 2);
        return put_padded(to + 2, decimal.digits, num_digits - point);
    }
    uint64_t unit = powers_of_ten[num_digits - 1]; /* 1.2e-7, 1e22 */
    to = put_digits(to, decimal.digits / unit);
    if (num_digits > 1) {
        *to++ = '.';
        to = put_padded(to, decimal.digits % unit, num_digits - 1);
    }
    *to++ = 'e';
    int exponent = point - 1;
    *to = '-';
    to += exponent < 0 ? 1 : 0;
    return put_digits(to, (uint64_t)(exponent < 0 ? -exponent : exponent));
}

static char *put_whole(char *to, uint64_t whole) {
    to = put_digits(to, whole);
    memcpy(to, ".0", 2);
    return to + 2;
}

void tecton_json_double(beamc_byte_buffer *out, double value) {
    char *to = (char *)beamc_byte_buffer_reserve(out, NUMBER_BYTES);
    if (to == NULL)
        return;
    char *start = to;
    bool negative = __builtin_signbit(value) != 0;
    double magnitude = negative ? -value : value;
    *to = '-';
    to += negative ? 1 : 0;
    /* Up to 2^53 every whole double is its own digits; its shortest form would only drop digits that are zeros. */
    if (magnitude < 9007199254740992.0 && magnitude == (double)(uint64_t)magnitude)
        to = put_whole(to, (uint64_t)magnitude);
    else
        to = put_decimal(to, tecton_shortest_of_double(magnitude));
    out->len += (size_t)(to - start);
}

void tecton_json_float(beamc_byte_buffer *out, float value) {
    char *to = (char *)beamc_byte_buffer_reserve(out, NUMBER_BYTES);
    if (to == NULL)
        return;
    char *start = to;
    bool negative = __builtin_signbit(value) != 0;
    float magnitude = negative ? -value : value;
    *to = '-';
    to += negative ? 1 : 0;
    if (magnitude < 16777216.0F && magnitude == (float)(uint32_t)magnitude)
        to = put_whole(to, (uint32_t)magnitude);
    else
        to = put_decimal(to, tecton_shortest_of_float(magnitude));
    out->len += (size_t)(to - start);
}

void tecton_json_base64(beamc_byte_buffer *out, const uint8_t *bytes, size_t len) {
    static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    if (len > SIZE_MAX / 2) {
        out->failed = true;
        return;
    }
    uint8_t *to = beamc_byte_buffer_reserve(out, (len + 2) / 3 * 4 + 2);
    if (to == NULL)
        return;
    *to++ = '"';
    size_t i = 0;
    for (; i + 2 < len; i += 3) {
        uint32_t three = (uint32_t)bytes[i] << 16 | (uint32_t)bytes[i + 1] << 8 | bytes[i + 2];
        *to++ = (uint8_t)letters[three >> 18];
        *to++ = (uint8_t)letters[three >> 12 & 63];
        *to++ = (uint8_t)letters[three >> 6 & 63];
        *to++ = (uint8_t)letters[three & 63];
    }
    if (i < len) {
        bool two = i + 1 < len;
        uint32_t rest = (uint32_t)bytes[i] << 16 | (two ? (uint32_t)bytes[i + 1] << 8 : 0);
        *to++ = (uint8_t)letters[rest >> 18];
        *to++ = (uint8_t)letters[rest >> 12 & 63];
        *to++ = two ? (uint8_t)letters[rest >> 6 & 63] : '=';
        *to++ = '=';
    }
    *to++ = '"';
    out->len = (size_t)(to - out->data);
}

void tecton_json_uuid(beamc_byte_buffer *out, uint64_t high, uint64_t low) {
    enum { TEXT_BYTES = 38 };
    uint8_t *to = beamc_byte_buffer_reserve(out, TEXT_BYTES);
    if (to == NULL)
        return;
    *to++ = '"';
    for (unsigned digit = 0; digit < 32; digit++) {
        if (digit == 8 || digit == 12 || digit == 16 || digit == 20)
            *to++ = '-';
        uint64_t half = digit < 16 ? high : low;
        *to++ = (uint8_t)hex_digits[half >> (60 - 4 * (digit % 16)) & 15];
    }
    *to = '"';
    out->len += TEXT_BYTES;
}
