#include "tests/fuzz/fuzz_target.h"

#include <stdio.h>
#include <stdlib.h>

void fuzz_must(bool holds, const char *what) {
    if (holds)
        return;
    (void)fprintf(stderr, "fuzz: %s\n", what);
    abort();
}
