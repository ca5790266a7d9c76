#include "sdk_harness/status/status_page.h"

#include "sdk_harness/base/alloc.h"
#include "sdk_harness/base/clean_text.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_ID_SHOWN = 200 };

static double seconds(uint64_t ms) {
    return (double)ms / 1000;
}

static double mib(uint64_t bytes) {
    return (double)bytes / (1024 * 1024);
}

static const char *shown(const char *id, char text[MAX_ID_SHOWN]) {
    (void)beamc_clean_text(id, strlen(id), text, MAX_ID_SHOWN);
    return text;
}

static void print_bundles(FILE *out, const beamc_status_facts *facts) {
    size_t num_shown =
        facts->num_bundles < BEAMC_STATUS_BUNDLES_SHOWN ? facts->num_bundles : BEAMC_STATUS_BUNDLES_SHOWN;
    fprintf(out, "\nActive bundles: %zu\n", facts->num_active);
    for (size_t i = 0; i < num_shown; i++) {
        const beamc_status_bundle *bundle = &facts->bundles[i];
        char id[MAX_ID_SHOWN];
        char descriptor[MAX_ID_SHOWN];
        fprintf(out, "  %s of stage %s: %s, %.1f s\n", shown(bundle->instruction_id, id),
                shown(bundle->descriptor_id, descriptor), bundle->state, seconds(bundle->age_ms));
    }
    if (facts->num_active > num_shown)
        fprintf(out, "  and %zu more\n", facts->num_active - num_shown);
}

char *beamc_status_page(const beamc_status_facts *facts) {
    char *text = NULL;
    size_t len = 0;
    FILE *out = open_memstream(&text, &len);
    if (out == NULL)
        return beamc_strdup("no memory for a status page\n");
    char id[MAX_ID_SHOWN];
    fprintf(out, "Worker %s, version %s, up %.0f s\n", shown(facts->worker_id, id),
            facts->version == NULL ? "not known" : facts->version, seconds(facts->up_ms));
    print_bundles(out, facts);
    fprintf(out, "\nQueues\n  input waiting: %.1f of %.1f MiB\n  bundles waiting for a thread: %u\n",
            mib(facts->input_bytes), mib(facts->input_cap_bytes), facts->num_tasks_queued);
    fprintf(out, "\nThreads: %u, of them %u run bundles\n", facts->num_threads, facts->num_executors);
    fprintf(out, "Memory: %.1f MiB resident, %.1f MiB at most\n", mib(facts->rss_bytes), mib(facts->peak_rss_bytes));
    (void)fclose(out); /* nothing is buffered elsewhere: it cannot fail after the writes */
    return text;
}
