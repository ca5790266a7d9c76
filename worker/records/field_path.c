#include "worker/records/field_path.h"

#include "sdk_harness/base/clean_text.h"

#include <stdio.h>
#include <string.h>

static size_t write_step(const tecton_field_path *path, char *text, size_t text_size) {
    int len = 0;
    switch (path->kind) {
    case TECTON_PATH_FIELD:
        if (path->outer != NULL && text_size > 1)
            *text = '.';
        len = path->outer != NULL && text_size > 1 ? 1 : 0;
        return (size_t)len + beamc_clean_text(path->field, strlen(path->field), text + len, text_size - (size_t)len);
    case TECTON_PATH_INDEX:
        len = snprintf(text, text_size, "[%zu]", path->index);
        break;
    case TECTON_PATH_KEY:
        len = snprintf(text, text_size, "[entry %zu]", path->index);
        break;
    }
    size_t wanted = len < 0 ? 0 : (size_t)len;
    return wanted < text_size ? wanted : text_size - 1;
}

static size_t write_path(const tecton_field_path *path, char *text, size_t text_size) {
    size_t len = path->outer == NULL ? 0 : write_path(path->outer, text, text_size);
    return len + write_step(path, text + len, text_size - len);
}

void tecton_field_path_text(const tecton_field_path *path, char *text, size_t text_size) {
    text[0] = '\0';
    (void)write_path(path, text, text_size);
}

beamc_status tecton_field_refuse(const tecton_field_path *path, beamc_error *err, const char *why) {
    char where[512];
    tecton_field_path_text(path, where, sizeof where);
    return beamc_fail(err, BEAMC_INVALID, "field %s: %s", where, why);
}
