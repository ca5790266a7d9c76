/* Text from outside, made fit for a message: one line of valid UTF-8.
 *
 * Runners refuse a message whose text is not UTF-8, so nothing else may get into one. Pure; any thread. */
#ifndef SDK_HARNESS_BASE_CLEAN_TEXT_H
#define SDK_HARNESS_BASE_CLEAN_TEXT_H

#include <stddef.h>
#include <stdint.h>

/* beamc_utf8_sequence returns the length of the strict UTF-8 sequence of a non-ASCII character at `at`, 0 when there
 * is none: overlong forms, surrogates and code points past U+10FFFF are refused. RFC 3629 section 4. */
size_t beamc_utf8_sequence(const uint8_t *at, const uint8_t *end);

/* beamc_clean_text copies `from`: line ends and tabs become spaces, other control characters and what is not UTF-8
 * become dots. Cut at whole characters, always terminated. from, len   any bytes; the copy stops at len text text_size
 * bytes, at least 1 Returns the copy's length. */
size_t beamc_clean_text(const void *from, size_t len, char *text, size_t text_size);

#endif
