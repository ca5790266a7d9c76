/* A small cluster that the tests share, and bytes as text for assertions. */
#ifndef TESTS_UNIT_EMULATOR_SAMPLE_CONFIG_H
#define TESTS_UNIT_EMULATOR_SAMPLE_CONFIG_H

#include "sdk_harness/base/byte_buffer.h"
#include "tests/emulator/emulator_config.h"

/* Workspaces prod (live) and dev (not); keys ed (editor of both), view (viewer of prod), none (no role).
 * Sources of prod: swipes {card String, n Int64, at Timestamp}, fed into plain view last_swipe, aggregate view
 * swipes_per_card and view fresh_swipe with a TTL of 60 s; quiet, whose only view is offline; orphan, without
 * views. Source of dev: swipes_dev with view last_dev. */
extern const char sample_config_json[];

/* The sample config with the text `from` replaced by `to`; from NULL: unchanged. Fails the test if it is not
 * valid. Release with emu_config_cleanup. */
void sample_config_read(emu_config *out, const char *from, const char *to);

/* The replaced text itself. Free it. */
char *sample_config_replace(const char *from, const char *to);

/* Appends the terminator and returns the bytes as text. */
const char *buffer_text(beamc_byte_buffer *buffer);

#endif
