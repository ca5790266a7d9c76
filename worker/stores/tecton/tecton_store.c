#include "worker/stores/tecton/tecton_store.h"

#include "sdk_harness/base/alloc.h"
#include "worker/stores/tecton/ingest_request.h"
#include "worker/stores/tecton/ingest_response.h"

#include <stdlib.h>
#include <string.h>

typedef struct {
    tecton_feature_store store; /* first: the same address */
    tecton_ingest_request request;
    char *workspace_name;
    char *stream_source_name;
    char *key;
} tecton_store;

static const tecton_request_frame *encode(const tecton_feature_store *store, bool dry_run) {
    return &((const tecton_store *)store)->request.frames[dry_run ? 1 : 0];
}

static const char *address(const tecton_feature_store *store, const char *const **headers, size_t *num_headers) {
    const tecton_store *self = (const tecton_store *)store;
    *headers = (const char *const *)self->request.headers;
    *num_headers = self->request.num_headers;
    return self->request.url;
}

static void classify(const tecton_feature_store *store, const tecton_store_answer *answer,
                     tecton_store_judgement *judgement) {
    const tecton_store *self = (const tecton_store *)store;
    tecton_ingest_context context = {.url = self->request.url,
                                     .workspace_name = self->workspace_name,
                                     .stream_source_name = self->stream_source_name,
                                     .key = self->key};
    tecton_ingest_classify(&context, answer, judgement);
}

static void free_store(tecton_feature_store *store) {
    tecton_store *self = (tecton_store *)store;
    tecton_ingest_request_cleanup(&self->request);
    free(self->workspace_name);
    free(self->stream_source_name);
    explicit_bzero(self->key, strlen(self->key));
    free(self->key);
    free(self);
}

beamc_status tecton_store_new(const tecton_sink_config *config, const tecton_secret *key, tecton_feature_store **store,
                              beamc_error *err) {
    tecton_store *made = beamc_alloc_zero(1, sizeof *made);
    made->store =
        (tecton_feature_store){.encode = encode, .address = address, .classify = classify, .free = free_store};
    made->workspace_name = beamc_strdup(config->workspace_name);
    made->stream_source_name = beamc_strdup(config->stream_source_name);
    made->key = beamc_strndup(key->value, key->len);
    beamc_status status = tecton_ingest_request_init(&made->request, config, key, err);
    if (status != BEAMC_OK) {
        free_store(&made->store);
        return status;
    }
    *store = &made->store;
    return BEAMC_OK;
}
