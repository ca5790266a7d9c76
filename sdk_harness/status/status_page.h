/* What a worker says of itself to people who watch a job: a page of plain text. Pure; any thread. */
#ifndef SDK_HARNESS_STATUS_STATUS_PAGE_H
#define SDK_HARNESS_STATUS_STATUS_PAGE_H

#include <stddef.h>
#include <stdint.h>

enum { BEAMC_STATUS_BUNDLES_SHOWN = 100 };

typedef struct {
    const char *instruction_id;
    const char *descriptor_id;
    const char *state;
    uint64_t age_ms;
} beamc_status_bundle;

/* All texts are borrowed; ids may hold any bytes. */
typedef struct {
    const char *worker_id;
    const char *version; /* of the program; NULL: not known */
    uint64_t up_ms;
    const beamc_status_bundle *bundles; /* the first of the active ones */
    size_t num_bundles;
    size_t num_active; /* with those that are not among `bundles` */
    size_t input_bytes;
    size_t input_cap_bytes;
    unsigned num_tasks_queued; /* bundles that wait for a thread */
    unsigned num_executors;
    unsigned num_threads;
    uint64_t rss_bytes;
    uint64_t peak_rss_bytes;
} beamc_status_facts;

/* beamc_status_page: new, free it. Valid UTF-8; shows at most BEAMC_STATUS_BUNDLES_SHOWN bundles. */
char *beamc_status_page(const beamc_status_facts *facts);

#endif
