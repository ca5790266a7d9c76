#include "worker/records/json_time.h"

#include "worker/records/decimal_digits.h"

enum { SECONDS_A_DAY = 86400, NANOS_A_SECOND = 1000000000, DATE_BYTES = 10, TIME_BYTES = 8 };

#define FIRST_DAY    INT64_C(-719162) /* 0001-01-01 */
#define LAST_DAY     INT64_C(2932896) /* 9999-12-31 */
#define FIRST_SECOND (FIRST_DAY * SECONDS_A_DAY)
#define LAST_SECOND  (LAST_DAY * SECONDS_A_DAY + SECONDS_A_DAY - 1)
#define NANOS_A_DAY  (INT64_C(1) * SECONDS_A_DAY * NANOS_A_SECOND)

/* Days of the proleptic Gregorian calendar, counted from 0000-03-01 so that leap days end a year. */
static char *put_date(char *to, int64_t days_since_1970) {
    uint32_t days = (uint32_t)(days_since_1970 + 719468);
    uint32_t era = days / 146097;
    uint32_t day_of_era = days % 146097;
    uint32_t year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
    uint32_t day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    uint32_t march_month = (5 * day_of_year + 2) / 153;
    uint32_t day = day_of_year - (153 * march_month + 2) / 5 + 1;
    uint32_t month = march_month < 10 ? march_month + 3 : march_month - 9;
    uint32_t year = era * 400 + year_of_era + (month <= 2 ? 1 : 0);
    memcpy(to, "0000-00-00", DATE_BYTES);
    tecton_put_2_digits(to, year / 100);
    tecton_put_2_digits(to + 2, year % 100);
    tecton_put_2_digits(to + 5, month);
    tecton_put_2_digits(to + 8, day);
    return to + DATE_BYTES;
}

static char *put_time(char *to, uint32_t second_of_day) {
    uint32_t minute_of_day = second_of_day / 60;
    memcpy(to, "00:00:00", TIME_BYTES);
    tecton_put_2_digits(to, minute_of_day / 60);
    tecton_put_2_digits(to + 3, minute_of_day % 60);
    tecton_put_2_digits(to + 6, second_of_day % 60);
    return to + TIME_BYTES;
}

/* Writes 10 bytes, whatever `digits` says. */
static char *put_fraction(char *to, uint32_t nanos, unsigned digits) {
    *to = '.';
    tecton_put_8_digits(to + 1, nanos / 10);
    to[9] = (char)('0' + nanos % 10);
    return digits == 0 ? to : to + 1 + digits;
}

static unsigned fraction_digits_of(uint32_t nanos) {
    return nanos == 0 ? 0 : nanos % 1000000 == 0 ? 3 : nanos % 1000 == 0 ? 6 : 9;
}

enum { TEXT_BYTES = 2 + DATE_BYTES + 1 + TIME_BYTES + 10 + 1 /* quotes, date, T, time, fraction, Z */ };

static void finish(beamc_byte_buffer *out, const char *start, char *to) {
    *to++ = '"';
    out->len += (size_t)(to - start);
}

bool tecton_json_timestamp(beamc_byte_buffer *out, int64_t seconds, uint32_t nanos, unsigned fraction_digits) {
    if (seconds < FIRST_SECOND || seconds > LAST_SECOND)
        return false;
    char *start = (char *)beamc_byte_buffer_reserve(out, TEXT_BYTES);
    if (start == NULL)
        return true;
    uint64_t shifted = (uint64_t)(seconds - FIRST_SECOND);
    *start = '"';
    char *to = put_date(start + 1, (int64_t)(shifted / SECONDS_A_DAY) + FIRST_DAY);
    *to++ = 'T';
    to = put_time(to, (uint32_t)(shifted % SECONDS_A_DAY));
    to = put_fraction(to, nanos, fraction_digits);
    *to++ = 'Z';
    finish(out, start, to);
    return true;
}

bool tecton_json_date(beamc_byte_buffer *out, int64_t days) {
    if (days < FIRST_DAY || days > LAST_DAY)
        return false;
    char *start = (char *)beamc_byte_buffer_reserve(out, TEXT_BYTES);
    if (start == NULL)
        return true;
    *start = '"';
    finish(out, start, put_date(start + 1, days));
    return true;
}

static char *put_time_of_day(char *to, int64_t nanos_of_day) {
    uint32_t nanos = (uint32_t)(nanos_of_day % NANOS_A_SECOND);
    to = put_time(to, (uint32_t)(nanos_of_day / NANOS_A_SECOND));
    return put_fraction(to, nanos, fraction_digits_of(nanos));
}

bool tecton_json_time(beamc_byte_buffer *out, int64_t nanos_of_day) {
    if (nanos_of_day < 0 || nanos_of_day >= NANOS_A_DAY)
        return false;
    char *start = (char *)beamc_byte_buffer_reserve(out, TEXT_BYTES);
    if (start == NULL)
        return true;
    *start = '"';
    finish(out, start, put_time_of_day(start + 1, nanos_of_day));
    return true;
}

bool tecton_json_datetime(beamc_byte_buffer *out, int64_t days, int64_t nanos_of_day) {
    if (days < FIRST_DAY || days > LAST_DAY || nanos_of_day < 0 || nanos_of_day >= NANOS_A_DAY)
        return false;
    char *start = (char *)beamc_byte_buffer_reserve(out, TEXT_BYTES);
    if (start == NULL)
        return true;
    *start = '"';
    char *to = put_date(start + 1, days);
    *to++ = 'T';
    finish(out, start, put_time_of_day(to, nanos_of_day));
    return true;
}
