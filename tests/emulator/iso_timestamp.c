#include "tests/emulator/iso_timestamp.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

enum { SECONDS_A_DAY = 86400 };

#define FIRST_SECOND INT64_C(-62135596800) /* 0001-01-01T00:00:00Z */
#define LAST_SECOND  INT64_C(253402300799) /* 9999-12-31T23:59:59Z */

/* Days since 1970-01-01 in the proleptic Gregorian calendar; years counted from March. */
static int64_t days_from_civil(int64_t year, int64_t month, int64_t day) {
    year -= month <= 2;
    int64_t era = year / 400; /* years are positive here */
    int64_t year_of_era = year - era * 400;
    int64_t day_of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
    int64_t day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    return era * 146097 + day_of_era - 719468;
}

static void civil_from_days(int64_t days, int64_t *year, int64_t *month, int64_t *day) {
    days += 719468; /* since 0000-03-01, positive for all years from 0001 on */
    int64_t era = days / 146097;
    int64_t day_of_era = days - era * 146097;
    int64_t year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
    int64_t day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    int64_t shifted_month = (5 * day_of_year + 2) / 153;
    *day = day_of_year - (153 * shifted_month + 2) / 5 + 1;
    *month = shifted_month + (shifted_month < 10 ? 3 : -9);
    *year = year_of_era + era * 400 + (*month <= 2);
}

static int64_t days_in_month(int64_t year, int64_t month) {
    static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    return days[month - 1] + (month == 2 && leap);
}

/* Reads exactly `count` digits; -1 if there are fewer. */
static int64_t digits(const char **at, const char *end, int count) {
    if (end - *at < count)
        return -1;
    int64_t value = 0;
    for (int i = 0; i < count; i++) {
        char c = (*at)[i];
        if (c < '0' || c > '9')
            return -1;
        value = value * 10 + (c - '0');
    }
    *at += count;
    return value;
}

static bool mark(const char **at, const char *end, char c) {
    if (*at == end || **at != c)
        return false;
    (*at)++;
    return true;
}

static const char *read_fraction(const char **at, const char *end, int32_t *nanos) {
    int count = 0;
    int32_t value = 0;
    for (; *at < end && **at >= '0' && **at <= '9'; (*at)++, count++) {
        if (count == 9)
            return "more than nine fraction digits";
        value = value * 10 + (**at - '0');
    }
    if (count == 0)
        return "no fraction digit after the point";
    for (; count < 9; count++)
        value *= 10;
    *nanos = value;
    return NULL;
}

static const char *read_offset(const char **at, const char *end, int64_t *offset_s) {
    *offset_s = 0;
    if (*at == end || mark(at, end, 'Z'))
        return NULL;
    int64_t sign = **at == '-' ? -1 : 1;
    if (!mark(at, end, '+') && !mark(at, end, '-'))
        return "expected Z, +hh:mm or -hh:mm after the time";
    int64_t hours = digits(at, end, 2);
    if (hours < 0 || !mark(at, end, ':'))
        return "expected hh:mm in the offset";
    int64_t minutes = digits(at, end, 2);
    if (minutes < 0)
        return "expected hh:mm in the offset";
    if (hours > 23 || minutes > 59)
        return "offset out of range";
    *offset_s = sign * (hours * 3600 + minutes * 60);
    return NULL;
}

const char *emu_timestamp_read(const char *text, size_t len, emu_timestamp *out) {
    const char *at = text;
    const char *end = text + len;
    int64_t year = digits(&at, end, 4);
    if (year < 0 || !mark(&at, end, '-'))
        return "expected YYYY-MM-DD";
    int64_t month = digits(&at, end, 2);
    if (month < 0 || !mark(&at, end, '-'))
        return "expected YYYY-MM-DD";
    int64_t day = digits(&at, end, 2);
    if (day < 0)
        return "expected YYYY-MM-DD";
    if (year < 1 || month < 1 || month > 12 || day < 1 || day > days_in_month(year, month))
        return "no such date";
    if (!mark(&at, end, 'T'))
        return "expected T between date and time";
    int64_t hour = digits(&at, end, 2);
    if (hour < 0 || !mark(&at, end, ':'))
        return "expected hh:mm";
    int64_t minute = digits(&at, end, 2);
    if (minute < 0)
        return "expected hh:mm";
    int64_t second = 0;
    int32_t nanos = 0;
    if (mark(&at, end, ':')) {
        second = digits(&at, end, 2);
        if (second < 0)
            return "expected two digits of seconds";
        if (mark(&at, end, '.')) {
            const char *wrong = read_fraction(&at, end, &nanos);
            if (wrong != NULL)
                return wrong;
        }
    }
    if (hour > 23 || minute > 59 || second > 59)
        return "no such time of day";
    int64_t offset_s;
    const char *wrong = read_offset(&at, end, &offset_s);
    if (wrong != NULL)
        return wrong;
    if (at != end)
        return "more text after the timestamp";
    int64_t seconds = days_from_civil(year, month, day) * SECONDS_A_DAY + hour * 3600 + minute * 60 + second - offset_s;
    if (seconds < FIRST_SECOND || seconds > LAST_SECOND)
        return "outside the years 0001 to 9999 in UTC";
    *out = (emu_timestamp){.seconds = seconds, .nanos = nanos};
    return NULL;
}

static char *put_digits(char *to, int64_t value, int count) {
    for (int i = count - 1; i >= 0; i--) {
        to[i] = (char)('0' + value % 10);
        value /= 10;
    }
    return to + count;
}

size_t emu_timestamp_write(emu_timestamp at, char out[EMU_TIMESTAMP_TEXT_MAX]) {
    int64_t from_first = at.seconds - FIRST_SECOND; /* positive, so that division rounds down */
    int64_t days = from_first / SECONDS_A_DAY + FIRST_SECOND / SECONDS_A_DAY;
    int64_t second_of_day = from_first % SECONDS_A_DAY;
    int64_t year;
    int64_t month;
    int64_t day;
    civil_from_days(days, &year, &month, &day);
    char *to = put_digits(out, year, 4);
    *to++ = '-';
    to = put_digits(to, month, 2);
    *to++ = '-';
    to = put_digits(to, day, 2);
    *to++ = 'T';
    to = put_digits(to, second_of_day / 3600, 2);
    *to++ = ':';
    to = put_digits(to, second_of_day / 60 % 60, 2);
    *to++ = ':';
    to = put_digits(to, second_of_day % 60, 2);
    if (at.nanos != 0) {
        *to++ = '.';
        if (at.nanos % 1000000 == 0)
            to = put_digits(to, at.nanos / 1000000, 3);
        else if (at.nanos % 1000 == 0)
            to = put_digits(to, at.nanos / 1000, 6);
        else
            to = put_digits(to, at.nanos, 9);
    }
    *to++ = 'Z';
    return (size_t)(to - out);
}

int emu_timestamp_compare(emu_timestamp a, emu_timestamp b) {
    if (a.seconds != b.seconds)
        return a.seconds < b.seconds ? -1 : 1;
    return (a.nanos > b.nanos) - (a.nanos < b.nanos);
}
