/* What an answer of Tecton's Stream Ingest API means, and how to say it to a user.
 *
 * Pure; any thread. Bytes from the network are parsed strictly and shown sanitised. */
#ifndef WORKER_STORES_TECTON_INGEST_RESPONSE_H
#define WORKER_STORES_TECTON_INGEST_RESPONSE_H

#include "worker/stores/feature_store.h"

enum { TECTON_SERVER_WORDS_BYTES = 512 /* shown of what a server says */ };

/* What the message names beside the answer itself. Borrowed, terminated. */
typedef struct {
    const char *url;
    const char *workspace_name;
    const char *stream_source_name;
    const char *key; /* the resolved one, to be kept out of the text */
} tecton_ingest_context;

/* tecton_ingest_classify: see feature_store.h. */
void tecton_ingest_classify(const tecton_ingest_context *context, const tecton_store_answer *answer,
                            tecton_store_judgement *judgement);

/* tecton_server_words writes what the server said, in this order: requestError.errorMessage,
 * recordErrors[].errorMessage, message, error, the first raw bytes. Control characters and invalid UTF-8 become dots,
 * the key three stars. At most TECTON_SERVER_WORDS_BYTES; `text_size` is larger than that. */
void tecton_server_words(const tecton_store_answer *answer, const char *key, char *text, size_t text_size);

#endif
