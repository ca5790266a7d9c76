#include "worker/config/option_name.h"

#include <string.h>

enum { COMPARED_LETTERS = 64 };

static bool is_separator(char c) {
    return c == '_' || c == '-';
}

static char lower(char c) {
    return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

bool tecton_option_name_equal(const char *a, const char *b) {
    for (;;) {
        while (is_separator(*a))
            a++;
        while (is_separator(*b))
            b++;
        if (lower(*a) != lower(*b))
            return false;
        if (*a == '\0')
            return true;
        a++;
        b++;
    }
}

static size_t letters_of(const char *name, char *letters) {
    size_t len = 0;
    for (; *name != '\0' && len < COMPARED_LETTERS; name++) {
        if (!is_separator(*name))
            letters[len++] = lower(*name);
    }
    return len;
}

static size_t least(size_t a, size_t b) {
    return a < b ? a : b;
}

size_t tecton_option_name_distance(const char *a, const char *b) {
    char x[COMPARED_LETTERS];
    char y[COMPARED_LETTERS];
    size_t x_len = letters_of(a, x);
    size_t y_len = letters_of(b, y);
    size_t rows[3][COMPARED_LETTERS + 1]; /* the row before last, the last one, this one */
    size_t *before = rows[0];
    size_t *last = rows[1];
    size_t *row = rows[2];
    memset(rows, 0, sizeof rows);
    for (size_t j = 0; j <= y_len; j++)
        last[j] = j;
    for (size_t i = 1; i <= x_len; i++) {
        row[0] = i;
        for (size_t j = 1; j <= y_len; j++) {
            size_t replace = last[j - 1] + (x[i - 1] == y[j - 1] ? 0 : 1);
            row[j] = least(replace, least(last[j], row[j - 1]) + 1);
            if (i > 1 && j > 1 && x[i - 1] == y[j - 2] && x[i - 2] == y[j - 1])
                row[j] = least(row[j], before[j - 2] + 1);
        }
        size_t *spare = before;
        before = last;
        last = row;
        row = spare;
    }
    return last[y_len];
}

long tecton_option_name_nearest(const char *given, const char *const *names, size_t num_names) {
    long nearest = -1;
    size_t nearest_distance = 0;
    for (size_t i = 0; i < num_names; i++) {
        size_t distance = tecton_option_name_distance(given, names[i]);
        if (nearest < 0 || distance < nearest_distance) {
            nearest = (long)i;
            nearest_distance = distance;
        }
    }
    if (nearest < 0)
        return -1;
    char letters[COMPARED_LETTERS];
    size_t len = letters_of(names[nearest], letters);
    return nearest_distance * 3 <= len ? nearest : -1;
}
