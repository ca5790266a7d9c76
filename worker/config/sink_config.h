/* The sink's configuration: every option, parsed and checked.
 *
 * One configuration is made at expansion from what the pipeline's author wrote, travels as JSON in the step's
 * payload, and is read again in the worker. Immutable after parsing; any thread may read it. */
#ifndef WORKER_CONFIG_SINK_CONFIG_H
#define WORKER_CONFIG_SINK_CONFIG_H

#include "sdk_harness/base/byte_buffer.h"
#include "sdk_harness/base/status.h"
#include "sdk_harness/coders/schema.h"
#include "sdk_harness/coders/value.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    TECTON_MAX_BATCH_RECORDS = 10,     /* the ceiling and the default of batch_size */
    TECTON_MAX_PAYLOAD_BYTES = 1 << 20 /* a configuration's JSON */
};

/* Orders follow the choices in the option table. */
typedef enum { TECTON_INT64_AUTO, TECTON_INT64_NUMBER, TECTON_INT64_STRING } tecton_int64_encoding;
typedef enum { TECTON_NON_FINITE_REJECT, TECTON_NON_FINITE_NULL, TECTON_NON_FINITE_STRING } tecton_non_finite;
typedef enum { TECTON_BYTES_BASE64, TECTON_BYTES_REJECT } tecton_bytes_encoding;
typedef enum { TECTON_UNKNOWN_REFUSE, TECTON_UNKNOWN_REPRESENTATION } tecton_unknown_logical_types;
typedef enum { TECTON_PREFLIGHT_OFF, TECTON_PREFLIGHT_SCHEMA, TECTON_PREFLIGHT_FULL } tecton_preflight;
typedef enum { TECTON_EXHAUSTED_FAIL, TECTON_EXHAUSTED_DEAD_LETTER } tecton_on_exhausted;
typedef enum {
    TECTON_ENVIRONMENT_DEFAULT, /* whatever of PROCESS and EXTERNAL the runner can start */
    TECTON_ENVIRONMENT_DOCKER,
    TECTON_ENVIRONMENT_PROCESS,
    TECTON_ENVIRONMENT_EXTERNAL
} tecton_environment;

enum {
    TECTON_MIN_ROWS_FOR_THRESHOLD = 100 /* of one process; a share of fewer rows says little */
};

/* Members are described in the option table. Text that was not given is NULL. */
typedef struct {
    char *tecton_instance;
    char *api_key; /* a literal or a reference; see secret.h */
    char *workspace_name;
    char *stream_source_name;
    int64_t batch_size;
    int64_t max_retries;
    double timeout; /* seconds */
    char *endpoint_url;
    bool dry_run;
    int64_t linger_ms;
    int64_t max_in_flight;
    int64_t max_records_per_second; /* 0: no cap */
    int64_t max_retry_seconds;
    char *error_output;     /* tag of the output with dead letters; NULL: a rejected record fails the bundle */
    double error_threshold; /* share of dead letters above which bundles fail */
    int on_exhausted;       /* tecton_on_exhausted */
    int preflight;          /* tecton_preflight */
    int64_t startup_grace_seconds;
    char *timestamp_field;        /* a column, or NULL */
    char *key_fields;             /* columns, separated by commas, or NULL */
    char *timestamp_from_element; /* a column, or NULL */
    int int64_encoding;           /* tecton_int64_encoding */
    int non_finite;               /* tecton_non_finite */
    int bytes_encoding;           /* tecton_bytes_encoding */
    int unknown_logical_types;    /* tecton_unknown_logical_types */
    char *ca_file;
    char *proxy;
    bool allow_insecure;
    int environment_type; /* tecton_environment */
    char *environment_config;
    char *container_image;
    char *worker_command;
} tecton_sink_config;

/* tecton_sink_config_parse reads what the author wrote.
 *   schema, values   the configuration row; names in any spelling, integers of any width, null means not given
 *   config           overwritten; free its contents with tecton_sink_config_cleanup, also after a failure
 * BEAMC_INVALID names the option, the value given (never a secret's), what is accepted, and a line that is right. */
beamc_status tecton_sink_config_parse(const beamc_schema *schema, const beamc_value *values, tecton_sink_config *config,
                                      beamc_error *err);

/* tecton_sink_config_to_payload appends the configuration as one JSON object. BEAMC_LIMIT at the ceiling. */
beamc_status tecton_sink_config_to_payload(const tecton_sink_config *config, beamc_byte_buffer *out, beamc_error *err);

/* tecton_sink_config_from_payload reads that object and checks it as strictly as parse does. */
beamc_status tecton_sink_config_from_payload(const uint8_t *payload, size_t len, tecton_sink_config *config,
                                             beamc_error *err);

/* tecton_sink_config_endpoint returns the URL that requests go to; new, release with free. */
char *tecton_sink_config_endpoint(const tecton_sink_config *config);

/* tecton_sink_config_host returns what the account is known by: tecton_instance, or the host of endpoint_url with its
 * port; new, release with free. */
char *tecton_sink_config_host(const tecton_sink_config *config);

/* tecton_sink_config_cleanup wipes and frees; the zero state is safe. */
void tecton_sink_config_cleanup(tecton_sink_config *config);

#endif
