/* One value given for one option: checked against the table's row and put into the configuration.
 *
 * Rows and JSON both end here, so that both are held to the same rules. */
#ifndef WORKER_CONFIG_OPTION_VALUE_H
#define WORKER_CONFIG_OPTION_VALUE_H

#include "sdk_harness/base/status.h"
#include "worker/config/sink_config.h"
#include "worker/config/sink_options.h"

typedef enum {
    TECTON_GIVEN_TEXT,
    TECTON_GIVEN_INTEGER,
    TECTON_GIVEN_REAL,
    TECTON_GIVEN_FLAG,
    TECTON_GIVEN_OTHER /* a row, a list, bytes: nothing that an option takes */
} tecton_given_kind;

typedef struct {
    tecton_given_kind kind;
    const char *text; /* TEXT: text_len bytes, not terminated; OTHER: what it is, terminated */
    size_t text_len;
    int64_t integer;
    double real;
    bool flag;
} tecton_given;

/* tecton_option_set puts `given` into the member that `option` describes.
 * BEAMC_INVALID names the option, the value (unless secret), what is accepted and a line that is right. */
beamc_status tecton_option_set(tecton_sink_config *config, const tecton_option *option, const tecton_given *given,
                               beamc_error *err);

/* tecton_option_unknown fails with the name given and the nearest valid one. */
beamc_status tecton_option_unknown(const char *name, beamc_error *err);

/* tecton_sink_config_defaults overwrites `config` with the table's defaults. */
void tecton_sink_config_defaults(tecton_sink_config *config);

/* tecton_sink_config_check looks at what concerns several options: what is missing, and the endpoint. */
beamc_status tecton_sink_config_check(const tecton_sink_config *config, beamc_error *err);

#endif
