/* The header Retry-After: a wait below its cap, or none. */
#include "tests/fuzz/fuzz_target.h"
#include "worker/delivery/retry_after.h"

#include <string.h>

enum { MAX_HEADER_BYTES = 256 };

#define WALL_MS INT64_C(1800000000000)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len) {
    char value[MAX_HEADER_BYTES + 1];
    size_t num = len < MAX_HEADER_BYTES ? len : MAX_HEADER_BYTES;
    memcpy(value, data, num);
    value[num] = '\0';
    uint64_t wait_ms = tecton_retry_after_ms(value, WALL_MS);
    fuzz_must(wait_ms <= TECTON_RETRY_AFTER_CAP_MS || wait_ms == TECTON_NO_RETRY_AFTER, "the wait passes its cap");
    fuzz_must(tecton_retry_after_ms(value, WALL_MS) == wait_ms, "the same header says something else");
    return 0;
}
