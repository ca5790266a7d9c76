/* Bundle descriptors of a runner: each becomes a plan or a refusal with a reason, and what was set up is torn down. */
#include "protos/fn_api.pb-c.h"
#include "sdk_harness/bundle/plan_builder.h"
#include "tests/fuzz/fuzz_target.h"

static int num_instances;

static beamc_status set_up(void *context, const beamc_dofn_setup *setup, void **instance, beamc_error *err) {
    (void)context;
    if (setup->payload_len > 0 && setup->payload[0] == 'f')
        return beamc_fail(err, BEAMC_INVALID, "the payload says so");
    num_instances++;
    *instance = &num_instances;
    return BEAMC_OK;
}

static void tear_down(void *instance) {
    (void)instance;
    num_instances--;
}

static void no_source(void *context, const char *url) {
    (void)context;
    fuzz_must(url != NULL, "a source has no address");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len) {
    static const beamc_dofn dofns[] = {{.urn = "fuzz:dofn:v1", .setup = set_up, .teardown = tear_down}};
    static const beamc_dofn_table table = {.dofns = dofns, .num_dofns = 1};
    Beam__ProcessBundleDescriptor *descriptor = beam__process_bundle_descriptor__unpack(NULL, len, data);
    if (descriptor == NULL)
        return 0;
    beamc_error err = {{0}};
    beamc_plan *plan = NULL;
    beamc_plan_each_source(descriptor, no_source, NULL);
    if (beamc_plan_build(descriptor, &table, &plan, &err) == BEAMC_OK)
        beamc_plan_free(plan);
    else
        fuzz_must(err.text[0] != '\0', "a refused descriptor has no reason");
    fuzz_must(num_instances == 0, "a DoFn was set up and not torn down");
    beam__process_bundle_descriptor__free_unpacked(descriptor, NULL);
    return 0;
}
