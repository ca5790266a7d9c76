/* beam-tecton: the one executable. Its commands are in sdk_harness/program.h; what is Tecton's is wired here. */
#include "sdk_harness/base/log.h"
#include "sdk_harness/program.h"
#include "worker/config/sink_options.h"
#include "worker/sink_dofn.h"
#include "worker/sink_transform.h"
#include "worker/version.h"

#include <stdio.h>
#include <string.h>

enum { OPTIONS_TEXT_BYTES = 1024 * 1024 };

static tecton_delivery_engine *engine; /* one a worker process: a bundle is too short to learn in */
static beamc_dofn sink;

static bool worker_starts(void) {
    beamc_error err;
    if (tecton_delivery_engine_new(&engine, &err) != BEAMC_OK) {
        log_error("the worker cannot start: %s", err.text);
        return false;
    }
    sink = tecton_sink_dofn(engine);
    return true;
}

static void worker_ends(void) {
    tecton_delivery_engine_free(engine);
    engine = NULL;
}

/* `options --format=markdown|json`: what the README and the Python package are checked against. */
static int print_options(int argc, char **argv) {
    if (strcmp(argv[0], "options") != 0)
        return -1;
    beamc_byte_buffer text;
    beamc_byte_buffer_init(&text, OPTIONS_TEXT_BYTES);
    if (argc > 1 && strcmp(argv[1], "--format=json") == 0)
        tecton_options_json(&text);
    else
        tecton_options_markdown(&text);
    bool written = fwrite(text.data, 1, text.len, stdout) == text.len && fflush(stdout) == 0;
    beamc_byte_buffer_cleanup(&text);
    return written ? 0 : 1;
}

/* Keys and rows pass through the memory of every command: a core dump holds registers and file mappings, no memory of
 * ours. Where the system has no such filter nothing changes. Source of the bits: core(5). */
static void keep_memory_out_of_core_dumps(void) {
    FILE *filter = fopen("/proc/self/coredump_filter", "w");
    if (filter == NULL)
        return;
    (void)fputs("0x10\n", filter);
    (void)fclose(filter);
}

int main(int argc, char **argv) {
    keep_memory_out_of_core_dumps();
    const beamc_external_transform transform = tecton_sink_transform();
    const beamc_program program = {.name = "beam-tecton",
                                   .version = TECTON_VERSION,
                                   .dofns = &sink,
                                   .num_dofns = 1,
                                   .transforms = &transform,
                                   .num_transforms = 1,
                                   .worker_starts = worker_starts,
                                   .worker_ends = worker_ends,
                                   .command = print_options,
                                   .command_help =
                                       "  options --format=markdown|json                  print the option table\n"};
    return beamc_program_main(&program, argc, argv);
}
