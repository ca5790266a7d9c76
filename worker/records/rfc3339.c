#include "worker/records/rfc3339.h"

enum { SECONDS_A_DAY = 86400, MAX_FRACTION_DIGITS = 9 };

typedef struct {
    const uint8_t *at;
    const uint8_t *end;
} cursor;

static bool take(cursor *in, char byte) {
    if (in->at == in->end || *in->at != (uint8_t)byte)
        return false;
    in->at++;
    return true;
}

/* Exactly `num_digits` digits, a number up to `max`. */
static bool take_number(cursor *in, unsigned num_digits, uint32_t max, uint32_t *out) {
    *out = 0;
    for (unsigned i = 0; i < num_digits; i++) {
        if (in->at == in->end || *in->at < '0' || *in->at > '9')
            return false;
        *out = *out * 10 + (uint32_t)(*in->at++ - '0');
    }
    return *out <= max;
}

static bool take_fraction(cursor *in, uint32_t *nanos) {
    *nanos = 0;
    if (!take(in, '.'))
        return true;
    unsigned num_digits = 0;
    for (; in->at < in->end && *in->at >= '0' && *in->at <= '9'; num_digits++) {
        if (num_digits == MAX_FRACTION_DIGITS)
            return false;
        *nanos = *nanos * 10 + (uint32_t)(*in->at++ - '0');
    }
    for (unsigned i = num_digits; i < MAX_FRACTION_DIGITS; i++)
        *nanos *= 10;
    return num_digits > 0;
}

static bool take_offset(cursor *in, int64_t *offset_seconds) {
    *offset_seconds = 0;
    if (take(in, 'Z'))
        return true;
    int64_t sign = take(in, '+') ? 1 : -1;
    if (sign < 0 && !take(in, '-'))
        return false;
    uint32_t hours = 0;
    uint32_t minutes = 0;
    if (!take_number(in, 2, 23, &hours) || !take(in, ':') || !take_number(in, 2, 59, &minutes))
        return false;
    *offset_seconds = sign * (int64_t)(hours * 3600 + minutes * 60);
    return true;
}

static uint32_t days_in_month(uint32_t year, uint32_t month) {
    static const uint8_t days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    bool leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    return days[month - 1] + (month == 2 && leap ? 1U : 0U);
}

/* Days since 1970 in the proleptic Gregorian calendar; years are counted from March, so that leap days end one. */
static int64_t days_since_1970(uint32_t year, uint32_t month, uint32_t day) {
    uint32_t march_year = month <= 2 ? year + 399 : year + 400; /* 400 years later, which is never negative */
    uint32_t march_month = month <= 2 ? month + 9 : month - 3;
    uint32_t era = march_year / 400;
    uint32_t year_of_era = march_year % 400;
    uint32_t day_of_year = (153 * march_month + 2) / 5 + day - 1;
    uint32_t day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    return (int64_t)era * 146097 + (int64_t)day_of_era - 719468 - 146097;
}

bool tecton_parse_rfc3339(const uint8_t *text, size_t len, int64_t *seconds, uint32_t *nanos) {
    cursor in = {.at = text, .end = text + len};
    uint32_t year = 0;
    uint32_t month = 0;
    uint32_t day = 0;
    uint32_t hour = 0;
    uint32_t minute = 0;
    uint32_t second = 0;
    int64_t offset_seconds = 0;
    bool read = take_number(&in, 4, 9999, &year) && take(&in, '-') && take_number(&in, 2, 12, &month) &&
                take(&in, '-') && take_number(&in, 2, 31, &day) && take(&in, 'T') && take_number(&in, 2, 23, &hour) &&
                take(&in, ':') && take_number(&in, 2, 59, &minute) && take(&in, ':') &&
                take_number(&in, 2, 59, &second) && take_fraction(&in, nanos) && take_offset(&in, &offset_seconds);
    if (!read || in.at != in.end || month == 0 || day == 0 || day > days_in_month(year, month))
        return false;
    *seconds = days_since_1970(year, month, day) * SECONDS_A_DAY + (int64_t)(hour * 3600 + minute * 60 + second) -
               offset_seconds;
    return true;
}
