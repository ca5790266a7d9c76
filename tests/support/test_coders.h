/* Coders written by hand, found by the number of their place: "0" is the first. */
#ifndef TESTS_SUPPORT_TEST_CODERS_H
#define TESTS_SUPPORT_TEST_CODERS_H

#include "protos/pipeline.pb-c.h"

#include <stdlib.h>
#include <string.h>

enum { TEST_CODERS_MAX = 24 };

typedef struct {
    size_t num_coders;
    Beam__Coder coders[TEST_CODERS_MAX];
    Beam__FunctionSpec specs[TEST_CODERS_MAX];
    char *components[TEST_CODERS_MAX][3];
} test_coders;

/* Adds a coder with its components' ids, NULL where there are none. Texts are borrowed. */
static inline void test_coders_add(test_coders *set, const char *urn, const char *first, const char *second) {
    size_t i = set->num_coders++;
    beam__coder__init(&set->coders[i]);
    beam__function_spec__init(&set->specs[i]);
    set->specs[i].urn = (char *)(uintptr_t)urn;
    set->coders[i].spec = &set->specs[i];
    set->coders[i].component_coder_ids = set->components[i];
    set->components[i][0] = (char *)(uintptr_t)first;
    set->components[i][1] = (char *)(uintptr_t)second;
    set->coders[i].n_component_coder_ids = (first != NULL ? 1U : 0U) + (second != NULL ? 1U : 0U);
}

static inline const Beam__Coder *test_coders_find(void *context, const char *coder_id) {
    test_coders *set = context;
    size_t i = strtoul(coder_id, NULL, 10);
    return i < set->num_coders ? &set->coders[i] : NULL;
}

#endif
