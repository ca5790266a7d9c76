/* Names of options as people write them: `batch_size`, `BatchSize` and `BATCH-SIZE` are one name.
 *
 * Go sends exported field names, YAML and Python send snake case. Pure functions; any thread. */
#ifndef WORKER_CONFIG_OPTION_NAME_H
#define WORKER_CONFIG_OPTION_NAME_H

#include <stdbool.h>
#include <stddef.h>

/* tecton_option_name_equal ignores case, underscores and dashes. */
bool tecton_option_name_equal(const char *a, const char *b);

/* tecton_option_name_distance counts the single-letter edits (insert, delete, replace, swap of neighbours) between
 * the two names, read as above. Names are compared up to their first 64 letters. */
size_t tecton_option_name_distance(const char *a, const char *b);

/* tecton_option_name_nearest returns the index of the name in `names` that `given` was most likely meant to be,
 * or -1 when none is near (more than a third of its letters differ). */
long tecton_option_name_nearest(const char *given, const char *const *names, size_t num_names);

#endif
