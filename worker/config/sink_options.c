#include "worker/config/sink_options.h"

#include "worker/config/option_name.h"
#include "worker/config/sink_config.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static const char *const int64_encodings[] = {"auto", "number", "string"};
static const char *const non_finites[] = {"reject", "null", "string"};
static const char *const bytes_encodings[] = {"base64", "reject"};
static const char *const unknown_logical_types[] = {"refuse", "representation"};
static const char *const on_exhausteds[] = {"fail", "dead_letter"};
static const char *const preflights[] = {"off", "schema", "full"};
static const char *const environments[] = {"DEFAULT", "DOCKER", "PROCESS", "EXTERNAL"};

#define AT(member) .offset = offsetof(tecton_sink_config, member)
#define TEXT       .type = TECTON_OPTION_TEXT, .unit = ""
#define INTEGER(of, from, to, usual)                                                                                   \
    .type = TECTON_OPTION_INTEGER, .unit = of, .min = from, .max = to, .default_integer = usual
#define FLAG(usual) .type = TECTON_OPTION_FLAG, .unit = "", .default_integer = usual
#define CHOICE(names, usual)                                                                                           \
    .type = TECTON_OPTION_CHOICE, .unit = "", .choices = names, .num_choices = sizeof names / sizeof names[0],         \
    .default_integer = usual

static const tecton_option table[] = {
    {.name = "tecton_instance",
     TEXT,
     .worker_needs = true,
     AT(tecton_instance),
     .example = "tecton_instance=\"acme.tecton.ai\"",
     .sentence =
         "Host name of your Tecton instance; requests go to https://preview.{tecton_instance}/ingest. Required unless "
         "endpoint_url is given."},
    {.name = "api_key",
     TEXT,
     .required = true,
     .secret = true,
     .worker_needs = true,
     AT(api_key),
     .example = "api_key=\"env:TECTON_API_KEY\"",
     .sentence =
         "Key of a service account with the role Editor on the workspace, or a reference that the worker resolves: "
         "env:NAME, file:/path or "
         "type:GcpSecret;version_name:projects/PROJECT/secrets/NAME/versions/VERSION."},
    {.name = "workspace_name",
     TEXT,
     .required = true,
     .worker_needs = true,
     AT(workspace_name),
     .example = "workspace_name=\"prod\"",
     .sentence = "Live workspace that holds the stream source."},
    {.name = "stream_source_name",
     TEXT,
     .required = true,
     .worker_needs = true,
     AT(stream_source_name),
     .example = "stream_source_name=\"transactions\"",
     .sentence = "Stream source that takes the rows."},
    {.name = "batch_size",
     INTEGER("records", 1, TECTON_MAX_BATCH_RECORDS, TECTON_MAX_BATCH_RECORDS),
     .worker_needs = true,
     AT(batch_size),
     .example = "batch_size=10",
     .sentence = "Records in one request, at most."},
    {.name = "max_retries",
     INTEGER("retries", 0, 100, 3),
     .worker_needs = true,
     AT(max_retries),
     .example = "max_retries=3",
     .sentence =
         "How often a request that was sent and failed is sent again; requests that were throttled or could not be "
         "sent wait without using this up, until max_retry_seconds."},
    {.name = "timeout",
     .type = TECTON_OPTION_REAL,
     .unit = "s",
     .above = 0,
     .at_most = 3600,
     .default_real = 30,
     .worker_needs = true,
     AT(timeout),
     .example = "timeout=30.0",
     .sentence = "How long one request may take, from connecting to the answer's last byte."},
    {.name = "endpoint_url",
     TEXT,
     .worker_needs = true,
     AT(endpoint_url),
     .example = "endpoint_url=\"https://us-west1.acme.tecton.ai/ingest\"",
     .sentence = "Whole URL to send to, in place of the one made from tecton_instance; a path that ends in /v2/ingest "
                 "switches to that version's camelCase keys."},
    {.name = "dry_run",
     FLAG(0),
     .worker_needs = true,
     AT(dry_run),
     .example = "dry_run=True",
     .sentence = "Tecton checks the records and writes nothing."},
    {.name = "linger_ms",
     INTEGER("ms", 0, 60000, 10),
     .worker_needs = true,
     AT(linger_ms),
     .example = "linger_ms=10",
     .sentence =
         "How long a batch that is not full waits for more rows while no input is there; 0 means until the bundle's "
         "end."},
    {.name = "max_in_flight",
     INTEGER("requests", 1, 1000, 200),
     .worker_needs = true,
     AT(max_in_flight),
     .example = "max_in_flight=200",
     .sentence =
         "Most requests under way at one time to one endpoint, for a whole worker process; how many of these the "
         "service can take is learned from its answers."},
    {.name = "max_records_per_second",
     INTEGER("records/s", 0, 10000000, 0),
     .worker_needs = true,
     AT(max_records_per_second),
     .example = "max_records_per_second=1000",
     .sentence =
         "Most records sent in a second to one endpoint, for a whole worker process, reached within a minute from "
         "a quarter of it; 0 means no cap."},
    {.name = "max_retry_seconds",
     INTEGER("s", 1, 86400, 300),
     .worker_needs = true,
     AT(max_retry_seconds),
     .example = "max_retry_seconds=300",
     .sentence = "How long a request is tried in all, whatever the reason it fails."},
    {.name = "error_handling.output",
     TEXT,
     .worker_needs = true,
     AT(error_output),
     .example = "error_handling={\"output\": \"errors\"}",
     .sentence =
         "Name of an output that takes the rows that are refused, each with the reason; without it a refused row "
         "fails its bundle."},
    {.name = "error_handling.threshold",
     .type = TECTON_OPTION_REAL,
     .unit = "share",
     .above = 0,
     .at_most = 1,
     .default_real = 1,
     .worker_needs = true,
     AT(error_threshold),
     .example = "error_handling={\"output\": \"errors\", \"threshold\": 0.05}",
     .sentence =
         "Share of refused rows above which bundles fail, counted in each worker process from its 100th row on."},
    {.name = "on_exhausted",
     CHOICE(on_exhausteds, TECTON_EXHAUSTED_FAIL),
     .worker_needs = true,
     AT(on_exhausted),
     .example = "on_exhausted=\"dead_letter\"",
     .sentence = "What becomes of rows whose retries ran out: the bundle fails, or they go to the output of "
                 "error_handling."},
    {.name = "preflight",
     CHOICE(preflights, TECTON_PREFLIGHT_SCHEMA),
     .worker_needs = true,
     AT(preflight),
     .example = "preflight=\"full\"",
     .sentence =
         "What is checked before the first write: schema compares the rows' types with what Tecton takes when the "
         "pipeline is built, full also asks Tecton for a dry run of the first row in each worker process, off "
         "leaves all to the worker."},
    {.name = "startup_grace_seconds",
     INTEGER("s", 0, 3600, 0),
     .worker_needs = true,
     AT(startup_grace_seconds),
     .example = "startup_grace_seconds=300",
     .sentence = "For how long after its first request a worker process tries again when Tecton does not find the "
                 "workspace or the source, which takes minutes to be known after tecton apply."},
    {.name = "timestamp_field",
     TEXT,
     .worker_needs = true,
     AT(timestamp_field),
     .example = "timestamp_field=\"event_time\"",
     .sentence = "The source's timestamp column: its presence and type are checked when the pipeline is built."},
    {.name = "key_fields",
     TEXT,
     .worker_needs = true,
     AT(key_fields),
     .example = "key_fields=\"user_id,merchant_id\"",
     .sentence =
         "The join keys, separated by commas; with timestamp_field, rows of one bundle with equal keys and time, of "
         "which Tecton keeps only the last, are counted."},
    {.name = "timestamp_from_element",
     TEXT,
     .worker_needs = true,
     AT(timestamp_from_element),
     .example = "timestamp_from_element=\"event_time\"",
     .sentence = "Name of a column to add that holds Beam's event time of each row."},
    {.name = "int64_encoding",
     CHOICE(int64_encodings, TECTON_INT64_AUTO),
     .worker_needs = true,
     AT(int64_encoding),
     .example = "int64_encoding=\"auto\"",
     .sentence =
         "How INT64 values are written: auto writes a number up to 2^53-1 and a decimal string beyond, number refuses "
         "what is beyond, string always writes a string."},
    {.name = "non_finite",
     CHOICE(non_finites, TECTON_NON_FINITE_REJECT),
     .worker_needs = true,
     AT(non_finite),
     .example = "non_finite=\"null\"",
     .sentence =
         "What becomes of NaN and infinities, which JSON cannot hold: an error, null, or the strings NaN, Infinity and "
         "-Infinity."},
    {.name = "bytes_encoding",
     CHOICE(bytes_encodings, TECTON_BYTES_BASE64),
     .worker_needs = true,
     AT(bytes_encoding),
     .example = "bytes_encoding=\"base64\"",
     .sentence = "How BYTES columns, which Tecton does not have, are written: as a base64 string, or not at all."},
    {.name = "unknown_logical_types",
     CHOICE(unknown_logical_types, TECTON_UNKNOWN_REFUSE),
     .worker_needs = true,
     AT(unknown_logical_types),
     .example = "unknown_logical_types=\"representation\"",
     .sentence = "What becomes of columns whose Beam logical type the sink does not know: refused when the pipeline is "
                 "built, or written as the plain type that represents them."},
    {.name = "ca_file",
     TEXT,
     .worker_needs = true,
     AT(ca_file),
     .example = "ca_file=\"/etc/ssl/certs/ca-certificates.crt\"",
     .sentence = "PEM file on the worker with the certificates to trust, in place of the system's."},
    {.name = "proxy",
     TEXT,
     .worker_needs = true,
     .default_text = "env",
     AT(proxy),
     .example = "proxy=\"none\"",
     .sentence =
         "env takes the proxy from the worker's HTTPS_PROXY and NO_PROXY, none uses no proxy, anything else is the "
         "proxy's URL."},
    {.name = "allow_insecure",
     FLAG(0),
     .worker_needs = true,
     AT(allow_insecure),
     .example = "allow_insecure=True",
     .sentence = "Lets endpoint_url be http:// for a host other than this machine; the key then travels readable."},
    {.name = "environment_type",
     CHOICE(environments, TECTON_ENVIRONMENT_DEFAULT),
     AT(environment_type),
     .example = "environment_type=\"PROCESS\"",
     .sentence =
         "How the runner starts the worker, in Beam's words; DEFAULT lets it choose between PROCESS and EXTERNAL."},
    {.name = "environment_config",
     TEXT,
     AT(environment_config),
     .example = "environment_config=\"/opt/beam-tecton/beam-tecton\"",
     .sentence =
         "Goes with environment_type: the worker's command for PROCESS, the worker pool's address for EXTERNAL, the "
         "image for DOCKER."},
    {.name = "container_image",
     TEXT,
     AT(container_image),
     .example = "container_image=\"registry.example/beam-tecton:1\"",
     .sentence = "Image that holds the worker, for runners that start containers."},
    {.name = "worker_command",
     TEXT,
     AT(worker_command),
     .example = "worker_command=\"/opt/beam-tecton/beam-tecton\"",
     .sentence = "Path of beam-tecton on the machines that run the pipeline, for runners that start the worker as a "
                 "process; without it, its path on the machine that builds the pipeline."},
};

enum { NUM_OPTIONS = sizeof table / sizeof table[0] };

const tecton_option *tecton_options(size_t *num_options) {
    *num_options = NUM_OPTIONS;
    return table;
}

const tecton_option *tecton_option_find(const char *name) {
    for (size_t i = 0; i < NUM_OPTIONS; i++) {
        if (tecton_option_name_equal(table[i].name, name))
            return &table[i];
    }
    return NULL;
}

const char *tecton_option_group_member(const char *name) {
    static const char group[] = TECTON_OPTION_GROUP ".";
    return strncmp(name, group, sizeof group - 1) == 0 ? name + sizeof group - 1 : NULL;
}

const tecton_option *tecton_option_nearest(const char *name) {
    const char *names[NUM_OPTIONS];
    for (size_t i = 0; i < NUM_OPTIONS; i++)
        names[i] = table[i].name;
    long nearest = tecton_option_name_nearest(name, names, NUM_OPTIONS);
    return nearest < 0 ? NULL : &table[nearest];
}

void tecton_option_accepted(const tecton_option *option, char *text, size_t text_size) {
    int len = 0;
    switch (option->type) {
    case TECTON_OPTION_TEXT:
        (void)snprintf(text, text_size, "text that is not empty");
        return;
    case TECTON_OPTION_INTEGER:
        (void)snprintf(text, text_size, "whole numbers from %" PRId64 " to %" PRId64 " (%s)", option->min, option->max,
                       option->unit);
        return;
    case TECTON_OPTION_REAL:
        (void)snprintf(text, text_size, "numbers above %g and up to %g (%s)", option->above, option->at_most,
                       option->unit);
        return;
    case TECTON_OPTION_FLAG:
        (void)snprintf(text, text_size, "true and false");
        return;
    case TECTON_OPTION_CHOICE:
        for (size_t i = 0; i < option->num_choices && len >= 0 && (size_t)len < text_size; i++)
            len += snprintf(text + len, text_size - (size_t)len, "%s%s", i == 0 ? "" : ", ", option->choices[i]);
        return;
    }
}

static beamc_option_field field_of(const tecton_option *option, const char *name) {
    static const beamc_type_kind kinds[] = {[TECTON_OPTION_TEXT] = BEAMC_TYPE_STRING,
                                            [TECTON_OPTION_INTEGER] = BEAMC_TYPE_INT64,
                                            [TECTON_OPTION_REAL] = BEAMC_TYPE_DOUBLE,
                                            [TECTON_OPTION_FLAG] = BEAMC_TYPE_BOOLEAN,
                                            [TECTON_OPTION_CHOICE] = BEAMC_TYPE_STRING};
    return (beamc_option_field){
        .name = name, .description = option->sentence, .kind = kinds[option->type], .required = option->required};
}

const beamc_option_field *tecton_option_fields(size_t *num_fields) {
    /* Filled once from the table; a second thread would write the same bytes, but expansion has one thread. */
    static beamc_option_field fields[NUM_OPTIONS];
    static beamc_option_field inner[NUM_OPTIONS];
    size_t num_outer = 0;
    size_t num_inner = 0;
    for (size_t i = 0; i < NUM_OPTIONS; i++) {
        const char *member = tecton_option_group_member(table[i].name);
        if (member == NULL) {
            fields[num_outer++] = field_of(&table[i], table[i].name);
            continue;
        }
        if (num_inner == 0)
            fields[num_outer++] = (beamc_option_field){.name = TECTON_OPTION_GROUP,
                                                       .description = "What becomes of rows that are refused.",
                                                       .kind = BEAMC_TYPE_ROW,
                                                       .fields = inner};
        inner[num_inner++] = field_of(&table[i], member);
        fields[num_outer - 1].num_fields = num_inner;
    }
    *num_fields = num_outer;
    return fields;
}
