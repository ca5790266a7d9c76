/* cmocka with what it needs in front. */
#ifndef TESTS_SUPPORT_CHECK_H
#define TESTS_SUPPORT_CHECK_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

/* The text holds `part`; shows both when it does not. */
#define assert_contains(text, part)                                                                                    \
    do {                                                                                                               \
        const char *check_text = (text);                                                                               \
        const char *check_part = (part);                                                                               \
        if (check_text == NULL || strstr(check_text, check_part) == NULL) {                                            \
            print_error("\"%s\" does not contain \"%s\"\n", check_text == NULL ? "(null)" : check_text, check_part);   \
            fail();                                                                                                    \
        }                                                                                                              \
    } while (0)

#define assert_lacks(text, part)                                                                                       \
    do {                                                                                                               \
        if (strstr((text), (part)) != NULL) {                                                                          \
            print_error("\"%s\" contains \"%s\"\n", (text), (part));                                                   \
            fail();                                                                                                    \
        }                                                                                                              \
    } while (0)

#endif
