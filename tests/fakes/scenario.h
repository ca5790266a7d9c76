/* A scenario is a cmocka test that gets a fake runner, and at whose end fake_finish checks what always holds. */
#ifndef TESTS_FAKES_SCENARIO_H
#define TESTS_FAKES_SCENARIO_H

#include "tests/fakes/fake_runner.h"
#include "tests/support/check.h"

typedef struct {
    void (*play)(fake_runner *runner);
    fake_runner *runner; /* while it is played */
} scenario;

void scenario_test(void **state);    /* the test function of every scenario */
int scenario_teardown(void **state); /* also after a failure */

/* One row of the array of tests. */
#define SCENARIO(name)                                                                                                 \
    {                                                                                                                  \
#name, scenario_test, NULL, scenario_teardown, &(scenario) {                                                   \
            .play = name                                                                                               \
        }                                                                                                              \
    }

/* scenario_main reads the paths of the programs (--scripted-dofn=PATH, --null-sink=PATH) and a part of a name
 * (--only=TEXT: only the scenarios whose names have it), and runs. Returns main's exit code. */
int scenario_main(const char *group, int argc, char **argv, const struct CMUnitTest *tests, size_t num_tests);

#define SCENARIO_MAIN(group, argc, argv, tests)                                                                        \
    scenario_main(group, argc, argv, tests, sizeof(tests) / sizeof((tests)[0]))

/* Sanitizers use far more memory and time; what is measured is then not asserted. */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SCENARIO_SANITIZED 1
#else
#define SCENARIO_SANITIZED 0
#endif

#endif
