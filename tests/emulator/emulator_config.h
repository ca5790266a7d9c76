/* What the emulated cluster holds: API keys, workspaces, stream sources and feature views, read from one JSON
 * file (README.md has the format). Read-only after reading, so any thread may use it. */
#ifndef TESTS_EMULATOR_EMULATOR_CONFIG_H
#define TESTS_EMULATOR_EMULATOR_CONFIG_H

#include "sdk_harness/base/status.h"
#include "tests/emulator/column_type.h"
#include "tests/emulator/traffic_model.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef enum { EMU_ROLE_NONE, EMU_ROLE_VIEWER, EMU_ROLE_EDITOR, EMU_ROLE_OWNER } emu_role;

typedef struct {
    char *name;
    bool live;
} emu_workspace;

typedef struct {
    char *key;
    emu_role *roles; /* one a workspace, by its index */
} emu_api_key;

typedef struct {
    char *name;
    uint32_t workspace; /* index */
    emu_column *columns;
    uint32_t num_columns;
    uint32_t timestamp_column; /* index */
    uint32_t *views;           /* indexes of the feature views that subscribe to it */
    uint32_t num_views;
} emu_stream_source;

typedef struct {
    char *name;
    char id[33]; /* 32 hexadecimal digits made from the name */
    uint32_t workspace;
    uint32_t source;
    uint32_t *join_columns; /* column indexes of the source, in the order of join_keys */
    uint32_t num_join_columns;
    int64_t ttl_seconds; /* EMU_NO_TTL: none */
    bool online;
    bool aggregate;
} emu_feature_view;

#define EMU_NO_TTL INT64_C(-1)

typedef enum { EMU_INT64_NUMBER_OR_STRING, EMU_INT64_NUMBER, EMU_INT64_STRING } emu_int64_form;

typedef struct {
    bool lenient_keys;  /* both spellings of the top-level names on both paths */
    bool partial_write; /* good records of a request with bad ones are written */
    bool emit_zeros;    /* counts of zero appear in answers */
    uint64_t max_body_bytes;
    uint64_t max_rows; /* the store's ceiling; beyond it 507 */
    emu_int64_form int64;
} emu_strictness;

typedef struct {
    emu_workspace *workspaces;
    uint32_t num_workspaces;
    emu_api_key *api_keys;
    uint32_t num_api_keys;
    emu_stream_source *sources;
    uint32_t num_sources;
    emu_feature_view *views;
    uint32_t num_views;
    emu_strictness strictness;
    emu_traffic_options traffic; /* at the start, and after a reset */
    bool body_sha256;            /* the request log holds a SHA-256 of each body */
} emu_config;

enum { EMU_CONFIG_MAX_BYTES = 4 * 1024 * 1024 };

/* emu_config_read reads the JSON text. On failure nothing is kept and the error names the place. */
beamc_status emu_config_read(const char *json, size_t json_len, emu_config *out, beamc_error *err);

/* emu_config_load reads a file of at most EMU_CONFIG_MAX_BYTES. */
beamc_status emu_config_load(const char *path, emu_config *out, beamc_error *err);

void emu_config_cleanup(emu_config *config);

/* Look-ups by name; NULL if there is none. `len` is the name's length in bytes. Names of sources and views
 * count only inside their workspace. */
const emu_workspace *emu_config_workspace(const emu_config *config, const char *name, size_t len);
const emu_stream_source *emu_config_source(const emu_config *config, const emu_workspace *workspace, const char *name,
                                           size_t len);
const emu_feature_view *emu_config_view(const emu_config *config, const emu_workspace *workspace, const char *name,
                                        size_t len);

/* emu_config_authorize reads an Authorization header ("Tecton-key <key>") and returns its key, or NULL when
 * the header is absent, of another scheme, or of an unknown key. */
const emu_api_key *emu_config_authorize(const emu_config *config, const char *authorization);

/* emu_config_role: what `key` may do in `workspace`. */
emu_role emu_config_role(const emu_config *config, const emu_api_key *key, const emu_workspace *workspace);

#endif
