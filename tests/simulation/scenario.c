#include "tests/simulation/scenario.h"

void scenario_figure_is(scenario *scene, const char *label, double value, double least, double most) {
    uint32_t i = 0;
    while (i < scene->num_figures && strcmp(scene->figures[i].label, label) != 0)
        i++;
    assert_true(i < SCENARIO_MAX_FIGURES);
    scenario_figure *figure = &scene->figures[i];
    if (i == scene->num_figures) {
        scene->num_figures++;
        *figure = (scenario_figure){.label = label, .least = least, .most = most, .lowest = value, .highest = value};
    }
    if (value < figure->lowest)
        figure->lowest = value;
    if (value > figure->highest)
        figure->highest = value;
}

void scenario_end(const scenario *scene) {
    bool failed = scene->num_figures == 0;
    print_message("%s:", scene->name);
    for (uint32_t i = 0; i < scene->num_figures; i++) {
        const scenario_figure *figure = &scene->figures[i];
        bool within = figure->lowest >= figure->least && figure->highest <= figure->most;
        print_message("%s %s %.4g..%.4g%s", i == 0 ? "" : ";", figure->label, figure->lowest, figure->highest,
                      within ? "" : " OUT OF RANGE");
        if (!within)
            print_message(" (%g..%g)", figure->least, figure->most);
        failed = failed || !within;
    }
    print_message("\n");
    if (failed)
        fail_msg("%s: a figure is out of its range", scene->name);
}
