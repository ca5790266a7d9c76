/* Decimal digits, several at once. */
#ifndef WORKER_RECORDS_DECIMAL_DIGITS_H
#define WORKER_RECORDS_DECIMAL_DIGITS_H

#include <stdint.h>
#include <string.h>

static const char tecton_two_digits[200] =
    "0001020304050607080910111213141516171819202122232425262728293031323334353637383940"
    "4142434445464748495051525354555657585960616263646566676869707172737475767778798081"
    "828384858687888990919293949596979899";

/* Exactly two digits of a value below 100. */
static inline void tecton_put_2_digits(char *to, uint32_t value) {
    memcpy(to, tecton_two_digits + (size_t)value * 2, 2);
}

/* Exactly eight digits of a value below 100,000,000. */
static inline void tecton_put_8_digits(char *to, uint32_t value) {
    uint32_t high = value / 10000;
    uint32_t low = value % 10000;
    tecton_put_2_digits(to, high / 100);
    tecton_put_2_digits(to + 2, high % 100);
    tecton_put_2_digits(to + 4, low / 100);
    tecton_put_2_digits(to + 6, low % 100);
}

#endif
