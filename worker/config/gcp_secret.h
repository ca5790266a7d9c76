/* A secret kept in Google Secret Manager, read with the identity that the machine or pod has.
 *
 * A token comes from the metadata server, the secret's version from Secret Manager's REST interface
 * (projects.secrets.versions.access). For tests and for networks of their own, the environment names other places:
 * GCE_METADATA_HOST (host:port, as Google's own libraries read it) and BEAM_TECTON_SECRET_MANAGER_URL (https, or http
 * to this machine). */
#ifndef WORKER_CONFIG_GCP_SECRET_H
#define WORKER_CONFIG_GCP_SECRET_H

#include "sdk_harness/base/status.h"
#include "worker/config/secret.h"

#include <stdbool.h>
#include <stddef.h>

/* tecton_gcp_secret_name finds the version's name in Beam's spelling,
 * "type:GcpSecret;version_name:projects/P/secrets/S/ versions/V". False when `text` is of another type or the name is
 * not of that form. name   set to its first byte inside `text`, `*name_len` bytes */
bool tecton_gcp_secret_name(const char *text, size_t len, const char **name, size_t *name_len);

/* tecton_gcp_secret_resolve fetches the value. Blocks for up to 15 s.
 *   reference   as tecton_gcp_secret_name accepts it, terminated
 *   secret      overwritten on success; release with tecton_secret_release
 * BEAMC_UNAVAILABLE: a server is not there or refuses; BEAMC_INVALID: its answer cannot be used. The text names the
 * reference and what to do, never a token or the value. */
beamc_status tecton_gcp_secret_resolve(const char *reference, tecton_secret *secret, beamc_error *err);

#endif
