/* A scenario: the same run under several seeds, and figures that must lie within their range under each. */
#ifndef TESTS_SIMULATION_SCENARIO_H
#define TESTS_SIMULATION_SCENARIO_H

#include "tests/simulation/simulation.h"
#include "tests/support/check.h"

#include <math.h>

enum { SCENARIO_SEEDS = 5, SCENARIO_MAX_FIGURES = 12 };

typedef struct {
    const char *label;
    double least; /* asserted */
    double most;
    double lowest; /* seen */
    double highest;
} scenario_figure;

typedef struct {
    const char *name;
    uint32_t num_figures;
    scenario_figure figures[SCENARIO_MAX_FIGURES];
} scenario;

/* scenario_figure_is notes what one run showed: must lie in least .. most. */
void scenario_figure_is(scenario *scene, const char *label, double value, double least, double most);

/* scenario_end prints one line with all figures and fails the test when one was out of its range. */
void scenario_end(const scenario *scene);

#define SCENARIO(scene)                                                                                                \
    (void)state;                                                                                                       \
    scenario scene = {.name = __func__}

#define FOR_EACH_SEED(seed) for (uint64_t seed = 1; seed <= SCENARIO_SEEDS; seed++)

#endif
