#include "tests/emulator/strict_json.h"

#include <stdlib.h>
#include <string.h>

/* Up to this many members, names are compared pair by pair while reading; beyond, they are sorted at the end. */
enum { PAIRWISE_MEMBERS = 32 };

typedef struct {
    const char *start;
    const char *at;
    const char *end;
    beamc_arena *arena;
    beamc_error *err;
} reader;

static beamc_status fail_at(reader *in, const char *at, const char *what) {
    return beamc_fail(in->err, BEAMC_INVALID, "byte %zu: %s", (size_t)(at - in->start), what);
}

static beamc_status no_room(reader *in) {
    return beamc_fail(in->err, BEAMC_LIMIT, "byte %zu: too many values", (size_t)(in->at - in->start));
}

static void skip_space(reader *in) {
    while (in->at < in->end && (*in->at == ' ' || *in->at == '\n' || *in->at == '\r' || *in->at == '\t'))
        in->at++;
}

static bool is_digit(char c) {
    return c >= '0' && c <= '9';
}

/* Length of the well-formed UTF-8 sequence at `at` (Unicode 15, table 3-7), 0 if there is none. */
static size_t utf8_sequence(const char *at, const char *end) {
    const unsigned char *b = (const unsigned char *)at;
    size_t left = (size_t)(end - at);
    if (b[0] >= 0xC2 && b[0] <= 0xDF)
        return left >= 2 && (b[1] & 0xC0) == 0x80 ? 2 : 0;
    if ((b[0] & 0xF0) == 0xE0) {
        if (left < 3 || (b[1] & 0xC0) != 0x80 || (b[2] & 0xC0) != 0x80)
            return 0;
        if ((b[0] == 0xE0 && b[1] < 0xA0) || (b[0] == 0xED && b[1] > 0x9F))
            return 0;
        return 3;
    }
    if (b[0] >= 0xF0 && b[0] <= 0xF4) {
        if (left < 4 || (b[1] & 0xC0) != 0x80 || (b[2] & 0xC0) != 0x80 || (b[3] & 0xC0) != 0x80)
            return 0;
        if ((b[0] == 0xF0 && b[1] < 0x90) || (b[0] == 0xF4 && b[1] > 0x8F))
            return 0;
        return 4;
    }
    return 0;
}

/* Passes the characters of a string up to its closing quote; in->at stands behind the opening one. */
static beamc_status pass_string(reader *in, bool *escaped) {
    *escaped = false;
    const char *at = in->at;
    while (at < in->end) {
        unsigned char c = (unsigned char)*at;
        if (c == '"') {
            in->at = at;
            return BEAMC_OK;
        }
        if (c == '\\') {
            *escaped = true;
            if (in->end - at < 2)
                break;
            at += 2; /* what follows is checked when it is decoded */
        } else if (c < 0x20) {
            return fail_at(in, at, "control character in a string");
        } else if (c < 0x80) {
            at++;
        } else {
            size_t len = utf8_sequence(at, in->end);
            if (len == 0)
                return fail_at(in, at, "invalid UTF-8 in a string");
            at += len;
        }
    }
    return fail_at(in, in->end, "unfinished string");
}

static bool read_hex4(const char *at, const char *end, uint32_t *out) {
    if (end - at < 4)
        return false;
    uint32_t value = 0;
    for (int i = 0; i < 4; i++) {
        char c = at[i];
        uint32_t digit;
        if (is_digit(c))
            digit = (uint32_t)(c - '0');
        else if (c >= 'a' && c <= 'f')
            digit = (uint32_t)(c - 'a') + 10;
        else if (c >= 'A' && c <= 'F')
            digit = (uint32_t)(c - 'A') + 10;
        else
            return false;
        value = value << 4 | digit;
    }
    *out = value;
    return true;
}

static char *put_utf8(char *to, uint32_t code) {
    if (code < 0x80) {
        *to++ = (char)code;
    } else if (code < 0x800) {
        *to++ = (char)(0xC0 | code >> 6);
        *to++ = (char)(0x80 | (code & 0x3F));
    } else if (code < 0x10000) {
        *to++ = (char)(0xE0 | code >> 12);
        *to++ = (char)(0x80 | (code >> 6 & 0x3F));
        *to++ = (char)(0x80 | (code & 0x3F));
    } else {
        *to++ = (char)(0xF0 | code >> 18);
        *to++ = (char)(0x80 | (code >> 12 & 0x3F));
        *to++ = (char)(0x80 | (code >> 6 & 0x3F));
        *to++ = (char)(0x80 | (code & 0x3F));
    }
    return to;
}

/* Decodes one \u escape, with its second half where it needs one. `at` stands behind the 'u'. */
static beamc_status decode_unicode(reader *in, const char **at, const char *end, uint32_t *code) {
    if (!read_hex4(*at, end, code))
        return fail_at(in, *at, "\\u without four hexadecimal digits");
    *at += 4;
    if (*code >= 0xDC00 && *code <= 0xDFFF)
        return fail_at(in, *at, "lone low surrogate");
    if (*code < 0xD800 || *code > 0xDBFF)
        return BEAMC_OK;
    uint32_t low;
    if (end - *at < 6 || (*at)[0] != '\\' || (*at)[1] != 'u' || !read_hex4(*at + 2, end, &low) || low < 0xDC00 ||
        low > 0xDFFF)
        return fail_at(in, *at, "lone high surrogate");
    *at += 6;
    *code = 0x10000 + ((*code - 0xD800) << 10) + (low - 0xDC00);
    return BEAMC_OK;
}

static beamc_status decode_string(reader *in, const char *raw, size_t raw_len, const char **out, uint32_t *out_len) {
    char *decoded = beamc_arena_take(in->arena, raw_len == 0 ? 1 : raw_len); /* an escape never grows */
    if (decoded == NULL)
        return no_room(in);
    char *to = decoded;
    const char *end = raw + raw_len;
    for (const char *at = raw; at < end;) {
        if (*at != '\\') {
            *to++ = *at++;
            continue;
        }
        char c = at[1];
        at += 2;
        uint32_t code;
        switch (c) {
        case '"':
        case '\\':
        case '/':
            *to++ = c;
            break;
        case 'b':
            *to++ = '\b';
            break;
        case 'f':
            *to++ = '\f';
            break;
        case 'n':
            *to++ = '\n';
            break;
        case 'r':
            *to++ = '\r';
            break;
        case 't':
            *to++ = '\t';
            break;
        case 'u':
            BEAMC_TRY(decode_unicode(in, &at, end, &code));
            to = put_utf8(to, code);
            break;
        default:
            return fail_at(in, at - 1, "unknown escape");
        }
    }
    *out = decoded;
    *out_len = (uint32_t)(to - decoded);
    return BEAMC_OK;
}

/* Reads a string; in->at stands on the opening quote. */
static beamc_status read_string(reader *in, const char **out, uint32_t *out_len, bool *escaped) {
    const char *raw = ++in->at;
    BEAMC_TRY(pass_string(in, escaped));
    size_t raw_len = (size_t)(in->at - raw);
    in->at++;
    if (*escaped)
        return decode_string(in, raw, raw_len, out, out_len);
    *out = raw;
    *out_len = (uint32_t)raw_len;
    return BEAMC_OK;
}

static beamc_status read_number(reader *in, emu_json *node) {
    const char *from = in->at;
    const char *at = from;
    const char *end = in->end;
    if (*at == '-')
        at++;
    if (at == end || !is_digit(*at))
        return fail_at(in, at, "expected a digit");
    if (*at == '0') {
        at++;
        if (at < end && is_digit(*at))
            return fail_at(in, at, "number with a leading zero");
    } else {
        while (at < end && is_digit(*at))
            at++;
    }
    if (at < end && *at == '.') {
        at++;
        if (at == end || !is_digit(*at))
            return fail_at(in, at, "expected a digit after the point");
        while (at < end && is_digit(*at))
            at++;
    }
    if (at < end && (*at == 'e' || *at == 'E')) {
        at++;
        if (at < end && (*at == '+' || *at == '-'))
            at++;
        if (at == end || !is_digit(*at))
            return fail_at(in, at, "expected a digit in the exponent");
        while (at < end && is_digit(*at))
            at++;
    }
    node->kind = EMU_JSON_NUMBER;
    node->text = from;
    node->text_len = (uint32_t)(at - from);
    in->at = at;
    return BEAMC_OK;
}

static beamc_status read_word(reader *in, emu_json *node, const char *word, emu_json_kind kind) {
    size_t len = strlen(word);
    if ((size_t)(in->end - in->at) < len || memcmp(in->at, word, len) != 0)
        return fail_at(in, in->at, "expected a value");
    in->at += len;
    node->kind = kind;
    return BEAMC_OK;
}

/* Only for finding equals quickly; equal names give equal hashes. */
static uint32_t hash_name(const char *name, uint32_t len) {
    uint32_t head = 0;
    uint32_t tail = 0;
    if (len >= 4) {
        memcpy(&head, name, 4);
        memcpy(&tail, name + len - 4, 4);
    } else {
        memcpy(&head, name, len);
    }
    return (head * 2654435761U) ^ (tail * 2246822519U) ^ len;
}

static bool same_name(const emu_json *a, const emu_json *b) {
    return a->name_hash == b->name_hash && a->name_len == b->name_len && memcmp(a->name, b->name, a->name_len) == 0;
}

static int compare_names(const void *left, const void *right) {
    const emu_json *a = *(emu_json *const *)left;
    const emu_json *b = *(emu_json *const *)right;
    if (a->name_hash != b->name_hash)
        return a->name_hash < b->name_hash ? -1 : 1;
    if (a->name_len != b->name_len)
        return a->name_len < b->name_len ? -1 : 1;
    return memcmp(a->name, b->name, a->name_len);
}

static beamc_status check_many_names(reader *in, emu_json *object) {
    emu_json **sorted = beamc_arena_take(in->arena, object->num_children * sizeof *sorted);
    if (sorted == NULL)
        return no_room(in);
    uint32_t n = 0;
    for (emu_json *member = object->first; member != NULL; member = member->next)
        sorted[n++] = member;
    qsort(sorted, n, sizeof *sorted, compare_names);
    for (uint32_t i = 1; i < n; i++)
        if (same_name(sorted[i - 1], sorted[i]))
            return fail_at(in, in->at, "a name occurs twice in the object that ends here");
    return BEAMC_OK;
}

static beamc_status read_value(reader *in, int depth, emu_json **out);

static beamc_status read_array(reader *in, int depth, emu_json *array) {
    array->kind = EMU_JSON_ARRAY;
    in->at++;
    skip_space(in);
    if (in->at < in->end && *in->at == ']') {
        in->at++;
        return BEAMC_OK;
    }
    for (emu_json **tail = &array->first;;) {
        BEAMC_TRY(read_value(in, depth, tail));
        tail = &(*tail)->next;
        array->num_children++;
        skip_space(in);
        if (in->at == in->end || (*in->at != ',' && *in->at != ']'))
            return fail_at(in, in->at, "expected ',' or ']'");
        if (*in->at++ == ']')
            return BEAMC_OK;
        skip_space(in);
    }
}

static beamc_status read_object(reader *in, int depth, emu_json *object) {
    uint32_t hashes[PAIRWISE_MEMBERS];
    object->kind = EMU_JSON_OBJECT;
    in->at++;
    skip_space(in);
    if (in->at < in->end && *in->at == '}') {
        in->at++;
        return BEAMC_OK;
    }
    for (emu_json **tail = &object->first;;) {
        if (in->at == in->end || *in->at != '"')
            return fail_at(in, in->at, "expected a name in quotes");
        const char *name_at = in->at;
        const char *name;
        uint32_t name_len;
        bool escaped;
        BEAMC_TRY(read_string(in, &name, &name_len, &escaped));
        skip_space(in);
        if (in->at == in->end || *in->at != ':')
            return fail_at(in, in->at, "expected ':'");
        in->at++;
        skip_space(in);
        BEAMC_TRY(read_value(in, depth, tail));
        emu_json *member = *tail;
        tail = &member->next;
        member->name = name;
        member->name_len = name_len;
        member->name_hash = hash_name(name, name_len);
        uint32_t n = object->num_children++;
        if (n < PAIRWISE_MEMBERS) {
            bool suspect = false;
            for (uint32_t i = 0; i < n; i++)
                suspect |= hashes[i] == member->name_hash;
            hashes[n] = member->name_hash;
            if (suspect)
                for (emu_json *other = object->first; other != member; other = other->next)
                    if (same_name(other, member))
                        return fail_at(in, name_at, "the name occurs twice in its object");
        }
        skip_space(in);
        if (in->at == in->end || (*in->at != ',' && *in->at != '}'))
            return fail_at(in, in->at, "expected ',' or '}'");
        if (*in->at++ == '}')
            return object->num_children > PAIRWISE_MEMBERS ? check_many_names(in, object) : BEAMC_OK;
        skip_space(in);
    }
}

/* in->at stands on the first character of the value, or on the end. */
static beamc_status read_value(reader *in, int depth, emu_json **out) {
    if (in->at == in->end)
        return fail_at(in, in->at, "expected a value");
    emu_json *node = beamc_arena_take(in->arena, sizeof *node);
    if (node == NULL)
        return no_room(in);
    *node = (emu_json){.kind = EMU_JSON_NULL};
    *out = node;
    switch (*in->at) {
    case '{':
    case '[':
        if (depth == 0)
            return fail_at(in, in->at, "nested too deeply");
        return *in->at == '{' ? read_object(in, depth - 1, node) : read_array(in, depth - 1, node);
    case '"':
        node->kind = EMU_JSON_STRING;
        return read_string(in, &node->text, &node->text_len, &node->escaped);
    case 't':
        return read_word(in, node, "true", EMU_JSON_TRUE);
    case 'f':
        return read_word(in, node, "false", EMU_JSON_FALSE);
    case 'n':
        return read_word(in, node, "null", EMU_JSON_NULL);
    default:
        if (*in->at != '-' && !is_digit(*in->at))
            return fail_at(in, in->at, "expected a value");
        return read_number(in, node);
    }
}

beamc_status emu_json_read(const char *text, size_t len, beamc_arena *arena, emu_json **out, beamc_error *err) {
    if (len > UINT32_MAX)
        return beamc_fail(err, BEAMC_LIMIT, "JSON text of %zu bytes", len);
    reader in = {.start = text, .at = text, .end = text + len, .arena = arena, .err = err};
    skip_space(&in);
    BEAMC_TRY(read_value(&in, EMU_JSON_MAX_DEPTH, out));
    skip_space(&in);
    return in.at == in.end ? BEAMC_OK : fail_at(&in, in.at, "more text after the value");
}

const emu_json *emu_json_member(const emu_json *object, const char *name) {
    size_t len = strlen(name);
    for (const emu_json *member = object->first; member != NULL; member = member->next)
        if (member->name_len == len && memcmp(member->name, name, len) == 0)
            return member;
    return NULL;
}

bool emu_json_is(const emu_json *value, const char *text) {
    size_t len = strlen(text);
    return value->kind == EMU_JSON_STRING && value->text_len == len && memcmp(value->text, text, len) == 0;
}

const char *emu_json_kind_name(emu_json_kind kind) {
    switch (kind) {
    case EMU_JSON_NULL:
        return "null";
    case EMU_JSON_FALSE:
    case EMU_JSON_TRUE:
        return "a boolean";
    case EMU_JSON_NUMBER:
        return "a number";
    case EMU_JSON_STRING:
        return "a string";
    case EMU_JSON_ARRAY:
        return "an array";
    case EMU_JSON_OBJECT:
        return "an object";
    }
    return "a value";
}
