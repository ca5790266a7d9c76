/* The sink's options: the one table that parsing, validation, discovery and the documents read.
 *
 * To add an option, add one row to the table in sink_options.c and one member to tecton_sink_config. */
#ifndef WORKER_CONFIG_SINK_OPTIONS_H
#define WORKER_CONFIG_SINK_OPTIONS_H

#include "sdk_harness/base/byte_buffer.h"
#include "sdk_harness/expansion/external_transform.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef enum {
    TECTON_OPTION_TEXT,    /* char * */
    TECTON_OPTION_INTEGER, /* int64_t */
    TECTON_OPTION_REAL,    /* double */
    TECTON_OPTION_FLAG,    /* bool */
    TECTON_OPTION_CHOICE   /* int: index into `choices` */
} tecton_option_type;

enum { TECTON_OPTION_MAX_CHOICES = 4, TECTON_OPTION_MAX_TEXT_BYTES = 4096 };

typedef struct {
    const char *name;
    tecton_option_type type;
    const char *unit; /* "records", "s", "ms", ... or "" */
    bool required;
    bool secret;       /* its value is in no message, log or display */
    bool worker_needs; /* travels in the step's payload; otherwise it is used up at expansion */
    int64_t min;       /* INTEGER: smallest and largest value */
    int64_t max;
    double above; /* REAL: more than `above`, at most `at_most` */
    double at_most;
    const char *const *choices; /* CHOICE: num_choices names */
    size_t num_choices;
    int64_t default_integer; /* INTEGER, FLAG (0 or 1), CHOICE (index) */
    double default_real;
    const char *default_text; /* TEXT; NULL: none */
    const char *sentence;     /* what it does; one sentence or two, no line breaks */
    const char *example;      /* a line that is right, as Python writes it: batch_size=10 */
    size_t offset;            /* of the member in tecton_sink_config */
} tecton_option;

/* tecton_options returns the table; `*num_options` rows, required ones first. Static. */
const tecton_option *tecton_options(size_t *num_options);

/* tecton_option_find returns the row whose name is `name`, ignoring case and underscores, or NULL. */
const tecton_option *tecton_option_find(const char *name);

/* The options "error_handling.output" and "error_handling.threshold" come as a row of that name, as Beam YAML has it.
 */
#define TECTON_OPTION_GROUP "error_handling"

/* tecton_option_group_member returns "output" for "error_handling.output"; NULL for an option that is in no group. */
const char *tecton_option_group_member(const char *name);

/* tecton_option_nearest returns the row that `name` was probably meant to be, or NULL. */
const tecton_option *tecton_option_nearest(const char *name);

/* tecton_option_accepted writes what values the option takes, for messages and documents: "whole numbers from 1 to
 * 10 (records)". Always terminated. */
void tecton_option_accepted(const tecton_option *option, char *text, size_t text_size);

/* tecton_option_fields gives the table as discovery shows it. Static. */
const beamc_option_field *tecton_option_fields(size_t *num_fields);

/* tecton_options_markdown and tecton_options_json append the table for documents and for checks in other languages.
 * JSON: [{"name","type","unit","required","secret","default","accepted","choices","min","max","sentence"}, ...]. */
void tecton_options_markdown(beamc_byte_buffer *out);
void tecton_options_json(beamc_byte_buffer *out);

#endif
