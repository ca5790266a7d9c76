/* Requests to the expansion service: each has an answer, which is a message that can be read; what is refused has a
 * reason that is UTF-8, as protobuf wants it. */
#include "protos/expansion_api.pb-c.h"
#include "sdk_harness/expansion/expansion_service.h"
#include "tests/fuzz/fuzz_target.h"
#include "worker/sink_transform.h"

#include <string.h>

enum { RESPONSE_BYTES = 16 * 1024 * 1024 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len) {
    beamc_external_transform sink = tecton_sink_transform();
    beamc_expansion_service service = {
        .transforms = &sink,
        .num_transforms = 1,
        .environment = {.worker_program = "/usr/bin/beam-tecton", .pool_address = "localhost:1"},
    };
    beamc_error err = {{0}};
    beamc_byte_buffer response;
    beamc_byte_buffer_init(&response, RESPONSE_BYTES);
    if (beamc_expand(&service, data, len, &response, &err) == BEAMC_OK) {
        Beam__ExpansionResponse *answer = beam__expansion_response__unpack(NULL, response.len, response.data);
        fuzz_must(answer != NULL, "the answer is no ExpansionResponse");
        fuzz_must(answer->transform != NULL || answer->error[0] != '\0', "the answer has neither a step nor an error");
        beam__expansion_response__free_unpacked(answer, NULL);
    } else {
        fuzz_must(err.text[0] != '\0', "a request that cannot be parsed has no reason");
    }
    beamc_byte_buffer_cleanup(&response);
    return 0;
}
