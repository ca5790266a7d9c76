/* Reads members of configs, fault scripts and traffic models. Errors name the member. Any thread. */
#ifndef TESTS_EMULATOR_JSON_MEMBERS_H
#define TESTS_EMULATOR_JSON_MEMBERS_H

#include "sdk_harness/base/status.h"

#include <stdint.h>

struct cJSON;

/* emu_json_only_members fails when `object` is none, for the first member that is not in the NULL-terminated list of
 * names, and for one that occurs twice. */
beamc_status emu_json_only_members(const struct cJSON *object, const char *const *names, beamc_error *err);

/* emu_json_whole reads a whole number from `min` to `max`, which doubles can hold; `name` is for the message. */
beamc_status emu_json_whole(const struct cJSON *value, const char *name, double min, double max, int64_t *out,
                            beamc_error *err);

/* emu_json_real reads any number from `min` to `max`. */
beamc_status emu_json_real(const struct cJSON *value, const char *name, double min, double max, double *out,
                           beamc_error *err);

#endif
