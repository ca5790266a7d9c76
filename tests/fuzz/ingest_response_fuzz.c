/* Answers of the service, as Tecton's or as anybody's: a verdict and a text within its bounds, never with the key.
 *
 * Input: two bytes of status, a byte whose lowest bit says that the body was cut, the body. */
#include "tests/fuzz/fuzz_target.h"
#include "worker/stores/tecton/ingest_response.h"

#include <string.h>

enum { HEAD_BYTES = 3, STATUSES = 800, FIRST_STATUS = 200 };

static const char key[] = "s3cr3t-k3y";

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len) {
    if (len < HEAD_BYTES)
        return 0;
    const tecton_ingest_context context = {.url = "https://preview.acme.tecton.ai/ingest",
                                           .workspace_name = "prod",
                                           .stream_source_name = "events",
                                           .key = key};
    const tecton_store_answer answer = {.status = FIRST_STATUS + (data[0] << 8 | data[1]) % STATUSES,
                                        .body = data + HEAD_BYTES,
                                        .body_len = len - HEAD_BYTES,
                                        .body_cut = (data[2] & 1) != 0};
    tecton_store_judgement judgement;
    memset(&judgement, 0x5a, sizeof judgement);
    tecton_ingest_classify(&context, &answer, &judgement);
    fuzz_must(judgement.verdict <= TECTON_VERDICT_OTHER, "there is no such verdict");
    fuzz_must(judgement.verdict != TECTON_VERDICT_STORED || answer.status < 300, "an error is taken for success");
    if (judgement.verdict != TECTON_VERDICT_STORED) {
        const char *end = memchr(judgement.text, '\0', sizeof judgement.text);
        fuzz_must(end != NULL && end != judgement.text, "the text is empty or has no end");
        fuzz_must(strstr(judgement.text, key) == NULL, "the key is in the text");
    }
    return 0;
}
