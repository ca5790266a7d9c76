#include "tests/unit/emulator/sample_config.h"

#include "sdk_harness/base/alloc.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

const char sample_config_json[] =
    "{\"api_keys\":{\"ed\":{\"roles\":{\"prod\":\"editor\",\"dev\":\"editor\"}},"
    "\"view\":{\"roles\":{\"prod\":\"viewer\"}},\"none\":{\"roles\":{}}},"
    "\"workspaces\":{\"prod\":{\"live\":true},\"dev\":{\"live\":false}},"
    "\"stream_sources\":{"
    "\"swipes\":{\"workspace\":\"prod\",\"timestamp\":\"at\","
    "\"schema\":{\"card\":\"String\",\"n\":\"Int64\",\"at\":\"Timestamp\"}},"
    "\"quiet\":{\"workspace\":\"prod\",\"timestamp\":\"at\",\"schema\":{\"card\":\"String\",\"at\":\"Timestamp\"}},"
    "\"orphan\":{\"workspace\":\"prod\",\"timestamp\":\"at\",\"schema\":{\"card\":\"String\",\"at\":\"Timestamp\"}},"
    "\"swipes_dev\":{\"workspace\":\"dev\",\"timestamp\":\"at\",\"schema\":{\"card\":\"String\",\"at\":\"Timestamp\"}}}"
    ","
    "\"feature_views\":{"
    "\"last_swipe\":{\"workspace\":\"prod\",\"source\":\"swipes\",\"join_keys\":[\"card\"]},"
    "\"swipes_per_card\":{\"workspace\":\"prod\",\"source\":\"swipes\",\"join_keys\":[\"card\",\"n\"],"
    "\"aggregate\":true},"
    "\"fresh_swipe\":{\"workspace\":\"prod\",\"source\":\"swipes\",\"join_keys\":[\"card\"],\"ttl_seconds\":60},"
    "\"quiet_view\":{\"workspace\":\"prod\",\"source\":\"quiet\",\"join_keys\":[\"card\"],\"online\":false},"
    "\"last_dev\":{\"workspace\":\"dev\",\"source\":\"swipes_dev\",\"join_keys\":[\"card\"]}},"
    "\"strictness\":{\"max_rows\":1000}}";

char *sample_config_replace(const char *from, const char *to) {
    if (from == NULL)
        return beamc_strdup(sample_config_json);
    const char *at = strstr(sample_config_json, from);
    assert_non_null(at);
    return beamc_format("%.*s%s%s", (int)(at - sample_config_json), sample_config_json, to, at + strlen(from));
}

void sample_config_read(emu_config *out, const char *from, const char *to) {
    char *json = sample_config_replace(from, to);
    beamc_error err = {""};
    if (emu_config_read(json, strlen(json), out, &err) != BEAMC_OK)
        fail_msg("the sample config is refused: %s", err.text);
    free(json);
}

const char *buffer_text(beamc_byte_buffer *buffer) {
    assert_true(beamc_byte_buffer_append_byte(buffer, '\0'));
    buffer->len--;
    return (const char *)buffer->data;
}
