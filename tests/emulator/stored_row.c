#include "tests/emulator/stored_row.h"

#include <stdbool.h>

const char *emu_stored_row_next(const char *at, const char *end) {
    int depth = 0;
    bool quoted = false;
    for (; at < end; at++) {
        if (quoted) {
            if (*at == '\\')
                at++;
            else if (*at == '"')
                quoted = false;
        } else if (*at == '"') {
            quoted = true;
        } else if (*at == '[' || *at == '{') {
            depth++;
        } else if ((*at == ']' || *at == '}') && depth > 0) {
            depth--;
        } else if (depth == 0 && (*at == ',' || *at == ']')) {
            break;
        }
    }
    return at;
}
