#include "worker/records/json_writer.h"

#include "worker/records/shortest_decimal.h"

#include <string.h>

/* Two digits at once: "00", "01", ... "99". */
static const char two_digits[200] = "0001020304050607080910111213141516171819202122232425262728293031323334353637383940"
                                    "4142434445464748495051525354555657585960616263646566676869707172737475767778798081"
                                    "8283848586878889"
                                    "90919293949596979899";

#define ONES  UINT64_C(0x0101010101010101)
#define HIGHS UINT64_C(0x8080808080808080)

/* A byte's high bit is set where the byte is below 0x20, a quote, a backslash or not ASCII. A borrow may also mark the
 * byte after such a one, never a byte before it, so the first mark is always right. */
static inline uint64_t marks_of(uint64_t word) {
    uint64_t quote = word ^ (ONES * '"');
    uint64_t backslash = word ^ (ONES * '\\');
    return ((word - ONES * 0x20) | (quote - ONES) | (backslash - ONES) | word) & HIGHS;
}

/* Length of the strict UTF-8 sequence at `at`, 0 when there is none. RFC 3629 section 4. */
static size_t utf8_sequence(const uint8_t *at, const uint8_t *end) {
    uint8_t lead = at[0];
    size_t have = (size_t)(end - at);
    if (lead < 0xC2)
        return 0; /* a continuation, or an overlong form of ASCII */
    if (lead < 0xE0)
        return have >= 2 && (at[1] & 0xC0) == 0x80 ? 2 : 0;
    if (lead < 0xF0) {
        uint8_t lowest = lead == 0xE0 ? 0xA0 : 0x80;  /* else overlong */
        uint8_t highest = lead == 0xED ? 0x9F : 0xBF; /* else a surrogate */
        return have >= 3 && at[1] >= lowest && at[1] <= highest && (at[2] & 0xC0) == 0x80 ? 3 : 0;
    }
    if (lead < 0xF5) {
        uint8_t lowest = lead == 0xF0 ? 0x90 : 0x80;
        uint8_t highest = lead == 0xF4 ? 0x8F : 0xBF; /* else past U+10FFFF */
        return have >= 4 && at[1] >= lowest && at[1] <= highest && (at[2] & 0xC0) == 0x80 && (at[3] & 0xC0) == 0x80 ? 4
                                                                                                                    : 0;
    }
    return 0;
}

/* Writes the escape of one ASCII byte and returns its length, at most 6. */
static size_t escape(uint8_t byte, uint8_t *to) {
    static const char letters[] = "btn\0fr"; /* 0x08 .. 0x0D; 0x0B has none */
    static const char hex[] = "0123456789abcdef";
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
    to[4] = (uint8_t)hex[byte >> 4];
    to[5] = (uint8_t)hex[byte & 15];
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
            size_t sequence = utf8_sequence(at, end);
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
    while (value >= 100) {
        end -= 2;
        memcpy(end, two_digits + value % 100 * 2, 2);
        value /= 100;
    }
    if (value >= 10) {
        end -= 2;
        memcpy(end, two_digits + value * 2, 2);
    } else {
        *--end = (char)('0' + value);
    }
    return end;
}

void tecton_json_integer(beamc_byte_buffer *out, int64_t value) {
    char text[24];
    char *end = text + sizeof text;
    char *start = digits_before(end, value < 0 ? 0 - (uint64_t)value : (uint64_t)value);
    if (value < 0)
        *--start = '-';
    beamc_byte_buffer_append(out, start, (size_t)(end - start));
}

enum { MOST_PLAIN_DIGITS = 17, MOST_LEADING_ZEROS = 5 /* beyond, numbers have an exponent */ };

/* 17 digits of `digits`, 24 bytes of text at most. */
static void append_decimal(beamc_byte_buffer *out, bool negative, tecton_decimal decimal) {
    char text[32];
    char *to = text;
    char digits[24];
    char *end = digits + sizeof digits;
    const char *start = digits_before(end, decimal.digits);
    int num_digits = (int)(end - start);
    int point = num_digits + decimal.exponent; /* where it stands, counted from the first digit */
    if (negative)
        *to++ = '-';
    if (decimal.exponent >= 0 && point <= MOST_PLAIN_DIGITS) { /* 1200.0 */
        memcpy(to, start, (size_t)num_digits);
        memset(to + num_digits, '0', (size_t)decimal.exponent);
        to += point;
        memcpy(to, ".0", 2);
        to += 2;
    } else if (point > 0 && point <= MOST_PLAIN_DIGITS) { /* 12.34 */
        memcpy(to, start, (size_t)point);
        to[point] = '.';
        memcpy(to + point + 1, start + point, (size_t)(num_digits - point));
        to += num_digits + 1;
    } else if (point <= 0 && point >= -MOST_LEADING_ZEROS) { /* 0.0012 */
        memcpy(to, "0.00000", 7);
        to += 2 - point;
        memcpy(to, start, (size_t)num_digits);
        to += num_digits;
    } else { /* 1.2e-7, 1e22 */
        *to++ = *start;
        if (num_digits > 1) {
            *to++ = '.';
            memcpy(to, start + 1, (size_t)num_digits - 1);
            to += num_digits - 1;
        }
        *to++ = 'e';
        int exponent = point - 1;
        if (exponent < 0)
            *to++ = '-';
        char *exponent_start = digits_before(end, (uint64_t)(exponent < 0 ? -exponent : exponent));
        memcpy(to, exponent_start, (size_t)(end - exponent_start));
        to += end - exponent_start;
    }
    beamc_byte_buffer_append(out, text, (size_t)(to - text));
}

static void append_whole(beamc_byte_buffer *out, bool negative, uint64_t whole) {
    char text[24];
    char *end = text + sizeof text - 2;
    memcpy(end, ".0", 2);
    char *start = digits_before(end, whole);
    if (negative)
        *--start = '-';
    beamc_byte_buffer_append(out, start, (size_t)(end + 2 - start));
}

void tecton_json_double(beamc_byte_buffer *out, double value) {
    bool negative = __builtin_signbit(value) != 0;
    double magnitude = negative ? -value : value;
    /* Up to 2^53 every whole double is its own digits; its shortest form would only drop digits that are zeros. */
    if (magnitude < 9007199254740992.0 && magnitude == (double)(uint64_t)magnitude)
        append_whole(out, negative, (uint64_t)magnitude);
    else
        append_decimal(out, negative, tecton_shortest_of_double(magnitude));
}

void tecton_json_float(beamc_byte_buffer *out, float value) {
    bool negative = __builtin_signbit(value) != 0;
    float magnitude = negative ? -value : value;
    if (magnitude < 16777216.0F && magnitude == (float)(uint32_t)magnitude)
        append_whole(out, negative, (uint32_t)magnitude);
    else
        append_decimal(out, negative, tecton_shortest_of_float(magnitude));
}

enum { SECONDS_A_DAY = 86400 };
#define FIRST_SECOND INT64_C(-62135596800) /* 0001-01-01T00:00:00Z */
#define LAST_SECOND  INT64_C(253402300799) /* 9999-12-31T23:59:59Z */

bool tecton_json_timestamp(beamc_byte_buffer *out, int64_t seconds, uint32_t nanos, unsigned fraction_digits) {
    if (seconds < FIRST_SECOND || seconds > LAST_SECOND)
        return false;
    /* Days of the proleptic Gregorian calendar, counted from 0000-03-01 so that leap days end a year. */
    uint64_t shifted = (uint64_t)(seconds + INT64_C(719468) * SECONDS_A_DAY);
    uint32_t days = (uint32_t)(shifted / SECONDS_A_DAY);
    uint32_t second_of_day = (uint32_t)(shifted % SECONDS_A_DAY);
    uint32_t era = days / 146097;
    uint32_t day_of_era = days % 146097;
    uint32_t year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
    uint32_t day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    uint32_t march_month = (5 * day_of_year + 2) / 153;
    uint32_t day = day_of_year - (153 * march_month + 2) / 5 + 1;
    uint32_t month = march_month < 10 ? march_month + 3 : march_month - 9;
    uint32_t year = era * 400 + year_of_era + (month <= 2 ? 1 : 0);

    char text[40] = "\"0000-00-00T00:00:00.";
    memcpy(text + 1, two_digits + year / 100 * 2, 2);
    memcpy(text + 3, two_digits + year % 100 * 2, 2);
    memcpy(text + 6, two_digits + month * 2, 2);
    memcpy(text + 9, two_digits + day * 2, 2);
    memcpy(text + 12, two_digits + second_of_day / 3600 * 2, 2);
    memcpy(text + 15, two_digits + second_of_day / 60 % 60 * 2, 2);
    memcpy(text + 18, two_digits + second_of_day % 60 * 2, 2);
    char fraction[16];
    char *end = fraction + sizeof fraction;
    char *start = digits_before(end, nanos + UINT64_C(1000000000)) + 1; /* nine digits, leading zeros kept */
    memcpy(text + 21, start, fraction_digits);
    memcpy(text + 21 + fraction_digits, "Z\"", 2);
    beamc_byte_buffer_append(out, text, 23 + (size_t)fraction_digits);
    return true;
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
