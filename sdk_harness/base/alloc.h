/* Allocation of small, fixed-size structures: it never returns NULL, it ends the process with a message.
 *
 * Memory whose size is decided by input goes through byte_buffer or arena instead, which have ceilings and
 * return an error. Release with free(). Any thread. */
#ifndef SDK_HARNESS_BASE_ALLOC_H
#define SDK_HARNESS_BASE_ALLOC_H

#include <stddef.h>

void *beamc_alloc(size_t size);                    /* uninitialised */
void *beamc_alloc_zero(size_t count, size_t size); /* zeroed */
void *beamc_realloc(void *memory, size_t size);
char *beamc_strdup(const char *text);              /* NULL is read as "" */
char *beamc_strndup(const char *text, size_t len); /* adds the terminator */
char *beamc_format(const char *format, ...) __attribute__((format(printf, 1, 2)));

#endif
