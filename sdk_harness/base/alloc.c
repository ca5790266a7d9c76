#include "sdk_harness/base/alloc.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void *checked(void *memory) {
    if (memory == NULL) {
        fputs("beam: out of memory\n", stderr);
        abort();
    }
    return memory;
}

void *beamc_alloc(size_t size) {
    return checked(malloc(size == 0 ? 1 : size));
}

void *beamc_alloc_zero(size_t count, size_t size) {
    return checked(calloc(count == 0 ? 1 : count, size == 0 ? 1 : size));
}

void *beamc_realloc(void *memory, size_t size) {
    return checked(realloc(memory, size == 0 ? 1 : size));
}

char *beamc_strdup(const char *text) {
    return checked(strdup(text == NULL ? "" : text));
}

char *beamc_strndup(const char *text, size_t len) {
    char *copy = beamc_alloc(len + 1);
    if (len > 0)
        memcpy(copy, text, len);
    copy[len] = '\0';
    return copy;
}

char *beamc_format(const char *format, ...) {
    char *text = NULL;
    va_list args;
    va_start(args, format);
    int len = vasprintf(&text, format, args);
    va_end(args);
    return checked(len < 0 ? NULL : text);
}
