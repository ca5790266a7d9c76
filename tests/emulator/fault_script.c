#include "tests/emulator/fault_script.h"

#include "sdk_harness/base/alloc.h"
#include "tests/emulator/json_members.h"
#include "tests/emulator/random_fraction.h"

#include <cjson/cJSON.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const body_names[] = {
    [EMU_FAULT_BODY_REQUEST_ERROR] = "request_error",
    [EMU_FAULT_BODY_RECORD_ERROR] = "record_error",
    [EMU_FAULT_BODY_HTML] = "html",
    [EMU_FAULT_BODY_EMPTY] = "empty",
    [EMU_FAULT_BODY_GARBAGE] = "garbage",
    [EMU_FAULT_BODY_TRUNCATED] = "truncated",
};

static beamc_status read_body(const cJSON *value, emu_fault *fault, beamc_error *err) {
    const char *name = cJSON_GetStringValue(value);
    for (emu_fault_body body = EMU_FAULT_BODY_REQUEST_ERROR; name != NULL && body < EMU_FAULT_BODY_TEXT; body++) {
        if (strcmp(name, body_names[body]) == 0) {
            fault->body = body;
            return BEAMC_OK;
        }
    }
    if (name == NULL || strncmp(name, "text:", 5) != 0 || strlen(name) > EMU_MAX_FAULT_TEXT_BYTES)
        return beamc_fail(err, BEAMC_INVALID,
                          "body: expected request_error, record_error, html, empty, garbage, truncated or text:...");
    fault->body = EMU_FAULT_BODY_TEXT;
    fault->text = beamc_strdup(name + 5);
    return BEAMC_OK;
}

static beamc_status read_member(const cJSON *value, emu_fault *fault, beamc_error *err) {
    const char *name = value->string;
    int64_t number = 0;
    if (strcmp(name, "status") == 0) {
        BEAMC_TRY(emu_json_whole(value, name, 200, 599, &number, err));
        fault->status = (int)number;
    } else if (strcmp(name, "times") == 0) {
        BEAMC_TRY(emu_json_whole(value, name, -1, 1e12, &fault->times, err));
        if (fault->times == 0)
            return beamc_fail(err, BEAMC_INVALID, "times: 0 would hit nothing; -1 is for ever");
    } else if (strcmp(name, "after") == 0) {
        BEAMC_TRY(emu_json_whole(value, name, 0, 1e12, &number, err));
        fault->after = (uint64_t)number;
    } else if (strcmp(name, "after_ms") == 0) {
        BEAMC_TRY(emu_json_whole(value, name, 0, EMU_MAX_FAULT_WINDOW_MS, &number, err));
        fault->after_ms = (uint64_t)number;
    } else if (strcmp(name, "for_ms") == 0) {
        BEAMC_TRY(emu_json_whole(value, name, 1, EMU_MAX_FAULT_WINDOW_MS, &number, err));
        fault->for_ms = (uint64_t)number;
    } else if (strcmp(name, "delay_ms") == 0) {
        BEAMC_TRY(emu_json_whole(value, name, 0, EMU_MAX_FAULT_DELAY_MS, &number, err));
        fault->delay_ms = (uint64_t)number;
    } else if (strcmp(name, "probability") == 0) {
        if (!cJSON_IsNumber(value) || !(value->valuedouble > 0 && value->valuedouble <= 1))
            return beamc_fail(err, BEAMC_INVALID, "probability: expected a number above 0 and up to 1");
        fault->probability = value->valuedouble;
    } else if (strcmp(name, "retry_after") == 0) {
        return emu_retry_after_read(value, &fault->retry_after, err);
    } else if (strcmp(name, "body") == 0) {
        return read_body(value, fault, err);
    } else if (strcmp(name, "cut") == 0) {
        const char *when = cJSON_GetStringValue(value);
        if (when == NULL || (strcmp(when, "before") != 0 && strcmp(when, "after") != 0))
            return beamc_fail(err, BEAMC_INVALID, "cut: expected before or after");
        fault->cut = strcmp(when, "before") == 0 ? EMU_CUT_BEFORE : EMU_CUT_AFTER;
    } else if (strcmp(name, "write") == 0) {
        if (!cJSON_IsBool(value))
            return beamc_fail(err, BEAMC_INVALID, "write: expected true or false");
        fault->write = cJSON_IsTrue(value);
    } else {
        return beamc_fail(err, BEAMC_INVALID, "unknown name \"%s\"", name);
    }
    return BEAMC_OK;
}

static beamc_status read_fault(const cJSON *json, emu_fault *fault, beamc_error *err) {
    *fault = (emu_fault){.probability = 1.0};
    if (!cJSON_IsObject(json) || json->child == NULL)
        return beamc_fail(err, BEAMC_INVALID, "expected an object with at least one member");
    const cJSON *member;
    cJSON_ArrayForEach(member, json) {
        for (const cJSON *other = json->child; other != member; other = other->next)
            if (strcmp(other->string, member->string) == 0)
                return beamc_fail(err, BEAMC_INVALID, "\"%s\" occurs twice", member->string);
        BEAMC_TRY(read_member(member, fault, err));
    }
    if (fault->times == 0)
        fault->times = fault->for_ms > 0 ? -1 : 1;
    if (fault->cut != EMU_CUT_NONE && (fault->status != 0 || fault->body != EMU_FAULT_BODY_NORMAL))
        return beamc_fail(err, BEAMC_INVALID, "cut: leaves no answer for status and body");
    if (fault->cut != EMU_CUT_NONE && fault->write)
        return beamc_fail(err, BEAMC_INVALID, "cut: says itself whether the write takes place");
    bool error_body = fault->body == EMU_FAULT_BODY_REQUEST_ERROR || fault->body == EMU_FAULT_BODY_RECORD_ERROR;
    if (error_body && fault->status == 0)
        fault->status = 400;
    return BEAMC_OK;
}

static beamc_status read_faults(const cJSON *root, emu_fault_script *out, beamc_error *err) {
    const cJSON *faults = cJSON_GetObjectItemCaseSensitive(root, "faults");
    int count = cJSON_GetArraySize(faults);
    if (!cJSON_IsArray(faults) || cJSON_GetArraySize(root) != 1 || count > EMU_MAX_FAULTS)
        return beamc_fail(err, BEAMC_INVALID, "expected {\"faults\": [...]} with at most %d faults", EMU_MAX_FAULTS);
    out->faults = beamc_alloc_zero((size_t)count, sizeof *out->faults);
    const cJSON *item;
    cJSON_ArrayForEach(item, faults) {
        beamc_status status = read_fault(item, &out->faults[out->num_faults++], err);
        if (status != BEAMC_OK) {
            char place[32];
            snprintf(place, sizeof place, "fault %zu", out->num_faults - 1);
            return beamc_fail_within(err, status, place);
        }
    }
    return BEAMC_OK;
}

beamc_status emu_fault_script_read(const char *json, size_t json_len, emu_fault_script *out, beamc_error *err) {
    *out = (emu_fault_script){.random = EMU_RANDOM_SEED};
    cJSON *root = cJSON_ParseWithLength(json, json_len);
    if (root == NULL)
        return beamc_fail(err, BEAMC_INVALID, "the fault script is not JSON");
    beamc_status status = read_faults(root, out, err);
    cJSON_Delete(root);
    if (status != BEAMC_OK)
        emu_fault_script_cleanup(out);
    return status;
}

void emu_fault_script_cleanup(emu_fault_script *script) {
    for (size_t i = 0; i < script->num_faults; i++)
        emu_fault_cleanup(&script->faults[i]);
    free(script->faults);
    *script = (emu_fault_script){.random = EMU_RANDOM_SEED};
}

void emu_fault_cleanup(emu_fault *fault) {
    free(fault->text);
    fault->text = NULL;
}

/* The next fault decides, from `since_ms` on. */
static void move_on(emu_fault_script *script, uint64_t since_ms) {
    script->at++;
    script->passed = 0;
    script->hit = 0;
    script->since_ms = since_ms;
}

void emu_fault_script_start(emu_fault_script *script, uint64_t now_ms) {
    script->since_ms = now_ms;
}

bool emu_fault_script_take(emu_fault_script *script, uint64_t now_ms, emu_fault *out) {
    const emu_fault *fault = NULL;
    for (;;) {
        if (script->at == script->num_faults)
            return false;
        fault = &script->faults[script->at];
        uint64_t end_ms = script->since_ms + fault->after_ms + fault->for_ms;
        if (fault->for_ms == 0 || now_ms < end_ms)
            break;
        move_on(script, end_ms);
    }
    if (now_ms < script->since_ms + fault->after_ms)
        return false;
    if (script->passed < fault->after) {
        script->passed++;
        return false;
    }
    if (fault->probability < 1.0 && emu_random_fraction(&script->random) >= fault->probability)
        return false;
    *out = *fault;
    if (fault->text != NULL)
        out->text = beamc_strdup(fault->text);
    if (++script->hit == fault->times)
        move_on(script, now_ms);
    return true;
}
