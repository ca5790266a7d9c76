#include "tests/fakes/scenario.h"

#include "sdk_harness/base/alloc.h"

#include <stdlib.h>

static fake_programs programs;

void scenario_test(void **state) {
    scenario *s = *state;
    s->runner = fake_runner_new(&programs);
    s->play(s->runner);
    fake_finish(s->runner);
}

int scenario_teardown(void **state) {
    scenario *s = *state;
    fake_runner_free(s->runner);
    s->runner = NULL;
    return 0;
}

static const char *argument(int argc, char **argv, const char *name) {
    for (int i = 1; i < argc; i++)
        if (strncmp(argv[i], name, strlen(name)) == 0)
            return argv[i] + strlen(name);
    return NULL;
}

int scenario_main(const char *group, int argc, char **argv, const struct CMUnitTest *tests, size_t num_tests) {
    programs.scripted_dofn = argument(argc, argv, "--scripted-dofn=");
    programs.null_sink = argument(argc, argv, "--null-sink=");
    if (programs.scripted_dofn == NULL || programs.null_sink == NULL) {
        fprintf(stderr, "%s: --scripted-dofn and --null-sink name the programs to test\n", argv[0]);
        return 2;
    }
    const char *only = argument(argc, argv, "--only=");
    struct CMUnitTest *chosen = beamc_alloc_zero(num_tests, sizeof *chosen);
    size_t num_chosen = 0;
    for (size_t i = 0; i < num_tests; i++)
        if (only == NULL || strstr(tests[i].name, only) != NULL)
            chosen[num_chosen++] = tests[i];
    int failed = _cmocka_run_group_tests(group, chosen, num_chosen, NULL, NULL);
    free(chosen);
    return failed;
}
