/* The sink's configuration as a runner hands it to the worker: taken or refused with a reason, and what is taken can be
 * written and read again. */
#include "tests/fuzz/fuzz_target.h"
#include "worker/config/sink_config.h"

#include <string.h>

enum { PAYLOAD_BYTES = 1024 * 1024 };

static void check_again(const tecton_sink_config *config) {
    beamc_error err = {{0}};
    beamc_byte_buffer once;
    beamc_byte_buffer twice;
    tecton_sink_config read = {0};
    beamc_byte_buffer_init(&once, PAYLOAD_BYTES);
    beamc_byte_buffer_init(&twice, PAYLOAD_BYTES);
    fuzz_must(tecton_sink_config_to_payload(config, &once, &err) == BEAMC_OK, "a configuration cannot be written");
    fuzz_must(tecton_sink_config_from_payload(once.data, once.len, &read, &err) == BEAMC_OK,
              "a written configuration cannot be read");
    fuzz_must(tecton_sink_config_to_payload(&read, &twice, &err) == BEAMC_OK && once.len == twice.len &&
                  memcmp(once.data, twice.data, once.len) == 0,
              "a configuration changes when it is written again");
    tecton_sink_config_cleanup(&read);
    beamc_byte_buffer_cleanup(&once);
    beamc_byte_buffer_cleanup(&twice);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len) {
    beamc_error err = {{0}};
    tecton_sink_config config = {0};
    if (tecton_sink_config_from_payload(data, len, &config, &err) == BEAMC_OK)
        check_again(&config);
    else
        fuzz_must(err.text[0] != '\0', "a refused configuration has no reason");
    tecton_sink_config_cleanup(&config);
    return 0;
}
