#include "worker/delivery/due_heap.h"

#include "tests/support/check.h"

#include <stdbool.h>

enum { NUM_ENTRIES = 500 };

static uint64_t random_state = 42;

static uint64_t next_random(void) {
    random_state = random_state * 6364136223846793005ULL + 1442695040888963407ULL;
    return random_state >> 33;
}

static void an_empty_heap_is_never_due(void **state) {
    (void)state;
    tecton_due_heap heap = {0};
    assert_null(tecton_due_heap_first(&heap));
    assert_true(tecton_due_heap_next_ms(&heap) == UINT64_MAX);
    tecton_due_heap_cleanup(&heap);
}

/* Against a plain search, with entries added and removed anywhere. */
static void the_soonest_is_always_first(void **state) {
    (void)state;
    static tecton_due_entry entries[NUM_ENTRIES];
    static bool in[NUM_ENTRIES];
    tecton_due_heap heap = {0};
    size_t num_in = 0;
    for (int step = 0; step < 20000; step++) {
        size_t i = next_random() % NUM_ENTRIES;
        if (in[i]) {
            tecton_due_heap_remove(&heap, &entries[i]);
            num_in--;
        } else {
            tecton_due_heap_add(&heap, &entries[i], next_random() % 100);
            num_in++;
        }
        in[i] = !in[i];
        uint64_t soonest = UINT64_MAX;
        for (size_t j = 0; j < NUM_ENTRIES; j++) {
            if (in[j] && entries[j].due_ms < soonest)
                soonest = entries[j].due_ms;
        }
        assert_int_equal(heap.num_entries, num_in);
        assert_true(tecton_due_heap_next_ms(&heap) == soonest);
        if (num_in > 0)
            assert_true(in[tecton_due_heap_first(&heap) - entries]);
    }
    tecton_due_heap_cleanup(&heap);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_empty_heap_is_never_due),
        cmocka_unit_test(the_soonest_is_always_first),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
