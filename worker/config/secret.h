/* The API key: given as it is or by reference, resolved in the worker, wiped when it is let go.
 *
 * References: env:NAME, file:/path, and Beam's type:GcpSecret;version_name:... (gcp_secret.h). Their targets are read
 * by tecton_secret_resolve only, never at expansion, so a key given by reference is in no proto. No message of this
 * module holds a value, only the reference. Any thread. */
#ifndef WORKER_CONFIG_SECRET_H
#define WORKER_CONFIG_SECRET_H

#include "sdk_harness/base/status.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { TECTON_MAX_SECRET_BYTES = 4096 };

typedef struct {
    char *value; /* terminated; allocated for the secret alone */
    size_t len;
} tecton_secret;

/* tecton_secret_is_reference: true for env:..., file:... and type:...; their text may be shown. */
bool tecton_secret_is_reference(const char *text);

/* tecton_secret_fault says what is wrong with the text of a literal or a reference, as the end of a sentence; NULL when
 * it is right. Looks at the text only. Static. */
const char *tecton_secret_fault(const char *text, size_t len);

/* tecton_secret_resolve reads the value behind `text`.
 *   secret   overwritten; release with tecton_secret_release
 * BEAMC_INVALID: the reference or the value cannot be used, now or later; BEAMC_UNAVAILABLE: its target is not there or
 * cannot be read. The text names the reference, never the value. May read a file, or ask Google's
 * servers for up to 15 s. */
beamc_status tecton_secret_resolve(const char *text, tecton_secret *secret, beamc_error *err);

/* Which file's which content a file: reference named at some time. All zero for other references. */
typedef struct {
    bool is_file;
    uint64_t device;
    uint64_t inode; /* 0: the file was not there */
    uint64_t size;
    int64_t modified_ns;
} tecton_secret_version;

/* tecton_secret_version_of looks at the file, without reading it. */
tecton_secret_version tecton_secret_version_of(const char *text);
bool tecton_secret_version_equal(const tecton_secret_version *a, const tecton_secret_version *b);

/* tecton_secret_release overwrites the value and frees it. The zero state is safe. */
void tecton_secret_release(tecton_secret *secret);

#endif
