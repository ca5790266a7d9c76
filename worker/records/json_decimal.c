#include "worker/records/json_decimal.h"

#include <string.h>

enum {
    MAX_DIGITS = TECTON_MAX_DECIMAL_DIGITS,
    MAX_BYTES = MAX_DIGITS * 10 / 24 + 2, /* a byte is 2.4 digits */
    LIMB_DIGITS = 9,
    MAX_LIMBS = MAX_BYTES * 5 / 2 / LIMB_DIGITS + 2
};
#define LIMB UINT32_C(1000000000)

/* A magnitude in digits of base 10^9, the lowest first. */
typedef struct {
    uint32_t limbs[MAX_LIMBS];
    size_t count;
} magnitude;

static void append_byte(magnitude *m, uint8_t byte) {
    uint64_t carry = byte;
    for (size_t i = 0; i < m->count; i++) {
        uint64_t value = (uint64_t)m->limbs[i] * 256 + carry;
        m->limbs[i] = (uint32_t)(value % LIMB);
        carry = value / LIMB;
    }
    if (carry > 0)
        m->limbs[m->count++] = (uint32_t)carry;
}

/* Two's complement: a negative number's magnitude is its inverted bits, plus one. */
static void read_magnitude(const uint8_t *bytes, size_t len, bool negative, magnitude *m) {
    m->count = 0;
    size_t last = len; /* the one is carried up to the last byte that is not zero */
    while (last > 0 && bytes[last - 1] == 0)
        last--;
    for (size_t i = 0; i < len; i++) {
        uint8_t inverted = (uint8_t)~bytes[i];
        uint8_t negated = i + 1 < last ? inverted : i + 1 == last ? (uint8_t)(inverted + 1) : 0;
        append_byte(m, negative ? negated : bytes[i]);
    }
}

/* Digits without leading zeros, at least one. */
static size_t put_digits(const magnitude *m, char *digits) {
    size_t len = 0;
    for (size_t i = m->count; i-- > 0;) {
        char nine[LIMB_DIGITS];
        uint32_t limb = m->limbs[i];
        for (size_t d = LIMB_DIGITS; d-- > 0; limb /= 10)
            nine[d] = (char)('0' + limb % 10);
        size_t zeros = 0;
        while (len == 0 && zeros < LIMB_DIGITS && nine[zeros] == '0')
            zeros++;
        memcpy(digits + len, nine + zeros, LIMB_DIGITS - zeros);
        len += LIMB_DIGITS - zeros;
    }
    if (len == 0)
        digits[len++] = '0';
    return len;
}

static void put_zeros(beamc_byte_buffer *out, int64_t count) {
    for (int64_t i = 0; i < count; i++)
        (void)beamc_byte_buffer_append_byte(out, '0');
}

bool tecton_json_decimal(beamc_byte_buffer *out, const uint8_t *unscaled, size_t unscaled_len, int32_t scale) {
    bool negative = unscaled_len > 0 && (unscaled[0] & 0x80) != 0;
    uint8_t sign = negative ? 0xFF : 0;
    while (unscaled_len > 1 && unscaled[0] == sign && (unscaled[1] & 0x80) == (sign & 0x80)) {
        unscaled++;
        unscaled_len--;
    }
    if (unscaled_len > MAX_BYTES)
        return false;
    magnitude m;
    char digits[MAX_LIMBS * LIMB_DIGITS];
    read_magnitude(unscaled, unscaled_len, negative, &m);
    int64_t num_digits = (int64_t)put_digits(&m, digits);
    bool zero = num_digits == 1 && digits[0] == '0';
    int64_t zeros_behind = scale < 0 && !zero ? -(int64_t)scale : 0;
    int64_t num_whole = scale > 0 ? num_digits - scale : num_digits; /* 0 or less: zeros stand in front */
    int64_t num_fraction = scale > 0 ? scale : 0;
    if ((num_whole > 0 ? num_whole : 1) + zeros_behind + num_fraction > MAX_DIGITS)
        return false;
    (void)beamc_byte_buffer_append_text(out, negative ? "\"-" : "\"");
    if (num_whole > 0)
        (void)beamc_byte_buffer_append(out, digits, (size_t)num_whole);
    else
        (void)beamc_byte_buffer_append_byte(out, '0');
    put_zeros(out, zeros_behind);
    if (num_fraction > 0) {
        (void)beamc_byte_buffer_append_byte(out, '.');
        put_zeros(out, -num_whole);
        size_t skipped = num_whole > 0 ? (size_t)num_whole : 0;
        (void)beamc_byte_buffer_append(out, digits + skipped, (size_t)num_digits - skipped);
    }
    (void)beamc_byte_buffer_append_byte(out, '"');
    return true;
}
