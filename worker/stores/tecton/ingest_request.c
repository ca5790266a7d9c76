#include "worker/stores/tecton/ingest_request.h"

#include "sdk_harness/base/alloc.h"
#include "sdk_harness/base/byte_buffer.h"
#include "worker/records/json_writer.h"

#include <stdlib.h>
#include <string.h>

enum { MAX_HEAD_BYTES = 64 * 1024 /* two names of at most 4096 bytes, escaped */ };

static bool is_v2(const char *url) {
    static const char ending[] = "/v2/ingest";
    size_t ending_len = sizeof ending - 1;
    size_t path_end = strcspn(url, "?#");
    return path_end >= ending_len && memcmp(url + path_end - ending_len, ending, ending_len) == 0;
}

static bool append_name(beamc_byte_buffer *out, const char *name) {
    size_t bad_byte = 0;
    return tecton_json_string(out, (const uint8_t *)name, strlen(name), &bad_byte);
}

static beamc_status make_frame(tecton_ingest_request *request, const tecton_sink_config *config, bool dry_run,
                               char **made, tecton_request_frame *frame, beamc_error *err) {
    bool v2 = is_v2(request->url);
    beamc_byte_buffer head;
    beamc_byte_buffer_init(&head, MAX_HEAD_BYTES);
    beamc_byte_buffer_append_text(&head, v2 ? "{\"workspaceName\":" : "{\"workspace_name\":");
    bool workspace = append_name(&head, config->workspace_name);
    beamc_byte_buffer_append_text(&head, v2 ? ",\"dryRun\":" : ",\"dry_run\":");
    beamc_byte_buffer_append_text(&head, dry_run ? "true,\"records\":{" : "false,\"records\":{");
    bool source = append_name(&head, config->stream_source_name);
    beamc_byte_buffer_append_text(&head, ":[");
    bool complete = !head.failed;
    if (workspace && source && complete)
        *made = beamc_strndup((const char *)head.data, head.len);
    beamc_byte_buffer_cleanup(&head);
    if (!workspace || !source)
        return beamc_fail(err, BEAMC_INVALID, "option %s is not valid UTF-8",
                          workspace ? "stream_source_name" : "workspace_name");
    if (!complete)
        return beamc_fail(err, BEAMC_LIMIT, "workspace_name and stream_source_name are too long together");
    *frame = (tecton_request_frame){.head = *made,
                                    .head_len = strlen(*made),
                                    .before_record = "{\"record\":",
                                    .before_record_len = 10,
                                    .after_record = "}",
                                    .after_record_len = 1,
                                    .tail = "]}}",
                                    .tail_len = 3};
    return BEAMC_OK;
}

beamc_status tecton_ingest_request_init(tecton_ingest_request *request, const tecton_sink_config *config,
                                        const tecton_secret *key, beamc_error *err) {
    *request = (tecton_ingest_request){.url = tecton_sink_config_endpoint(config)};
    BEAMC_TRY(make_frame(request, config, config->dry_run, &request->heads[0], &request->frames[0], err));
    BEAMC_TRY(make_frame(request, config, true, &request->heads[1], &request->frames[1], err));
    request->headers[0] = beamc_format("Authorization: Tecton-key %s", key->value);
    request->headers[1] = beamc_strdup("Content-Type: application/json");
    request->headers[2] = beamc_strdup("User-Agent: beam-tecton");
    request->headers[3] = beamc_strdup("Accept:"); /* none: one header less to send */
    request->num_headers = 4;
    return BEAMC_OK;
}

void tecton_ingest_request_cleanup(tecton_ingest_request *request) {
    for (size_t i = 0; i < request->num_headers; i++) {
        explicit_bzero(request->headers[i], strlen(request->headers[i]));
        free(request->headers[i]);
    }
    free(request->heads[0]);
    free(request->heads[1]);
    free(request->url);
    *request = (tecton_ingest_request){0};
}
