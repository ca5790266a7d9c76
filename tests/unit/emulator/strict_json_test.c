#include "tests/emulator/strict_json.h"

#include "sdk_harness/base/alloc.h"

#include <stdio.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static beamc_arena arena;
static beamc_error err;

static int open_arena(void **state) {
    (void)state;
    beamc_arena_init(&arena, 1 << 20);
    return 0;
}

static int close_arena(void **state) {
    (void)state;
    beamc_arena_cleanup(&arena);
    return 0;
}

/* Reads from memory of exactly this size, so that the address sanitizer sees every byte too far. */
static beamc_status read_exact(const char *text, size_t len, emu_json **out) {
    char *copy = beamc_alloc(len);
    memcpy(copy, text, len);
    err.text[0] = '\0';
    beamc_status status = emu_json_read(copy, len, &arena, out, &err);
    free(copy); /* callers of this look at status and error only */
    return status;
}

static emu_json *read_good(const char *text) {
    emu_json *root = NULL;
    if (emu_json_read(text, strlen(text), &arena, &root, &err) != BEAMC_OK)
        fail_msg("%s refused: %s", text, err.text);
    return root;
}

static void assert_refused(const char *text, size_t len, const char *words) {
    emu_json *root;
    if (read_exact(text, len, &root) != BEAMC_INVALID)
        fail_msg("accepted: %.*s", (int)len, text);
    if (strstr(err.text, words) == NULL)
        fail_msg("%.*s: got \"%s\", wanted \"%s\"", (int)len, text, err.text, words);
}

static void every_kind_of_value_is_read(void **state) {
    (void)state;
    const emu_json *root =
        read_good(" {\"a\" : [1, -2.5e+3, \"x\", true, false, null, {}, []] , \"b\":{\"c\":0}}\r\n\t");
    assert_int_equal(root->kind, EMU_JSON_OBJECT);
    assert_int_equal(root->num_children, 2);
    const emu_json *a = emu_json_member(root, "a");
    assert_int_equal(a->num_children, 8);
    static const emu_json_kind kinds[] = {EMU_JSON_NUMBER, EMU_JSON_NUMBER, EMU_JSON_STRING, EMU_JSON_TRUE,
                                          EMU_JSON_FALSE,  EMU_JSON_NULL,   EMU_JSON_OBJECT, EMU_JSON_ARRAY};
    const emu_json *element = a->first;
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++, element = element->next)
        assert_int_equal(element->kind, kinds[i]);
    assert_null(element);
    assert_memory_equal(a->first->next->text, "-2.5e+3", 7);
    assert_int_equal(a->first->next->text_len, 7);
    assert_int_equal(emu_json_member(emu_json_member(root, "b"), "c")->kind, EMU_JSON_NUMBER);
    assert_null(emu_json_member(root, "c"));
}

static void escapes_are_decoded_and_nul_is_kept(void **state) {
    (void)state;
    const emu_json *text = read_good("\"\\\"\\\\\\/\\b\\f\\n\\r\\t\\u0041\\u00e9\\u20AC\\ud83d\\ude00\\u0000!\"");
    static const char decoded[] = "\"\\/\b\f\n\r\tA\xC3\xA9\xE2\x82\xAC\xF0\x9F\x98\x80\0!";
    assert_int_equal(text->text_len, sizeof decoded - 1);
    assert_memory_equal(text->text, decoded, sizeof decoded - 1);
    assert_true(text->escaped);
    const emu_json *plain = read_good("\"\xE2\x80\xA8 \xF4\x8F\xBF\xBF\x7F\"");
    assert_false(plain->escaped);
    assert_int_equal(plain->text_len, 9);
}

static void what_the_grammar_lacks_is_refused(void **state) {
    (void)state;
    static const struct {
        const char *text;
        const char *words;
    } cases[] = {
        {"", "byte 0: expected a value"},
        {"  ", "byte 2: expected a value"},
        {"{} {}", "byte 3: more text"},
        {"\xEF\xBB\xBF{}", "byte 0: expected a value"},
        {"01", "leading zero"},
        {"-01", "leading zero"},
        {"+1", "expected a value"},
        {".5", "expected a value"},
        {"1.", "after the point"},
        {"-", "expected a digit"},
        {"1e", "exponent"},
        {"1e+", "exponent"},
        {"0x10", "more text"},
        {"NaN", "expected a value"},
        {"Infinity", "expected a value"},
        {"-Infinity", "expected a digit"},
        {"nul", "expected a value"},
        {"True", "expected a value"},
        {"nulll", "more text"},
        {"'a'", "expected a value"},
        {"[1,]", "expected a value"},
        {"[1 2]", "expected ',' or ']'"},
        {"[", "expected a value"},
        {"{\"a\":1,}", "expected a name"},
        {"{\"a\" 1}", "expected ':'"},
        {"{\"a\":}", "expected a value"},
        {"{a:1}", "expected a name"},
        {"{1:1}", "expected a name"},
        {"{\"a\":1 \"b\":2}", "expected ',' or '}'"},
        {"[1] // x", "more text"},
        {"\"a\nb\"", "byte 2: control character"},
        {"\"\t\"", "control character"},
        {"\"a", "unfinished"},
        {"\"a\\", "unfinished"},
        {"\"a\\\"", "unfinished"},
        {"\"\\x\"", "unknown escape"},
        {"\"\\u12G4\"", "four hexadecimal"},
        {"\"\\u12\"", "four hexadecimal"},
        {"\"\\ud800\"", "lone high"},
        {"\"\\ud800\\n\"", "lone high"},
        {"\"\\ud800\\u0041\"", "lone high"},
        {"\"\\udc00\"", "lone low"},
        {"\"\x80\"", "UTF-8"},
        {"\"\xC0\xAF\"", "UTF-8"},
        {"\"\xC3\"", "UTF-8"},
        {"\"\xE0\x80\xAF\"", "UTF-8"},
        {"\"\xED\xA0\x80\"", "UTF-8"},
        {"\"\xF0\x8F\xBF\xBF\"", "UTF-8"},
        {"\"\xF4\x90\x80\x80\"", "UTF-8"},
        {"\"\xF5\x80\x80\x80\"", "UTF-8"},
        {"\"\xFF\"", "UTF-8"},
        {"{\"\x80\":1}", "UTF-8"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        assert_refused(cases[i].text, strlen(cases[i].text), cases[i].words);
    assert_refused("[0]\0", 4, "byte 3: more text");
}

static void a_text_cut_at_any_byte_is_refused(void **state) {
    (void)state;
    static const char text[] = "{\"a\\u00e9\":[1.5e-3,true,null,\"\\ud83d\\ude00\xE2\x82\xAC\"],\"b\":{}}";
    emu_json *root;
    for (size_t len = 0; len < sizeof text - 1; len++)
        if (read_exact(text, len, &root) != BEAMC_INVALID)
            fail_msg("accepted %zu bytes of %s", len, text);
    assert_int_equal(read_exact(text, sizeof text - 1, &root), BEAMC_OK);
}

static void a_name_twice_in_one_object_is_refused(void **state) {
    (void)state;
    assert_refused("{\"a\":1,\"b\":2,\"a\":3}", 19, "byte 13: the name occurs twice");
    assert_refused("{\"a\":1,\"\\u0061\":2}", 18, "twice");
    assert_refused("[{\"x\":{\"\":1,\"\":2}}]", 19, "twice");
    read_good("{\"a\":{\"a\":1},\"A\":2,\"b\":[{\"a\":1},{\"a\":2}]}");
}

static void a_name_twice_among_many_is_refused(void **state) {
    (void)state;
    char text[4096];
    emu_json *root;
    for (int copy = -1; copy < 100; copy += 33) {
        size_t len = 0;
        for (int i = 0; i < 100; i++)
            len += (size_t)snprintf(text + len, sizeof text - len, "%c\"column_%d\":0", i == 0 ? '{' : ',', i);
        if (copy >= 0)
            len += (size_t)snprintf(text + len, sizeof text - len, ",\"column_%d\":0", copy);
        text[len++] = '}';
        assert_int_equal(read_exact(text, len, &root), copy < 0 ? BEAMC_OK : BEAMC_INVALID);
    }
}

static void depth_is_bounded(void **state) {
    (void)state;
    char text[2 * EMU_JSON_MAX_DEPTH + 2];
    emu_json *root;
    memset(text, '[', EMU_JSON_MAX_DEPTH);
    memset(text + EMU_JSON_MAX_DEPTH, ']', EMU_JSON_MAX_DEPTH);
    assert_int_equal(read_exact(text, 2 * EMU_JSON_MAX_DEPTH, &root), BEAMC_OK);
    memset(text, '[', EMU_JSON_MAX_DEPTH + 1);
    memset(text + EMU_JSON_MAX_DEPTH + 1, ']', EMU_JSON_MAX_DEPTH + 1);
    assert_refused(text, sizeof text, "too deeply");
}

static void a_full_arena_is_a_limit(void **state) {
    (void)state;
    char text[4001];
    for (size_t i = 0; i < 4000; i += 2)
        memcpy(text + i, i == 0 ? "[0" : ",0", 2);
    text[4000] = ']';
    beamc_arena small;
    emu_json *root;
    beamc_arena_init(&small, 20000);
    assert_int_equal(emu_json_read(text, sizeof text, &small, &root, &err), BEAMC_LIMIT);
    assert_non_null(strstr(err.text, "too many values"));
    beamc_arena_cleanup(&small);
}

static void strings_are_compared_whole(void **state) {
    (void)state;
    assert_true(emu_json_is(read_good("\"abc\""), "abc"));
    assert_false(emu_json_is(read_good("\"abc\""), "ab"));
    assert_false(emu_json_is(read_good("\"ab\\u0000c\""), "ab"));
    assert_false(emu_json_is(read_good("1"), "1"));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(every_kind_of_value_is_read, open_arena, close_arena),
        cmocka_unit_test_setup_teardown(escapes_are_decoded_and_nul_is_kept, open_arena, close_arena),
        cmocka_unit_test_setup_teardown(what_the_grammar_lacks_is_refused, open_arena, close_arena),
        cmocka_unit_test_setup_teardown(a_text_cut_at_any_byte_is_refused, open_arena, close_arena),
        cmocka_unit_test_setup_teardown(a_name_twice_in_one_object_is_refused, open_arena, close_arena),
        cmocka_unit_test_setup_teardown(a_name_twice_among_many_is_refused, open_arena, close_arena),
        cmocka_unit_test_setup_teardown(depth_is_bounded, open_arena, close_arena),
        cmocka_unit_test_setup_teardown(a_full_arena_is_a_limit, open_arena, close_arena),
        cmocka_unit_test_setup_teardown(strings_are_compared_whole, open_arena, close_arena),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
