/* Where requests go: checks of host names and URLs before anything is sent.
 *
 * Pure functions; any thread. The HTTP client parses the URL again and has the last word. */
#ifndef WORKER_CONFIG_ENDPOINT_URL_H
#define WORKER_CONFIG_ENDPOINT_URL_H

#include "sdk_harness/base/status.h"

#include <stdbool.h>
#include <stddef.h>

/* tecton_instance_fault says what is wrong with a host name (letters, digits, dots, dashes, perhaps a port), as the
 * end of a sentence; NULL when it is right. `len` bytes, not terminated. Static text. */
const char *tecton_instance_fault(const char *instance, size_t len);

/* tecton_proxy_fault does the same for the option proxy: "env", "none" or a URL. */
const char *tecton_proxy_fault(const char *proxy, size_t len);

/* tecton_endpoint_check: https, or http to this machine, or http at all with `allow_insecure`; a host; no login in the
 * URL, no fragment. BEAMC_INVALID says what is wrong and how to write it. */
beamc_status tecton_endpoint_check(const char *url, bool allow_insecure, beamc_error *err);

#endif
